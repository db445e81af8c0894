package scsauth_test

import (
	"context"
	"fmt"
	"log"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"time"

	"github.com/authstar/authstar"
	"github.com/authstar/authstar/contrib/scsauth"
	"github.com/authstar/authstar/security"
)

// Member is an application's own client: an Identity and more.
type Member struct {
	authstar.Identity
	Team string `json:"team"`
}

// findMember is what an application asks its database.
func findMember(_ context.Context, m *Member) (*Member, error) {
	return &Member{Identity: authstar.Identity{ID: m.ID, Scope: []string{"orders:read"}}, Team: "north"}, nil
}

func Example() {
	sessions, err := scsauth.New(scsauth.NewManager(), scsauth.Config[*Member]{
		Refresh: findMember, RefreshEvery: time.Minute, // a scope that was taken away is gone after a minute
	})
	if err != nil {
		log.Fatal(err)
	}
	chain, err := authstar.New(sessions.Authenticator())
	if err != nil {
		log.Fatal(err)
	}

	mux := http.NewServeMux()
	sameOrigin := http.NewCrossOriginProtection() // nobody is logged in by a page of another site
	mux.Handle("POST /login", sameOrigin.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// ... once the password is checked:
		member, _ := findMember(r.Context(), &Member{Identity: authstar.Identity{ID: r.PostFormValue("username")}})
		if err := sessions.Login(r.Context(), member); err != nil {
			http.Error(w, "try again later", http.StatusServiceUnavailable)
		}
	})))
	mux.Handle("POST /logout", sameOrigin.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := sessions.Logout(r.Context()); err != nil {
			http.Error(w, "try again later", http.StatusServiceUnavailable)
		}
	})))
	mux.Handle("GET /orders", security.Scopes("orders:read").HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		member, _ := authstar.ClientAs[*Member](r.Context())
		fmt.Printf("orders of %s, team %s\n", member.ID, member.Team)
	}))
	server := httptest.NewTLSServer(sessions.Handler(chain.Handler(mux)))
	defer server.Close()

	browser := server.Client()
	browser.Jar, _ = cookiejar.New(nil)
	ask := func(res *http.Response, err error) {
		if err != nil {
			log.Fatal(err)
		}
		_ = res.Body.Close()
		fmt.Println(res.Request.Method, res.Request.URL.Path, res.StatusCode)
	}
	ask(browser.Get(server.URL + "/orders"))
	ask(browser.PostForm(server.URL+"/login", map[string][]string{"username": {"carol"}}))
	ask(browser.Get(server.URL + "/orders"))
	ask(browser.PostForm(server.URL+"/logout", nil))
	ask(browser.Get(server.URL + "/orders"))
	// Output:
	// GET /orders 401
	// POST /login 200
	// orders of carol, team north
	// GET /orders 200
	// POST /logout 200
	// GET /orders 401
}
