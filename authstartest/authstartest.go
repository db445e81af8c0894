// Package authstartest is what users of authstar test their own API with: an
// identity provider on the loopback interface, with a switch for everything that
// real ones do at night, and clients for handlers that are tested alone.
//
//	func TestOrders(t *testing.T) {
//		iss := authstartest.NewIssuer(t)
//		jwt, err := authenticators.NewJWT(authenticators.JWTConfig{
//			Issuer: iss.URL(), Audiences: []string{authstartest.Audience}, Now: iss.Now,
//		})
//		...
//		r := httptest.NewRequest("GET", "/orders", nil)
//		r.Header.Set("Authorization", "Bearer "+iss.Token(map[string]any{"scope": "orders:read"}))
//	}
//
// The API under test is the one that goes into production: it is configured with
// the URL of the [Issuer], and does everything else by itself. Only tests import
// this package.
package authstartest

import (
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/authstar/authstar"
)

const (
	// Audience is "aud" of the tokens that say nothing else.
	Audience = "api"
	// ClientID and ClientSecret are what the introspection and the token
	// endpoint accept, by HTTP Basic or as parameters of the form.
	ClientID     = "test-client"
	ClientSecret = "test-client-secret"
)

// Issuer is an identity provider: OpenID Connect Discovery 1.0 and RFC 8414
// metadata, a JWK set, token introspection (RFC 7662) and client_credentials
// (RFC 6749 section 4.4), by http on a loopback address. It has no login.
//
// All methods are safe for concurrent use and may be called from any goroutine:
// a misuse is reported by the Errorf of the test, and has no effect.
type Issuer struct {
	tb      testing.TB
	server  *httptest.Server
	stopped chan struct{}

	mu     sync.Mutex
	clock  *clock
	made   int   // how many keys were made
	keys   []key // published, oldest first
	signer key
	tokens map[string][]byte // claims by token
	switches
	counters
}

// NewIssuer starts an Issuer, and stops it when the test ends. It has one key, for
// ES256, whose id is "key-1"; other issuers have that id as well.
func NewIssuer(tb testing.TB) *Issuer {
	tb.Helper()
	i := &Issuer{
		tb:      tb,
		stopped: make(chan struct{}),
		clock:   &clock{now: time.Now()},
		tokens:  make(map[string][]byte),
	}
	i.changed = make(chan struct{})
	i.RotateTo("ES256")
	i.server = httptest.NewUnstartedServer(i.handler())
	// One connection per request leaves nothing behind, and counts exactly.
	i.server.Config.SetKeepAlivesEnabled(false)
	i.server.Start()
	tb.Cleanup(func() {
		close(i.stopped)
		i.server.Close()
	})
	return i
}

// URL is the issuer identifier: "iss" of its tokens, and JWTConfig.Issuer or
// RemoteConfig.Issuer of the API under test.
func (i *Issuer) URL() string { return i.server.URL }

// JWKSURL is where the keys are, for an API that does without discovery.
func (i *Issuer) JWKSURL() string { return i.URL() + jwksPath }

// IntrospectionURL is the introspection endpoint.
func (i *Issuer) IntrospectionURL() string { return i.URL() + introspectionPath }

// TokenURL is the token endpoint. It grants [ClientID] whatever scopes it asks
// for, as a token of [Issuer.Token] whose "sub" and "client_id" it is, for the
// audience that the parameter "resource" names.
func (i *Issuer) TokenURL() string { return i.URL() + tokenPath }

// clock stands still until somebody moves it.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

// Now is the clock that tokens are made by: JWTConfig.Now, RemoteConfig.Now or
// IntrospectionConfig.Now of the API under test. It shows the time at which the
// issuer was made, and stands still until [Issuer.Advance] moves it.
func (i *Issuer) Now() time.Time {
	i.mu.Lock()
	c := i.clock
	i.mu.Unlock()
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// Advance moves the clock forward.
func (i *Issuer) Advance(d time.Duration) {
	i.tb.Helper()
	if d < 0 {
		i.tb.Errorf("authstartest: Advance(%v): no clock goes back", d)
		return
	}
	i.mu.Lock()
	c := i.clock
	i.mu.Unlock()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// ShareClock gives the issuer the clock of another one, for an API that accepts
// the tokens of both. Each of them then moves it.
func (i *Issuer) ShareClock(other *Issuer) {
	other.mu.Lock()
	c := other.clock
	other.mu.Unlock()
	i.mu.Lock()
	defer i.mu.Unlock()
	i.clock = c
}

// WithClient returns a copy of the request in which the client is authenticated,
// for the test of a handler or of a guard around it; nil is an anonymous request.
// It is for the handler inside of the chain: a chain believes only its own
// authenticators, and replaces the client.
func WithClient(r *http.Request, client authstar.Client) *http.Request {
	return r.WithContext(authstar.WithClient(r.Context(), client))
}
