package authserver_test

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/authstar/authstar"
	"github.com/authstar/authstar/authserver"
)

const sessionCookie = "__Host-authstar-session"

// signedIn is a browser whose user stays signed in.
func (f *fixture) signedIn() *browser {
	f.Helper()
	b := f.browser()
	if a := b.logIn(b.authorize(ask()), "stay_signed_in", "1"); a.status != http.StatusSeeOther {
		f.Fatalf("%d %s", a.status, a.text)
	}
	return b
}

// what a browser gets: "login", "consent", "code" or the error.
func (f *fixture) what(a answer) string {
	f.Helper()
	if a.status == http.StatusSeeOther {
		_, values := f.sentBack(a)
		if values.Has("code") {
			return "code"
		}
		return values.Get("error")
	}
	for text, name := range map[string]string{"<h1>Log in</h1>": "login", "<h1>Allow access?</h1>": "consent", "<h1>That did not work</h1>": "error"} {
		if strings.Contains(a.text, text) {
			return name
		}
	}
	return a.text
}

// Who stays signed in is asked for no password by the next client, and by none
// who did not tick the box.
func TestStaySignedIn(t *testing.T) {
	f := newFixture(t)
	b := f.signedIn()
	if got := f.what(b.authorize(f.askFor("web"))); got != "code" {
		t.Errorf("the second client: %s", got)
	}
	if got := f.what(f.browser().authorize(f.askFor("web"))); got != "login" {
		t.Errorf("another browser: %s", got)
	}
	brief := f.browser()
	brief.logIn(brief.authorize(ask()))
	if got := f.what(brief.authorize(ask())); got != "login" || brief.cookies[sessionCookie] != "" {
		t.Errorf("without the box: %s", got)
	}
	f.advance(12*time.Hour - time.Second)
	if got := f.what(b.authorize(ask())); got != "code" {
		t.Errorf("after less than 12 hours: %s", got)
	}
	f.advance(time.Second)
	if got := f.what(b.authorize(ask())); got != "login" {
		t.Errorf("S07: after 12 hours: %s", got)
	}
}

// A session that is for the consent page shows that page, and nothing more.
func TestConsentIsNotStayingSignedIn(t *testing.T) {
	f := newFixture(t)
	b := f.browser()
	if got := f.what(b.logIn(b.authorize(f.askFor("cli")))); got != "consent" {
		t.Fatal(got)
	}
	if got := f.what(b.authorize(ask())); got != "login" {
		t.Errorf("another client: %s", got)
	}
	if got := f.what(b.authorize(f.askFor("cli"))); got != "consent" {
		t.Errorf("the same client: %s", got)
	}
	f.advance(10 * time.Minute)
	if got := f.what(b.authorize(f.askFor("cli"))); got != "login" {
		t.Errorf("after ten minutes: %s", got)
	}
}

