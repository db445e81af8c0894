package main

// who is what a verified token says.
type who struct {
	subject string
	scopes  []string
}

// verifier answers for one token, or refuses it.
type verifier func(token string) (who, error)

// contender is a library, used as its own documentation shows.
type contender struct {
	name string
	// open makes a verifier of tokens of one algorithm, with empty caches. The
	// keys are in memory after its first token.
	open func(i *issuer, keysURL, alg string) (verifier, error)
}

// contenders are timed against bare, in this order.
var contenders = []contender{authstarVerify, goJose, goOIDC, golangJWT, jwx, auth0, jwtauthV5}

// work verifies tokens, all of which are good.
func (v verifier) work(tokens []string) work {
	return func(n int) {
		if _, err := v(tokens[n]); err != nil {
			panic(err)
		}
	}
}
