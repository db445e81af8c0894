package authenticators

import (
	"encoding/base64"
	"errors"
	"iter"
	"net/http"
	"strings"

	"github.com/authstar/authstar"
	"github.com/authstar/authstar/internal/websocket"
)

// carried is a Bearer over another carrier than the Authorization header.
type carried struct {
	bearer *Bearer
	scheme authstar.Scheme
	token  func(*http.Request) (string, error)
	errs   error
}

func (c *carried) Scheme() authstar.Scheme { return c.scheme }
func (c *carried) Validate() error         { return errors.Join(c.bearer.Validate(), c.errs) }

func (c *carried) Authenticate(r *http.Request) (authstar.Client, error) {
	token, err := c.token(r)
	if err != nil {
		return nil, err
	}
	return c.bearer.verify(r.Context(), token, errBadToken)
}

// Cookie authenticates by a token in the cookie of that name. A browser sends
// cookies by itself, so requests with unsafe methods and WebSocket handshakes
// from another origin are access_denied (403), as for a [Session]. Two cookies
// of that name with different values are refused.
func (b *Bearer) Cookie(name string) authstar.Authenticator {
	c := &carried{bearer: b, scheme: cookieScheme(name)}
	c.scheme.AuthScheme, c.scheme.Realm, c.scheme.BearerFormat = "Bearer", b.realm, b.Scheme().BearerFormat
	if b.origin == nil {
		c.errs = errors.New("nil http.CrossOriginProtection")
	}
	c.token = func(r *http.Request) (string, error) {
		token, err := cookie(r, name)
		if err == nil {
			err = crossOrigin(b.origin, r)
		}
		return token, err
	}
	return c
}

// queryParameter is the name of RFC 6750 section 2.3.
const queryParameter = "access_token"

// InsecureQuery authenticates by a token in the query parameter access_token
// (RFC 6750 section 2.3), where logs, histories and Referer headers keep it:
// for download links and for clients that can set neither a header nor a
// cookie. Guards answer Cache-Control: private to such requests. A request with
// a token in the Authorization header as well is invalid_request.
func (b *Bearer) InsecureQuery() authstar.Authenticator {
	return &carried{
		bearer: b,
		scheme: authstar.Scheme{ID: queryParameter, Type: authstar.TypeAPIKey, AuthScheme: "Bearer", In: "query", Name: queryParameter, Realm: b.realm},
		token: func(r *http.Request) (string, error) {
			if !strings.Contains(r.URL.RawQuery, queryParameter) {
				return "", authstar.ErrNoCredentials
			}
			values := r.URL.Query()[queryParameter]
			if len(values) == 0 || len(values) == 1 && values[0] == "" {
				return "", authstar.ErrNoCredentials
			}
			if _, err := authorization(r, "Bearer"); len(values) > 1 || err != authstar.ErrNoCredentials {
				return "", errTwoPlaces
			}
			return values[0], nil
		},
	}
}

const subprotocolPrefix = "base64url.bearer."

var subprotocol64 = base64.RawURLEncoding.Strict()

var errBadSubprotocol = refusal(authstar.InvalidToken, "the token in Sec-WebSocket-Protocol is malformed")

// Subprotocol authenticates WebSocket handshakes by a token among the
// subprotocols that the client offers, since a browser can set no header there:
//
//	new WebSocket(url, ["base64url.bearer.<name>." + base64url(token), "chat"])
//
// with the name that is given here, such as "authorization.example.com". The
// token is base64url without padding, occurs once, and is not the only
// subprotocol, because the server must choose another one: see [Subprotocols].
// Requests that are no handshakes are not looked at.
func (b *Bearer) Subprotocol(name string) authstar.Authenticator {
	c := &carried{
		bearer: b,
		// OpenAPI has no word for this carrier, and no cache stores a handshake.
		scheme: authstar.Scheme{ID: "subprotocol", AuthScheme: "Bearer", Realm: b.realm},
	}
	prefix := subprotocolPrefix + name + "."
	if name == "" || strings.ContainsFunc(name, func(r rune) bool { return r > '~' || !isTokenChar(byte(r)) }) {
		c.errs = errors.New("the name of a subprotocol must be a token")
	}
	c.token = func(r *http.Request) (string, error) {
		if !websocket.IsHandshake(r) {
			return "", authstar.ErrNoCredentials
		}
		var encoded string
		var found, others int
		for p := range offered(r) {
			if e, ok := strings.CutPrefix(p, prefix); ok {
				encoded = e
				found++
			} else if !isToken(p) {
				others++
			}
		}
		switch {
		case found == 0:
			return "", authstar.ErrNoCredentials
		case len(encoded) > base64.RawURLEncoding.EncodedLen(maxToken):
			return "", errTooLong
		case found > 1 || others == 0 || strings.ContainsAny(encoded, "\r\n"): // which the decoder skips
			return "", errBadSubprotocol
		}
		token, err := subprotocol64.DecodeString(encoded)
		if err != nil || len(token) == 0 {
			return "", errBadSubprotocol
		}
		return string(token), nil
	}
	return c
}

// Subprotocols lists what the client of a WebSocket handshake offers in
// Sec-WebSocket-Protocol, in its order and without tokens, for the handler to
// choose from. A token must not be echoed.
func Subprotocols(r *http.Request) []string {
	var list []string
	for p := range offered(r) {
		if !isToken(p) {
			list = append(list, p)
		}
	}
	return list
}

// isToken takes a misspelled prefix for one too, since the token behind it is as
// secret.
func isToken(subprotocol string) bool {
	return len(subprotocol) >= len(subprotocolPrefix) && strings.EqualFold(subprotocol[:len(subprotocolPrefix)], subprotocolPrefix)
}

func offered(r *http.Request) iter.Seq[string] {
	return func(yield func(string) bool) {
		for _, line := range r.Header["Sec-Websocket-Protocol"] {
			for p := range strings.SplitSeq(line, ",") {
				if p = strings.Trim(p, " \t"); p != "" && !yield(p) {
					return
				}
			}
		}
	}
}
