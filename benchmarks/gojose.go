package main

import (
	"encoding/json"
	"errors"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
)

// goJose is go-jose's jwt by hand: the key by its id, one decoding into the
// registered claims and the scope, and Validate.
var goJose = contender{"go-jose/v4 jwt, by hand", func(i *issuer, _, alg string) (verifier, error) {
	var keys jose.JSONWebKeySet
	if err := json.Unmarshal(i.set, &keys); err != nil {
		return nil, err
	}
	return func(token string) (who, error) {
		tok, err := jwt.ParseSigned(token, []jose.SignatureAlgorithm{jose.SignatureAlgorithm(alg)})
		if err != nil {
			return who{}, err
		}
		found := keys.Key(tok.Headers[0].KeyID)
		if len(found) == 0 {
			return who{}, errors.New("unknown key")
		}
		var c struct {
			jwt.Claims
			Scope string `json:"scope"`
		}
		if err := tok.Claims(found[0].Key, &c); err != nil {
			return who{}, err
		}
		if err := c.Validate(jwt.Expected{Issuer: issuerURL, AnyAudience: jwt.Audience{audience}, Time: time.Now()}); err != nil {
			return who{}, err
		}
		return who{c.Subject, strings.Fields(c.Scope)}, nil
	}, nil
}}
