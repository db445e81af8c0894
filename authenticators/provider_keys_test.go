package authenticators_test

import (
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/authstar/authstar/authenticators"
)

func idpTokenOf(k jwtKey) string {
	return jwtToken(k, "RS256", k.header("RS256"), jwtClaims(jwtIssuerA).with("exp", jwtSeconds(1_000_000)).String())
}

func idpRenamed(k jwtKey, kid string) jwtKey { k.kid = kid; return k }

// C11: a provider that is down makes no token bad, and no bad token good.
func TestProviderOutage(t *testing.T) {
	p := newIDP(t, jwtKeyA)
	p.down()
	api := newIDPAPI(t, p.jwt(t, authenticators.JWTConfig{}))
	good := idpTokenOf(jwtKeyA)
	input, _ := jwtSplit(good)
	forged := input + "." + jwtEncode(jwtEvilRSA.sign("RS256", input))
	api.wants(t, "C11 RS-23 a good token, no keys yet", good, 503)
	api.wants(t, "C11 a token of another issuer, no keys yet", jwtOfB(jwtClaims(jwtIssuerB)), 401)
	p.pass(time.Second)
	p.publish(jwtKeyA)
	api.wants(t, "C11 a good token", good, 200)
	p.down()
	p.pass(time.Hour)
	api.wants(t, "C11 a good token, old keys", good, 200)
	api.wants(t, "C11 a forged token, old keys", forged, 401)
	api.wants(t, "C11 a token of an unknown key", idpTokenOf(idpRenamed(jwtEvilRSA, "k2")), 503)
	p.pass(24 * time.Hour)
	api.wants(t, "K13 a good token that is remembered, keys too old", good, 503)
	p.pass(time.Minute)
	p.publish(jwtKeyA)
	api.wants(t, "K13 a good token, the provider is back", good, 200)
}

// C11: a key without an id says of no token that it is bad, while the key that the
// token names may be there and cannot be had.
func TestProviderOutageWithKeysThatHaveNoID(t *testing.T) {
	anonymous, k2 := idpRenamed(jwtKeyA, ""), idpRenamed(jwtKeyPS, "k2")
	forged := func(kid string) string { return idpTokenOf(idpRenamed(jwtEvilRSA, kid)) }
	p := newIDP(t, anonymous)
	api := newIDPAPI(t, p.jwt(t, authenticators.JWTConfig{}))
	api.wants(t, "C11 a good token", idpTokenOf(jwtKeyA), 200)
	p.down()
	for range 2 {
		api.wants(t, "C11 RS-23 a good token of a new key", idpTokenOf(k2), 503)
		api.wants(t, "C11 a forged token with an id that may be new", forged("k3"), 503)
		api.wants(t, "C11 a forged token with an id that was fetched for", forged("k1"), 401)
		api.wants(t, "C11 a good token that is remembered", idpTokenOf(jwtKeyA), 200)
		api.wants(t, "C11 a good token, and then remembered, with an id that may be new", idpTokenOf(idpRenamed(jwtKeyA, "k4")), 200)
	}
	p.pass(time.Second)
	p.publish(anonymous, k2)
	api.wants(t, "C11 the new key, the provider is back", idpTokenOf(k2), 200)
	api.wants(t, "C11 a forged token, the provider is back", forged("k3"), 401)
}

// RS-23: a hundred requests at once while the provider is down at start.
func TestProviderOutageAtStart(t *testing.T) {
	p := newIDP(t)
	started, release := make(chan struct{}, 100), make(chan struct{})
	p.serve(func(w http.ResponseWriter, _ *http.Request) {
		<-release
		w.WriteHeader(503)
	})
	api := newIDPAPI(t, p.jwt(t, authenticators.JWTConfig{}))
	var refused atomic.Int32
	var all sync.WaitGroup
	for range 100 {
		all.Go(func() {
			started <- struct{}{}
			r := request("GET", "/me")
			r.Header.Set("Authorization", "Bearer "+idpTokenOf(jwtKeyA))
			if res := serve(api, r); res.StatusCode == 503 && res.Header.Get("Retry-After") == "1" {
				refused.Add(1)
			}
		})
	}
	for range 100 {
		<-started
	}
	close(release)
	all.Wait()
	if refused.Load() != 100 || p.requests() != 1 {
		t.Errorf("RS-23 %d refused with Retry-After, %d fetches", refused.Load(), p.requests())
	}
	p.pass(time.Second)
	p.publish(jwtKeyA)
	api.wants(t, "RS-23 healed", idpTokenOf(jwtKeyA), 200)
	if p.requests() != 2 {
		t.Errorf("RS-23 %d fetches", p.requests())
	}
}

