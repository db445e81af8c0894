package e2e

import (
	"context"
	"log/slog"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/authstar/authstar"
	"github.com/authstar/authstar/authenticators"
	"github.com/authstar/authstar/security"
	"github.com/authstar/authstar/tokenendpoint"
)

// secrets are those of the clients of an issuer; scope read and write each.
var secrets = map[string]string{
	"demo":        "demo-secret",
	"percent":     "100%+1%2B1",
	"söme id":     "pä:ss+w%C3%B6rd é",
	"cl:ient%3A+": "a:b%zz c",
}

// issuer is a server with a token endpoint and an API that accepts its tokens.
type issuer struct {
	url    string // its audience as well
	signer *tokenendpoint.Signer
	ahead  atomic.Int64 // what its clock is ahead of ours, a time.Duration
}

const (
	publishAhead = 15 * time.Minute
	hmacSecret   = "e2e e2e e2e e2e e2e e2e e2e e2e "
)

// newIssuer has tokens signed with this algorithm, by a clock that is late by
// more than Signer.Rotate takes.
func newIssuer(t *testing.T, algorithm string) *issuer {
	t.Helper()
	root := http.NewServeMux()
	i := &issuer{url: serve(t, root).URL}
	i.ahead.Store(int64(-publishAhead - 5*time.Minute))
	config := tokenendpoint.SignerConfig{
		Issuer: i.url, Audiences: []string{i.url}, Algorithm: algorithm,
		Lifetime: time.Hour, PublishAhead: publishAhead,
		Logger: slog.New(slog.DiscardHandler),
		Now:    func() time.Time { return time.Now().Add(time.Duration(i.ahead.Load())) },
	}
	if algorithm == "HS256" {
		config.Secret = []byte(hmacSecret)
	}
	var err error
	if i.signer, err = tokenendpoint.NewSigner(config); err != nil {
		t.Fatal(err)
	}
	tokens, err := tokenendpoint.New(tokenendpoint.Config{
		Authenticate: checkSecret,
		Grants:       []tokenendpoint.Grant{tokenendpoint.ClientCredentials(i.signer.Build)},
	})
	if err != nil {
		t.Fatal(err)
	}
	jwt, err := authenticators.NewJWT(authenticators.JWTConfig{
		Issuer: i.url, Audiences: []string{i.url}, Keys: i.signer, Algorithms: []string{algorithm}, TokenTypes: []string{"at+jwt"},
	})
	if err != nil {
		t.Fatal(err)
	}
	chain, err := authstar.New(authenticators.NewBearer(jwt))
	if err != nil {
		t.Fatal(err)
	}
	root.Handle("/oauth2/token", tokens)
	root.Handle("/.well-known/jwks.json", i.signer.JWKS())
	root.Handle("/", chain.Handler(routes(security.Rules{})))
	return i
}

func checkSecret(_ context.Context, id, secret string) (authstar.Client, error) {
	if want, ok := secrets[id]; !ok || secret != want {
		return nil, nil
	}
	return identity(id, "read", "write"), nil
}

func (i *issuer) tokenURL() string { return i.url + "/oauth2/token" }
func (i *issuer) jwksURL() string  { return i.url + "/.well-known/jwks.json" }

// mint is a token as the endpoint answers it.
func (i *issuer) mint(t *testing.T) string {
	t.Helper()
	res, err := i.signer.Build(t.Context(), &tokenendpoint.Request{Client: identity("demo", "read"), Scopes: []string{"read"}})
	if err != nil {
		t.Fatal(err)
	}
	return res.AccessToken
}

// rotate is a rotation of keys, and its end.
func (i *issuer) rotate(t *testing.T) {
	t.Helper()
	if err := i.signer.Rotate(nil); err != nil {
		t.Fatal(err)
	}
	i.ahead.Add(int64(publishAhead))
}
