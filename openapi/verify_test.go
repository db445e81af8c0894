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
