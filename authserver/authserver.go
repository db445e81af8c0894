// Package authserver is a small OAuth 2.0 authorization server for one
// application that has its users already: the authorization code grant with
// PKCE (RFC 6749, RFC 7636), refresh tokens, client credentials, revocation (RFC
// 7009), introspection (RFC 7662) and metadata (RFC 8414), after the rules of RFC
// 9700.
//
//	server, err := authserver.New(authserver.Config{
//		Issuer: "https://login.example.com",
//		Login:  checkLogin,
//		Client: findClient,
//	})
//	http.ListenAndServe(addr, server.Handler())
//
// The application has the users and gives a function that checks a login; and it
// has the clients and gives a function that finds one. Everything that must
// outlive a request is in a [Store].
//
// PKCE with S256 is required of every client. Codes work once and for a minute;
// a second use revokes what the first one got. There is no implicit grant and
// no password grant.
package authserver

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"html/template"
	"maps"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/authstar/authstar"
	"github.com/authstar/authstar/internal/endpointurl"
	"github.com/authstar/authstar/internal/throttle"
	"github.com/authstar/authstar/tokenendpoint"
)

// Login is a user who logged in, and what tokens may say about them.
type Login struct {
	// Subject is the user's id, "sub" in tokens: never empty, never reused.
	Subject string
	// Claims are put into the user's access tokens, except those that are the
	// server's own matter: iss, sub, aud, exp, nbf, iat, jti, client_id, scope, scp,
	// cnf, auth_time and acr. As JSON they are 10 KiB at most; of others the
	// answer is 500.
	Claims map[string]any
	// Scopes are those that the user may grant, whichever client asks; without
	// any the user can grant none but offline_access.
	Scopes []string
	// ACR is the authentication context class that the login satisfied, if any
	// (RFC 9470).
	ACR string
}

// Config is the configuration of a [Server]. Issuer, Login and Client are
// required.
type Config struct {
	// Issuer is the server's identifier and the prefix of its endpoints: an https
	// URL, or http on a loopback address, without query or fragment, and with
	// nothing in its path that URLs escape.
	Issuer string

	// Login checks a user name and password, neither of which is empty. A Login
	// without Subject means that they are wrong. It must take the same time for an
	// unknown user as for a wrong password. Of one account, 3 are checked at once,
	// and from one address 25; the others wait.
	//
	// An error means that the check failed: 503. An *authstar.Error has its own
	// status and RetryAfter: one of 429, such as that of a password.Verifier, asks
	// the user to wait, and any other below 500 is a refusal, unless it is
	// TemporarilyUnavailable. Only refusals count as guesses.
	Login func(ctx context.Context, username, password string) (Login, error)
	// User answers for a user who logged in earlier, when a refresh token or a
	// session is used: what Login would say today, or a Login without Subject
	// when the user is gone, which ends both. Errors are those of Login. nil keeps
	// what the login said.
	User func(ctx context.Context, subject string) (Login, error)
	// Canonical is the name under which guesses at an account are counted; it
	// must be what the lookup makes of a user name. nil is lower case without
	// space around it.
	Canonical func(username string) string

	// Client finds a client by its id; nil without an error when there is none.
	// The client belongs to the server from then on and must not be changed.
	Client func(ctx context.Context, clientID string) (*Client, error)

	// Signer has the keys, algorithm and lifetime of access tokens. Its Issuer,
	// Audiences and Now are set by the server. Its Claims are for clients that act
	// for themselves, and the Resource in what it gets is the one that the token is
	// for; users have Login.Claims instead.
	Signer tokenendpoint.SignerConfig
	// Audience is the audience of tokens for which no resource was asked, and
	// the one that VerifyToken accepts. "" is Issuer.
	Audience string
	// Resources are the other audiences that may be asked for by the parameter
	// resource (RFC 8707).
	Resources []string
	// Scopes describes the scopes, for the consent page and for documents.
	Scopes map[string]string

	// Store keeps codes, refresh tokens, sessions and revocations. nil is a
	// MemoryStore: they then end with the process. A login with a refresh token
	// takes an entry for RefreshIdle after its last use, and another one until its
	// first access token has ended. How many logins a user has is not bounded, so
	// that one of them can fill a Store that is.
	Store Store

	// CodeLifetime is that of authorization codes: 1 second to 10 minutes. 0 is 1
	// minute.
	CodeLifetime time.Duration
	// RefreshIdle is how long an unused refresh token is good, and
	// RefreshLifetime how long a login can be refreshed in all. 0 is 14 days, and
	// 90 days.
	RefreshIdle, RefreshLifetime time.Duration
	// RefreshGrace lets a confidential client repeat a refresh whose answer was
	// lost: 0 to 1 minute. Until its successor is used, the spent token then gets
	// the same successor again. Public clients have no such grace.
	RefreshGrace time.Duration
	// SessionLifetime is how long "stay signed in" lasts. 0 is 12 hours.
	SessionLifetime time.Duration

	// Name is that of the application, on its pages. "" is the issuer's host.
	Name string
	// Template replaces the embedded page; it gets a [Page].
	Template *template.Template
	// Render replaces the page altogether. Headers that protect it are set; it
	// writes the status and the body.
	Render func(http.ResponseWriter, *http.Request, Page)

	// ClientAddress is where a request comes from, for counting guesses. nil is
	// Request.RemoteAddr, which behind a reverse proxy is the proxy's for
	// everybody.
	ClientAddress func(*http.Request) string
	// Paths are where the endpoints are, below the issuer.
	Paths Paths

	// Observe is told every refusal, with its cause.
	Observe func(context.Context, *authstar.Error)
	// Now is the clock. nil is time.Now.
	Now func() time.Time
}

