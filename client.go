package authstar

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"slices"
	"time"
)

// Client is who a request was authenticated as.
//
// Guards look for more by type assertion: HasScope(string) bool (without it
// Scopes is searched), Claim(name string) (any, bool), ExpiresAt() time.Time
// and ClientIssuer() string. A client without one of the last three is refused
// by a guard that needs it. [*Identity] has all of them.
//
// An implementation must be safe for concurrent use by the handlers of one
// request. A client belongs to its request: an authenticator returns a value
// that no other request holds, so that a handler which changes it changes
// nobody else's.
type Client interface {
	// ClientID names the client and is never empty for an authenticated one:
	// the subject of a token, the name of a user, the id of an API key. It is
	// unique only together with the issuer, so a key made from a client (a rate
	// limit, a cache, a row) holds both.
	ClientID() string

	// Scopes lists what the client was granted. The caller may change the
	// slice.
	Scopes() []string
}

// ClaimSet is the verified payload of a token. It is implemented where the
// JSON is parsed, so that this package parses none. It must be safe for
// concurrent use and must not change.
type ClaimSet interface {
	// Decode stores the claims in the value that v points to. Names are
	// compared exactly, in contrast to encoding/json.
	Decode(v any) error

	// Lookup returns one top-level claim as encoding/json would decode it into
	// an any, with numbers as encoding/json.Number.
	Lookup(name string) (value any, ok bool)
}

// Identity is the ready-made [Client], and what you embed by value in a type of
// your own to carry more:
//
//	type User struct {
//		authstar.Identity
//		Tenant string `json:"tenant"`
//	}
//
// Its fields are plain, so that encoding/json keeps yours beside them when a
// session is stored; claims are not stored. In slog and in %v it shows its id
// and its issuer only.
//
// The methods are safe for concurrent use as long as nobody writes the fields.
type Identity struct {
	// ID is the client's id, "sub" for a token.
	ID string `json:"client_id"`
	// Scope is what was granted, one element per scope.
	Scope []string `json:"scopes,omitempty"`
	// Issuer is who vouches for ID; empty for credentials that the application
	// keeps itself.
	Issuer string `json:"issuer,omitempty"`
	// Expires is when the credential ends; zero if it does not or if that is
	// not known.
	Expires time.Time `json:"expires,omitzero"`

	claims ClaimSet
}

// ClientID returns ID.
func (i *Identity) ClientID() string { return i.ID }

// Scopes returns a copy of Scope.
func (i *Identity) Scopes() []string { return slices.Clone(i.Scope) }

// HasScope reports whether the scope was granted. Scopes are compared byte for
// byte (RFC 6749 section 3.3).
func (i *Identity) HasScope(scope string) bool { return slices.Contains(i.Scope, scope) }

// ClientIssuer returns Issuer.
func (i *Identity) ClientIssuer() string { return i.Issuer }

// ExpiresAt returns Expires.
func (i *Identity) ExpiresAt() time.Time { return i.Expires }

// WithClaims returns a copy of the identity that answers Claims and Claim from
// set, which may be nil.
func (i *Identity) WithClaims(set ClaimSet) *Identity {
	c := *i
	c.Scope = slices.Clone(i.Scope)
	c.claims = set
	return &c
}

var errNoClaims = errors.New("authstar: the client carries no claims")

// Claims stores the verified token's claims in the value that v points to. It
// fails when the client did not come from a token, and when a claim does not
// fit v.
func (i *Identity) Claims(v any) error {
	if i.claims == nil {
		return errNoClaims
	}
	return i.claims.Decode(v)
}

// Claim returns one top-level claim of the verified token, with numbers as
// encoding/json.Number. The name is compared exactly.
func (i *Identity) Claim(name string) (any, bool) {
	if i.claims == nil {
		return nil, false
	}
	return i.claims.Lookup(name)
}

// LogValue keeps claims and scopes, which may be personal data, out of logs.
func (i Identity) LogValue() slog.Value {
	attrs := []slog.Attr{slog.String("client_id", i.ID)}
	if i.Issuer != "" {
		attrs = append(attrs, slog.String("issuer", i.Issuer))
	}
	return slog.GroupValue(attrs...)
}

// String shows what LogValue shows.
func (i Identity) String() string {
	if i.Issuer == "" {
		return fmt.Sprintf("client %q", i.ID)
	}
	return fmt.Sprintf("client %q of %q", i.ID, i.Issuer)
}

// GoString is String, so that %#v shows no more.
func (i Identity) GoString() string { return i.String() }

// isNil reports whether v is nil or an interface around a nil pointer.
func isNil(v any) bool {
	if v == nil {
		return true
	}
	switch rv := reflect.ValueOf(v); rv.Kind() {
	case reflect.Pointer, reflect.Map, reflect.Slice, reflect.Func, reflect.Chan:
		return rv.IsNil()
	}
	return false
}

// ClientFrom returns the client that a chain stored in the context of its
// request; false when there is none, or when no chain ran.
func ClientFrom(ctx context.Context) (Client, bool) {
	if c := fromContext(ctx); c != nil && c.client != nil {
		return c.client, true
	}
	return nil, false
}

// ClientAs is [ClientFrom] for an application with a client type of its own:
//
//	user, ok := authstar.ClientAs[*User](r.Context())
//
// It is false also when the client is of another type.
func ClientAs[C Client](ctx context.Context) (C, bool) {
	client, _ := ClientFrom(ctx)
	c, ok := client.(C)
	return c, ok
}

// WithClient returns a context in which the client is authenticated, for tests
// of handlers and guards and for entry points that are not HTTP. A nil client
// gives the context of an anonymous request. A chain ignores and replaces what
// it finds here, since it believes only its own authenticators.
func WithClient(ctx context.Context, client Client) context.Context {
	if isNil(client) {
		client = nil
	}
	return &resultContext{Context: ctx, outcome: outcome{client: client, at: -1}}
}
