package tokenendpoint

import (
	"cmp"
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
	// Scopes are what was granted, and are told to the client. nil is what the
	// request asked for; an empty slice is nothing. A request with the parameter
	// "scope" that gets nothing is refused with invalid_scope, because an answer
	// without scopes grants what was asked for (RFC 6749 section 5.1); a Grant that
	// uses something up refuses it before that.
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
	if err := checkScopes(have); err != nil {
		return nil, fault(fmt.Errorf("the scopes of the client: %w", err))
	}
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
		if !isScopeToken(part) {
			return nil, false
		}
		list = append(list, part)
	}
	return list, len(list) > 0
}

// checkScopes refuses a list that would be another one, or none, once it is a
// parameter "scope".
func checkScopes(list []string) error {
	for _, s := range list {
		if !isScopeToken(s) {
			return fmt.Errorf("%q is not a scope (RFC 6749 section 3.3)", s)
		}
	}
	return nil
}

// isScopeToken is one or more NQCHAR of RFC 6749 appendix A.
func isScopeToken(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r > '~' || r == '"' || r == '\\' })
}

// encode is the response's JSON, a refusal, or why the grant is at fault.
func (res *Response) encode(req *Request) ([]byte, error) {
	if res == nil {
		return nil, errors.New("neither a response nor an error")
	}
	if !isB64Token(res.AccessToken) {
		return nil, errors.New("an access token that is empty, or that cannot travel in a header (RFC 6750 section 2.1)")
	}
	if res.TokenType != "" && !isScopeToken(res.TokenType) {
		return nil, errors.New("a token type that is not a name or a URI (RFC 6749 appendix A.13)")
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
	scope := strings.Join(scopes, " ")
	if scope == "" && res.Scopes != nil && req.Parameter("scope") != "" {
		return nil, refuse(InvalidScope, "nothing of the scope can be granted")
	}
	return marshalWith(&ownMembers{
		AccessToken: res.AccessToken, TokenType: cmp.Or(res.TokenType, "Bearer"), ExpiresIn: res.ExpiresIn,
		Scope: scope, RefreshToken: res.RefreshToken,
	}, res.Extra, reservedMembers)
}

// ownMembers are those of a Response but for Extra.
type ownMembers struct {
	AccessToken  string `json:"access_token"`
	ExpiresIn    int64  `json:"expires_in,omitempty"`
	RefreshToken string `json:"refresh_token,omitempty"`
	Scope        string `json:"scope,omitempty"`
	TokenType    string `json:"token_type"`
}

var reservedMembers = []string{"access_token", "token_type", "expires_in", "scope", "refresh_token", "error"}

// marshalWith makes one JSON object of a struct, which has a member at least, and
// of further members, except reserved ones. The struct's members must be reserved.
func marshalWith(own any, extra map[string]any, reserved []string) ([]byte, error) {
	b, err := json.Marshal(own)
	if err != nil {
		return nil, err
	}
	if slices.ContainsFunc(reserved, func(name string) bool { _, ok := extra[name]; return ok }) {
		extra = maps.Clone(extra)
		maps.DeleteFunc(extra, func(name string, _ any) bool { return slices.Contains(reserved, name) })
	}
	if len(extra) == 0 {
		return b, nil
	}
	more, err := json.Marshal(extra)
	if err != nil {
		return nil, err
	}
	b[len(b)-1] = ','
	return append(b, more[1:]...), nil
}

func isB64Token(s string) bool {
	s = strings.TrimRight(s, "=")
	for i := range len(s) {
		c := s[i]
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("-._~+/", c) >= 0) {
			return false
		}
	}
	return s != ""
}
