// Package security has the guards of an HTTP API: immutable values that decide
// whether the client found by an authstar.Chain may pass.
//
//	mux.Handle("GET /me", security.Authenticated().HandlerFunc(me))
//	mux.Handle("GET /orders", security.Scopes("orders:read").HandlerFunc(list))
//	mux.Handle("GET /healthz", security.Internal().HandlerFunc(health))
//
// [Guard.Check] decides and [Guard.Handler] enforces. A refusal has a status,
// challenges, Cache-Control: no-store and a small JSON body:
//
//   - 401 when nothing was presented, or something bad was.
//   - 400 when credentials were presented in a malformed or ambiguous way.
//   - 403 when the client is known and lacks something.
//   - 503 with Retry-After when a credential could not be checked.
//   - 500 when the program is at fault, which includes a guard whose request
//     passed no chain.
//
// Challenges are those of the chain that ran, in its order, in one
// WWW-Authenticate header each; proxies that pass on only the first make that
// order matter. A 400 and a 403 challenge only the scheme that was used.
//
// A guarded handler never runs for a CORS preflight, but for the paths of
// [Guard.Except], which are not guarded; see [Rules].Preflight.
// Arguments that can never be right, such as an empty scope, are faults of the
// program and panic, as they do in http.ServeMux.Handle.
package security

import (
	"net/http"
	"reflect"
	"slices"

	"github.com/authstar/authstar"
)

// Guard decides whether a request may pass. It is immutable and safe for
// concurrent use. The zero Guard refuses everything with 500.
type Guard struct {
	policy policy
	rules  *Rules
}

// policy is the rule of a guard: check answers nil when the request may pass.
// The requirement of a nil request is that of one which no exception covers.
type policy interface {
	check(r *http.Request) *authstar.Error
	requirement(r *http.Request) Requirement
}

// Authenticated passes every authenticated client.
func Authenticated() Guard { return Rules{}.Authenticated() }

// Scopes passes clients that were granted at least one of the scopes.
func Scopes(scope string, more ...string) Guard { return Rules{}.Scopes(scope, more...) }

// AllScopes passes clients that were granted every one of the scopes.
func AllScopes(scope string, more ...string) Guard { return Rules{}.AllScopes(scope, more...) }

// Internal passes requests whose peer is on a private or loopback network:
// loopback, RFC 1918, IPv6 unique local and link-local unicast addresses, but
// not 169.254.169.254, 100.64.0.0/10 or an unspecified address. It looks at no
// credentials, needs no chain and grants nothing else.
//
// Behind a reverse proxy every peer is the proxy, so it needs
// [Rules].TrustedProxies there; without, a request that carries X-Forwarded-For
// or Forwarded is refused, since everyone behind the proxy would look internal.
// A page in a browser on an internal machine can send requests too (DNS
// rebinding): do not let Internal alone guard what changes or reveals much.
func Internal() Guard { return Rules{}.Internal() }

// Optional passes anonymous requests and authenticated clients, but no bad
// credentials. Around a whole mux it is the strict mode, in which a bad
// credential is refused even on routes without a guard.
func Optional() Guard { return Rules{}.Optional() }

// Claim passes clients that have the claim and, if any values are allowed, one
// of these as its value. Values are equal as JSON: 1 equals 1.0, and the order
// of members does not matter. A claim that is an array matches by each element
// as well as whole; null is absent. A client without a method
// Claim(string) (any, bool) is refused.
func Claim(name string, allowed ...any) Guard { return Rules{}.Claim(name, allowed...) }

// Require passes authenticated clients for whom check returns nil. A plain
// error refuses with 403 access_denied and only reaches logs; an
// *authstar.Error, or an authstar.Code alone, is taken as it is. The name stands in the guard's
// [Requirement]. check must be safe for concurrent use.
func Require(name string, check func(*http.Request, authstar.Client) error) Guard {
	return Rules{}.Require(name, check)
}

