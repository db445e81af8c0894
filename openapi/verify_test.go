package openapi_test

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/authstar/authstar"
	"github.com/authstar/authstar/openapi"
	"github.com/authstar/authstar/security"
)

const drifted = `{
  "openapi": "3.1.0", "info": {"title": "t", "version": "1"}, "security": [{"bearer": []}],
  "components": {"securitySchemes": {"flow": {"type": "oauth2", "flows": {}}}},
  "paths": {
    "/good": {"get": {"security": [{"bearer": []}, {"flow": ["a"]}], "responses": {}}},
    "/inherits": {"get": {"responses": {}}},
    "/health": {"get": {"security": [], "responses": {}}},
    "/typo": {"get": {"responses": {}}},
    "/undocumented": {"get": {"security": [], "responses": {}}, "post": {"security": [{}, {"bearer": []}], "responses": {}}},
    "/open": {"get": {"security": [{"bearer": []}], "responses": {}}},
    "/optional": {"get": {"security": [{"bearer": []}], "responses": {}}},
    "/scopes": {"get": {"security": [{"flow": ["b"]}], "responses": {}}},
    "/opaque": {"get": {"responses": {}}},
    "/method": {"get": {"security": [], "responses": {}}},
    "/api/x": {"get": {"responses": {}}},
    "/shared": {"$ref": "#/components/pathItems/shared"},
    "/never": {"get": {"responses": {}}},
    "/strange": {"get": {"security": {}, "responses": {}}}
  }
}`

