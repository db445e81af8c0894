package main

import (
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/authstar/authstar"
)

const (
	sessionCookie   = "sid"
	sessionLifetime = 12 * time.Hour
	maxSessions     = 10_000
)

// sessions are kept in memory, under the hash of the id that the cookie has. An
// application with more than one machine wants a library and a database here.
type sessions struct {
	mu   sync.Mutex
	byID map[[32]byte]sessionData
}

type sessionData struct {
	client  authstar.Identity
	expires time.Time
}

func newSessions() *sessions { return &sessions{byID: make(map[[32]byte]sessionData)} }

// load is what authenticators.NewSession calls.
func (s *sessions) load(r *http.Request) (authstar.Client, error) {
	c, err := r.Cookie(sessionCookie)
	if err != nil {
		return nil, nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	data, ok := s.byID[sha256.Sum256([]byte(c.Value))]
	if !ok || time.Now().After(data.expires) {
		return nil, nil
	}
	client := data.client
	client.Expires = data.expires
	return &client, nil
}

// start makes a session with an id that nobody has seen before, ends the one
// that the request had, and sets the cookie.
func (s *sessions) start(w http.ResponseWriter, r *http.Request, client authstar.Identity) bool {
	id := rand.Text()
	s.mu.Lock()
	s.forget(r)
	now := time.Now()
	if len(s.byID) >= maxSessions {
		for k, data := range s.byID {
			if now.After(data.expires) {
				delete(s.byID, k)
			}
		}
	}
	full := len(s.byID) >= maxSessions
	if !full {
		s.byID[sha256.Sum256([]byte(id))] = sessionData{client: client, expires: now.Add(sessionLifetime)}
	}
	s.mu.Unlock()
	if !full {
		setCookie(w, r, id, int(sessionLifetime/time.Second))
	}
	return !full
}

// forget deletes the session of the request; the lock is held.
func (s *sessions) forget(r *http.Request) {
	if c, err := r.Cookie(sessionCookie); err == nil {
		delete(s.byID, sha256.Sum256([]byte(c.Value)))
	}
}

func (s *sessions) logout(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	s.forget(r)
	s.mu.Unlock()
	setCookie(w, r, "", -1)
	w.WriteHeader(http.StatusNoContent)
}

// setCookie sets the session's cookie. Where the server is reached by TLS, its
// name should begin with "__Host-" as well.
func setCookie(w http.ResponseWriter, r *http.Request, value string, maxAge int) {
	http.SetCookie(w, &http.Cookie{
		Name: sessionCookie, Value: value, MaxAge: maxAge, Path: "/",
		HttpOnly: true, Secure: r.TLS != nil, SameSite: http.SameSiteLaxMode,
	})
}

// login checks the form fields username and password as HTTP Basic is checked,
// and counts guesses together with it.
func (s *server) login(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	r.Body = http.MaxBytesReader(w, r.Body, 4<<10)
	if err := r.ParseForm(); err != nil {
		http.Error(w, "the form is malformed or too long", http.StatusBadRequest)
		return
	}
	client, err := s.passwords.CheckFrom(r.Context(), r.RemoteAddr, r.PostForm.Get("username"), r.PostForm.Get("password"))
	var refusal *authstar.Error
	if errors.As(err, &refusal) && refusal.Code == authstar.TemporarilyUnavailable {
		w.Header().Set("Retry-After", strconv.Itoa(max(1, int(refusal.RetryAfter.Seconds()))))
		http.Error(w, "too many attempts; come back later", http.StatusServiceUnavailable)
		return
	}
	identity, ok := client.(*authstar.Identity)
	if err != nil || !ok {
		w.Header().Set("WWW-Authenticate", s.session.Scheme().Challenge(nil))
		http.Error(w, "the user name or the password is wrong", http.StatusUnauthorized)
		return
	}
	if !s.sessions.start(w, r, *identity) {
		w.Header().Set("Retry-After", "60")
		http.Error(w, "too many sessions", http.StatusServiceUnavailable)
		return
	}
	writeJSON(w, http.StatusOK, describe(identity))
}
