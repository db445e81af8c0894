package openapi_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/authstar/authstar/openapi"
	"github.com/authstar/authstar/security"
)

// api is an API with a route of every kind.
func api() *openapi.Mux {
	orders := new(openapi.Mux)
	orders.Handle("GET /orders", security.Scopes("orders:read").HandlerFunc(serve))
	orders.Describe("GET /orders", openapi.Operation{Summary: "List <b>all</b> orders </script><script>alert(1)</script>", ID: "listOrders", Tags: []string{"orders"}})
	orders.Handle("POST /orders", security.Scopes("orders:write", "admin").HandlerFunc(serve))
	orders.Handle("GET /orders/{id}/lines/{rest...}", security.AllScopes("orders:read", "lines:read").HandlerFunc(serve))
	orders.Handle("DELETE /orders/{id}", security.Scopes("orders:write").And(security.Require("owner", nobody)).HandlerFunc(serve))
	orders.Describe("DELETE /orders/{id}", openapi.Operation{Deprecated: true, Description: "Use *archive*."})

	mux := new(openapi.Mux)
	mux.HandleFunc("GET /{$}", serve)
	mux.Handle("/me", security.Authenticated().HandlerFunc(serve))
	mux.Describe("/me", openapi.Operation{Methods: []string{"GET", "PUT"}})
	mux.Handle("GET /maybe", security.Optional().HandlerFunc(serve))
	mux.Handle("GET /internal-metrics", security.Internal().HandlerFunc(serve))
	mux.Handle("GET /audit", security.AnyOf(security.Scopes("audit"), security.Internal()).And(security.Authenticated()).HandlerFunc(serve))
	mux.HandleFunc("POST /login", serve)
	mux.Describe("POST /login", openapi.Operation{Form: []string{"username", "password"}})
	mux.HandleFunc("GET /secret-door", serve)
	mux.Describe("GET /secret-door", openapi.Operation{Hidden: true})
	mux.HandleFunc("api.example.com/hosted", serve)
	mux.HandleFunc("LINK /custom", serve)
	mux.Mount("/shop", security.Authenticated().Except("GET /none").Handler(orders))
	return mux
}

func TestDocument(t *testing.T) {
	mux := api()
	root := chain(t, bearer(), basic(), apiKey(), session()).Handler(mux)
	doc := annotate(t, mux.Document(openapi.Info{Title: "Orders", Version: "1.2.3", Description: "All of them.", Servers: []string{"/"}}), root,
		openapi.OAuth2ClientCredentials("/oauth2/token", map[string]string{"orders:read": "see orders", "orders:write": "change orders", "admin": "everything", "lines:read": "see lines", "audit": "read the log"}))
	golden(t, "mux.golden.json", doc)

	if err := openapi.Verify(doc, root); err != nil {
		t.Error(err)
	}
	empty := new(openapi.Mux).Document(openapi.Info{})
	if want := `{"openapi":"3.1.0","info":{"title":"API","version":"0"},"servers":[{"url":"/"}],"paths":{}}`; compact(t, empty) != want {
		t.Errorf("an empty document is %s", empty)
	}
}

func compact(tb testing.TB, doc []byte) string {
	tb.Helper()
	var b bytes.Buffer
	if err := json.Compact(&b, doc); err != nil {
		tb.Fatal(err)
	}
	return b.String()
}

// N01: what the document says is what happens, in both directions.
func TestN01SecurityIsEnforced(t *testing.T) {
	mux := api()
	root := chain(t, bearer(), basic(), apiKey(), session()).Handler(mux)
	var d struct {
		Paths map[string]map[string]struct {
			Security  *[]map[string][]string
			Responses map[string]any
		}
	}
	if err := json.Unmarshal(annotate(t, mux.Document(openapi.Info{}), root), &d); err != nil {
		t.Fatal(err)
	}
	operations := 0
	for path, item := range d.Paths {
		for method, o := range item {
			operations++
			if o.Security == nil {
				t.Errorf("%s %s has no security", method, path)
				continue
			}
			demands := len(*o.Security) > 0
			for _, one := range *o.Security {
				demands = demands && len(one) > 0
			}
			url := strings.NewReplacer("{", "", "}", "").Replace(path)
			method = strings.ToUpper(method)
			w := answer(root, method, url)
			if refused := w.Code == http.StatusUnauthorized; refused != demands {
				t.Errorf("%s %s demands credentials: %v; without any it answers %d", method, path, demands, w.Code)
			}
			if demands && (w.Header().Get("WWW-Authenticate") == "" || o.Responses["401"] == nil) {
				t.Errorf("%s %s describes or answers 401 without a challenge", method, path)
			}
			bad := answer(root, method, url, "Authorization", "Bearer bad").Code
			if guarded := len(*o.Security) > 0; (bad == http.StatusUnauthorized) != guarded {
				t.Errorf("%s %s answers %d to a bad token", method, path, bad)
			}
			if w := answer(root, method, url, "Authorization", "Bearer s3cret-token"); w.Code == http.StatusForbidden && o.Responses["403"] == nil {
				t.Errorf("%s %s does not describe 403", method, path)
			}
		}
	}
	if operations != 11 {
		t.Errorf("%d operations were tried", operations)
	}
}

