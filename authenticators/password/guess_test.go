package password_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/authstar/authstar"
	"github.com/authstar/authstar/authenticators/password"
	"github.com/authstar/authstar/tokenendpoint"
)

// B09: wrong passwords are counted for an account, whoever it may be, and refused
// in one way.
func TestGuessesAtAnAccount(t *testing.T) {
	c := newClock()
	u := newUsers("bob", cheap("x"), "broken", "nonsense", "sso", "")
	v := newVerifier(t, password.Config{Lookup: u.lookup, Now: c.Now, PerAddress: unlimited})
	for _, test := range []struct{ name, username string }{
		{"B09 a user", "bob"}, {"B09 an unknown user", "nobody"}, {"B09 a broken hash", "broken"}, {"B09 no hash", "sso"},
	} {
		t.Run(test.name, func(t *testing.T) {
			for i := range 10 {
				wantWrong(t, from(v, fmt.Sprintf("192.0.2.%d:1", i)), test.username, "wrong")
			}
			for _, check := range []checker{v.Check, from(v, home)} {
				for _, secret := range []string{"wrong", "x"} {
					if wait := wantRefused(t, check, test.username, secret, 429); wait != 30*time.Second {
						t.Errorf("come back in %v", wait)
					}
				}
			}
		})
	}
	wantWrong(t, v.Check, "another", "wrong")
	c.advance(30 * time.Second)
	wantRight(t, v.Check, "bob", "x")
	for range 10 { // the ten are forgiven
		wantWrong(t, v.Check, "bob", "wrong")
	}
	wantRefused(t, v.Check, "bob", "wrong", 429)
}

// B09: from one address, at many accounts.
func TestGuessesFromAnAddress(t *testing.T) {
	c := newClock()
	v := newVerifier(t, password.Config{Lookup: newUsers("bob", cheap("x")).lookup, Now: c.Now})
	for i := range 50 {
		wantWrong(t, from(v, "[2001:db8::1]:1"), fmt.Sprint("user", i), "wrong")
	}
	for _, address := range []string{"[2001:db8::1]:1", "2001:db8::2"} {
		if wait := wantRefused(t, from(v, address), "bob", "x", 429); wait != 2*time.Second {
			t.Errorf("come back in %v", wait)
		}
	}
	wantRight(t, from(v, "[2001:db8:0:1::1]:1"), "bob", "x")
	wantRight(t, v.Check, "bob", "x") // no address, nothing to count by
	c.advance(2 * time.Second)
	wantRight(t, from(v, "2001:db8::2"), "bob", "x") // which does not forgive the address
	wantWrong(t, from(v, "2001:db8::2"), "bob", "wrong")
	wantRefused(t, from(v, "2001:db8::1"), "bob", "x", 429)
}

// B09: other spellings of a name are no other account.
func TestSpellingsOfAnAccount(t *testing.T) {
	// What Unicode's form C makes of one name, and of nothing else.
	canonical := func(name string) string {
		return strings.ReplaceAll(strings.ToLower(strings.TrimSpace(name)), "e\u0301", "\u00e9")
	}
	for _, test := range []struct {
		name      string
		canonical func(string) string
		spellings []string
		lookups   []string
	}{
		{"B09 by default", nil, []string{"bob", "BOB", "bob ", " Bob"}, []string{"bob", "BOB", "bob "}},
		{"B09 as the application has it", canonical, []string{"ren\u00e9", "REN\u00c9", "rene\u0301 ", "Ren\u00e9"}, []string{"ren\u00e9", "ren\u00e9", "ren\u00e9"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			u := newUsers()
			v := newVerifier(t, password.Config{Lookup: u.lookup, Canonical: test.canonical, PerAccount: password.Limit{Burst: 3, Every: time.Hour}})
			for _, name := range test.spellings[:3] {
				wantWrong(t, v.Check, name, "wrong")
			}
			for _, name := range test.spellings {
				wantRefused(t, v.Check, name, "wrong", 429)
			}
			if !slices.Equal(u.names, test.lookups) {
				t.Errorf("looked up %q", u.names)
			}
		})
	}
	for _, config := range []password.Config{{Canonical: func(string) string { return "" }}, {}} {
		u := newUsers("  ", cheap("x"), "", cheap("x"))
		config.Lookup = u.lookup
		wantWrong(t, newVerifier(t, config).Check, "  ", "x")
		if u.lookups() > 0 {
			t.Errorf("looked up %q", u.names)
		}
	}
}

