package main

import "fmt"

// unseenLimits are for a token never seen, × the bare signature check.
var unseenLimits = map[string]float64{"RS256": 1.70, "ES256": 1.32, "EdDSA": 1.37}

// missLimit is for a miss through the cache, × the verification alone.
const missLimit = 1.10

const unseenSlice = 8

// unseen times the verification of tokens that were never seen, against the bare
// signature check, and caches against the verification that they are around.
func (b *benchmark) unseen() error {
	lines := table{{"a token never seen, × the bare signature check"}}
	for _, c := range contenders {
		lines = append(lines, []string{c.name})
	}
	own := []string{"authstar: a miss through the cache, × the same verification alone"}
	theirs := []string{"k8s.io/apiserver: a miss through the cache, × the same verification alone"}
	for _, alg := range algorithms {
		tokens, err := b.issuer.tokens(alg, b.unseenTokens)
		if err != nil {
			return err
		}
		lines[0] = append(lines[0], alg)
		for k, c := range contenders {
			b.progress("a token never seen, %s: %s", alg, c.name)
			s, cost, err := b.againstBare(c, alg, tokens)
			if err != nil {
				return err
			}
			lines[k+1] = append(lines[k+1], fmt.Sprintf("%.2f (%d allocs)", s.ratio, cost.allocs))
			if k == 0 {
				most := unseenLimits[alg]
				b.report.add("a token never seen, "+alg, fmt.Sprintf("≤ %.2f × the bare signature check", most),
					s.ratio <= most, "%.2f × (%s, %d allocs)", s.ratio, short(s.each), cost.allocs)
			}
		}
		b.progress("a miss through the cache, %s", alg)
		miss, err := b.overhead(alg, tokens, authstarVerify, func(verifier) (verifier, error) {
			return b.open(authstarCached, alg)
		})
		if err != nil {
			return err
		}
		peer, err := b.overhead(alg, tokens, goOIDC, func(inner verifier) (verifier, error) {
			return kubernetesVerifier(kubernetes(inner)), nil
		})
		if err != nil {
			return err
		}
		b.report.add("the miss through the cache, "+alg, fmt.Sprintf("≤ %.2f × the verification alone", missLimit),
			miss <= missLimit, "%.2f × (k8s: %.2f)", miss, peer)
		own, theirs = append(own, fmt.Sprintf("%.2f", miss)), append(theirs, fmt.Sprintf("%.2f", peer))
	}
	b.report.tables = append(b.report.tables, append(lines, own, theirs))
	return nil
}

func (b *benchmark) againstBare(c contender, alg string, tokens []string) (sample, cost, error) {
	verify, err := b.open(c, alg)
	if err != nil {
		return sample{}, cost{}, err
	}
	check := bare(b.issuer, alg, tokens)
	limit := func(n int) {
		if !check(n) {
			panic("the bare check refuses a good token")
		}
	}
	s, err := paired(b.rounds, len(tokens), unseenSlice, func() (work, work, error) {
		return verify.work(tokens), limit, nil
	})
	return s, allocated(verify.work(tokens)), err
}

// overhead is what an empty cache costs: it is made anew for each round.
func (b *benchmark) overhead(alg string, tokens []string, alone contender, around func(verifier) (verifier, error)) (float64, error) {
	s, err := paired(2*b.rounds, len(tokens), unseenSlice, func() (work, work, error) {
		inner, err := b.open(alone, alg)
		if err != nil {
			return nil, nil, err
		}
		outer, err := around(inner)
		if err != nil {
			return nil, nil, err
		}
		return outer.work(tokens), inner.work(tokens), nil
	})
	return s.ratio, err
}

func (b *benchmark) open(c contender, alg string) (verifier, error) {
	verify, err := c.open(b.issuer, b.keys.URL, alg)
	if err != nil {
		return nil, err
	}
	first, err := b.issuer.token(alg, -1)
	if err != nil {
		return nil, err
	}
	_, err = verify(first) // now its keys are in memory
	return verify, err
}
