package authserver_test

import (
	"context"
	"errors"
	"fmt"
	"html"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/authstar/authstar"
	"github.com/authstar/authstar/authserver"
)

const wrongLogin = "The user name or the password is wrong."

// B07 N06: what a guess learns about an account.
func TestWrongPasswordAndUnknownUser(t *testing.T) {
	f := newFixture(t)
	type result struct {
		answer
		name string
	}
	var results []result
	for _, name := range []string{"alice", "nobody", "bob"} {
		b := f.browser()
		results = append(results, result{b.submit(b.authorize(ask()), "username", name, "password", "wrong"), name})
	}
	normal := func(r result) string {
		text := strings.Replace(r.text, `value="`+r.name+`"`, `value="NAME"`, 1)
		return inputElement.ReplaceAllString(text, "") // the form's token differs
	}
	for _, r := range results {
		if r.status != http.StatusForbidden || !strings.Contains(r.text, wrongLogin) || r.header.Get("Location") != "" || strings.Contains(r.text, "wrong\"") {
			t.Errorf("%s: %d %s", r.name, r.status, r.text)
		}
		if normal(r) != normal(results[0]) || !sameHeaders(r.header, results[0].header) {
			t.Errorf("B07: %s and %s differ:\n%v\n%v", r.name, results[0].name, r.answer, results[0].answer)
		}
	}
	if _, values := f.sentBack(func() answer { b := f.browser(); return b.logIn(b.authorize(ask())) }()); !values.Has("code") {
		t.Errorf("the right password: %v", values)
	}
}

// B04: the application is not asked about nothing.
func TestEmptyLogin(t *testing.T) {
	f := newFixture(t)
	b := f.browser()
	page := b.authorize(ask())
	for _, pairs := range [][]string{{"username", "alice"}, {"password", "wonderland"}, {"stay_signed_in", "1"}} {
		if a := b.submit(page, pairs...); a.status != http.StatusForbidden || !strings.Contains(a.text, wrongLogin) {
			t.Errorf("%v: %d", pairs, a.status)
		}
	}
	if len(f.logins) > 0 {
		t.Errorf("Login was asked about %q", f.logins)
	}
}

// B09: guesses at one account share a count, under whatever spelling and from
// wherever, and whether there is such an account or not.
func TestThrottleByAccount(t *testing.T) {
	for _, spellings := range [][]string{{"bob", "BOB", "Bob", " bob", "bob ", " BoB\t"}, {"nobody", "NOBODY", "nobody "}} {
		f := newFixture(t)
		guess := func(i int, password string) answer {
			b := f.browser()
			b.address = fmt.Sprintf("198.51.100.%d:1", i)
			b.headers = []string{"X-Forwarded-For", fmt.Sprintf("203.0.113.%d", i)}
			return b.submit(b.authorize(ask()), "username", spellings[i%len(spellings)], "password", password)
		}
		for i := range 10 {
			if a := guess(i, "wrong"); a.status != http.StatusForbidden {
				t.Fatalf("guess %d: %d", i, a.status)
			}
		}
		asked := len(f.logins)
		a := guess(11, "builder")
		if seconds, err := strconv.Atoi(a.header.Get("Retry-After")); a.status != http.StatusTooManyRequests || err != nil || seconds != 30 || !strings.Contains(a.text, "Too many attempts") {
			t.Errorf("B09: the right password after ten wrong ones: %d %v %s", a.status, a.header, a.text)
		}
		if len(f.logins) != asked {
			t.Error("B09: Login was asked")
		}
		b := f.browser()
		if a := b.logIn(b.authorize(ask())); a.status != http.StatusSeeOther {
			t.Errorf("another account: %d", a.status)
		}
		f.advance(30 * time.Second)
		if a := guess(12, "builder"); spellings[0] == "bob" && a.status != http.StatusSeeOther {
			t.Errorf("after the wait: %d", a.status)
		}
	}
}

