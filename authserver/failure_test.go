package authserver_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/authstar/authstar/authserver"
	"github.com/authstar/authstar/authserver/storetest"
)

// O31: the store fails at every call in its turn. What fails is answered with
// 5xx and issues nothing; what went before works once.

// sound is the store behind one that fails, with the clock of all.
type sound struct {
	authserver.Store
	*clock
}

// failing makes a server on the store that fails, and one on the store behind it.
func failing(t *testing.T, store *storetest.Failing, behind *sound, change ...func(*authserver.Config)) (down, up *fixture) {
	on := func(s authserver.Store) *fixture {
		f := withUser(t, append(change, func(c *authserver.Config) { c.Store, c.Now = s, behind.Now })...)
		f.clock = behind.clock
		return f
	}
	return on(store), on(behind.Store)
}

func everyFailure(t *testing.T, test func(t *testing.T, store *storetest.Failing, behind *sound)) {
	t.Helper()
	var behind *sound
	storetest.EveryFailure(t, func(*testing.T) authserver.Store {
		c := newClock()
		behind = &sound{authserver.NewMemoryStore(authserver.MemoryConfig{Now: c.Now}), c}
		return behind.Store
	}, func(t *testing.T, store *storetest.Failing) { test(t, store, behind) })
}

// wantFailed checks an answer for the fault that there was.
func wantFailed(t *testing.T, a answer, store *storetest.Failing, want int) {
	t.Helper()
	if !store.Failed() {
		if a.status != want {
			t.Errorf("the store is sound: %d %s", a.status, a.text)
		}
		return
	}
	if a.status < 500 || a.header.Get("Location") != "" || a.body["access_token"] != nil || a.body["refresh_token"] != nil || strings.Contains(a.text, "10.0.0.7") {
		t.Errorf("O31: %d %v %s", a.status, a.header, a.text)
	}
}

// O31
func TestRedemptionWithAFailingStore(t *testing.T) {
	everyFailure(t, func(t *testing.T, store *storetest.Failing, behind *sound) {
		down, up := failing(t, store, behind)
		code := up.code(ask())
		first := down.redeem(code)
		wantFailed(t, first, store, http.StatusOK)
		issued := 0
		if first.status == http.StatusOK {
			issued++
		}
		for range 3 {
			if a := up.redeem(code); a.status == http.StatusOK {
				issued++
			} else if a.get("error") != "invalid_grant" {
				t.Errorf("%d %s", a.status, a.text)
			}
		}
		if issued > 1 {
			t.Errorf("O31: the code was good for %d tokens", issued)
		}
	})
}

// O31
func TestRefreshWithAFailingStore(t *testing.T) {
	for name, who := range map[string]string{"public": "spa", "with a grace": confidential} {
		t.Run(name, func(t *testing.T) {
			everyFailure(t, func(t *testing.T, store *storetest.Failing, behind *sound) {
				down, up := failing(t, store, behind, func(c *authserver.Config) { c.RefreshGrace = 30 * time.Second })
				token := up.tokens(who).get("refresh_token")
				first := down.refresh(who, token)
				wantFailed(t, first, store, http.StatusOK)
				successors := make(map[string]bool)
				for _, a := range []answer{first, up.refresh(who, token), up.refresh(who, token)} {
					if a.status == http.StatusOK {
						successors[a.get("refresh_token")] = true
					}
				}
				if len(successors) > 1 {
					t.Errorf("O31: the token has %d successors", len(successors))
				}
				for successor := range successors {
					if a := up.refresh(who, successor); (a.status == http.StatusOK) != (who == confidential) {
						t.Errorf("the successor: %s", a.text)
					}
				}
			})
		})
	}
}

// O31 TK-31: a revocation that failed is not forgotten once it is repeated.
func TestRevocationWithAFailingStore(t *testing.T) {
	for name, revoke := range map[string]func(f *fixture, code string, issued answer) answer{
		"a revocation": func(f *fixture, _ string, issued answer) answer { return f.revoke("spa", issued.get("refresh_token")) },
		"a replay":     func(f *fixture, code string, _ answer) answer { return f.redeem(code) },
		"a user who is gone": func(f *fixture, _ string, issued answer) answer {
			f.users = nil
			return f.refresh("spa", issued.get("refresh_token"))
		},
	} {
		t.Run(name, func(t *testing.T) {
			everyFailure(t, func(t *testing.T, store *storetest.Failing, behind *sound) {
				down, up := failing(t, store, behind)
				code := up.code(ask())
				issued := up.redeem(code)
				a := revoke(down, code, issued)
				wantFailed(t, a, store, map[bool]int{true: 200, false: 400}[name == "a revocation"])
				if store.Failed() {
					revoke(up, code, issued)
				}
				up.wantDead("TK-31", issued.get("access_token"))
				up.advance(20 * time.Minute) // when the mark of the revocation may be gone
				up.users = newUsers()
				if a := up.refresh("spa", issued.get("refresh_token")); a.get("error") != "invalid_grant" {
					t.Errorf("O31: the family came back: %d %s", a.status, a.text)
				}
			})
		})
	}
}

// O31: of the pages.
func TestLoginWithAFailingStore(t *testing.T) {
	for name, stay := range map[string]string{"who stays signed in": "1", "who does not": ""} {
		t.Run(name, func(t *testing.T) {
			everyFailure(t, func(t *testing.T, store *storetest.Failing, behind *sound) {
				down, up := failing(t, store, behind)
				old := up.signedIn()
				b := down.browser()
				b.cookies[sessionCookie] = old.cookies[sessionCookie]
				page := up.browser().authorize(up.askFor("cli", "prompt", "login"))
				_, values := form(page)
				b.cookies["__Host-authstar-form"] = values.Get("form_token")
				a := b.logIn(page, "stay_signed_in", stay)
				if a.status == http.StatusOK {
					a = b.submit(a, "decision", "allow")
				}
				wantFailed(t, a, store, http.StatusSeeOther)
				if store.Failed() && a.header.Get("Retry-After") == "" {
					t.Errorf("%d %v", a.status, a.header)
				}
			})
		})
	}
}

// O31: where nobody sees a page, the client is told (RFC 6749 section 4.1.2.1).
func TestPromptNoneWithAFailingStore(t *testing.T) {
	everyFailure(t, func(t *testing.T, store *storetest.Failing, behind *sound) {
		down, up := failing(t, store, behind)
		b := down.browser()
		b.cookies[sessionCookie] = up.signedIn().cookies[sessionCookie]
		got := down.what(b.authorize(up.askFor("spa", "prompt", "none")))
		if want := map[bool]string{false: "code", true: "temporarily_unavailable"}[store.Failed()]; got != want {
			t.Errorf("O31: %s, want %s", got, want)
		}
		if told := len(down.refusals); (told == 1) != store.Failed() {
			t.Errorf("the observer was told %v", down.refusals)
		}
	})
}

// O31: of a client's assertion.
func TestAssertionWithAFailingStore(t *testing.T) {
	everyFailure(t, func(t *testing.T, store *storetest.Failing, behind *sound) {
		down, up := failing(t, store, behind)
		text := up.good()
		first := down.present(text)
		wantFailed(t, first, store, http.StatusOK)
		issued := 0
		for _, a := range []answer{first, up.present(text), up.present(text)} {
			if a.status == http.StatusOK {
				issued++
			}
		}
		if issued > 1 {
			t.Errorf("O30: the assertion was good %d times", issued)
		}
	})
}
