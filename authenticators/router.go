package authenticators

import (
	"context"
	"errors"
	"fmt"
	"reflect"

	"github.com/authstar/authstar"
)

type issuerVerifier interface {
	TokenVerifier
	AcceptsIssuer(iss string) bool
}

// router finds the one verifier of a token.
type router struct {
	jwts   map[string]*JWT  // by issuer
	all    []*JWT           // the same, in order
	others []issuerVerifier // whose issuers are not known beforehand
	rest   TokenVerifier
	only   *JWT // if there is one verifier
	format string
	seen   *table[*JWT] // which one verified a token
	errs   []error
}

func newRouter(verifiers []TokenVerifier) *router {
	r := &router{jwts: make(map[string]*JWT), seen: newTable[*JWT](defaultCacheSize)}
	if len(verifiers) == 0 {
		r.errs = append(r.errs, errors.New("no token verifier"))
	}
	for i, v := range verifiers {
		if err := r.add(v); err != nil {
			r.errs = append(r.errs, fmt.Errorf("token verifier %d: %w", i+1, err))
		}
	}
	r.findOverlaps()
	if len(verifiers) == 1 && len(r.all) == 1 {
		r.only = r.all[0]
	}
	if len(r.all) == len(verifiers) {
		r.format = "JWT"
	}
	return r
}

// findOverlaps reports issuers that two verifiers accept.
func (r *router) findOverlaps() {
	overlap := func(iss string) {
		r.errs = append(r.errs, fmt.Errorf("two token verifiers accept the issuer %q", iss))
	}
	for iss, j := range r.jwts {
		for _, v := range r.others {
			if v != issuerVerifier(j) && v.AcceptsIssuer(iss) {
				overlap(iss)
			}
		}
	}
	for i, j := range r.all {
		for _, other := range r.all[:i] {
			if iss := j.shared(other); iss != "" {
				overlap(iss)
			}
		}
	}
}

func (r *router) add(v TokenVerifier) error {
	if v == nil || isNilValue(v) {
		return errors.New("is nil")
	}
	if c, ok := v.(interface{ Validate() error }); ok {
		if err := c.Validate(); err != nil {
			return err
		}
	}
	switch v := v.(type) {
	case *JWT:
		if r.jwts[v.config.Issuer] != nil {
			return fmt.Errorf("the issuer %q has one already", v.config.Issuer)
		}
		r.jwts[v.config.Issuer] = v
		r.all = append(r.all, v)
		if v.prefix != "" {
			r.others = append(r.others, v)
		}
	case issuerVerifier:
		r.others = append(r.others, v)
	default:
		if r.rest != nil {
			return errors.New("has no method AcceptsIssuer, and neither has one before it: no token says which of them it is for")
		}
		r.rest = v
	}
	return nil
}

func isNilValue(v any) bool {
	rv := reflect.ValueOf(v)
	return (rv.Kind() == reflect.Pointer || rv.Kind() == reflect.Func) && rv.IsNil()
}

func (r *router) validate() error { return errors.Join(r.errs...) }

var errNoVerifier = refusal(authstar.InvalidToken, "the token is not from an issuer that this API accepts")

// verify hands the token to its verifier, after a check of its characters, which one
// that is remembered has passed. The issuer is read with the parser that verification
// uses, so that the two cannot read one token differently.
func (r *router) verify(ctx context.Context, token string, notToken *authstar.Error) (authstar.Client, error) {
	var sum digest
	if len(r.all) > 0 && len(token) <= maxCached {
		sum = digestOf(token)
		if j := r.remembers(sum); j != nil {
			if client, err, ok := j.remembered(ctx, sum); ok {
				return client, err
			}
		}
	}
	if !isB64Token(token) {
		return nil, notToken
	}
	if len(r.all)+len(r.others) == 0 && r.rest != nil {
		return r.rest.VerifyToken(ctx, token)
	}
	u, err := parseToken(token)
	if r.only != nil {
		if err != nil {
			return nil, invalid(err)
		}
		return r.only.verify(ctx, u, sum)
	}
	iss := claimedIssuer(token, u)
	if iss != "" {
		if j := r.jwts[iss]; j != nil && j.prefix == "" {
			if err != nil {
				return nil, invalid(err)
			}
			return r.verifyBy(ctx, j, u, sum)
		}
		for _, v := range r.others {
			if !v.AcceptsIssuer(iss) {
				continue
			}
			if j, ok := v.(*JWT); ok && err == nil {
				return r.verifyBy(ctx, j, u, sum)
			}
			return v.VerifyToken(ctx, token)
		}
	}
	if r.rest == nil {
		return nil, errNoVerifier
	}
	return r.rest.VerifyToken(ctx, token)
}

// remembers returns the one whose token it may be, if it was seen before.
func (r *router) remembers(sum digest) *JWT {
	if r.only != nil {
		return r.only
	}
	j, _ := r.seen.get(sum)
	return j
}

// verifyBy remembers which of several verifiers a good token belongs to, so that
// the next time only that one is asked whether it remembers the token.
func (r *router) verifyBy(ctx context.Context, j *JWT, u *unverified, sum digest) (authstar.Client, error) {
	client, err := j.verify(ctx, u, sum)
	if err == nil && len(u.token) <= maxCached {
		r.seen.put(sum, j, 0, func(*JWT) bool { return true })
	}
	return client, err
}
