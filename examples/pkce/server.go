package main

import (
	"embed"
	"encoding/json"
	"io/fs"
	"net/http"

	"github.com/authstar/authstar"
	"github.com/authstar/authstar/authenticators"
	"github.com/authstar/authstar/authserver"
	"github.com/authstar/authstar/openapi"
	"github.com/authstar/authstar/openapi/docs"
	"github.com/authstar/authstar/security"
)

// newServer puts the three together under one origin, which is also the issuer
// and the audience of the tokens.
func newServer(issuer string) (http.Handler, error) {
	login, err := authserver.New(authserver.Config{
		Issuer:  issuer,
		Name:    "Orders",
		Login:   checkLogin,
		User:    findUser,
		Client:  clients(issuer),
		Scopes:  map[string]string{"orders:read": "See your orders", "orders:write": "Order in your name", "offline_access": "Stay connected when you are away"},
		Observe: logRefusal,
	})
	if err != nil {
		return nil, err
	}
	// The server itself verifies: it also knows what was revoked.
	chain, err := authstar.New(authenticators.NewBearer(login))
	if err != nil {
		return nil, err
	}
	mux := newAPI()
	api := chain.Handler(mux)
	page, err := newPage()
	if err != nil {
		return nil, err
	}
	reference, err := docs.New(docs.Config{Title: "Orders", Document: "/openapi.json", ClientID: "spa", Scopes: []string{"orders:read"}})
	if err != nil {
		return nil, err
	}
	root := http.NewServeMux()
	root.Handle("/api/", api)
	root.Handle("GET /openapi.json", openapi.Handler(mux.Document(openapi.Info{Title: "Orders"}), api, openapi.OAuth2("oauth2", login.Flows()...)...))
	root.Handle("GET /docs/", reference)
	root.Handle("GET /{$}", page)
	root.Handle("GET /callback", page)
	root.Handle("GET /app.js", page)
	root.Handle("GET /app.css", page)
	root.Handle("POST /logout", http.NewCrossOriginProtection().Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := login.EndSession(w, r); err != nil {
			http.Error(w, "the session cannot be ended now", http.StatusServiceUnavailable)
			return
		}
		w.WriteHeader(http.StatusNoContent)
	})))
	root.Handle("/", login.Handler())
	return root, nil
}

// newAPI is what a token is good for.
func newAPI() *openapi.Mux {
	mux := new(openapi.Mux)
	handle := func(pattern, summary string, h http.Handler) {
		mux.Handle(pattern, h)
		mux.Describe(pattern, openapi.Operation{Summary: summary})
	}
	handle("GET /api/me", "Who am I?", security.Authenticated().HandlerFunc(me))
	handle("GET /api/orders", "List the orders", security.Scopes("orders:read").HandlerFunc(orders))
	handle("GET /api/admin", "Administration", security.Claim("role", "admin").HandlerFunc(admin))
	return mux
}

func me(w http.ResponseWriter, r *http.Request) {
	client, _ := authstar.ClientAs[*authstar.Identity](r.Context())
	role, _ := client.Claim("role")
	writeJSON(w, map[string]any{"client_id": client.ID, "scopes": client.Scope, "issuer": client.Issuer, "role": role})
}

func orders(w http.ResponseWriter, r *http.Request) {
	writeJSON(w, []map[string]any{{"id": 1, "item": "tea"}})
}

func admin(w http.ResponseWriter, r *http.Request) { writeJSON(w, map[string]any{"admin": true}) }

func writeJSON(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v)
}

//go:embed page
var pageFiles embed.FS

// newPage serves the page, which may load nothing from elsewhere.
func newPage() (http.Handler, error) {
	files, err := fs.Sub(pageFiles, "page")
	if err != nil {
		return nil, err
	}
	serve := http.FileServerFS(files)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; form-action 'self'; frame-ancestors 'none'; base-uri 'none'")
		h.Set("Referrer-Policy", "no-referrer") // the code is in the URL for a moment
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Cache-Control", "no-store")
		if r.URL.Path == "/callback" {
			http.ServeFileFS(w, r, files, "callback.html")
			return
		}
		serve.ServeHTTP(w, r)
	}), nil
}
