// Package authstar tells an HTTP API who is calling.
//
// An ordered [Chain] of authenticators turns the credentials of a request into
// a [Client] and stores it in the request's context. Guards, in package
// security, decide whether that client may pass. The chain says who, the guard
// says no, the handler does neither.
//
//	chain, err := authstar.New(
//		authenticators.NewBearer(verifier),
//		authenticators.NewBasic("orders", checkPassword),
//		authenticators.NewAPIKey("X-API-Key", findKey),
//	)
//	mux.Handle("GET /orders", security.Scopes("orders:read").HandlerFunc(listOrders))
//	http.ListenAndServe(addr, chain.Handler(mux))
//
// An authenticator has one of four things to say, and only the first lets the
// chain go on:
//
//   - An error that wraps [ErrNoCredentials]: the request carries nothing of my
//     kind.
//   - A client and no error: this is who.
//   - An [*Error] with a code for 400, 401 or 403, or such a [Code] alone:
//     something was presented, and it is bad. No later authenticator is asked, so that a bad credential never
//     falls through to a weaker or a stronger one.
//   - An [*Error] with [TemporarilyUnavailable]: I could not tell.
//
// Anything else, a nil client without an error, an empty client id, another
// error or a panic, is a fault of the program, and ends the chain as
// [ServerError].
//
// The chain refuses nothing. A bad credential reaches open routes as an
// anonymous request, and guards refuse it.
package authstar

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
)

// Authenticator turns one kind of credential, in the one place of a request
// where it travels, into a client. The package comment lists its four outcomes.
//
// Implementations must be safe for concurrent use. They read the request's
// headers, URL and context, never its body, and modify none of them. An
// Authenticator that also has a method Validate() error is asked by [New]
// whether its configuration is usable.
type Authenticator interface {
	// Authenticate returns the client of the request, or why there is none.
	Authenticate(r *http.Request) (Client, error)
	// Scheme tells where the credential travels. It always answers the same.
	Scheme() Scheme
}

// AuthenticatorFunc makes an [Authenticator] of a function. The function has
// the four outcomes of an authenticator; it must return an error that wraps
// [ErrNoCredentials] when the request has no credential of its kind.
func AuthenticatorFunc(s Scheme, f func(*http.Request) (Client, error)) Authenticator {
	return &funcAuthenticator{scheme: s.clone(), f: f}
}

type funcAuthenticator struct {
	scheme Scheme
	f      func(*http.Request) (Client, error)
}

func (a *funcAuthenticator) Authenticate(r *http.Request) (Client, error) { return a.f(r) }
func (a *funcAuthenticator) Scheme() Scheme                               { return a.scheme.clone() }

func (a *funcAuthenticator) Validate() error {
	if a.f == nil {
		return errors.New("nil function")
	}
	return nil
}

// Chain asks its authenticators in order. It is immutable and safe for
// concurrent use; New makes one.
type Chain struct {
	authenticators []Authenticator
	schemes        []Scheme
	vary           string
	observer       func(context.Context, Result)
	starts         []int // where the schemes of each further chain start, of nested ones
}

