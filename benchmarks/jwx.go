package main

import (
	"errors"
	"strings"

	"github.com/lestrrat-go/jwx/v3/jwk"
	"github.com/lestrrat-go/jwx/v3/jwt"
)

var jwx = contender{"lestrrat-go/jwx/v3", func(i *issuer, _, _ string) (verifier, error) {
	keys, err := jwk.Parse(i.set)
	if err != nil {
		return nil, err
	}
	return func(token string) (who, error) {
		t, err := jwt.ParseString(token, jwt.WithKeySet(keys), jwt.WithIssuer(issuerURL), jwt.WithAudience(audience))
		if err != nil {
			return who{}, err
		}
		sub, ok := t.Subject()
		var scope string
		if err := t.Get("scope", &scope); err != nil || !ok {
			return who{}, errors.Join(err, errors.New("no subject"))
		}
		return who{sub, strings.Fields(scope)}, nil
	}, nil
}}
