package openapi_test

import (
	"context"
	"flag"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"github.com/authstar/authstar"
	"github.com/authstar/authstar/authenticators"
	"github.com/authstar/authstar/openapi"
)

var updateGolden = flag.Bool("update", false, "write the golden files")

func bearer() *authenticators.Bearer {
	return authenticators.NewBearer(authenticators.TokenVerifierFunc(func(_ context.Context, token string) (authstar.Client, error) {
		if token != "s3cret-token" {
			return nil, nil
		}
		return &authstar.Identity{ID: "alice", Scope: []string{"orders:read"}}, nil
	}))
}

func basic() *authenticators.Basic {
	return authenticators.NewBasic("orders", func(_ context.Context, username, password string) (authstar.Client, error) {
		if username != "alice" || password != "s3cret-password" {
			return nil, nil
		}
		return &authstar.Identity{ID: "alice"}, nil
	})
}

func apiKey() *authenticators.APIKey {
	return authenticators.NewAPIKey("X-API-Key", func(_ context.Context, key string) (authstar.Client, error) {
		if key != "s3cret-key" {
			return nil, nil
		}
		return &authstar.Identity{ID: "machine", Scope: []string{"orders:read", "orders:write"}}, nil
	})
}

func session() *authenticators.Session {
	return authenticators.NewSession("sid", func(*http.Request) (authstar.Client, error) { return nil, nil })
}

func chain(tb testing.TB, list ...authstar.Authenticator) *authstar.Chain {
	tb.Helper()
	c, err := authstar.New(list...)
	if err != nil {
		tb.Fatal(err)
	}
	return c
}

func serve(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }

func nobody(*http.Request, authstar.Client) error { return http.ErrNoCookie }

// blind is a middleware that does not answer Unwrap.
func blind(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { next.ServeHTTP(w, r) })
}

func answer(h http.Handler, method, path string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, nil)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func annotate(tb testing.TB, doc []byte, root http.Handler, extra ...authstar.Scheme) []byte {
	tb.Helper()
	out, err := openapi.Annotate(doc, root, extra...)
	if err != nil {
		tb.Fatal(err)
	}
	return out
}

func read(tb testing.TB, name string) []byte {
	tb.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	if *updateGolden {
		if err := os.WriteFile(filepath.Join("testdata", name), got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if want := read(t, name); string(got) != string(want) {
		t.Errorf("testdata/%s differs; got\n%s", name, got)
	}
}
