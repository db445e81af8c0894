package authserver

import (
	"context"
	"crypto/subtle"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/authstar/authstar"
	"github.com/authstar/authstar/internal/response"
	"github.com/authstar/authstar/internal/throttle"
)

// The fields of the pages' forms, beside the parameters of the request.
const (
	fieldForm     = "form_token"
	fieldUsername = "username"
	fieldPassword = "password"
	fieldStay     = "stay_signed_in"
	fieldDecision = "decision"
)

var fields = []string{fieldForm, fieldUsername, fieldPassword, fieldStay, fieldDecision}

// login is a Login and when it was, as sessions and codes keep it.
type login struct {
	Login
	Time int64
	Stay bool // signed in; else the session is for the consent page alone
}

// consentLifetime is how long a user may think about a consent page.
const consentLifetime = 10 * time.Minute

// proceed sends the browser back with a code when nothing needs to be asked.
func (s *Server) proceed(w http.ResponseWriter, r *http.Request, req *request) {
	who, err := s.session(r, req)
	if err != nil {
		s.showError(w, r, outage(err))
		return
	}
	ask := who == nil || req.prompt == "login" || !s.satisfies(who, req)
	switch {
	case req.prompt == "none" && ask:
		s.sendBack(w, req, url.Values{"error": {string(loginRequired)}})
	case req.prompt == "none" && req.asksConsent():
		s.sendBack(w, req, url.Values{"error": {string(consentRequired)}})
	case ask:
		s.showLogin(w, r, req, "", nil)
	case req.asksConsent():
		s.showConsent(w, r, req, who)
	default:
		s.issue(w, r, req, who)
	}
}

// satisfies reports whether a login is as fresh and as strong as was asked for
// (RFC 9470).
func (s *Server) satisfies(who *login, req *request) bool {
	age := time.Duration(s.config.Now().Unix()-who.Time) * time.Second // whole seconds, as logins are kept
	return (req.maxAge < 0 || age <= req.maxAge) && (len(req.acr) == 0 || slices.Contains(req.acr, who.ACR))
}

// submit answers the POST of one of the pages.
func (s *Server) submit(w http.ResponseWriter, r *http.Request, req *request, values url.Values) {
	if s.origin.Check(r) != nil || !s.isOurForm(r, values.Get(fieldForm)) {
		s.showError(w, r, &authstar.Error{Code: authstar.AccessDenied, Description: "This form has expired or was sent from elsewhere. Please try again."}, s.again(req))
		return
	}
	if values.Has(fieldDecision) {
		s.decide(w, r, req, values.Get(fieldDecision) == "allow")
		return
	}
	who, err := s.check(r, values.Get(fieldUsername), values.Get(fieldPassword))
	if err != nil {
		if err.Status() >= 500 {
			s.showError(w, r, err, s.again(req))
			return
		}
		s.showLogin(w, r, req, values.Get(fieldUsername), err)
		return
	}
	who.Stay = values.Get(fieldStay) != ""
	asks := req.asksConsent() && s.satisfies(who, req)
	if err := s.replaceSession(w, r, who, asks); err != nil {
		s.showError(w, r, outage(err), s.again(req))
		return
	}
	if asks { // a page of its own, so that going back sends no password again
		w.Header().Set("Location", s.afterLogin(req))
		w.WriteHeader(http.StatusSeeOther)
		return
	}
	s.issue(w, r, req, who)
}

func (req *request) asksConsent() bool { return req.client.Consent || req.prompt == "consent" }

// replaceSession ends the session that the browser had, which may be somebody
// else's, and starts one if the user wants or the consent page needs it.
func (s *Server) replaceSession(w http.ResponseWriter, r *http.Request, who *login, asks bool) error {
	switch {
	case who.Stay:
		return s.startSession(w, r, who, s.config.SessionLifetime)
	case asks:
		return s.startSession(w, r, who, consentLifetime)
	}
	return s.EndSession(w, r)
}

// isOurForm compares the form's token with the cookie that came with the page.
func (s *Server) isOurForm(r *http.Request, token string) bool {
	c, err := r.Cookie(s.page.cookie("form"))
	return err == nil && len(token) == 43 && subtle.ConstantTimeCompare([]byte(c.Value), []byte(token)) == 1
}

var (
	errBadLogin = refuse(authstar.AccessDenied, "The user name or the password is wrong.")
	errTooMany  = "Too many attempts. Please wait before you try again."
)

// check asks the application about a login, as often as guesses are allowed. A
// name that nobody has is counted as any other.
func (s *Server) check(r *http.Request, username, password string) (*login, *authstar.Error) {
	account, source := s.config.Canonical(username), throttle.Address(s.config.ClientAddress(r))
	ok1, wait1 := s.accounts.Allow(account)
	ok2, wait2 := s.sources.Allow(source)
	if !ok1 || !ok2 {
		return nil, &authstar.Error{Code: authstar.AccessDenied, Description: errTooMany, StatusCode: http.StatusTooManyRequests, RetryAfter: max(wait1, wait2)}
	}
	if username == "" || password == "" {
		return nil, errBadLogin
	}
	l, err := s.config.Login(r.Context(), username, password)
	if err != nil {
		if stated := outage(err); stated.Status() >= 500 {
			return nil, stated
		}
	}
	if err != nil || l.Subject == "" {
		s.accounts.Fail(account)
		s.sources.Fail(source)
		return nil, errBadLogin
	}
	s.accounts.Succeed(account)
	return &login{Login: l, Time: s.config.Now().Unix()}, nil
}

