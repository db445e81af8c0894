package openapi_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"

	"github.com/authstar/authstar"
	"github.com/authstar/authstar/authenticators"
	"github.com/authstar/authstar/openapi"
	"github.com/authstar/authstar/security"
)

func newChain() *authstar.Chain {
	chain, err := authstar.New(
		authenticators.NewBearer(authenticators.TokenVerifierFunc(func(context.Context, string) (authstar.Client, error) { return nil, nil })),
		authenticators.NewAPIKey("X-API-Key", func(context.Context, string) (authstar.Client, error) { return nil, nil }),
	)
	if err != nil {
		panic(err)
	}
	return chain
}

func listOrders(http.ResponseWriter, *http.Request) {}

// The document's security is read off the guards that serve.
func ExampleAnnotate() {
	mux := http.NewServeMux()
	mux.Handle("GET /orders", security.Scopes("orders:read").HandlerFunc(listOrders))
	api := newChain().Handler(mux)

	doc, err := openapi.Annotate([]byte(`{
		"openapi": "3.1.0",
		"info": {"title": "Orders", "version": "1"},
		"paths": {
			"/orders": {"get": {"summary": "List the orders", "responses": {"200": {"description": "The orders"}}}}
		}
	}`), api)
	if err != nil {
		fmt.Println(err)
		return
	}
	var d struct {
		Paths map[string]map[string]struct{ Security json.RawMessage }
	}
	if err := json.Unmarshal(doc, &d); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(string(d.Paths["/orders"]["get"].Security))
	// Output: [{"bearer":["orders:read"]},{"X-API-Key":["orders:read"]}]
}

// In a test of the application, or before it listens.
func ExampleVerify() {
	mux := new(openapi.Mux)
	mux.Handle("GET /orders", security.Scopes("orders:read").HandlerFunc(listOrders))
	mux.Handle("POST /orders", security.Scopes("orders:write").HandlerFunc(listOrders))

	err := openapi.Verify([]byte(`{
		"openapi": "3.1.0",
		"info": {"title": "Orders", "version": "1"},
		"paths": {
			"/orders": {"get": {"responses": {}}},
			"/order": {"get": {"responses": {}}}
		}
	}`), newChain().Handler(mux))
	fmt.Println(err)
	// Output:
	// openapi: GET /orders: it is guarded, and documented as open
	// openapi: GET /order: it is documented, but not routed
	// openapi: POST /orders: it is routed, but not documented
}

// Without a document, a Mux writes one.
func ExampleMux() {
	mux := new(openapi.Mux)
	mux.Handle("GET /orders/{id}", security.Authenticated().HandlerFunc(listOrders))
	mux.Describe("GET /orders/{id}", openapi.Operation{Summary: "One order"})
	api := newChain().Handler(mux)

	root := http.NewServeMux()
	root.Handle("/", api)
	root.Handle("GET /openapi.json", openapi.Handler(mux.Document(openapi.Info{Title: "Orders"}), api))

	w := httptest.NewRecorder()
	root.ServeHTTP(w, httptest.NewRequest("GET", "/openapi.json", nil))
	var d struct {
		Paths json.RawMessage
	}
	if err := json.Unmarshal(w.Body.Bytes(), &d); err != nil {
		fmt.Println(err)
		return
	}
	os.Stdout.Write(append(d.Paths, '\n'))
	// Output:
	// {
	//     "/orders/{id}": {
	//       "get": {
	//         "summary": "One order",
	//         "parameters": [
	//           {
	//             "name": "id",
	//             "in": "path",
	//             "required": true,
	//             "schema": {
	//               "type": "string"
	//             }
	//           }
	//         ],
	//         "responses": {
	//           "default": {
	//             "description": "The answer"
	//           },
	//           "401": {
	//             "$ref": "#/components/responses/Unauthorized"
	//           }
	//         },
	//         "security": [
	//           {
	//             "bearer": []
	//           },
	//           {
	//             "X-API-Key": []
	//           }
	//         ]
	//       }
	//     }
	//   }
}

// walk has the signature of chi.Walk, and what chi calls it with for
//
//	r.Use(logger, chain.Handler)
//	r.With(security.Scopes("orders:read").Handler).Get("/orders/{id:[0-9]+}", listOrders)
func walk(_ http.Handler, f func(method, route string, handler http.Handler, middlewares ...func(http.Handler) http.Handler) error) error {
	logger := func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { next.ServeHTTP(w, r) })
	}
	return f("GET", "/orders/{id:[0-9]+}", http.HandlerFunc(listOrders), logger, newChain().Handler, security.Scopes("orders:read").Handler)
}

// A router that is not of the standard library lists its routes: chi by
// chi.Walk, which walk stands for here.
func ExampleRoutes() {
	var router http.Handler // a chi.Router
	var routes openapi.Routes
	err := walk(router, func(method, route string, handler http.Handler, middlewares ...func(http.Handler) http.Handler) error {
		routes = append(routes, openapi.Route{Method: method, Path: route, Handler: openapi.Through(handler, middlewares...)})
		return nil
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	doc := []byte(`{"openapi":"3.0.3","info":{"title":"Orders","version":"1"},"paths":{"/orders/{orderId}":{"get":{"security":[],"responses":{}}}}}`)
	fmt.Println(openapi.Verify(doc, routes))
	doc, err = openapi.Annotate(doc, routes)
	fmt.Println(err, openapi.Verify(doc, routes))
	// Output:
	// openapi: GET /orders/{orderId}: it is guarded, and documented as open
	// <nil> <nil>
}
