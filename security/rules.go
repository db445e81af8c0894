package security

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"time"

	"github.com/authstar/authstar"
)

// Rules are what an application changes about its guards. Its methods make
// guards as the functions of the same names do; the zero value is what these
// use. The functions must be safe for concurrent use.
//
// Of nested guards, on the way of one request, the outermost one with Rules of
// its own writes the refusal, so that Rules on a guard around the whole mux
// give all refusals one form. Admin and TrustedProxies are not passed on in
// this way: they belong to the guard that was made with them.
type Rules struct {
	// Admin bypasses Scopes and AllScopes, and nothing else, for clients for
	// which it returns true.
	Admin func(authstar.Client) bool
	// TrustedProxies are the networks of reverse proxies whose ForwardedHeader
	// Internal believes. A prefix of length 0 is refused with a panic.
	TrustedProxies []netip.Prefix
	// ForwardedHeader is the one header that is read from trusted proxies; ""
	// is X-Forwarded-For. "Forwarded" is read as RFC 7239 defines it, any other
	// as a comma-separated list of addresses. The client is the rightmost
	// address that is not itself a trusted proxy; an element that is not an
	// address ends in a refusal.
	ForwardedHeader string
	// NoCredentials is the status when nothing was presented: 400 to 499, 0 for
	// 401.
	NoCredentials int
	// Refuse writes the refusal. The challenge and cache headers are already
	// set; Error.Status is the status to write. Code, Description and Scope may
	// be shown, Err may not.
	Refuse func(http.ResponseWriter, *http.Request, *authstar.Error)
	// WebSocketRefuse is Refuse for WebSocket handshakes. nil is Refuse.
	WebSocketRefuse func(http.ResponseWriter, *http.Request, *authstar.Error)
	// Preflight answers the CORS preflights that reach a guard, at the paths of
	// [Guard.Except] too. nil refuses them like requests without credentials,
	// but for those paths, since the CORS layer belongs outside of all guards. Of
	// nested guards, the outermost one's answers, or else that of the guard which
	// the preflight reaches. A
	// pattern with a method, such as "GET /x", answers OPTIONS with 405 before any
	// guard.
	Preflight http.Handler
	// Now is the clock of MaxAge; nil is time.Now.
	Now func() time.Time
	// Observe is told every refusal before it is written.
	Observe func(context.Context, *authstar.Error)
}

// guard makes a guard that speaks with these rules; it keeps nil for the zero
// rules, which cost nothing to pass on.
func (s Rules) guard(p policy) Guard {
	if s.NoCredentials != 0 && (s.NoCredentials < 400 || s.NoCredentials > 499) {
		panic(fmt.Sprintf("security: Rules.NoCredentials is %d: must be 400 to 499", s.NoCredentials))
	}
	s.TrustedProxies = slices.Clone(s.TrustedProxies)
	if s.NoCredentials == 0 && s.Refuse == nil && s.WebSocketRefuse == nil && s.Preflight == nil && s.Observe == nil {
		return Guard{policy: p}
	}
	return Guard{policy: p, rules: &s}
}

// Authenticated is the function [Authenticated] under these rules.
func (s Rules) Authenticated() Guard { return s.guard(authenticated{}) }

// Scopes is the function [Scopes] under these rules.
func (s Rules) Scopes(scope string, more ...string) Guard {
	return s.guard(newScopes(s, false, append([]string{scope}, more...)))
}

// AllScopes is the function [AllScopes] under these rules.
func (s Rules) AllScopes(scope string, more ...string) Guard {
	return s.guard(newScopes(s, true, append([]string{scope}, more...)))
}

// Internal is the function [Internal] under these rules.
func (s Rules) Internal() Guard { return s.guard(newNetwork(s)) }

// Optional is the function [Optional] under these rules.
func (s Rules) Optional() Guard { return s.guard(optional{}) }

// Claim is the function [Claim] under these rules.
func (s Rules) Claim(name string, allowed ...any) Guard { return s.guard(newClaim(name, allowed)) }

// Require is the function [Require] under these rules.
func (s Rules) Require(name string, check func(*http.Request, authstar.Client) error) Guard {
	if name == "" || check == nil {
		panic("security: Require needs a name and a check")
	}
	return s.guard(&require{name: name, ask: check})
}

// AnyOf is the function [AnyOf], with refusals written by these rules.
func (s Rules) AnyOf(guards ...Guard) Guard {
	g := s.guard(AnyOf(guards...).policy)
	return g
}

type require struct {
	name string
	ask  func(*http.Request, authstar.Client) error
}

func (p *require) requirement(*http.Request) Requirement {
	return Requirement{Any: []All{{Checks: []string{p.name}}}}
}

func (p *require) check(r *http.Request) *authstar.Error {
	client, refusal := who(r)
	if refusal != nil {
		return refusal
	}
	err := p.ask(r, client)
	if err == nil {
		return nil
	}
	var code authstar.Code
	switch {
	case errors.As(err, &refusal):
		if refusal == nil || refusal.Code == "" {
			return fault("the check " + p.name + " returned an error without a code")
		}
		return refusal
	case errors.As(err, &code):
		return &authstar.Error{Code: code, Err: err}
	}
	return &authstar.Error{Code: authstar.AccessDenied, Description: "the client may not use this resource", Err: fmt.Errorf("%s: %w", p.name, err)}
}

func fault(what string) *authstar.Error {
	return &authstar.Error{Code: authstar.ServerError, Err: errors.New(what)}
}
