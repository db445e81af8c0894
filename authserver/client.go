package authserver

import (
	"cmp"
	"context"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/go-jose/go-jose/v4"

	"github.com/authstar/authstar"
	"github.com/authstar/authstar/internal/endpointurl"
	"github.com/authstar/authstar/tokenendpoint"
)

// The grant types of a [Client].
const (
	AuthorizationCode = "authorization_code"
	RefreshToken      = "refresh_token"
	ClientCredentials = "client_credentials"
)

// OfflineAccess is the scope that asks for a refresh token.
const OfflineAccess = "offline_access"

// Client is an application that asks for tokens. One with secrets or keys is
// confidential and authenticates with these; one without is public, as a page or
// an app on a phone is.
type Client struct {
	// ID is the client's id, and Name what people call it; "" is the id.
	ID, Name string
	// RedirectURIs are where the browser may be sent back to, compared byte for
	// byte. They are https; or http on a loopback address; or, for a Native
	// client, a private scheme with a dot in it.
	RedirectURIs []string
	// Native is an app on the user's own machine: with a RedirectURI on a loopback
	// address, it may use any port (RFC 8252 section 7.3).
	Native bool
	// Grants are the grant types that the client may use.
	Grants []string
	// Scope is what the client may be granted.
	Scope []string
	// SecretHashes are the hashes of the client's secrets, by HashSecret. Two are
	// for the time of a change.
	SecretHashes [][]byte
	// Keys are the public keys that the client authenticates with by
	// private_key_jwt (RFC 7523); those of RSA have at least 2048 bits.
	Keys []jose.JSONWebKey
	// Consent asks the user before the client gets anything.
	Consent bool
	// ResourceServer may introspect the access tokens of all clients, and not only
	// its own. Refresh tokens are their client's alone.
	ResourceServer bool
}

// HashSecret hashes a client's secret for Client.SecretHashes. The hash is fast,
// which is right for secrets that a machine made: at least 128 random bits, and
// best of letters and digits alone.
func HashSecret(secret string) []byte {
	sum := sha256.Sum256([]byte(secret))
	return sum[:]
}

// ClientID implements authstar.Client.
func (c *Client) ClientID() string { return c.ID }

// Scopes implements authstar.Client.
func (c *Client) Scopes() []string { return slices.Clone(c.Scope) }

// GrantTypes are the client's Grants.
func (c *Client) GrantTypes() []string { return c.Grants }

// String shows no hash.
func (c *Client) String() string { return fmt.Sprintf("client %q", c.ID) }

// GoString is String, so that %#v shows no more.
func (c *Client) GoString() string { return c.String() }

func (c *Client) public() bool { return len(c.SecretHashes) == 0 && len(c.Keys) == 0 }

// Validate reports everything that is wrong with the client. The server refuses
// to serve such a client; an application asks where it stores one.
func (c *Client) Validate() error {
	var errs []error
	fail := func(format string, args ...any) {
		errs = append(errs, fmt.Errorf("authserver: client %q: "+format, append([]any{c.ID}, args...)...))
	}
	if c.ID == "" {
		fail("no id")
	}
	for _, g := range c.Grants {
		if g != AuthorizationCode && g != RefreshToken && g != ClientCredentials {
			fail("grant %q is unknown", g)
		}
	}
	if slices.Contains(c.Grants, AuthorizationCode) && len(c.RedirectURIs) == 0 {
		fail("no redirect URI")
	}
	if slices.Contains(c.Grants, ClientCredentials) && c.public() {
		fail("a public client has no credentials for %s", ClientCredentials)
	}
	for _, s := range c.Scope {
		if !isScope(s) {
			fail("%q is no scope", s)
		}
	}
	for _, uri := range c.RedirectURIs {
		if err := checkRedirectURI(uri, c.Native); err != nil {
			fail("redirect URI %q: %w", uri, err)
		}
	}
	for _, hash := range c.SecretHashes {
		if len(hash) != sha256.Size {
			fail("a secret is not hashed by HashSecret")
		}
	}
	for _, key := range c.Keys {
		if !key.Valid() || !key.IsPublic() {
			fail("key %q is not a public key", key.KeyID)
		} else if k, ok := key.Key.(*rsa.PublicKey); ok && k.N.BitLen() < 2048 {
			fail("key %q is shorter than 2048 bits (RFC 7518 section 3.3)", key.KeyID)
		}
	}
	return errors.Join(errs...)
}

func isScope(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r > '~' || r == '"' || r == '\\' })
}

