// Package tokenendpoint is the token endpoint of an OAuth 2.0 authorization
// server (RFC 6749 section 3.2): it authenticates the client, asks the grant
// for a token, and answers.
//
//	endpoint, err := tokenendpoint.New(tokenendpoint.Config{
//		Authenticate: checkClient,
//		Grants:       []tokenendpoint.Grant{tokenendpoint.ClientCredentials(signer.Build)},
//	})
//	root.Handle("POST /oauth2/token", endpoint)
//	root.Handle("/", chain.Handler(api))
//
// It is mounted outside of the chain: it reads HTTP Basic itself, because RFC
// 6749 section 2.3.1 encodes what RFC 7617 does not, and a client's secret is
// not a user's password. A bearer token, an API key or a session is no client
// authentication: it would turn a short-lived token into an endless one.
//
// The endpoint issues tokens and verifies none.
package tokenendpoint

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"

	"github.com/go-playground/form/v4"

	"github.com/authstar/authstar"
	"github.com/authstar/authstar/internal/response"
)

// Codes of RFC 6749 section 5.2 and RFC 8707 section 2 that only a token
// endpoint answers. A [Builder] and a [Grant] return them in an
// *authstar.Error; the endpoint answers them with 400.
const (
	InvalidGrant         authstar.Code = "invalid_grant"
	InvalidScope         authstar.Code = "invalid_scope"
	InvalidTarget        authstar.Code = "invalid_target"
	UnauthorizedClient   authstar.Code = "unauthorized_client"
	UnsupportedGrantType authstar.Code = "unsupported_grant_type"
)

// Config says who gets a token, and how.
type Config struct {
	// Authenticate checks the id and the secret of a client, neither of which is
	// empty. A nil client, a nil pointer or an empty id without an error means
	// that they are wrong: 401 invalid_client. An *authstar.Error is taken as it
	// is; any other error means that the check failed: 503. It must take the same
	// time for an unknown client as for a wrong secret. The client's Scopes are
	// all it may be granted; one that is no scope (RFC 6749 section 3.3) is a fault.
	// If it has a method GrantTypes() []string, it is held to these grants.
	//
	// A secret with "%" or "+" in it may arrive in two spellings, since half of
	// the clients form-encode it as RFC 6749 section 2.3.1 says and half do not.
	// Both are checked, which makes two calls for one wrong secret; secrets made
	// of letters and digits have one spelling.
	//
	// Required unless Methods is set.
	Authenticate func(ctx context.Context, clientID, secret string) (authstar.Client, error)

	// Methods are the ways in which clients authenticate. nil is
	// client_secret_basic and client_secret_post, both by Authenticate.
	Methods []ClientMethod

	// Grants are the grant types; at least one, each type once.
	Grants []Grant

	// Realm is that of the challenge. "" is "token".
	Realm string

	// URL is where the endpoint is mounted, for documents; Flows needs it.
	URL string
	// Scopes describes the scopes that clients may ask for, for documents.
	Scopes map[string]string

	// Observe is told every refusal, with its cause and the status of the answer,
	// before it is written.
	Observe func(context.Context, *authstar.Error)
}

// Endpoint is a token endpoint. It is immutable and safe for concurrent use.
type Endpoint struct {
	config  Config
	grants  map[string]Grant
	decoder *form.Decoder
}

// New makes an Endpoint. It reports everything that is missing or wrong at once.
func New(config Config) (*Endpoint, error) {
	e := &Endpoint{config: config, grants: make(map[string]Grant), decoder: form.NewDecoder()}
	var errs []error
	fail := func(format string, args ...any) {
		errs = append(errs, fmt.Errorf("tokenendpoint: Config."+format, args...))
	}
	if config.Methods == nil {
		e.config.Methods = []ClientMethod{ClientSecretBasic(config.Authenticate), ClientSecretPost(config.Authenticate)}
		if config.Authenticate == nil {
			fail("Authenticate: required")
		}
	} else {
		e.config.Methods = slices.Clone(config.Methods)
		if len(config.Methods) == 0 || slices.Contains(config.Methods, nil) {
			fail("Methods: at least one, none of them nil")
		}
		for _, m := range config.Methods {
			if v, ok := m.(interface{ Validate() error }); ok {
				if err := v.Validate(); err != nil {
					fail("Methods: %s: %w", m.Name(), err)
				}
			}
		}
	}
	if len(config.Grants) == 0 {
		fail("Grants: at least one")
	}
	for i, g := range config.Grants {
		switch {
		case g == nil:
			fail("Grants: grant %d is nil", i+1)
		case g.Type() == "" || e.grants[g.Type()] != nil:
			fail("Grants: grant %d has the type %q, which is empty or taken", i+1, g.Type())
		default:
			e.grants[g.Type()] = g
			if v, ok := g.(interface{ Validate() error }); ok {
				if err := v.Validate(); err != nil {
					fail("Grants: %s: %w", g.Type(), err)
				}
			}
		}
	}
	for s := range config.Scopes {
		if list, ok := parseScopes(s); !ok || list[0] != s {
			fail("Scopes: %q is not a scope", s)
		}
	}
	if e.config.Realm == "" {
		e.config.Realm = "token"
	}
	e.config.Scopes = maps.Clone(config.Scopes)
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	return e, nil
}

// Flows describes the grants that OpenAPI has a word for, as security schemes do.
// It is empty without Config.URL.
func (e *Endpoint) Flows() []authstar.Flow {
	var flows []authstar.Flow
	if e.config.URL != "" && e.grants[clientCredentialsType] != nil {
		flows = append(flows, authstar.Flow{Type: "clientCredentials", TokenURL: e.config.URL, Scopes: maps.Clone(e.config.Scopes)})
	}
	return flows
}

