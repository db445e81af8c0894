package openapi

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"
)

// Mux is an [http.ServeMux] that remembers its routes, so that [Mux.Document]
// can list them and [Verify] can tell which of them a document lacks. It serves
// exactly as an http.ServeMux does. The zero Mux is ready for use; it is safe
// for concurrent use and must not be copied.
type Mux struct {
	mux     http.ServeMux
	mu      sync.Mutex
	entries []registered
}

// registered is one pattern.
type registered struct {
	pattern string
	handler http.Handler
	about   Operation
}

// Operation is what a document tells about a route beyond what its pattern
// says.
type Operation struct {
	Summary     string // a short line; "" is the method and the path
	Description string // as long as it takes, in CommonMark
	ID          string // the operationId, unique in the document
	Tags        []string
	Form        []string // the fields of the form that is the body, all required; that of a "password" is not shown
	Methods     []string // of a pattern without a method; nil is GET
	Deprecated  bool
	Hidden      bool // no document mentions it
}

// Handle registers the handler for the pattern, as http.ServeMux.Handle does.
func (m *Mux) Handle(pattern string, handler http.Handler) {
	m.mux.Handle(pattern, handler)
	m.mu.Lock()
	defer m.mu.Unlock()
	m.entries = append(m.entries, registered{pattern: pattern, handler: handler})
}

// HandleFunc registers the function for the pattern, as
// http.ServeMux.HandleFunc does.
func (m *Mux) HandleFunc(pattern string, handler func(http.ResponseWriter, *http.Request)) {
	if handler == nil {
		panic("openapi: nil handler")
	}
	m.Handle(pattern, http.HandlerFunc(handler))
}

// Mount serves h below the prefix, which begins with a slash, does not end with
// one and has no wildcards. h sees paths without it, as with http.StripPrefix,
// which would hide h from documents. [Merge] adds the document that h has, if it
// has one.
func (m *Mux) Mount(prefix string, h http.Handler) {
	if h == nil {
		panic("openapi: nil handler")
	}
	if !isPrefix(prefix) {
		panic(fmt.Sprintf("openapi: prefix %q must begin with a slash, not end with one, and have no wildcards", prefix))
	}
	m.Handle(prefix+"/", &mounted{prefix: prefix, next: h, handler: http.StripPrefix(prefix, h)})
}

func isPrefix(s string) bool {
	return strings.HasPrefix(s, "/") && !strings.HasSuffix(s, "/") && !strings.ContainsAny(s, "{} ") && clean(s) == s && utf8.ValidString(s)
}

// Describe tells about a pattern that was registered. It panics for one that
// was not.
func (m *Mux) Describe(pattern string, about Operation) {
	m.mu.Lock()
	defer m.mu.Unlock()
	i := slices.IndexFunc(m.entries, func(e registered) bool { return e.pattern == pattern })
	if i < 0 {
		panic(fmt.Sprintf("openapi: Describe of the pattern %q, which is not registered", pattern))
	}
	about.Tags, about.Form, about.Methods = slices.Clone(about.Tags), slices.Clone(about.Form), slices.Clone(about.Methods)
	m.entries[i].about = about
}

// Handler returns the handler for the request, as http.ServeMux.Handler does.
func (m *Mux) Handler(r *http.Request) (h http.Handler, pattern string) { return m.mux.Handler(r) }

// ServeHTTP serves as http.ServeMux does.
func (m *Mux) ServeHTTP(w http.ResponseWriter, r *http.Request) { m.mux.ServeHTTP(w, r) }

// routes lists the routes, and those of a Mux or Routes inside. What other
// routers have inside is not known.
func (m *Mux) routes(depth int) []Route {
	m.mu.Lock()
	entries := slices.Clone(m.entries)
	m.mu.Unlock()
	var all []Route
	for _, e := range entries {
		inner := newWalker(e.handler)
		if len(inner.lists) == 0 && inner.top.status != notRouted {
			route := parsePattern(e.pattern)
			route.Handler, route.Operation = e.handler, e.about
			all = append(all, route)
		}
		for _, l := range inner.lists {
			if depth == 0 || e.about.Hidden {
				break
			}
			for _, route := range l.routes(depth - 1) {
				route.Path = l.prefix + route.Path
				all = append(all, route)
			}
		}
	}
	return all
}

// parsePattern reads a pattern of ServeMux, and writes its path as documents do.
func parsePattern(pattern string) Route {
	slash := strings.IndexByte(pattern, '/')
	before := strings.Fields(pattern[:slash])
	route := Route{Path: strings.ReplaceAll(strings.TrimSuffix(pattern[slash:], "{$}"), "...}", "}")}
	if n := len(before); n == 2 || n == 1 && strings.ContainsAny(pattern[:slash], " \t") {
		route.Method, before = before[0], before[1:]
	}
	if len(before) > 0 {
		route.host = before[0]
	}
	return route
}