// AnyOf passes what at least one of the guards passes, asking them in order.
// When all refuse, a fault of the program outweighs an outage, that a missing
// or bad credential, and that a lack of rights; among equals the first answers.
// The Rules of the first guard write the refusal.
func AnyOf(guards ...Guard) Guard {
	if len(guards) == 0 {
		panic("security: AnyOf needs a guard")
	}
	return Guard{policy: newAnyOf(guards), rules: guards[0].rules}
}

// And passes what g and all the others pass, asking them in order. The Rules of
// g write the refusal.
func (g Guard) And(more ...Guard) Guard {
	all := make(allOf, 0, 1+len(more))
	for _, guard := range append([]Guard{g}, more...) {
		if guard.policy == nil {
			panic("security: And with a zero Guard")
		}
		if nested, ok := guard.policy.(allOf); ok {
			all = append(all, nested...)
		} else {
			all = append(all, guard.policy)
		}
	}
	q := all[0].requirement(nil)
	for _, each := range all[1:] {
		q = q.and(each.requirement(nil))
		q.bounded() // at every step, since the product of all may not fit in memory
	}
	return Guard{policy: all, rules: g.rules}
}

// Check reports why the request may not pass, as an [*authstar.Error], or nil.
func (g Guard) Check(r *http.Request) error {
	if err := g.check(r); err != nil {
		return err
	}
	return nil
}

func (g Guard) check(r *http.Request) *authstar.Error {
	if g.policy == nil {
		return errZeroGuard
	}
	return g.policy.check(r)
}

// Requirement tells what the guard asks of a request with this method and path.
// The request is not otherwise looked at; a nil request is one that no
// exception covers.
func (g Guard) Requirement(r *http.Request) Requirement {
	if g.policy == nil {
		return Requirement{}
	}
	return g.policy.requirement(r)
}

// HandlerFunc is [Guard.Handler] for a function.
func (g Guard) HandlerFunc(next http.HandlerFunc) http.Handler { return g.Handler(next) }

// Handler calls next for requests that pass and refuses the others. For a
// passed request it adds Vary for those headers that the chain reads and that
// HTTP caches do not treat as private by themselves, and leaves Cache-Control
// to next. It never wraps the response writer, so http.Flusher, http.Hijacker
// and http.ResponseController work as they do without it.
//
// The returned handler also answers Unwrap() http.Handler with next, and
// Requirement(*http.Request) Requirement, so that documents are read off what
// serves.
func (g Guard) Handler(next http.Handler) http.Handler {
	notNil(next)
	return &guarded{guard: g, next: next}
}

func notNil(next http.Handler) {
	v := reflect.ValueOf(next)
	if !v.IsValid() || (v.Kind() == reflect.Pointer || v.Kind() == reflect.Func) && v.IsNil() {
		panic("security: nil handler")
	}
}

// HandlerFor is a guarded handler that gets the client as the application's own
// type. A request without a client, which an Optional guard lets through, and a
// client of another type are refused with 403.
func HandlerFor[C authstar.Client](g Guard, h func(http.ResponseWriter, *http.Request, C)) http.Handler {
	if h == nil {
		panic("security: nil handler")
	}
	g.policy = g.And(Guard{policy: isA[C]{}}).policy
	return g.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		client, _ := authstar.ClientAs[C](r.Context())
		h(w, r, client)
	})
}

var (
	errZeroGuard     = fault("the zero Guard, which no constructor made")
	errNoChain       = fault("the request passed no chain: put authstar.Chain.Handler around this handler")
	errNoCredentials = &authstar.Error{Description: "authentication is required", Err: authstar.ErrNoCredentials}
	errOtherType     = &authstar.Error{Code: authstar.AccessDenied, Description: "this kind of client may not use this resource"}
)

// who returns the client of the request, or the refusal of one that has none.
func who(r *http.Request) (authstar.Client, *authstar.Error) {
	if isPreflight(r) {
		return nil, errNoCredentials
	}
	if client, ok := authstar.ClientFrom(r.Context()); ok {
		return client, nil
	}
	res, ok := authstar.ResultFrom(r.Context())
	switch {
	case !ok:
		return nil, errNoChain
	case res.Err != nil:
		return nil, res.Err
	}
	return nil, errNoCredentials
}

