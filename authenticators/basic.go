package authenticators

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"net/http"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/authstar/authstar"
)

// PasswordFunc checks a user's name and password and returns the client. The
// package comment has the meaning of what it returns. It must take the same
// time for an unknown user as for a wrong password, and compare in constant
// time. Neither argument is empty, both are UTF-8 without control characters.
type PasswordFunc func(ctx context.Context, username, password string) (authstar.Client, error)

// Basic authenticates by HTTP Basic (RFC 7617). The password travels with every
// request, so the server must be reached by TLS.
type Basic struct {
	realm string
	check PasswordFunc
	quiet bool
}

// NewBasic makes a Basic for the realm that browsers show in their dialog; ""
// is "api".
func NewBasic(realm string, check PasswordFunc) *Basic {
	return &Basic{realm: realm, check: check}
}

// WithoutChallenge returns a copy whose challenge is "xBasic", which no browser
// answers with its password dialog. Clients that send Basic unasked are not
// affected.
func (b *Basic) WithoutChallenge() *Basic {
	c := *b
	c.quiet = true
	return &c
}

// Scheme has the ID "basic".
func (b *Basic) Scheme() authstar.Scheme {
	return authstar.Scheme{ID: "basic", Type: authstar.TypeHTTP, AuthScheme: "Basic", Realm: b.realm, NoChallenge: b.quiet}
}

// Validate reports a nil function.
func (b *Basic) Validate() error {
	if b.check == nil {
		return errors.New("nil function to check passwords with")
	}
	return nil
}

var errBadBasic = refusal(authstar.InvalidClient, "the user name or the password is wrong")

// Authenticate reads the Authorization header. What is not well-formed Basic,
// is longer than 8 KiB, has an empty part or control characters, or is not
// UTF-8 is refused as a wrong password is, without a call to the function.
func (b *Basic) Authenticate(r *http.Request) (authstar.Client, error) {
	credentials, err := authorization(r, "Basic")
	if err != nil {
		return nil, err
	}
	username, password, ok := parseBasic(credentials)
	if !ok {
		return nil, errBadBasic
	}
	client, err := b.check(r.Context(), username, password)
	return settle(client, err, errBadBasic)
}

var basic64 = base64.StdEncoding.Strict()

// parseBasic splits at the first colon (RFC 7617 section 2).
func parseBasic(credentials string) (username, password string, ok bool) {
	if len(credentials) > maxPassword || strings.Contains(credentials, "\r") || strings.Contains(credentials, "\n") {
		return "", "", false
	}
	b, err := basic64.AppendDecode(make([]byte, 0, 128), []byte(credentials))
	if err != nil || !isText(b) {
		return "", "", false
	}
	username, password, ok = strings.Cut(string(b), ":")
	if !ok || username == "" || password == "" {
		return "", "", false
	}
	return username, password, true
}

// isText reports whether b is UTF-8 without control characters.
func isText(b []byte) bool {
	for i, c := range b {
		if c >= utf8.RuneSelf {
			return utf8.Valid(b[i:]) && !bytes.ContainsFunc(b[i:], unicode.IsControl)
		}
		if c < ' ' || c == 0x7f {
			return false
		}
	}
	return true
}
