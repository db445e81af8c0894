// Package scsauth keeps clients in the sessions of github.com/alexedwards/scs/v2,
// in memory or in any of its stores.
//
//	manager := scsauth.NewManager()
//	manager.Store = goredisstore.New(redisClient) // for more than one machine
//	sessions, err := scsauth.New(manager, scsauth.Config[*User]{Refresh: findUser})
//	...
//	chain, err := authstar.New(authenticators.NewBearer(verifier), sessions.Authenticator())
//	...
//	mux.Handle("POST /login", sameOrigin.Handler(http.HandlerFunc(login))) // calls sessions.Login
//	server.Handler = sessions.Handler(chain.Handler(mux))
//
// [Sessions.Handler] goes outside of the chain, since the chain's authenticator
// reads the session that it loads. It takes the place of LoadAndSave of
// scs.SessionManager; everything else of the manager can be used inside of it,
// with the manager itself. A request with the cookie costs the store a look even
// if another credential decides.
//
// # Stores
//
// Any store of scs will do. The module examples/sessions shows goredisstore and
// pgxstore, and tests them with the real servers. Time is time.Now, as in scs:
// tests move it by testing/synctest.
//
// A request asks the store up to three times and writes once. Beside the
// sessions, the store has an empty one for each that was ended by a logout or got
// a new id by a login, for the idle timeout and an hour, so that no request that
// was under way brings the session back.
//
// # Cross-site requests
//
// A browser sends the cookie by itself. What is done with it is protected by
// [authenticators.Session], which asks http.CrossOriginProtection. The login is
// not, since there is no session yet: put http.CrossOriginProtection around it,
// and around the logout, so that no page of another site logs people in or out.
package scsauth

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"reflect"
	"strings"
	"time"

	"github.com/alexedwards/scs/v2"

	"github.com/authstar/authstar"
	"github.com/authstar/authstar/authenticators"
)

// Config says how clients of the type C are kept. Its zero value will do.
type Config[C authstar.Client] struct {
	// Refresh looks the client of a session up again, so that a right that was
	// taken away is gone after RefreshEvery at the latest. It is called when the
	// session is used, and what it returns takes the place of the client, whose
	// id and issuer it must have. A nil client ends the session: the user is
	// gone, or must log in again. An error that is not an *authstar.Error is 503.
	//
	// The client that it is given answers Claim("auth_time"), so that a changed
	// password can end the sessions that are older. It is called concurrently,
	// and may return a value that it keeps, which is copied.
	//
	// With nil, clients keep the rights of their login as long as the session
	// lasts.
	Refresh func(ctx context.Context, client C) (C, error)
	// RefreshEvery is how long a client is believed, up to 24 hours. 0 is 1
	// minute; a nanosecond asks for every request.
	RefreshEvery time.Duration

	// InsecureHTTP accepts a manager whose cookie has no "__Host-" in its name and
	// is not Secure, for development where browsers take no such cookie. They do
	// by https, and most do by http on a loopback address.
	InsecureHTTP bool

	// Logger is told when a session could not be written at the end of a request.
	// nil is slog.Default().
	Logger *slog.Logger
}

// Sessions keeps clients of the type C in the sessions of one manager. It is
// immutable and safe for concurrent use.
type Sessions[C authstar.Client] struct {
	config  Config[C]
	manager *scs.SessionManager
	store   *store // the manager's
	kind    kind[C]
}

// NewManager makes a manager that [New] accepts: sessions in memory that end
// after 30 minutes without a request and after 12 hours, ids that are stored as
// hashes, and a cookie "__Host-session" that is Secure, HttpOnly and
// SameSite=Lax. Change what should be different before New.
//
// The memory store of scs has a goroutine that removes sessions that ended.
func NewManager() *scs.SessionManager {
	m := scs.New()
	m.Lifetime = 12 * time.Hour
	m.IdleTimeout = 30 * time.Minute
	m.HashTokenInStore = true
	m.Cookie.Name = "__Host-session"
	m.Cookie.Secure = true
	return m
}

