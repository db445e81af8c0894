package main

import (
	"context"
	"encoding/json"
	"net/http"

	"github.com/authstar/authstar"
	"github.com/authstar/authstar/authenticators"
	"github.com/authstar/authstar/authenticators/apikey"
	"github.com/authstar/authstar/authenticators/jwks"
	"github.com/authstar/authstar/authenticators/password"
	"github.com/authstar/authstar/openapi"
	"github.com/authstar/authstar/openapi/docs"
	"github.com/authstar/authstar/security"
	"github.com/authstar/authstar/tokenendpoint"
)

// newServer is the whole server: the API, where its callers get tokens, and its
// documentation. The issuer is the server's own URL.
func newServer(issuer string, observe func(context.Context, authstar.Result)) (*server, error) {
	signer, err := tokenendpoint.NewSigner(tokenendpoint.SignerConfig{Issuer: issuer, Audiences: []string{issuer}})
	if err != nil {
		return nil, err
	}
	tokens, err := tokenendpoint.New(tokenendpoint.Config{
		Authenticate: checkClient,
		Grants:       []tokenendpoint.Grant{tokenendpoint.ClientCredentials(signer.Build)},
		URL:          issuer + "/oauth2/token",
		Scopes:       map[string]string{"orders:read": "See orders", "orders:write": "Add orders", "admin": "Administration", "keys:admin": "Manage API keys"},
	})
	if err != nil {
		return nil, err
	}
	s := &server{sessions: newSessions()}
	s.session = authenticators.NewSession(sessionCookie, s.sessions.load)
	if s.passwords, err = password.New(password.Config{Lookup: findUser}); err != nil {
		return nil, err
	}
	if s.keys, err = apikey.New(apikey.Config{Prefix: "quickstart"}); err != nil {
		return nil, err
	}
	chain, err := s.newChain(issuer, signer)
	if err != nil {
		return nil, err
	}
	page, err := docs.New(docs.Config{Title: "Quickstart", Document: "/openapi.json", ClientID: "demo", Scopes: []string{"orders:read"}})
	if err != nil {
		return nil, err
	}
	mux := s.newAPI()
	doc, err := s.manageKeys(mux)
	if err != nil {
		return nil, err
	}
	api := chain.WithObserver(observe).Handler(mux)

	// A client that asks for a token is not yet a caller of the API.
	root := http.NewServeMux()
	root.Handle("/oauth2/token", tokens)
	root.Handle("/.well-known/jwks.json", signer.JWKS())
	root.Handle("GET /openapi.json", openapi.Handler(doc, api, openapi.OAuth2("oauth2", tokens.Flows()...)...))
	root.Handle("GET /docs/", page)
	root.Handle("/", api)
	s.Handler = root
	return s, nil
}

// server is the handler and what knows its callers.
type server struct {
	http.Handler
	passwords *password.Verifier
	keys      *apikey.Keys
	session   *authenticators.Session
	sessions  *sessions
}

// newChain is who may be calling.
func (s *server) newChain(issuer string, keys jwks.KeySet) (*authstar.Chain, error) {
	jwt, err := authenticators.NewJWT(authenticators.JWTConfig{Issuer: issuer, Audiences: []string{issuer}, Keys: keys})
	if err != nil {
		return nil, err
	}
	return authstar.New(
		authenticators.NewBearer(jwt),
		s.passwords.Basic("quickstart"),
		authenticators.NewAPIKey("X-API-Key", findKey(s.keys)),
		s.session,
	)
}

// newAPI is what they may do. openapi.Mux is an http.ServeMux that remembers its
// routes for the document.
func (s *server) newAPI() *openapi.Mux {
	mux := new(openapi.Mux)
	handle := func(pattern, summary string, h http.Handler, form ...string) {
		mux.Handle(pattern, h)
		mux.Describe(pattern, openapi.Operation{Summary: summary, Form: form, Tags: []string{"Quickstart"}})
	}
	handle("GET /{$}", "Who am I, if anybody?", http.HandlerFunc(home))
	handle("GET /me", "Who am I?", security.Authenticated().HandlerFunc(me))
	handle("GET /orders", "List the orders", security.Scopes("orders:read").HandlerFunc(listOrders))
	handle("POST /orders", "Add an order", security.Scopes("orders:write").HandlerFunc(addOrder))
	handle("GET /admin", "Administration", security.Scopes("admin").HandlerFunc(admin))
	handle("GET /healthz", "For the internal network", security.Internal().HandlerFunc(health))

	// A page of another site must not log people in or out.
	sameOrigin := http.NewCrossOriginProtection().Handler
	handle("POST /login", "Log in", openapi.Through(http.HandlerFunc(s.login), sameOrigin), "username", "password")
	handle("POST /logout", "Log out", openapi.Through(http.HandlerFunc(s.sessions.logout), sameOrigin))
	return mux
}

// manageKeys adds the routes by which administrators manage API keys, and
// describes them together with the others.
func (s *server) manageKeys(mux *openapi.Mux) ([]byte, error) {
	admin, err := s.keys.Admin(apikey.AdminConfig{Path: "/admin/api-keys"})
	if err != nil {
		return nil, err
	}
	admin.Register(mux, security.Scopes("keys:admin").Handler)
	return openapi.Merge(mux.Document(openapi.Info{Title: "Quickstart"}), "", admin.Document())
}

// home is open to everybody, and greets those it knows.
func home(w http.ResponseWriter, r *http.Request) {
	var id *string
	if client, ok := authstar.ClientFrom(r.Context()); ok {
		id = new(client.ClientID())
	}
	writeJSON(w, http.StatusOK, map[string]any{"client_id": id})
}

func me(w http.ResponseWriter, r *http.Request) {
	client, _ := authstar.ClientFrom(r.Context())
	writeJSON(w, http.StatusOK, describe(client))
}

func listOrders(w http.ResponseWriter, r *http.Request) {
	writeJSON(w, http.StatusOK, []map[string]any{{"id": 1, "item": "tea"}})
}

func addOrder(w http.ResponseWriter, r *http.Request) {
	writeJSON(w, http.StatusCreated, map[string]any{"id": 2})
}

func admin(w http.ResponseWriter, r *http.Request) {
	writeJSON(w, http.StatusOK, map[string]any{"admin": true})
}

func health(w http.ResponseWriter, r *http.Request) {
	writeJSON(w, http.StatusOK, map[string]any{"status": "ok"})
}

// describe is the client as the API shows it to itself.
func describe(client authstar.Client) map[string]any {
	scopes := client.Scopes()
	if scopes == nil {
		scopes = []string{}
	}
	issuer := ""
	if i, ok := client.(interface{ ClientIssuer() string }); ok {
		issuer = i.ClientIssuer()
	}
	return map[string]any{"client_id": client.ClientID(), "scopes": scopes, "issuer": issuer}
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v)
}
