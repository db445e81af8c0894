package jwks_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/authstar/authstar/authenticators/jwks"
)

// The tests of this file run on a clock of their own, which stands still while
// anything happens.

func TestRemoteFetchesWhenAsked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newRemoteProvider(t, remoteKeys("k1"))
		r, log := p.remote(t, jwks.RemoteConfig{})
		if s := r.Status(); p.fetches() != 0 || s.Ready || !s.Attempted.IsZero() {
			t.Errorf("before the first token: %d fetches, %+v", p.fetches(), s)
		}
		p.wants(t, r, "k1", true, 1)
		p.wants(t, r, "k1", true, 0)
		p.wants(t, r, "", true, 0)
		now := time.Now()
		s := r.Status()
		if !s.Ready || s.Keys != 1 || !s.Fetched.Equal(now) || !s.Expires.Equal(now.Add(15*time.Minute)) || !s.StaleUntil.Equal(now.Add(24*time.Hour)) || s.Err != nil {
			t.Errorf("%+v", s)
		}
		if log.lines() > 0 {
			t.Errorf("log: %s", log)
		}
	})
}

func TestRemoteRotation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newRemoteProvider(t, remoteKeys("k1"))
		r, _ := p.remote(t, jwks.RemoteConfig{})
		p.wants(t, r, "k1", true, 1)
		if got := p.last().Header.Get("Cache-Control"); got != "" {
			t.Errorf("K05 the first fetch has Cache-Control %q", got)
		}
		p.serve(remoteKeys("k1", "k2"))
		p.wants(t, r, "k2", true, 1)
		if got := p.last().Header.Get("Cache-Control"); got != "no-cache" {
			t.Errorf("K05 the fetch for a new key has Cache-Control %q", got)
		}
		p.wants(t, r, "k2", true, 0)
		p.wants(t, r, "k1", true, 0)
	})
}

// K05 K07: a thousand requests at once fetch once, whether their keys are there
// or not, and those with a known key do not notice.
func TestRemoteConcurrentRequests(t *testing.T) {
	for name, kid := range map[string]func(int) string{
		"K05 the new key":             func(int) string { return "k2" },
		"K07 a thousand unknown keys": func(i int) string { return fmt.Sprint("forged-", i) },
		"K05 no key at all yet":       func(int) string { return "k1" },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := newRemoteProvider(t, remoteKeys("k1"))
				r, _ := p.remote(t, jwks.RemoteConfig{})
				if kid(0) != "k1" {
					p.wants(t, r, "k1", true, 1)
				}
				before := p.fetches()
				p.serve(remoteSlow(50*time.Millisecond, remoteKeys("k1", "k2")))
				start := time.Now()
				var all sync.WaitGroup
				var found atomic.Int32
				for i := range 1000 {
					all.Go(func() {
						ok, err := remoteFound(t.Context(), r, kid(i))
						if err != nil {
							t.Error(err)
						}
						if ok {
							found.Add(1)
						}
					})
				}
				synctest.Wait()
				if before == 1 {
					if ok, err := remoteFound(t.Context(), r, "k1"); !ok || err != nil || time.Since(start) > 0 {
						t.Errorf("a known key took %v: %v, %v", time.Since(start), ok, err)
					}
				}
				all.Wait()
				if n := p.fetches() - before; n != 1 {
					t.Errorf("%d fetches", n)
				}
				want := int32(1000)
				if kid(0) == "forged-0" {
					want = 0
				}
				if found.Load() != want || time.Since(start) != 50*time.Millisecond {
					t.Errorf("%d found their key, want %d, in %v", found.Load(), want, time.Since(start))
				}
			})
		})
	}
}

func TestRemoteFloodOfUnknownKeys(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newRemoteProvider(t, remoteKeys("k1"))
		r, log := p.remote(t, jwks.RemoteConfig{Interval: time.Hour})
		p.wants(t, r, "k1", true, 1)
		for i := range 10_000 {
			if ok, err := remoteFound(t.Context(), r, fmt.Sprint("forged-", i)); ok || err != nil {
				t.Fatalf("K07 %v, %v", ok, err)
			}
		}
		if n := p.fetches() - 1; n != 5 {
			t.Errorf("K07 %d fetches for 10,000 forged keys, want the allowance of 5", n)
		}
		p.wants(t, r, "k1", true, 0)
		for range 3 {
			time.Sleep(9999 * time.Millisecond)
			p.wants(t, r, "forged", false, 0)
			time.Sleep(time.Millisecond)
			p.wants(t, r, "forged", false, 1)
			p.wants(t, r, "forged", false, 0)
		}
		time.Sleep(50 * time.Second)
		for range 5 {
			p.wants(t, r, "forged", false, 1)
		}
		p.wants(t, r, "forged", false, 0)
		if log.lines() > 0 {
			t.Errorf("N07 forged keys are logged: %s", log)
		}
	})
}

func TestRemoteRotationAfterOneForgedKey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newRemoteProvider(t, remoteKeys("k1"))
		r, _ := p.remote(t, jwks.RemoteConfig{})
		p.wants(t, r, "k1", true, 1)
		p.wants(t, r, "forged", false, 1)
		p.serve(remoteKeys("k2"))
		p.wants(t, r, "k2", true, 1)
	})
}

