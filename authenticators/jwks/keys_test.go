package jwks_test

import (
	"testing"
	"testing/synctest"

	"github.com/authstar/authstar/authenticators/jwks"
)

// K16: of keys with one id, and of those without any, each has its own issuer.
func TestKeysOf(t *testing.T) {
	k := testKeys()
	list, err := jwks.Parse(set(
		jwk(k.rsa.Public(), "k1"),
		jwk(k.ec.Public(), "k1", "issuer", `"https://a.example"`),
		jwk(k.ed.Public(), "k1", "issuer", `"https://b.example"`),
		jwk(k.ec.Public(), "", "issuer", `"https://a.example"`),
		jwk(k.ed.Public(), ""),
		jwk(k.rsa.Public(), "k2", "issuer", `"https://b.example"`),
	))
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct {
		kid     string
		issuers []string
		want    int
	}{
		{"k1", nil, 2},
		{"k1", []string{"https://a.example"}, 4},
		{"k1", []string{"https://b.example"}, 3},
		{"k1", []string{"https://b.example", "https://a.example"}, 5},
		{"k1", []string{""}, 2},
		{"k2", []string{"https://a.example"}, 2},
		{"k3", []string{"https://a.example"}, 2},
		{"k3", []string{"https://b.example"}, 1},
		{"", []string{"https://b.example"}, 4},
	} {
		got, err := list.KeysOf(t.Context(), row.kid, row.issuers...)
		if err != nil || len(got) != row.want {
			t.Errorf("%q of %q: %d keys, %v, want %d", row.kid, row.issuers, len(got), err, row.want)
		}
	}
	if all, _ := list.Keys(t.Context(), ""); len(all) != 6 {
		t.Errorf("%d keys", len(all))
	}
}

// K05, C11: an unknown key id is fetched for, whoever's keys are asked for, and an
// outage is one.
func TestRemoteKeysOf(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newRemoteProvider(t, remoteKeys("k1"))
		r, _ := p.remote(t, jwks.RemoteConfig{})
		if keys, err := r.KeysOf(t.Context(), "k1", "https://a.example"); len(keys) != 1 || err != nil {
			t.Errorf("K05 %d keys, %v", len(keys), err)
		}
		p.serve(remoteKeys("k2"))
		if keys, err := r.KeysOf(t.Context(), "k2"); len(keys) != 1 || err != nil || p.fetches() != 2 {
			t.Errorf("K05 %d keys, %v, %d fetches", len(keys), err, p.fetches())
		}
		p.serve(remoteBody(500, ""))
		if keys, err := r.KeysOf(t.Context(), "k3"); len(keys) != 0 || err == nil {
			t.Errorf("C11 an outage: %d keys, %v", len(keys), err)
		}
	})
}
