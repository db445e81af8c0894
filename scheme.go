package authstar

import (
	"errors"
	"fmt"
	"maps"
	"net/textproto"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// The values of [Scheme].Type, which are those of an OpenAPI security scheme.
const (
	TypeHTTP          = "http"
	TypeAPIKey        = "apiKey"
	TypeOAuth2        = "oauth2"
	TypeOpenIDConnect = "openIdConnect"
	TypeMutualTLS     = "mutualTLS"
)

// Scheme is how a credential travels. The WWW-Authenticate challenge and the
// security scheme of an OpenAPI document are both rendered from it, so that
// they cannot disagree. It holds no secret.
type Scheme struct {
	// ID names the scheme in a chain, in explanations and in OpenAPI, and is
	// unique in a chain. It is made of letters, digits, ".", "-" and "_".
	ID string
	// Type is one of the Type constants. Empty is a scheme that OpenAPI cannot
	// express; documents leave it out.
	Type string
	// AuthScheme is the auth-scheme of the challenge (RFC 9110 section 11.1),
	// such as "Bearer"; for TypeHTTP it is also what OpenAPI calls scheme. Empty
	// renders as "Bearer" for OAuth 2.0 and OpenID Connect, as "ApiKey" or
	// "Cookie" for API keys, and as the ID for anything else.
	AuthScheme string
	// In is "header", "cookie" or "query" where the credential has a name of
	// its own, and Name is that name.
	In, Name string
	// Realm is the protection space (RFC 9110 section 11.5). It holds no
	// control characters.
	Realm string
	// BearerFormat is a hint for readers of the document, such as "JWT".
	BearerFormat string
	// Description is for readers of the document.
	Description string
	// OpenIDConnectURL is where the provider's discovery document is.
	OpenIDConnectURL string
	// ResourceMetadata is the absolute URL of the API's protected resource
	// metadata (RFC 9728 section 5.1). It is a configured value and never made
	// from a request.
	ResourceMetadata string
	// Flows are how a client gets the credential, for TypeOAuth2.
	Flows []Flow
	// NoChallenge disguises the challenge by an "x" before the auth-scheme, as
	// in "xBasic", so that no browser pops up its password dialog.
	NoChallenge bool
}

// Flow is one way to get an OAuth 2.0 token, as OpenAPI describes it.
type Flow struct {
	// Type is "clientCredentials" or "authorizationCode".
	Type string
	// AuthorizationURL, TokenURL and RefreshURL are where the flow goes, as far
	// as it goes there.
	AuthorizationURL, TokenURL, RefreshURL string
	// Scopes describes every scope that may be asked for.
	Scopes map[string]string
}

func (s Scheme) clone() Scheme {
	s.Flows = slices.Clone(s.Flows)
	for i := range s.Flows {
		s.Flows[i].Scopes = maps.Clone(s.Flows[i].Scopes)
	}
	return s
}

func (s Scheme) authScheme() string {
	name := s.AuthScheme
	switch {
	case name != "":
	case s.Type == TypeOAuth2 || s.Type == TypeOpenIDConnect:
		name = "Bearer"
	case s.Type == TypeAPIKey && s.In == "cookie":
		name = "Cookie"
	case s.Type == TypeAPIKey:
		name = "ApiKey"
	default:
		name = s.ID
	}
	if s.NoChallenge {
		return "x" + name
	}
	return name
}

// Challenge renders the value of a WWW-Authenticate header (RFC 9110 section
// 11.6.1). With an error that has a code, the code, the description and the
// missing scopes are its attributes (RFC 6750 section 3), except for Basic,
// which has no such attributes but announces its charset (RFC 7617 section
// 2.1). A nil error, or one without a code, is the challenge to a request
// without credentials.
func (s Scheme) Challenge(err *Error) string {
	b := new(strings.Builder)
	b.WriteString(s.authScheme())
	sep := " "
	param := func(name, value string) {
		b.WriteString(sep)
		b.WriteString(name)
		b.WriteString(`="`)
		for i := range len(value) {
			if c := value[i]; c == '"' || c == '\\' {
				b.WriteByte('\\')
			}
			b.WriteByte(value[i])
		}
		b.WriteByte('"')
		sep = ", "
	}
	if s.Realm != "" {
		param("realm", s.Realm)
	}
	basic := strings.EqualFold(s.AuthScheme, "Basic")
	if basic && s.Realm == "" { // RFC 7617 section 2 requires it
		param("realm", defaultRealm)
	}
	if basic {
		param("charset", "UTF-8")
	} else if err != nil && err.Code != "" {
		param("error", printable(string(err.Code)))
		if err.Description != "" {
			param("error_description", printable(err.Description))
		}
		if len(err.Scope) > 0 {
			param("scope", printable(strings.Join(err.Scope, " ")))
		}
		if err.MaxAge > 0 {
			param("max_age", strconv.FormatInt(int64(err.MaxAge/time.Second), 10))
		}
		if len(err.ACRValues) > 0 {
			param("acr_values", printable(strings.Join(err.ACRValues, " ")))
		}
	}
	if s.ResourceMetadata != "" {
		param("resource_metadata", s.ResourceMetadata)
	}
	if sep == " " { // RFC 6750 section 3: at least one attribute
		param("realm", defaultRealm)
	}
	return b.String()
}

const defaultRealm = "api"

// printable replaces what RFC 6750 section 3 keeps out of the values of error,
// error_description and scope.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' || r == '"' || r == '\\' {
			return '?'
		}
		return r
	}, s)
}