// K06 M05: a key that was removed is refused after the interval, also for a
// token that is remembered.
func TestProviderRemovesKey(t *testing.T) {
	for name, size := range map[string]int{"K06 M05 remembered": 0, "K06 not remembered": -1} {
		t.Run(name, func(t *testing.T) {
			k2 := idpRenamed(jwtKeyPS, "k2")
			p := newIDP(t, jwtKeyA, k2)
			api := newIDPAPI(t, p.jwt(t, authenticators.JWTConfig{CacheSize: size}))
			api.wants(t, "the old key", idpTokenOf(jwtKeyA), 200)
			p.publish(k2)
			p.pass(11 * time.Minute)
			api.wants(t, "before the next refresh", idpTokenOf(jwtKeyA), 200)
			p.pass(4 * time.Minute)
			api.wants(t, "after the interval", idpTokenOf(jwtKeyA), 401)
			api.wants(t, "the key that stayed", idpTokenOf(k2), 200)
		})
	}
}

// K06: the id of a removed key, given to another, makes no old token good.
func TestProviderReplacesKeyUnderItsID(t *testing.T) {
	p := newIDP(t, jwtKeyA)
	api := newIDPAPI(t, p.jwt(t, authenticators.JWTConfig{}))
	successor := idpRenamed(jwtKeyPS, jwtKeyA.kid)
	api.wants(t, "K06 the old key", idpTokenOf(jwtKeyA), 200)
	p.publish(successor)
	p.pass(15 * time.Minute)
	api.wants(t, "K06 the old key, replaced", idpTokenOf(jwtKeyA), 401)
	api.wants(t, "K06 the new key", idpTokenOf(successor), 200)
}

func TestProviderRotates(t *testing.T) {
	p := newIDP(t, jwtKeyA)
	api := newIDPAPI(t, p.jwt(t, authenticators.JWTConfig{}))
	k2 := idpRenamed(jwtKeyPS, "k2")
	api.wants(t, "K05 the old key", idpTokenOf(jwtKeyA), 200)
	api.wants(t, "K07 a forged key", idpTokenOf(idpRenamed(jwtEvilRSA, "forged")), 401)
	p.publish(jwtKeyA, k2)
	before := p.requests()
	api.wants(t, "K05 the new key", idpTokenOf(k2), 200)
	if n := p.requests() - before; n != 1 {
		t.Errorf("K05 %d fetches", n)
	}
	for i := range 50 {
		api.wants(t, "K07 a forged key", idpTokenOf(idpRenamed(jwtEvilRSA, fmt.Sprint("forged-", i))), 401)
	}
	if n := p.requests(); n != 6 {
		t.Errorf("D07 %d fetches, want the first and the allowance of 5", n)
	}
	api.wants(t, "K07 a known key", idpTokenOf(jwtKeyA), 200)
}

// K16 K17: keys belong to an issuer, also where two have one key server.
func TestProvidersShareNothing(t *testing.T) {
	shared := newIDP(t, jwtKeyA)
	keys := shared.remote(t)
	a := shared.jwt(t, authenticators.JWTConfig{Keys: keys})
	c := shared.jwt(t, authenticators.JWTConfig{Issuer: jwtIssuerC, Keys: keys, Algorithms: []string{"PS256"}})
	b := newIDP(t, jwtKeyB)
	api := newIDPAPI(t, a, c, b.jwt(t, authenticators.JWTConfig{Issuer: jwtIssuerB}))
	api.wants(t, "K17 A's token", idpTokenOf(jwtKeyA), 200)
	api.wants(t, "K17 C's token", jwtToken(jwtKeyA, "PS256", jwtKeyA.header("PS256"), jwtClaims(jwtIssuerC).String()), 200)
	api.wants(t, "K17 C's token with A's algorithm", jwtToken(jwtKeyA, "RS256", jwtKeyA.header("RS256"), jwtClaims(jwtIssuerC).String()), 401)
	api.wants(t, "K16 B's token", jwtOfB(jwtClaims(jwtIssuerB)), 200)
	api.wants(t, "K16 A's token with B's key of the same id", jwtOfB(jwtClaims(jwtIssuerA)), 401)
	api.wants(t, "K16 B's token with A's key of the same id", jwtOfA(jwtClaims(jwtIssuerB)), 401)
	if shared.requests() != 1 {
		t.Errorf("K17 %d fetches of the shared keys", shared.requests())
	}
}
