package authenticators

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/authstar/authstar"
	"github.com/authstar/authstar/authenticators/jwks"
	"github.com/authstar/authstar/internal/endpointurl"
)

// JWTConfig says which JSON Web Tokens (RFC 7519) an API accepts from one
// issuer. Issuer and Audiences are required.
type JWTConfig struct {
	// Issuer is compared byte for byte with "iss" (RFC 9068 section 4). As a
	// URL it is https, or http on a loopback address, without query or fragment.
	//
	// With the placeholder "{tenantid}" as one segment of its path, as in Entra's
	// "https://login.microsoftonline.com/{tenantid}/v2.0", it stands for the
	// issuers of the tenants in Tenants; the token's "tid" must be the tenant in
	// its issuer. A key whose set names another issuer for it, as Entra's do in a
	// member "issuer", verifies no token of this one; a KeySet of the application's
	// own tells by a method KeysOf, as jwks.Remote has it.
	Issuer string
	// Tenants are the tenants of an Issuer with a placeholder that are accepted.
	Tenants []string
	// InsecureAnyTenant accepts every tenant, which anybody can make for
	// themselves: what may be done must then be decided by the tenant, too.
	InsecureAnyTenant bool

	// Audiences are this API's names; a token is for it when it has at least one
	// of them in "aud" (RFC 7519 section 4.1.3).
	Audiences []string
	// AudienceClaim is the claim that has the audience, for providers that put
	// it elsewhere. "" is "aud".
	AudienceClaim string

	// Keys are the issuer's, and no other issuer's. nil is a jwks.Remote that
	// discovers them from Issuer; for an Issuer with a placeholder, from the
	// tenant "common".
	Keys jwks.KeySet
	// Algorithms are those accepted, by their names in RFC 7518: RS256, RS384,
	// RS512, PS256, PS384, PS512, ES256, ES384, ES512, EdDSA, HS256, HS384 and
	// HS512. nil is all the asymmetric ones. Symmetric and asymmetric ones are
	// never accepted together. A key is used only for the algorithms of its type
	// and, if it names one, for that alone.
	Algorithms []string

	// Leeway is how far the clocks of issuer and API may be apart: 0 to 5
	// minutes. A client ends by so much later than its token.
	Leeway time.Duration
	// MaxLifetime refuses tokens whose "exp" is later than that after "iat", and
	// those without "iat". 0 does not limit it.
	MaxLifetime time.Duration

	// TokenTypes are the accepted values of the "typ" header, without regard to
	// case and to the prefix "application/"; "" accepts a token without one. nil
	// is "at+jwt", "JWT" and "". Exactly {"at+jwt"} is the strict profile of RFC
	// 9068: the claims that its section 2.2 requires must then be there, and an
	// ID token of the same issuer is refused.
	TokenTypes []string

	// ScopeClaims are the claims that scopes are read from, together: a string
	// with scopes separated by spaces, or an array of strings. A name may be the
	// path to a nested claim, such as "realm_access.roles"; a claim with dots in
	// its name is found as well. nil is "scope" and "scp". A string with a
	// character that no scope has yields no scopes (RFC 6749 section 3.3); of an
	// array, such elements are left out.
	ScopeClaims []string

	// Client makes the application's own client of a verified token. The package
	// comment has the meaning of what it returns. nil makes an
	// *authstar.Identity with the token's claims.
	Client func(context.Context, *Token) (authstar.Client, error)

	// CacheSize is how many verified tokens are remembered, so that a token seen
	// before costs microseconds. 0 is 10,000, a negative number none; others are
	// rounded up to a multiple of 16. For a token of 800 bytes an entry takes
	// about 1.1 kB, and 2.6 kB once a claim was looked up by its name, as
	// ScopeClaims does; tokens of more than 4 KiB are not remembered. Remembered
	// is who the client is, until the token expires or its key is gone; guards
	// run on every request.
	CacheSize int
	// CacheClient remembers what Client returned as well, instead of calling it
	// on every request. The clients are then shared between requests and must
	// not be changed.
	CacheClient bool

	// Now is the clock. nil is time.Now.
	Now func() time.Time
}

// JWT verifies the tokens of one issuer: a [TokenVerifier]. It is immutable and
// safe for concurrent use.
type JWT struct {
	config         JWTConfig
	algorithms     []jose.SignatureAlgorithm
	types          []string
	strict         bool
	prefix, suffix string // of an issuer with a placeholder
	cache          *tokenCache
}

var (
	asymmetric = []jose.SignatureAlgorithm{
		jose.RS256, jose.RS384, jose.RS512, jose.PS256, jose.PS384, jose.PS512,
		jose.ES256, jose.ES384, jose.ES512, jose.EdDSA,
	}
	symmetric = []jose.SignatureAlgorithm{jose.HS256, jose.HS384, jose.HS512}
)

