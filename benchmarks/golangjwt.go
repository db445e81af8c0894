package main

import (
	"strings"

	"github.com/MicahParks/keyfunc/v3"
	"github.com/golang-jwt/jwt/v5"
)

var golangJWT = contender{"golang-jwt/v5 + keyfunc/v3", func(i *issuer, _, alg string) (verifier, error) {
	keys, err := keyfunc.NewJWKSetJSON(i.set)
	if err != nil {
		return nil, err
	}
	type accessToken struct {
		jwt.RegisteredClaims
		Scope string `json:"scope"`
	}
	parser := jwt.NewParser(jwt.WithValidMethods([]string{alg}), jwt.WithIssuer(issuerURL),
		jwt.WithAudience(audience), jwt.WithExpirationRequired())
	return func(token string) (who, error) {
		var c accessToken
		if _, err := parser.ParseWithClaims(token, &c, keys.Keyfunc); err != nil {
			return who{}, err
		}
		return who{c.Subject, strings.Fields(c.Scope)}, nil
	}, nil
}}