// N02: no secret of the configuration, and nothing internal or hidden.
func TestN02NoSecrets(t *testing.T) {
	mux := api()
	doc := string(annotate(t, mux.Document(openapi.Info{}), chain(t, bearer(), basic(), apiKey()).Handler(mux)))
	for _, secret := range []string{"s3cret", "alice", "internal-metrics", "secret-door"} {
		if strings.Contains(doc, secret) {
			t.Errorf("the document holds %q", secret)
		}
	}
	if !strings.Contains(doc, "/audit") {
		t.Error("what is not for the internal network alone is missing")
	}
}

func TestMuxServesAsServeMux(t *testing.T) {
	mux := new(openapi.Mux)
	echo := func(w http.ResponseWriter, r *http.Request) {
		_, _ = w.Write([]byte(r.Pattern + " " + r.PathValue("id") + " " + r.URL.Path))
	}
	mux.HandleFunc("GET /orders/{id}", echo)
	inner := http.NewServeMux()
	inner.HandleFunc("GET /things/{id}", echo)
	mux.Mount("/api", openapi.Through(inner, blind))
	for _, test := range []struct {
		method, path string
		code         int
		body         string
	}{
		{"GET", "/orders/7", 200, "GET /orders/{id} 7 /orders/7"},
		{"POST", "/orders/7", 405, ""},
		{"GET", "/none", 404, ""},
		{"GET", "/api/things/8", 200, "GET /things/{id} 8 /things/8"},
		{"GET", "/api", 307, ""},
		{"GET", "/api/orders/7", 404, ""},
	} {
		w := answer(mux, test.method, test.path)
		if w.Code != test.code || test.body != "" && w.Body.String() != test.body {
			t.Errorf("%s %s: %d %q", test.method, test.path, w.Code, w.Body)
		}
	}
	r, _ := http.NewRequest("GET", "/orders/7", nil)
	if _, pattern := mux.Handler(r); pattern != "GET /orders/{id}" {
		t.Errorf("Handler found %q", pattern)
	}
	if w := answer(openapi.Routes{}, "GET", "/"); w.Code != 500 {
		t.Errorf("Routes answer %d", w.Code)
	}
}

func TestMuxPanics(t *testing.T) {
	for name, f := range map[string]func(*openapi.Mux){
		"a pattern twice":           func(m *openapi.Mux) { m.HandleFunc("/a", serve); m.HandleFunc("/a", serve) },
		"a nil function":            func(m *openapi.Mux) { m.HandleFunc("/a", nil) },
		"a nil handler":             func(m *openapi.Mux) { m.Handle("/a", nil) },
		"a nil mount":               func(m *openapi.Mux) { m.Mount("/a", nil) },
		"a prefix with a slash":     func(m *openapi.Mux) { m.Mount("/a/", m) },
		"an empty prefix":           func(m *openapi.Mux) { m.Mount("", m) },
		"a prefix with a wildcard":  func(m *openapi.Mux) { m.Mount("/{a}", m) },
		"a prefix that is unclean":  func(m *openapi.Mux) { m.Mount("/a/../b", m) },
		"words about nothing known": func(m *openapi.Mux) { m.Describe("/a", openapi.Operation{}) },
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Error("no panic")
				}
			}()
			f(new(openapi.Mux))
		})
	}
}

// A Mux that is mounted in itself, and a handler that wraps itself, end.
func TestLoops(t *testing.T) {
	mux := new(openapi.Mux)
	mux.HandleFunc("GET /x", serve)
	mux.Mount("/a", mux)
	if doc := string(mux.Document(openapi.Info{})); !strings.Contains(doc, `"/a/a/x"`) {
		t.Error(doc)
	}
	l := new(loop)
	if err := openapi.Verify(one("3.1.0", "GET", "/x"), l, openapi.HTTPBearer("")); err == nil || !strings.Contains(err.Error(), "opaque") {
		t.Error(err)
	}
}

type loop struct{}

func (l *loop) Unwrap() http.Handler                       { return l }
func (*loop) ServeHTTP(http.ResponseWriter, *http.Request) {}

// A handler that answers Unwrap with nil says that it is the last one.
func TestUnwrapNil(t *testing.T) {
	mux := http.NewServeMux()
	mux.Handle("GET /x", last{http.NotFoundHandler()})
	out := annotate(t, one("3.1.0", "GET", "/x"), mux)
	if got := securityIn(t, out, "GET", "/x"); got != "[]" {
		t.Errorf("security is %q", got)
	}
}

type last struct{ http.Handler }

func (last) Unwrap() http.Handler { return nil }

func TestRoutesHaveADocumentToo(t *testing.T) {
	routes := openapi.Routes{
		{Method: "GET", Path: "/orders/{id:[0-9]+}", Handler: security.Authenticated().HandlerFunc(serve), Operation: openapi.Operation{Summary: "An order"}},
		{Method: "GET", Path: "/files/*", Handler: http.HandlerFunc(serve)},
	}
	root := chain(t, bearer()).Handler(routes)
	doc := annotate(t, routes.Document(openapi.Info{}), root)
	if err := openapi.Verify(doc, root); err != nil {
		t.Error(err)
	}
	doc = []byte(compact(t, doc))
	if got := securityIn(t, doc, "GET", "/orders/{id}"); got != `[{"bearer":[]}]` {
		t.Errorf("%s\n%s", got, doc)
	}
	if err := openapi.Verify(one("3.1.0", "GET", "/files/{name}"), root); err == nil || !strings.HasPrefix(err.Error(), "openapi: GET /orders/{id}: it is routed, but not documented") {
		t.Error(err)
	}
}
