package scsauth_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/alexedwards/scs/v2"
	"github.com/alexedwards/scs/v2/memstore"

	"github.com/authstar/authstar"
	"github.com/authstar/authstar/authenticators"
	"github.com/authstar/authstar/contrib/scsauth"
	"github.com/authstar/authstar/security"
)

// user is an application's own client.
type user struct {
	authstar.Identity
	Tenant string `json:"tenant"`
}

func carol() *user {
	return &user{Identity: authstar.Identity{ID: "carol", Scope: []string{"admin"}}, Tenant: "north"}
}

const site = "https://app.test"

// memory is a store that can be down.
type memory struct {
	*memstore.MemStore
	mu  sync.Mutex
	err error
}

func newMemory() *memory { return &memory{MemStore: memstore.NewWithCleanupInterval(0)} }

var errDown = errors.New("the store is down")

func (m *memory) fail(err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.err = err
}

func (m *memory) failure() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.err
}

func (m *memory) Find(token string) ([]byte, bool, error) {
	if err := m.failure(); err != nil {
		return nil, false, err
	}
	return m.MemStore.Find(token)
}

func (m *memory) Commit(token string, b []byte, expiry time.Time) error {
	if err := m.failure(); err != nil {
		return err
	}
	return m.MemStore.Commit(token, b, expiry)
}

func (m *memory) Delete(token string) error {
	if err := m.failure(); err != nil {
		return err
	}
	return m.MemStore.Delete(token)
}

// tokens are the names of the sessions in the store that have something in them.
func (m *memory) tokens() (list []string) {
	all, _ := m.All()
	for token, data := range all {
		if _, values, err := (scs.GobCodec{}).Decode(data); err != nil || len(values) > 0 {
			list = append(list, token)
		}
	}
	return list
}

// app is an API with a session manager, as an application writes it.
type app struct {
	t        *testing.T
	manager  *scs.SessionManager
	store    *memory
	sessions *scsauth.Sessions[*user]
	mux      *http.ServeMux
	handler  http.Handler
}

// template has the goroutine of a manager, which a synctest bubble would wait for.
var template = scsauth.NewManager()

func managerOver(store scs.Store) *scs.SessionManager {
	m := *template
	m.Store = store
	return &m
}

func newApp(t *testing.T, config scsauth.Config[*user]) *app {
	t.Helper()
	a := &app{t: t, store: newMemory()}
	a.manager = managerOver(a.store)
	a.build(config)
	return a
}

// over is the same app on another machine, which reaches the store in that way.
func (a *app) over(store scs.Store) *app {
	a.t.Helper()
	other := &app{t: a.t, store: a.store, manager: managerOver(store)}
	other.build(scsauth.Config[*user]{})
	return other
}

// build is also what a restarted application does.
func (a *app) build(config scsauth.Config[*user]) {
	a.t.Helper()
	var err error
	if a.sessions, err = scsauth.New(a.manager, config); err != nil {
		a.t.Fatal(err)
	}
	bearer := authenticators.TokenVerifierFunc(func(context.Context, string) (authstar.Client, error) { return nil, nil })
	chain, err := authstar.New(authenticators.NewBearer(bearer), a.sessions.Authenticator())
	if err != nil {
		a.t.Fatal(err)
	}
	me := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		u, ok := authstar.ClientAs[*user](r.Context())
		if !ok {
			fmt.Fprint(w, "-")
			return
		}
		fmt.Fprintf(w, "%s of %s: %s", u.ID, u.Tenant, strings.Join(u.Scope, " "))
	})
	a.mux = http.NewServeMux()
	a.mux.Handle("/open", me)
	a.mux.Handle("/me", security.Authenticated().Handler(me))
	a.mux.Handle("/admin", security.Scopes("admin").Handler(me))
	a.mux.Handle("/recent", security.MaxAge(time.Minute).Handler(me))
	a.mux.HandleFunc("POST /login", func(w http.ResponseWriter, r *http.Request) {
		answer(w, a.sessions.Login(r.Context(), carol()))
	})
	a.mux.HandleFunc("POST /logout", func(w http.ResponseWriter, r *http.Request) {
		answer(w, a.sessions.Logout(r.Context()))
	})
	a.mux.HandleFunc("POST /destroy", func(w http.ResponseWriter, r *http.Request) {
		answer(w, a.manager.Destroy(r.Context()))
	})
	a.mux.HandleFunc("POST /renew", func(w http.ResponseWriter, r *http.Request) {
		answer(w, a.manager.RenewToken(r.Context()))
	})
	a.mux.HandleFunc("POST /cart", func(w http.ResponseWriter, r *http.Request) {
		a.manager.Put(r.Context(), "cart", "tea")
	})
	a.mux.HandleFunc("GET /cart", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, a.manager.GetString(r.Context(), "cart"))
	})
	a.handler = a.sessions.Handler(chain.Handler(a.mux))
}

func answer(w http.ResponseWriter, err error) {
	if err != nil {
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
	}
}

// browser keeps cookies, and sends them to the app without a network.
type browser struct {
	app *app
	jar *cookiejar.Jar
}

func (a *app) browser() *browser {
	jar, _ := cookiejar.New(nil)
	return &browser{a, jar}
}

// do returns what the app answers.
func (b *browser) do(method, path string, header ...string) *httptest.ResponseRecorder {
	b.app.t.Helper()
	r := httptest.NewRequest(method, site+path, nil)
	for _, line := range header {
		name, value, _ := strings.Cut(line, ": ")
		r.Header.Add(name, value)
	}
	for _, c := range b.jar.Cookies(r.URL) {
		r.AddCookie(c)
	}
	w := httptest.NewRecorder()
	b.app.handler.ServeHTTP(w, r)
	b.jar.SetCookies(r.URL, w.Result().Cookies())
	return w
}

// ask is do, with a method and a path.
func (b *browser) ask(request string) {
	b.app.t.Helper()
	method, path, _ := strings.Cut(request, " ")
	b.do(method, path)
}

// want fails unless the answer has this status and, if it is not "", this body.
func (b *browser) want(status int, body, method, path string, header ...string) {
	b.app.t.Helper()
	w := b.do(method, path, header...)
	if w.Code != status || body != "" && w.Body.String() != body {
		b.app.t.Errorf("%s %s: %d %q, want %d %q", method, path, w.Code, w.Body, status, body)
	}
}

func (b *browser) login() {
	b.app.t.Helper()
	b.want(200, "", "POST", "/login")
}

func siteURL() *url.URL {
	u, _ := url.Parse(site)
	return u
}

// cookie is the session's, "" for none.
func (b *browser) cookie() string {
	for _, c := range b.jar.Cookies(siteURL()) {
		if c.Name == "__Host-session" {
			return c.Value
		}
	}
	return ""
}

// withCookie is another browser with that cookie.
func (a *app) withCookie(value string) *browser {
	b := a.browser()
	b.jar.SetCookies(siteURL(), []*http.Cookie{{Name: "__Host-session", Value: value, Secure: true, Path: "/"}})
	return b
}

const carolSeen = "carol of north: admin"
