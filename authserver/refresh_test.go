package authserver_test

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/authstar/authstar"
	"github.com/authstar/authstar/authserver"
)

// withUser makes a server that asks about its users again.
func withUser(t testing.TB, change ...func(*authserver.Config)) *fixture {
	var f *fixture
	f = newFixture(t, append(change, func(c *authserver.Config) {
		c.User = func(ctx context.Context, subject string) (authserver.Login, error) { return f.user(ctx, subject) }
	})...)
	return f
}

// TK-25 TK-26 O21
func TestRotation(t *testing.T) {
	for _, who := range []string{"spa", "web:web-secret"} {
		f := newFixture(t)
		first := f.tokens(who)
		second := f.refresh(who, first.get("refresh_token"))
		if second.status != http.StatusOK || second.get("refresh_token") == first.get("refresh_token") || second.get("scope") != first.get("scope") {
			t.Fatalf("TK-25: %d %s", second.status, second.text)
		}
		third := f.refresh(who, second.get("refresh_token"))
		f.wantAlive("the third", third.get("access_token"))
		for _, spent := range []answer{second, first} {
			if a := f.refresh(who, spent.get("refresh_token")); a.get("error") != "invalid_grant" {
				t.Errorf("O21: a spent token: %s", a.text)
			}
			if a := f.refresh(who, third.get("refresh_token")); a.get("error") != "invalid_grant" {
				t.Errorf("TK-26: the family lives: %s", a.text)
			}
		}
		for _, a := range []answer{first, second, third} {
			f.wantDead("O21", a.get("access_token"))
		}
	}
}

// O21: a token that was spent long before the last one is known, too.
func TestReuseOfAnOldToken(t *testing.T) {
	f := newFixture(t)
	first := f.tokens("spa")
	last := f.refresh("spa", f.refresh("spa", first.get("refresh_token")).get("refresh_token"))
	if a := f.refresh("spa", first.get("refresh_token")); a.get("error") != "invalid_grant" {
		t.Errorf("%s", a.text)
	}
	if a := f.refresh("spa", last.get("refresh_token")); a.get("error") != "invalid_grant" {
		t.Errorf("O21: the family lives: %s", a.text)
	}
}

// O21 TK-25: what does not harm the owner of a refresh token.
func TestStrangersDoNoHarm(t *testing.T) {
	f := newFixture(t)
	first := f.tokens("spa")
	token := first.get("refresh_token")
	jti, _, _ := strings.Cut(claims(t, first.get("access_token"))["jti"].(string), ".")
	for name, ask := range map[string]func() answer{
		"another client":                  func() answer { return f.refresh("other:other-secret", token) },
		"another public client":           func() answer { return f.refresh("cli", token) },
		"a part of it":                    func() answer { return f.refresh("spa", token[:64]) },
		"a longer one":                    func() answer { return f.refresh("spa", token+"A") },
		"letters that no token has":       func() answer { return f.refresh("spa", token[:64]+"!") },
		"an invented one":                 func() answer { return f.refresh("spa", strings.Repeat("x", 65)) },
		"one made of the access token":    func() answer { return f.refresh("spa", jti+token[22:]) },
		"one made up of the access token": func() answer { return f.refresh("spa", jti+strings.Repeat("x", 43)) },
		"the access token":                func() answer { return f.refresh("spa", first.get("access_token")) },
	} {
		if a := ask(); a.get("error") != "invalid_grant" {
			t.Errorf("%s: %d %s", name, a.status, a.text)
		}
	}
	if a := f.refresh("spa", ""); a.get("error") != "invalid_request" {
		t.Errorf("no token: %s", a.text)
	}
	if a := f.refresh("short", token); a.get("error") != "unauthorized_client" {
		t.Errorf("a client without the grant: %s", a.text)
	}
	if a := f.refresh("spa", token); a.status != http.StatusOK {
		t.Errorf("and its owner: %s", a.text)
	}
}

// O21: of 50 at once at most one gets a token, and the family ends.
func TestConcurrentRefresh(t *testing.T) {
	f := newFixture(t)
	token := f.tokens("spa").get("refresh_token")
	answers := together(50, func() answer { return f.refresh("spa", token) })
	var won []answer
	for _, a := range answers {
		if a.status == http.StatusOK {
			won = append(won, a)
		} else if a.get("error") != "invalid_grant" {
			t.Errorf("%d %s", a.status, a.text)
		}
	}
	if len(won) != 1 {
		t.Fatalf("%d of 50 succeeded", len(won))
	}
	f.wantDead("O21", won[0].get("access_token"))
	if a := f.refresh("spa", won[0].get("refresh_token")); a.get("error") != "invalid_grant" {
		t.Errorf("O21: the family lives: %s", a.text)
	}
}

