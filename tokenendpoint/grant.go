package tokenendpoint

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/authstar/authstar"
)

// Grant answers one grant type. Implementations must be safe for concurrent use.
type Grant interface {
	// Type is the value of grant_type.
	Type() string
	// Token makes the response. An *authstar.Error is answered by its code; any
	// other error, a panic or a nil response is a fault: 500 server_error.
	Token(ctx context.Context, req *Request) (*Response, error)
}

// Request is a token request of an authenticated client that may use the grant.
type Request struct {
	// Client is the authenticated client.
	Client authstar.Client
	// GrantType is the grant that was asked for.
	GrantType string
	// Scopes are, for ClientCredentials, what was asked for and is allowed; for
	// a client that asked for nothing in particular, all that it may have. Other
	// grants read the parameter "scope" themselves.
	Scopes []string
	// Resource is the parameter "resource" (RFC 8707), "" when absent.
	Resource string

	form Form
}

// Parameter returns a parameter of the request, "" when it is absent.
func (r *Request) Parameter(name string) string { return r.form.Get(name) }

// Decode stores the parameters in the struct that v points to, by the tag
// `form:"name"`. Its fields are strings, numbers and booleans, since parameters
// neither repeat nor nest. A value that does not fit is an *authstar.Error,
// invalid_request.
func (r *Request) Decode(v any) error { return r.form.decode(v) }

// Response is a successful token response (RFC 6749 section 5.1).
type Response struct {
	// AccessToken is the token, a b64token of RFC 6750 section 2.1.
	AccessToken string
	// TokenType is "" for "Bearer".
	TokenType string
	// ExpiresIn is the lifetime in seconds; 0 leaves it out.
	ExpiresIn int64
	// Scopes are what was granted. nil is what the request asked for; an empty
	// slice is nothing. They are always told to the client.
	Scopes []string
	// RefreshToken is left out when empty.
	RefreshToken string
	// Extra are further members. They cannot replace those above.
	Extra map[string]any
}

// Builder makes the token of an authenticated client. Its errors are those of
// [Grant].Token.
type Builder func(ctx context.Context, req *Request) (*Response, error)

const clientCredentialsType = "client_credentials"

// ClientCredentials is the grant of RFC 6749 section 4.4. Scopes that the client
// does not have are refused with invalid_scope before build is called; build may
// grant fewer scopes, not more, and no refresh token (section 4.4.3).
func ClientCredentials(build Builder) Grant { return clientCredentials{build} }

type clientCredentials struct{ build Builder }

func (clientCredentials) Type() string       { return clientCredentialsType }
func (clientCredentials) limitsScopes() bool { return true }

func (g clientCredentials) Validate() error {
	if g.build == nil {
		return errors.New("nil Builder")
	}
	return nil
}

func (g clientCredentials) Token(ctx context.Context, req *Request) (*Response, error) {
	res, err := g.build(ctx, req)
	if err == nil && res != nil && res.RefreshToken != "" {
		return nil, errors.New("a refresh token for client_credentials (RFC 6749 section 4.4.3)")
	}
	return res, err
}

// scoped is a grant whose scopes are those of the client.
type scoped interface{ limitsScopes() bool }

// allowedScopes are those asked for, or all when none are.
func allowedScopes(client authstar.Client, asked string) ([]string, *authstar.Error) {
	have := client.Scopes()
	if asked == "" {
		return have, nil
	}
	scopes, ok := parseScopes(asked)
	if !ok {
		return nil, refuse(InvalidScope, "the scope is malformed")
	}
	for _, s := range scopes {
		if !slices.Contains(have, s) {
			return nil, refuse(InvalidScope, "the client may not have a scope that it asks for")
		}
	}
	return scopes, nil
}

// parseScopes splits a scope parameter (RFC 6749 section 3.3).
func parseScopes(s string) ([]string, bool) {
	var list []string
	seen := make(map[string]bool)
	for part := range strings.SplitSeq(s, " ") {
		if part == "" || seen[part] {
			continue
		}
		seen[part] = true
		if strings.ContainsFunc(part, func(r rune) bool { return r < ' ' || r > '~' || r == '"' || r == '\\' }) {
			return nil, false
		}
		list = append(list, part)
	}
	return list, len(list) > 0
}

// encode is the response's JSON, or why the grant is at fault.
func (res *Response) encode(req *Request) ([]byte, error) {
	if res == nil {
		return nil, errors.New("neither a response nor an error")
	}
	if !isB64Token(res.AccessToken) {
		return nil, errors.New("an access token that is empty, or that cannot travel in a header (RFC 6750 section 2.1)")
	}
	if strings.ContainsFunc(res.RefreshToken, func(r rune) bool { return r < ' ' || r > '~' }) {
		return nil, errors.New("a refresh token that is not printable ASCII (RFC 6749 appendix A.17)")
	}
	if res.ExpiresIn < 0 {
		return nil, fmt.Errorf("expires_in %d", res.ExpiresIn)
	}
	scopes := res.Scopes
	if scopes == nil {
		scopes = req.Scopes
	} else if req.GrantType == clientCredentialsType {
		for _, s := range scopes {
			if !slices.Contains(req.Scopes, s) {
				return nil, fmt.Errorf("scope %q was not asked for or is not allowed", s)
			}
		}
	}
	body := make(map[string]any, len(res.Extra)+5)
	maps.Copy(body, res.Extra)
	for _, reserved := range []string{"access_token", "token_type", "expires_in", "scope", "refresh_token", "error"} {
		delete(body, reserved)
	}
	body["access_token"], body["token_type"] = res.AccessToken, res.TokenType
	if res.TokenType == "" {
		body["token_type"] = "Bearer"
	}
	if res.ExpiresIn > 0 {
		body["expires_in"] = res.ExpiresIn
	}
	if len(scopes) > 0 {
		body["scope"] = strings.Join(scopes, " ")
	}
	if res.RefreshToken != "" {
		body["refresh_token"] = res.RefreshToken
	}
	return json.Marshal(body)
}

func isB64Token(s string) bool {
	s = strings.TrimRight(s, "=")
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-._~+/", r))
	})
}
