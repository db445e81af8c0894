package main

import (
	"context"
	"encoding/json"
	"strings"

	"github.com/auth0/go-jwt-middleware/v2/validator"
	"gopkg.in/go-jose/go-jose.v2"
)

type auth0Claims struct {
	Scope string `json:"scope"`
}

func (*auth0Claims) Validate(context.Context) error { return nil }

var auth0 = contender{"auth0/go-jwt-middleware/v2", func(i *issuer, _, alg string) (verifier, error) {
	var keys jose.JSONWebKeySet
	if err := json.Unmarshal(i.set, &keys); err != nil {
		return nil, err
	}
	v, err := validator.New(
		func(context.Context) (any, error) { return &keys, nil },
		validator.SignatureAlgorithm(alg), issuerURL, []string{audience},
		validator.WithCustomClaims(func() validator.CustomClaims { return new(auth0Claims) }),
	)
	if err != nil {
		return nil, err
	}
	return func(token string) (who, error) {
		t, err := v.ValidateToken(context.Background(), token)
		if err != nil {
			return who{}, err
		}
		c := t.(*validator.ValidatedClaims)
		return who{c.RegisteredClaims.Subject, strings.Fields(c.CustomClaims.(*auth0Claims).Scope)}, nil
	}, nil
}}