// together calls f n times at once.
func together(n int, f func() answer) []answer {
	answers := make([]answer, n)
	start := make(chan struct{})
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			<-start
			answers[i] = f()
		})
	}
	close(start)
	wg.Wait()
	return answers
}

// O22 TK-25
func TestRefreshedScope(t *testing.T) {
	f := newFixture(t)
	token := f.tokens("spa", "scope", "read offline_access").get("refresh_token")
	for _, row := range []struct{ asked, want string }{
		{"write", "invalid_scope"},
		{"read admin", "invalid_scope"},
		{"READ", "invalid_scope"},
		{"read", "read"},
		{"", "read offline_access"},
		{"read  read", "read"},
		{" ", "read offline_access"},
	} {
		a := f.refresh("spa", token, "scope", row.asked)
		if a.status == http.StatusOK {
			token = a.get("refresh_token")
		}
		if got := a.get("error") + a.get("scope"); got != row.want {
			t.Errorf("scope %q: %s, want %s", row.asked, a.text, row.want)
		}
	}
	if a := f.refresh("spa", token, "resource", "https://other.example"); a.get("error") != "invalid_target" {
		t.Errorf("TK-28: %s", a.text)
	}
	if a := f.refresh("spa", token, "resource", issuer); a.status != http.StatusOK {
		t.Errorf("the resource that was granted: %s", a.text)
	}
}

// Only offline_access gets a refresh token, and only for a client that may use it.
func TestWhoGetsARefreshToken(t *testing.T) {
	f := newFixture(t)
	if a := f.tokens("spa", "scope", "read"); a.body["refresh_token"] != nil {
		t.Errorf("without offline_access: %s", a.text)
	}
	if a := f.tokens("spa", "scope", ""); a.body["refresh_token"] != nil || a.get("scope") != "read write" {
		t.Errorf("without a scope: %s", a.text)
	}
	if a := f.tokens("short"); a.body["refresh_token"] != nil || a.get("scope") != "read write" {
		t.Errorf("a client without the grant: %s", a.text)
	}
	if a := f.tokens("spa"); a.get("refresh_token") == "" {
		t.Errorf("with all: %s", a.text)
	}
}

// O22
func TestUserIsGone(t *testing.T) {
	f := withUser(t)
	a := f.tokens("spa")
	f.users["alice wonderland"] = authserver.Login{}
	if a := f.refresh("spa", a.get("refresh_token")); a.get("error") != "invalid_grant" {
		t.Errorf("O22: %s", a.text)
	}
	f.wantDead("O22", a.get("access_token"))
	f.users = newUsers()
	if a := f.refresh("spa", a.get("refresh_token")); a.get("error") != "invalid_grant" {
		t.Errorf("O22: the family came back: %s", a.text)
	}
}

// O22: what is taken from the user is not in the next token, and what is new is.
func TestUserHasChanged(t *testing.T) {
	f := withUser(t)
	first := f.tokens("spa")
	f.users["alice wonderland"] = authserver.Login{Subject: "user-1", Claims: map[string]any{"role": "user"}, Scopes: []string{"read"}}
	for range 2 { // which spends nothing
		if a := f.refresh("spa", first.get("refresh_token"), "scope", "write"); a.get("error") != "invalid_scope" {
			t.Errorf("O22: all that was asked for is taken away: %s", a.text)
		}
	}
	second := f.refresh("spa", first.get("refresh_token"))
	if got := claims(t, second.get("access_token")); second.get("scope") != "read offline_access" || got["scope"] != "read offline_access" || got["role"] != "user" {
		t.Errorf("O22: %s %v", second.text, got)
	}
	if a := f.refresh("spa", second.get("refresh_token"), "scope", "write"); a.get("error") != "invalid_scope" {
		t.Errorf("O22: %s", a.text)
	}
}

// O22: what is taken from the client.
func TestClientHasChanged(t *testing.T) {
	f := newFixture(t)
	first := f.tokens("spa")
	f.replace("spa", func(c *authserver.Client) { c.Scope = []string{"write"} })
	second := f.refresh("spa", first.get("refresh_token"))
	if second.get("scope") != "write offline_access" {
		t.Errorf("O22: %s", second.text)
	}
	f.replace("spa", func(c *authserver.Client) { c.Grants = c.Grants[:1] })
	if a := f.refresh("spa", second.get("refresh_token")); a.get("error") != "unauthorized_client" {
		t.Errorf("O22: %s", a.text)
	}
	delete(f.clients, "spa")
	if a := f.refresh("spa", second.get("refresh_token")); a.get("error") != "invalid_client" {
		t.Errorf("O22: %s", a.text)
	}
}