// An allowance of the application's own.
func TestRemoteRefetches(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newRemoteProvider(t, remoteKeys("k1"))
		r, _ := p.remote(t, jwks.RemoteConfig{Refetches: 1, RefetchEvery: time.Minute})
		p.wants(t, r, "forged", false, 1)
		p.wants(t, r, "forged", false, 1)
		p.wants(t, r, "forged", false, 0)
		time.Sleep(time.Minute)
		p.wants(t, r, "forged", false, 1)
	})
}

func TestRemoteFirstRequestCancelled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newRemoteProvider(t, remoteSlow(time.Second, remoteKeys("k1")))
		r, _ := p.remote(t, jwks.RemoteConfig{})
		ctx, cancel := context.WithCancel(t.Context())
		first := make(chan error, 1)
		go func() {
			_, err := r.Keys(ctx, "k1")
			first <- err
		}()
		synctest.Wait()
		others := make(chan bool, 10)
		for range 10 {
			go func() {
				ok, _ := remoteFound(t.Context(), r, "k1")
				others <- ok
			}()
		}
		synctest.Wait()
		cancel()
		if err := <-first; !errors.Is(err, context.Canceled) {
			t.Errorf("K09 the cancelled request: %v", err)
		}
		for range 10 {
			if !<-others {
				t.Error("K09 another request got no key")
			}
		}
		if p.fetches() != 1 {
			t.Errorf("K09 %d fetches", p.fetches())
		}
	})
}

func TestRemoteNever(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newRemoteProvider(t, remoteBody(503, ""))
		r, _ := p.remote(t, jwks.RemoteConfig{Interval: jwks.Never})
		p.fails(t, r, "k1", 1)
		time.Sleep(time.Second)
		p.serve(remoteKeys("k1"))
		p.wants(t, r, "k1", true, 1)
		p.serve(remoteKeys("k2"))
		time.Sleep(365 * 24 * time.Hour)
		p.wants(t, r, "k1", true, 0)
		p.wants(t, r, "k2", false, 0)
		if s := r.Status(); !s.Ready || !s.Expires.IsZero() || !s.StaleUntil.IsZero() {
			t.Errorf("%+v", s)
		}
		if err := r.Refresh(t.Context()); err != nil {
			t.Error(err)
		}
		p.wants(t, r, "k2", true, 0)
	})
}

func TestRemoteRefresh(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newRemoteProvider(t, remoteBody(503, ""))
		r, _ := p.remote(t, jwks.RemoteConfig{})
		if err := r.Refresh(t.Context()); err == nil || r.Status().Err == nil || r.Status().Ready {
			t.Errorf("a provider that is down: %v, %+v", err, r.Status())
		}
		p.serve(remoteSlow(time.Second, remoteKeys("k1")))
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		if err := r.Refresh(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("a request that cannot wait: %v", err)
		}
		if err := r.Refresh(t.Context()); err != nil || p.fetches() != 2 || !r.Status().Ready {
			t.Errorf("a fetch under way is shared, without waiting for the next attempt: %v, %d fetches", err, p.fetches())
		}
		p.serve(remoteKeys("k2"))
		if err := r.Refresh(t.Context()); err != nil {
			t.Error(err)
		}
		p.wants(t, r, "k1", false, 1)
		p.wants(t, r, "k2", true, 0)
	})
}

// K20: what is compared has monotonic readings, which a jump of the wall clock
// does not change.
func TestRemoteClockIsMonotonic(t *testing.T) {
	var reads atomic.Int32
	r, err := jwks.NewRemote(jwks.RemoteConfig{URL: remoteURL, Client: &http.Client{Transport: remoteTripper(func(*http.Request) (*http.Response, error) {
		reads.Add(1)
		return remoteResponse(remoteSet("k1")), nil
	})}})
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Refresh(t.Context()); err != nil || reads.Load() != 1 {
		t.Fatal(err)
	}
	s := r.Status()
	for _, at := range []time.Time{s.Fetched, s.Expires, s.StaleUntil, s.Attempted} {
		if at.Round(0) == at {
			t.Errorf("K20 %v has no monotonic reading", at)
		}
	}
}

// K20: a given clock may have none. When it went back, known keys still answer
// and nobody waits; when it is on time again, so are the fetches.
func TestRemoteGivenClockGoesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		now := start
		p := newRemoteProvider(t, remoteKeys("k1"))
		r, _ := p.remote(t, jwks.RemoteConfig{Now: func() time.Time { return now }})
		p.wants(t, r, "k1", true, 1)
		now = start.Add(-time.Hour)
		p.wants(t, r, "k1", true, 0)
		p.serve(remoteKeys("k2"))
		p.wants(t, r, "k2", true, 1)
		now = start.Add(15 * time.Minute)
		p.wants(t, r, "k2", true, 1)
	})
}

// K21: a bubble ends only when its goroutines have.
func TestRemoteIsIdleWithoutGoroutines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newRemoteProvider(t, remoteKeys("k1"))
		r, _ := p.remote(t, jwks.RemoteConfig{})
		p.wants(t, r, "k1", true, 1)
		before := runtime.NumGoroutine()
		time.Sleep(24 * time.Hour)
		if p.fetches() != 1 || runtime.NumGoroutine() > before {
			t.Errorf("K21 %d fetches though nobody asked, %d goroutines, %d before", p.fetches(), runtime.NumGoroutine(), before)
		}
	})
}
