package authenticators

import (
	"context"
	"errors"
	"net/http"
	"net/textproto"
	"strings"

	"github.com/authstar/authstar"
)

// KeyFunc finds the client of an API key. The package comment has the meaning
// of what it returns. Look keys up by their SHA-256, or compare in constant
// time. The key is visible ASCII and not empty.
type KeyFunc func(ctx context.Context, key string) (authstar.Client, error)

// APIKey authenticates by a key in a request header of its own.
type APIKey struct {
	name   string
	header string // canonical
	find   KeyFunc
}

// NewAPIKey makes an APIKey for the header, such as "X-API-Key". The name is
// letters, digits and "-": proxies and CGI cannot tell "_" from "-".
func NewAPIKey(header string, lookup KeyFunc) *APIKey {
	return &APIKey{name: header, header: textproto.CanonicalMIMEHeaderKey(header), find: lookup}
}

// Scheme has the name of the header as its ID.
func (a *APIKey) Scheme() authstar.Scheme {
	return authstar.Scheme{ID: a.name, Type: authstar.TypeAPIKey, In: "header", Name: a.name}
}

// Validate reports a nil function.
func (a *APIKey) Validate() error {
	if a.find == nil {
		return errors.New("nil function to find API keys with")
	}
	return nil
}

var (
	errTwoKeys = refusal(authstar.InvalidRequest, "there is more than one API key")
	errBadKey  = refusal(authstar.InvalidClient, "the API key is not known")
)

func visible(s string) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

// Authenticate reads the header. An empty one is absent; two are
// invalid_request. A key longer than 4 KiB, or with other characters than
// visible ASCII, is refused as an unknown one, without a call to the function.
func (a *APIKey) Authenticate(r *http.Request) (authstar.Client, error) {
	lines := r.Header[a.header]
	switch len(lines) {
	case 0:
		return nil, authstar.ErrNoCredentials
	case 1:
	default:
		return nil, errTwoKeys
	}
	key := strings.Trim(lines[0], " \t")
	if key == "" {
		return nil, authstar.ErrNoCredentials
	}
	if len(key) > maxKey || !visible(key) {
		return nil, errBadKey
	}
	client, err := a.find(r.Context(), key)
	return settle(client, err, errBadKey)
}
