package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// conforms opens a contender and checks that it knows a good token, and refuses
// those that it must: nobody is timed on a token that it does not verify.
func conforms(c contender, i *issuer, keysURL, alg string) error {
	verify, err := c.open(i, keysURL, alg)
	if err != nil {
		return err
	}
	good, err := i.token(alg, 0)
	if err != nil {
		return err
	}
	for range 2 { // a cache answers the second
		w, err := verify(good)
		if err != nil {
			return fmt.Errorf("refuses a good token: %w", err)
		}
		if w.subject != subject || !slices.Equal(w.scopes, strings.Fields(scope)) {
			return fmt.Errorf("takes the token for that of %+v", w)
		}
	}
	bad := map[string]string{"a tampered signature": tampered(good, 1), "an unknown key": forger()("unknown")}
	for name, change := range map[string]func(map[string]any){
		"another audience": func(c map[string]any) { c["aud"] = "https://other.example.com" },
		"another issuer":   func(c map[string]any) { c["iss"] = "https://other.example.com" },
		"expired":          func(c map[string]any) { c["exp"] = time.Now().Add(-time.Hour).Unix() },
	} {
		changed := claims(0)
		change(changed)
		if bad[name], err = i.sign(alg, changed); err != nil {
			return err
		}
	}
	var errs []error
	for name, token := range bad {
		if _, err := verify(token); err == nil {
			errs = append(errs, fmt.Errorf("accepts a token with %s", name))
		}
	}
	return errors.Join(errs...)
}

// conformance runs conforms for everybody, and adds the bare check.
func conformance(i *issuer, keysURL string) error {
	var errs []error
	for _, alg := range algorithms {
		for _, c := range append(slices.Clone(contenders), authstarCached, kubernetesCached) {
			if err := conforms(c, i, keysURL, alg); err != nil {
				errs = append(errs, fmt.Errorf("%s, %s: %w", c.name, alg, err))
			}
		}
		good, err := i.token(alg, 0)
		if err != nil {
			return err
		}
		if check := bare(i, alg, []string{good, tampered(good, 1)}); !check(0) || check(1) {
			errs = append(errs, fmt.Errorf("the bare check, %s, takes bad for good", alg))
		}
	}
	return errors.Join(errs...)
}