// An outage of User spends nothing.
func TestUserCallbackFails(t *testing.T) {
	var err error
	var f *fixture
	f = newFixture(t, func(c *authserver.Config) {
		c.User = func(ctx context.Context, subject string) (authserver.Login, error) {
			l, _ := f.user(ctx, subject)
			return l, err
		}
	})
	token := f.tokens("spa").get("refresh_token")
	for _, err = range []error{errors.New("10.0.0.7 is down"), &authstar.Error{Code: authstar.TemporarilyUnavailable}} {
		if a := f.refresh("spa", token); a.status != http.StatusServiceUnavailable || a.header.Get("Retry-After") == "" || strings.Contains(a.text, "10.0.0.7") {
			t.Errorf("%d %s", a.status, a.text)
		}
	}
	err = nil
	a := f.refresh("spa", token)
	if a.status != http.StatusOK {
		t.Fatalf("afterwards: %s", a.text)
	}
	err = &authstar.Error{Code: authstar.AccessDenied}
	if a := f.refresh("spa", a.get("refresh_token")); a.get("error") != "invalid_grant" {
		t.Errorf("a refusal: %s", a.text)
	}
}

// An unused token ends, and so does a login that is refreshed for ever.
func TestRefreshLifetimes(t *testing.T) {
	const day = 24 * time.Hour
	for name, row := range map[string]struct {
		wait  time.Duration
		times int // that go well
	}{
		"idle for less than 2 days": {2*day - time.Second, 5},
		"idle for 2 days":           {2 * day, 0},
		"every day":                 {day, 9},
		"every hour":                {time.Hour, 239},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t, func(c *authserver.Config) { c.RefreshIdle, c.RefreshLifetime = 2*day, 10*day })
			token := f.tokens("spa").get("refresh_token")
			times := 0
			for {
				f.advance(row.wait)
				a := f.refresh("spa", token)
				if a.status != http.StatusOK {
					if a.get("error") != "invalid_grant" {
						t.Errorf("%d %s", a.status, a.text)
					}
					break
				}
				token = a.get("refresh_token")
				times++
			}
			if times != row.times {
				t.Errorf("refreshed %d times, want %d", times, row.times)
			}
		})
	}
}

// Every refresh begins the idle time anew, and a store that keeps values longer
// keeps no login alive.
func TestIdleAfterARefresh(t *testing.T) {
	const day = 24 * time.Hour
	lifetimes := func(c *authserver.Config) { c.RefreshIdle, c.RefreshLifetime = 2*day, 10*day }
	f := newFixture(t, lifetimes)
	token := f.refresh("spa", f.tokens("spa").get("refresh_token")).get("refresh_token")
	f.advance(2 * day)
	if a := f.refresh("spa", token); a.get("error") != "invalid_grant" {
		t.Errorf("%s", a.text)
	}
	late := newFixture(t, lifetimes, func(c *authserver.Config) { c.Store = newSpy() })
	for _, wait := range []time.Duration{2 * day, 10 * day} {
		token = late.tokens("spa").get("refresh_token")
		late.advance(wait)
		if a := late.refresh("spa", token); a.get("error") != "invalid_grant" {
			t.Errorf("after %v: %s", wait, a.text)
		}
	}
	token = late.tokens("spa").get("refresh_token")
	late.advance(2*day - time.Second)
	if a := late.refresh("spa", token); a.status != http.StatusOK {
		t.Errorf("in time: %s", a.text)
	}
}

// The login's time and class stay what they were.
func TestRefreshKeepsWhenTheUserLoggedIn(t *testing.T) {
	f := withUser(t)
	at := f.Now().Unix()
	first := f.redeem(f.codeFor("alice with a token", ask("acr_values", "mfa")))
	f.advance(time.Hour)
	got := claims(t, f.refresh("spa", first.get("refresh_token")).get("access_token"))
	if got["auth_time"] != float64(at) || got["acr"] != "mfa" || got["iat"] == float64(at) {
		t.Errorf("%v", got)
	}
}

// Refresh tokens are of 256 random bits beside their family (TK-27 for letters).
func TestRefreshTokensAreText(t *testing.T) {
	f := newFixture(t)
	a := f.tokens("spa")
	for range 3 {
		token := a.get("refresh_token")
		if len(token) != 65 || strings.ContainsFunc(token, func(r rune) bool { return r < '!' || r > '~' }) || url.QueryEscape(token) != token {
			t.Errorf("TK-27: %q", token)
		}
		a = f.refresh("spa", token)
	}
}