// New makes Sessions. C is a pointer to a struct that embeds authstar.Identity
// by value, or *authstar.Identity itself; it is stored as JSON.
//
// New copies the manager, which must not be configured any further. It reports
// everything that is wrong at once: a cookie that is not as [NewManager] makes
// it, but for its name after "__Host-" and for SameSite=Strict; ids that are
// not hashed; a lifetime or an idle timeout that is missing; a type that cannot
// be stored.
func New[C authstar.Client](manager *scs.SessionManager, config Config[C]) (*Sessions[C], error) {
	var errs []error
	fail := func(format string, args ...any) { errs = append(errs, fmt.Errorf("scsauth: "+format, args...)) }
	if manager == nil {
		fail("nil manager")
	} else {
		errs = append(errs, checkManager(manager, config.InsecureHTTP)...)
	}
	kind, err := kindOf[C]()
	if err != nil {
		fail("%w", err)
	}
	if config.RefreshEvery == 0 {
		config.RefreshEvery = time.Minute
	}
	if config.RefreshEvery < 0 || config.RefreshEvery > 24*time.Hour {
		fail("Config.RefreshEvery %v: must be up to 24h", config.RefreshEvery)
	}
	if config.Logger == nil {
		config.Logger = slog.Default()
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	s := &Sessions[C]{config: config, manager: new(*manager), kind: kind}
	s.store = newStore(manager)
	s.manager.Store = s.store
	s.manager.Codec = codec{manager.Codec}
	s.manager.ErrorFunc = func(_ http.ResponseWriter, r *http.Request, err error) {
		s.config.Logger.ErrorContext(r.Context(), "authstar: a session could not be written", "error", err)
	}
	return s, nil
}

// checkManager lists what makes the manager's sessions unsafe.
func checkManager(m *scs.SessionManager, insecureHTTP bool) (errs []error) {
	fail := func(format string, args ...any) {
		errs = append(errs, fmt.Errorf("scsauth: SessionManager."+format, args...))
	}
	c := &m.Cookie
	if !insecureHTTP && !strings.HasPrefix(c.Name, "__Host-") {
		fail(`Cookie.Name %q: must begin with "__Host-", so that no other host can set it`, c.Name)
	}
	if !insecureHTTP && !c.Secure {
		fail("Cookie.Secure: must be true; by plain http anybody on the way reads the cookie")
	}
	if !c.HttpOnly {
		fail("Cookie.HttpOnly: must be true; scripts have no business with the cookie")
	}
	if c.SameSite != http.SameSiteLaxMode && c.SameSite != http.SameSiteStrictMode {
		fail("Cookie.SameSite: must be Lax or Strict")
	}
	if c.Path != "/" || c.Domain != "" {
		fail(`Cookie: Path must be "/" and Domain empty`)
	}
	if !m.HashTokenInStore {
		fail("HashTokenInStore: must be true; who reads the store could use the sessions")
	}
	if m.Lifetime <= 0 || m.IdleTimeout <= 0 || m.IdleTimeout > m.Lifetime {
		fail("Lifetime %v, IdleTimeout %v: both are required, and the latter is not the longer one", m.Lifetime, m.IdleTimeout)
	}
	if isNil(m.Store) || isNil(m.Codec) {
		fail("Store and Codec: must not be nil")
	}
	return errs
}

// Authenticator is what the chain asks: the session of the request, by the
// manager's cookie. Its WithCrossOrigin trusts further origins.
func (s *Sessions[C]) Authenticator() *authenticators.Session {
	return authenticators.NewSession(s.manager.Cookie.Name, s.Load)
}

// isNil reports whether v is nil or an interface around a nil pointer.
func isNil(v any) bool {
	if v == nil {
		return true
	}
	rv := reflect.ValueOf(v)
	return rv.Kind() == reflect.Pointer && rv.IsNil()
}
