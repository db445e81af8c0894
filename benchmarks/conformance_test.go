package main

import "testing"

func TestConformance(t *testing.T) {
	i, err := newIssuer("2026-01")
	if err != nil {
		t.Fatal(err)
	}
	keys := newKeyServer(i.set)
	defer keys.Close()
	if err := conformance(i, keys.URL); err != nil {
		t.Error(err)
	}
	for _, alg := range algorithms {
		token, err := i.token(alg, 0)
		if err != nil {
			t.Fatal(err)
		}
		if size := len(token); size < tokenSize-40 || size > tokenSize+40 {
			t.Errorf("%s: a token has %d bytes, want about %d", alg, size, tokenSize)
		}
	}
}
