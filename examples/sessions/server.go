package main

import (
	"errors"
	"fmt"
	"html/template"
	"math"
	"net/http"
	"strconv"
	"time"

	"github.com/alexedwards/scs/v2"

	"github.com/authstar/authstar"
	"github.com/authstar/authstar/authenticators/password"
	"github.com/authstar/authstar/contrib/scsauth"
	"github.com/authstar/authstar/security"
)

// site is what the handlers of the login need.
type site struct {
	sessions  *scsauth.Sessions[*user]
	passwords *password.Verifier
}

// newServer is the whole site: sessions around a chain around guarded routes.
// What changed about a user shows after that long.
func newServer(manager *scs.SessionManager, users *users, refresh time.Duration) (http.Handler, error) {
	sessions, err := scsauth.New(manager, scsauth.Config[*user]{Refresh: users.refresh, RefreshEvery: refresh})
	if err != nil {
		return nil, err
	}
	passwords, err := password.New(password.Config{Lookup: users.lookup})
	if err != nil {
		return nil, err
	}
	chain, err := authstar.New(sessions.Authenticator())
	if err != nil {
		return nil, err
	}
	s := &site{sessions, passwords}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", home)
	mux.Handle("GET /orders", security.Scopes("orders").HandlerFunc(listOrders))
	mux.Handle("POST /orders", security.Scopes("orders").HandlerFunc(addOrder))
	mux.Handle("GET /admin", security.Scopes("admin").HandlerFunc(hello))
	mux.Handle("GET /account", security.MaxAge(5*time.Minute).HandlerFunc(hello))

	// Without a session yet, there is nothing that the chain could protect: a page
	// of another site must not log people in as somebody else, or out.
	sameOrigin := http.NewCrossOriginProtection()
	mux.Handle("POST /login", sameOrigin.Handler(http.HandlerFunc(s.login)))
	mux.Handle("POST /logout", sameOrigin.Handler(http.HandlerFunc(s.logout)))
	return sessions.Handler(chain.Handler(mux)), nil
}

func (s *site) login(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, 4<<10)
	if err := r.ParseForm(); err != nil {
		http.Error(w, "the form is malformed or too long", http.StatusBadRequest)
		return
	}
	// Behind a proxy, the address is not RemoteAddr.
	client, err := s.passwords.CheckFrom(r.Context(), r.RemoteAddr, r.PostForm.Get("username"), r.PostForm.Get("password"))
	if err != nil {
		sayLater(w, err)
		return
	}
	u, ok := client.(*user)
	if !ok {
		http.Error(w, "the user name or the password is wrong", http.StatusUnauthorized)
		return
	}
	if err := s.sessions.Login(r.Context(), u); err != nil {
		sayLater(w, err)
		return
	}
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

func (s *site) logout(w http.ResponseWriter, r *http.Request) {
	if err := s.sessions.Logout(r.Context()); err != nil {
		sayLater(w, err)
		return
	}
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

// sayLater answers that the password could not be checked, or the session not
// kept.
func sayLater(w http.ResponseWriter, err error) {
	status, after := http.StatusServiceUnavailable, time.Second
	if e, ok := errors.AsType[*authstar.Error](err); ok {
		status, after = e.Status(), max(after, e.RetryAfter)
	}
	w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(after.Seconds()))))
	http.Error(w, "try again later", status)
}

func listOrders(w http.ResponseWriter, r *http.Request) { fmt.Fprintln(w, "tea") }

func addOrder(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusCreated) }

func hello(w http.ResponseWriter, r *http.Request) {
	u, _ := authstar.ClientAs[*user](r.Context())
	fmt.Fprintf(w, "hello %s\n", u.Name)
}

// home is open to everybody, and knows who is there.
func home(w http.ResponseWriter, r *http.Request) {
	u, _ := authstar.ClientAs[*user](r.Context())
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	_ = page.Execute(w, u)
}

var page = template.Must(template.New("").Parse(`<!doctype html>
<html lang="en">
<title>Sessions</title>
{{if .}}
<p>Hello {{.Name}}. <a href="/orders">Orders</a> <a href="/admin">Admin</a> <a href="/account">Account</a></p>
<form method="post" action="/logout"><button>Log out</button></form>
{{else}}
<form method="post" action="/login">
<label>User name <input name="username" autocomplete="username"></label>
<label>Password <input name="password" type="password" autocomplete="current-password"></label>
<button>Log in</button>
</form>
<p>alice: wonderland, carol: looking-glass</p>
{{end}}
`))
