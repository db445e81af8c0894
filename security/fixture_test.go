package security_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/authstar/authstar"
	"github.com/authstar/authstar/authenticators"
)

// newChain has bearer tokens, Basic, API keys and sessions. A bearer token is
// the client's id; its scopes are in the map, and "down" cannot be checked.
func newChain(tb testing.TB) *authstar.Chain {
	tb.Helper()
	tokens := map[string][]string{"reader": {"read"}, "writer": {"read", "write"}, "root": {"admin"}, "nothing": nil}
	return chainOf(tb,
		authenticators.NewBearer(authenticators.TokenVerifierFunc(func(_ context.Context, token string) (authstar.Client, error) {
			if token == "down" {
				return nil, errors.New("key server 10.0.0.7: connection refused")
			}
			scope, ok := tokens[token]
			if !ok {
				return nil, nil
			}
			return &authstar.Identity{ID: token, Scope: scope}, nil
		})),
		authenticators.NewBasic("orders", func(_ context.Context, username, password string) (authstar.Client, error) {
			if username == "bob" && password == "secret" {
				return &authstar.Identity{ID: "bob", Scope: []string{"read"}}, nil
			}
			return nil, nil
		}),
		authenticators.NewAPIKey("X-API-Key", func(_ context.Context, key string) (authstar.Client, error) {
			if key == "key1" {
				return &authstar.Identity{ID: "machine", Scope: []string{"read"}}, nil
			}
			return nil, nil
		}),
		authenticators.NewSession("sid", func(r *http.Request) (authstar.Client, error) {
			if c, err := r.Cookie("sid"); err == nil && c.Value == "S1" {
				return &authstar.Identity{ID: "carol", Scope: []string{"admin"}}, nil
			}
			return nil, nil
		}),
	)
}

func whoami(w http.ResponseWriter, r *http.Request) {
	id := "-"
	if c, ok := authstar.ClientFrom(r.Context()); ok {
		id = c.ClientID()
	}
	_, _ = w.Write([]byte(id))
}

// request makes a request with headers given as name, value, name, value.
func request(method, path string, headers ...string) *http.Request {
	r := httptest.NewRequest(method, path, nil)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	return r
}

// as is a request that a chain authenticated as this client; nil is anonymous.
func as(c authstar.Client) *http.Request {
	r := httptest.NewRequest("GET", "/", nil)
	return r.WithContext(authstar.WithClient(r.Context(), c))
}

// preflight makes a CORS preflight.
func preflight(path string, headers ...string) *http.Request {
	r := request("OPTIONS", path, headers...)
	r.Header.Set("Origin", "https://app.example")
	r.Header.Set("Access-Control-Request-Method", "GET")
	return r
}

func serve(h http.Handler, r *http.Request) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func unreachable(t *testing.T) http.HandlerFunc {
	return func(_ http.ResponseWriter, r *http.Request) {
		t.Errorf("the guarded handler ran for %s %s", r.Method, r.URL)
	}
}

// codeOf is the code of a refusal, "no credentials" for one without, and "" for
// a request that passed.
func codeOf(err error) string {
	var e *authstar.Error
	switch {
	case err == nil:
		return ""
	case !errors.As(err, &e):
		return "not an *authstar.Error: " + err.Error()
	case e.Code == "" && errors.Is(err, authstar.ErrNoCredentials):
		return "no credentials"
	}
	return string(e.Code)
}

func mustPanic(t *testing.T, what string, f func()) {
	t.Helper()
	defer func() {
		t.Helper()
		if recover() == nil {
			t.Errorf("%s did not panic", what)
		}
	}()
	f()
}
