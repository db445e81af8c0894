package scsauth_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/alexedwards/scs/v2"

	"github.com/authstar/authstar"
	"github.com/authstar/authstar/contrib/scsauth"
)

// S05 S07 S09: what a manager must not be, each alone, and the plain scs.New all
// at once.
func TestManagersThatAreRefused(t *testing.T) {
	for _, test := range []struct {
		name   string
		change func(*scs.SessionManager)
		want   string // "": is accepted
	}{
		{"as NewManager makes it", func(*scs.SessionManager) {}, ""},
		{"S05 SameSite=Strict", func(m *scs.SessionManager) { m.Cookie.SameSite = http.SameSiteStrictMode }, ""},
		{"S05 another name", func(m *scs.SessionManager) { m.Cookie.Name = "__Host-shop" }, ""},
		{"S05 a cookie that ends with the browser", func(m *scs.SessionManager) { m.Cookie.Persist = false }, ""},
		{"S05 no prefix", func(m *scs.SessionManager) { m.Cookie.Name = "session" }, "Cookie.Name"},
		{"S05 not Secure", func(m *scs.SessionManager) { m.Cookie.Secure = false }, "Cookie.Secure"},
		{"S05 not HttpOnly", func(m *scs.SessionManager) { m.Cookie.HttpOnly = false }, "Cookie.HttpOnly"},
		{"S05 SameSite=None", func(m *scs.SessionManager) { m.Cookie.SameSite = http.SameSiteNoneMode }, "Cookie.SameSite"},
		{"S05 no SameSite", func(m *scs.SessionManager) { m.Cookie.SameSite = 0 }, "Cookie.SameSite"},
		{"S05 a Domain", func(m *scs.SessionManager) { m.Cookie.Domain = "app.test" }, "Domain"},
		{"S05 a Path", func(m *scs.SessionManager) { m.Cookie.Path = "/app" }, "Path"},
		{"S09 plain ids", func(m *scs.SessionManager) { m.HashTokenInStore = false }, "HashTokenInStore"},
		{"S07 no lifetime", func(m *scs.SessionManager) { m.Lifetime = 0 }, "Lifetime"},
		{"S07 no idle timeout", func(m *scs.SessionManager) { m.IdleTimeout = 0 }, "IdleTimeout"},
		{"S07 an idle timeout that never comes", func(m *scs.SessionManager) { m.IdleTimeout = m.Lifetime + 1 }, "IdleTimeout"},
		{"no store", func(m *scs.SessionManager) { m.Store = nil }, "Store"},
		{"no codec", func(m *scs.SessionManager) { m.Codec = nil }, "Codec"},
	} {
		t.Run(test.name, func(t *testing.T) {
			m := managerOver(newMemory())
			test.change(m)
			_, err := scsauth.New(m, scsauth.Config[*user]{})
			if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
				t.Errorf("%v", err)
			}
		})
	}
	plain := scs.New()
	_, err := scsauth.New(plain, scsauth.Config[*user]{RefreshEvery: -1})
	for _, want := range []string{"Cookie.Name", "Cookie.Secure", "HashTokenInStore", "IdleTimeout", "RefreshEvery"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s is not in %v", want, err)
		}
	}
	plain.HashTokenInStore, plain.IdleTimeout = true, time.Hour
	if _, err := scsauth.New(plain, scsauth.Config[*user]{InsecureHTTP: true}); err != nil {
		t.Error(err)
	}
	if _, err := scsauth.New[*user](nil, scsauth.Config[*user]{}); err == nil {
		t.Error("a nil manager was accepted")
	}
}

type (
	pointerUser struct{ *authstar.Identity }
	deepUser    struct{ user }
	namedUser   struct{ Identity authstar.Identity }
	valueUser   struct{ *user }
)

func (u *namedUser) ClientID() string { return u.Identity.ID }
func (u *namedUser) Scopes() []string { return nil }

func TestTypesOfClients(t *testing.T) {
	accepts[*authstar.Identity](t, true)
	accepts[*user](t, true)
	accepts[authstar.Client](t, false)
	accepts[*pointerUser](t, false)
	accepts[*deepUser](t, false)
	accepts[*namedUser](t, false)
	accepts[valueUser](t, false)
}

func accepts[C authstar.Client](t *testing.T, want bool) {
	t.Helper()
	_, err := scsauth.New(managerOver(newMemory()), scsauth.Config[C]{})
	if (err == nil) != want {
		t.Errorf("%T: %v", *new(C), err)
	}
}

func TestUnwrap(t *testing.T) {
	a := newApp(t, scsauth.Config[*user]{})
	h := a.sessions.Handler(a.mux)
	if u, ok := h.(interface{ Unwrap() http.Handler }); !ok || u.Unwrap() != a.mux {
		t.Error("Handler cannot be looked through")
	}
}