// B09: an account has the name that the application gives it.
func TestCanonicalName(t *testing.T) {
	f := newFixture(t, func(c *authserver.Config) {
		c.Canonical = func(name string) string { return strings.ReplaceAll(name, ".", "") }
	})
	b := f.browser()
	page := b.authorize(ask())
	for i := range 10 {
		b.submit(page, "username", "b"+strings.Repeat(".", i)+"ob", "password", "x")
	}
	if a := b.submit(page, "username", "bob", "password", "builder"); a.status != http.StatusTooManyRequests {
		t.Errorf("%d", a.status)
	}
	if a := b.submit(page, "username", "BOB", "password", "builder"); a.status != http.StatusSeeOther {
		t.Errorf("another name: %d", a.status)
	}
}

// B09: and from one address there are so many guesses at all.
func TestThrottleByAddress(t *testing.T) {
	f := newFixture(t, func(c *authserver.Config) {
		c.ClientAddress = func(r *http.Request) string { return r.Header.Get("X-Real-IP") }
	})
	guess := func(address, name, password string) int {
		b := f.browser()
		b.headers = []string{"X-Real-IP", address}
		return b.submit(b.authorize(ask()), "username", name, "password", password).status
	}
	for i := range 50 {
		if got := guess("2001:db8::"+strconv.Itoa(i+1), "user"+strconv.Itoa(i), "x"); got != http.StatusForbidden {
			t.Fatalf("guess %d: %d", i, got)
		}
	}
	if got := guess("2001:db8::ffff", "alice", "wonderland"); got != http.StatusTooManyRequests {
		t.Errorf("the network after 50 guesses: %d", got)
	}
	if got := guess("2001:db8:0:1::1", "alice", "wonderland"); got != http.StatusSeeOther {
		t.Errorf("another network: %d", got)
	}
	f.advance(2 * time.Second)
	if got := guess("2001:db8::1", "alice", "wonderland"); got != http.StatusSeeOther {
		t.Errorf("after the wait: %d", got)
	}
}

// Who logs in often is not throttled, and a success forgives.
func TestSuccessIsNotCounted(t *testing.T) {
	f := newFixture(t)
	b := f.browser()
	page := b.authorize(ask())
	for range 60 {
		if a := b.logIn(page); a.status != http.StatusSeeOther {
			t.Fatalf("%d", a.status)
		}
	}
	for range 9 {
		b.logIn(page, "password", "x")
	}
	b.logIn(page)
	for range 9 {
		if a := b.logIn(page, "password", "x"); a.status != http.StatusForbidden {
			t.Errorf("after a success: %d", a.status)
		}
	}
}

// tooManyGuesses is what password.Verifier returns.
var tooManyGuesses = &authstar.Error{
	Code: authstar.TemporarilyUnavailable, StatusCode: http.StatusTooManyRequests, RetryAfter: 90 * time.Second,
	Description: "10.0.0.7 has them", Err: errors.New("10.0.0.7 counted"),
}