// New makes a chain. It reports everything that is wrong at once: no
// authenticator, a nil one, an unusable scheme, two schemes with one id or in
// one place of the request, and whatever the authenticators' own Validate
// methods report.
//
// An authenticator may behave differently beside others, as a header's bearer
// token does where a query parameter is accepted too. It then has a method
// Beside([]Scheme) Authenticator, which New calls with the schemes of the whole
// chain, and uses what it returns, if that is of the same type. A type that embeds
// such an authenticator, to check more, thus stays what it is.
func New(authenticators ...Authenticator) (*Chain, error) {
	c := new(Chain)
	var errs []error
	if len(authenticators) == 0 {
		errs = append(errs, errors.New("authstar: a chain needs at least one authenticator"))
	}
	ids, carriers := make(map[string]int), make(map[string]int)
	for i, a := range authenticators {
		if isNil(a) {
			errs = append(errs, fmt.Errorf("authstar: authenticator %d is nil", i+1))
			continue
		}
		s := a.Scheme().clone()
		fail := func(err error) {
			errs = append(errs, fmt.Errorf("authstar: authenticator %d (%s): %w", i+1, s.ID, err))
		}
		if err := s.validate(); err != nil {
			fail(err)
		}
		if v, ok := a.(interface{ Validate() error }); ok {
			if err := v.Validate(); err != nil {
				fail(err)
			}
		}
		if first := ids[s.ID]; first > 0 {
			fail(fmt.Errorf("authenticator %d has the scheme id %q already", first, s.ID))
		} else if first := carriers[s.carrier()]; first > 0 && s.carrier() != "" {
			fail(fmt.Errorf("authenticator %d reads the %s already", first, s.carrier()))
		}
		ids[s.ID], carriers[s.carrier()] = i+1, i+1
		c.authenticators = append(c.authenticators, a)
		c.schemes = append(c.schemes, s)
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	c.vary = vary(c.schemes)
	for i, a := range c.authenticators {
		if b, ok := a.(interface {
			Beside([]Scheme) Authenticator
		}); ok {
			if beside := b.Beside(c.Schemes()); reflect.TypeOf(beside) == reflect.TypeOf(a) {
				c.authenticators[i] = beside
			}
		}
	}
	return c, nil
}

// vary lists the request headers that the schemes read and that HTTP caches do
// not treat as private by themselves, as they do Authorization (RFC 9111
// section 3.5).
func vary(schemes []Scheme) string {
	var names []string
	seen := make(map[string]bool)
	for _, s := range schemes {
		name := s.Name
		switch s.In {
		case "header":
		case "cookie":
			name = "Cookie"
		default:
			continue
		}
		if !seen[strings.ToLower(name)] {
			seen[strings.ToLower(name)] = true
			names = append(names, name)
		}
	}
	return strings.Join(names, ", ")
}

// Schemes returns the schemes of the authenticators, in order.
func (c *Chain) Schemes() []Scheme {
	schemes := make([]Scheme, len(c.schemes))
	for i, s := range c.schemes {
		schemes[i] = s.clone()
	}
	return schemes
}

// WithObserver returns a copy of the chain that calls f with every result, in
// the goroutine of the request, before the handler runs. It is the place for
// logs and metrics: a result has the cause of a refusal, which the client is
// not told, and Result is a slog.LogValuer without secrets. Values for metric
// labels are those from the configuration, the scheme's ID and the error's
// Code, not what a client sent.
func (c *Chain) WithObserver(f func(context.Context, Result)) *Chain {
	d := *c
	d.observer = f
	return &d
}

// Authenticate asks the authenticators in order and stops at the first that
// has anything to say. It decides and writes nothing. A panic of an
// authenticator ends as a [ServerError], except http.ErrAbortHandler, which is
// passed on.
func (c *Chain) Authenticate(r *http.Request) Result {
	o := c.run(r)
	res := o.result()
	if c.observer != nil {
		c.observer(r.Context(), res)
	}
	return res
}

func (c *Chain) run(r *http.Request) (o outcome) {
	o.chain, o.at = c, -1
	if len(c.authenticators) == 0 {
		o.err = fault(errors.New("the zero Chain, which New did not make"))
		return o
	}
	defer func() {
		if p := recover(); p != nil {
			if p == http.ErrAbortHandler {
				panic(p)
			}
			o.client, o.err = nil, fault(panicked(p))
		}
	}()
	for i, a := range c.authenticators {
		o.at = i
		client, err := a.Authenticate(r)
		if err == nil {
			if isNil(client) {
				o.err = fault(errors.New("neither a client nor an error"))
			} else if client.ClientID() == "" {
				o.err = fault(errors.New("a client with an empty id"))
			} else {
				o.client = client
			}
			return o
		}
		if _, bare := err.(noCredentials); bare {
			continue
		}
		refusal, stated := statedBy(err)
		switch {
		case errors.Is(err, ErrNoCredentials) && (!stated || refusal != nil && refusal.Code == ""):
			o.misses = &miss{at: i, err: err, next: o.misses}
			continue
		case stated && (refusal == nil || !refusal.Code.known()):
			o.err = fault(errors.New("an error without a known code"))
		case stated:
			o.err = refusal
		case r.Context().Err() != nil:
			o.err = &Error{Code: TemporarilyUnavailable, Err: err}
		default:
			o.err = fault(err)
		}
		return o
	}
	o.at = -1
	return o
}

// statedBy finds the refusal in an error: an *Error, or a known [Code] alone.
func statedBy(err error) (refusal *Error, stated bool) {
	var code Code
	switch {
	case errors.As(err, &refusal):
		return refusal, true
	case errors.As(err, &code) && code.known():
		refusal = &Error{Code: code}
		if err != error(code) {
			refusal.Err = err
		}
		return refusal, true
	}
	return nil, false
}

func fault(err error) *Error { return &Error{Code: ServerError, Err: err} }

// panicked describes a panic without its value, which may hold a credential,
// unless it comes from the runtime.
func panicked(p any) error {
	what := fmt.Sprintf("%T", p)
	if e, ok := p.(runtime.Error); ok {
		what = e.Error()
	}
	pcs := make([]uintptr, 32)
	frames := runtime.CallersFrames(pcs[:runtime.Callers(3, pcs)])
	for {
		f, more := frames.Next()
		if !strings.HasPrefix(f.Function, "runtime.") {
			return fmt.Errorf("panic (%s) at %s:%d", what, f.File, f.Line)
		}
		if !more {
			return fmt.Errorf("panic (%s)", what)
		}
	}
}

// Handler stores the chain's result in the context of every request and calls
// next, whatever the result. Inside another chain's handler, a result replaces
// the outer one only when it authenticates or refuses; Schemes and Vary of the
// result are those of both.
//
// The returned handler also answers Unwrap() http.Handler with next, and
// Schemes() []Scheme, so that documents are read off what serves.
func (c *Chain) Handler(next http.Handler) http.Handler {
	if isNil(next) {
		panic("authstar: nil handler")
	}
	if len(c.authenticators) == 0 {
		panic("authstar: the zero Chain, which New did not make")
	}
	return &handler{chain: c, next: next}
}

type handler struct {
	chain *Chain
	next  http.Handler
	last  atomic.Pointer[nested]
}

// nested is what a chain is inside another one.
type nested struct{ outer, both *Chain }

// inside is the chain inside another, for the schemes of both. Most often there is
// one that it is inside of.
func (h *handler) inside(outer *Chain) *Chain {
	if n := h.last.Load(); n != nil && n.outer == outer {
		return n.both
	}
	schemes := slices.Concat(outer.schemes, h.chain.schemes)
	both := &Chain{schemes: schemes, vary: vary(schemes), starts: append(slices.Clone(outer.starts), len(outer.schemes))}
	h.last.Store(&nested{outer, both})
	return both
}

// within puts the outcome of a chain into that of the one around it.
func (o outcome) within(outer outcome, both *Chain) outcome {
	if o.client == nil && o.err == nil && (outer.client != nil || outer.err != nil) {
		outer.chain = both
		return outer
	}
	misses, start := outer.misses, both.starts[len(both.starts)-1]
	for m := o.misses; m != nil; m = m.next {
		misses = &miss{at: m.at + start, err: m.err, next: misses}
	}
	o.chain, o.misses = both, misses
	if o.at >= 0 {
		o.at += start
	}
	return o
}

func (h *handler) Unwrap() http.Handler { return h.next }
func (h *handler) Schemes() []Scheme    { return h.chain.Schemes() }

func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	o := h.chain.run(r)
	if h.chain.observer != nil {
		h.chain.observer(r.Context(), o.result())
	}
	if outer := fromContext(r.Context()); outer != nil && outer.chain != nil {
		o = o.within(outer.outcome, h.inside(outer.chain))
	}
	h.next.ServeHTTP(w, r.WithContext(&resultContext{Context: r.Context(), outcome: o}))
}
