package openapi

import (
	"net/http"
	"strings"
)

// Route is one route of a router that this package cannot ask.
type Route struct {
	// Method is the HTTP method; "" is every method.
	Method string
	// Path is the path with its parameters in the router's own way: "{id}",
	// "{id:[0-9]+}", ":id", "*" or "*path". What a document calls a parameter
	// does not matter.
	Path string
	// Handler is what serves, with its guards: where the router keeps
	// middlewares apart, put them around it by [Through].
	Handler http.Handler
	// Operation is for [Routes.Document].
	Operation Operation

	host string // of a ServeMux pattern
}

// request is one that the route of a lister serves.
func (r Route) request(method, prefix string) *http.Request {
	return newRequest(strings.ToUpper(method), r.host, prefix+fill(r.Path))
}

// Routes stands for a router such as chi's, gin's or echo's wherever this
// package is given a handler, alone or inside a chain's handler:
//
//	openapi.Annotate(doc, chain.Handler(routes))
//
// It is a list and no router: as a handler it answers 500.
type Routes []Route

// ServeHTTP answers 500.
func (Routes) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	http.Error(w, http.StatusText(http.StatusInternalServerError), http.StatusInternalServerError)
}

// routes writes the paths as documents do.
func (list Routes) routes(int) []Route {
	all := make([]Route, len(list))
	for i, r := range list {
		r.Path = braced(r.Path)
		all[i] = r
	}
	return all
}

// route finds the handler for a request that newRequest made.
func (w *walker) route(list Routes, r *http.Request) http.Handler {
	if r == nil || len(list) == 0 {
		return nil
	}
	index := w.indexes[&list[0]]
	if index == nil {
		index = make(map[string]http.Handler)
		for _, route := range list {
			key := strings.ToUpper(route.Method) + " " + unescape(fill(braced(route.Path)))
			if index[key] == nil { // the first counts
				index[key] = route.Handler
			}
		}
		w.indexes[&list[0]] = index
	}
	if h := index[r.Method+" "+r.URL.Path]; h != nil {
		return h
	}
	return index[" "+r.URL.Path]
}

// braced writes parameters as documents do.
func braced(path string) string {
	segments := strings.Split(plainBraces(path), "/")
	for i, s := range segments {
		if strings.HasPrefix(s, ":") || strings.HasPrefix(s, "*") {
			name := s[1:]
			if name == "" {
				name = "path"
			}
			segments[i] = "{" + name + "}"
		}
	}
	return strings.Join(segments, "/")
}

// plainBraces drops the regular expressions of {name:regexp}.
func plainBraces(path string) string {
	var b strings.Builder
	depth, skip := 0, false
	for i := range len(path) {
		c := path[i]
		switch {
		case c == '{':
			depth++
			skip = skip || depth > 1
		case c == '}' && depth > 0:
			if depth--; depth == 0 {
				skip = false
			}
		case c == ':' && depth == 1:
			skip = true
		}
		if !skip {
			b.WriteByte(c)
		}
	}
	return b.String()
}