// B09: X-Forwarded-For changes nothing, ClientAddress does; and guesses by Basic
// and at the token endpoint are counted together.
func TestGuessesByHTTP(t *testing.T) {
	v := newVerifier(t, password.Config{Lookup: newUsers("bob", cheap("x")).lookup, PerAddress: password.Limit{Burst: 2, Every: time.Hour}})
	h := newAPI(t, v.Basic("orders"))
	ask := func(h http.Handler, username string, header ...string) int {
		r := newRequest(username, "wrong")
		for i := 0; i < len(header); i += 2 {
			r.Header.Set(header[i], header[i+1])
		}
		w := record(h, r)
		if w.Code == 429 && (w.Header().Get("Retry-After") != "3600" || w.Header().Get("Cache-Control") != "no-store" || w.Header().Get("WWW-Authenticate") != "") {
			t.Errorf("429 with %v", w.Header())
		}
		return w.Code
	}
	for i, want := range []int{401, 401, 429} {
		if got := ask(h, fmt.Sprint("user", i), "X-Forwarded-For", fmt.Sprintf("192.0.2.%d", i)); got != want {
			t.Errorf("B09 request %d: %d, want %d", i, got, want)
		}
	}

	proxied := newVerifier(t, password.Config{Lookup: newUsers().lookup, PerAddress: oneGuess,
		ClientAddress: func(r *http.Request) string { return r.Header.Get("X-Real-Ip") }})
	h = newAPI(t, proxied.Basic("orders"))
	for i, address := range []string{"192.0.2.1", "192.0.2.2"} {
		if got := ask(h, fmt.Sprint("user", i), "X-Real-Ip", address); got != 401 {
			t.Errorf("%s: %d", address, got)
		}
	}

	both := newVerifier(t, password.Config{Lookup: newUsers().lookup, PerAccount: password.Limit{Burst: 2, Every: time.Hour}})
	endpoint, err := tokenendpoint.New(tokenendpoint.Config{Authenticate: both.Check, Grants: []tokenendpoint.Grant{
		tokenendpoint.ClientCredentials(func(context.Context, *tokenendpoint.Request) (*tokenendpoint.Response, error) {
			t.Error("a token")
			return nil, errors.New("a token")
		}),
	}})
	if err != nil {
		t.Fatal(err)
	}
	token := func() int {
		r := newRequest("bob", "wrong")
		r.Method, r.Body = "POST", newForm("grant_type=client_credentials")
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		return record(endpoint, r).Code
	}
	h = newAPI(t, both.Basic("orders"))
	if got := []int{ask(h, "bob"), token(), ask(h, "bob"), token()}; !slices.Equal(got, []int{401, 401, 429, 503}) {
		t.Errorf("B09 one after the other: %d", got)
	}
}

// B09, M06: wrong passwords at once are no more than those one after the other,
// beyond those whose hashes run already.
func TestGuessesAtOnce(t *testing.T) {
	const guesses, at = 300, 2
	v := newVerifier(t, password.Config{Lookup: newUsers("bob", argon2id("x", "somesalt", 16_384, 1, 1)).lookup, MaxConcurrent: at, MaxWaiting: 10_000})
	var mu sync.Mutex
	answers := make(map[string]int)
	var wg sync.WaitGroup
	for i := range guesses {
		wg.Go(func() {
			client, err := v.Check(context.Background(), "bob", fmt.Sprint("guess", i))
			var stated *authstar.Error
			answer := fmt.Sprint(client)
			if errors.As(err, &stated) {
				answer = fmt.Sprint(stated.Status())
			}
			mu.Lock()
			answers[answer]++
			mu.Unlock()
		})
	}
	wg.Wait()
	wrong := answers["<nil>"]
	if wrong < 10 || wrong > 10+at-1 || wrong+answers["429"] != guesses {
		t.Errorf("%v", answers)
	}
}
