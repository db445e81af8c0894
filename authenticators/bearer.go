package authenticators

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/authstar/authstar"
)

// TokenVerifier says whose token it is. The package comment has the meaning of
// what VerifyToken returns. The token is a b64token of RFC 6750 section 2.1, not
// empty and at most 16 KiB. Implementations must be safe for concurrent use.
//
// A verifier that also has a method AcceptsIssuer(iss string) bool gets only
// those JSON Web Tokens whose (yet unverified) issuer it accepts; it must verify
// the issuer itself as well. AcceptsIssuer must be fast and always answer the
// same.
type TokenVerifier interface {
	VerifyToken(ctx context.Context, token string) (authstar.Client, error)
}

// TokenVerifierFunc makes a [TokenVerifier] of a function.
type TokenVerifierFunc func(ctx context.Context, token string) (authstar.Client, error)

// VerifyToken calls f.
func (f TokenVerifierFunc) VerifyToken(ctx context.Context, token string) (authstar.Client, error) {
	return f(ctx, token)
}

// Bearer authenticates by a bearer token (RFC 6750) in the Authorization
// header. Its methods Cookie, Subprotocol and InsecureQuery make authenticators
// for other places, with the same verifiers, to be listed in the chain beside
// it.
//
// A token goes to exactly one verifier: to the one that accepts its issuer,
// else to the one verifier that has no method AcceptsIssuer, else it is
// invalid_token. What that verifier says is final.
type Bearer struct {
	router *router
	realm  string
	origin *http.CrossOriginProtection
	query  bool // the chain accepts the query parameter as well
}

// NewBearer makes a Bearer. authstar.New reports it when there is no verifier,
// a nil one, more than one that takes the rest, or two for one issuer.
func NewBearer(verifiers ...TokenVerifier) *Bearer {
	return &Bearer{router: newRouter(verifiers), origin: http.NewCrossOriginProtection()}
}

// WithRealm returns a copy with a realm in its challenges.
func (b *Bearer) WithRealm(realm string) *Bearer {
	c := *b
	c.realm = realm
	return &c
}

// WithCrossOrigin returns a copy whose Cookie asks p about requests from other
// origins; see [Session.WithCrossOrigin].
func (b *Bearer) WithCrossOrigin(p *http.CrossOriginProtection) *Bearer {
	c := *b
	c.origin = p
	return &c
}

// Scheme has the ID "bearer".
func (b *Bearer) Scheme() authstar.Scheme {
	s := authstar.Scheme{ID: "bearer", Type: authstar.TypeHTTP, AuthScheme: "Bearer", Realm: b.realm}
	if b.router != nil {
		s.BearerFormat = b.router.format
	}
	return s
}

// Validate reports what is wrong with the verifiers.
func (b *Bearer) Validate() error {
	if b.router == nil {
		return errors.New("a Bearer that NewBearer did not make")
	}
	return b.router.validate()
}

// Beside returns a Bearer that refuses a request which has a token in the query
// too, if that is a place where the chain looks (RFC 6750 section 2).
func (b *Bearer) Beside(schemes []authstar.Scheme) authstar.Authenticator {
	c := *b
	c.query = slices.ContainsFunc(schemes, func(s authstar.Scheme) bool { return s.In == "query" && s.Name == queryParameter })
	return &c
}

var (
	errTwoPlaces = refusal(authstar.InvalidRequest, "there is a token in more than one place of the request")
	errNotToken  = refusal(authstar.InvalidRequest, "the bearer token has characters that no token has")
	errBadToken  = refusal(authstar.InvalidToken, "the token is not valid")
	errTooLong   = refusal(authstar.InvalidToken, "the token is too long")
)

// Authenticate reads the Authorization header. Anything but "Bearer", one or
// more spaces and a b64token is invalid_request; a token longer than 16 KiB is
// invalid_token without a look at it.
func (b *Bearer) Authenticate(r *http.Request) (authstar.Client, error) {
	token, err := authorization(r, "Bearer")
	if err != nil {
		return nil, err
	}
	if b.query && r.URL.Query().Has(queryParameter) {
		return nil, errTwoPlaces
	}
	return b.verify(r.Context(), token, errNotToken)
}

// verify asks the verifier whose token it is.
func (b *Bearer) verify(ctx context.Context, token string, notToken *authstar.Error) (authstar.Client, error) {
	if len(token) > maxToken {
		return nil, errTooLong
	}
	client, err := b.router.verify(ctx, token, notToken)
	return settle(client, err, errBadToken)
}

// isB64Token checks the grammar of RFC 6750 section 2.1.
func isB64Token(s string) bool {
	s = strings.TrimRight(s, "=")
	for i := range len(s) {
		if !b64Token[s[i]] {
			return false
		}
	}
	return s != ""
}

var b64Token = func() (set [256]bool) {
	for _, c := range "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~+/" {
		set[c] = true
	}
	return set
}()
