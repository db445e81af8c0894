package authserver

import (
	"context"
	"errors"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/authstar/authstar"
	"github.com/authstar/authstar/tokenendpoint"
)

const (
	// maxAuthorize is the length of the longest authorization request, in bytes.
	maxAuthorize = 64 << 10
	// maxState is the length of the longest state, which must fit a URL.
	maxState = 4 << 10
)

// Codes that only an authorization endpoint answers (RFC 6749 section 4.1.2.1,
// OpenID Connect Core section 3.1.2.6, RFC 9101 section 6.2, RFC 9126).
const (
	unsupportedResponseType authstar.Code = "unsupported_response_type"
	loginRequired           authstar.Code = "login_required"
	consentRequired         authstar.Code = "consent_required"
	unmetAuthentication     authstar.Code = "unmet_authentication_requirements"
	requestNotSupported     authstar.Code = "request_not_supported"
	requestURINotSupported  authstar.Code = "request_uri_not_supported"
)

// prompts are what a client may ask the user to be asked for (OpenID Connect Core
// section 3.1.2.1).
var prompts = []string{"none", "login", "consent"}

// request is an authorization request whose client and redirect URI are good.
type request struct {
	client      *Client
	redirectURI string
	given       bool // the redirect URI was in the request
	state       string
	challenge   string
	resource    string
	scopes      []string
	prompt      []string
	maxAge      time.Duration // -1: any
	acr         []string
	values      url.Values
}

// authorize is the authorization endpoint (RFC 6749 section 3.1). GET and POST
// are the same, but for the POST of its own pages.
func (s *Server) authorize(w http.ResponseWriter, r *http.Request) {
	s.page.protect(w.Header(), "")
	values, err := authorizeValues(w, r)
	if err != nil {
		s.showError(w, r, err)
		return
	}
	req, err := s.parse(r.Context(), values)
	if req == nil {
		s.showError(w, r, err)
		return
	}
	if err != nil {
		s.refuseBack(w, r, req, err)
		return
	}
	s.page.protect(w.Header(), req.redirectURI)
	if r.Method == http.MethodPost && slices.ContainsFunc(fields, values.Has) {
		s.submit(w, r, req, values)
		return
	}
	s.proceed(w, r, req)
}

func authorizeValues(w http.ResponseWriter, r *http.Request) (url.Values, *authstar.Error) {
	text := r.URL.RawQuery
	switch r.Method {
	case http.MethodGet:
	case http.MethodPost:
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxAuthorize))
		if err != nil {
			return nil, &authstar.Error{Code: authstar.InvalidRequest, Description: "The request is too long.", StatusCode: http.StatusRequestEntityTooLarge, Err: err}
		}
		text = string(body)
		if t, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";"); !strings.EqualFold(strings.TrimSpace(t), "application/x-www-form-urlencoded") {
			return nil, refuse(authstar.InvalidRequest, "The request is not a form.")
		}
	default:
		w.Header().Set("Allow", "GET, POST")
		return nil, &authstar.Error{Code: authstar.InvalidRequest, Description: "The method must be GET or POST.", StatusCode: http.StatusMethodNotAllowed}
	}
	values, err := url.ParseQuery(text)
	if err != nil || len(text) > maxAuthorize || len(values) > 100 {
		return nil, refuse(authstar.InvalidRequest, "The request is malformed.")
	}
	return values, nil
}

func refuse(code authstar.Code, description string) *authstar.Error {
	return &authstar.Error{Code: code, Description: description}
}

// parse returns no request when the browser must not be sent back, because the
// client or the redirect URI is not known (RFC 6749 section 4.1.2.1).
func (s *Server) parse(ctx context.Context, values url.Values) (*request, *authstar.Error) {
	one := func(name string) string { return values.Get(name) }
	for _, name := range []string{"client_id", "redirect_uri"} {
		if len(values[name]) > 1 {
			return nil, refuse(authstar.InvalidRequest, "The request names its application more than once.")
		}
	}
	client, err := s.find(ctx, one("client_id"))
	if err != nil {
		return nil, outage(err)
	}
	if client == nil {
		return nil, refuse(authstar.InvalidRequest, "The application is not known here.")
	}
	req := &request{client: client, given: one("redirect_uri") != "", values: values}
	var known bool
	if req.redirectURI, known = client.redirectURI(one("redirect_uri")); !known {
		return nil, refuse(authstar.InvalidRequest, "The application may not send you back to the address that it names.")
	}
	if states := values["state"]; len(states) == 1 { // which of two it is, nobody knows
		req.state = states[0]
	}
	if len(req.state) > maxState {
		return nil, refuse(authstar.InvalidRequest, "The request is too long.")
	}
	return req, s.parseRest(req, one)
}

// outage is what an error means on a page. Of a callback that could not tell, too
// many guesses among the reasons, the user sees no more than that.
func outage(err error) *authstar.Error {
	var stated *authstar.Error
	switch {
	case !errors.As(err, &stated) || stated == nil:
		return &authstar.Error{Code: authstar.TemporarilyUnavailable, Err: err}
	case stated.Status() == http.StatusTooManyRequests:
		return tooMany(stated.RetryAfter, err)
	case stated.Code == authstar.TemporarilyUnavailable && stated.Status() < 500:
		return &authstar.Error{Code: authstar.TemporarilyUnavailable, RetryAfter: stated.RetryAfter, Err: err}
	}
	return stated
}

