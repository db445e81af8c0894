package tokenendpoint

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/json" // which does not take "Exp" for "exp"

	"github.com/authstar/authstar"
)

// AccessToken is what a token says beyond what its signer knows by itself.
type AccessToken struct {
	// Subject is "sub" and ClientID is "client_id"; both are required.
	Subject, ClientID string
	// Audience is "aud"; required.
	Audience []string
	// Scopes are left out when there are none.
	Scopes []string
	// ID is "jti"; "" is a random one.
	ID string
	// Claims are further claims. They cannot be iss, sub, aud, exp, nbf, iat, jti,
	// client_id, scope, scp (which others read scopes from too) and cnf.
	Claims map[string]any
}

// reserved are the claims that only the signer sets.
var reserved = []string{"iss", "sub", "aud", "exp", "nbf", "iat", "jti", "client_id", "scope", "scp", "cnf"}

// ownClaims are those that the signer sets.
type ownClaims struct {
	Issuer   string `json:"iss"`
	Subject  string `json:"sub"`
	Audience any    `json:"aud"`
	Expires  int64  `json:"exp"`
	IssuedAt int64  `json:"iat"`
	ID       string `json:"jti"`
	ClientID string `json:"client_id"`
	Scope    string `json:"scope,omitempty"`
}

// Mint signs an access token of RFC 9068, for grants of the application's own.
// It fails when a required member is missing, a claim is not JSON, and where
// package authenticators would refuse the token or read something else in it: the
// subject has control characters, a member or the name of a claim is not UTF-8, a
// scope is none (RFC 6749 section 3.3), there are more than 256 audiences, or the
// token is longer than 16 KiB.
func (s *Signer) Mint(t AccessToken) (*Response, error) {
	if err := t.check(); err != nil {
		return nil, fmt.Errorf("tokenendpoint: %w", err)
	}
	now := s.config.Now()
	own := ownClaims{
		Issuer: s.config.Issuer, Subject: t.Subject, ClientID: t.ClientID, Audience: t.Audience,
		IssuedAt: now.Unix(), Expires: now.Add(s.config.Lifetime).Unix(), ID: t.ID, Scope: strings.Join(t.Scopes, " "),
	}
	if len(t.Audience) == 1 {
		own.Audience = t.Audience[0]
	}
	if t.ID == "" {
		own.ID = rand.Text()
	}
	payload, err := marshalWith(&own, t.Claims, reserved)
	if err != nil {
		return nil, fmt.Errorf("tokenendpoint: claims: %w", err)
	}
	token, err := s.sign(payload)
	if err != nil {
		return nil, err
	}
	if len(token) > maxToken {
		return nil, fmt.Errorf("tokenendpoint: a token of %d bytes, which nobody would verify", len(token))
	}
	scopes := t.Scopes
	if scopes == nil {
		scopes = []string{}
	}
	return &Response{AccessToken: token, ExpiresIn: int64(s.config.Lifetime / time.Second), Scopes: scopes}, nil
}

// check finds what a verifier would not read as it was said.
func (t *AccessToken) check() error {
	switch {
	case t.Subject == "" || t.ClientID == "" || len(t.Audience) == 0:
		return errors.New("AccessToken needs Subject, ClientID and Audience")
	case !utf8.ValidString(t.Subject) || strings.ContainsFunc(t.Subject, isUnusable):
		return errors.New("AccessToken.Subject must be UTF-8 without control characters")
	case !utf8.ValidString(t.ClientID) || !utf8.ValidString(t.ID):
		return errors.New("AccessToken.ClientID and ID must be UTF-8")
	case len(t.Audience) > maxAudience || !areNames(t.Audience):
		return fmt.Errorf("AccessToken.Audience: at most %d, none of them empty, in UTF-8", maxAudience)
	}
	for name := range t.Claims {
		if !utf8.ValidString(name) {
			return fmt.Errorf("AccessToken.Claims: the name %q is not UTF-8", name)
		}
	}
	if err := checkScopes(t.Scopes); err != nil {
		return fmt.Errorf("AccessToken.Scopes: %w", err)
	}
	return nil
}

// areNames reports whether all are in UTF-8, as JSON is, and none is empty.
func areNames(list []string) bool {
	return !slices.ContainsFunc(list, func(s string) bool { return s == "" || !utf8.ValidString(s) })
}

func isUnusable(r rune) bool {
	return unicode.IsControl(r) || r == '\u2028' || r == '\u2029' || r == utf8.RuneError
}

// Build mints the token of a client that acts for itself: its id is both "sub"
// and "client_id" (RFC 9068 section 2.2).
func (s *Signer) Build(ctx context.Context, req *Request) (*Response, error) {
	audience := s.config.Audiences
	if req.Resource != "" {
		if !slices.Contains(audience, req.Resource) {
			return nil, refuse(InvalidTarget, "the resource is not one that tokens are issued for")
		}
		audience = []string{req.Resource}
	}
	var extra map[string]any
	if s.config.Claims != nil {
		var err error
		if extra, err = s.config.Claims(ctx, req); err != nil {
			return nil, err
		}
	}
	id := req.Client.ClientID()
	return s.Mint(AccessToken{Subject: id, ClientID: id, Audience: audience, Scopes: req.Scopes, Claims: extra})
}

// Lifetime is that of the tokens.
func (s *Signer) Lifetime() time.Duration { return s.config.Lifetime }

var errForeign = &authstar.Error{Code: authstar.InvalidToken, Description: "the token is not valid"}

const (
	// maxToken is the length of the longest token, in bytes.
	maxToken = 16 << 10
	// maxAudience is how many audiences a token may have.
	maxAudience = 256
)

// Verify checks a token that this signer may have minted: its signature, type,
// issuer and expiry. It returns the claims, as JSON, or an *authstar.Error,
// InvalidToken. Whom the token is for, and whether it was revoked, is up to the
// caller. It is for the server that minted the token; an API verifies with
// authenticators.JWT.
func (s *Signer) Verify(token string) (claims []byte, err error) {
	if len(token) > maxToken {
		return nil, errForeign
	}
	jws, err := jose.ParseSignedCompact(token, []jose.SignatureAlgorithm{s.alg})
	if err != nil {
		return nil, errForeign
	}
	header := jws.Signatures[0].Protected
	if header.ExtraHeaders["typ"] != "at+jwt" || header.ExtraHeaders["crit"] != nil || header.ExtraHeaders["b64"] != nil {
		return nil, errForeign
	}
	keys, _ := s.Keys(context.Background(), header.KeyID)
	for _, key := range keys {
		if claims, err = jws.Verify(key); err == nil {
			break
		}
	}
	var known struct {
		Issuer  string `json:"iss"`
		Expires int64  `json:"exp"`
	}
	if claims == nil || json.Unmarshal(claims, &known) != nil || known.Issuer != s.config.Issuer ||
		!s.config.Now().Before(time.Unix(known.Expires, 0)) {
		return nil, errForeign
	}
	return claims, nil
}
