package openapi_test

import (
	"net/http"
	"testing"

	"github.com/authstar/authstar"
	"github.com/authstar/authstar/openapi"
	"github.com/authstar/authstar/security"
)

// The documents were made by others: testdata/huma.json by huma v2.37.2 from Go
// types, indented; testdata/swag.json by swag v2.0.0-rc4 from comments.
// testdata/petstore.json is written by hand in the manner of the Petstore
// (OpenAPI 3.0).
func TestDocumentsOfOthers(t *testing.T) {
	for _, test := range []struct {
		name  string
		root  http.Handler
		extra []authstar.Scheme
	}{
		{"petstore", petstore(t), []authstar.Scheme{
			openapi.OAuth2ClientCredentials("https://petstore.example.org/oauth/token", map[string]string{"read:pets": "see pets", "write:pets": "change pets", "admin": "do anything"}),
		}},
		{"huma", orders(t), []authstar.Scheme{openapi.OpenIDConnect("https://id.example.com/.well-known/openid-configuration")}},
		{"swag", celler(t), nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := annotate(t, read(t, test.name+".json"), test.root, test.extra...)
			golden(t, test.name+".golden.json", got)
			if again := annotate(t, got, test.root, test.extra...); string(again) != string(got) {
				t.Errorf("annotating again changes the document to\n%s", again)
			}
		})
	}
}

// petstore serves below the path of the document's server.
func petstore(t *testing.T) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("POST /api/v3/pet", security.Scopes("write:pets", "admin").HandlerFunc(serve))
	mux.Handle("GET /api/v3/pet/{id}", security.Optional().HandlerFunc(serve))
	mux.Handle("DELETE /api/v3/pet/{id}", security.AllScopes("write:pets", "read:pets").And(security.Require("owner", nobody)).HandlerFunc(serve))
	mux.Handle("GET /api/v3/store/inventory", security.AnyOf(security.Internal(), security.Authenticated()).HandlerFunc(serve))
	return chain(t, bearer(), apiKey()).Handler(mux)
}

// orders is behind a guard around the whole mux.
func orders(t *testing.T) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /orders", security.Scopes("orders:read").HandlerFunc(serve))
	mux.Handle("GET /orders/{id}", security.Scopes("orders:read").HandlerFunc(serve))
	mux.Handle("POST /orders", security.Scopes("orders:write").HandlerFunc(serve))
	mux.HandleFunc("GET /healthz", serve)
	return chain(t, bearer(), session()).Handler(security.Authenticated().Except("GET /healthz").Handler(mux))
}

// celler is behind a proxy that strips the path of the document's server.
func celler(t *testing.T) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /accounts", security.Authenticated().HandlerFunc(serve))
	mux.Handle("GET /accounts/{id}", security.Authenticated().HandlerFunc(serve))
	mux.Handle("DELETE /accounts/{id}", security.Scopes("admin").HandlerFunc(serve))
	mux.Handle("GET /ping", security.Internal().HandlerFunc(serve))
	return chain(t, basic(), apiKey()).Handler(mux)
}
