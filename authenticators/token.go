package authenticators

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/go-jose/go-jose/v4"

	"github.com/authstar/authstar"
	"github.com/authstar/authstar/internal/claims"
)

// Token is a verified JSON Web Token. It is shared by nobody; what its methods
// return is fresh at every call.
type Token struct {
	// Issuer and Subject are "iss" and "sub"; together they name the client.
	Issuer, Subject string
	// Audience is the claim that has the audience, all of it.
	Audience []string
	// ClientID is "client_id", the application that the token was issued to.
	ClientID string
	// ID is "jti".
	ID string
	// Expires, NotBefore and IssuedAt are "exp", "nbf" and "iat", zero when
	// absent.
	Expires, NotBefore, IssuedAt time.Time
	// Scopes are read from JWTConfig.ScopeClaims.
	Scopes []string
	// Type is the "typ" header in lower case, without "application/".
	Type string
	// Algorithm and KeyID are the headers "alg" and "kid".
	Algorithm, KeyID string

	claims *claims.Set
}

// Claims stores the claims in the value that v points to, usually a struct with
// json tags. Names are compared exactly, so a field needs a tag to be found;
// duplicate members are an error. A number fits int64 and uint64 exactly, is
// encoding/json.Number in an any, and does not fit a field of that type.
func (t *Token) Claims(v any) error { return t.claims.Decode(v) }

// Claim returns one top-level claim, with numbers as encoding/json.Number.
func (t *Token) Claim(name string) (any, bool) { return t.claims.Lookup(name) }

// ClaimSet returns all claims, for [authstar.Identity.WithClaims].
func (t *Token) ClaimSet() authstar.ClaimSet { return t.claims }

var errExpired = &authstar.Error{Code: authstar.InvalidToken, Description: "the token has expired"}

// checkClaims makes a Token of claims whose signature is good.
func (j *JWT) checkClaims(u *unverified, h *jose.Header, typ string) (*Token, error) {
	c := &u.claims
	set := claims.New(u.payload)
	audience := c.Audience
	if j.config.AudienceClaim != "aud" {
		audience = set.Strings(j.config.AudienceClaim)
	}
	now := j.config.Now()
	var err error
	switch {
	case !usableName(c.Subject) || !usableName(c.Issuer):
		err = errors.New("the subject is missing or unusable")
	case !slices.ContainsFunc(audience, func(a string) bool { return slices.Contains(j.config.Audiences, a) }):
		err = errors.New("the token is for another audience")
	case c.Expires.IsZero():
		err = errors.New("the token has no expiry")
	case j.isOver(c.Expires, now):
		return nil, errExpired
	case j.isAhead(c.NotBefore, now):
		err = errors.New("the token is not valid yet")
	case j.isAhead(c.IssuedAt, now):
		err = errors.New("the token was issued in the future")
	case j.config.MaxLifetime > 0 && (c.IssuedAt.IsZero() || c.Expires.Sub(c.IssuedAt) > j.config.MaxLifetime):
		err = errors.New("the token lives too long")
	case c.Confirmation:
		err = errors.New("the token is bound to a key, and nothing proves it")
	case j.prefix != "" && !j.boundToTenant(c.Issuer, set):
		err = errors.New("the tenant of the token is not that of its issuer")
	case j.strict && (c.ClientID == "" || c.IssuedAt.IsZero() || c.ID == ""):
		err = errors.New("a claim that RFC 9068 requires is missing")
	}
	if err != nil {
		return nil, invalid(err)
	}
	return &Token{
		Issuer: c.Issuer, Subject: c.Subject, Audience: audience, ClientID: c.ClientID, ID: c.ID,
		Expires: c.Expires, NotBefore: c.NotBefore, IssuedAt: c.IssuedAt,
		Scopes: j.scopes(c, set), Type: typ, Algorithm: h.Algorithm, KeyID: h.KeyID, claims: set,
	}, nil
}

// isOver is RFC 7519 section 4.1.4: "on or after".
func (j *JWT) isOver(expires, now time.Time) bool { return !now.Before(j.endOf(expires)) }

// endOf is from when on a token is refused; zero is never.
func (j *JWT) endOf(expires time.Time) time.Time {
	if expires.IsZero() {
		return expires
	}
	return expires.Add(j.config.Leeway)
}

func (j *JWT) isAhead(t, now time.Time) bool { return now.Before(t.Add(-j.config.Leeway)) }

// clone is a copy that shares nothing which can be changed.
func (t *Token) clone() *Token {
	c := *t
	c.Audience, c.Scopes = slices.Clone(t.Audience), slices.Clone(t.Scopes)
	return &c
}

func (j *JWT) boundToTenant(iss string, set *claims.Set) bool {
	tenant, ok := j.tenant(iss)
	tid, _ := set.Lookup("tid")
	return ok && tid == tenant
}

// usableName refuses names that two parsers could read as two, or that would
// break a line of a log: empty, with control characters, or with the mark that
// stands for what was not UTF-8.
func usableName(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool {
		return unicode.IsControl(r) || r == '\u2028' || r == '\u2029' || r == '\uFFFD'
	})
}

// scopes reads the configured claims.
func (j *JWT) scopes(c *registered, set *claims.Set) []string {
	var list []string
	add := func(more []string) {
		for _, s := range more {
			if !slices.Contains(list, s) {
				list = append(list, s)
			}
		}
	}
	if j.config.ScopeClaims == nil {
		list = make([]string, 0, len(c.Scope)+len(c.SCP))
		add(c.Scope)
		add(c.SCP)
		return list
	}
	for _, name := range j.config.ScopeClaims {
		switch name {
		case "scope":
			add(c.Scope)
		case "scp":
			add(c.SCP)
		default:
			add(scopesOf(set.Path(name)))
		}
	}
	return list
}

// scopesOf are the scopes of a decoded claim.
func scopesOf(v any) []string {
	switch v := v.(type) {
	case string:
		return splitScopes(v)
	case []any:
		var list []string
		for _, e := range v {
			if s, ok := e.(string); ok && isScope(s) {
				list = append(list, s)
			}
		}
		return list
	}
	return nil
}

// splitScopes splits at U+0020 only; one character that no scope has spoils the
// whole (RFC 6749 section 3.3).
func splitScopes(s string) []string {
	list := make([]string, 0, 1+strings.Count(s, " "))
	for part := range strings.SplitSeq(s, " ") {
		if part == "" {
			continue
		}
		if !isScope(part) {
			return nil
		}
		list = append(list, part)
	}
	return list
}

func isScope(s string) bool {
	for i := range len(s) {
		if c := s[i]; c <= ' ' || c > '~' || c == '"' || c == '\\' {
			return false
		}
	}
	return s != ""
}

// String keeps the claims out of logs.
func (t *Token) String() string { return fmt.Sprintf("token of %q for %q", t.Issuer, t.Subject) }

// GoString is String, so that %#v shows no more.
func (t *Token) GoString() string { return t.String() }

// LogValue is String.
func (t *Token) LogValue() slog.Value { return slog.StringValue(t.String()) }
