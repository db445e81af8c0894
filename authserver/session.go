package authserver

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"
)

// consentLifetime is how long a user may think about a consent page.
const consentLifetime = 10 * time.Minute

// login is a Login and when it was, as sessions, codes and families keep it.
type login struct {
	Subject string
	Claims  string // a JSON object, encoded once for all tokens; "" is none
	Scopes  []string
	ACR     string
	Time    int64
}

// session is the login of a browser. Of a user who does not stay signed in it is
// for one answer to the consent page of one client: whoever has the browser next
// is somebody else.
type session struct {
	login
	Client string // "" is any: the user stays signed in
}

func (s *session) stays() bool { return s.Client == "" }

// ownClaims are those that the server sets, beside those of its signer.
var ownClaims = []string{"auth_time", "acr"}

// maxClaims is the length of the claims of a login, in bytes: with them, a token
// is not too long to be verified.
const maxClaims = 10 << 10

// set takes over what the application says of the user. Its error is an
// *authstar.Error, ServerError: the claims are not JSON, or too long.
func (l *login) set(from Login) error {
	l.Subject, l.Claims, l.Scopes = from.Subject, "", from.Scopes
	if len(from.Claims) == 0 {
		return nil
	}
	text, err := json.Marshal(from.Claims)
	if err != nil {
		return fault(fmt.Errorf("authserver: the claims of a login: %w", err))
	}
	if len(text) > maxClaims {
		return fault(fmt.Errorf("authserver: the claims of a login are %d bytes long, more than %d", len(text), maxClaims))
	}
	l.Claims = string(text)
	return nil
}

// claims are the user's, each as JSON.
func (l *login) claims() (map[string]any, error) {
	claims := make(map[string]any)
	if l.Claims == "" {
		return claims, nil
	}
	var texts map[string]json.RawMessage
	if err := json.Unmarshal([]byte(l.Claims), &texts); err != nil {
		return nil, fault(fmt.Errorf("authserver: the claims of a login: %w", err))
	}
	for name, text := range texts {
		if !slices.Contains(ownClaims, name) {
			claims[name] = text
		}
	}
	return claims, nil
}

// replaceSession ends the session that the browser had, which may be somebody
// else's, and starts one if the user wants or the consent page needs it.
func (s *Server) replaceSession(w http.ResponseWriter, r *http.Request, who *session, asks bool) error {
	switch {
	case who.stays():
		return s.startSession(w, r, who, s.config.SessionLifetime)
	case asks:
		return s.startSession(w, r, who, consentLifetime)
	}
	return s.EndSession(w, r)
}

// session is the login of the browser that asks, nil when it has none for the
// request.
func (s *Server) session(r *http.Request, req *request) (*session, error) {
	c, err := r.Cookie(s.page.cookie("session"))
	if err != nil || len(c.Value) != 43 {
		return nil, nil
	}
	key := "session:" + hashKey(c.Value)
	var who session
	text, err := s.store.get(r.Context(), key, &who)
	if err != nil || text == nil || !who.stays() && (who.Client != req.client.ID || !req.asksConsent()) {
		return nil, err
	}
	alive, err := s.refreshUser(r.Context(), &who.login)
	if err != nil {
		return nil, err
	}
	if !alive {
		return nil, s.store.store.Delete(r.Context(), key)
	}
	return &who, nil
}

// refreshUser asks the application what it says of a user today.
func (s *Server) refreshUser(ctx context.Context, l *login) (alive bool, err error) {
	if s.config.User == nil {
		return true, nil
	}
	now, err := s.config.User(ctx, l.Subject)
	if err != nil {
		if refuses(err) {
			return false, nil
		}
		return false, err
	}
	if now.Subject != l.Subject {
		return false, nil
	}
	return true, l.set(now) // but for the ACR, which is of the login, not of the user
}

// startSession gives the browser a session with an id that nobody has seen, and
// ends the one that it had.
func (s *Server) startSession(w http.ResponseWriter, r *http.Request, who *session, lifetime time.Duration) error {
	if old, err := r.Cookie(s.page.cookie("session")); err == nil {
		if err := s.store.store.Delete(r.Context(), "session:"+hashKey(old.Value)); err != nil {
			return err
		}
	}
	id := newSecret()
	if err := s.store.add(r.Context(), "session:"+hashKey(id), who, s.config.Now().Add(lifetime)); err != nil {
		return err
	}
	seconds := 0 // until the browser is closed
	if who.stays() {
		seconds = int(lifetime / time.Second)
	}
	s.page.setCookie(w, "session", id, seconds)
	return nil
}

// EndSession ends the session of the browser that sends the request, and tells
// it to forget the cookie: for the application's own way to log out.
func (s *Server) EndSession(w http.ResponseWriter, r *http.Request) error {
	c, err := r.Cookie(s.page.cookie("session"))
	if errors.Is(err, http.ErrNoCookie) {
		return nil
	}
	s.page.setCookie(w, "session", "", -1)
	return s.store.store.Delete(r.Context(), "session:"+hashKey(c.Value))
}