// Paths are the paths of the endpoints. Each begins with "/", and neither ends with
// it nor has anything in it that URLs escape; "" is the one in the comment.
type Paths struct {
	Authorize  string // /authorize
	Token      string // /oauth2/token
	Revoke     string // /oauth2/revoke
	Introspect string // /oauth2/introspect
	JWKS       string // /.well-known/jwks.json
}

// Server is an authorization server. It is safe for concurrent use.
type Server struct {
	config   Config
	signer   *tokenendpoint.Signer
	endpoint *tokenendpoint.Endpoint
	store    records
	page     *page
	accounts *throttle.Throttle
	sources  *throttle.Throttle
	origin   *http.CrossOriginProtection
	metadata []byte

	accountTurns, sourceTurns *turns
}

// New makes a Server. It reports everything that is missing or wrong at once.
func New(config Config) (*Server, error) {
	s := &Server{config: config, origin: http.NewCrossOriginProtection()}
	errs := s.config.complete()
	var err error
	if s.signer, err = tokenendpoint.NewSigner(s.config.Signer); err != nil {
		errs = append(errs, fmt.Errorf("authserver: Config.Signer: %w", err))
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	s.config.Signer = tokenendpoint.SignerConfig{}
	s.store = records{store: s.config.Store, now: s.config.Now}
	// Ten guesses at an account, then one in half a minute; from one address
	// fifty, then one in two seconds.
	s.accounts = throttle.New(throttle.Config{Burst: 10, Every: 30 * time.Second, Now: s.config.Now})
	s.sources = throttle.New(throttle.Config{Burst: 50, Every: 2 * time.Second, Now: s.config.Now})
	s.accountTurns, s.sourceTurns = newTurns(accountTurns), newTurns(sourceTurns)
	if s.page, err = newPage(&s.config, s.refused); err != nil {
		return nil, err
	}
	if s.endpoint, err = s.tokenEndpoint(); err != nil {
		return nil, err
	}
	s.metadata, err = s.describe()
	return s, err
}

// complete sets the defaults and lists what is missing or out of bounds.
func (c *Config) complete() (errs []error) {
	fail := func(format string, args ...any) {
		errs = append(errs, fmt.Errorf("authserver: Config."+format, args...))
	}
	u, err := endpointurl.ParseIssuer(c.Issuer)
	if err != nil {
		fail("Issuer %q: %w", endpointurl.WithoutUser(c.Issuer), err)
		u = new(url.URL)
	} else if base := strings.TrimSuffix(u.EscapedPath(), "/"); base != "" && !isPlain(base) {
		fail("Issuer %q: its path must be plain", c.Issuer)
	}
	if c.Login == nil {
		fail("Login: required")
	}
	if c.Client == nil {
		fail("Client: required")
	}
	duration := func(name string, v *time.Duration, otherwise, least, most time.Duration) {
		if *v == 0 {
			*v = otherwise
		}
		if *v < least || *v > most {
			fail("%s %v: must be %v to %v", name, *v, least, most)
		}
	}
	const day = 24 * time.Hour
	duration("CodeLifetime", &c.CodeLifetime, time.Minute, time.Second, 10*time.Minute)
	duration("RefreshIdle", &c.RefreshIdle, 14*day, time.Second, 366*day)
	duration("RefreshLifetime", &c.RefreshLifetime, 90*day, time.Second, 366*day)
	duration("RefreshGrace", &c.RefreshGrace, 0, 0, time.Minute)
	duration("SessionLifetime", &c.SessionLifetime, 12*time.Hour, time.Second, 90*day)
	errs = append(errs, c.Paths.complete()...)
	c.Audience = cmp.Or(c.Audience, c.Issuer)
	c.Resources = slices.Clone(c.Resources)
	c.Scopes = maps.Clone(c.Scopes)
	c.Name = cmp.Or(c.Name, u.Host)
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Store == nil {
		c.Store = NewMemoryStore(MemoryConfig{Now: c.Now})
	}
	if c.Canonical == nil {
		c.Canonical = func(name string) string { return strings.ToLower(strings.TrimSpace(name)) }
	}
	if c.ClientAddress == nil {
		c.ClientAddress = func(r *http.Request) string { return r.RemoteAddr }
	}
	c.Signer.Issuer, c.Signer.Now = c.Issuer, c.Now
	c.Signer.Audiences = append([]string{c.Audience}, c.Resources...)
	return errs
}

// The metadata's paths, of RFC 8414 and of OpenID Connect Discovery.
const (
	metadataPath = "/.well-known/oauth-authorization-server"
	openIDPath   = "/.well-known/openid-configuration"
)

func (p *Paths) complete() (errs []error) {
	taken := []string{metadataPath, openIDPath}
	for _, place := range []struct {
		path      *string
		otherwise string
	}{
		{&p.Authorize, "/authorize"},
		{&p.Token, "/oauth2/token"},
		{&p.Revoke, "/oauth2/revoke"},
		{&p.Introspect, "/oauth2/introspect"},
		{&p.JWKS, "/.well-known/jwks.json"},
	} {
		at := cmp.Or(*place.path, place.otherwise)
		if !isPlain(at) {
			errs = append(errs, fmt.Errorf("authserver: Config.Paths: %q must begin with / and be plain", at))
		}
		if slices.Contains(taken, at) {
			errs = append(errs, fmt.Errorf("authserver: Config.Paths: %q is there twice", at))
		}
		taken = append(taken, at)
		*place.path = at
	}
	return errs
}

// isPlain reports whether a path is the same in a URL, in a pattern of ServeMux and
// in a request: ServeMux reads braces and spaces as more than a path, and redirects
// from one that is not clean.
func isPlain(p string) bool {
	return len(p) > 1 && p[0] == '/' && path.Clean(p) == p && (&url.URL{Path: p}).EscapedPath() == p
}

// Signer returns the signer of the access tokens, for its rotation and for those
// who verify its tokens without asking about revocation.
func (s *Server) Signer() *tokenendpoint.Signer { return s.signer }

// url is the URL of an endpoint.
func (s *Server) url(path string) string { return strings.TrimSuffix(s.config.Issuer, "/") + path }

// Handler serves the endpoints, at the paths below the issuer's own.
func (s *Server) Handler() http.Handler {
	mux := http.NewServeMux()
	u, _ := url.Parse(s.config.Issuer)
	base := strings.TrimSuffix(u.Path, "/")
	paths := s.config.Paths
	mux.Handle(base+paths.Authorize, http.HandlerFunc(s.authorize))
	mux.Handle(base+paths.Token, s.endpoint)
	mux.Handle(base+paths.Revoke, s.endpoint.ClientHandler(s.revoke))
	mux.Handle(base+paths.Introspect, s.endpoint.ClientHandler(s.introspect))
	mux.Handle(base+paths.JWKS, s.signer.JWKS())
	mux.Handle(base+openIDPath, http.HandlerFunc(s.serveMetadata))
	mux.Handle(metadataPath+base, http.HandlerFunc(s.serveMetadata))
	return mux
}

// refused tells the observer.
func (s *Server) refused(ctx context.Context, err *authstar.Error) {
	if s.config.Observe != nil {
		s.config.Observe(ctx, err)
	}
}