// isPreflight recognises a CORS preflight as the Fetch standard sends it.
func isPreflight(r *http.Request) bool {
	return r.Method == http.MethodOptions && len(r.Header["Origin"]) > 0 && len(r.Header["Access-Control-Request-Method"]) > 0
}

type authenticated struct{}

func (authenticated) requirement(*http.Request) Requirement { return Requirement{Any: []All{{}}} }

func (authenticated) check(r *http.Request) *authstar.Error {
	_, err := who(r)
	return err
}

type isA[C authstar.Client] struct{ authenticated }

func (isA[C]) check(r *http.Request) *authstar.Error {
	if _, ok := authstar.ClientAs[C](r.Context()); ok {
		return nil
	}
	if _, err := who(r); err != nil && err != errNoCredentials { // behind a guard that asks nobody
		return err
	}
	return errOtherType
}

type optional struct{}

func (optional) requirement(*http.Request) Requirement {
	return Requirement{Any: []All{{Anonymous: true}, {}}}
}

func (optional) check(r *http.Request) *authstar.Error {
	if _, err := who(r); err != nil && (err != errNoCredentials || isPreflight(r)) {
		return err
	}
	return nil
}

type anyOf []policy

func newAnyOf(guards []Guard) anyOf {
	p := make(anyOf, len(guards))
	for i, g := range guards {
		if g.policy == nil {
			panic("security: AnyOf with a zero Guard")
		}
		p[i] = g.policy
	}
	p.requirement(nil).bounded()
	return p
}

func (p anyOf) requirement(r *http.Request) Requirement {
	var q Requirement
	for _, each := range p {
		q = q.or(each.requirement(r))
	}
	return q
}

func (p anyOf) check(r *http.Request) *authstar.Error {
	var worst *authstar.Error
	for _, each := range p {
		err := each.check(r)
		if err == nil {
			return nil
		}
		if worst == nil || weight(err) > weight(worst) {
			worst = err
		}
	}
	return worst
}

func weight(err *authstar.Error) int {
	switch err.Code {
	case authstar.ServerError:
		return 3
	case authstar.TemporarilyUnavailable:
		return 2
	case authstar.InsufficientScope, authstar.AccessDenied:
		return 0
	}
	return 1
}

type allOf []policy

func (p allOf) requirement(r *http.Request) Requirement {
	q := p[0].requirement(r)
	for _, each := range p[1:] {
		q = q.and(each.requirement(r))
	}
	return q
}

// check names the missing scopes of all members, or all that a new login has to
// satisfy, so that the client can ask for them at once.
func (p allOf) check(r *http.Request) *authstar.Error {
	for i, each := range p {
		err := each.check(r)
		if err == nil {
			continue
		}
		if err.Code != authstar.InsufficientScope && err.Code != authstar.InsufficientUserAuthentication {
			return err
		}
		full := *err
		for _, rest := range p[i+1:] {
			if isOurs(rest) {
				if more := rest.check(r); more != nil && more.Code == err.Code {
					addTo(&full, more)
				}
			}
		}
		return &full
	}
	return nil
}

// isOurs reports whether a check calls no function of the application, which does
// not expect to be asked about those who are refused already.
func isOurs(p policy) bool {
	others := func(list []policy) bool {
		return slices.ContainsFunc(list, func(each policy) bool { return !isOurs(each) })
	}
	switch p := p.(type) {
	case *scopes, *maxAge, *acr:
		return true
	case *except:
		return isOurs(p.policy)
	case anyOf:
		return !others(p)
	case allOf:
		return !others(p)
	}
	return false
}

// addTo adds what another refusal of the same code asks for.
func addTo(err, more *authstar.Error) {
	err.Scope = appendNew(slices.Clone(err.Scope), more.Scope...)
	err.ACRValues = appendNew(slices.Clone(err.ACRValues), more.ACRValues...)
	if err.MaxAge == 0 || more.MaxAge > 0 && more.MaxAge < err.MaxAge {
		err.MaxAge = more.MaxAge
	}
}
