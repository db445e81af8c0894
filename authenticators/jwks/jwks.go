// Package jwks has the keys that tokens are verified with: given ones, and
// those that an identity provider publishes (RFC 7517).
package jwks

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/go-jose/go-jose/v4"
)

// KeySet answers with the keys of one issuer. Keys of two issuers never belong
// into one KeySet.
type KeySet interface {
	// Keys returns the keys that may have signed a token with this key id: those
	// with the id and those without any; all of them for "". None is not an
	// error: it means that the key is unknown, and the token is bad. An error
	// means that nobody could tell, because the keys could not be had. Keys that
	// come with an error are some of those there may be: a token that one of them
	// verifies is good, and about any other nobody could tell.
	//
	// The keys are public, or secrets for HMAC, and fit for signatures; it is up
	// to the caller to use each with its own algorithm only. The result is shared
	// and must not be modified. Keys must be safe for concurrent use.
	Keys(ctx context.Context, kid string) ([]jose.JSONWebKey, error)
}

// Static is a [KeySet] that never changes. It is safe for concurrent use. Printed
// or logged, it shows no key.
type Static struct {
	set     func() keys // fmt follows pointers and calls no methods of fields; it cannot look in here
	ignored []error
}

// Parse reads a JWK set, a single JWK, or PEM with public keys or certificates
// (PKIX, PKCS #1 for RSA, X.509). Keys from PEM have no key id and are tried for
// every token.
//
// A set may hold keys that cannot verify a signature here, because their type,
// curve, algorithm or use is another, because they are weak (RSA below 2048
// bits), or because they are malformed; RFC 7517 section 5 says to ignore them,
// and [Static.Ignored] tells why. It is an error when no key is left, and when
// one is private: those who verify should not have it.
func Parse(data []byte) (*Static, error) {
	parsed, err := parse(data)
	if err != nil {
		return nil, fmt.Errorf("jwks: %w", err)
	}
	for _, err := range parsed.ignored {
		if errors.Is(err, errPrivate) {
			return nil, fmt.Errorf("jwks: %w", err)
		}
	}
	if len(parsed.keys)+len(parsed.ignored) == 0 {
		return nil, errors.New("jwks: the set is empty")
	}
	if len(parsed.keys) == 0 {
		return nil, fmt.Errorf("jwks: no usable key: %w", errors.Join(parsed.ignored...))
	}
	return static(parsed.list, parsed.ignored), nil
}

// Secret makes a key set of one secret, for HMAC. The secret is copied. It must
// be random and have at least 32 bytes, 64 for HS512.
func Secret(secret []byte) (*Static, error) {
	if len(secret) < 32 {
		return nil, fmt.Errorf("jwks: a secret of %d bytes is too short: at least 32", len(secret))
	}
	var all list
	all.add(jose.JSONWebKey{Key: append([]byte(nil), secret...)}, "")
	return static(all, nil), nil
}

func static(all list, ignored []error) *Static {
	set := index(all)
	return &Static{set: func() keys { return set }, ignored: ignored}
}

// Keys implements [KeySet]. It never fails.
func (s *Static) Keys(_ context.Context, kid string) ([]jose.JSONWebKey, error) {
	return s.find(kid).keys, nil
}

// KeysOf is as [Remote.KeysOf]. It never fails.
func (s *Static) KeysOf(_ context.Context, kid string, issuers ...string) ([]jose.JSONWebKey, error) {
	return s.find(kid).of(issuers), nil
}

func (s *Static) find(kid string) list {
	if s.set == nil {
		return list{}
	}
	return s.set().find(kid)
}

// Ignored tells which keys of the set are not used, and why.
func (s *Static) Ignored() []error { return append([]error(nil), s.ignored...) }

// String says how many keys there are.
func (s Static) String() string {
	all, _ := s.Keys(context.Background(), "")
	return fmt.Sprintf("jwks.Static(%d keys)", len(all))
}

// GoString is String, so that %#v shows no more.
func (s Static) GoString() string { return s.String() }

// LogValue is String.
func (s Static) LogValue() slog.Value { return slog.StringValue(s.String()) }
