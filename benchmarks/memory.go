package main

import (
	"cmp"
	"fmt"
	"net/http"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/authstar/authstar/authenticators"
	"github.com/authstar/authstar/authenticators/jwks"
)

const (
	memoryLeft   = 256 << 10 // of a flood of bad tokens, in bytes
	defaultCache = 10_000
	// entryBytes is what the documentation of JWTConfig.CacheSize says about 800
	// bytes of token, "about 1.1 kB".
	entryBytes = 1150
	// refetches and refetchEvery are those of jwks.RemoteConfig.
	refetches    = 5
	refetchEvery = 10 * time.Second
)

// flood has every processor work on a part of n pieces.
func flood(n int, w work) {
	var next atomic.Int64
	var all sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		all.Go(func() {
			for {
				k := int(next.Add(1)) - 1
				if k >= n {
					return
				}
				w(k)
			}
		})
	}
	all.Wait()
}

// badTokens sends tokens that differ, every tenth with a bad signature and the
// others with unknown key ids.
func (b *benchmark) badTokens() error {
	b.progress("%d bad tokens", b.bad)
	keys := newKeyServer(b.issuer.set)
	defer keys.Close()
	a, err := newAPI(authenticators.JWTConfig{}, jwks.RemoteConfig{URL: keys.URL})
	if err != nil {
		return err
	}
	good, err := b.issuer.token("RS256", 0)
	if err != nil {
		return err
	}
	if status, _ := a.ask(good); status != http.StatusNoContent {
		return fmt.Errorf("a good token is answered %d", status)
	}
	keys.fetches.Store(0)
	forged := forger()
	var accepted atomic.Int64
	before, start := heap(), time.Now()
	flood(b.bad, func(n int) {
		token := forged(fmt.Sprintf("kid-%08d", n))
		if n%10 == 0 {
			token = tampered(good, n)
		}
		if status, _ := a.ask(token); status != http.StatusUnauthorized {
			accepted.Add(1)
		}
	})
	took := time.Since(start)
	after := heap()
	allowance := refetches + int64(took/refetchEvery)
	b.report.add(fmt.Sprintf("%d distinct bad tokens", b.bad), "memory back to base; one fetch per allowance (5, and one per 10 s)",
		after-before < memoryLeft && keys.fetches.Load() <= allowance && accepted.Load() == 0,
		"heap %s → %s; %d fetches in %.0f s; %d accepted", megabytes(before), megabytes(after), keys.fetches.Load(), took.Seconds(), accepted.Load())
	runtime.KeepAlive(a)
	return nil
}

// goodTokens fills a cache that has room for all, and the default one.
func (b *benchmark) goodTokens() error {
	if err := b.filled(b.good, b.good, fmt.Sprintf("CacheSize %d", b.good)); err != nil {
		return err
	}
	return b.filled(b.overflow, 0, fmt.Sprintf("the default bound of %d entries", defaultCache))
}

func (b *benchmark) filled(tokens, size int, name string) error {
	b.progress("%d good tokens, %s", tokens, name)
	a, err := newAPI(authenticators.JWTConfig{CacheSize: size}, jwks.RemoteConfig{URL: b.keys.URL})
	if err != nil {
		return err
	}
	var refused atomic.Int64
	before := heap()
	flood(tokens, func(n int) {
		token, err := b.issuer.token("EdDSA", n)
		if err != nil {
			refused.Add(1)
			return
		}
		if status, _ := a.ask(token); status != http.StatusNoContent {
			refused.Add(1)
		}
	})
	grown := heap() - before
	runtime.KeepAlive(a)
	each := grown / int64(cmp.Or(size, defaultCache))
	b.report.add(fmt.Sprintf("%d valid distinct tokens, %s", tokens, name), "about 1.1 kB per entry of the bound at most",
		each <= entryBytes && refused.Load() == 0, "%s, %d bytes per entry", megabytes(grown), each)
	return nil
}

func megabytes(n int64) string { return fmt.Sprintf("%.1f MB", float64(n)/1e6) }
