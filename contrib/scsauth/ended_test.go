package scsauth_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alexedwards/scs/v2"

	"github.com/authstar/authstar/contrib/scsauth"
)

// staged is a store that says what it is about to do, and whether that is to a
// session that has something in it.
type staged struct {
	scs.Store
	memory *memory
	before func(step string, session bool) error
}

func (s staged) step(name, token string) error {
	all, _ := s.memory.All()
	_, values, _ := (scs.GobCodec{}).Decode(all[token])
	return s.before(name, len(values) > 0)
}

func (s staged) Find(token string) ([]byte, bool, error) {
	if err := s.step("find", token); err != nil {
		return nil, false, err
	}
	return s.Store.Find(token)
}

func (s staged) Commit(token string, b []byte, expiry time.Time) error {
	if err := s.step("commit", token); err != nil {
		return err
	}
	return s.Store.Commit(token, b, expiry)
}

func (s staged) Delete(token string) error {
	if err := s.step("delete", token); err != nil {
		return err
	}
	return s.Store.Delete(token)
}

// S06 S01: a request stops before each of its steps in turn, while a machine
// beside it answers another one.
func TestS06BetweenTheStepsOfARequest(t *testing.T) {
	for _, test := range []struct{ stops, other string }{
		{"GET /me", "POST /logout"}, {"GET /me", "POST /login"}, {"GET /me", "POST /destroy"}, {"GET /me", "POST /renew"},
		{"POST /logout", "GET /me"}, {"POST /login", "GET /me"}, {"POST /destroy", "GET /me"}, {"POST /renew", "GET /me"},
		{"POST /logout", "POST /cart"}, {"POST /cart", "POST /logout"}, {"POST /logout", "POST /logout"},
	} {
		t.Run("S06 "+test.other+" during "+test.stops, func(t *testing.T) {
			for nth := 1; ; nth++ {
				beside := newApp(t, scsauth.Config[*user]{})
				b := beside.browser()
				b.login()
				id := b.cookie()
				b.want(200, carolSeen, "GET", "/me")
				steps := 0
				a := beside.over(staged{beside.store, beside.store, func(string, bool) error {
					if steps++; steps == nth {
						beside.withCookie(id).ask(test.other)
					}
					return nil
				}})
				a.withCookie(id).ask(test.stops)
				if steps < nth {
					if steps < 3 {
						t.Errorf("there were %d steps", steps)
					}
					return
				}
				beside.withCookie(id).want(401, "", "GET", "/me")
			}
		})
	}
}

// slow takes its time before and after everything, so that requests mingle.
type slow struct{ scs.Store }

func (s slow) Find(token string) ([]byte, bool, error) {
	defer time.Sleep(time.Millisecond)
	time.Sleep(time.Millisecond)
	return s.Store.Find(token)
}

func (s slow) Commit(token string, b []byte, expiry time.Time) error {
	defer time.Sleep(time.Millisecond)
	time.Sleep(time.Millisecond)
	return s.Store.Commit(token, b, expiry)
}

func (s slow) Delete(token string) error {
	defer time.Sleep(time.Millisecond)
	time.Sleep(time.Millisecond)
	return s.Store.Delete(token)
}

func TestS06ManyRequestsBesideALogout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newApp(t, scsauth.Config[*user]{})
		a = a.over(slow{a.store})
		var users sync.WaitGroup
		for range 50 {
			users.Go(func() {
				b := a.browser()
				b.login()
				id := b.cookie()
				var requests sync.WaitGroup
				for i := range 8 {
					requests.Go(func() {
						time.Sleep(time.Duration(i) * time.Millisecond)
						a.withCookie(id).do("GET", "/me")
					})
				}
				b.want(200, "", "POST", "/logout")
				requests.Wait()
				a.withCookie(id).want(401, "", "GET", "/me")
			})
		}
		users.Wait()
		if tokens := a.store.tokens(); len(tokens) != 0 {
			t.Errorf("S06 %d sessions of 50 are alive", len(tokens))
		}
	})
}