// Validate reports a JWT that NewJWT did not make.
func (j *JWT) Validate() error {
	if j.config.Keys == nil {
		return errors.New("a JWT that NewJWT did not make")
	}
	return nil
}

const maxLeeway = 5 * time.Minute

// NewJWT makes a JWT. It reports everything that is missing or wrong at once,
// and does no I/O.
func NewJWT(config JWTConfig) (*JWT, error) {
	j := &JWT{config: config}
	c := &j.config
	c.Audiences, c.ScopeClaims = slices.Clone(c.Audiences), slices.Clone(c.ScopeClaims)
	var errs []error
	fail := func(format string, args ...any) {
		errs = append(errs, fmt.Errorf("authenticators: JWTConfig."+format, args...))
	}
	if err := checkIssuer(c.Issuer, c.Keys == nil); err != nil {
		fail("Issuer %q: %w", endpointurl.WithoutUser(c.Issuer), err)
	}
	if err := j.takeTenants(); err != nil {
		errs = append(errs, err)
	}
	if len(c.Audiences) == 0 || slices.Contains(c.Audiences, "") {
		fail("Audiences: at least one, none of them empty: without, tokens for any other API would do")
	}
	if c.AudienceClaim == "" {
		c.AudienceClaim = "aud"
	}
	if c.Keys != nil && isNilValue(c.Keys) {
		fail("Keys: a nil pointer")
	}
	if c.Leeway < 0 || c.Leeway > maxLeeway {
		fail("Leeway %v: must be 0 to %v", c.Leeway, maxLeeway)
	}
	if c.MaxLifetime < 0 {
		fail("MaxLifetime %v: must not be negative", c.MaxLifetime)
	}
	if slices.Contains(c.ScopeClaims, "") {
		fail("ScopeClaims: a name is empty")
	}
	var err error
	if j.algorithms, err = algorithms(c.Algorithms); err != nil {
		fail("Algorithms: %w", err)
	} else if s, ok := c.Keys.(*jwks.Static); ok && s != nil && !anyFits(s, j.algorithms) {
		fail("Keys: none fits the algorithms %v; a secret must be as long as the hash", j.algorithms)
	}
	if c.TokenTypes != nil && len(c.TokenTypes) == 0 {
		fail("TokenTypes: empty; nil accepts the usual ones")
	}
	j.types = []string{"at+jwt", "jwt", ""}
	if c.TokenTypes != nil {
		j.types = nil
		for _, t := range c.TokenTypes {
			j.types = append(j.types, shortType(t))
		}
		j.strict = !slices.ContainsFunc(j.types, func(t string) bool { return t != "at+jwt" })
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if len(errs) == 0 && c.Keys == nil {
		if c.Keys, err = j.discovered(); err != nil {
			fail("Issuer: %w", err)
		}
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	if c.CacheSize >= 0 {
		j.cache = newTable[*cached](cmp.Or(c.CacheSize, defaultCacheSize))
	}
	return j, nil
}

// checkIssuer refuses what is not an issuer identifier. A name that is no URL
// will do where nothing has to be discovered.
func checkIssuer(issuer string, discovered bool) error {
	if issuer == "" {
		return errors.New("required")
	}
	if !discovered && !strings.Contains(issuer, "://") {
		return nil
	}
	_, err := endpointurl.ParseIssuer(issuer)
	return err
}

func algorithms(names []string) ([]jose.SignatureAlgorithm, error) {
	if names == nil {
		return asymmetric, nil
	}
	var list []jose.SignatureAlgorithm
	var secret, public bool
	for _, name := range names {
		alg := jose.SignatureAlgorithm(name)
		switch {
		case slices.Contains(symmetric, alg):
			secret = true
		case slices.Contains(asymmetric, alg):
			public = true
		default:
			return nil, fmt.Errorf("%q is unknown, or verifies nothing", name)
		}
		list = append(list, alg)
	}
	if secret == public {
		return nil, errors.New("must be either asymmetric ones or HMAC ones: who accepts both takes a public key for a secret (RFC 8725 section 2.1)")
	}
	return list, nil
}

func anyFits(s *jwks.Static, algs []jose.SignatureAlgorithm) bool {
	keys, _ := s.Keys(context.Background(), "")
	return slices.ContainsFunc(keys, func(k jose.JSONWebKey) bool {
		return slices.ContainsFunc(algs, func(alg jose.SignatureAlgorithm) bool { return keyFits(&k, alg) })
	})
}

// shortType normalises a media type as RFC 7515 section 4.1.9 compares "typ".
func shortType(t string) string {
	t = strings.ToLower(t)
	if short, ok := strings.CutPrefix(t, "application/"); ok && short != "" && !strings.Contains(short, "/") {
		return short
	}
	return t
}
