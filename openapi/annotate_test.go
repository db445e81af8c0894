package openapi_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"strings"
	"testing"

	"github.com/authstar/authstar"
	"github.com/authstar/authstar/openapi"
	"github.com/authstar/authstar/security"
)

// one is a document with one operation.
func one(version, method, path string) []byte {
	return fmt.Appendf(nil, `{"openapi":%q,"info":{"title":"t","version":"1"},"paths":{%q:{%q:{"responses":{}}}}}`, version, path, strings.ToLower(method))
}

// securityIn is the security of the document's operation.
func securityIn(t *testing.T, doc []byte, method, path string) string {
	t.Helper()
	var d struct {
		Paths map[string]map[string]struct{ Security json.RawMessage }
	}
	if err := json.Unmarshal(doc, &d); err != nil {
		t.Fatal(err)
	}
	return string(d.Paths[path][strings.ToLower(method)].Security)
}

func TestGuardsBecomeSecurity(t *testing.T) {
	scopes := func(s ...string) security.Guard { return security.AllScopes(s[0], s[1:]...) }
	for _, test := range []struct {
		name    string
		version string
		guard   security.Guard
		want    string
	}{
		{"a client", "3.1.0", security.Authenticated(), `[{"bearer":[]},{"X-API-Key":[]}]`},
		{"any of two scopes", "3.1.0", security.Scopes("a", "b"), `[{"bearer":["a"]},{"X-API-Key":["a"]},{"bearer":["b"]},{"X-API-Key":["b"]}]`},
		{"any of two scopes, in 3.0", "3.0.3", security.Scopes("a", "b"), `[{"bearer":[]},{"X-API-Key":[]}]`},
		{"all of two scopes", "3.1.0", scopes("a", "b"), `[{"bearer":["a","b"]},{"X-API-Key":["a","b"]}]`},
		{"both of two guards", "3.1.0", scopes("a").And(security.Scopes("b", "c")), `[{"bearer":["a","b"]},{"X-API-Key":["a","b"]},{"bearer":["a","c"]},{"X-API-Key":["a","c"]}]`},
		{"either of two guards", "3.1.0", security.AnyOf(security.Optional(), scopes("a")), `[{},{"bearer":[]},{"X-API-Key":[]},{"bearer":["a"]},{"X-API-Key":["a"]}]`},
		{"the internal network", "3.1.0", security.Internal(), `[]`},
		{"the internal network or a client", "3.1.0", security.AnyOf(security.Internal(), security.Authenticated()), `[{},{"bearer":[]},{"X-API-Key":[]}]`},
		{"the internal network and a client", "3.1.0", security.Internal().And(scopes("a")), `[{"bearer":["a"]},{"X-API-Key":["a"]}]`},
		{"an exception", "3.1.0", scopes("a").Except("GET /orders/{id}"), `[]`},
		{"an exception for others", "3.1.0", scopes("a").Except("POST /orders/{id}", "/public/"), `[{"bearer":["a"]},{"X-API-Key":["a"]}]`},
		{"a guard that passes nothing", "3.1.0", security.Guard{}, `[{"bearer":[]},{"X-API-Key":[]}]`},
	} {
		t.Run(test.name, func(t *testing.T) {
			mux := http.NewServeMux()
			mux.Handle("GET /orders/{id}", test.guard.HandlerFunc(serve))
			out := annotate(t, one(test.version, "GET", "/orders/{orderId}"), chain(t, bearer(), apiKey()).Handler(mux))
			if got := securityIn(t, out, "GET", "/orders/{orderId}"); got != test.want {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
		})
	}
}

func TestAnnotateRefuses(t *testing.T) {
	mux := http.NewServeMux()
	mux.Handle("GET /x", security.Authenticated().HandlerFunc(serve))
	guarded := chain(t, bearer()).Handler(mux)
	doc := one("3.0.3", "GET", "/x")
	for _, test := range []struct {
		name  string
		doc   string
		root  http.Handler
		extra []authstar.Scheme
		want  string
	}{
		{"no JSON", "openapi: 3.0.3", guarded, nil, "the document is not JSON"},
		{"more than one JSON", string(doc) + "{}", guarded, nil, "the document is not JSON"},
		{"an array", "[]", guarded, nil, "the document is not an object"},
		{"no version", "{}", guarded, nil, `no member "openapi"`},
		{"Swagger 2.0", `{"swagger":"2.0"}`, guarded, nil, "Swagger 2.0"},
		{"another version", `{"openapi":"4.0.0"}`, guarded, nil, `"4.0.0"`},
		{"a member twice", `{"openapi":"3.0.3","paths":{},"paths":{}}`, guarded, nil, `the document has "paths" twice`},
		{"a member twice, in disguise", `{"openapi":"3.0.3","paths":{"/x":{"get":{},"\u0067et":{}}}}`, guarded, nil, `paths./x has "get" twice`},
		{"paths that are none", `{"openapi":"3.0.3","paths":[]}`, guarded, nil, "paths is not an object"},
		{"components that are none", `{"openapi":"3.0.3","components":null}`, guarded, nil, "components is not an object"},
		{"an operation that is none", `{"openapi":"3.0.3","paths":{"/x":{"get":1}}}`, guarded, nil, "GET /x is not an object"},
		{"responses that are none", `{"openapi":"3.0.3","paths":{"/x":{"get":{"responses":0}}}}`, guarded, nil, "GET /x.responses is not an object"},
		{"a guard without a scheme", string(doc), mux, nil, "openapi: GET /x: it is guarded, and there is no scheme"},
		{"a scheme without a URL", string(doc), guarded, []authstar.Scheme{openapi.OpenIDConnect("")}, "openIdConnectUrl is missing"},
		{"a flow without a URL", string(doc), guarded, []authstar.Scheme{openapi.OAuth2ClientCredentials("", nil)}, "flow clientCredentials"},
		{"an id that is no name", string(doc), guarded, []authstar.Scheme{{ID: "a b", Type: authstar.TypeHTTP, AuthScheme: "Bearer"}}, "the ID must be"},
		{"two schemes with one id", string(doc), guarded, []authstar.Scheme{openapi.HTTPBasic(""), {ID: "basic", Type: authstar.TypeMutualTLS}, openapi.HTTPBearer(""), {ID: "basic", Type: authstar.TypeAPIKey, In: "query", Name: "k"}}, `two different schemes with the ID "basic"`},
	} {
		t.Run(test.name, func(t *testing.T) {
			out, err := openapi.Annotate([]byte(test.doc), test.root, test.extra...)
			if err == nil || !strings.Contains(err.Error(), test.want) || out != nil {
				t.Errorf("%s, %v; want an error with %q", out, err, test.want)
			}
		})
	}
	t.Run("and nothing else", func(t *testing.T) { annotate(t, doc, guarded) })
}

// Everything that is not security stays byte for byte.
func TestTheRestStays(t *testing.T) {
	mux := http.NewServeMux()
	mux.Handle("GET /x", security.Authenticated().HandlerFunc(serve))
	doc := "\r\n{ \"z\" : 1.0e+03, \"openapi\":\"3.1.0\",\"a\": [1.50,-0,12345678901234567890, \"\\u00e9\\/ \xc3\xa9\"] ,\n" +
		"\"paths\":{\"x-note\":{\"get\":1},\"/x\":{\"get\":{ \"d\":\"\\\\\" ,\"b\":null }}} }\n"
	want := "\r\n{ \"z\" : 1.0e+03, \"openapi\":\"3.1.0\",\"a\": [1.50,-0,12345678901234567890, \"\\u00e9\\/ \xc3\xa9\"] ,\n" +
		"\"paths\":{\"x-note\":{\"get\":1},\"/x\":{\"get\":{ \"d\":\"\\\\\" ,\"b\":null,\"security\":[{\"basic\":[]}],\"responses\":{\"401\":{\"$ref\":\"#/components/responses/Unauthorized\"}} }}}," +
		`"components":{"securitySchemes":{"basic":{"type":"http","scheme":"basic"}},"responses":{"Unauthorized":{"description":"There are no credentials, or none that are accepted.",` +
		`"headers":{"WWW-Authenticate":{"description":"How to authenticate: a challenge for each way (RFC 9110 section 11.6.1).","schema":{"type":"string"}}}}}}` + " }\n"
	original := strings.Clone(doc)
	if got := string(annotate(t, []byte(doc), chain(t, basic()).Handler(mux))); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if doc != original {
		t.Error("the argument was changed")
	}
}

// A guard that changed in the code changes the document, which was annotated
// before.
func TestAnnotatingAgainFollowsTheGuard(t *testing.T) {
	root := func(g security.Guard) http.Handler {
		mux := http.NewServeMux()
		mux.Handle("GET /x", g.HandlerFunc(serve))
		return chain(t, bearer()).Handler(mux)
	}
	out := annotate(t, one("3.1.0", "GET", "/x"), root(security.Scopes("a")))
	out = annotate(t, out, root(security.Optional()))
	if got := securityIn(t, out, "GET", "/x"); got != `[{},{"bearer":[]}]` {
		t.Error(got)
	}
	var d struct {
		Paths map[string]map[string]map[string]any
	}
	if err := json.Unmarshal(out, &d); err != nil {
		t.Fatal(err)
	}
	want := []any{map[string]any{"anonymous": true}, map[string]any{}}
	if got := d.Paths["/x"]["get"]["x-authstar-requirement"]; !reflect.DeepEqual(got, want) {
		t.Errorf("x-authstar-requirement is %v", got)
	}
}
