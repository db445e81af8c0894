package jwks_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/authstar/authstar/authenticators/jwks"
)

// remoteLatency is how long a fetch takes in the tests below.
const remoteLatency = 100 * time.Millisecond

// remoteUnderWay is a Remote with a fetch under way that began before the
// provider rotated from k1 to k2, and the number of fetches so far.
func remoteUnderWay(t *testing.T, p *remoteProvider, config jwks.RemoteConfig, begin func(*testing.T, *remoteProvider, *jwks.Remote)) (*jwks.Remote, int) {
	t.Helper()
	r, _ := p.remote(t, config)
	begin(t, p, r)
	synctest.Wait()
	time.Sleep(remoteLatency / 2)
	p.serve(remoteSlow(remoteLatency, remoteKeys("k1", "k2")))
	return r, p.fetches()
}

// remoteBegin are the fetches that no unknown key began.
var remoteBegin = map[string]func(*testing.T, *remoteProvider, *jwks.Remote){
	"K05 the first fetch": func(t *testing.T, p *remoteProvider, r *jwks.Remote) {
		p.serve(remoteSlow(remoteLatency, remoteKeys("k1")))
		go func() { _, _ = r.Keys(t.Context(), "k1") }()
	},
	"K05 a fetch ahead of expiry": func(t *testing.T, p *remoteProvider, r *jwks.Remote) {
		p.wants(t, r, "k1", true, 1)
		time.Sleep(12 * time.Minute)
		p.serve(remoteSlow(remoteLatency, remoteKeys("k1")))
		p.wants(t, r, "k1", true, 1)
	},
	"K05 a fetch of the application": func(t *testing.T, p *remoteProvider, r *jwks.Remote) {
		p.wants(t, r, "k1", true, 1)
		p.serve(remoteSlow(remoteLatency, remoteKeys("k1")))
		go func() { _ = r.Refresh(t.Context()) }()
	},
}

// The first token of a new key is good, also when a fetch was under way that the
// provider answers with what it had before.
func TestRemoteRotationDuringAFetch(t *testing.T) {
	for name, begin := range remoteBegin {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := newRemoteProvider(t, remoteKeys("k1"))
				r, _ := remoteUnderWay(t, p, jwks.RemoteConfig{}, begin)
				p.wants(t, r, "k2", true, 1)
				if got := p.last().Header.Get("Cache-Control"); got != "no-cache" {
					t.Errorf("K05 the second fetch has Cache-Control %q", got)
				}
				p.wants(t, r, "k1", true, 0)
			})
		})
	}
}

// K07: what joined costs one fetch for all, of the allowance.
func TestRemoteUnknownKeysDuringAFetch(t *testing.T) {
	for name, begin := range remoteBegin {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := newRemoteProvider(t, remoteKeys("k1"))
				r, before := remoteUnderWay(t, p, jwks.RemoteConfig{Refetches: 1}, begin)
				start := time.Now()
				var all sync.WaitGroup
				var found atomic.Int32
				for i := range 1000 {
					all.Go(func() {
						if ok, err := remoteFound(t.Context(), r, fmt.Sprint("forged-", i)); ok || err != nil {
							t.Errorf("K07 %v, %v", ok, err)
						}
					})
					all.Go(func() {
						if ok, err := remoteFound(t.Context(), r, "k2"); ok && err == nil {
							found.Add(1)
						}
					})
				}
				all.Wait()
				if n := p.fetches() - before; n != 1 || found.Load() != 1000 || time.Since(start) != remoteLatency*3/2 {
					t.Errorf("K07 %d fetches, %d found their key in %v", n, found.Load(), time.Since(start))
				}
				p.wants(t, r, "forged", false, 0)
			})
		})
	}
}

// The second fetch heeds the allowance and the pause after a failed one.
func TestRemoteSecondFetchIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newRemoteProvider(t, remoteKeys("k1"))
		spend := func(t *testing.T, p *remoteProvider, r *jwks.Remote) {
			p.wants(t, r, "k1", true, 1)
			p.wants(t, r, "forged", false, 1)
			p.serve(remoteSlow(remoteLatency, remoteKeys("k1")))
			go func() { _ = r.Refresh(t.Context()) }()
		}
		r, _ := remoteUnderWay(t, p, jwks.RemoteConfig{Refetches: 1, RefetchEvery: time.Hour}, spend)
		p.wants(t, r, "k2", false, 0)
	})
	for name, row := range map[string]struct {
		first, second int // their status
		fetches       int
	}{
		"K13 the fetch that was under way fails": {503, 200, 0},
		"K13 the second one fails":               {200, 503, 1},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := newRemoteProvider(t, remoteKeys("k1"))
				r, _ := remoteUnderWay(t, p, jwks.RemoteConfig{}, func(t *testing.T, p *remoteProvider, r *jwks.Remote) {
					p.wants(t, r, "k1", true, 1)
					p.serve(remoteSlow(remoteLatency, remoteBody(row.first, remoteSet("k1"))))
					go func() { _ = r.Refresh(t.Context()) }()
				})
				p.serve(remoteBody(row.second, remoteSet("k1", "k2")))
				if after := p.fails(t, r, "k2", row.fetches); after != time.Second {
					t.Errorf("told to come back after %v", after)
				}
				p.fails(t, r, "k2", 0)
				p.wants(t, r, "k1", true, 0)
				p.serve(remoteKeys("k1", "k2"))
				time.Sleep(time.Second)
				p.wants(t, r, "k2", true, 1)
			})
		})
	}
}

// K09: who gives up while it waits for the second fetch ends neither.
func TestRemoteSecondFetchCancelled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newRemoteProvider(t, remoteKeys("k1"))
		r, before := remoteUnderWay(t, p, jwks.RemoteConfig{}, remoteBegin["K05 a fetch ahead of expiry"])
		var all sync.WaitGroup
		for _, patient := range []bool{false, true} {
			all.Go(func() {
				ctx := t.Context()
				if !patient {
					short, cancel := context.WithTimeout(ctx, remoteLatency)
					defer cancel()
					ctx = short
				}
				ok, err := remoteFound(ctx, r, "k2")
				if ok != patient || (err == nil) != patient {
					t.Errorf("K09 patient %v: %v, %v", patient, ok, err)
				}
			})
		}
		all.Wait()
		if n := p.fetches() - before; n != 1 {
			t.Errorf("K09 %d fetches", n)
		}
	})
}