// OpenID Connect Core section 3.1.2.1 and RFC 9470, with and without a session of
// a minute ago.
func TestPromptAndAge(t *testing.T) {
	for name, row := range map[string]struct {
		client            string
		pairs             []string
		anonymous, signed string
	}{
		"nothing":                       {"spa", nil, "login", "code"},
		"prompt=none":                   {"spa", []string{"prompt", "none"}, "login_required", "code"},
		"prompt=login":                  {"spa", []string{"prompt", "login"}, "login", "login"},
		"prompt=consent":                {"spa", []string{"prompt", "consent"}, "login", "consent"},
		"prompt=login consent":          {"spa", []string{"prompt", "login consent"}, "login", "login"},
		"prompt of spaces":              {"spa", []string{"prompt", "  "}, "login", "code"},
		"a client with consent":         {"cli", nil, "login", "consent"},
		"its prompt=none":               {"cli", []string{"prompt", "none"}, "login_required", "consent_required"},
		"its prompt=login":              {"cli", []string{"prompt", "login"}, "login", "login"},
		"max_age of a minute":           {"spa", []string{"max_age", "60"}, "login", "code"},
		"max_age of less":               {"spa", []string{"max_age", "59"}, "login", "login"},
		"max_age of 0":                  {"spa", []string{"max_age", "0"}, "login", "login"},
		"max_age of less, prompt=none":  {"spa", []string{"max_age", "59", "prompt", "none"}, "login_required", "login_required"},
		"max_age of a century":          {"spa", []string{"max_age", "2147483647"}, "login", "code"},
		"max_age of 0 and consent":      {"cli", []string{"max_age", "0"}, "login", "login"},
		"acr_values":                    {"spa", []string{"acr_values", "mfa"}, "login", "login"},
		"acr_values and prompt=none":    {"spa", []string{"acr_values", "mfa", "prompt", "none"}, "login_required", "login_required"},
		"acr_values of nothing":         {"spa", []string{"acr_values", " "}, "login", "code"},
		"one that is not known and mfa": {"spa", []string{"acr_values", "phr mfa"}, "login", "login"},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			b := f.signedIn()
			f.advance(time.Minute)
			if got := f.what(f.browser().authorize(f.askFor(row.client, row.pairs...))); got != row.anonymous {
				t.Errorf("without a session: %s, want %s", got, row.anonymous)
			}
			a := b.authorize(f.askFor(row.client, row.pairs...))
			if got := f.what(a); got != row.signed {
				t.Errorf("with a session: %s, want %s", got, row.signed)
			}
			for range 2 { // the page that was asked for leads to a code
				switch f.what(a) {
				case "login":
					a = b.submit(a, "username", "alice", "password", "with a token")
				case "consent":
					f.advance(time.Minute)
					a = b.submit(a, "decision", "allow")
				}
			}
			if got := f.what(a); row.signed == "login" && got != "code" || row.signed == "consent" && got != "code" {
				t.Errorf("in the end: %s", got)
			}
		})
	}
}

// A login that gets too old on the consent page is done again.
func TestConsentTakesTooLong(t *testing.T) {
	f := newFixture(t)
	b := f.signedIn()
	page := b.authorize(f.askFor("cli", "max_age", "60"))
	f.advance(61 * time.Second)
	again := b.submit(page, "decision", "allow")
	if got := f.what(again); got != "login" {
		t.Errorf("%s", got)
	}
	if got := f.what(b.logIn(again)); got != "consent" {
		t.Errorf("%s", got)
	}
}

// RFC 9470: a login that is not of the kind that was asked for is an error, and
// not a loop, with and without consent.
func TestUnmetAuthentication(t *testing.T) {
	f := newFixture(t)
	for _, client := range []string{"spa", "cli"} {
		b := f.browser()
		if got := f.what(b.logIn(b.authorize(f.askFor(client, "acr_values", "mfa")))); got != "unmet_authentication_requirements" {
			t.Errorf("%s: %s", client, got)
		}
		a := b.submit(b.authorize(f.askFor(client, "acr_values", "mfa", "max_age", "0")), "username", "alice", "password", "with a token")
		if got := f.what(a); got != map[string]string{"spa": "code", "cli": "consent"}[client] {
			t.Errorf("%s: %s", client, got)
		}
	}
}

// RFC 9470: what a login takes does not make it too old for the request that it is
// the answer to.
func TestSlowLoginIsFresh(t *testing.T) {
	for name, row := range map[string]struct {
		client, password string
		pairs            []string
		want             string
	}{
		"max_age=0":                          {"spa", "wonderland", []string{"max_age", "0"}, "code"},
		"max_age=0 of a client with consent": {"cli", "wonderland", []string{"max_age", "0"}, "consent"},
		"acr_values that are met":            {"spa", "with a token", []string{"max_age", "0", "acr_values", "mfa"}, "code"},
		"acr_values that are not met":        {"spa", "wonderland", []string{"max_age", "0", "acr_values", "mfa"}, "unmet_authentication_requirements"},
	} {
		t.Run(name, func(t *testing.T) {
			store := newSpy()
			f := newFixture(t, func(c *authserver.Config) { c.Store = store })
			store.before = func(string) { f.advance(time.Second) }
			b := f.browser()
			a := b.submit(b.authorize(f.askFor(row.client, row.pairs...)), "username", "alice", "password", row.password, "stay_signed_in", "1")
			if got := f.what(a); got != row.want {
				t.Errorf("%s, want %s", got, row.want)
			}
		})
	}
}

