package openapi_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/authstar/authstar/openapi"
	"github.com/authstar/authstar/security"
)

func TestWaysToTheHandler(t *testing.T) {
	a, b := security.Scopes("a"), security.Scopes("b")
	const onlyA, both, unchanged = `[{"bearer":["a"]}]`, `[{"bearer":["a","b"]}]`, ``
	c := chain(t, bearer())
	for _, test := range []struct {
		name string
		path string
		root func(mux *http.ServeMux, own *openapi.Mux) http.Handler
		want string
	}{
		{"guards around a mux and inside", "/x", func(mux *http.ServeMux, _ *openapi.Mux) http.Handler {
			mux.Handle("/x", b.HandlerFunc(serve))
			return c.Handler(a.Handler(mux))
		}, both},
		{"a mux in a mux", "/x/y", func(mux *http.ServeMux, own *openapi.Mux) http.Handler {
			mux.Handle("GET /x/{id}", b.HandlerFunc(serve))
			own.Handle("/x/", a.Handler(mux))
			return c.Handler(own)
		}, both},
		{"a chain inside of a mux", "/x", func(mux *http.ServeMux, _ *openapi.Mux) http.Handler {
			mux.Handle("GET /x", c.Handler(a.HandlerFunc(serve)))
			return mux
		}, onlyA},
		{"Mount", "/api/v1/x", func(mux *http.ServeMux, own *openapi.Mux) http.Handler {
			own.Handle("GET /x", b.HandlerFunc(serve))
			outer := new(openapi.Mux)
			outer.Mount("/api/v1", a.Handler(own))
			return c.Handler(outer)
		}, both},
		{"an exception below Mount is relative", "/api/x", func(mux *http.ServeMux, own *openapi.Mux) http.Handler {
			own.HandleFunc("GET /x", serve)
			outer := new(openapi.Mux)
			outer.Mount("/api", a.Except("/x").Handler(own))
			return c.Handler(outer)
		}, `[]`},
		{"StripPrefix is opaque", "/api/x", func(mux *http.ServeMux, own *openapi.Mux) http.Handler {
			own.Handle("GET /x", b.HandlerFunc(serve))
			mux.Handle("/api/", http.StripPrefix("/api", own))
			return c.Handler(mux)
		}, unchanged},
		{"TimeoutHandler is opaque", "/x", func(mux *http.ServeMux, _ *openapi.Mux) http.Handler {
			mux.Handle("GET /x", http.TimeoutHandler(a.HandlerFunc(serve), 1, ""))
			return c.Handler(mux)
		}, unchanged},
		{"a struct around a mux is opaque", "/x", func(mux *http.ServeMux, _ *openapi.Mux) http.Handler {
			mux.Handle("GET /x", struct{ http.Handler }{a.HandlerFunc(serve)})
			return c.Handler(mux)
		}, unchanged},
		{"a struct that is a mux is opaque", "/x", func(mux *http.ServeMux, _ *openapi.Mux) http.Handler {
			server := new(struct{ http.ServeMux })
			server.Handle("GET /x", a.HandlerFunc(serve))
			mux.Handle("GET /x", server)
			return c.Handler(mux)
		}, unchanged},
		{"a struct that is a Mux is opaque", "/x", func(mux *http.ServeMux, _ *openapi.Mux) http.Handler {
			server := new(struct{ openapi.Mux })
			server.Handle("GET /x", a.HandlerFunc(serve))
			mux.Handle("GET /x", server)
			return c.Handler(mux)
		}, unchanged},
		{"the method of a guarded handler is opaque", "/x", func(mux *http.ServeMux, _ *openapi.Mux) http.Handler {
			mux.HandleFunc("GET /x", a.HandlerFunc(serve).ServeHTTP)
			return c.Handler(mux)
		}, unchanged},
		{"the method of a route's handler is opaque", "/x", func(*http.ServeMux, *openapi.Mux) http.Handler {
			return c.Handler(openapi.Routes{{Method: "GET", Path: "/x", Handler: http.HandlerFunc(a.HandlerFunc(serve).ServeHTTP)}})
		}, unchanged},
		{"another method of a value is not", "/x", func(mux *http.ServeMux, _ *openapi.Mux) http.Handler {
			mux.Handle("GET /x", a.HandlerFunc(shop{}.list))
			return c.Handler(mux)
		}, onlyA},
		{"a closure around everything is opaque", "/x", func(mux *http.ServeMux, _ *openapi.Mux) http.Handler {
			mux.Handle("GET /x", a.HandlerFunc(serve))
			return blind(c.Handler(mux))
		}, unchanged},
		{"Through sees what closures hide", "/x", func(mux *http.ServeMux, _ *openapi.Mux) http.Handler {
			mux.Handle("GET /x", openapi.Through(http.HandlerFunc(serve), blind, a.Handler, blind, b.Handler))
			return openapi.Through(mux, blind, c.Handler, blind)
		}, both},
		{"a prefix of a tree that decides itself is opaque", "/x/y", func(mux *http.ServeMux, _ *openapi.Mux) http.Handler {
			mux.Handle("/", a.HandlerFunc(serve))
			return c.Handler(mux)
		}, unchanged},
		{"a tree with a parameter", "/files/{name}", func(mux *http.ServeMux, _ *openapi.Mux) http.Handler {
			mux.Handle("GET /files/{rest...}", a.HandlerFunc(serve))
			mux.Handle("GET /files/any", b.HandlerFunc(serve))
			return c.Handler(mux)
		}, onlyA},
		{"the redirect to a tree is no route", "/files", func(mux *http.ServeMux, _ *openapi.Mux) http.Handler {
			mux.Handle("/files/", a.HandlerFunc(serve))
			return c.Handler(mux)
		}, unchanged},
		{"the redirect to a clean path is no route", "/x/../y", func(mux *http.ServeMux, _ *openapi.Mux) http.Handler {
			mux.Handle("/y", a.HandlerFunc(serve))
			return c.Handler(mux)
		}, unchanged},
		{"a redirect that is a route", "/old/{id}", func(mux *http.ServeMux, _ *openapi.Mux) http.Handler {
			mux.Handle("GET /old/{id}", a.Handler(http.RedirectHandler("/new", http.StatusPermanentRedirect)))
			return c.Handler(mux)
		}, onlyA},
		{"another method", "/x", func(mux *http.ServeMux, _ *openapi.Mux) http.Handler {
			mux.Handle("POST /x", a.HandlerFunc(serve))
			return c.Handler(mux)
		}, unchanged},
		{"routes of another router", "/x/{id}/y/{rest}", func(*http.ServeMux, *openapi.Mux) http.Handler {
			return c.Handler(openapi.Routes{
				{Method: "GET", Path: "/x/{name:[a-z]{2}}/y/*", Handler: a.HandlerFunc(serve)},
				{Method: "POST", Path: "/x/:id/y/*rest", Handler: b.HandlerFunc(serve)},
			})
		}, onlyA},
		{"the first of two routes counts", "/x", func(*http.ServeMux, *openapi.Mux) http.Handler {
			return c.Handler(openapi.Routes{
				{Method: "GET", Path: "/x", Handler: a.HandlerFunc(serve)},
				{Method: "GET", Path: "/x", Handler: b.HandlerFunc(serve)},
			})
		}, onlyA},
		{"routes with an escaped path", "/a%2Fb/{id}", func(*http.ServeMux, *openapi.Mux) http.Handler {
			return c.Handler(openapi.Routes{{Method: "GET", Path: "/a%2Fb/:id", Handler: a.HandlerFunc(serve)}})
		}, onlyA},
		{"routes in the manner of gin", "/x/{id}/y/{rest}", func(*http.ServeMux, *openapi.Mux) http.Handler {
			return openapi.Routes{{Path: "/x/:id/y/*rest", Handler: openapi.Through(http.HandlerFunc(serve), blind, c.Handler, a.Handler)}}
		}, onlyA},
	} {
		t.Run(test.name, func(t *testing.T) {
			root := test.root(new(http.ServeMux), new(openapi.Mux))
			out := annotate(t, one("3.1.0", "GET", test.path), root)
			if got := securityIn(t, out, "GET", test.path); got != test.want {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
		})
	}
}

type shop struct{}

func (shop) list(w http.ResponseWriter, r *http.Request) { serve(w, r) }

// N01: a guard refuses before a chain inside of it has looked.
func TestN01ChainInsideOfAChain(t *testing.T) {
	const outer, both = `[{"bearer":[]}]`, `[{"bearer":[]},{"X-API-Key":[]}]`
	authenticated := security.Authenticated()
	for _, test := range []struct {
		name            string
		between, inside security.Guard
		want            string
		code            int // for a client that has only what the inner chain reads
	}{
		{"a guard between the chains asks the outer one", authenticated, security.Optional(), outer, 401},
		{"guards between and inside ask the outer one", authenticated, authenticated, outer, 401},
		{"a guard between that makes an exception leaves it to both", authenticated.Except("GET /x"), authenticated, both, 204},
		{"a guard that passes requests without a client leaves it to both", security.Optional(), authenticated, both, 204},
	} {
		t.Run(test.name, func(t *testing.T) {
			mux := http.NewServeMux()
			mux.Handle("GET /x", test.between.Handler(chain(t, apiKey()).Handler(test.inside.HandlerFunc(serve))))
			root := chain(t, bearer()).Handler(mux)
			if got := securityIn(t, annotate(t, one("3.1.0", "GET", "/x"), root), "GET", "/x"); got != test.want {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
			if w := answer(root, "GET", "/x", "X-API-Key", "s3cret-key"); w.Code != test.code {
				t.Errorf("a key is answered with %d", w.Code)
			}
			if w := answer(root, "GET", "/x", "Authorization", "Bearer s3cret-token"); w.Code != 204 {
				t.Errorf("a token is answered with %d", w.Code)
			}
		})
	}
}

// The paths are below those of the servers that are nearest to the operation.
func TestServers(t *testing.T) {
	mux := http.NewServeMux()
	mux.Handle("GET /v1/x", security.Authenticated().HandlerFunc(serve))
	root := chain(t, bearer()).Handler(mux)
	for _, test := range []struct {
		name, top, item string
		want            string
	}{
		{"an absolute URL", `"servers":[{"url":"https://api.example/v1"}],`, "", `[{"bearer":[]}]`},
		{"a path", `"servers":[{"url":"/v1"}],`, "", `[{"bearer":[]}]`},
		{"a relative URL", `"servers":[{"url":"v1"}],`, "", `[{"bearer":[]}]`},
		{"a relative URL with a dot", `"servers":[{"url":"./v1/"}],`, "", `[{"bearer":[]}]`},
		{"another path", `"servers":[{"url":"/v2"}],`, "", ""},
		{"no servers", "", "", ""},
		{"the servers of the path", `"servers":[{"url":"/v2"}],`, `"servers":[{"url":"/v1"}],`, `[{"bearer":[]}]`},
		{"others of the path", `"servers":[{"url":"/v1"}],`, `"servers":[{"url":"/v2"}],`, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			doc := annotate(t, []byte(`{"openapi":"3.1.0",`+test.top+`"paths":{"/x":{`+test.item+`"get":{"responses":{}}}}}`), root)
			if want := `"security":` + test.want; strings.Contains(string(doc), want) != (test.want != "") {
				t.Errorf("want security %q in\n%s", test.want, doc)
			}
		})
	}
}
