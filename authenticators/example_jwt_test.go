package authenticators_test

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/authstar/authstar"
	"github.com/authstar/authstar/authenticators"
	"github.com/authstar/authstar/authenticators/jwks"
	"github.com/authstar/authstar/security"
)

// Employee is the client of this application: an identity and what else its
// tokens say.
type Employee struct {
	authstar.Identity
	Department string
}

func employee(_ context.Context, token *authenticators.Token) (authstar.Client, error) {
	var claims struct {
		Department string `json:"department"`
	}
	if err := token.Claims(&claims); err != nil {
		return nil, &authstar.Error{Code: authstar.InvalidToken, Err: err}
	}
	id := authstar.Identity{ID: token.Subject, Scope: token.Scopes, Issuer: token.Issuer, Expires: token.Expires}
	return &Employee{Identity: *id.WithClaims(token.ClaimSet()), Department: claims.Department}, nil
}

func ExampleNewJWT() {
	keySet, sign := identityProvider()
	keys, err := jwks.Parse(keySet)
	if err != nil {
		log.Fatal(err)
	}
	tokens, err := authenticators.NewJWT(authenticators.JWTConfig{
		Issuer:      "https://id.example",
		Audiences:   []string{"https://api.example"},
		Keys:        keys,
		ScopeClaims: []string{"scope", "realm_access.roles"},
		Client:      employee,
	})
	if err != nil {
		log.Fatal(err)
	}
	chain, err := authstar.New(authenticators.NewBearer(tokens))
	if err != nil {
		log.Fatal(err)
	}
	reports := security.HandlerFor(security.Scopes("auditor"), func(w http.ResponseWriter, _ *http.Request, e *Employee) {
		fmt.Fprintf(w, "%s of %s", e.ClientID(), e.Department)
	})
	api := chain.Handler(reports)

	claims := map[string]any{
		"iss": "https://id.example", "sub": "alice", "aud": "https://api.example", "exp": time.Now().Add(time.Hour).Unix(),
		"department": "finance", "realm_access": map[string]any{"roles": []string{"auditor"}},
	}
	showReport(api, sign(claims))
	claims["aud"] = "https://another.example"
	showReport(api, sign(claims))
	// Output:
	// 200 alice of finance
	// 401 Bearer error="invalid_token", error_description="the token is not valid"
}

// identityProvider is what stands elsewhere: its keys, and how it signs.
func identityProvider() (keySet []byte, sign func(claims map[string]any) string) {
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		log.Fatal(err)
	}
	keySet, err = json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: public, KeyID: "2026-01", Use: "sig"}}})
	if err != nil {
		log.Fatal(err)
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.EdDSA, Key: jose.JSONWebKey{Key: private, KeyID: "2026-01"}}, (&jose.SignerOptions{}).WithType("at+jwt"))
	if err != nil {
		log.Fatal(err)
	}
	return keySet, func(claims map[string]any) string {
		token, err := jwt.Signed(signer).Claims(claims).Serialize()
		if err != nil {
			log.Fatal(err)
		}
		return token
	}
}

func showReport(h http.Handler, token string) {
	r := httptest.NewRequest("GET", "/reports", nil)
	r.Header.Set("Authorization", "Bearer "+token)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	answer := w.Body.String()
	if w.Code != http.StatusOK {
		answer = w.Header().Get("WWW-Authenticate")
	}
	fmt.Println(w.Code, strings.TrimSpace(answer))
}
