package openapi_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/authstar/authstar/openapi"
	"github.com/authstar/authstar/security"
)

// documented are the operations of a document, in the order of their names.
func documented(t *testing.T, doc []byte) []string {
	t.Helper()
	var list []string
	for key := range operations(parse(t, doc), "") {
		list = append(list, strings.ToUpper(key[1])+" "+key[0])
	}
	slices.Sort(list)
	return list
}

// Every pattern is documented by a path that leads to it, also below a prefix.
func TestPatternsAreDocumented(t *testing.T) {
	for _, test := range []struct {
		name     string
		patterns []string
		want     []string
	}{
		{"a path", []string{"GET /x"}, []string{"GET /x"}},
		{"a path of every method", []string{"/x"}, []string{"GET /x"}},
		{"a path that ends in a slash", []string{"GET /x/{$}"}, []string{"GET /x/"}},
		{"a parameter", []string{"GET /x/{id}"}, []string{"GET /x/{id}"}},
		{"an escaped letter", []string{"/%41b"}, []string{"GET /%41b"}},
		{"an escaped slash", []string{"/a%2Fb/{x}"}, []string{"GET /a%2Fb/{x}"}},
		{"letters beyond ASCII", []string{"/é/{ü}"}, []string{"GET /é/{ü}"}},
		{"what is a parameter to other routers", []string{"/a/*", "/a/:id"}, []string{"GET /a/*", "GET /a/:id"}},
		{"two names of a parameter", []string{"GET /u/{id}", "DELETE /u/{user}"}, []string{"DELETE /u/{id}", "GET /u/{id}"}},
		{"a parameter, and the rest of the path", []string{"GET /u/{id}", "/u/{rest...}"}, []string{"GET /u/{id}"}},
		{"a literal beside a parameter", []string{"GET /u/{id}", "GET /u/me"}, []string{"GET /u/me", "GET /u/{id}"}},
		{"a method in small letters, which no request has", []string{"get /x"}, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			mux, outer := new(openapi.Mux), new(openapi.Mux)
			for _, pattern := range test.patterns {
				mux.Handle(pattern, security.Authenticated().HandlerFunc(serve))
			}
			outer.Mount("/m", mux)
			below := slices.Clone(test.want)
			for i := range below {
				below[i] = strings.Replace(below[i], " ", " /m", 1)
			}
			for _, way := range []struct {
				*openapi.Mux
				want []string
			}{{mux, test.want}, {outer, below}} {
				root := chain(t, bearer()).Handler(way.Mux)
				doc := annotate(t, way.Document(openapi.Info{}), root)
				if got := documented(t, doc); !slices.Equal(got, way.want) {
					t.Errorf("got %q, want %q", got, way.want)
				}
				if n := strings.Count(string(doc), `"security"`); n != len(way.want) {
					t.Errorf("%d operations have a security in\n%s", n, doc)
				}
				if err := openapi.Verify(doc, root); err != nil {
					t.Error(err)
				}
			}
		})
	}
}

// A path has the parameters that its own name has.
func TestOnePathHasOneNameForAParameter(t *testing.T) {
	mux := new(openapi.Mux)
	mux.HandleFunc("GET /u/{id}", serve)
	mux.HandleFunc("DELETE /u/{user}", serve)
	doc := compact(t, mux.Document(openapi.Info{}))
	if strings.Contains(doc, "user") || strings.Count(doc, `"parameters":[{"name":"id"`) != 2 {
		t.Error(doc)
	}
}

// What no request reaches is neither documented nor missed in a document.
func TestRoutesThatAreNotReached(t *testing.T) {
	inner := new(openapi.Mux)
	inner.HandleFunc("GET /a/x", serve)
	inner.HandleFunc("POST /a/x", serve)
	inner.HandleFunc("/a/any", serve)
	inner.HandleFunc("GET /b/y", serve)
	for _, test := range []struct {
		name, pattern string
		want          []string
		missed        string
	}{
		{"below all", "/", []string{"GET /a/any", "GET /a/x", "GET /b/y", "POST /a/x"}, "GET /a/x, POST /a/x, * /a/any, GET /b/y"},
		{"below a path", "/a/", []string{"GET /a/any", "GET /a/x", "POST /a/x"}, "GET /a/x, POST /a/x, * /a/any"},
		{"below a path and a method", "GET /a/", []string{"GET /a/any", "GET /a/x"}, "GET /a/x, * /a/any"},
		{"below a method that the document lacks", "POST /a/", []string{"POST /a/x"}, "POST /a/x, * /a/any"},
	} {
		t.Run(test.name, func(t *testing.T) {
			mux := new(openapi.Mux)
			mux.Handle(test.pattern, security.Scopes("a").Handler(inner))
			root := chain(t, bearer()).Handler(mux)
			if got := documented(t, mux.Document(openapi.Info{})); !slices.Equal(got, test.want) {
				t.Errorf("got %q, want %q", got, test.want)
			}
			// An operation below the pattern leads the walk to the routes inside.
			err := openapi.Verify([]byte(`{"openapi":"3.1.0","paths":{"/a/":{"get":{},"post":{}}}}`), root)
			var missed []string
			for _, line := range strings.Split(err.Error(), "\n") {
				if where, ok := strings.CutSuffix(line, ": it is routed, but not documented"); ok {
					missed = append(missed, strings.TrimPrefix(where, "openapi: "))
				}
			}
			if got := strings.Join(missed, ", "); got != test.missed {
				t.Errorf("Verify misses %s, want %s", got, test.missed)
			}
		})
	}
}

// A route that was left without a handler is nothing to be quiet about.
func TestRoutesWithoutAHandler(t *testing.T) {
	routes := openapi.Routes{{Method: "GET", Path: "/x"}, {Method: "GET", Path: "/y", Handler: http.HandlerFunc(serve)}}
	doc := routes.Document(openapi.Info{})
	if got := documented(t, doc); !slices.Equal(got, []string{"GET /x", "GET /y"}) {
		t.Errorf("got %q", got)
	}
	problem(t, openapi.Verify(annotate(t, doc, routes), routes), "it is documented, but not routed")
}

// What is hidden hides what is mounted there.
func TestHiddenMount(t *testing.T) {
	inner := new(openapi.Mux)
	inner.HandleFunc("GET /x", serve)
	mux := new(openapi.Mux)
	mux.Mount("/open", inner)
	mux.Mount("/hidden", inner)
	mux.Describe("/hidden/", openapi.Operation{Hidden: true})
	if got := documented(t, mux.Document(openapi.Info{})); !slices.Equal(got, []string{"GET /open/x"}) {
		t.Errorf("got %q", got)
	}
}
