// Package authenticators has one authenticator for each kind of credential:
// bearer tokens (RFC 6750), HTTP Basic (RFC 7617), API keys and sessions. Each
// reads one place of a request, is immutable and safe for concurrent use, and
// is made inline in the call to authstar.New, which reports what is wrong with
// its arguments.
//
// # Callbacks
//
// What a credential means is up to a function of the application, which is
// simpler than an authenticator:
//
//   - A client and no error is who presented the credential.
//   - A nil client without an error, a nil pointer or a client with an empty id
//     means "I do not know this credential": 401. So does
//     authstar.ErrNoCredentials, which never lets the chain go on.
//   - An *authstar.Error, or an authstar.Code alone, is taken as it is.
//   - Any other error means "my system failed": 503.
//
// The load function of a [Session] differs in the first point: nil means that
// there is no session, and the chain goes on. Callbacks get the context of the
// request, are called concurrently, and never with an empty credential.
package authenticators

import (
	"errors"
	"net/http"
	"reflect"
	"strings"

	"github.com/authstar/authstar"
)

// What is longer than these is refused before it is looked at.
const (
	maxToken    = 16 << 10
	maxPassword = 8 << 10 // base64 of user-id and password
	maxKey      = 4 << 10
)

var (
	errTwoHeaders = refusal(authstar.InvalidRequest, "there is more than one Authorization header")
	errMalformed  = refusal(authstar.InvalidRequest, "the Authorization header is malformed")
)

func refusal(code authstar.Code, description string) *authstar.Error {
	return &authstar.Error{Code: code, Description: description}
}

// authorization returns what follows the auth-scheme in the Authorization
// header (RFC 9110 section 11.6.2): one or more spaces and something.
func authorization(r *http.Request, scheme string) (string, error) {
	lines := r.Header["Authorization"]
	if len(lines) == 0 {
		return "", authstar.ErrNoCredentials
	}
	if len(lines) > 1 {
		return "", errTwoHeaders
	}
	line := strings.Trim(lines[0], " \t")
	if len(line) < len(scheme) || !strings.EqualFold(line[:len(scheme)], scheme) {
		return "", authstar.ErrNoCredentials
	}
	rest := line[len(scheme):]
	switch {
	case rest == "":
		return "", errMalformed
	case isTokenChar(rest[0]): // the name of another scheme
		return "", authstar.ErrNoCredentials
	case rest[0] != ' ':
		return "", errMalformed
	}
	return strings.TrimLeft(rest, " "), nil
}

// isTokenChar reports whether c is a tchar of RFC 9110 section 5.6.2.
func isTokenChar(c byte) bool {
	return c > ' ' && c < 0x7f && !strings.ContainsRune(`"(),/:;<=>?@[\]{}`, rune(c))
}

// settle turns what a callback returned into what an authenticator returns,
// with unknown for a credential that the application does not know.
func settle(client authstar.Client, err error, unknown *authstar.Error) (authstar.Client, error) {
	if err == nil {
		if isNobody(client) {
			return nil, unknown
		}
		return client, nil
	}
	var e *authstar.Error
	stated := errors.As(err, &e)
	switch {
	case errors.Is(err, authstar.ErrNoCredentials) && (!stated || e != nil && e.Code == ""):
		return nil, unknown
	case stated, errors.As(err, new(authstar.Code)):
		return nil, err
	}
	return nil, &authstar.Error{Code: authstar.TemporarilyUnavailable, Err: err}
}

func isNobody(client authstar.Client) bool {
	if client == nil {
		return true
	}
	if v := reflect.ValueOf(client); v.Kind() == reflect.Pointer && v.IsNil() {
		return true
	}
	return client.ClientID() == ""
}

// cookie returns the value of the one cookie of that name. An empty value is
// absent; two that differ, be one of them empty, are an attack or a mistake, and
// neither is tried.
func cookie(r *http.Request, name string) (string, error) {
	if len(r.Header["Cookie"]) == 0 {
		return "", authstar.ErrNoCredentials
	}
	var value string
	for i, c := range r.CookiesNamed(name) {
		if i > 0 && c.Value != value {
			return "", errCookiesDiffer
		}
		value = c.Value
	}
	if value == "" {
		return "", authstar.ErrNoCredentials
	}
	return value, nil
}

var errCookiesDiffer = refusal(authstar.InvalidToken, "there are several cookies of one name with different values")

// cookieScheme describes a credential in a cookie.
func cookieScheme(name string) authstar.Scheme {
	id := strings.Map(func(r rune) rune {
		if strings.ContainsRune("!#$%&'*+^`|~", r) {
			return '_'
		}
		return r
	}, name)
	return authstar.Scheme{ID: id, Type: authstar.TypeAPIKey, In: "cookie", Name: name}
}
