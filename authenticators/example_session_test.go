package authenticators_test

import (
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"

	"github.com/authstar/authstar"
	"github.com/authstar/authstar/authenticators"
	"github.com/authstar/authstar/security"
)

// logins stands for a session manager.
var logins = map[string]string{"6QZ2h8c": "carol"}

// loadSession returns nil for a session that is gone, and the request goes on
// without it.
func loadSession(r *http.Request) (authstar.Client, error) {
	cookie, err := r.Cookie("__Host-session")
	if err != nil {
		return nil, err
	}
	user, ok := logins[cookie.Value]
	if !ok {
		return nil, nil
	}
	return &authstar.Identity{ID: user}, nil
}

func ExampleNewSession() {
	chain, err := authstar.New(authenticators.NewSession("__Host-session", loadSession))
	if err != nil {
		log.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /login", func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "the login page") })
	mux.Handle("POST /orders", security.Authenticated().HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		client, _ := authstar.ClientFrom(r.Context())
		fmt.Fprint(w, "ordered by ", client.ClientID())
	}))
	site := chain.Handler(mux)

	ask := func(method, path, session, origin string) {
		r := httptest.NewRequest(method, "https://shop.example"+path, nil)
		r.AddCookie(&http.Cookie{Name: "__Host-session", Value: session})
		r.Header.Set("Origin", origin)
		w := httptest.NewRecorder()
		site.ServeHTTP(w, r)
		if w.Code != http.StatusOK {
			fmt.Println(w.Code)
			return
		}
		fmt.Println(w.Code, w.Body)
	}
	ask("POST", "/orders", "6QZ2h8c", "https://shop.example")
	ask("POST", "/orders", "6QZ2h8c", "https://evil.example") // sent by carol's browser, not by carol
	ask("POST", "/orders", "expired", "https://shop.example")
	ask("GET", "/login", "expired", "https://shop.example")
	// Output:
	// 200 ordered by carol
	// 403
	// 401
	// 200 the login page
}
