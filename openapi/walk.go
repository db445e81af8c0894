package openapi

import (
	"fmt"
	"net/http"
	"net/url"
	"path"
	"reflect"
	"runtime"
	"slices"
	"strings"

	"github.com/authstar/authstar"
	"github.com/authstar/authstar/security"
)

type status int

const (
	notRouted status = iota
	hidden           // the handler that decides cannot be seen
	found
)

// finding is what stands between a request and the handler that serves it.
type finding struct {
	status      status
	why         string // it is hidden
	pattern     string // of the last ServeMux
	requirement security.Requirement
	schemes     []authstar.Scheme // of the chains on the way, the outermost first
	outside     bool              // a guard stands outside of every chain
	settled     bool              // a guard asks for a client of the chains so far
	handler     http.Handler
}

type unwrapper interface{ Unwrap() http.Handler }

// Handlers of packages authstar and security answer these.
type (
	chained interface{ Schemes() []authstar.Scheme }
	guarded interface {
		Requirement(*http.Request) security.Requirement
	}
)

// walker follows requests through the handlers below a root, and remembers the
// lists of routes that it saw.
type walker struct {
	root    http.Handler
	top     finding // before the first router
	chains  map[chained][]authstar.Scheme
	indexes map[*Route]map[string]http.Handler
	lists   []list
	seen    map[any]bool
}

// list is a Mux or Routes, and the prefix under which it is mounted.
type list struct {
	prefix string
	lister
}

// lister lists its routes, and those of other listers inside down to a depth,
// for one that is inside of itself.
type lister interface{ routes(depth int) []Route }

const maxNesting = 8

func newWalker(root http.Handler) *walker {
	w := &walker{
		root:    root,
		chains:  make(map[chained][]authstar.Scheme),
		indexes: make(map[*Route]map[string]http.Handler),
		seen:    make(map[any]bool),
	}
	w.top = w.find(nil)
	return w
}

// remember notes a list of routes; key tells it from others.
func (w *walker) remember(key any, prefix string, l lister) {
	type at struct{ prefix, key any }
	if !w.seen[at{prefix, key}] {
		w.seen[at{prefix, key}] = true
		w.lists = append(w.lists, list{prefix, l})
	}
}

// maxDepth bounds the handlers on one way, for those that wrap themselves.
const maxDepth = 1000

// way is a request on its way to a handler.
type way struct {
	*walker
	finding
	r      *http.Request
	at     http.Handler
	own    bool   // the last router has a route for this path alone
	prefix string // mounted under
	ends   []*end // of the middlewares around, the innermost last
}

// find follows the request from the root. A nil request ends at the first
// router.
func (w *walker) find(r *http.Request) finding {
	t := &way{walker: w, finding: finding{requirement: open}, r: r, at: w.root}
	for range maxDepth {
		t.collect()
		if !t.wrapped() && !t.routed() {
			return t.finding
		}
	}
	t.status, t.why = hidden, "there are more than 1000 handlers on the way, one of which may wrap itself"
	return t.finding
}

// collect notes what the handler is about.
func (t *way) collect() {
	if c, ok := t.at.(chained); ok && !t.settled {
		if schemes := t.schemesOf(c); len(t.schemes) == 0 {
			t.schemes = schemes
		} else {
			t.schemes = slices.Concat(t.schemes, schemes)
		}
	}
	if g, ok := t.at.(guarded); ok {
		q := g.Requirement(t.r)
		if !passesAnonymous(q) {
			t.outside = t.outside || len(t.schemes) == 0
			t.settled = t.settled || len(t.schemes) > 0
		}
		t.requirement = both(t.requirement, q)
	}
}

// schemesOf asks every chain once.
func (w *walker) schemesOf(c chained) []authstar.Scheme {
	if reflect.TypeOf(c).Kind() != reflect.Pointer {
		return c.Schemes()
	}
	schemes, ok := w.chains[c]
	if !ok {
		schemes = c.Schemes()
		w.chains[c] = schemes
	}
	return schemes
}

// wrapped goes on to the handler inside of this one, if that can be seen.
func (t *way) wrapped() bool {
	switch h := t.at.(type) {
	case *through:
		t.ends = append(t.ends, h.end)
		t.at = h.outer
		return true
	case *end:
		if n := len(t.ends); n > 0 && t.ends[n-1] == h {
			t.ends = t.ends[:n-1]
		}
		t.at = h.next
		return true
	case *mounted:
		t.prefix += h.prefix
		t.r, t.at = h.strip(t.r), h.next
		return true
	case unwrapper:
		if next := h.Unwrap(); next != nil {
			t.at = next
			return true
		}
	}
	return false
}

// routed goes on to the handler that this one chooses for the request, if it is
// a router, or to what a middleware that hides it was given.
func (t *way) routed() bool {
	switch h := t.at.(type) {
	case *Mux:
		t.remember(h, t.prefix, h)
		t.at = &h.mux
		return true
	case *http.ServeMux:
		if t.r == nil {
			return false
		}
		next, pattern := h.Handler(t.r)
		path := t.r.URL.EscapedPath()
		if pattern == "" || redirects(next, pattern, path) {
			return false
		}
		t.own = !swallows(pattern, path)
		t.pattern, t.at = pattern, next
		return true
	case Routes:
		if len(h) > 0 {
			t.remember(&h[0], t.prefix, h)
		}
		t.at, t.own = t.route(h, t.r), true
		return t.at != nil
	}
	if n := len(t.ends); n > 0 {
		t.at, t.ends = t.ends[n-1].next, t.ends[:n-1]
		return true
	}
	t.last()
	return false
}

