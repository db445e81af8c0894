package authstar

import (
	"errors"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode"
)

type noCredentials string

func (e noCredentials) Error() string { return string(e) }

// ErrNoCredentials is what an [Authenticator] returns, alone or wrapped, when
// the request carries no credential of its kind: "not mine, ask the next". It
// is a constant, so that nobody can assign to it; compare with errors.Is. The
// text of an error that wraps it shows up in [Result.Explain].
const ErrNoCredentials = noCredentials("authstar: no credentials")

// Code is the error code of a refusal, as in RFC 6750 section 3.1, RFC 6749
// section 5.2 and RFC 9470 section 3. It is itself an error, so that
// errors.Is(err, authstar.InvalidToken) works on an [*Error].
type Code string

const (
	// InvalidRequest is a request that is malformed or presents credentials in
	// more than one way: 400.
	InvalidRequest Code = "invalid_request"
	// InvalidToken is a token that is expired, revoked, malformed, not for this
	// API or not known: 401.
	InvalidToken Code = "invalid_token"
	// InvalidClient is a name and password, or an API key, that is wrong: 401.
	InvalidClient Code = "invalid_client"
	// InsufficientUserAuthentication asks the user to log in again or in a
	// stronger way (RFC 9470): 401.
	InsufficientUserAuthentication Code = "insufficient_user_authentication"
	// InsufficientScope is a known client that was not granted enough: 403.
	InsufficientScope Code = "insufficient_scope"
	// AccessDenied is a refusal for any other reason than scopes: 403.
	AccessDenied Code = "access_denied"
	// TemporarilyUnavailable means that the credential could not be checked
	// because something behind the API did not answer: 503 with Retry-After.
	TemporarilyUnavailable Code = "temporarily_unavailable"
	// ServerError is a fault of the program: 500.
	ServerError Code = "server_error"
)

// Error returns the code.
func (c Code) Error() string { return string(c) }

// Status returns the HTTP status that belongs to the code, 500 for a code that
// is not one of this package's.
func (c Code) Status() int {
	switch c {
	case InvalidRequest:
		return http.StatusBadRequest
	case InvalidToken, InvalidClient, InsufficientUserAuthentication:
		return http.StatusUnauthorized
	case InsufficientScope, AccessDenied:
		return http.StatusForbidden
	case TemporarilyUnavailable:
		return http.StatusServiceUnavailable
	}
	return http.StatusInternalServerError
}

func (c Code) known() bool { return c == ServerError || c.Status() != http.StatusInternalServerError }

// Error is a refusal: of a credential by an authenticator, or of a client by a
// guard. Code, Description and Scope may leave the server; Err only reaches
// logs, so it may name what went wrong inside, but no credential.
//
// An Error is not changed after it was returned, so one value may be shared.
type Error struct {
	// Code decides the status. It is empty only for a request without
	// credentials, whose Err is ErrNoCredentials: RFC 6750 section 3.1 gives
	// such a refusal no code.
	Code Code
	// Description is a sentence for the developer of the client.
	Description string
	// Scope lists the scopes that are missing, for InsufficientScope.
	Scope []string
	// MaxAge and ACRValues are what a new login has to satisfy, for
	// InsufficientUserAuthentication (RFC 9470 section 3). MaxAge is sent in whole
	// seconds.
	MaxAge    time.Duration
	ACRValues []string
	// RetryAfter is when to come back, for TemporarilyUnavailable. It is sent
	// in whole seconds, rounded up, and is at least one second.
	RetryAfter time.Duration
	// StatusCode replaces the code's own status, 400 to 599; 0 keeps it.
	StatusCode int
	// Err is the cause, for logs.
	Err error
}

// Status returns the HTTP status of the refusal.
func (e *Error) Status() int {
	switch {
	case e.StatusCode != 0:
		if e.StatusCode < 400 || e.StatusCode > 599 { // no refusal passes for a success
			return http.StatusInternalServerError
		}
		return e.StatusCode
	case e.Code == "" && errors.Is(e.Err, ErrNoCredentials):
		return http.StatusUnauthorized
	}
	return e.Code.Status()
}

// Error tells the code, the description and the cause, on one line.
func (e *Error) Error() string {
	if e == nil {
		return "authstar: no error"
	}
	parts := []string{"authstar"}
	if e.Code != "" {
		parts = append(parts, string(e.Code))
	}
	if e.Description != "" {
		parts = append(parts, e.Description)
	}
	if e.Err != nil {
		parts = append(parts, strings.TrimPrefix(e.Err.Error(), "authstar: "))
	}
	return oneLine(strings.Join(parts, ": "))
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error {
	if e == nil {
		return nil
	}
	return e.Err
}

// Is reports whether target is the error's [Code].
func (e *Error) Is(target error) bool {
	code, ok := target.(Code)
	return ok && e != nil && e.Code == code
}

// LogValue shows the code, the status, the description and the cause.
func (e *Error) LogValue() slog.Value {
	if e == nil {
		return slog.Value{}
	}
	attrs := []slog.Attr{slog.Int("status", e.Status())}
	if e.Code != "" {
		attrs = append(attrs, slog.String("code", string(e.Code)))
	}
	if e.Description != "" {
		attrs = append(attrs, slog.String("description", e.Description))
	}
	if len(e.Scope) > 0 {
		attrs = append(attrs, slog.String("scope", strings.Join(e.Scope, " ")))
	}
	if e.Err != nil {
		attrs = append(attrs, slog.String("cause", oneLine(e.Err.Error())))
	}
	return slog.GroupValue(attrs...)
}

// oneLine escapes control characters and ends of lines, so that no part of an error
// can forge a line in a log.
func oneLine(s string) string {
	if strings.IndexFunc(s, func(r rune) bool { return unicode.IsControl(r) || r == '\u2028' || r == '\u2029' }) < 0 {
		return s
	}
	q := strconv.Quote(s)
	return q[1 : len(q)-1]
}
