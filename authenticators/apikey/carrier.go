package apikey

import (
	"errors"
	"net/http"

	"github.com/authstar/authstar"
	"github.com/authstar/authstar/authenticators"
)

// InsecureCookie authenticates by a key in the cookie of that name, for clients
// that can send nothing else. A key in a browser is a password that does not
// change: use a session there. Requests with unsafe methods, and WebSocket
// handshakes, from another origin are access_denied (403), as for an
// authenticators.Session, whose WithCrossOrigin names origins to trust. An empty
// cookie is absent; two with different values are refused.
func (k *Keys) InsecureCookie(name string) *authenticators.Session {
	return authenticators.NewSession(name, func(r *http.Request) (authstar.Client, error) {
		cookie, err := r.Cookie(name)
		if err != nil {
			return nil, authstar.ErrNoCredentials
		}
		return k.Find(r.Context(), cookie.Value)
	})
}

var errTwoKeys = &authstar.Error{Code: authstar.InvalidRequest, Description: "there is more than one API key"}

// InsecureQuery authenticates by a key in the query parameter of that name, where
// logs, histories and Referer headers keep it: for clients that can set no header,
// such as feed readers. Guards answer Cache-Control: private to such requests. An
// empty parameter is absent; two are invalid_request.
func (k *Keys) InsecureQuery(name string) authstar.Authenticator {
	scheme := authstar.Scheme{ID: name, Type: authstar.TypeAPIKey, In: "query", Name: name}
	return authstar.AuthenticatorFunc(scheme, func(r *http.Request) (authstar.Client, error) {
		if r.URL.RawQuery == "" {
			return nil, authstar.ErrNoCredentials
		}
		values := r.URL.Query()[name]
		switch {
		case len(values) == 0 || len(values) == 1 && values[0] == "":
			return nil, authstar.ErrNoCredentials
		case len(values) > 1:
			return nil, errTwoKeys
		}
		client, err := k.Find(r.Context(), values[0])
		if err != nil && !errors.As(err, new(*authstar.Error)) {
			return nil, &authstar.Error{Code: authstar.TemporarilyUnavailable, Err: err}
		}
		return client, err
	})
}
