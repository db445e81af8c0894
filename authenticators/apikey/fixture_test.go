package apikey_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/authstar/authstar"
	"github.com/authstar/authstar/authenticators/apikey"
)

const testPrefix = "acme_test"

// start is when the tests begin.
var start = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// newKeys makes Keys with the test prefix, unless the config has one.
func newKeys(tb testing.TB, config apikey.Config) *apikey.Keys {
	tb.Helper()
	if config.Prefix == "" {
		config.Prefix = testPrefix
	}
	keys, err := apikey.New(config)
	if err != nil {
		tb.Fatal(err)
	}
	return keys
}

func newChain(tb testing.TB, a ...authstar.Authenticator) *authstar.Chain {
	tb.Helper()
	chain, err := authstar.New(a...)
	if err != nil {
		tb.Fatal(err)
	}
	return chain
}

func create(tb testing.TB, keys *apikey.Keys, spec apikey.Spec) (apikey.Key, apikey.Record) {
	tb.Helper()
	if spec.Name == "" {
		spec.Name = "a key"
	}
	key, record, err := keys.Create(tb.Context(), spec)
	if err != nil {
		tb.Fatal(err)
	}
	return key, record
}

// verdict is what Find says, in a word: the client's id, or why it is refused.
func verdict(tb testing.TB, keys *apikey.Keys, key string) string {
	tb.Helper()
	client, err := keys.Find(tb.Context(), key)
	var refused *authstar.Error
	switch {
	case err == nil:
		return client.ClientID()
	case errors.As(err, &refused):
		if refused.Code != authstar.InvalidClient || refused.Description != "the API key is not known" {
			tb.Errorf("N06 refused with %q and %q", refused.Code, refused.Description)
		}
		return strings.TrimPrefix(refused.Err.Error(), "apikey: ")
	}
	return "outage: " + err.Error()
}

func wantVerdict(tb testing.TB, what, got, want string) {
	tb.Helper()
	if got != want {
		tb.Errorf("%s: %q, want %q", what, got, want)
	}
}

// swapped is another character of the alphabet.
func swapped(c byte) string {
	if c == 'a' {
		return "b"
	}
	return "a"
}

// clock is moved by hand.
type clock struct{ now time.Time }

func newClock() *clock               { return &clock{start} }
func (c *clock) Now() time.Time      { return c.now }
func (c *clock) add(d time.Duration) { c.now = c.now.Add(d) }

// unreached is a store that fails the test when it is asked.
type unreached struct {
	apikey.Store
	tb testing.TB
}

func (s unreached) Find(context.Context, string) (apikey.Record, bool, error) {
	s.tb.Error("the store was asked")
	return apikey.Record{}, false, nil
}

// down is a store that can be switched off.
type down struct {
	apikey.Store
	err error
}

func (s *down) Find(ctx context.Context, id string) (apikey.Record, bool, error) {
	if s.err != nil {
		return apikey.Record{}, false, s.err
	}
	return s.Store.Find(ctx, id)
}

// request makes a request with header lines.
func request(method, target, body string, lines ...string) *http.Request {
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	for _, line := range lines {
		name, value, _ := strings.Cut(line, ": ")
		r.Header.Add(name, value)
	}
	return r
}

func serve(h http.Handler, r *http.Request) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func openFile(tb testing.TB, path string) *apikey.FileStore {
	tb.Helper()
	store, err := apikey.OpenFile(path)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = store.Close() })
	return store
}

// filledFile writes a file of so many keys.
func filledFile(tb testing.TB, count int) string {
	tb.Helper()
	var b strings.Builder
	for i := range count {
		if i > 0 {
			b.WriteString(",\n")
		}
		fmt.Fprintf(&b, `{"id":"%012d","name":"server %d","owner":"customer-%d","scopes":["orders:read","orders:write"],"created":"2026-01-02T03:04:05Z","hash":"%064x","version":1}`, i, i, i/3, i)
	}
	path := filepath.Join(tb.TempDir(), "keys.json")
	writeFile(tb, path, `{"version":1,"keys":[`+b.String()+`]}`)
	return path
}

func writeFile(tb testing.TB, path, text string) {
	tb.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		tb.Fatal(err)
	}
}

func wantSame(tb testing.TB, got, want any) {
	tb.Helper()
	if !reflect.DeepEqual(got, want) {
		tb.Errorf("got  %+v\nwant %+v", got, want)
	}
}
