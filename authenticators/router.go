package authenticators

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"reflect"
	"strings"

	"github.com/go-jose/go-jose/v4/json"

	"github.com/authstar/authstar"
)

type issuerVerifier interface {
	TokenVerifier
	AcceptsIssuer(iss string) bool
}

// router finds the one verifier of a token.
type router struct {
	byIssuer []issuerVerifier
	rest     TokenVerifier
	format   string
	errs     []error
}

func newRouter(verifiers []TokenVerifier) *router {
	r := new(router)
	if len(verifiers) == 0 {
		r.errs = append(r.errs, errors.New("no token verifier"))
	}
	for i, v := range verifiers {
		if v == nil || isNilValue(v) {
			r.errs = append(r.errs, fmt.Errorf("token verifier %d is nil", i+1))
			continue
		}
		if c, ok := v.(interface{ Validate() error }); ok {
			if err := c.Validate(); err != nil {
				r.errs = append(r.errs, fmt.Errorf("token verifier %d: %w", i+1, err))
				continue
			}
		}
		if iv, ok := v.(issuerVerifier); ok {
			r.byIssuer = append(r.byIssuer, iv)
			continue
		}
		if r.rest != nil {
			r.errs = append(r.errs, fmt.Errorf("token verifier %d has no method AcceptsIssuer, and neither has one before it: no token says which of them it is for", i+1))
		}
		r.rest = v
	}
	return r
}

func isNilValue(v any) bool {
	rv := reflect.ValueOf(v)
	return (rv.Kind() == reflect.Pointer || rv.Kind() == reflect.Func) && rv.IsNil()
}

func (r *router) validate() error { return errors.Join(r.errs...) }

var errNoVerifier = refusal(authstar.InvalidToken, "the token is not from an issuer that this API accepts")

// VerifyToken hands the token to its verifier.
func (r *router) VerifyToken(ctx context.Context, token string) (authstar.Client, error) {
	if len(r.byIssuer) > 0 {
		if iss, ok := unverifiedIssuer(token); ok {
			for _, v := range r.byIssuer {
				if v.AcceptsIssuer(iss) {
					return v.VerifyToken(ctx, token)
				}
			}
		}
	}
	if r.rest == nil {
		return nil, errNoVerifier
	}
	return r.rest.VerifyToken(ctx, token)
}

// unverifiedIssuer reads "iss" with the parser that verification uses, so that
// the two cannot read one token differently.
func unverifiedIssuer(token string) (string, bool) {
	_, rest, ok := strings.Cut(token, ".")
	if !ok {
		return "", false
	}
	payload, rest, ok := strings.Cut(rest, ".")
	if !ok || strings.Contains(rest, ".") {
		return "", false
	}
	b, err := base64.RawURLEncoding.DecodeString(payload)
	if err != nil {
		return "", false
	}
	var claims struct {
		Issuer *string `json:"iss"`
	}
	if json.Unmarshal(b, &claims) != nil || claims.Issuer == nil {
		return "", false
	}
	return *claims.Issuer, true
}
