// Fosite is a provider made with github.com/ory/fosite, for the tests of the
// module around this one. It has a module of its own for the sake of its
// dependencies.
//
// It reads one line of JSON that says who its clients are, answers with one that
// says where it is, and serves until the input ends.
package main

import (
	"bufio"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/go-jose/go-jose/v3"
	"github.com/ory/fosite"
	"github.com/ory/fosite/compose"
	"github.com/ory/fosite/handler/oauth2"
	"github.com/ory/fosite/storage"
	"github.com/ory/fosite/token/jwt"
	"golang.org/x/crypto/bcrypt"
)

// setup is the line that is read.
type setup struct {
	Clients []struct {
		ID     string `json:"client_id"`
		Secret string `json:"client_secret"`
	}
	Audiences []string
	Scopes    []string
}

func main() {
	if err := run(os.Stdin, os.Stdout); err != nil {
		log.Fatal(err)
	}
}

func run(in io.Reader, out io.Writer) error {
	input := bufio.NewReader(in)
	line, err := input.ReadBytes('\n')
	if err != nil {
		return err
	}
	var s setup
	if err := json.Unmarshal(line, &s); err != nil {
		return err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	issuer := "http://" + l.Addr().String()
	p, err := newProvider(issuer, s)
	if err != nil {
		return errors.Join(err, l.Close())
	}
	server := &http.Server{Handler: p.handler(), ReadHeaderTimeout: 5 * time.Second}
	go func() {
		_, _ = io.Copy(io.Discard, input)
		_ = server.Close()
	}()
	if _, err := fmt.Fprintf(out, "{\"issuer\":%q}\n", issuer); err != nil {
		return err
	}
	if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// provider issues JWTs at /token, and opaque tokens, which it introspects, at
// /opaque/token.
type provider struct {
	issuer      string
	key         jose.JSONWebKey
	jwt, opaque fosite.OAuth2Provider
}

func newProvider(issuer string, s setup) (*provider, error) {
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, err
	}
	p := &provider{issuer: issuer, key: jose.JSONWebKey{Key: private, KeyID: "f1", Algorithm: "RS256", Use: "sig"}}
	store := storage.NewMemoryStore()
	for _, c := range s.Clients {
		hash, err := bcrypt.GenerateFromPassword([]byte(c.Secret), bcrypt.MinCost)
		if err != nil {
			return nil, err
		}
		store.Clients[c.ID] = &fosite.DefaultClient{
			ID: c.ID, Secret: hash, GrantTypes: []string{"client_credentials"}, Scopes: s.Scopes, Audience: s.Audiences,
		}
	}
	config := func() *fosite.Config {
		return &fosite.Config{GlobalSecret: []byte(rand.Text() + rand.Text()), AccessTokenIssuer: issuer, JWTScopeClaimKey: jwt.JWTScopeFieldString}
	}
	c := config()
	hmac := compose.NewOAuth2HMACStrategy(c)
	p.opaque = compose.Compose(c, store, hmac, compose.OAuth2ClientCredentialsGrantFactory, compose.OAuth2TokenIntrospectionFactory)
	c = config()
	keys := func(context.Context) (any, error) { return &p.key, nil }
	p.jwt = compose.Compose(c, store, compose.NewOAuth2JWTStrategy(keys, hmac, c), compose.OAuth2ClientCredentialsGrantFactory)
	return p, nil
}

func (p *provider) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/openid-configuration", func(w http.ResponseWriter, r *http.Request) {
		writeJSON(w, map[string]string{
			"issuer": p.issuer, "jwks_uri": p.issuer + "/keys",
			"token_endpoint": p.issuer + "/token", "introspection_endpoint": p.issuer + "/opaque/introspect",
		})
	})
	mux.HandleFunc("GET /keys", func(w http.ResponseWriter, r *http.Request) {
		writeJSON(w, jose.JSONWebKeySet{Keys: []jose.JSONWebKey{p.key.Public()}})
	})
	mux.HandleFunc("POST /token", func(w http.ResponseWriter, r *http.Request) { issue(w, r, p.jwt) })
	mux.HandleFunc("POST /opaque/token", func(w http.ResponseWriter, r *http.Request) { issue(w, r, p.opaque) })
	mux.HandleFunc("POST /opaque/introspect", func(w http.ResponseWriter, r *http.Request) {
		answer, err := p.opaque.NewIntrospectionRequest(r.Context(), r, new(oauth2.JWTSession))
		if err != nil {
			p.opaque.WriteIntrospectionError(r.Context(), w, err)
			return
		}
		p.opaque.WriteIntrospectionResponse(r.Context(), w, answer)
	})
	return mux
}

// issue is the token endpoint, as fosite's documentation has it.
func issue(w http.ResponseWriter, r *http.Request, p fosite.OAuth2Provider) {
	ctx := r.Context()
	session := &oauth2.JWTSession{JWTClaims: new(jwt.JWTClaims)}
	request, err := p.NewAccessRequest(ctx, r, session)
	if err != nil {
		p.WriteAccessError(ctx, w, request, err)
		return
	}
	id := request.GetClient().GetID()
	session.Subject, session.JWTClaims.Subject = id, id
	session.JWTClaims.Extra = map[string]any{"client_id": id}
	for _, scope := range request.GetRequestedScopes() {
		request.GrantScope(scope)
	}
	for _, audience := range request.GetRequestedAudience() {
		request.GrantAudience(audience)
	}
	response, err := p.NewAccessResponse(ctx, request)
	if err != nil {
		p.WriteAccessError(ctx, w, request, err)
		return
	}
	p.WriteAccessResponse(ctx, w, request, response)
}

func writeJSON(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v)
}