// decide answers the consent page.
func (s *Server) decide(w http.ResponseWriter, r *http.Request, req *request, allow bool) {
	if !allow {
		s.sendBack(w, req, url.Values{"error": {string(authstar.AccessDenied)}, "error_description": {"the user refused"}})
		return
	}
	who, err := s.session(r, req)
	switch {
	case err != nil:
		s.showError(w, r, outage(err))
	case who == nil || !s.satisfies(who, req):
		s.showLogin(w, r, req, "", nil)
	default:
		s.issue(w, r, req, who)
	}
}

// issue sends the browser back with a code.
func (s *Server) issue(w http.ResponseWriter, r *http.Request, req *request, who *login) {
	if !s.satisfies(who, req) {
		s.sendBack(w, req, url.Values{"error": {string(unmetAuthentication)}, "error_description": {"the login is not of the kind that was asked for"}})
		return
	}
	scopes := req.granted(who)
	if len(scopes) == 0 && len(req.scopes) > 0 {
		s.sendBack(w, req, url.Values{"error": {string(authstar.AccessDenied)}, "error_description": {"the user may grant nothing of what was asked for"}})
		return
	}
	code, err := s.newCode(r.Context(), req, who, scopes)
	if err != nil {
		s.showError(w, r, outage(err), s.again(req))
		return
	}
	s.sendBack(w, req, url.Values{"code": {code}})
}

// session is the login of the browser that asks, nil when it has none for the
// request.
func (s *Server) session(r *http.Request, req *request) (*login, error) {
	c, err := r.Cookie(s.page.cookie("session"))
	if err != nil || len(c.Value) != 43 {
		return nil, nil
	}
	key := "session:" + hashKey(c.Value)
	var who login
	text, err := s.store.get(r.Context(), key, &who)
	if err != nil || text == nil || !who.Stay && !req.asksConsent() {
		return nil, err
	}
	alive, err := s.refreshUser(r.Context(), &who.Login)
	if err != nil {
		return nil, err
	}
	if !alive {
		return nil, s.store.store.Delete(r.Context(), key)
	}
	return &who, nil
}

// refreshUser asks the application what it says of a user today.
func (s *Server) refreshUser(ctx context.Context, l *Login) (alive bool, err error) {
	if s.config.User == nil {
		return true, nil
	}
	now, err := s.config.User(ctx, l.Subject)
	if err != nil {
		if stated := outage(err); stated.Status() < 500 {
			return false, nil
		}
		return false, err
	}
	if now.Subject != l.Subject {
		return false, nil
	}
	now.ACR = l.ACR // of the login, not of the user
	*l = now
	return true, nil
}

// startSession gives the browser a session with an id that nobody has seen, and
// ends the one that it had.
func (s *Server) startSession(w http.ResponseWriter, r *http.Request, who *login, lifetime time.Duration) error {
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
	if who.Stay {
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

// showLogin asks for user name and password; err is why those that came will not
// do.
func (s *Server) showLogin(w http.ResponseWriter, r *http.Request, req *request, username string, err *authstar.Error) {
	p := s.form(w, r, req, "login")
	p.Username = strings.ToValidUTF8(username, "")
	if err != nil {
		s.refused(r.Context(), err)
		p.Error, p.Status = err.Description, err.Status()
		if err.RetryAfter > 0 {
			w.Header().Set("Retry-After", response.RetryAfter(err.RetryAfter))
		}
	}
	s.page.show(w, r, p)
}

func (s *Server) showConsent(w http.ResponseWriter, r *http.Request, req *request, who *login) {
	p := s.form(w, r, req, "consent")
	p.Username = who.Subject
	for _, name := range req.granted(who) {
		p.Scopes = append(p.Scopes, PageScope{Name: name, Description: s.config.Scopes[name]})
	}
	s.page.show(w, r, p)
}

// showError shows what cannot be sent back to the client.
func (s *Server) showError(w http.ResponseWriter, r *http.Request, err *authstar.Error, retry ...string) {
	s.refused(r.Context(), err)
	p := Page{Kind: "error", Application: s.config.Name, Status: err.Status(), Error: err.Description, Retry: strings.Join(retry, "")}
	switch {
	case p.Status == http.StatusServiceUnavailable:
		w.Header().Set("Retry-After", response.RetryAfter(err.RetryAfter))
		p.Error = "The service does not answer at the moment. Please try again in a while."
	case p.Status >= 500:
		p.Error = "Something went wrong here. Please try again later."
	}
	s.page.show(w, r, p)
}

// form is a page with the parameters of the request and a token against forms
// from elsewhere.
func (s *Server) form(w http.ResponseWriter, r *http.Request, req *request, kind string) Page {
	token := ""
	if c, err := r.Cookie(s.page.cookie("form")); err == nil && len(c.Value) == 43 && isBase64URL(c.Value) {
		token = c.Value // a form in another tab stays good
	} else {
		token = newSecret()
		s.page.setCookie(w, "form", token, 0)
	}
	p := Page{
		Kind: kind, Application: s.config.Name, Client: req.client.Name, Status: http.StatusOK,
		Action: s.url(s.config.Paths.Authorize), Hidden: []PageField{{fieldForm, token}},
	}
	if p.Client == "" {
		p.Client = req.client.ID
	}
	for name, list := range req.values {
		if !slices.Contains(fields, name) {
			p.Hidden = append(p.Hidden, PageField{name, list[0]})
		}
	}
	slices.SortFunc(p.Hidden, func(a, b PageField) int { return strings.Compare(a.Name, b.Name) })
	return p
}