// What the application's check says, and what the user sees. It is asked twelve
// times, which is more than there are guesses.
func TestLoginCallback(t *testing.T) {
	for name, row := range map[string]struct {
		login authserver.Login
		err   error
		want  int
	}{
		"an outage":             {err: errors.New("10.0.0.7 is down"), want: 503},
		"a stated outage":       {err: &authstar.Error{Code: authstar.TemporarilyUnavailable, RetryAfter: time.Minute}, want: 503},
		"a fault":               {err: &authstar.Error{Code: authstar.ServerError, Description: "10.0.0.7"}, want: 500},
		"a refusal":             {err: &authstar.Error{Code: authstar.AccessDenied, Description: "locked by 10.0.0.7"}, want: 403},
		"too many guesses":      {err: tooManyGuesses, want: 429},
		"too many, wrapped":     {err: fmt.Errorf("10.0.0.7: %w", tooManyGuesses), want: 429},
		"an outage called 403":  {err: &authstar.Error{Code: authstar.TemporarilyUnavailable, StatusCode: 403, Description: "10.0.0.7"}, want: 503},
		"nobody":                {want: 403},
		"an outage of somebody": {login: authserver.Login{Subject: "user-1"}, err: errors.New("x"), want: 503},
		"somebody":              {login: authserver.Login{Subject: "user-1", Scopes: []string{"read"}}, want: 303},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t, func(c *authserver.Config) {
				c.Login = func(context.Context, string, string) (authserver.Login, error) { return row.login, row.err }
			})
			b := f.browser()
			page := b.authorize(ask())
			for range 12 {
				a := b.logIn(page)
				if a.status != row.want {
					t.Fatalf("%d, want %d: %s", a.status, row.want, a.text)
				}
				if strings.Contains(a.text, "10.0.0.7") || a.status != http.StatusSeeOther && a.header.Get("Location") != "" {
					t.Errorf("N06: %v %s", a.header, a.text)
				}
				if a.status == 503 && (a.header.Get("Retry-After") == "" || !strings.Contains(a.text, "Try again")) {
					t.Errorf("%v %s", a.header, a.text)
				}
				if a.status == 429 && (a.header.Get("Retry-After") != "90" || !strings.Contains(a.text, "Too many attempts")) {
					t.Errorf("%v %s", a.header, a.text)
				}
				if (a.status == 403) != strings.Contains(a.text, wrongLogin) {
					t.Errorf("B07: %s", a.text)
				}
				if row.want == 403 {
					f.advance(10 * time.Minute)
				}
			}
		})
	}
}

// O26: a form that is not ours logs nobody in.
func TestForeignForms(t *testing.T) {
	f := newFixture(t)
	b := f.browser()
	page := b.authorize(ask())
	_, good := form(page)
	other := f.browser()
	_, foreign := form(other.authorize(ask()))
	post := func(cookies map[string]string, values url.Values, headers ...string) answer {
		b := f.browser()
		b.cookies, b.headers = cookies, headers
		return b.do(http.MethodPost, issuer+"/authorize", params(values, "username", "alice", "password", "wonderland"))
	}
	for name, a := range map[string]answer{
		"without the token":                post(b.cookies, params(good, "form_token", "")),
		"with an empty token":              post(b.cookies, with(params(good, "form_token", ""), "form_token", "")),
		"with another token":               post(b.cookies, params(good, "form_token", foreign.Get("form_token"))),
		"with a changed token":             post(b.cookies, params(good, "form_token", good.Get("form_token")[1:]+"A")),
		"with the token, without a cookie": post(map[string]string{}, good),
		"with an empty cookie and token":   post(map[string]string{"__Host-authstar-form": ""}, params(good, "form_token", "")),
		"with a short cookie and token":    post(map[string]string{"__Host-authstar-form": "x"}, params(good, "form_token", "x")),
		"from another site":                post(b.cookies, good, "Sec-Fetch-Site", "cross-site"),
		"from a neighbour":                 post(b.cookies, good, "Sec-Fetch-Site", "same-site"),
		"from another origin":              post(b.cookies, good, "Sec-Fetch-Site", "", "Origin", "https://evil.example"),
		"from no origin":                   post(b.cookies, good, "Sec-Fetch-Site", "", "Origin", "null"),
		"a decision":                       post(b.cookies, params(good, "form_token", "", "decision", "allow")),
	} {
		if a.status != http.StatusForbidden || a.header.Get("Location") != "" || !strings.Contains(a.text, "Try again") {
			t.Errorf("O26: %s: %d %v %s", name, a.status, a.header, a.text)
		}
	}
	if len(f.logins) > 0 {
		t.Errorf("O26: Login was asked about %q", f.logins)
	}
	for name, a := range map[string]answer{
		"our own":                       post(b.cookies, good),
		"our own, from an old browser":  post(b.cookies, good, "Sec-Fetch-Site", "", "Origin", issuer),
		"our own, from a tool":          post(b.cookies, good, "Sec-Fetch-Site", ""),
		"a second tab with one of them": post(b.cookies, good),
	} {
		if a.status != http.StatusSeeOther {
			t.Errorf("%s: %d %s", name, a.status, a.text)
		}
	}
}