func TestVerifyFindsEveryFault(t *testing.T) {
	authenticated, a := security.Authenticated(), security.Scopes("a")
	mux := new(openapi.Mux)
	mux.Handle("GET /good", a.HandlerFunc(serve))
	mux.Handle("GET /inherits", authenticated.HandlerFunc(serve))
	mux.HandleFunc("GET /health", serve)
	mux.Handle("/undocumented", authenticated.HandlerFunc(serve))
	mux.Handle("GET /open", openapi.Through(http.HandlerFunc(serve), blind))
	mux.Handle("GET /optional", security.Optional().HandlerFunc(serve))
	mux.Handle("GET /scopes", security.Scopes("c").HandlerFunc(serve))
	mux.Handle("GET /opaque", http.MaxBytesHandler(authenticated.HandlerFunc(serve), 1))
	mux.HandleFunc("GET /method", authenticated.HandlerFunc(serve).ServeHTTP)
	mux.Handle("/api/", authenticated.HandlerFunc(serve))
	mux.Handle("GET /never", security.Guard{}.HandlerFunc(serve))
	mux.Handle("GET /strange", authenticated.HandlerFunc(serve))
	mux.HandleFunc("/shared", serve)

	mux.HandleFunc("POST /forgotten/{id}", serve)
	mux.HandleFunc("/any", serve)
	mux.HandleFunc("LINK /custom", serve)
	mux.Handle("GET /metrics", security.Internal().HandlerFunc(serve))
	mux.HandleFunc("GET /docs/", serve)
	mux.Describe("GET /docs/", openapi.Operation{Hidden: true})
	inner := new(openapi.Mux)
	inner.HandleFunc("DELETE /forgotten", serve)
	mux.Mount("/admin", security.Scopes("a").Handler(inner))
	mux.Mount("/other", http.NewServeMux())

	err := openapi.Verify([]byte(drifted), chain(t, bearer()).Handler(mux), openapi.OAuth2ClientCredentials("/token", map[string]string{"a": ""}))
	var got []string
	for _, e := range err.(interface{ Unwrap() []error }).Unwrap() {
		var f *openapi.Fault
		if !errors.As(e, &f) || !strings.HasPrefix(e.Error(), "openapi: "+f.Method+" "+f.Path+": "+f.Problem) {
			t.Errorf("%v is no Fault", e)
			continue
		}
		got = append(got, f.Method+" "+f.Path+": "+f.Problem)
	}
	want := []string{
		`GET /typo: it is documented, but not routed`,
		`GET /undocumented: it is guarded, and documented as open`,
		`POST /undocumented: it is guarded, and documented as open`,
		`GET /open: it is documented with security, and open: no guard is seen around github.com/authstar/authstar/openapi_test.serve`,
		`GET /optional: it is documented with security, and passes requests without credentials`,
		`GET /scopes: it is documented with other scopes than its guard asks for`,
		`GET /scopes: no OAuth 2.0 flow lists the scopes ["c"]`,
		`GET /opaque: it is opaque: github.com/authstar/authstar/openapi_test.TestVerifyFindsEveryFault.MaxBytesHandler.func1 wraps another handler and does not answer Unwrap() http.Handler`,
		`GET /method: it is opaque: net/http.Handler.ServeHTTP-fm does not show the handler whose method it is: register the handler itself`,
		`GET /api/x: it is opaque: the pattern "/api/" serves more than this path, and its handler decides about it`,
		`* /shared: it is opaque: the path item is a $ref, which paths with other guards may share`,
		`GET /never: its guard lets nothing pass`,
		`GET /strange: its security is not an array of requirement objects`,
		`* /api/: it is routed, but not documented`,
		`POST /forgotten/{id}: it is routed, but not documented`,
		`* /any: it is routed, but not documented`,
		`DELETE /admin/forgotten: it is routed, but not documented`,
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestVerifyAcceptsWhatAnnotateWrote(t *testing.T) {
	for name, test := range map[string]struct {
		root  http.Handler
		extra []authstar.Scheme
	}{
		"huma": {orders(t), []authstar.Scheme{openapi.OpenIDConnect("https://id.example.com/")}},
		"swag": {celler(t), nil},
	} {
		doc := annotate(t, read(t, name+".json"), test.root, test.extra...)
		if err := openapi.Verify(doc, test.root, test.extra...); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	err := openapi.Verify(annotate(t, read(t, "petstore.json"), petstore(t)), petstore(t))
	if err == nil || err.Error() != "openapi: GET /store/order/{orderId}: it is documented, but not routed" {
		t.Errorf("petstore: %v", err)
	}
}

func TestVerifyFindsGuardsWithoutChain(t *testing.T) {
	mux := new(openapi.Mux)
	mux.Handle("GET /in", chain(t, bearer()).Handler(security.Authenticated().HandlerFunc(serve)))
	mux.Handle("GET /out", security.Authenticated().HandlerFunc(serve))
	extra := openapi.HTTPBearer("")
	doc := annotate(t, mux.Document(openapi.Info{}), mux, extra)
	err := openapi.Verify(doc, mux, extra)
	if err == nil || err.Error() != "openapi: GET /out: its guard stands outside of the chain, and answers 500" {
		t.Error(err)
	}
	if err := openapi.Verify([]byte("{"), mux); err == nil {
		t.Error("half a document passes")
	}
}

// Without any chain below the root, the guards are inside of the one around it.
func TestVerifyTrustsTheChainAroundTheRoot(t *testing.T) {
	mux := new(openapi.Mux)
	mux.Handle("GET /x", security.Authenticated().HandlerFunc(serve))
	extra := openapi.HTTPBearer("")
	if err := openapi.Verify(annotate(t, mux.Document(openapi.Info{}), mux, extra), mux, extra); err != nil {
		t.Error(err)
	}
}

// A guard around the chain finds no client, which is for it to mind.
func TestVerifyFindsGuardsOutsideThatAskForAClient(t *testing.T) {
	for _, test := range []struct {
		name  string
		guard security.Guard
		want  string
	}{
		{"a guard for the internal network passes", security.Internal(), ""},
		{"a guard that asks nobody passes", security.Optional(), ""},
		{"a guard with an exception for the route passes", security.Authenticated().Except("GET /x"), ""},
		{"a guard that asks for a client does not", security.Authenticated(), "its guard stands outside of the chain, and answers 500"},
	} {
		t.Run(test.name, func(t *testing.T) {
			mux := new(openapi.Mux)
			mux.HandleFunc("GET /x", serve)
			root := test.guard.Handler(chain(t, bearer()).Handler(mux))
			problem(t, openapi.Verify(annotate(t, mux.Document(openapi.Info{}), root), root), test.want)
		})
	}
}

// scopes and exact are problems.
const (
	scopes = "it is documented with other scopes than its guard asks for"
	exact  = "its x-authstar-requirement is not what its guard asks for"
	none   = "it is documented with schemes of which its chain has none"
)

// What the document says about scopes and checks follows the guard.
func TestVerifyFindsWhatIsOutOfDate(t *testing.T) {
	authenticated := security.Authenticated()
	owner := security.Require("owner", nobody)
	flow := openapi.OAuth2ClientCredentials("/t", map[string]string{"a": "", "b": ""})
	for _, test := range []struct {
		name     string
		version  string
		was, now security.Guard
		extra    []authstar.Scheme
		want     string
	}{
		{"the same scope", "3.1.0", security.Scopes("a"), security.Scopes("a"), nil, ""},
		{"another scope", "3.1.0", security.Scopes("a"), security.Scopes("b"), nil, scopes},
		{"another scope, in 3.0", "3.0.3", security.Scopes("a"), security.Scopes("b"), nil, exact},
		{"the same scope, in 3.0", "3.0.3", security.Scopes("a"), security.Scopes("a"), nil, ""},
		{"a scope more", "3.1.0", security.Scopes("a"), security.AllScopes("a", "b"), nil, scopes},
		{"a scope less", "3.1.0", security.AllScopes("a", "b"), security.Scopes("a"), nil, scopes},
		{"an alternative more", "3.1.0", security.Scopes("a"), security.Scopes("a", "b"), nil, scopes},
		{"an alternative less", "3.1.0", security.Scopes("a", "b"), security.Scopes("a"), nil, scopes},
		{"an alternative less, of a flow", "3.0.3", security.Scopes("a", "b"), security.Scopes("a"), []authstar.Scheme{flow}, scopes},
		{"the same alternatives in another order", "3.1.0", security.Scopes("a", "b"), security.Scopes("b", "a"), nil, ""},
		{"no scope any more", "3.1.0", security.Scopes("a"), authenticated, nil, scopes},
		{"no scope any more, in 3.0", "3.0.3", security.Scopes("a"), authenticated, nil, exact},
		{"any client beside a scope", "3.1.0", security.AnyOf(authenticated, security.Scopes("a")), security.AnyOf(authenticated, security.Scopes("a")), nil, ""},
		{"a check less", "3.1.0", owner.And(authenticated), authenticated, nil, exact},
		{"a check less on the internal network", "3.1.0", security.Internal(), security.AnyOf(security.Internal(), security.Optional()), nil, exact},
		{"another check", "3.1.0", owner, security.Require("reader", nobody), nil, exact},
		{"the same check", "3.1.0", owner, security.Require("owner", nobody), nil, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			root := func(g security.Guard) http.Handler {
				mux := http.NewServeMux()
				mux.Handle("GET /x", g.HandlerFunc(serve))
				return chain(t, bearer(), apiKey()).Handler(mux)
			}
			doc := annotate(t, one(test.version, "GET", "/x"), root(test.was), test.extra...)
			problem(t, openapi.Verify(doc, root(test.now), test.extra...), test.want)
			doc = annotate(t, doc, root(test.now), test.extra...)
			problem(t, openapi.Verify(doc, root(test.now), test.extra...), "")
		})
	}
}

// problem checks that the only one of GET /x is this one, or none.
func problem(t *testing.T, err error, want string) {
	t.Helper()
	switch {
	case want == "" && err != nil:
		t.Error(err)
	case want != "" && (err == nil || err.Error() != "openapi: GET /x: "+want):
		t.Errorf("%v, want %s", err, want)
	}
}

// A document that Annotate has not seen may say less than the guard, in the
// words of its version.
func TestVerifyAcceptsDocumentsByHand(t *testing.T) {
	a, both := security.Scopes("a"), security.AllScopes("a", "b")
	owner := security.Require("owner", nobody)
	const schemes = `{"flow":{"type":"oauth2","flows":{}},"other":{"type":"http","scheme":"basic"},"JWT":{"type":"http","scheme":"Bearer"},` +
		`"Token":{"type":"http","scheme":"bearer"},"key":{"type":"apiKey","in":"header","name":"authorization"},"ref":{"$ref":"#/x"}}`
	for _, test := range []struct {
		name     string
		security string
		guard    security.Guard
		want     string
	}{
		{"without scopes", `[{"bearer":[]}]`, a, ""},
		{"without one of the schemes", `[{"X-API-Key":[]}]`, a, ""},
		{"with scopes", `[{"bearer":["a"]}]`, a, ""},
		{"with scopes of one scheme", `[{"bearer":["a"]},{"X-API-Key":[]}]`, a, ""},
		{"with scopes in another order", `[{"bearer":["b","a","b"]}]`, both, ""},
		{"with a scope of each alternative", `[{"bearer":["a"]},{"X-API-Key":["b"]}]`, security.Scopes("a", "b"), ""},
		{"with another scope", `[{"bearer":["b"]}]`, a, scopes},
		{"with a scope and without", `[{"bearer":["a"]},{"bearer":[]}]`, a, scopes},
		{"with scopes of one flow", `[{"flow":["a"]},{"bearer":[]}]`, a, ""},
		{"with other scopes of a flow than of the rest", `[{"flow":["a"]},{"bearer":["b"]}]`, security.Scopes("a", "b"), scopes},
		{"with a flow that lists none", `[{"flow":[]}]`, a, scopes},
		{"with a role, which a check decides about", `[{"bearer":["admin"]}]`, owner, ""},
		{"with a role that nobody decides about", `[{"bearer":["admin"]}]`, security.Authenticated(), scopes},
		{"with a flow's scope beside a check", `[{"flow":["b"]}]`, owner.And(a), scopes},
		{"with the exact requirement", `[{"bearer":["a"]}],"x-authstar-requirement":[{"scopes":["a"]}]`, a, ""},
		{"with what is no requirement", `[{"bearer":["a"]}],"x-authstar-requirement":"a"`, a, exact},
		{"with an exact requirement that repeats itself", `[{"bearer":[]}],"x-authstar-requirement":[{"scopes":["a","a"]}]`, a, ""},
		{"with an exact requirement of as many scopes", `[{"bearer":[]}],"x-authstar-requirement":[{"scopes":["a","a"]}]`, both, exact},
		{"with a scheme that is not the chain's", `[{"other":[]}]`, a, none},
		{"with a scheme that nobody describes", `[{"basic":[]}]`, a, none},
		{"with another scheme beside the chain's", `[{"other":[]},{"bearer":[]}]`, a, ""},
		{"with the chain's scheme and one of a proxy", `[{"bearer":[],"other":[]}]`, a, ""},
		{"with a scheme of the chain under another name", `[{"JWT":[]}]`, a, ""},
		{"with a second name of a scheme", `[{"Token":[]}]`, a, ""},
		{"with a token as a key, in the manner of Swagger 2.0", `[{"key":[]}]`, a, ""},
		{"with a reference to a scheme", `[{"ref":[]}]`, a, ""},
		{"with a scheme that is not the chain's, and maybe open", `[{},{"other":[]}]`, security.Optional(), ""},
		{"open, for the internal network", `[]`, security.Internal(), ""},
		{"open, and maybe more", `[]`, security.Optional(), ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			mux := http.NewServeMux()
			mux.Handle("GET /x", test.guard.HandlerFunc(serve))
			doc := `{"openapi":"3.1.0","components":{"securitySchemes":` + schemes + `},"paths":{"/x":{"get":{"security":` + test.security + `,"responses":{}}}}}`
			problem(t, openapi.Verify([]byte(doc), chain(t, bearer(), apiKey()).Handler(mux)), test.want)
		})
	}
}

// The document may have its own words for schemes that the program describes
// otherwise, or that OpenAPI cannot describe.
func TestVerifyAcceptsOtherWordsForASchemeThatIsTheChains(t *testing.T) {
	flow := openapi.OAuth2ClientCredentials("/t", map[string]string{"a": ""})
	flow.ID = "bearer"
	for _, test := range []struct {
		name     string
		chain    []authstar.Authenticator
		extra    []authstar.Scheme
		existing string
		want     string
	}{
		{"a token, of which the program knows the flow", nil, []authstar.Scheme{flow}, `{"type":"http","scheme":"bearer"}`, ""},
		{"a key, where there is a subprotocol beside the password", []authstar.Authenticator{basic(), bearer().Subprotocol("x")}, nil, `{"type":"apiKey","in":"header","name":"Sec-WebSocket-Protocol"}`, ""},
		{"a key, where there is a password alone", []authstar.Authenticator{basic()}, nil, `{"type":"apiKey","in":"header","name":"Sec-WebSocket-Protocol"}`, none},
	} {
		t.Run(test.name, func(t *testing.T) {
			root := guardedBy(t, test.chain)
			doc := `{"openapi":"3.1.0","components":{"securitySchemes":{"bearer":` + test.existing + `}},"paths":{"/x":{"get":{"security":[{"bearer":["a"]}],"responses":{}}}}}`
			problem(t, openapi.Verify([]byte(doc), root, test.extra...), test.want)
		})
	}
}
