package tokenendpoint

import (
	"context"
	"encoding/base64"
	"errors"
	"net/http"
	"net/url"
	"reflect"
	"strings"

	"github.com/authstar/authstar"
)

// ClientMethod is one way in which clients authenticate at the endpoint (RFC
// 6749 section 2.3, RFC 7591 section 2 for the names). Implementations must be
// safe for concurrent use.
type ClientMethod interface {
	// Name is that of the registry, such as "client_secret_basic".
	Name() string
	// Presented reports whether the request uses this method, rightly or not.
	// Of all methods, a request uses exactly one.
	Presented(r *http.Request, form Form) bool
	// Authenticate returns the client, with the meaning that
	// Config.Authenticate has. It is called only when Presented said yes.
	Authenticate(r *http.Request, form Form) (authstar.Client, error)
}

type secretFunc func(ctx context.Context, clientID, secret string) (authstar.Client, error)

func (f secretFunc) validate() error {
	if f == nil {
		return errors.New("nil function to check secrets with")
	}
	return nil
}

// ClientSecretBasic is client_secret_basic: id and secret as HTTP Basic, with or
// without form encoding.
func ClientSecretBasic(check func(ctx context.Context, clientID, secret string) (authstar.Client, error)) ClientMethod {
	return secretBasic{check}
}

// ClientSecretPost is client_secret_post: id and secret as the parameters
// client_id and client_secret.
func ClientSecretPost(check func(ctx context.Context, clientID, secret string) (authstar.Client, error)) ClientMethod {
	return secretPost{check}
}

const maxBasic = 8 << 10

var errBadClient = refuse(authstar.InvalidClient, "client authentication failed")

type secretBasic struct{ check secretFunc }

func (secretBasic) Name() string { return "client_secret_basic" }

func (m secretBasic) Validate() error { return m.check.validate() }

func (secretBasic) Presented(r *http.Request, _ Form) bool {
	for _, line := range r.Header["Authorization"] {
		line = strings.TrimLeft(line, " \t")
		if end := strings.IndexAny(line, " \t"); end >= 0 {
			line = line[:end]
		}
		if strings.EqualFold(line, "Basic") {
			return true
		}
	}
	return false
}

func (m secretBasic) Authenticate(r *http.Request, form Form) (authstar.Client, error) {
	if len(r.Header["Authorization"]) > 1 {
		return nil, refuse(authstar.InvalidRequest, "there is more than one Authorization header")
	}
	id, secret, ok := parseBasic(r.Header.Get("Authorization"))
	if !ok {
		return nil, errBadClient
	}
	decodedID, err1 := url.QueryUnescape(id)
	decodedSecret, err2 := url.QueryUnescape(secret)
	named := form.Get("client_id")
	raw := named == "" || named == id
	decoded := err1 == nil && err2 == nil && decodedID != "" && decodedSecret != "" && (named == "" || named == decodedID)
	if !raw && !decoded {
		return nil, refuse(authstar.InvalidRequest, "client_id names another client")
	}
	if decoded {
		client, err := m.check(r.Context(), decodedID, decodedSecret)
		unknown := err == nil && isNobody(client) || errors.Is(err, authstar.InvalidClient) || errors.Is(err, authstar.ErrNoCredentials)
		if !unknown || !raw || decodedID == id && decodedSecret == secret {
			return client, err
		}
	}
	return m.check(r.Context(), id, secret)
}

// parseBasic splits the value of a Basic Authorization header (RFC 7617 section
// 2). Neither part is empty.
func parseBasic(header string) (id, secret string, ok bool) {
	_, encoded, _ := strings.Cut(strings.Trim(header, " "), " ")
	encoded = strings.TrimLeft(encoded, " ")
	if len(encoded) > maxBasic {
		return "", "", false
	}
	b, err := base64.StdEncoding.Strict().DecodeString(encoded)
	if err != nil {
		return "", "", false
	}
	id, secret, ok = strings.Cut(string(b), ":")
	return id, secret, ok && id != "" && secret != ""
}

type secretPost struct{ check secretFunc }

func (secretPost) Name() string { return "client_secret_post" }

func (m secretPost) Validate() error { return m.check.validate() }

func (secretPost) Presented(_ *http.Request, form Form) bool { return form.Get("client_secret") != "" }

func (m secretPost) Authenticate(r *http.Request, form Form) (authstar.Client, error) {
	id := form.Get("client_id")
	if id == "" {
		return nil, refuse(authstar.InvalidRequest, "client_id is missing")
	}
	return m.check(r.Context(), id, form.Get("client_secret"))
}

// client authenticates the client by exactly one method (RFC 6749 section 2.3).
func (e *Endpoint) client(r *http.Request, form Form) (authstar.Client, *authstar.Error) {
	var method ClientMethod
	for _, m := range e.config.Methods {
		if !m.Presented(r, form) {
			continue
		}
		if method != nil {
			return nil, refuse(authstar.InvalidRequest, "the client authenticates in more than one way")
		}
		method = m
	}
	if method == nil {
		return nil, refuse(authstar.InvalidClient, "client authentication is required")
	}
	client, err := method.Authenticate(r, form)
	var stated *authstar.Error
	switch {
	case err == nil && !isNobody(client):
		return client, nil
	case err == nil || errors.Is(err, authstar.ErrNoCredentials) && !errors.As(err, &stated):
		return nil, errBadClient
	case errors.As(err, &stated) && stated != nil:
		return nil, stated
	}
	return nil, &authstar.Error{Code: authstar.TemporarilyUnavailable, Err: err}
}

func isNobody(client authstar.Client) bool {
	if client == nil {
		return true
	}
	v := reflect.ValueOf(client)
	return v.Kind() == reflect.Pointer && v.IsNil() || client.ClientID() == ""
}
