package authenticators_test

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/authstar/authstar/authenticators"
	"github.com/authstar/authstar/authenticators/jwks"
	"github.com/authstar/authstar/security"
)

// idp is an identity provider on loopback with a clock that stands still.
type idp struct {
	*httptest.Server
	mu     sync.Mutex
	now    time.Time
	answer http.HandlerFunc
	asked  []string // paths
}

// newIDP publishes these keys, under discovery too.
func newIDP(t testing.TB, keys ...jwtKey) *idp {
	t.Helper()
	p := &idp{now: jwtNow}
	p.publish(keys...)
	p.Server = httptest.NewServer(p)
	t.Cleanup(p.Close)
	return p
}

func (p *idp) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	p.asked = append(p.asked, r.URL.Path)
	answer := p.answer
	p.mu.Unlock()
	answer(w, r)
}

func (p *idp) serve(answer http.HandlerFunc) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.answer = answer
}

func (p *idp) publish(keys ...jwtKey) {
	p.serve(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/.well-known/openid-configuration") {
			issuer := p.URL + strings.TrimSuffix(r.URL.Path, "/.well-known/openid-configuration")
			// As Entra does: the tenant "common" has the placeholder in its issuer.
			issuer = strings.Replace(issuer, "/common/", "/{tenantid}/", 1)
			_, _ = io.WriteString(w, `{"issuer":"`+issuer+`","jwks_uri":"`+p.URL+`/keys"}`)
			return
		}
		_, _ = w.Write(jwtJWKS(keys...))
	})
}

func (p *idp) down() {
	p.serve(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(503) })
}

func (p *idp) time() time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.now
}

func (p *idp) pass(d time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.now = p.now.Add(d)
}

func (p *idp) requests() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.asked)
}

func (p *idp) remote(t testing.TB) *jwks.Remote {
	t.Helper()
	r, err := jwks.NewRemote(jwks.RemoteConfig{URL: p.URL + "/keys", Now: p.time, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// jwt verifies issuer A's tokens with the provider's keys and clock.
func (p *idp) jwt(t testing.TB, config authenticators.JWTConfig) *authenticators.JWT {
	t.Helper()
	if config.Keys == nil {
		config.Keys = p.remote(t)
	}
	config.Now = p.time
	return jwtVerifier(t, config)
}

// idpAPI guards /me with a chain of one Bearer.
type idpAPI struct{ http.Handler }

func newIDPAPI(t testing.TB, verifiers ...authenticators.TokenVerifier) idpAPI {
	t.Helper()
	return idpAPI{newChain(t, authenticators.NewBearer(verifiers...)).Handler(security.Authenticated().HandlerFunc(whoAmI))}
}

// ask presents a token to the API; it returns the status, and the answer or the
// error code.
func (a idpAPI) ask(t *testing.T, token string) (int, string, http.Header) {
	t.Helper()
	r := request("GET", "/me")
	r.Header.Set("Authorization", "Bearer "+token)
	res := serve(a, r)
	status, answer := read(t, res)
	return status, answer, res.Header
}

// wants checks the status of a token.
func (a idpAPI) wants(t *testing.T, name, token string, status int) {
	t.Helper()
	if got, answer, header := a.ask(t, token); got != status || status == 503 && header.Get("Retry-After") == "" {
		t.Errorf("%s: %d %q, want %d; Retry-After %q", name, got, answer, status, header.Get("Retry-After"))
	}
}
