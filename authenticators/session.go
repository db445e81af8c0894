package authenticators

import (
	"errors"
	"net/http"
	"net/url"
	"reflect"
	"strings"

	"github.com/authstar/authstar"
	"github.com/authstar/authstar/internal/websocket"
)

// Session authenticates by a cookie that the browser sends by itself. It
// therefore refuses what another site made the browser send: requests with
// unsafe methods, and WebSocket handshakes, from another origin end as
// access_denied (403), by http.CrossOriginProtection.
type Session struct {
	cookie string
	load   func(*http.Request) (authstar.Client, error)
	origin *http.CrossOriginProtection
}

// NewSession makes a Session for the cookie of that name. load finds the client
// of the request's session; it is called only for requests with such a cookie.
// A nil client means that there is no session, as for an expired cookie, and the
// chain goes on; an error that is not an *authstar.Error is 503.
func NewSession(cookie string, load func(*http.Request) (authstar.Client, error)) *Session {
	return &Session{cookie: cookie, load: load, origin: http.NewCrossOriginProtection()}
}

// WithCrossOrigin returns a copy that asks p about requests from other origins;
// p knows which are trusted. It is asked about a WebSocket handshake as if that were
// a POST, which the patterns of its bypasses must match.
func (s *Session) WithCrossOrigin(p *http.CrossOriginProtection) *Session {
	c := *s
	c.origin = p
	return &c
}

// Scheme has the name of the cookie as its ID.
func (s *Session) Scheme() authstar.Scheme { return cookieScheme(s.cookie) }

// Validate reports a nil function.
func (s *Session) Validate() error {
	var errs []error
	if s.load == nil {
		errs = append(errs, errors.New("nil function to load sessions with"))
	}
	if s.origin == nil {
		errs = append(errs, errors.New("nil http.CrossOriginProtection"))
	}
	return errors.Join(errs...)
}

// Authenticate reads the cookie. An empty one is absent; two with different
// values are refused.
func (s *Session) Authenticate(r *http.Request) (authstar.Client, error) {
	if _, err := cookie(r, s.cookie); err != nil {
		return nil, err
	}
	if err := crossOrigin(s.origin, r); err != nil {
		return nil, err
	}
	client, err := s.load(r)
	if err == nil && (client == nil || reflect.ValueOf(client).Kind() == reflect.Pointer && reflect.ValueOf(client).IsNil()) {
		return nil, authstar.ErrNoCredentials
	}
	if errors.Is(err, authstar.ErrNoCredentials) && !errors.As(err, new(*authstar.Error)) {
		return nil, err
	}
	return settle(client, err, errNoSession)
}

var (
	errNoSession = refusal(authstar.InvalidToken, "the session is not valid")
	errCrossSite = refusal(authstar.AccessDenied, "the request comes from another origin")
)

// crossOrigin refuses what another origin made a browser send with the cookies
// of this one.
func crossOrigin(p *http.CrossOriginProtection, r *http.Request) error {
	if !websocket.IsHandshake(r) {
		if p.Check(r) != nil {
			return errCrossSite
		}
		return nil
	}
	// A handshake is a GET, but what follows is not safe.
	unsafe := *r
	unsafe.Method = http.MethodPost
	if p.Check(&unsafe) != nil {
		return errCrossSite
	}
	origin := r.Header.Get("Origin")
	if origin == "" {
		for name := range r.Header {
			if strings.HasPrefix(name, "Sec-Fetch-") { // a browser, which sends Origin
				return errCrossSite
			}
		}
		return nil
	}
	if u, err := url.Parse(origin); r.TLS != nil && (err != nil || strings.EqualFold(u.Host, r.Host) && u.Scheme != "https") {
		return errCrossSite
	}
	return nil
}
