package scsauth_test

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/authstar/authstar"
	"github.com/authstar/authstar/contrib/scsauth"
)

func TestS07IdleTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newApp(t, scsauth.Config[*user]{})
		b := a.browser()
		b.login()
		id := b.cookie()
		for range 6 {
			time.Sleep(29 * time.Minute)
			b.want(200, carolSeen, "GET", "/me")
		}
		time.Sleep(31 * time.Minute)
		a.withCookie(id).want(401, "", "GET", "/me")
		b.want(401, "", "GET", "/me")
	})
}

func TestS07AbsoluteLifetime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newApp(t, scsauth.Config[*user]{})
		b := a.browser()
		b.login()
		id := b.cookie()
		for range 47 { // 11 h 45 min, never idle
			time.Sleep(15 * time.Minute)
			b.want(200, carolSeen, "GET", "/me")
		}
		time.Sleep(15 * time.Minute)
		a.withCookie(id).want(401, "", "GET", "/me")
	})
}

// forgetful is a store that never ends a session, as Redis does with an expiry
// in the past.
type forgetful struct{ *memory }

func (f forgetful) Commit(token string, b []byte, _ time.Time) error {
	return f.memory.Commit(token, b, time.Now().Add(1000*time.Hour))
}

func TestS07TheStoreForgets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newApp(t, scsauth.Config[*user]{})
		a.manager.Store = forgetful{a.store}
		a.build(scsauth.Config[*user]{})
		b := a.browser()
		b.login()
		id := b.cookie()
		time.Sleep(12*time.Hour - time.Minute)
		a.withCookie(id).want(200, carolSeen, "GET", "/me")
		time.Sleep(time.Minute)
		a.withCookie(id).want(401, "", "GET", "/me")
	})
}

// A request that is answered after the end of its session does not store it
// again.
func TestS07TheEndDuringARequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newApp(t, scsauth.Config[*user]{})
		a.manager.Store = forgetful{a.store}
		a.build(scsauth.Config[*user]{})
		a.mux.HandleFunc("/long", func(http.ResponseWriter, *http.Request) { time.Sleep(13 * time.Hour) })
		b := a.browser()
		b.login()
		b.do("GET", "/long")
		if tokens := a.store.tokens(); len(tokens) != 0 {
			t.Errorf("S07 the store has %q", tokens)
		}
	})
}

// scs moves the end of a session whose id the application renews; the login
// stays where it was.
func TestS07RenewedIDs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newApp(t, scsauth.Config[*user]{})
		a.mux.HandleFunc("/renew", func(w http.ResponseWriter, r *http.Request) { answer(w, a.manager.RenewToken(r.Context())) })
		b := a.browser()
		b.login()
		for range 35 {
			time.Sleep(20 * time.Minute)
			b.want(200, "", "POST", "/renew")
			b.want(200, carolSeen, "GET", "/me")
		}
		time.Sleep(20 * time.Minute)
		b.want(401, "", "GET", "/me")
		b.want(401, "", "GET", "/recent")
	})
}

func TestS07RecentLogin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newApp(t, scsauth.Config[*user]{}).browser()
		b.login()
		b.want(200, carolSeen, "GET", "/recent")
		time.Sleep(time.Minute + time.Second)
		w := b.do("GET", "/recent")
		if w.Code != 401 || w.Header().Get("WWW-Authenticate") == "" {
			t.Errorf("%d %v", w.Code, w.Header())
		}
		b.want(200, carolSeen, "GET", "/me")
		b.login()
		b.want(200, carolSeen, "GET", "/recent")
	})
}

// directory is what Refresh asks.
type directory struct {
	mu    sync.Mutex
	now   *user
	err   error
	calls int
}

func (d *directory) refresh(_ context.Context, client *user) (*user, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.calls++
	client.Scope = append(client.Scope, "changed by the callback")
	return d.now, d.err
}

func (d *directory) set(now *user, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.now, d.err = now, err
}