// validate lists what makes the scheme unusable in a challenge or a document.
func (s Scheme) validate() error {
	var errs []error
	fail := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if s.ID == "" || strings.ContainsFunc(s.ID, notInID) {
		fail("scheme id %q: must be letters, digits, '.', '-' and '_'", s.ID)
	}
	switch s.Type {
	case "", TypeHTTP, TypeAPIKey, TypeOAuth2, TypeOpenIDConnect, TypeMutualTLS:
	default:
		fail("scheme type %q: unknown", s.Type)
	}
	if s.AuthScheme != "" && !isToken(s.AuthScheme) {
		fail("auth-scheme %q: not a token (RFC 9110 section 5.6.2)", s.AuthScheme)
	}
	switch s.In {
	case "":
		if s.Type == TypeAPIKey {
			fail("scheme type %q needs In", s.Type)
		}
	case "header":
		if err := headerName(s.Name); err != nil {
			errs = append(errs, err)
		}
	case "cookie", "query":
		if !isToken(s.Name) {
			fail("%s name %q: not a token", s.In, s.Name)
		}
	default:
		fail("scheme in %q: must be header, cookie or query", s.In)
	}
	for _, value := range []string{s.Realm, s.ResourceMetadata} {
		if !utf8.ValidString(value) || strings.ContainsFunc(value, unicode.IsControl) {
			fail("realm or resource metadata %q: holds control characters or is not UTF-8", value)
		}
	}
	return errors.Join(errs...)
}

// headerName refuses names that no client can send, that belong to others, or
// that proxies drop, or fold into one (X_API_Key and X-API-Key).
func headerName(name string) error {
	if name == "" || strings.ContainsFunc(name, func(r rune) bool { return notInID(r) || r == '.' || r == '_' }) {
		return fmt.Errorf("header name %q: must be letters, digits and '-'", name)
	}
	switch textproto.CanonicalMIMEHeaderKey(name) {
	case "Authorization", "Proxy-Authorization", "Cookie", "Set-Cookie", "Host", "Content-Length",
		"Transfer-Encoding", "Connection", "Upgrade", "Trailer", "Te":
		return fmt.Errorf("header name %q: is used by HTTP itself", name)
	}
	return nil
}

func notInID(r rune) bool {
	return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '.' || r == '-' || r == '_')
}

// isToken reports whether s is a token of RFC 9110 section 5.6.2.
func isToken(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool {
		return notInID(r) && !strings.ContainsRune("!#$%&'*+^`|~", r)
	})
}

// carrier names the part of a request that the scheme reads, where two schemes
// that read it would be in each other's way.
func (s Scheme) carrier() string {
	switch s.In {
	case "header":
		return "header " + textproto.CanonicalMIMEHeaderKey(s.Name)
	case "cookie", "query":
		return s.In + " " + s.Name
	}
	return ""
}