// The way back after a refused form asks for the same again, and no less.
func TestTryAgainKeepsTheRequest(t *testing.T) {
	f := newFixture(t)
	b := f.browser()
	b.logIn(b.authorize(ask()), "stay_signed_in", "1")
	page := b.authorize(ask("prompt", "login", "max_age", "5"))
	_, values := form(page)
	a := b.do(http.MethodPost, issuer+"/authorize", params(values, "form_token", "x", "username", "alice", "password", "wonderland"))
	_, link, _ := strings.Cut(a.text, `<a href="`)
	link, _, _ = strings.Cut(link, `"`)
	again, err := url.Parse(html.UnescapeString(link))
	if err != nil || again.Query().Encode() != ask("prompt", "login", "max_age", "5").Encode() {
		t.Errorf("%s: %v", link, err)
	}
	if strings.Contains(a.text, "wonderland") {
		t.Error("the page shows the password")
	}
	if a := b.get(again.String()); a.status != http.StatusOK {
		t.Errorf("%d %v: the user is not asked", a.status, a.header)
	}
}

// RFC 6749 section 3.1.2.1, O17: no password goes into a URL, and none comes from one.
func TestPasswordsAreNotInURLs(t *testing.T) {
	f := newFixture(t)
	b := f.browser()
	a := b.authorize(ask("username", "alice", "password", "wonderland", "decision", "allow", "form_token", strings.Repeat("x", 43)))
	if a.status != http.StatusOK || strings.Contains(a.text, "wonderland") || len(f.logins) > 0 {
		t.Errorf("%d %s", a.status, a.text)
	}
	_, values := form(a)
	if values.Has("username") || values.Has("decision") || len(values["form_token"]) != 1 || values.Get("form_token") == strings.Repeat("x", 43) {
		t.Errorf("the form has %v", values)
	}
}

// O32: claims that no token can have are the application's fault, and not the
// user's: neither a wrong guess nor an outage.
func TestClaimsThatCannotBe(t *testing.T) {
	claims := map[string]any{"role": "admin"}
	f := newFixture(t, func(c *authserver.Config) {
		login := func() (authserver.Login, error) {
			return authserver.Login{Subject: "user-1", Claims: claims, Scopes: []string{"read"}}, nil
		}
		c.Login = func(context.Context, string, string) (authserver.Login, error) { return login() }
		c.User = func(context.Context, string) (authserver.Login, error) { return login() }
	})
	b, token := f.signedIn(), f.tokens("spa").get("refresh_token")
	for name, bad := range map[string]any{"too long": strings.Repeat("x", 10<<10), "no JSON": func() {}} {
		claims = map[string]any{"bad": bad}
		for range 12 {
			f.refusals = nil
			person := f.browser()
			a := person.logIn(person.authorize(ask()))
			if a.status != http.StatusInternalServerError || a.header.Get("Location") != "" || !strings.Contains(a.text, `role="alert"`) {
				t.Errorf("%s: %d %s", name, a.status, a.text)
			}
			if len(f.refusals) != 1 || f.refusals[0].Code != authstar.ServerError || !strings.Contains(f.refusals[0].Error(), "claims of a login") {
				t.Errorf("%s: the observer was told %v", name, f.refusals)
			}
		}
		if a := b.authorize(ask()); a.status != http.StatusInternalServerError {
			t.Errorf("%s: a session: %d", name, a.status)
		}
		if a := f.refresh("spa", token); a.status != http.StatusInternalServerError || a.get("error") != "server_error" {
			t.Errorf("%s: a refresh: %d %s", name, a.status, a.text)
		}
	}
	claims = map[string]any{"long": strings.Repeat("x", 10<<10-len(`{"long":""}`))}
	a := f.refresh("spa", token)
	if a.status != http.StatusOK {
		t.Fatalf("the longest: %d %s", a.status, a.text)
	}
	f.wantAlive("the longest", a.get("access_token"))
	if got := f.what(b.authorize(ask())); got != "code" {
		t.Errorf("the longest, of a session: %s", got)
	}
}
