package authserver

import (
	"crypto/subtle"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/authstar/authstar"
	"github.com/authstar/authstar/internal/response"
)

// The fields of the pages' forms, beside the parameters of the request.
const (
	fieldForm     = "form_token"
	fieldUsername = "username"
	fieldPassword = "password"
	fieldStay     = "stay_signed_in"
	fieldDecision = "decision"
	fieldUser     = "consent_of"
)

var fields = []string{fieldForm, fieldUsername, fieldPassword, fieldStay, fieldDecision, fieldUser}

// proceed sends the browser back with a code when nothing needs to be asked.
func (s *Server) proceed(w http.ResponseWriter, r *http.Request, req *request) {
	who, err := s.session(r, req)
	if err != nil {
		s.failed(w, r, req, outage(err))
		return
	}
	ask := who == nil || req.prompts("login") || !s.satisfies(&who.login, req)
	switch {
	case req.prompts("none") && ask:
		s.refuseBack(w, r, req, refuse(loginRequired, "the user must log in"))
	case req.prompts("none") && req.asksConsent():
		s.refuseBack(w, r, req, refuse(consentRequired, "the user must be asked"))
	case ask:
		s.showLogin(w, r, req, "", nil)
	case req.asksConsent():
		s.showConsent(w, r, req, &who.login)
	default:
		s.issue(w, r, req, &who.login)
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
		s.decide(w, r, req, values)
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
	req.maxAge = -1 // no login is fresher, however long the rest takes
	asks := req.asksConsent() && s.satisfies(who, req)
	started := &session{login: *who}
	if values.Get(fieldStay) == "" {
		started.Client = req.client.ID
	}
	if err := s.replaceSession(w, r, started, asks); err != nil {
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

func (req *request) prompts(what string) bool { return slices.Contains(req.prompt, what) }

func (req *request) asksConsent() bool { return req.client.Consent || req.prompts("consent") }

// isOurForm compares the form's token with the cookie that came with the page.
func (s *Server) isOurForm(r *http.Request, token string) bool {
	c, err := r.Cookie(s.page.cookie("form"))
	return err == nil && len(token) == 43 && subtle.ConstantTimeCompare([]byte(c.Value), []byte(token)) == 1
}

// decide answers the consent page, which ends a login that was for it alone. To
// allow something is up to the user whom the page named.
func (s *Server) decide(w http.ResponseWriter, r *http.Request, req *request, values url.Values) {
	allow := values.Get(fieldDecision) == "allow"
	who, err := s.session(r, req)
	switch {
	case err != nil:
		s.showError(w, r, outage(err))
		return
	case allow && (who == nil || !s.satisfies(&who.login, req)):
		s.showLogin(w, r, req, "", nil)
		return
	case allow && values.Get(fieldUser) != hashKey(who.Subject):
		s.showConsent(w, r, req, &who.login)
		return
	}
	if who != nil && !who.stays() {
		if err := s.EndSession(w, r); err != nil {
			s.showError(w, r, outage(err), s.again(req))
			return
		}
	}
	if !allow {
		s.refuseBack(w, r, req, refuse(authstar.AccessDenied, "the user refused"))
		return
	}
	s.issue(w, r, req, &who.login)
}

// issue sends the browser back with a code.
func (s *Server) issue(w http.ResponseWriter, r *http.Request, req *request, who *login) {
	if !s.satisfies(who, req) {
		s.refuseBack(w, r, req, refuse(unmetAuthentication, "the login is not of the kind that was asked for"))
		return
	}
	scopes := req.granted(who)
	if len(scopes) == 0 && len(req.scopes) > 0 {
		s.refuseBack(w, r, req, refuse(authstar.AccessDenied, "the user may grant nothing of what was asked for"))
		return
	}
	code, err := s.newCode(r.Context(), req, who, scopes)
	if err != nil {
		s.failed(w, r, req, outage(err), s.again(req))
		return
	}
	s.sendBack(w, req, url.Values{"code": {code}})
}

// showLogin asks for user name and password; err is why those that came will not
// do.
func (s *Server) showLogin(w http.ResponseWriter, r *http.Request, req *request, username string, err *authstar.Error) {
	p := s.form(w, r, req, "login")
	p.Username = strings.ToValidUTF8(username, "")
	if err != nil {
		s.refused(r.Context(), err)
		p.Error, p.Status = err.Description, err.Status()
		setRetryAfter(w, err)
	}
	s.page.show(w, r, p)
}

func (s *Server) showConsent(w http.ResponseWriter, r *http.Request, req *request, who *login) {
	p := s.form(w, r, req, "consent")
	p.Username = who.Subject
	p.Hidden = append(p.Hidden, PageField{fieldUser, hashKey(who.Subject)})
	for _, name := range req.granted(who) {
		p.Scopes = append(p.Scopes, PageScope{Name: name, Description: s.config.Scopes[name]})
	}
	s.page.show(w, r, p)
}

// showError shows what cannot be sent back to the client.
func (s *Server) showError(w http.ResponseWriter, r *http.Request, err *authstar.Error, retry ...string) {
	s.refused(r.Context(), err)
	p := Page{Kind: "error", Application: s.config.Name, Status: err.Status(), Error: err.Description, Retry: strings.Join(retry, "")}
	setRetryAfter(w, err)
	switch {
	case p.Status == http.StatusServiceUnavailable:
		p.Error = "The service does not answer at the moment. Please try again in a while."
	case p.Status >= 500:
		p.Error = "Something went wrong here. Please try again later."
	}
	s.page.show(w, r, p)
}

// failed tells the client where nobody sees a page (RFC 6749 section 4.1.2.1).
func (s *Server) failed(w http.ResponseWriter, r *http.Request, req *request, err *authstar.Error, retry ...string) {
	if !req.prompts("none") {
		s.showError(w, r, err, retry...)
		return
	}
	s.refused(r.Context(), err)
	code := authstar.ServerError
	if status := err.Status(); status == http.StatusServiceUnavailable || status == http.StatusTooManyRequests {
		code = authstar.TemporarilyUnavailable
	}
	s.sendBack(w, req, url.Values{"error": {string(code)}})
}

func setRetryAfter(w http.ResponseWriter, err *authstar.Error) {
	if status := err.Status(); status == http.StatusServiceUnavailable || status == http.StatusTooManyRequests {
		w.Header().Set("Retry-After", response.RetryAfter(err.RetryAfter))
	}
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