// ServeHTTP answers one token request. Answers and refusals are JSON with
// Cache-Control: no-store (RFC 6749 sections 5.1 and 5.2).
func (e *Endpoint) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	e.serve(w, r, func(client authstar.Client, form Form) ([]byte, error) {
		return e.token(r.Context(), client, form)
	})
}

// serve answers an authenticated client's POST with the body that it gets, which
// is complete before anything is written.
func (e *Endpoint) serve(w http.ResponseWriter, r *http.Request, answer func(authstar.Client, Form) ([]byte, error)) {
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("Pragma", "no-cache")
	if r.Method != http.MethodPost {
		h.Set("Allow", http.MethodPost)
		e.refuse(w, r, &authstar.Error{Code: authstar.InvalidRequest, Description: "the method must be POST", StatusCode: http.StatusMethodNotAllowed})
		return
	}
	body, err := e.answer(w, r, answer)
	switch {
	case err != nil:
		e.refuse(w, r, err)
	case body == nil:
		w.WriteHeader(http.StatusOK)
	default:
		writeJSON(w, http.StatusOK, body)
	}
}

func (e *Endpoint) answer(w http.ResponseWriter, r *http.Request, answer func(authstar.Client, Form) ([]byte, error)) (body []byte, refusal *authstar.Error) {
	defer func() {
		if p := recover(); p != nil {
			if p == http.ErrAbortHandler {
				panic(p)
			}
			body, refusal = nil, fault(fmt.Errorf("panic (%T)", p))
		}
	}()
	form, refusal := e.readForm(w, r)
	if refusal != nil {
		return nil, refusal
	}
	client, refusal := e.client(r, form)
	if refusal != nil {
		return nil, refusal
	}
	body, err := answer(client, form)
	if err != nil {
		return nil, fromGrant(err)
	}
	return body, nil
}

// token is the body of a token response.
func (e *Endpoint) token(ctx context.Context, client authstar.Client, form Form) ([]byte, error) {
	grant, refusal := e.grant(form, client)
	if refusal != nil {
		return nil, refusal
	}
	req := &Request{Client: client, GrantType: grant.Type(), Resource: form.Get("resource"), form: form}
	if s, ok := grant.(scoped); ok && s.limitsScopes() {
		if req.Scopes, refusal = allowedScopes(client, form.Get("scope")); refusal != nil {
			return nil, refusal
		}
	}
	res, err := grant.Token(ctx, req)
	if err != nil {
		return nil, err
	}
	return res.encode(req)
}

func (e *Endpoint) grant(form Form, client authstar.Client) (Grant, *authstar.Error) {
	name := form.Get("grant_type")
	if name == "" {
		return nil, refuse(authstar.InvalidRequest, "grant_type is missing")
	}
	grant := e.grants[name]
	if grant == nil {
		return nil, refuse(UnsupportedGrantType, "the grant type is not supported")
	}
	if c, ok := client.(interface{ GrantTypes() []string }); ok && !slices.Contains(c.GrantTypes(), name) {
		return nil, refuse(UnauthorizedClient, "the client may not use this grant type")
	}
	return grant, nil
}

func refuse(code authstar.Code, description string) *authstar.Error {
	return &authstar.Error{Code: code, Description: description}
}

func fault(err error) *authstar.Error { return &authstar.Error{Code: authstar.ServerError, Err: err} }

// fromGrant keeps what a grant states and makes a fault of anything else.
func fromGrant(err error) *authstar.Error {
	var stated *authstar.Error
	if errors.As(err, &stated) && stated != nil {
		return stated
	}
	return fault(err)
}

// status is that of RFC 6749 section 5.2, or a more exact one; a code that no token
// endpoint answers is a fault.
func status(err *authstar.Error) int {
	switch err.Code {
	case authstar.InvalidClient:
		return http.StatusUnauthorized
	case authstar.InvalidRequest, InvalidGrant, InvalidScope, InvalidTarget, UnauthorizedClient, UnsupportedGrantType,
		authstar.AccessDenied:
		if err.StatusCode == http.StatusRequestEntityTooLarge || err.StatusCode == http.StatusMethodNotAllowed {
			return err.StatusCode
		}
		return http.StatusBadRequest
	case authstar.TemporarilyUnavailable:
		return http.StatusServiceUnavailable
	}
	return http.StatusInternalServerError
}

func (e *Endpoint) refuse(w http.ResponseWriter, r *http.Request, err *authstar.Error) {
	code := status(err)
	if code >= 500 && errors.Is(r.Context().Err(), context.Canceled) {
		response.Abandon(r)
		return
	}
	if e.config.Observe != nil {
		told := *err
		told.StatusCode = code
		e.config.Observe(r.Context(), &told)
	}
	body := struct {
		Error       authstar.Code `json:"error"`
		Description string        `json:"error_description,omitempty"`
	}{err.Code, printable(err.Description)}
	h := w.Header()
	switch {
	case code == http.StatusUnauthorized:
		h.Set("WWW-Authenticate", authstar.Scheme{AuthScheme: "Basic", Realm: e.config.Realm}.Challenge(nil))
	case code == http.StatusServiceUnavailable:
		h.Set("Retry-After", response.RetryAfter(err.RetryAfter))
		body.Description = ""
	case code == http.StatusInternalServerError:
		body.Error, body.Description = authstar.ServerError, ""
	}
	b, _ := json.Marshal(body)
	writeJSON(w, code, b)
}

func writeJSON(w http.ResponseWriter, status int, body []byte) {
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_, _ = w.Write(append(body, '\n'))
}
