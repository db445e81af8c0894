package main

import (
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"github.com/rs/cors"

	"github.com/authstar/authstar"
	"github.com/authstar/authstar/authenticators"
	"github.com/authstar/authstar/contrib/wsauth"
	"github.com/authstar/authstar/security"
)

const (
	// cookieName is the cookie that carries the token where a page can set no
	// header. Where the server is reached by TLS, its name should begin with
	// "__Host-".
	cookieName = "token"
	// subprotocol is the name under which a WebSocket carries the token.
	subprotocol = "doors.example"
)

type settings struct {
	origin, second   string
	lifetime, maxAge time.Duration
	now              func() time.Time // nil: time.Now
}

// newServers has the page, the API and the login on the first origin, and the
// API alone on the second.
func newServers(s settings) (site, second http.Handler, err error) {
	login, err := newLogin(s)
	if err != nil {
		return nil, nil, err
	}
	page, err := newPage(s)
	if err != nil {
		return nil, nil, err
	}
	bearer := authenticators.NewBearer(login)
	chain, err := authstar.New(bearer, bearer.Subprotocol(subprotocol), bearer.Cookie(cookieName))
	if err != nil {
		return nil, nil, err
	}
	api := chain.Handler(newAPI(s))

	root := http.NewServeMux()
	for _, path := range []string{"/api/", "/ws", "/ws/", "/events"} {
		root.Handle(path, api)
	}
	for _, path := range []string{"GET /{$}", "GET /callback", "GET /app.js", "GET /login.js", "GET /app.css"} {
		root.Handle(path, page)
	}
	root.Handle("/", login.Handler())

	// The CORS layer belongs outside of the chain and of all guards: so it
	// answers preflights, and pages can read refusals too.
	fromPage := cors.New(corsOptions(s.origin))
	other := http.NewServeMux()
	other.Handle("/", fromPage.Handler(api))
	other.Handle("/inside/", chain.Handler(newInside(fromPage)))
	return root, other, nil
}

// corsOptions lets a page of that origin read answers and challenges, and send
// tokens and cookies.
func corsOptions(origin string) cors.Options {
	return cors.Options{
		AllowedOrigins:   []string{origin},
		AllowedMethods:   []string{http.MethodGet, http.MethodPost},
		AllowedHeaders:   []string{"Authorization"},
		ExposedHeaders:   []string{"WWW-Authenticate"},
		AllowCredentials: true,
	}
}

func newAPI(s settings) http.Handler {
	mux := http.NewServeMux()
	rules := security.Rules{Now: s.now}
	mux.Handle("GET /api/me", rules.Authenticated().HandlerFunc(me))
	mux.Handle("POST /api/notes", rules.Authenticated().HandlerFunc(addNote))
	mux.Handle("POST /api/cookie", rules.Authenticated().HandlerFunc(setCookie))
	mux.HandleFunc("DELETE /api/cookie", dropCookie)
	mux.Handle("DELETE /api/everything", rules.MaxAge(s.maxAge).HandlerFunc(deleteEverything))

	// A script cannot see the status of a refused handshake, but the close code
	// of a connection.
	readable := security.Rules{WebSocketRefuse: wsauth.Refuse}
	mux.Handle("GET /ws", readable.Authenticated().Handler(security.UntilExpiry(http.HandlerFunc(greet))))
	mux.Handle("GET /ws/strict", security.Authenticated().Handler(security.UntilExpiry(http.HandlerFunc(greet))))
	mux.Handle("GET /events", security.Authenticated().Handler(security.UntilExpiry(http.HandlerFunc(events))))
	return mux
}

// newInside is the other way: a CORS layer for one route, inside its guard, which
// hands it the preflights that it would refuse. The route must then match
// OPTIONS as well, and no page can read the guard's refusals.
func newInside(layer *cors.Cors) http.Handler {
	mux := http.NewServeMux()
	guard := security.Rules{Preflight: http.HandlerFunc(layer.HandlerFunc)}.Authenticated()
	mux.Handle("/inside/me", guard.Handler(layer.Handler(http.HandlerFunc(me))))
	return mux
}

func me(w http.ResponseWriter, r *http.Request) {
	client, _ := authstar.ClientFrom(r.Context())
	writeJSON(w, http.StatusOK, map[string]any{"client_id": client.ClientID()})
}

func addNote(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusCreated, map[string]any{"noted": true})
}

func deleteEverything(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusOK, map[string]any{"deleted": "everything"})
}

// setCookie puts the token of the request into a cookie, for as long as it is
// good.
func setCookie(w http.ResponseWriter, r *http.Request) {
	client, _ := authstar.ClientAs[*authstar.Identity](r.Context())
	_, token, ok := strings.Cut(r.Header.Get("Authorization"), " ")
	if !ok {
		writeJSON(w, http.StatusBadRequest, map[string]any{"error": "invalid_request", "error_description": "send the token in the header Authorization"})
		return
	}
	writeCookie(w, r, http.Cookie{Value: strings.TrimLeft(token, " "), Expires: client.Expires})
}

func dropCookie(w http.ResponseWriter, r *http.Request) { writeCookie(w, r, http.Cookie{MaxAge: -1}) }

func writeCookie(w http.ResponseWriter, r *http.Request, c http.Cookie) {
	c.Name, c.Path, c.HttpOnly, c.Secure, c.SameSite = cookieName, "/", true, r.TLS != nil, http.SameSiteStrictMode
	http.SetCookie(w, &c)
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusNoContent)
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v)
}
