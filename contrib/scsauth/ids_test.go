package scsauth_test

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/authstar/authstar/contrib/scsauth"
)

// nothing is the data of a session of which the id alone matters.
type nothing struct{}

func (nothing) Encode(time.Time, map[string]any) ([]byte, error) { return nil, nil }

func (nothing) Decode([]byte) (time.Time, map[string]any, error) { return time.Time{}, nil, nil }

func TestS09IDs(t *testing.T) {
	const n = 100_000
	m := managerOver(newMemory())
	m.Codec = nothing{}
	seen := make(map[string]bool, n)
	var ones [256]int
	for range n {
		ctx, _ := m.Load(t.Context(), "")
		token, _, err := m.Commit(ctx)
		raw, decodeErr := base64.RawURLEncoding.DecodeString(token)
		if err != nil || decodeErr != nil || len(raw) != 32 {
			t.Fatalf("S09 %d bytes, %v, %v", len(raw), err, decodeErr)
		}
		seen[token] = true
		for i := range ones {
			ones[i] += int(raw[i/8] >> (i % 8) & 1)
		}
	}
	if len(seen) != n {
		t.Errorf("S09 %d ids of %d are different", len(seen), n)
	}
	for i, count := range ones { // 7 standard deviations
		if d := count - n/2; d*d > 49*n/4 {
			t.Errorf("S09 bit %d is set in %d of %d ids", i, count, n)
		}
	}
}

func TestS09IDsAreStoredHashed(t *testing.T) {
	a := newApp(t, scsauth.Config[*user]{})
	b := a.browser()
	b.login()
	all, _ := a.store.All()
	for name, data := range all {
		if name == b.cookie() || bytes.Contains(data, []byte(b.cookie())) {
			t.Error("S09 the store has the id itself")
		}
		a.withCookie(name).want(401, "", "GET", "/me")
	}
	for _, shown := range []string{fmt.Sprintf("%+v", a.sessions), fmt.Sprintf("%#v", a.sessions)} {
		if strings.Contains(shown, b.cookie()) {
			t.Errorf("X13 %s", shown)
		}
	}
}
