package authenticators_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"

	"github.com/authstar/authstar"
	"github.com/authstar/authstar/authenticators"
	"github.com/authstar/authstar/security"
)

// tokens has opaque tokens by their SHA-256, so that who reads the table
// cannot use what it has.
var tokens = map[string]*authstar.Identity{
	"6c96130f130ab0d6d158397e24d2bcc1c9a5e73ae081f6e983f1c7b545d24a4c": {ID: "alice", Scope: []string{"orders:read"}},
}

// verifyToken says whose token it is: nobody's is nil without an error.
func verifyToken(_ context.Context, token string) (authstar.Client, error) {
	sum := sha256.Sum256([]byte(token))
	found, ok := tokens[hex.EncodeToString(sum[:])]
	if !ok {
		return nil, nil
	}
	client := *found // each request has a client of its own
	return &client, nil
}

func ExampleNewBearer() {
	chain, err := authstar.New(
		authenticators.NewBearer(authenticators.TokenVerifierFunc(verifyToken)),
	)
	if err != nil {
		log.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle("GET /orders", security.Scopes("orders:read").HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		client, _ := authstar.ClientFrom(r.Context())
		fmt.Fprintln(w, "the orders of", client.ClientID())
	}))
	api := chain.Handler(mux)

	for _, authorization := range []string{"Bearer 2YotnFZFEjr1zCsicMWpAA", "Bearer stolen", ""} {
		r := httptest.NewRequest("GET", "/orders", nil)
		if authorization != "" {
			r.Header.Set("Authorization", authorization)
		}
		w := httptest.NewRecorder()
		api.ServeHTTP(w, r)
		fmt.Print(w.Code, " ", w.Body)
	}
	// Output:
	// 200 the orders of alice
	// 401 {"error":"invalid_token","error_description":"the token is not valid"}
	// 401 {"error":"unauthorized","error_description":"authentication is required"}
}
