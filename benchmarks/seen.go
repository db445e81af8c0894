package main

import (
	"fmt"
	"net/http"

	"github.com/authstar/authstar/authenticators"
	"github.com/authstar/authstar/authenticators/jwks"
)

const (
	seenLimit  = 0.7 // × k8s's cached authenticator
	liveLimit  = 0.8
	seenAllocs = 4 // more than the bare handler has
	seenBytes  = 720
	seenSlice  = 64
)

// hello is the handler that all requests of this file reach.
func hello(w http.ResponseWriter, _ *http.Request) {
	w.Header()["Content-Type"] = []string{"text/plain"}
}

// serving sends requests with the tokens in turn. The header is set for every
// request, since k8s removes it.
func serving(h http.Handler, tokens []string) work {
	headers := make([][]string, len(tokens))
	for n, token := range tokens {
		headers[n] = []string{"Bearer " + token}
	}
	r := newRequest()
	return func(n int) {
		r.Header["Authorization"] = headers[n%len(headers)]
		w := answer{header: make(http.Header)}
		h.ServeHTTP(&w, r)
		if w.status != 0 {
			panic(fmt.Sprintf("a good token is answered %d", w.status))
		}
	}
}

// seen times requests with tokens that were seen before, from the first line
// before the handler to the last one behind it.
func (b *benchmark) seen() error {
	j, err := newJWT(authenticators.JWTConfig{}, jwks.RemoteConfig{URL: b.keys.URL})
	if err != nil {
		return err
	}
	ours, err := guarded(j, hello)
	if err != nil {
		return err
	}
	inner, err := b.open(goOIDC, "ES256")
	if err != nil {
		return err
	}
	cache := kubernetes(inner)
	theirs, byHand := kubernetesHandler(cache, hello), kubernetesShort(cache, hello)
	tokens, err := b.issuer.tokens("ES256", b.live)
	if err != nil {
		return err
	}
	warm := []work{serving(ours, tokens), serving(theirs, tokens), serving(byHand, tokens)}
	for n := range tokens {
		for _, w := range warm {
			w(n)
		}
	}
	one := tokens[:1]
	plain, our, their := serving(http.HandlerFunc(hello), one), serving(ours, one), serving(theirs, one)

	b.progress("a token seen before")
	hit, hitByHand := b.against(our, their), b.against(our, serving(byHand, one))
	above := allocated(our).above(allocated(plain))
	name := "a token seen before, through chain, guard and handler"
	b.report.add(name, fmt.Sprintf("≤ %.1f × k8s's cached authenticator", seenLimit), hit.ratio <= seenLimit,
		"%.2f × (%s; %.2f × without k8s's own filter)", hit.ratio, short(hit.each), hitByHand.ratio)
	b.report.add(name+", above the bare handler", fmt.Sprintf("≤ %d allocations, ≤ %d bytes", seenAllocs, seenBytes),
		above.allocs <= seenAllocs && above.bytes <= seenBytes, "%d allocations, %d bytes", above.allocs, above.bytes)

	b.progress("%d live tokens in turn", b.live)
	live, liveByHand := b.against(warm[0], warm[1]), b.against(warm[0], warm[2])
	b.report.add(fmt.Sprintf("%d live tokens in turn", b.live), fmt.Sprintf("≤ %.1f × k8s's cached authenticator", liveLimit), live.ratio <= liveLimit,
		"%.2f × (%s; %.2f × without k8s's own filter)", live.ratio, short(live.each), liveByHand.ratio)

	alone := kubernetesVerifier(cache).work(one)
	lines := table{{"a token seen before", "× authstar", "allocs", "bytes"}}
	for _, each := range []struct {
		name string
		work work
	}{
		{"the bare handler", plain},
		{"authstar: chain, guard and handler", our},
		{"k8s.io/apiserver: its filter, cache and handler", their},
		{"k8s.io/apiserver: its bearer token, cache and handler, without the filter", serving(byHand, one)},
		{"k8s.io/apiserver: its cache alone", func(int) { alone(0) }},
	} {
		c := allocated(each.work)
		lines = append(lines, []string{each.name, fmt.Sprintf("%.2f", b.against(each.work, our).ratio), fmt.Sprint(c.allocs), fmt.Sprint(c.bytes)})
	}
	b.report.tables = append(b.report.tables, lines)
	return nil
}

// against compares requests.
func (b *benchmark) against(subject, limit work) sample {
	s, _ := paired(1, b.requests, seenSlice, func() (work, work, error) { return subject, limit, nil })
	return s
}