// last judges the handler that ends the way. One that answers Unwrap with nil
// says so itself.
func (t *way) last() {
	t.handler, t.status = t.at, hidden
	_, answers := t.at.(unwrapper)
	switch {
	case !answers && isMethodValue(t.at):
		t.why = nameOf(t.at) + " does not show the handler whose method it is: register the handler itself"
	case !answers && wraps(t.at):
		t.why = nameOf(t.at) + " wraps another handler and does not answer Unwrap() http.Handler"
	case t.own:
		t.status = found
	case t.pattern != "":
		t.why = fmt.Sprintf("the pattern %q serves more than this path, and its handler decides about it", t.pattern)
	default:
		t.why = nameOf(t.at) + " is no router that can be asked"
	}
}

// redirects recognises the answer of a ServeMux to a path which it has only with
// a slash at the end or in its clean spelling.
func redirects(h http.Handler, pattern, p string) bool {
	return (strings.Count(p, "/") < strings.Count(pattern, "/") || clean(p) != p) &&
		fmt.Sprintf("%T", h) == "*http.redirectHandler"
}

func clean(p string) string {
	c := path.Clean(p)
	if strings.HasSuffix(p, "/") && c != "/" {
		c += "/"
	}
	return c
}

// swallows reports whether the pattern ends in a wildcard that stands for
// anything but one path parameter.
func swallows(pattern, path string) bool {
	pattern = pattern[strings.IndexByte(pattern, '/'):]
	if !strings.HasSuffix(pattern, "/") && !strings.HasSuffix(pattern, "...}") {
		return false
	}
	segments := strings.SplitN(path, "/", strings.Count(pattern, "/")+1)
	rest := segments[len(segments)-1]
	return rest != "" && (strings.Contains(rest, "/") || !strings.Contains(rest, anyValue))
}

// isMethodValue reports whether the handler is h.ServeHTTP of another one, h.
func isMethodValue(h http.Handler) bool {
	v := reflect.ValueOf(h)
	return v.Kind() == reflect.Func && strings.HasSuffix(funcName(v), ".ServeHTTP-fm")
}

// wraps reports whether the handler, which is the last that can be seen, has
// another one in it: in a field, or in a closure that net/http made, as
// http.StripPrefix does.
func wraps(h http.Handler) bool {
	v := reflect.ValueOf(h)
	if v.Kind() == reflect.Func {
		return strings.Contains(funcName(v), ".func") && folderOf(v) == folderOf(reflect.ValueOf(http.NotFound))
	}
	if v.Kind() == reflect.Pointer {
		v = v.Elem()
	}
	if v.Kind() != reflect.Struct {
		return false
	}
	for i := range v.NumField() {
		switch f := v.Field(i); f.Type() {
		case reflect.TypeFor[http.Handler](), reflect.TypeFor[*http.ServeMux](), reflect.TypeFor[*Mux]():
			if !f.IsNil() {
				return true
			}
		case reflect.TypeFor[http.ServeMux](), reflect.TypeFor[Mux]():
			return true
		}
	}
	return false
}

// nameOf is how the programmer knows the handler.
func nameOf(h http.Handler) string {
	if v := reflect.ValueOf(h); v.Kind() == reflect.Func {
		return funcName(v)
	}
	return fmt.Sprintf("%T", h)
}

// folderOf is where the function was written, which its name does not tell when
// the function around a closure was inlined.
func folderOf(v reflect.Value) string {
	f := runtime.FuncForPC(v.Pointer())
	if f == nil {
		return ""
	}
	file, _ := f.FileLine(v.Pointer())
	return path.Dir(file)
}

func funcName(v reflect.Value) string {
	if f := runtime.FuncForPC(v.Pointer()); f != nil {
		return f.Name()
	}
	return v.Type().String()
}

// Through puts middlewares around next, the first of them outermost, so that
// Annotate and Verify see what is inside, which a middleware that does not
// answer Unwrap() http.Handler hides:
//
//	mux.Handle("POST /login", openapi.Through(login, sameOrigin.Handler))
//
// Requests are served as without it. A middleware that changes the path of
// requests, as http.StripPrefix does, is not for it: see [Mux.Mount].
func Through(next http.Handler, middlewares ...func(http.Handler) http.Handler) http.Handler {
	for i := len(middlewares) - 1; i >= 0; i-- {
		e := &end{next}
		next = &through{outer: middlewares[i](e), end: e}
	}
	return next
}

type through struct {
	outer http.Handler
	end   *end
}

// end is what a middleware is given as its next handler.
type end struct{ next http.Handler }

func (t *through) ServeHTTP(w http.ResponseWriter, r *http.Request) { t.outer.ServeHTTP(w, r) }
func (e *end) ServeHTTP(w http.ResponseWriter, r *http.Request)     { e.next.ServeHTTP(w, r) }

// mounted serves a handler under a prefix that the handler does not see.
type mounted struct {
	prefix  string
	next    http.Handler
	handler http.Handler
}

func (m *mounted) ServeHTTP(w http.ResponseWriter, r *http.Request) { m.handler.ServeHTTP(w, r) }

// strip does what http.StripPrefix does.
func (m *mounted) strip(r *http.Request) *http.Request {
	if r == nil {
		return nil
	}
	stripped := *r
	stripped.URL = &url.URL{Path: strings.TrimPrefix(r.URL.Path, m.prefix), RawPath: strings.TrimPrefix(r.URL.RawPath, m.prefix)}
	return &stripped
}
