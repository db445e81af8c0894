package main

import (
	"context"
	"encoding/json"
	"net/http"

	"github.com/authstar/authstar"
	"github.com/authstar/authstar/authenticators"
	"github.com/authstar/authstar/authenticators/jwks"
	"github.com/authstar/authstar/security"
	"github.com/authstar/authstar/tokenendpoint"
)

// newServer is the whole server: who is calling, what they may do, and where
// they get tokens. The issuer is the server's own URL.
func newServer(issuer string, observe func(context.Context, authstar.Result)) (http.Handler, error) {
	signer, err := tokenendpoint.NewSigner(tokenendpoint.SignerConfig{Issuer: issuer, Audiences: []string{issuer}})
	if err != nil {
		return nil, err
	}
	tokens, err := tokenendpoint.New(tokenendpoint.Config{
		Authenticate: checkClient,
		Grants:       []tokenendpoint.Grant{tokenendpoint.ClientCredentials(signer.Build)},
	})
	if err != nil {
		return nil, err
	}
	api, err := newAPI(issuer, signer, observe)
	if err != nil {
		return nil, err
	}
	// A client that asks for a token is not yet a caller of the API.
	root := http.NewServeMux()
	root.Handle("/oauth2/token", tokens)
	root.Handle("/.well-known/jwks.json", signer.JWKS())
	root.Handle("/", api)
	return root, nil
}

// newAPI is the API: a chain around guarded routes.
func newAPI(issuer string, keys jwks.KeySet, observe func(context.Context, authstar.Result)) (http.Handler, error) {
	jwt, err := authenticators.NewJWT(authenticators.JWTConfig{Issuer: issuer, Audiences: []string{issuer}, Keys: keys})
	if err != nil {
		return nil, err
	}
	sessions := newSessions()
	session := authenticators.NewSession(sessionCookie, sessions.load)
	chain, err := authstar.New(
		authenticators.NewBearer(jwt),
		authenticators.NewBasic("quickstart", checkPassword),
		authenticators.NewAPIKey("X-API-Key", findKey),
		session,
	)
	if err != nil {
		return nil, err
	}

	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", home)
	mux.Handle("GET /me", security.Authenticated().HandlerFunc(me))
	mux.Handle("GET /orders", security.Scopes("orders:read").HandlerFunc(listOrders))
	mux.Handle("POST /orders", security.Scopes("orders:write").HandlerFunc(addOrder))
	mux.Handle("GET /admin", security.Scopes("admin").HandlerFunc(admin))
	mux.Handle("GET /healthz", security.Internal().HandlerFunc(health))

	// A page of another site must not log people in or out.
	sameOrigin := http.NewCrossOriginProtection()
	mux.Handle("POST /login", sameOrigin.Handler(login(sessions, session.Scheme())))
	mux.Handle("POST /logout", sameOrigin.Handler(http.HandlerFunc(sessions.logout)))
	return chain.WithObserver(observe).Handler(mux), nil
}

// home is open to everybody, and greets those it knows.
func home(w http.ResponseWriter, r *http.Request) {
	var id *string
	if client, ok := authstar.ClientFrom(r.Context()); ok {
		id = new(client.ClientID())
	}
	writeJSON(w, map[string]any{"client_id": id})
}

func me(w http.ResponseWriter, r *http.Request) {
	client, _ := authstar.ClientFrom(r.Context())
	writeJSON(w, describe(client))
}

func listOrders(w http.ResponseWriter, r *http.Request) {
	writeJSON(w, []map[string]any{{"id": 1, "item": "tea"}})
}

func addOrder(w http.ResponseWriter, r *http.Request) {
	w.WriteHeader(http.StatusCreated)
	writeJSON(w, map[string]any{"id": 2})
}

func admin(w http.ResponseWriter, r *http.Request) { writeJSON(w, map[string]any{"admin": true}) }

func health(w http.ResponseWriter, r *http.Request) { writeJSON(w, map[string]any{"status": "ok"}) }

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

func writeJSON(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v)
}
