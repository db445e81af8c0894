package authstar_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/authstar/authstar"
	"github.com/authstar/authstar/authenticators"
	"github.com/authstar/authstar/security"
)

// What the clients of the fixture know. None of it may show up anywhere else.
const (
	aliceToken  = "tok.alice-5f1c"
	emptyToken  = "tok.empty-77aa"
	nilToken    = "tok.nil-3b0d"
	downToken   = "tok.down-91e2"
	notMine     = "tok.other-20c4"
	badToken    = "tok.bad-c0de"
	bobPassword = "pa:ss:wörd"
	machineKey  = "key1-8a6f"
	carolSID    = "S1-44d1"
	cause       = "dial users-db: connection refused"
)

var secrets = []string{aliceToken, emptyToken, nilToken, downToken, notMine, badToken, bobPassword, machineKey, carolSID, "wrong-", "Ym9iO"}

// trace records which callbacks of the application ran.
type trace struct {
	mu    sync.Mutex
	names []string
}

func (t *trace) add(name string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.names = append(t.names, name)
}

func (t *trace) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return strings.Join(t.names, " ")
}

// kinds are bearer, Basic, API key and session, in this order. The session is
// the most powerful on purpose.
func kinds(ran *trace) []authstar.Authenticator {
	return []authstar.Authenticator{
		authenticators.NewBearer(authenticators.TokenVerifierFunc(func(_ context.Context, token string) (authstar.Client, error) {
			ran.add("bearer")
			switch token {
			case aliceToken:
				return &authstar.Identity{ID: "alice", Scope: []string{"read", "write"}, Issuer: "https://a.example"}, nil
			case emptyToken:
				return &authstar.Identity{}, nil
			case nilToken:
				return (*authstar.Identity)(nil), nil
			case downToken:
				return nil, errors.New(cause)
			case notMine:
				return nil, authstar.ErrNoCredentials
			}
			return nil, nil
		})),
		authenticators.NewBasic("orders", func(_ context.Context, username, password string) (authstar.Client, error) {
			ran.add("basic")
			if username == "bob" && password == bobPassword {
				return &authstar.Identity{ID: "bob", Scope: []string{"read"}}, nil
			}
			return nil, nil
		}),
		authenticators.NewAPIKey("X-API-Key", func(_ context.Context, key string) (authstar.Client, error) {
			ran.add("apikey")
			if key == machineKey {
				return &authstar.Identity{ID: "machine", Scope: []string{"read"}}, nil
			}
			return nil, nil
		}),
		authenticators.NewSession("sid", func(r *http.Request) (authstar.Client, error) {
			ran.add("session")
			if c, err := r.Cookie("sid"); err == nil && c.Value == carolSID {
				return &authstar.Identity{ID: "carol", Scope: []string{"admin"}}, nil
			}
			return nil, nil
		}),
	}
}

func mustNew(tb testing.TB, a ...authstar.Authenticator) *authstar.Chain {
	tb.Helper()
	c, err := authstar.New(a...)
	if err != nil {
		tb.Fatal(err)
	}
	return c
}

// whoami answers the client's id, or "-".
func whoami(w http.ResponseWriter, r *http.Request) {
	id := "-"
	if c, ok := authstar.ClientFrom(r.Context()); ok {
		id = c.ClientID()
	}
	_, _ = w.Write([]byte(id))
}

// routes are one open route and one of each kind of guard.
func routes(rules security.Rules) *http.ServeMux {
	mux := http.NewServeMux()
	mux.HandleFunc("/open", whoami)
	mux.Handle("/me", rules.Authenticated().HandlerFunc(whoami))
	mux.Handle("/write", rules.Scopes("write").HandlerFunc(whoami))
	mux.Handle("/admin", rules.Scopes("admin").HandlerFunc(whoami))
	mux.Handle("/optional", rules.Optional().HandlerFunc(whoami))
	return mux
}

// request makes a GET with headers given as name, value, name, value.
func request(path string, headers ...string) *http.Request {
	r := httptest.NewRequest("GET", path, nil)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	return r
}

func serve(h http.Handler, r *http.Request) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func basicAuth(username, password string) string {
	r := httptest.NewRequest("GET", "/", nil)
	r.SetBasicAuth(username, password)
	return r.Header.Get("Authorization")
}
