package e2e

import (
	"encoding/json"
	"maps"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/oauth2/clientcredentials"

	"github.com/authstar/authstar"
	"github.com/authstar/authstar/authenticators"
	"github.com/authstar/authstar/security"
)

// What the providers call this API, by the kind of its tokens, and another one.
const (
	jwtAPI      = "https://shop.test/jwt"
	opaqueAPI   = "https://shop.test/opaque"
	otherJWT    = "https://other.test/jwt"
	otherOpaque = "https://other.test/opaque"
)

// What the providers know: a client that gets tokens, and the API itself, which
// may introspect them.
var (
	shop = map[string]string{"client_id": "shop", "client_secret": "shop-secret"}
	self = map[string]string{"client_id": "api:1 %+", "client_secret": "a:b%2B c+%"}
)

// provider is an identity provider in a process of its own.
type provider struct {
	*peer
	issuer           string
	kid              string
	types            []string // of its JWTs
	parameter        string   // for the audience
	jwtURL, tokenURL string   // where JWTs and other tokens are issued
	introspectionURL string
}

// discover reads the endpoints.
func (p *provider) discover(t *testing.T) {
	t.Helper()
	res, body := do(t, nil, "GET", p.issuer+"/.well-known/openid-configuration", nil)
	var endpoints struct {
		Token         string `json:"token_endpoint"`
		Introspection string `json:"introspection_endpoint"`
	}
	if err := json.Unmarshal([]byte(body), &endpoints); res.StatusCode != 200 || err != nil {
		t.Fatalf("discovery: %d %v", res.StatusCode, err)
	}
	p.introspectionURL = endpoints.Introspection
	p.jwtURL, p.tokenURL = endpoints.Token, endpoints.Token
}

// startOIDC starts the npm package oidc-provider with this signing key alone.
func startOIDC(t *testing.T, key any) *provider {
	t.Helper()
	p := &provider{kid: "k1", types: []string{"at+jwt"}, parameter: "resource"}
	p.restart(t, key)
	p.discover(t)
	return p
}

// restart starts oidc-provider where it was before, if it was. What it issued
// before it has forgotten.
func (p *provider) restart(t *testing.T, key any) {
	t.Helper()
	port := 0
	if _, number, ok := strings.Cut(p.issuer, "127.0.0.1:"); ok {
		port, _ = strconv.Atoi(number)
	}
	p.peer = node(t, "provider.mjs")
	p.issuer = p.configure(t, map[string]any{"port": port, "keys": []any{key}})
}

// startFosite starts the provider in the folder fosite.
func startFosite(t *testing.T) *provider {
	t.Helper()
	p := &provider{kid: "f1", parameter: "audience"}
	p.peer = start(t, "fosite", build(t, "fosite", "."))
	p.issuer = p.configure(t, map[string]any{
		"audiences": []string{jwtAPI, opaqueAPI, otherJWT, otherOpaque}, "scopes": []string{"orders:read"},
	})
	p.discover(t)
	p.tokenURL = p.issuer + "/opaque/token"
	return p
}

// configure makes the clients known and returns the issuer.
func (p *provider) configure(t *testing.T, with map[string]any) string {
	t.Helper()
	question := map[string]any{"clients": []any{shop, self}}
	maps.Copy(question, with)
	var started struct{ Issuer, Error string }
	p.ask(t, question, &started)
	if started.Error != "" {
		t.Fatal(started.Error)
	}
	return started.Issuer
}

// token is one for an audience, or an opaque one for nobody in particular.
func (p *provider) token(t *testing.T, audience string) string {
	t.Helper()
	if strings.HasSuffix(audience, "/jwt") {
		return p.tokenFrom(t, p.jwtURL, audience)
	}
	return p.tokenFrom(t, p.tokenURL, audience)
}

func (p *provider) tokenFrom(t *testing.T, url, audience string) string {
	t.Helper()
	config := clientcredentials.Config{
		ClientID: shop["client_id"], ClientSecret: shop["client_secret"],
		TokenURL: url, Scopes: []string{"orders:read"},
	}
	if audience != "" {
		config.EndpointParams = map[string][]string{p.parameter: {audience}}
	}
	token, err := config.Token(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return token.AccessToken
}

// introspection is the configuration of the API that the provider knows.
func (p *provider) introspection() authenticators.IntrospectionConfig {
	return authenticators.IntrospectionConfig{
		URL: p.introspectionURL, ClientID: self["client_id"], ClientSecret: self["client_secret"],
		Issuer: p.issuer, Audiences: []string{opaqueAPI},
	}
}

// api is a new API that accepts the provider's tokens of both kinds, behind one
// Bearer, and that has no keys yet.
func (p *provider) api(t *testing.T, introspection authenticators.IntrospectionConfig) string {
	t.Helper()
	jwt, err := authenticators.NewJWT(authenticators.JWTConfig{
		Issuer: p.issuer, Audiences: []string{jwtAPI}, TokenTypes: p.types,
	})
	if err != nil {
		t.Fatal(err)
	}
	chain, err := authstar.New(authenticators.NewBearer(jwt, authenticators.NewIntrospection(introspection)))
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle("/orders", security.Scopes("orders:read").HandlerFunc(whoami))
	mux.Handle("/admin", security.Scopes("admin").HandlerFunc(whoami))
	return serve(t, chain.Handler(mux)).URL
}

func bearer(token string) http.Header { return http.Header{"Authorization": {"Bearer " + token}} }

// expect calls the API's /orders with a token. Nothing may take long, whatever
// state the provider is in.
func expect(t *testing.T, api, what, token string, status int) {
	t.Helper()
	start := time.Now()
	res, _ := do(t, nil, "GET", api+"/orders", bearer(token))
	if res.StatusCode != status {
		t.Errorf("%s: status is %d, want %d", what, res.StatusCode, status)
		return
	}
	if d := time.Since(start); d > 2*time.Second {
		t.Errorf("%s: took %v", what, d)
	}
	challenge := res.Header.Get("WWW-Authenticate")
	switch status {
	case 200:
		if id := res.Header.Get("X-Client"); id != shop["client_id"] {
			t.Errorf("%s: client is %q", what, id)
		}
	case 401:
		if !strings.Contains(challenge, `error="invalid_token"`) {
			t.Errorf("%s: challenge is %q", what, challenge)
		}
	case 503:
		if after, err := strconv.Atoi(res.Header.Get("Retry-After")); err != nil || after < 1 || challenge != "" {
			t.Errorf("%s: Retry-After is %q, challenge %q", what, res.Header.Get("Retry-After"), challenge)
		}
	}
}