// S06: the store fails at one step of the logout, which must say so.
func TestS06LogoutOfWhichAPartFails(t *testing.T) {
	for _, test := range []struct {
		name, step string
		session    bool // it is what the step is about
		logout, me int
	}{
		{"nothing fails", "none", false, 200, 401},
		{"S06 the end cannot be told", "commit", false, 503, 200},
		{"S06 the session cannot be deleted", "delete", true, 503, 200},
	} {
		t.Run(test.name, func(t *testing.T) {
			down := false
			a := newApp(t, scsauth.Config[*user]{})
			a = a.over(staged{a.store, a.store, func(step string, session bool) error {
				if down && step == test.step && session == test.session {
					return errDown
				}
				return nil
			}})
			b := a.browser()
			b.login()
			id := b.cookie()
			down = true
			b.want(test.logout, "", "POST", "/logout")
			down = false
			a.withCookie(id).want(test.me, "", "GET", "/me")
			a.withCookie(id).do("POST", "/logout")
			a.withCookie(id).want(401, "", "GET", "/me")
		})
	}
}

// S06: the client is gone when its request is written, and the store notices
// that only after it has done so.
func TestS06LogoutBesideARequestWhoseClientLeaves(t *testing.T) {
	a := newApp(t, scsauth.Config[*user]{})
	b := a.browser()
	b.login()
	id := b.cookie()
	ctx, leave := context.WithCancel(t.Context())
	a = a.over(heedful{staged{a.store, a.store, func(step string, session bool) error {
		if step == "commit" && session {
			leave()
			a.withCookie(id).want(200, "", "POST", "/logout")
		}
		return nil
	}}})
	r := httptest.NewRequestWithContext(ctx, "GET", site+"/me", nil)
	r.AddCookie(&http.Cookie{Name: "__Host-session", Value: id})
	a.handler.ServeHTTP(httptest.NewRecorder(), r)
	a.withCookie(id).want(401, "", "GET", "/me")
}

// S06: a request stands still, as long as it is known of the logout and longer,
// and the store does not end a session by itself.
func TestS06RequestThatStandsStill(t *testing.T) {
	for _, still := range []time.Duration{0, 30*time.Minute - 1, 30 * time.Minute, 2 * time.Hour} {
		synctest.Test(t, func(t *testing.T) {
			a := newApp(t, scsauth.Config[*user]{})
			b := a.browser()
			b.login()
			id := b.cookie()
			slow := a.over(staged{forgetful{a.store}, a.store, func(step string, session bool) error {
				if step == "commit" && session {
					b.want(200, "", "POST", "/logout")
					time.Sleep(still)
				}
				return nil
			}})
			slow.withCookie(id).want(200, carolSeen, "GET", "/me")
			a.withCookie(id).want(401, "", "GET", "/me")
		})
	}
}

// What a logout leaves in the store is a session without anything, which nobody
// can use, and goes away.
func TestS06WhatALogoutLeaves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newApp(t, scsauth.Config[*user]{})
		b := a.browser()
		b.login()
		session := a.store.tokens()[0]
		b.want(200, "", "POST", "/logout")
		all, _ := a.store.All()
		forged := a.withCookie("ended" + session)
		forged.want(200, "", "POST", "/cart")
		if forged.cookie() == "ended"+session {
			t.Error("S06 a cookie can name it")
		}
		for name := range all {
			if len(name) != 43 {
				t.Errorf("the name %q does not fit into CHAR(43)", name)
			}
			a.withCookie(name).want(401, "", "GET", "/me")
		}
		if err := a.manager.Iterate(t.Context(), func(context.Context) error { return nil }); err != nil || len(all) != 1 {
			t.Errorf("S06 the store has %d entries, %v", len(all), err)
		}
		time.Sleep(a.manager.IdleTimeout + time.Hour)
		if all, _ := a.store.All(); len(all) != 0 {
			t.Errorf("S06 the store still has %d entries", len(all))
		}
		anonymous := a.browser()
		anonymous.want(200, "", "POST", "/logout")
		if all, _ := a.store.All(); len(all) != 0 {
			t.Error("S06 a logout of nobody is stored")
		}
	})
}
