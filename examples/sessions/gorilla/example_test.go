package gorilla_test

import (
	"crypto/rand"
	"fmt"
	"log"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"

	"github.com/authstar/authstar"
	"github.com/authstar/authstar/authenticators"
	"github.com/authstar/authstar/examples/sessions/gorilla"
	"github.com/authstar/authstar/security"
)

func random() []byte {
	key := make([]byte, 32)
	_, _ = rand.Read(key) // never fails
	return key
}

func Example() {
	store := gorilla.NewStore(random(), random())
	chain, err := authstar.New(authenticators.NewSession(gorilla.CookieName, gorilla.Load(store)))
	if err != nil {
		log.Fatal(err)
	}
	mux := http.NewServeMux()
	sameOrigin := http.NewCrossOriginProtection()
	mux.Handle("POST /login", sameOrigin.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		carol := &gorilla.User{Identity: authstar.Identity{ID: "carol", Scope: []string{"orders"}}, Team: "north"}
		if err := gorilla.Login(store, w, r, carol); err != nil {
			http.Error(w, "try again later", http.StatusServiceUnavailable)
		}
	})))
	mux.Handle("POST /logout", sameOrigin.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := gorilla.Logout(store, w, r); err != nil {
			http.Error(w, "try again later", http.StatusServiceUnavailable)
		}
	})))
	mux.Handle("/orders", security.Scopes("orders").HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		user, _ := authstar.ClientAs[*gorilla.User](r.Context())
		fmt.Printf("orders of %s, team %s\n", user.ID, user.Team)
	}))
	server := httptest.NewTLSServer(chain.Handler(mux))
	defer server.Close()

	browser := server.Client()
	browser.Jar, _ = cookiejar.New(nil)
	ask := func(method, path, origin string) {
		r, _ := http.NewRequest(method, server.URL+path, nil)
		r.Header.Set("Origin", origin)
		res, err := browser.Do(r)
		if err != nil {
			log.Fatal(err)
		}
		_ = res.Body.Close()
		fmt.Println(method, path, res.StatusCode)
	}
	ask("GET", "/orders", server.URL)
	ask("POST", "/login", server.URL)
	ask("POST", "/orders", server.URL)
	ask("POST", "/orders", "https://evil.example")
	ask("POST", "/logout", server.URL)
	ask("GET", "/orders", server.URL)
	// Output:
	// GET /orders 401
	// POST /login 200
	// orders of carol, team north
	// POST /orders 200
	// POST /orders 403
	// POST /logout 200
	// GET /orders 401
}
