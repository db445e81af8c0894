package authserver_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/authstar/authstar"
	"github.com/authstar/authstar/authenticators/password"
	"github.com/authstar/authstar/authserver"
)

// Behind password.Verifier: its wrong password is one, and its refusal to say
// asks the user to wait.
func TestPasswordVerifier(t *testing.T) {
	hash, err := password.Hash("wonderland")
	if err != nil {
		t.Fatal(err)
	}
	verifier, err := password.New(password.Config{
		PerAccount: password.Limit{Burst: 2, Every: time.Minute},
		Lookup: func(_ context.Context, name string) (string, authstar.Client, error) {
			if name == "down" {
				return "", nil, errors.New("10.0.0.7 is down")
			}
			return hash, &authstar.Identity{ID: name, Scope: []string{"read"}}, nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	f := newFixture(t, func(c *authserver.Config) {
		c.Login = func(ctx context.Context, name, secret string) (authserver.Login, error) {
			client, err := verifier.Check(ctx, name, secret)
			if err != nil || client == nil {
				return authserver.Login{}, err
			}
			return authserver.Login{Subject: client.ClientID(), Scopes: client.Scopes()}, nil
		}
	})
	b := f.browser()
	page := b.authorize(ask())
	for i, row := range []struct {
		name, password string
		want           int
	}{
		{"alice", "wonderland", 303},
		{"down", "x", 503},
		{"bob", "x", 403}, {"bob", "y", 403}, {"bob", "z", 429}, {"bob", "wonderland", 429},
		{"alice", "wonderland", 303},
	} {
		a := b.submit(page, "username", row.name, "password", row.password)
		if a.status != row.want || (a.header.Get("Retry-After") != "") != (row.want == 429 || row.want == 503) {
			t.Errorf("login %d of %s: %d %v %s", i+1, row.name, a.status, a.header, a.text)
		}
	}
}

// The page says that it is no fault of what was typed.
func TestTooManyIsAnnounced(t *testing.T) {
	var err error
	f := newFixture(t, func(c *authserver.Config) {
		c.Login = func(context.Context, string, string) (authserver.Login, error) { return authserver.Login{}, err }
	})
	b := f.browser()
	page := b.authorize(ask())
	wrong := b.logIn(page)
	err = &authstar.Error{Code: authstar.AccessDenied, StatusCode: http.StatusTooManyRequests}
	many := b.logIn(page)
	for name, a := range map[string]answer{"wrong": wrong, "too many": many} {
		if !strings.Contains(a.text, `role="alert"`) || strings.Count(a.text, `aria-describedby="error"`) != 2 || strings.Contains(a.text, `aria-invalid="true"`) != (name == "wrong") {
			t.Errorf("%s: %s", name, a.text)
		}
	}
	if many.status != http.StatusTooManyRequests || many.header.Get("Retry-After") != "1" {
		t.Errorf("%d %v", many.status, many.header)
	}
}

// A user about whom nobody can be asked is not gone.
func TestUserCallbackThatCannotTell(t *testing.T) {
	for name, row := range map[string]struct {
		err  error
		page int    // to the browser with a session
		want string // to the refresh token
		dead bool
	}{
		"an outage":        {errors.New("10.0.0.7"), 503, "temporarily_unavailable", false},
		"too many guesses": {tooManyGuesses, 429, "temporarily_unavailable", false},
		"a refusal":        {&authstar.Error{Code: authstar.AccessDenied}, 200, "invalid_grant", true},
	} {
		var err error
		f := newFixture(t, func(c *authserver.Config) {
			c.User = func(context.Context, string) (authserver.Login, error) {
				return authserver.Login{Subject: "user-1", Scopes: []string{"read"}}, err
			}
		})
		b, token := f.signedIn(), f.tokens("spa").get("refresh_token")
		err = row.err
		if a := b.authorize(ask()); a.status != row.page || strings.Contains(a.text, "10.0.0.7") || (a.header.Get("Retry-After") == "") != row.dead {
			t.Errorf("%s: %d %v %s", name, a.status, a.header, a.text)
		}
		if a := f.refresh("spa", token); a.get("error") != row.want || (a.header.Get("Retry-After") == "") != row.dead {
			t.Errorf("%s: %v %s", name, a.header, a.text)
		}
		err = nil
		if got := f.what(b.authorize(ask())); (got == "code") == row.dead {
			t.Errorf("%s: afterwards the session gives %s", name, got)
		}
		if a := f.refresh("spa", token); (a.status == http.StatusOK) == row.dead {
			t.Errorf("%s: afterwards %s", name, a.text)
		}
	}
}

// B09: guesses at once are not many more than guesses in a row, and who knows the
// password only waits.
func TestGuessesAtOnce(t *testing.T) {
	for name, row := range map[string]struct {
		user        func(i int) string
		least, most int
	}{
		"at one account":   {func(int) string { return "bob" }, 10, 12},
		"from one address": {func(i int) string { return fmt.Sprint("user", i) }, 50, 74},
		"the right one":    {func(int) string { return "alice" }, 200, 200},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var f *fixture
				f = newFixture(t, func(c *authserver.Config) {
					c.Login = func(ctx context.Context, user, password string) (authserver.Login, error) {
						time.Sleep(time.Second)
						return f.login(ctx, user, password)
					}
				})
				b := f.browser()
				_, values := form(b.authorize(ask()))
				n := make(chan int)
				for i := range 200 {
					go func() {
						own := f.browser()
						own.cookies["__Host-authstar-form"] = values.Get("form_token")
						n <- own.do(http.MethodPost, issuer+"/authorize", params(values, "username", row.user(i), "password", "wonderland")).status
					}()
				}
				answers := make(map[int]int)
				for range 200 {
					answers[<-n]++
				}
				checked := answers[http.StatusForbidden] + answers[http.StatusSeeOther]
				if checked < row.least || checked > row.most || checked+answers[http.StatusTooManyRequests] != 200 || checked != len(f.logins) {
					t.Errorf("B09: %v", answers)
				}
			})
		})
	}
}

// D13: who is gone while waiting is not checked, and holds nobody up.
func TestGoneWhileWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var f *fixture
		f = newFixture(t, func(c *authserver.Config) {
			c.Login = func(ctx context.Context, user, password string) (authserver.Login, error) {
				time.Sleep(time.Minute)
				return f.login(ctx, user, password)
			}
		})
		b := f.browser()
		_, values := form(b.authorize(ask()))
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		post := func(ctx context.Context) int {
			r := httptest.NewRequestWithContext(ctx, http.MethodPost, issuer+"/authorize", strings.NewReader(params(values, "username", "alice", "password", "wonderland").Encode()))
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			r.AddCookie(&http.Cookie{Name: "__Host-authstar-form", Value: values.Get("form_token")})
			return f.serve(r).status
		}
		status := make(chan int)
		for range 3 {
			go func() { status <- post(t.Context()) }()
		}
		synctest.Wait()
		for range 30 { // more than there are turns
			if got := post(ctx); got != http.StatusServiceUnavailable {
				t.Errorf("%d", got)
			}
		}
		for range 3 {
			if got := <-status; got != http.StatusSeeOther {
				t.Errorf("%d", got)
			}
		}
		if got := post(t.Context()); got != http.StatusSeeOther || len(f.logins) != 4 {
			t.Errorf("%d after %d checks", got, len(f.logins))
		}
		if left := f.Queues(); left != 0 {
			t.Errorf("D14: %d queues are left", left)
		}
	})
}