// S01: a session id that somebody else knows is not the user's.
func TestSessionIDsAreRenewed(t *testing.T) {
	f := newFixture(t)
	attacker := f.signedIn()
	planted := attacker.cookies[sessionCookie]
	for name, pairs := range map[string][]string{"who stays": {"stay_signed_in", "1"}, "who does not": nil} {
		victim := f.browser()
		victim.cookies[sessionCookie] = planted
		a := victim.submit(victim.authorize(ask("prompt", "login")), append([]string{"username", "bob", "password", "builder"}, pairs...)...)
		if f.what(a) != "code" || victim.cookies[sessionCookie] == planted {
			t.Errorf("S01: %s keeps the id", name)
		}
		if got := f.what(attacker.authorize(ask())); got != "login" {
			t.Errorf("S01: %s: the planted id gives a %s", name, got)
		}
		attacker = f.signedIn()
		planted = attacker.cookies[sessionCookie]
	}
}

// Who logs in as somebody else is that one from then on.
func TestAnotherUserLogsIn(t *testing.T) {
	f := newFixture(t)
	b := f.signedIn()
	b.submit(b.authorize(ask("prompt", "login")), "username", "bob", "password", "builder")
	if got := f.what(b.authorize(ask())); got != "login" {
		t.Errorf("the next client gets a %s for alice", got)
	}
}

// S05: cookies of an https issuer, and of one on loopback.
func TestCookies(t *testing.T) {
	for url, prefix := range map[string]string{issuer: "__Host-", "http://127.0.0.1:8082": ""} {
		f := newFixture(t, func(c *authserver.Config) { c.Issuer = url })
		b := f.browser()
		page := b.authorize(ask())
		set := (&http.Response{Header: page.header}).Cookies()
		set = append(set, (&http.Response{Header: b.logIn(page, "stay_signed_in", "1").header}).Cookies()...)
		names := make(map[string]int)
		for _, c := range set {
			names[c.Name] = c.MaxAge
			if c.Secure != (prefix != "") || !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || c.Path != "/" || c.Domain != "" || len(c.Raw) > 4096 || len(c.Value) != 43 {
				t.Errorf("S05: %s", c.Raw)
			}
		}
		if want := map[string]int{prefix + "authstar-form": 0, prefix + "authstar-session": 12 * 60 * 60}; !maps.Equal(names, want) {
			t.Errorf("S05: %v, want %v", names, want)
		}
		if a := b.authorize(ask("prompt", "login")); a.header.Get("Set-Cookie") != "" {
			t.Errorf("a second page sets %s", a.header.Get("Set-Cookie"))
		}
	}
}

// S02 S06 S10: what is no session.
func TestCookiesThatAreNone(t *testing.T) {
	f := newFixture(t)
	id := f.signedIn().cookies[sessionCookie]
	for _, value := range []string{"", "x", strings.Repeat("A", 43), id[:42], id[:42] + "!", strings.ToLower(id), id + "=", "user-1", strings.Repeat("A", 4000)} {
		b := f.browser()
		b.cookies[sessionCookie] = value
		if got := f.what(b.authorize(ask())); got != "login" {
			t.Errorf("S02: %q is a session: %s", value, got)
		}
		if got := f.what(b.logIn(b.authorize(ask()))); got != "code" {
			t.Errorf("S06: %q blocks the login: %s", value, got)
		}
	}
	if got := f.what(f.browser().authorize(ask("sid", id, sessionCookie, id))); got != "login" {
		t.Errorf("S10: %s", got)
	}
}

