package password

import (
	"context"
	"errors"
	"net/http"

	"github.com/authstar/authstar"
	"github.com/authstar/authstar/authenticators"
)

// Basic authenticates by HTTP Basic (RFC 7617), as authenticators.Basic does with
// a Verifier's Check, but knows the address that a request comes from
// ([Config].ClientAddress). It is immutable and safe for concurrent use.
type Basic struct {
	verifier *Verifier
	realm    string
	quiet    bool
}

// Basic makes an authenticator for the realm that browsers show in their dialog;
// "" is "api".
func (v *Verifier) Basic(realm string) *Basic { return &Basic{verifier: v, realm: realm} }

// WithoutChallenge returns a copy whose challenge is "xBasic", which no browser
// answers with its password dialog.
func (b *Basic) WithoutChallenge() *Basic {
	c := *b
	c.quiet = true
	return &c
}

func (b *Basic) with(check authenticators.PasswordFunc) *authenticators.Basic {
	basic := authenticators.NewBasic(b.realm, check)
	if b.quiet {
		return basic.WithoutChallenge()
	}
	return basic
}

// Scheme has the ID "basic".
func (b *Basic) Scheme() authstar.Scheme { return b.with(nil).Scheme() }

// Validate reports a nil Verifier.
func (b *Basic) Validate() error {
	if b.verifier == nil {
		return errors.New("nil Verifier")
	}
	return nil
}

// Authenticate reads the Authorization header. What is not well-formed Basic is
// refused as a wrong password is, without a lookup, and is not counted.
func (b *Basic) Authenticate(r *http.Request) (authstar.Client, error) {
	return b.with(func(ctx context.Context, username, password string) (authstar.Client, error) {
		return b.verifier.CheckFrom(ctx, b.verifier.config.ClientAddress(r), username, password)
	}).Authenticate(r)
}
