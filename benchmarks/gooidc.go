package main

import (
	"context"
	"strings"

	"github.com/coreos/go-oidc/v3/oidc"
)

var goOIDC = contender{"coreos/go-oidc/v3", func(_ *issuer, keysURL, alg string) (verifier, error) {
	ctx := context.Background()
	v := oidc.NewVerifier(issuerURL, oidc.NewRemoteKeySet(ctx, keysURL), &oidc.Config{
		ClientID: audience, SupportedSigningAlgs: []string{alg},
	})
	return func(token string) (who, error) {
		t, err := v.Verify(ctx, token)
		if err != nil {
			return who{}, err
		}
		var c struct {
			Scope string `json:"scope"`
		}
		if err := t.Claims(&c); err != nil {
			return who{}, err
		}
		return who{t.Subject, strings.Fields(c.Scope)}, nil
	}, nil
}}
