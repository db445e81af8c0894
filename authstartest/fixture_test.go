package authstartest_test

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"github.com/authstar/authstar"
	"github.com/authstar/authstar/authenticators"
	"github.com/authstar/authstar/authenticators/jwks"
	"github.com/authstar/authstar/authstartest"
	"github.com/authstar/authstar/security"
)

// recorder is a test that only takes down what it is told. Examples have it in
// place of a *testing.T.
type recorder struct {
	testing.TB
	mu       sync.Mutex
	errors   []string
	cleanups []func()
}

func (*recorder) Helper()            {}
func (r *recorder) Cleanup(f func()) { r.cleanups = append(r.cleanups, f) }

func (r *recorder) Errorf(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.errors = append(r.errors, fmt.Sprintf(format, args...))
}

func (r *recorder) Fatal(args ...any) { panic(fmt.Sprint(args...)) }

func (r *recorder) end() {
	for i := len(r.cleanups) - 1; i >= 0; i-- {
		r.cleanups[i]()
	}
	r.cleanups = nil
}

// inTest runs a test of an example.
func inTest(test func(t testing.TB)) {
	t := new(recorder)
	defer t.end()
	test(t)
	for _, e := range t.errors {
		fmt.Println("error:", e)
	}
}

// api is an API that accepts the tokens of the issuer, and answers /me with who
// it is.
type api struct {
	http.Handler
	keys *jwks.Remote
	jwt  *authenticators.JWT
}

func newAPI(t testing.TB, iss *authstartest.Issuer) *api {
	t.Helper()
	keys, err := jwks.NewRemote(jwks.RemoteConfig{Issuer: iss.URL(), Now: iss.Now, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	jwt, err := authenticators.NewJWT(authenticators.JWTConfig{
		Issuer: iss.URL(), Audiences: []string{authstartest.Audience}, Keys: keys, Now: iss.Now,
	})
	if err != nil {
		t.Fatal(err)
	}
	return &api{Handler: protect(t, jwt), keys: keys, jwt: jwt}
}

func protect(t testing.TB, verifier authenticators.TokenVerifier) http.Handler {
	t.Helper()
	chain, err := authstar.New(authenticators.NewBearer(verifier))
	if err != nil {
		t.Fatal(err)
	}
	return chain.Handler(security.Authenticated().HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		client, _ := authstar.ClientFrom(r.Context())
		fmt.Fprint(w, client.ClientID())
	}))
}

func get(h http.Handler, token string) *httptest.ResponseRecorder {
	r := httptest.NewRequest("GET", "/", nil)
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func wantStatus(t *testing.T, h http.Handler, token string, want int) {
	t.Helper()
	if w := get(h, token); w.Code != want {
		t.Errorf("answer: %d %s, want %d", w.Code, w.Body, want)
	}
}