func checkRedirectURI(uri string, native bool) error {
	if strings.ContainsFunc(uri, func(r rune) bool { return r <= ' ' || r > '~' }) || strings.ContainsAny(uri, `\*#"<>^{|}`+"`") {
		return errors.New("has a character that no redirect URI should have")
	}
	u, err := url.Parse(uri)
	switch {
	case err != nil || !u.IsAbs() || u.User != nil:
		return errors.New("is not an absolute URL without a user")
	case u.Scheme == "https" && u.Host != "", u.Scheme == "http" && endpointurl.IsLoopback(u.Hostname()):
		return nil
	case native && strings.Contains(u.Scheme, "."):
		return nil
	}
	return errors.New("must be https, http on a loopback address, or a native client's private scheme with a dot")
}

// redirectURI is where to send the browser, for what the request says. Strings
// are compared before anything is parsed (RFC 9700 section 4.1.3).
func (c *Client) redirectURI(given string) (string, bool) {
	if given == "" {
		if len(c.RedirectURIs) == 1 {
			return c.RedirectURIs[0], true
		}
		return "", false
	}
	for _, registered := range c.RedirectURIs {
		if given == registered || c.Native && sameButPort(given, registered) {
			return given, true
		}
	}
	return "", false
}

// sameButPort compares URIs on a loopback address without their ports.
func sameButPort(given, registered string) bool {
	for _, host := range []string{"http://127.0.0.1", "http://[::1]"} {
		a, ok1 := strings.CutPrefix(given, host)
		b, ok2 := strings.CutPrefix(registered, host)
		if ok1 && ok2 {
			a, ok1 = cutPort(a)
			b, ok2 = cutPort(b)
			return ok1 && ok2 && a == b
		}
	}
	return false
}

func cutPort(s string) (rest string, ok bool) {
	if !strings.HasPrefix(s, ":") {
		return s, s == "" || s[0] == '/' || s[0] == '?'
	}
	end := strings.IndexAny(s, "/?")
	if end < 0 {
		end = len(s)
	}
	port, err := strconv.ParseUint(s[1:end], 10, 16)
	return s[end:], err == nil && port > 0 && s[1] != '0'
}

// find returns a usable client.
func (s *Server) find(ctx context.Context, id string) (*Client, error) {
	if id == "" {
		return nil, nil
	}
	c, err := s.config.Client(ctx, id)
	if err != nil || c == nil {
		return nil, err
	}
	if c.ID != id {
		return nil, fault(fmt.Errorf("Config.Client returned client %q for %q", c.ID, id))
	}
	if err := c.Validate(); err != nil {
		return nil, fault(err)
	}
	return c, nil
}

func fault(err error) *authstar.Error { return &authstar.Error{Code: authstar.ServerError, Err: err} }

// checkSecret authenticates by client_secret_basic and client_secret_post. It
// compares with every hash, and for an unknown client with one that nothing has.
func (s *Server) checkSecret(ctx context.Context, id, secret string) (authstar.Client, error) {
	c, err := s.find(ctx, id)
	if err != nil {
		return nil, err
	}
	hash := HashSecret(secret)
	hashes := [][]byte{make([]byte, sha256.Size)}
	if c != nil {
		hashes = append(hashes, c.SecretHashes...)
	}
	match := 0
	for _, h := range hashes {
		match |= subtle.ConstantTimeCompare(h, hash)
	}
	if c == nil || match == 0 {
		return nil, nil
	}
	return c, nil
}

// buildOwn makes the token of a client that acts for itself. The signer's own
// default would be every resource at once.
func (s *Server) buildOwn(ctx context.Context, req *tokenendpoint.Request) (*tokenendpoint.Response, error) {
	r := *req
	r.Resource = cmp.Or(r.Resource, s.config.Audience)
	return s.signer.Build(ctx, &r)
}

// tokenEndpoint composes the token endpoint.
func (s *Server) tokenEndpoint() (*tokenendpoint.Endpoint, error) {
	return tokenendpoint.New(tokenendpoint.Config{
		Methods: []tokenendpoint.ClientMethod{
			tokenendpoint.ClientSecretBasic(s.checkSecret),
			tokenendpoint.ClientSecretPost(s.checkSecret),
			assertion{s},
			none{s},
		},
		Grants: []tokenendpoint.Grant{
			tokenendpoint.ClientCredentials(s.buildOwn),
			codeGrant{s},
			refreshGrant{s},
		},
		Realm:   s.config.Name,
		URL:     s.url(s.config.Paths.Token),
		Scopes:  s.config.Scopes,
		Observe: s.config.Observe,
	})
}
