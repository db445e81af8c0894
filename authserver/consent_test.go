package authserver_test

import (
	"testing"
	"time"
)

// Who did not ask to stay signed in is signed in for one consent page of one
// client, and no longer than until its answer.
func TestConsentEndsTheLogin(t *testing.T) {
	for name, row := range map[string]struct {
		stay, decision string
		next           []string // of the next request of "spa"
		want           string
	}{
		"another client that asks for consent, after Allow":               {"", "allow", []string{"prompt", "consent"}, "login"},
		"another client that asks for consent, after Refuse":              {"", "deny", []string{"prompt", "consent"}, "login"},
		"another client that asks for consent, before any answer":         {"", "", []string{"prompt", "consent"}, "login"},
		"the same client, after Allow":                                    {"", "allow", []string{"client_id", "cli", "redirect_uri", "http://127.0.0.1/cb"}, "login"},
		"the same client, after Refuse":                                   {"", "deny", []string{"client_id", "cli", "redirect_uri", "http://127.0.0.1/cb"}, "login"},
		"the same client, before any answer, is the page again":           {"", "", []string{"client_id", "cli", "redirect_uri", "http://127.0.0.1/cb"}, "consent"},
		"who stays signed in is not asked for a password, after Allow":    {"1", "allow", []string{"prompt", "consent"}, "consent"},
		"who stays signed in is not asked for a password, after Refuse":   {"1", "deny", []string{"prompt", "consent"}, "consent"},
		"who stays signed in is asked nothing, where there is no consent": {"1", "allow", nil, "code"},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			b := f.browser()
			page := b.logIn(b.authorize(f.askFor("cli")), "stay_signed_in", row.stay)
			id := b.cookies[sessionCookie]
			if row.decision != "" {
				want := map[string]string{"allow": "code", "deny": "access_denied"}[row.decision]
				if got := f.what(b.submit(page, "decision", row.decision)); got != want {
					t.Fatalf("the answer: %s", got)
				}
			}
			f.advance(9 * time.Minute)
			for _, cookie := range []string{b.cookies[sessionCookie], id} { // a copy is no better
				b.cookies[sessionCookie] = cookie
				if got := f.what(b.authorize(ask(row.next...))); got != row.want {
					t.Errorf("the next request: %s, want %s", got, row.want)
				}
			}
		})
	}
}

// A consent is that of the user whom the page named.
func TestConsentIsForOneUser(t *testing.T) {
	for name, row := range map[string]struct {
		username, password, want string
	}{
		"somebody else has logged in since": {"bob", "builder", "consent"},
		"the same user has logged in since": {"alice", "wonderland", "code"},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			b := f.signedIn()
			page := b.authorize(f.askFor("cli"))
			b.submit(b.authorize(ask("prompt", "login")), "username", row.username, "password", row.password, "stay_signed_in", "1")
			a := b.submit(page, "decision", "allow")
			if got := f.what(a); got != row.want {
				t.Fatalf("%s, want %s", got, row.want)
			}
			if row.want == "consent" { // and the page that names the present user is good
				a = b.submit(a, "decision", "allow")
			}
			_, values := f.sentBack(a)
			want := f.users[row.username+" "+row.password].Subject
			if got := claims(t, f.redeemAs("cli", values.Get("code")).get("access_token"))["sub"]; got != want {
				t.Errorf("the code is for %v, want %s", got, want)
			}
		})
	}
}

// A login that is asked for a consent by its request shows the page, and loses
// nothing of the request on the way.
func TestFreshLoginIsAskedForConsent(t *testing.T) {
	f := newFixture(t)
	for name, pairs := range map[string][]string{
		"prompt=consent":                  {"prompt", "consent"},
		"prompt=consent and a max_age":    {"prompt", "consent", "max_age", "60"},
		"prompt=login consent":            {"prompt", "login consent"},
		"prompt=consent login, max_age=0": {"prompt", "consent login", "max_age", "0"},
	} {
		for _, stay := range []string{"", "1"} {
			b := f.browser()
			page := b.logIn(b.authorize(ask(pairs...)), "stay_signed_in", stay)
			if got := f.what(page); got != "consent" {
				t.Fatalf("%s: %s", name, got)
			}
			want := map[string]string{"": "login", "1": "code"}[stay]
			if got := f.what(b.authorize(ask())); got != want {
				t.Errorf("%s: a request without consent gets a %s", name, got)
			}
			if got := f.what(b.submit(page, "decision", "allow")); got != "code" {
				t.Errorf("%s: allowed: %s", name, got)
			}
		}
	}
}
