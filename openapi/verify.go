package openapi

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/authstar/authstar"
	"github.com/authstar/authstar/security"
)

// Fault is one difference between a document and what serves it.
type Fault struct {
	Method  string // "*" for all methods of a path
	Path    string // as in the document, or as it was registered
	Problem string
}

func (f *Fault) Error() string { return "openapi: " + f.Method + " " + f.Path + ": " + f.Problem }

// Verify compares a document, as it is served, to what root enforces: in a
// test, or when the program starts. The arguments are those of [Annotate]. It
// reports all faults at once, each a [*Fault]; errors.As finds the first, and
// the Unwrap() []error of the result has them all.
//
// A fault is an operation that
//
//   - is documented, but not routed;
//   - is routed, but not documented. Only [Mux] and [Routes] know all of their
//     routes. Those that are hidden, that are for the internal network alone,
//     or that no request reaches need no documentation;
//   - is guarded, and documented as open;
//   - is documented with security, and open;
//   - is documented with other scopes than its guard asks for. With schemes
//     other than OAuth 2.0 and OpenID Connect, a document may leave them out,
//     and may list roles where the guard has checks;
//   - has an x-authstar-requirement, and its guard asks for something else;
//   - is documented with none of the schemes of the chain on the way;
//   - is opaque: what serves it cannot be seen, because a middleware does not
//     answer Unwrap() http.Handler (see [Through]), because it is registered as
//     the function h.ServeHTTP and not as h, or because a pattern such
//     as "/api/" hands it to a router that this package does not know (see
//     [Mux.Mount] and [Routes]);
//   - asks for scopes that no OAuth 2.0 flow in the chain or in extra lists, if
//     there are any flows;
//   - passes no chain before its guard, or has a guard that passes nothing.
//
// A handler that is a closure looks like one that decides about nothing, so a
// guard inside of a closure is not seen: that operation counts as open.
//
// A document that Annotate cannot read is its error.
func Verify(doc []byte, root http.Handler, extra ...authstar.Scheme) error {
	s, err := newSurvey(doc, root, extra)
	if err != nil {
		return err
	}
	var errs []error
	for _, o := range s.operations {
		for _, problem := range s.problems(o) {
			errs = append(errs, &Fault{o.method, o.path, problem})
		}
	}
	return errors.Join(append(errs, s.undocumented()...)...)
}

func (s *survey) problems(o *operation) []string {
	switch o.status {
	case notRouted:
		return []string{"it is documented, but not routed"}
	case hidden:
		return []string{"it is opaque: " + o.why}
	}
	var list []string
	add := func(format string, args ...any) { list = append(list, fmt.Sprintf(format, args...)) }
	documented, err := s.documented(o)
	if err != nil {
		return []string{err.Error()}
	}
	demands := len(documented) > 0 && !slices.ContainsFunc(documented, func(one map[string][]string) bool { return len(one) == 0 })
	switch {
	case len(o.requirement.Any) == 0:
		add("its guard lets nothing pass")
	case !demands && !passesAnonymous(o.requirement):
		add("it is guarded, and documented as open")
	case demands && len(o.requirement.Any) == 1 && equal(o.requirement.Any[0], open.Any[0]):
		add("it is documented with security, and open: no guard is seen around %s", nameOf(o.handler))
	case demands && passesAnonymous(o.requirement):
		add("it is documented with security, and passes requests without credentials")
	case !s.sameScopes(documented, o.requirement):
		add("it is documented with other scopes than its guard asks for")
	case !s.isExact(o):
		add("its %s is not what its guard asks for", extension)
	case demands && !s.acceptsAny(documented, o):
		add("it is documented with schemes of which its chain has none")
	}
	if o.outside && s.hasChain() {
		add("its guard stands outside of the chain, and answers 500")
	}
	if scopes := s.unlisted(o.requirement); len(scopes) > 0 {
		add("no OAuth 2.0 flow lists the scopes %q", scopes)
	}
	return list
}

// documented is the security of the operation, or that of the whole document.
func (s *survey) documented(o *operation) (list []map[string][]string, err error) {
	text := s.security
	if v, ok := lookup(o.members, "security"); ok {
		text = s.doc.raw(v)
	}
	if text != nil && json.Unmarshal(text, &list) != nil {
		return nil, errors.New("its security is not an array of requirement objects")
	}
	return list, nil
}

func (s *survey) hasChain() bool {
	return slices.ContainsFunc(s.operations, func(o *operation) bool { return len(o.schemes) > 0 })
}

