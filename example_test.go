package authstar_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/authstar/authstar"
	"github.com/authstar/authstar/authenticators"
	"github.com/authstar/authstar/security"
)

// verifyToken says whose token it is. An application with an identity provider
// uses authenticators.NewJWT instead.
func verifyToken(_ context.Context, token string) (authstar.Client, error) {
	if token == "token-of-alice" {
		return &authstar.Identity{ID: "alice", Scope: []string{"orders:read"}}, nil
	}
	return nil, nil // unknown: 401
}

// findKey says whose API key it is. An error would be 503.
func findKey(_ context.Context, key string) (authstar.Client, error) {
	if key == "key-of-robot" {
		return &authstar.Identity{ID: "robot"}, nil
	}
	return nil, nil
}

// The chain says who, the guard says no, the handler does neither.
func Example() {
	chain, err := authstar.New(
		authenticators.NewBearer(authenticators.TokenVerifierFunc(verifyToken)),
		authenticators.NewAPIKey("X-API-Key", findKey),
	)
	if err != nil {
		fmt.Println(err)
		return
	}

	mux := http.NewServeMux()
	mux.Handle("GET /orders", security.Scopes("orders:read").HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		client, _ := authstar.ClientFrom(r.Context())
		fmt.Fprintf(w, "the orders of %s", client.ClientID())
	}))
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, "ok")
	})
	api := chain.Handler(mux) // http.ListenAndServe(addr, api)

	get := func(path, header, value string) {
		r := httptest.NewRequest("GET", path, nil)
		r.Header.Set(header, value)
		w := httptest.NewRecorder()
		api.ServeHTTP(w, r)
		fmt.Println(w.Code, w.Body)
		for _, challenge := range w.Header().Values("WWW-Authenticate") {
			fmt.Println("   ", challenge)
		}
	}
	get("/orders", "Authorization", "Bearer token-of-alice")
	get("/orders", "Authorization", "Bearer token-of-nobody")
	get("/orders", "X-API-Key", "key-of-robot")
	get("/orders", "Accept", "*/*")
	get("/healthz", "Authorization", "Bearer token-of-nobody")
	// Output:
	// 200 the orders of alice
	// 401 {"error":"invalid_token","error_description":"the token is not valid"}
	//
	//     Bearer error="invalid_token", error_description="the token is not valid"
	//     ApiKey realm="api"
	// 403 {"error":"insufficient_scope","error_description":"the client was not granted what this resource needs","scope":"orders:read"}
	//
	//     ApiKey error="insufficient_scope", error_description="the client was not granted what this resource needs", scope="orders:read"
	// 401 {"error":"unauthorized","error_description":"authentication is required"}
	//
	//     Bearer realm="api"
	//     ApiKey realm="api"
	// 200 ok
}
