package authserver_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/authstar/authstar/authserver"
	"github.com/authstar/authstar/authserver/storetest"
)

// lame is a store in which one kind of write fails.
type lame struct {
	authserver.Store
	fails string // "add revoked:", say
}

func (l *lame) check(call string) error {
	if l.fails != "" && strings.HasPrefix(call, l.fails) {
		return storetest.ErrStore
	}
	return nil
}

func (l *lame) Add(ctx context.Context, key string, value []byte, until time.Time) (bool, error) {
	if err := l.check("add " + key); err != nil {
		return false, err
	}
	return l.Store.Add(ctx, key, value, until)
}

func (l *lame) Delete(ctx context.Context, key string) error {
	if err := l.check("delete " + key); err != nil {
		return err
	}
	return l.Store.Delete(ctx, key)
}

// ends are the ways in which a login is revoked.
var ends = map[string]func(f *fixture, code string, first answer) answer{
	"a reuse":      func(f *fixture, _ string, first answer) answer { return f.refresh("spa", first.get("refresh_token")) },
	"a replay":     func(f *fixture, code string, _ answer) answer { return f.redeem(code) },
	"a revocation": func(f *fixture, _ string, first answer) answer { return f.revoke("spa", first.get("refresh_token")) },
}

// O21 O31 TK-24 TK-31: what was found to be stolen stays dead, though its end
// could not be written down as a whole and nobody asks again.
func TestHalfARevocation(t *testing.T) {
	for _, fails := range []string{"", "add revoked:", "delete family:"} {
		for name, end := range ends {
			for _, wait := range []time.Duration{0, 12 * time.Minute, 13 * 24 * time.Hour} {
				t.Run(fmt.Sprintf("O31 %s, %q fails, after %v", name, fails, wait), func(t *testing.T) {
					clock := newClock()
					store := &lame{Store: authserver.NewMemoryStore(authserver.MemoryConfig{Now: clock.Now})}
					f := newFixture(t, func(c *authserver.Config) { c.Now, c.Store = clock.Now, store })
					f.clock = clock
					code := f.code(ask())
					first := f.redeem(code)
					second := f.refresh("spa", first.get("refresh_token"))
					f.wantAlive("before", second.get("access_token"))
					store.fails = fails
					if a := end(f, code, first); (a.status >= 500) != (fails != "") {
						t.Fatalf("%d %s", a.status, a.text)
					}
					store.fails = ""
					f.advance(wait)
					if a := f.refresh("spa", second.get("refresh_token")); a.get("error") != "invalid_grant" {
						t.Errorf("the family lives: %d %s", a.status, a.text)
					}
					f.wantDead("and what it got", second.get("access_token"))
				})
			}
		}
	}
}

// D14: a store without room for one entry more still ends the refresh tokens that
// it holds. The client is told that not all was done, and it is once there is room.
func TestRevocationInAFullStore(t *testing.T) {
	for name, end := range ends {
		t.Run(name, func(t *testing.T) {
			clock := newClock()
			f := newFixture(t, func(c *authserver.Config) {
				c.Now = clock.Now
				c.Store = authserver.NewMemoryStore(authserver.MemoryConfig{Now: clock.Now, MaxEntries: 20})
			})
			f.clock = clock
			code := f.code(ask())
			first := f.redeem(code)
			second := f.refresh("spa", first.get("refresh_token"))
			another := f.tokens("spa")
			b := f.signedIn()
			for full := false; !full; {
				full = b.authorize(ask()).status == http.StatusServiceUnavailable
			}
			if a := end(f, code, first); a.status < 500 {
				t.Errorf("%d %s", a.status, a.text)
			}
			if a := f.refresh("spa", second.get("refresh_token")); a.status == http.StatusOK {
				t.Errorf("D14: the family lives: %s", a.text)
			}
			f.advance(2 * time.Minute) // codes have ended
			if a := f.refresh("spa", second.get("refresh_token")); a.get("error") != "invalid_grant" {
				t.Errorf("with room: %d %s", a.status, a.text)
			}
			f.wantDead("with room", second.get("access_token"))
			if a := f.refresh("spa", another.get("refresh_token")); a.status != http.StatusOK {
				t.Errorf("another login: %s", a.text)
			}
			f.wantAlive("another login", another.get("access_token"))
		})
	}
}

// O06: a replay in the last second of the access token is known for one, on a store
// whose clock is a little ahead, too.
func TestReplayInTheLastSecond(t *testing.T) {
	for _, ahead := range []time.Duration{0, 59 * time.Second} {
		clock := newClock()
		f := newFixture(t, func(c *authserver.Config) {
			c.Now = clock.Now
			c.Store = authserver.NewMemoryStore(authserver.MemoryConfig{Now: func() time.Time { return clock.Now().Add(ahead) }})
		})
		f.clock = clock
		code := f.code(ask("scope", "read"))
		issued, twin := f.redeem(code), f.tokens("spa", "scope", "read")
		f.advance(10*time.Minute - time.Second)
		if a := f.redeem(code); a.get("error") != "invalid_grant" {
			t.Errorf("%d %s", a.status, a.text)
		}
		f.wantDead("O06", issued.get("access_token"))
		f.wantAlive("another one", twin.get("access_token"))
	}
}

// TK-32: what was revoked stays so until it ends by itself, whatever lifetime
// tokens have by then, and on a store whose clock is a little ahead.
func TestRevokedUntilItsEnd(t *testing.T) {
	for name, row := range map[string]struct {
		before, after time.Duration // lifetimes
		ahead         time.Duration // the store's clock
		token         string
	}{
		"an access token":                            {10 * time.Minute, 10 * time.Minute, 0, "access_token"},
		"a login":                                    {10 * time.Minute, 10 * time.Minute, 0, "refresh_token"},
		"an access token, by another clock":          {10 * time.Minute, 10 * time.Minute, 59 * time.Second, "access_token"},
		"a login, by another clock":                  {24 * time.Hour, 24 * time.Hour, 59 * time.Second, "refresh_token"},
		"an access token, after a shorter lifetime":  {24 * time.Hour, 5 * time.Minute, 0, "access_token"},
		"a login, after a shorter lifetime":          {24 * time.Hour, 5 * time.Minute, 0, "refresh_token"},
		"an access token, after a longer lifetime":   {5 * time.Minute, 24 * time.Hour, 0, "access_token"},
		"a login, after a lifetime that is a second": {24 * time.Hour, time.Second, 0, "refresh_token"},
	} {
		t.Run(name, func(t *testing.T) {
			clock := newClock()
			store := authserver.NewMemoryStore(authserver.MemoryConfig{Now: func() time.Time { return clock.Now().Add(row.ahead) }})
			start := func(lifetime time.Duration) *fixture {
				f := newFixture(t, func(c *authserver.Config) { c.Now, c.Store, c.Signer.Lifetime = clock.Now, store, lifetime })
				f.clock = clock
				return f
			}
			issued, twin := start(row.before).tokens("spa"), start(row.before).tokens("spa")
			f := start(row.after)
			if a := f.revoke("spa", issued.get(row.token)); a.status != http.StatusOK {
				t.Fatalf("%d %s", a.status, a.text)
			}
			f.wantDead("TK-32 at once", issued.get("access_token"))
			f.advance(row.before - time.Second)
			f.wantDead("TK-32 in its last second", issued.get("access_token"))
			f.wantAlive("another one", twin.get("access_token"))
		})
	}
}