// S06
func TestEndSession(t *testing.T) {
	f := newFixture(t)
	b := f.signedIn()
	stolen := b.cookies[sessionCookie]
	r := httptest.NewRequest("POST", issuer+"/logout", nil)
	w := httptest.NewRecorder()
	if err := f.EndSession(w, r); err != nil || len(w.Header()) > 0 {
		t.Errorf("without a session: %v %v", err, w.Header())
	}
	r.AddCookie(&http.Cookie{Name: sessionCookie, Value: stolen})
	if err := f.EndSession(w, r); err != nil || w.Result().Cookies()[0].MaxAge >= 0 || w.Result().Cookies()[0].Name != sessionCookie {
		t.Errorf("%v %v", err, w.Header())
	}
	if got := f.what(b.authorize(ask())); got != "login" {
		t.Errorf("S06: the session lives: %s", got)
	}
}

// S08: a session knows what the user may today.
func TestSessionAsksAboutTheUser(t *testing.T) {
	f := withUser(t)
	b := f.signedIn()
	f.users["alice wonderland"] = authserver.Login{Subject: "user-1", Scopes: []string{"read"}}
	_, values := f.sentBack(b.authorize(ask()))
	if a := f.redeem(values.Get("code")); a.get("scope") != "read offline_access" || claims(t, a.get("access_token"))["role"] != nil {
		t.Errorf("S08: %s", a.text)
	}
	delete(f.users, "alice wonderland")
	if got := f.what(b.authorize(ask())); got != "login" {
		t.Errorf("S08: a user who is gone: %s", got)
	}
	f.users = newUsers()
	if got := f.what(b.authorize(ask())); got != "login" {
		t.Errorf("S08: the session came back: %s", got)
	}
}

// S08 O22: an answer about somebody else is none, for a session and for a refresh
// token.
func TestUserAnswersAboutAnother(t *testing.T) {
	for subject, want := range map[string]struct{ session, refresh string }{
		"user-1": {"code", "ok"},
		"user-2": {"login", "invalid_grant"},
		"USER-1": {"login", "invalid_grant"},
		"":       {"login", "invalid_grant"},
	} {
		f := newFixture(t, func(c *authserver.Config) {
			c.User = func(context.Context, string) (authserver.Login, error) {
				return authserver.Login{Subject: subject, Scopes: []string{"read"}}, nil
			}
		})
		b, token := f.signedIn(), f.tokens("spa").get("refresh_token")
		if got := f.what(b.authorize(ask())); got != want.session {
			t.Errorf("S08: %q: the session gets a %s", subject, got)
		}
		if got := f.refresh("spa", token).outcome(); got != want.refresh {
			t.Errorf("O22: %q: the refresh token: %s", subject, got)
		}
	}
}

func TestSessionWhenUserFails(t *testing.T) {
	var err error
	var f *fixture
	f = newFixture(t, func(c *authserver.Config) {
		c.User = func(ctx context.Context, subject string) (authserver.Login, error) {
			l, _ := f.user(ctx, subject)
			return l, err
		}
	})
	b := f.signedIn()
	err = errors.New("10.0.0.7 is down")
	if a := b.authorize(ask()); a.status != http.StatusServiceUnavailable || a.header.Get("Retry-After") == "" || strings.Contains(a.text, "10.0.0.7") {
		t.Errorf("%d %s", a.status, a.text)
	}
	err = nil
	if got := f.what(b.authorize(ask())); got != "code" {
		t.Errorf("afterwards: %s", got)
	}
	err = &authstar.Error{Code: authstar.AccessDenied}
	if got := f.what(b.authorize(ask())); got != "login" {
		t.Errorf("a refusal: %s", got)
	}
}
