package main

import (
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/authstar/authstar/authenticators"
	"github.com/authstar/authstar/authenticators/jwks"
)

const keyServerLatency = 50 * time.Millisecond

// traffic asks an API, with tokens that are verified anew each time, until it is
// stopped.
type traffic struct {
	stop    atomic.Bool
	done    sync.WaitGroup
	times   []time.Duration
	refused int
}

func startTraffic(a *api, token string) *traffic {
	t := new(traffic)
	t.done.Go(func() {
		for !t.stop.Load() {
			status, took := a.ask(token)
			t.times = append(t.times, took)
			if status != http.StatusNoContent {
				t.refused++
			}
			time.Sleep(200 * time.Microsecond)
		}
	})
	return t
}

func (t *traffic) end() *traffic {
	t.stop.Store(true)
	t.done.Wait()
	return t
}

// loaded is an API that has its keys, and asks them for every token.
func (b *benchmark) loaded(keys *keyServer, clock func() time.Time) (a *api, token string, err error) {
	a, err = newAPI(authenticators.JWTConfig{CacheSize: -1, Now: clock}, jwks.RemoteConfig{URL: keys.URL, Timeout: time.Second, Now: clock})
	if err != nil {
		return nil, "", err
	}
	if token, err = b.issuer.token("ES256", 0); err != nil {
		return nil, "", err
	}
	if status, _ := a.ask(token); status != http.StatusNoContent {
		return nil, "", fmt.Errorf("a good token is answered %d", status)
	}
	keys.fetches.Store(0)
	return a, token, nil
}

// unknownKeys sends tokens with unknown key ids, all at once.
func (b *benchmark) unknownKeys() error {
	b.progress("%d unknown key ids at once", b.kids)
	keys := newKeyServer(b.issuer.set)
	defer keys.Close()
	a, token, err := b.loaded(keys, nil)
	if err != nil {
		return err
	}
	before := startTraffic(a, token)
	time.Sleep(4 * keyServerLatency)
	before.end()

	keys.latency.Store(int64(keyServerLatency))
	bad, forged := make([]string, b.kids), forger()
	for n := range bad {
		bad[n] = forged(fmt.Sprintf("kid-%d", n))
	}
	var wrong atomic.Int32
	var all sync.WaitGroup
	known := startTraffic(a, token)
	start := make(chan struct{})
	for _, token := range bad {
		all.Go(func() {
			<-start
			if status, _ := a.ask(token); status != http.StatusUnauthorized {
				wrong.Add(1)
			}
		})
	}
	close(start)
	all.Wait()
	known.end()
	p99 := quantile(known.times, 0.99)
	b.report.add(fmt.Sprintf("%d requests with %d unknown key ids at once, key server with %v latency", b.kids, b.kids, keyServerLatency),
		"1 fetch; known keys do not wait for it",
		keys.fetches.Load() == 1 && wrong.Load() == 0 && known.refused == 0 && p99 < keyServerLatency/2,
		"%d fetch; p99 of known keys %s (%s before)", keys.fetches.Load(), short(p99), short(quantile(before.times, 0.99)))
	return nil
}

// rotation publishes other keys right after a forged key id was asked for.
func (b *benchmark) rotation() error {
	b.progress("a rotation")
	keys := newKeyServer(b.issuer.set)
	defer keys.Close()
	a, _, err := b.loaded(keys, nil)
	if err != nil {
		return err
	}
	if status, _ := a.ask(forger()("forged")); status != http.StatusUnauthorized {
		return fmt.Errorf("a forged token is answered %d", status)
	}
	next, err := newIssuer("2026-02")
	if err != nil {
		return err
	}
	keys.set.Store(&next.set)
	keys.fetches.Store(0)
	token, err := next.token("ES256", 0)
	if err != nil {
		return err
	}
	status, took := a.ask(token)
	b.report.add("a rotation right after a forged key id", "the new key verifies within 1 fetch",
		status == http.StatusNoContent && keys.fetches.Load() == 1, "%d fetch, the first token is answered %d in %s", keys.fetches.Load(), status, short(took))
	return nil
}

// coldStart asks for the first time while the key server fails.
func (b *benchmark) coldStart() error {
	b.progress("a start with the key server failing")
	keys := newKeyServer(b.issuer.set)
	defer keys.Close()
	keys.status.Store(http.StatusServiceUnavailable)
	keys.latency.Store(int64(keyServerLatency))
	a, err := newAPI(authenticators.JWTConfig{}, jwks.RemoteConfig{URL: keys.URL})
	if err != nil {
		return err
	}
	token, err := b.issuer.token("ES256", 0)
	if err != nil {
		return err
	}
	var unavailable atomic.Int32
	var all sync.WaitGroup
	for range b.starts {
		all.Go(func() {
			if status, _ := a.ask(token); status == http.StatusServiceUnavailable {
				unavailable.Add(1)
			}
		})
	}
	all.Wait()
	fetches := keys.fetches.Load()
	keys.status.Store(0)
	keys.latency.Store(0)
	healed := time.Now()
	status := 0
	for status != http.StatusNoContent && time.Since(healed) < 10*time.Second {
		time.Sleep(time.Millisecond)
		status, _ = a.ask(token)
	}
	took := time.Since(healed)
	b.report.add(fmt.Sprintf("a start with the key server failing, %d requests at once", b.starts),
		fmt.Sprintf("1 fetch, %d × 503, healed by the next good fetch within 1 s", b.starts),
		fetches == 1 && int(unavailable.Load()) == b.starts && took <= time.Second+keyServerLatency && keys.fetches.Load() == 2,
		"%d fetch, %d × 503, healed by fetch %d after %.2f s", fetches, unavailable.Load(), keys.fetches.Load(), took.Seconds())
	return nil
}
