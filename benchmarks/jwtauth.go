package main

import (
	"errors"
	"strings"

	"github.com/go-chi/jwtauth/v5"
	"github.com/lestrrat-go/jwx/v2/jwt"
)

// jwtauthV5 takes one key and no set, so it is given the right one.
var jwtauthV5 = contender{"go-chi/jwtauth/v5 (one key)", func(i *issuer, _, alg string) (verifier, error) {
	auth := jwtauth.New(alg, nil, i.keys[alg].Public(), jwt.WithIssuer(issuerURL), jwt.WithAudience(audience))
	return func(token string) (who, error) {
		t, err := jwtauth.VerifyToken(auth, token)
		if err != nil {
			return who{}, err
		}
		scope, ok := t.Get("scope")
		text, isString := scope.(string)
		if !ok || !isString {
			return who{}, errors.New("no scope")
		}
		return who{t.Subject(), strings.Fields(text)}, nil
	}, nil
}}
