// Package gorilla shows authenticators.NewSession with
// github.com/gorilla/sessions, for those who have it.
//
// Its CookieStore keeps the session in the cookie, signed and encrypted. Nobody
// forges one, but nobody ends one either: a copy of the cookie is good until it
// expires, whatever the logout does. Where that matters, use one of its stores
// that keep sessions on the server, or package scsauth.
package gorilla

import (
	"encoding/json"
	"errors"
	"net/http"

	"github.com/gorilla/securecookie"
	"github.com/gorilla/sessions"

	"github.com/authstar/authstar"
)

// CookieName begins with "__Host-", so that no other host can set the cookie.
const CookieName = "__Host-session"

// maxAge is the length of a session in seconds.
const maxAge = 12 * 60 * 60

const clientKey = "client"

// User is the client of the application.
type User struct {
	authstar.Identity
	Team string `json:"team"`
}

// NewStore makes a store with the flags that a session's cookie needs. The
// authentication key has 32 or 64 bytes, the encryption key 32, both random.
func NewStore(authentication, encryption []byte) *sessions.CookieStore {
	store := sessions.NewCookieStore(authentication, encryption)
	store.Options = &sessions.Options{Path: "/", Secure: true, HttpOnly: true, SameSite: http.SameSiteLaxMode}
	store.MaxAge(maxAge) // of the cookie, and of what is in it
	return store
}

// Load is for authenticators.NewSession. A cookie that is forged, or too old, is
// no session.
func Load(store sessions.Store) func(*http.Request) (authstar.Client, error) {
	return func(r *http.Request) (authstar.Client, error) {
		session, err := store.New(r, CookieName) // Get would change the request
		if bad := securecookie.Error(nil); errors.As(err, &bad) && bad.IsDecode() {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		text, _ := session.Values[clientKey].(string)
		user := new(User)
		if json.Unmarshal([]byte(text), user) != nil || user.ID == "" {
			return nil, nil
		}
		return user, nil
	}
}

// Login sets the cookie.
func Login(store sessions.Store, w http.ResponseWriter, r *http.Request, user *User) error {
	text, err := json.Marshal(user)
	if err != nil {
		return err
	}
	session, _ := store.New(r, CookieName)
	session.ID = "" // a store on the server makes a new one, against session fixation
	clear(session.Values)
	session.Values[clientKey] = string(text)
	return session.Save(r, w)
}

// Logout deletes the cookie.
func Logout(store sessions.Store, w http.ResponseWriter, r *http.Request) error {
	session, _ := store.New(r, CookieName)
	session.Options.MaxAge = -1
	return session.Save(r, w)
}
