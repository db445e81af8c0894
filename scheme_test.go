package authstar_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/authstar/authstar"
)

func TestChallenge(t *testing.T) {
	bad := &authstar.Error{Code: authstar.InvalidToken, Description: "the token is not valid"}
	for _, row := range []struct {
		name   string
		scheme authstar.Scheme
		err    *authstar.Error
		want   string
	}{
		{"RS-01 a bearer challenge without credentials has no error", authstar.Scheme{AuthScheme: "Bearer"}, nil, `Bearer realm="api"`},
		{"RS-01 an error without a code is none", authstar.Scheme{AuthScheme: "Bearer"}, &authstar.Error{Err: authstar.ErrNoCredentials}, `Bearer realm="api"`},
		{"a realm comes first", authstar.Scheme{AuthScheme: "Bearer", Realm: "orders"}, bad, `Bearer realm="orders", error="invalid_token", error_description="the token is not valid"`},
		{"an error needs no realm", authstar.Scheme{AuthScheme: "Bearer"}, bad, `Bearer error="invalid_token", error_description="the token is not valid"`},
		{"RS-04 missing scopes are listed", authstar.Scheme{AuthScheme: "Bearer"}, &authstar.Error{Code: authstar.InsufficientScope, Scope: []string{"a", "b"}}, `Bearer error="insufficient_scope", scope="a b"`},
		{"Basic has a charset and no error", authstar.Scheme{AuthScheme: "Basic", Realm: "orders"}, bad, `Basic realm="orders", charset="UTF-8"`},
		{"Basic has a realm even if none is given", authstar.Scheme{AuthScheme: "basic"}, nil, `basic realm="api", charset="UTF-8"`},
		{"a disguised Basic", authstar.Scheme{AuthScheme: "Basic", NoChallenge: true}, nil, `xBasic realm="api", charset="UTF-8"`},
		{"OAuth 2.0 is Bearer", authstar.Scheme{ID: "o", Type: authstar.TypeOAuth2}, nil, `Bearer realm="api"`},
		{"OpenID Connect is Bearer", authstar.Scheme{ID: "o", Type: authstar.TypeOpenIDConnect}, nil, `Bearer realm="api"`},
		{"an API key is ApiKey", authstar.Scheme{ID: "k", Type: authstar.TypeAPIKey, In: "header", Name: "X-Key"}, nil, `ApiKey realm="api"`},
		{"a cookie is Cookie", authstar.Scheme{ID: "k", Type: authstar.TypeAPIKey, In: "cookie", Name: "sid"}, nil, `Cookie realm="api"`},
		{"anything else is its ID", authstar.Scheme{ID: "mtls", Type: authstar.TypeMutualTLS}, nil, `mtls realm="api"`},
		{"resource metadata", authstar.Scheme{AuthScheme: "Bearer", ResourceMetadata: "https://api.example/.well-known/oauth-protected-resource"}, nil, `Bearer resource_metadata="https://api.example/.well-known/oauth-protected-resource"`},
		{"B12 a realm cannot add an attribute", authstar.Scheme{AuthScheme: "Basic", Realm: `x", charset="y`}, nil, `Basic realm="x\", charset=\"y", charset="UTF-8"`},
		{"B12 a backslash is escaped", authstar.Scheme{AuthScheme: "Bearer", Realm: `x\`}, nil, `Bearer realm="x\\"`},
		{"RS-06 a description has no quotes, control characters or UTF-8", authstar.Scheme{AuthScheme: "Bearer"}, &authstar.Error{Code: authstar.InvalidToken, Description: "a\"b\\c\r\nd\x7fé"}, `Bearer error="invalid_token", error_description="a?b?c??d??"`},
		{"RS-06 a code of the application neither", authstar.Scheme{AuthScheme: "Bearer"}, &authstar.Error{Code: "te\"a\npot"}, `Bearer error="te?a?pot"`},
		{"B12 a scope cannot add an attribute", authstar.Scheme{AuthScheme: "Bearer"}, &authstar.Error{Code: authstar.InsufficientScope, Scope: []string{"a\", x=\"\r\n"}}, `Bearer error="insufficient_scope", scope="a?, x=???"`},
	} {
		t.Run(row.name, func(t *testing.T) {
			if got := row.scheme.Challenge(row.err); got != row.want {
				t.Errorf("got  %s\nwant %s", got, row.want)
			}
		})
	}
}

// What is rendered parses back to the realm, and to the description as far as
// RFC 6750 section 3 has characters for it, whatever they are. (RS-06, B12)
func FuzzChallenge(f *testing.F) {
	for _, realm := range []string{"", "api", `x", charset="y`, `\`, `\"`, "ünï", "a,b=c", " "} {
		for _, description := range []string{"", "the token is not valid", "a\"b\\c\r\nd", `", error="x`, "é\xff"} {
			f.Add("Bearer", realm, description, "a b")
			f.Add("Basic", realm, description, `"`)
		}
	}
	f.Fuzz(func(t *testing.T, authScheme, realm, description, scope string) {
		s := authstar.Scheme{ID: "fuzz", AuthScheme: authScheme, Realm: realm}
		if _, err := authstar.New(carrying(s)); err != nil {
			return
		}
		rendered := s.Challenge(&authstar.Error{Code: authstar.InvalidToken, Description: description, Scope: []string{scope}})
		name, params, err := parseChallenge(rendered)
		if err != nil {
			t.Fatalf("%s: %v", rendered, err)
		}
		want := map[string]string{"error": "invalid_token", "scope": visible(scope)}
		if realm != "" {
			want["realm"] = realm
		}
		if description != "" {
			want["error_description"] = visible(description)
		}
		switch {
		case strings.EqualFold(authScheme, "Basic"):
			want = map[string]string{"realm": realm, "charset": "UTF-8"}
			if realm == "" {
				want["realm"] = "api"
			}
			fallthrough
		case authScheme != "":
			if name != authScheme {
				t.Errorf("auth-scheme %q, want %q", name, authScheme)
			}
		}
		if fmt.Sprint(params) != fmt.Sprint(want) {
			t.Errorf("%s\nparses as %q\nwant      %q", rendered, params, want)
		}
	})
}

// visible is s with a question mark for every character outside of %x20-21,
// %x23-5B and %x5D-7E.
func visible(s string) string {
	var b strings.Builder
	for _, r := range s {
		if r == 0x20 || r == 0x21 || 0x23 <= r && r <= 0x5b || 0x5d <= r && r <= 0x7e {
			b.WriteRune(r)
		} else {
			b.WriteByte('?')
		}
	}
	return b.String()
}

const tchar = "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

// parseChallenge reads exactly one challenge of RFC 9110 section 11.6.1, with
// parameters that occur once.
func parseChallenge(s string) (scheme string, params map[string]string, err error) {
	scheme, s = tokenOf(s)
	rest := strings.TrimLeft(s, " ")
	if scheme == "" || rest == s {
		return "", nil, fmt.Errorf("no auth-scheme and space before %q", s)
	}
	params = make(map[string]string)
	for {
		var name, value string
		name, rest = tokenOf(rest)
		if name = strings.ToLower(name); name == "" || !strings.HasPrefix(rest, `="`) {
			return "", nil, fmt.Errorf("no parameter with a quoted-string at %q", rest)
		}
		if value, rest, err = quotedStringOf(rest[1:]); err != nil {
			return "", nil, err
		}
		if _, twice := params[name]; twice {
			return "", nil, fmt.Errorf("parameter %q occurs twice", name)
		}
		params[name] = value
		if rest == "" {
			return scheme, params, nil
		}
		after, ok := strings.CutPrefix(rest, ",")
		if !ok {
			return "", nil, fmt.Errorf("no comma at %q", rest)
		}
		rest = strings.TrimLeft(after, " \t")
	}
}

func tokenOf(s string) (token, rest string) {
	rest = strings.TrimLeft(s, tchar)
	return s[:len(s)-len(rest)], rest
}

// quotedStringOf reads a quoted-string of RFC 9110 section 5.6.4.
func quotedStringOf(s string) (value, rest string, err error) {
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"':
			return b.String(), s[i+1:], nil
		case c == '\\' && i+1 < len(s):
			i++
			b.WriteByte(s[i])
		case c < ' ' && c != '\t' || c == 0x7f:
			return "", "", fmt.Errorf("control character %q in a quoted-string", c)
		default:
			b.WriteByte(c)
		}
	}
	return "", "", fmt.Errorf("the quoted-string %s does not end", s)
}
