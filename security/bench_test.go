package security_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/authstar/authstar"
	"github.com/authstar/authstar/authenticators"
	"github.com/authstar/authstar/security"
)

// nullWriter is a response writer that costs nothing but its header, which
// starts empty for every request as in a server.
type nullWriter struct{ h http.Header }

func (w *nullWriter) Header() http.Header         { return w.h }
func (w *nullWriter) Write(p []byte) (int, error) { return len(p), nil }
func (w *nullWriter) WriteHeader(int)             {}

func handler(w http.ResponseWriter, r *http.Request) { w.Header().Set("Content-Type", "text/plain") }

// How much do a chain of four, a guard and the context cost around a handler,
// beyond what the handler itself does? The limits are 3 allocations and 480
// bytes more than bare; an API key's lookup may add 500 ns.
func BenchmarkGuardedRequest(b *testing.B) {
	identity := &authstar.Identity{ID: "machine", Scope: []string{"read"}}
	instant := authstar.AuthenticatorFunc(authstar.Scheme{ID: "instant"}, func(*http.Request) (authstar.Client, error) { return identity, nil })
	keys := map[string]*authstar.Identity{"key1": identity}
	apiKey := authenticators.NewAPIKey("X-API-Key", func(_ context.Context, key string) (authstar.Client, error) {
		if k, ok := keys[key]; ok {
			return k, nil
		}
		return nil, nil
	})
	guard := security.Scopes("read")
	serve := func(h http.Handler) func(*testing.B) {
		return func(b *testing.B) {
			r := httptest.NewRequest("GET", "/", nil)
			r.Header.Set("X-Api-Key", "key1")
			b.ReportAllocs()
			for b.Loop() {
				h.ServeHTTP(&nullWriter{http.Header{}}, r)
			}
		}
	}
	b.Run("bare", serve(http.HandlerFunc(handler)))
	b.Run("instant", serve(chainOf(b, instant).Handler(guard.HandlerFunc(handler))))
	b.Run("apikey", serve(chainOf(b, apiKey).Handler(guard.HandlerFunc(handler))))
}

func chainOf(tb testing.TB, a ...authstar.Authenticator) *authstar.Chain {
	tb.Helper()
	c, err := authstar.New(a...)
	if err != nil {
		tb.Fatal(err)
	}
	return c
}
