package tokenendpoint_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"

	"github.com/authstar/authstar"
	"github.com/authstar/authstar/authenticators"
	"github.com/authstar/authstar/security"
	"github.com/authstar/authstar/tokenendpoint"
)

// newServer issues signed tokens, publishes the keys that verify them, and has
// an API that accepts them.
func newServer(url string) (http.Handler, error) {
	signer, err := tokenendpoint.NewSigner(tokenendpoint.SignerConfig{
		Issuer:    url,
		Audiences: []string{url},
		Claims: func(_ context.Context, req *tokenendpoint.Request) (map[string]any, error) {
			return map[string]any{"tenant": "acme"}, nil
		},
		Logger: slog.New(slog.DiscardHandler), // would tell that the key is generated; Keys takes JWK and PEM files
	})
	if err != nil {
		return nil, err
	}
	endpoint, err := tokenendpoint.New(tokenendpoint.Config{
		Authenticate: func(_ context.Context, id, secret string) (authstar.Client, error) {
			if id != "demo" || secret != "demo-secret" {
				return nil, nil
			}
			return &authstar.Identity{ID: id, Scope: []string{"orders:read", "orders:write"}}, nil
		},
		Grants: []tokenendpoint.Grant{tokenendpoint.ClientCredentials(signer.Build)},
	})
	if err != nil {
		return nil, err
	}
	jwt, err := authenticators.NewJWT(authenticators.JWTConfig{Issuer: url, Audiences: []string{url}, Keys: signer})
	if err != nil {
		return nil, err
	}
	chain, err := authstar.New(authenticators.NewBearer(jwt))
	if err != nil {
		return nil, err
	}
	root := http.NewServeMux()
	root.Handle("/oauth2/token", endpoint)
	root.Handle("/.well-known/jwks.json", signer.JWKS())
	root.Handle("/orders", chain.Handler(security.Scopes("orders:read").HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		client, _ := authstar.ClientAs[*authstar.Identity](r.Context())
		tenant, _ := client.Claim("tenant")
		fmt.Fprintf(w, "orders of %v for %s with %v", tenant, client.ClientID(), client.Scopes())
	})))
	return root, nil
}

// A token endpoint whose tokens are signed JSON Web Tokens (RFC 9068), which the
// API beside it verifies.
func ExampleSigner() {
	handler, err := newServer("https://api.example")
	if err != nil {
		fmt.Println(err)
		return
	}
	srv := httptest.NewServer(handler)
	defer srv.Close()

	res, err := http.PostForm(srv.URL+"/oauth2/token", url.Values{
		"grant_type": {"client_credentials"}, "client_id": {"demo"}, "client_secret": {"demo-secret"}, "scope": {"orders:read"},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer res.Body.Close()
	var token struct {
		AccessToken string `json:"access_token"`
		TokenType   string `json:"token_type"`
		ExpiresIn   int64  `json:"expires_in"`
		Scope       string `json:"scope"`
	}
	if err := json.NewDecoder(res.Body).Decode(&token); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(res.StatusCode, token.TokenType, token.ExpiresIn, token.Scope, strings.Count(token.AccessToken, "."))

	r := httptest.NewRequest("GET", "/orders", nil)
	r.Header.Set("Authorization", "Bearer "+token.AccessToken)
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, r)
	fmt.Println(w.Code, w.Body)
	// Output:
	// 200 Bearer 600 orders:read 2
	// 200 orders of acme for demo with [orders:read]
}