// refuses reports whether a callback's error is its answer, and not that it could
// not tell.
func refuses(err error) bool {
	status := outage(err).Status()
	return status < 500 && status != http.StatusTooManyRequests
}

func (s *Server) parseRest(req *request, one func(string) string) *authstar.Error {
	for _, list := range req.values {
		if len(list) > 1 {
			return refuse(authstar.InvalidRequest, "a parameter is repeated")
		}
	}
	req.challenge, req.resource = one("code_challenge"), one("resource")
	req.acr, req.prompt = strings.Fields(one("acr_values")), strings.Fields(one("prompt"))
	switch {
	case one("request") != "":
		return refuse(requestNotSupported, "request objects are not supported")
	case one("request_uri") != "":
		return refuse(requestURINotSupported, "request objects are not supported")
	case one("response_type") == "":
		return refuse(authstar.InvalidRequest, "response_type is missing")
	case one("response_type") != "code":
		return refuse(unsupportedResponseType, "the response type must be code")
	case one("response_mode") != "" && one("response_mode") != "query":
		return refuse(authstar.InvalidRequest, "the response mode must be query")
	case !slices.Contains(req.client.Grants, AuthorizationCode):
		return refuse(tokenendpoint.UnauthorizedClient, "the client may not use authorization codes")
	case one("code_challenge_method") != "S256" || !isChallenge(req.challenge):
		return refuse(authstar.InvalidRequest, "a code_challenge of the method S256 is required (RFC 7636)")
	case req.resource != "" && req.resource != s.config.Audience && !slices.Contains(s.config.Resources, req.resource):
		return refuse(tokenendpoint.InvalidTarget, "the resource is not one that tokens are issued for")
	case slices.ContainsFunc(req.prompt, func(p string) bool { return !slices.Contains(prompts, p) }):
		return refuse(authstar.InvalidRequest, "the prompt is not supported")
	case req.prompts("none") && len(req.prompt) > 1:
		return refuse(authstar.InvalidRequest, "the prompt none stands alone")
	}
	req.maxAge = -1
	if age := one("max_age"); age != "" {
		seconds, err := strconv.ParseUint(age, 10, 31)
		if err != nil {
			return refuse(authstar.InvalidRequest, "max_age is not a number of seconds")
		}
		req.maxAge = time.Duration(seconds) * time.Second
	}
	return req.parseScope(one("scope"))
}

// parseScope takes for a request without scopes all that the client may have
// except a refresh token, which must be asked for.
func (req *request) parseScope(scope string) *authstar.Error {
	for part := range strings.SplitSeq(scope, " ") {
		switch {
		case part == "" || slices.Contains(req.scopes, part):
		case !slices.Contains(req.client.Scope, part):
			return refuse(tokenendpoint.InvalidScope, "the client may not have a scope that it asks for")
		default:
			req.scopes = append(req.scopes, part)
		}
	}
	if len(req.scopes) == 0 {
		for _, s := range req.client.Scope {
			if s != OfflineAccess {
				req.scopes = append(req.scopes, s)
			}
		}
	}
	return nil
}

// isChallenge reports whether s is the base64url of a SHA-256 (RFC 7636 section
// 4.2).
func isChallenge(s string) bool { return len(s) == 43 && isBase64URL(s) }

const base64URL = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

func isBase64URL(s string) bool { return consistsOf(s, base64URL) }

func consistsOf(s, letters string) bool {
	for i := range len(s) {
		if strings.IndexByte(letters, s[i]) < 0 {
			return false
		}
	}
	return true
}

// refuseBack tells the client why it gets no code.
func (s *Server) refuseBack(w http.ResponseWriter, r *http.Request, req *request, err *authstar.Error) {
	s.refused(r.Context(), err)
	s.sendBack(w, req, url.Values{"error": {string(err.Code)}, "error_description": {err.Description}})
}

// sendBack redirects the browser to the client, with the issuer and the state
// (RFC 9207). The status never makes it send a form again (RFC 9700 section
// 4.12).
func (s *Server) sendBack(w http.ResponseWriter, req *request, params url.Values) {
	params.Set("iss", s.config.Issuer)
	if req.state != "" {
		params.Set("state", req.state)
	}
	separator := "?"
	if strings.Contains(req.redirectURI, "?") {
		separator = "&"
	}
	w.Header().Set("Location", req.redirectURI+separator+params.Encode())
	w.WriteHeader(http.StatusSeeOther)
}

// granted are the scopes that the user may grant of those asked for.
func (req *request) granted(login *login) []string {
	return slices.DeleteFunc(slices.Clone(req.scopes), func(scope string) bool {
		if scope == OfflineAccess {
			return !slices.Contains(req.client.Grants, RefreshToken)
		}
		return !slices.Contains(login.Scopes, scope)
	})
}

// again is the request as a URL on this server.
func (s *Server) again(req *request) string { return s.urlOf(req.values) }

// afterLogin is again without what the login has just answered.
func (s *Server) afterLogin(req *request) string {
	values := maps.Clone(req.values)
	delete(values, "max_age")
	if rest := slices.DeleteFunc(slices.Clone(req.prompt), func(p string) bool { return p == "login" }); len(rest) > 0 {
		values.Set("prompt", strings.Join(rest, " "))
	} else {
		delete(values, "prompt")
	}
	return s.urlOf(values)
}

func (s *Server) urlOf(request url.Values) string {
	values := maps.Clone(request)
	for _, name := range fields {
		delete(values, name)
	}
	return s.url(s.config.Paths.Authorize) + "?" + values.Encode()
}