func TestS08RightsAreTakenAwayWithinTheBound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &directory{now: carol()}
		a := newApp(t, scsauth.Config[*user]{Refresh: d.refresh, RefreshEvery: 5 * time.Minute})
		b := a.browser()
		b.login()
		b.want(200, carolSeen, "GET", "/admin")
		d.set(&user{Identity: authstar.Identity{ID: "carol", Scope: []string{"read"}}, Tenant: "south"}, nil)
		time.Sleep(5*time.Minute - time.Nanosecond)
		b.want(200, carolSeen, "GET", "/admin")
		if d.calls != 0 {
			t.Errorf("S08 %d calls within the bound", d.calls)
		}
		time.Sleep(time.Nanosecond)
		b.want(403, "", "GET", "/admin")
		b.want(200, "carol of south: read", "GET", "/me")
		b.want(200, "carol of south: read", "GET", "/me")
		if d.calls != 1 {
			t.Errorf("S08 %d calls, want the new rights to be kept", d.calls)
		}
		b.want(401, "", "GET", "/recent") // a refresh is no login
		d.set(carol(), nil)
		time.Sleep(5 * time.Minute)
		b.want(200, carolSeen, "GET", "/admin")
	})
}

func TestS08TheUserIsGone(t *testing.T) {
	for _, err := range []error{nil, authstar.ErrNoCredentials} {
		synctest.Test(t, func(t *testing.T) {
			d := &directory{err: err}
			a := newApp(t, scsauth.Config[*user]{Refresh: d.refresh})
			b := a.browser()
			b.login()
			time.Sleep(time.Minute)
			b.want(200, "-", "GET", "/open")
			if tokens := a.store.tokens(); len(tokens) != 0 || b.cookie() != "" {
				t.Errorf("S08 the session is still there: %q, cookie %q", tokens, b.cookie())
			}
			b.want(401, "", "GET", "/me")
			b.login()
			b.want(200, carolSeen, "GET", "/me")
		})
	}
}

func TestS08WhatRefreshCannotTell(t *testing.T) {
	for _, test := range []struct {
		name   string
		now    *user
		err    error
		status int
	}{
		{"S08 the directory is down", nil, errors.New("down"), 503},
		{"S08 a refusal of its own", nil, &authstar.Error{Code: authstar.AccessDenied}, 403},
		{"S08 another client", &user{Identity: authstar.Identity{ID: "dave"}}, nil, 500},
		{"S08 another issuer", &user{Identity: authstar.Identity{ID: "carol", Issuer: "x"}}, nil, 500},
		{"S08 without an id", &user{}, nil, 500},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := &directory{now: test.now, err: test.err}
				b := newApp(t, scsauth.Config[*user]{Refresh: d.refresh, RefreshEvery: time.Nanosecond}).browser()
				b.login()
				time.Sleep(time.Nanosecond)
				b.want(test.status, "", "GET", "/me")
				b.want(200, "-", "GET", "/open")
				d.set(carol(), nil)
				b.want(200, carolSeen, "GET", "/me")
			})
		})
	}
}

// A callback that changes its client into another one is found out, too.
func TestS08AnotherClientInItsPlace(t *testing.T) {
	b := newApp(t, scsauth.Config[*user]{RefreshEvery: time.Nanosecond, Refresh: func(_ context.Context, client *user) (*user, error) {
		client.ID = "dave"
		return client, nil
	}}).browser()
	b.login()
	b.want(500, "", "GET", "/me")
}

// X09: Refresh may return what it keeps, to many requests at once.
func TestS08SharedClients(t *testing.T) {
	d := &directory{now: carol()}
	a := newApp(t, scsauth.Config[*user]{Refresh: d.refresh, RefreshEvery: time.Nanosecond})
	b := a.browser()
	b.login()
	a.mux.HandleFunc("/mutate", func(w http.ResponseWriter, r *http.Request) {
		u, _ := authstar.ClientAs[*user](r.Context())
		u.Tenant, u.Scope[0] = "changed", "changed"
	})
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for range 50 {
				a.withCookie(b.cookie()).want(200, "", "GET", "/mutate")
				a.withCookie(b.cookie()).want(200, carolSeen, "GET", "/me")
			}
		})
	}
	group.Wait()
	if d.now.Tenant != "north" || d.now.Expires != (time.Time{}) {
		t.Errorf("X09 the application's own client was changed: %+v", *d.now)
	}
}
