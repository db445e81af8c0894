package authserver_test

import (
	"bytes"
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/authstar/authstar/authserver"
)

// garbling is a store whose values are not what was stored.
type garbling struct {
	authserver.Store
	garble func(value []byte) []byte
}

func (g *garbling) Get(ctx context.Context, key string) ([]byte, bool, error) {
	value, ok, err := g.Store.Get(ctx, key)
	if g.garble != nil && ok {
		value = g.garble(value)
	}
	return value, ok, err
}

// A record that this version does not know, or that is damaged, is as none: its
// user logs in again.
func TestUnreadableRecords(t *testing.T) {
	store := &garbling{Store: authserver.NewMemoryStore(authserver.MemoryConfig{Now: newClock().Now})}
	f := newFixture(t, func(c *authserver.Config) { c.Store = store })
	b := f.signedIn()
	uses := map[string]func() string{
		"session": func() string { return f.what(b.authorize(ask())) },
		"code":    func() string { return f.redeem(f.code(ask())).outcome() },
		"family":  func() string { return f.refresh("spa", f.tokens("spa").get("refresh_token")).outcome() },
	}
	for name, garble := range map[string]func([]byte) []byte{
		"of the next version": func(v []byte) []byte { return append([]byte{v[0] + 2}, v[1:]...) },
		"with more behind it": func(v []byte) []byte { return append(v, 0) },
		"cut short":           func(v []byte) []byte { return v[:len(v)-1] },
		"empty":               func([]byte) []byte { return nil },
		"of JSON":             func([]byte) []byte { return []byte(`{"Client":"spa"}`) },
	} {
		for kind, want := range map[string]string{"session": "login", "code": "invalid_grant"} {
			store.garble = garble
			if got := uses[kind](); got != want {
				t.Errorf("a %s record %s: %s", kind, name, got)
			}
			store.garble = nil
		}
		token := f.tokens("spa").get("refresh_token")
		store.garble = garble
		if a := f.refresh("spa", token); a.status != http.StatusBadRequest || a.outcome() != "invalid_grant" {
			t.Errorf("a family record %s: %s", name, a.text)
		}
		store.garble = nil
	}
	for kind, want := range map[string]string{"session": "code", "code": "ok", "family": "ok"} {
		if got := uses[kind](); got != want {
			t.Errorf("a %s record as it was stored: %s", kind, got)
		}
	}
}

// FuzzRecord: whatever the store holds, reading ends, and a record that was read
// and written reads as the same.
func FuzzRecord(f *testing.F) {
	store := newSpy()
	fx := newFixture(f, func(c *authserver.Config) { c.Store = store })
	fx.signedIn()
	fx.refresh("web:web-secret", fx.tokens("web:web-secret").get("refresh_token"))
	known := 0
	for _, text := range store.written() {
		if strings.HasPrefix(text, "\x04") {
			known++
		}
		f.Add([]byte(text))
	}
	if known < 6 {
		f.Fatalf("%d records", known)
	}
	f.Add([]byte("\x04\x00\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"))
	f.Add([]byte("\x04\x00\x80"))
	f.Fuzz(func(t *testing.T, text []byte) {
		for i, once := range authserver.Rewrite(text) {
			if once == nil {
				continue
			}
			if again := authserver.Rewrite(once)[i]; !bytes.Equal(once, again) {
				t.Errorf("%q is written as %q, and that as %q", text, once, again)
			}
		}
	})
}