// sameScopes compares the sets of scopes that are documented to those that the
// guard asks for. A document may leave out schemes, and the scopes of schemes
// without flows. What it lists for these may be roles where a check decides.
func (s *survey) sameScopes(documented []map[string][]string, q security.Requirement) bool {
	var want [][]string
	checks := false
	for _, a := range q.Any {
		if !a.Anonymous {
			want = append(want, a.Scopes)
			checks = checks || len(a.Checks) > 0
		}
	}
	have := make(map[string][][]string) // by the name of the scheme
	for _, one := range documented {
		for name, scopes := range one {
			have[name] = append(have[name], appendNew(nil, scopes...))
		}
	}
	var flows, others [][]string
	for name, sets := range have {
		if s.hasFlows(name) {
			flows = append(flows, sets...)
		} else if !checks && slices.ContainsFunc(sets, func(scopes []string) bool { return len(scopes) > 0 }) {
			others = append(others, sets...)
		}
	}
	return (flows == nil || coincide(flows, want, sameSet)) && (others == nil || coincide(others, want, sameSet))
}

// isExact reports whether the operation's extension is what its guard asks for.
// A document that Annotate has not seen needs none.
func (s *survey) isExact(o *operation) bool {
	v, ok := lookup(o.members, extension)
	if !ok {
		return true
	}
	var list []alternative
	if json.Unmarshal(s.doc.raw(v), &list) != nil {
		return false
	}
	var have []security.All
	for _, a := range list {
		have = append(have, security.All{Anonymous: a.Anonymous, Scopes: appendNew(nil, a.Scopes...), Checks: appendNew(nil, a.Checks...)})
	}
	return coincide(have, o.requirement.Any, equal)
}

// acceptsAny reports whether the chain on the way may have one of the schemes.
func (s *survey) acceptsAny(documented []map[string][]string, o *operation) bool {
	for _, one := range documented {
		for name := range one {
			if s.accepts(name, o) {
				return true
			}
		}
	}
	return false
}

// accepts is acceptsAny for one name. What the document describes may be the
// chain's unless it plainly is not. A key in the Authorization header is how
// Swagger 2.0 describes a token.
func (s *survey) accepts(name string, o *operation) bool {
	if slices.ContainsFunc(o.refs, func(r ref) bool { return r.name == name }) {
		return true
	}
	schemes := slices.Concat(o.schemes, s.catalog.extra)
	for _, m := range s.catalog.existing {
		if m.name == name {
			have := s.catalog.read(m)
			return have.Type != authstar.TypeHTTP && have.Type != authstar.TypeAPIKey || strings.EqualFold(have.Name, "Authorization") ||
				slices.ContainsFunc(schemes, func(one authstar.Scheme) bool { return one.Type == "" || have.means(one) })
		}
	}
	return slices.ContainsFunc(schemes, func(one authstar.Scheme) bool { return one.ID == name })
}

// hasFlows reports whether the name is that of a scheme whose scopes mean what
// the guards' do.
func (s *survey) hasFlows(name string) bool {
	for _, e := range s.catalog.names {
		if e.name == name {
			return getsToken(e.scheme)
		}
	}
	for _, m := range s.catalog.existing {
		if m.name == name {
			return getsToken(authstar.Scheme{Type: s.catalog.read(m).Type})
		}
	}
	return false
}

// unlisted are the scopes of the requirement that no flow lists.
func (s *survey) unlisted(q security.Requirement) []string {
	var list []string
	listed, flows := make(map[string]bool), false
	for _, e := range s.catalog.names {
		for _, f := range e.scheme.Flows {
			flows = true
			for scope := range f.Scopes {
				listed[scope] = true
			}
		}
	}
	for _, a := range q.Any {
		for _, scope := range a.Scopes {
			if flows && !listed[scope] {
				list = appendNew(list, scope)
			}
		}
	}
	return list
}

// undocumented are the routes of every list on the way that the document lacks.
func (s *survey) undocumented() []error {
	documented := make(map[string]bool)
	for _, o := range s.operations {
		for r := range o.requests {
			documented[o.method+" "+r.URL.Path] = true
			documented["* "+r.URL.Path] = true
			if o.method == "*" {
				for _, method := range methods {
					documented[method+" "+r.URL.Path] = true
				}
			}
		}
	}
	var errs []error
	reported := make(map[string]bool)
	for _, list := range s.walker.lists {
		for _, route := range list.routes(maxNesting) {
			path := list.prefix + route.Path
			key := strings.ToUpper(route.Method) + " " + unescape(fill(path))
			if route.Method == "" {
				key = "*" + key
			}
			if documented[key] || reported[key] || !isMethod(route.Method) || route.Operation.Hidden || !s.shows(route, list.prefix) {
				continue
			}
			reported[key] = true
			method, _, _ := strings.Cut(key, " ")
			errs = append(errs, &Fault{method, path, "it is routed, but not documented"})
		}
	}
	return errs
}

// isMethod reports whether OpenAPI has operations of that method.
func isMethod(method string) bool {
	return method == "" || methods[strings.ToLower(method)] != ""
}

// shows reports whether the document is to mention the route.
func (s *survey) shows(route Route, prefix string) bool {
	if route.Method != "" {
		return s.walker.shows(route, route.Method, prefix)
	}
	for _, method := range methods {
		if s.walker.shows(route, method, prefix) {
			return true
		}
	}
	return false
}
