package authstartest_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/authstar/authstar"
	"github.com/authstar/authstar/authstartest"
	"github.com/authstar/authstar/security"
)

// greeting is a handler with its guard, as it is mounted inside of a chain.
var greeting = security.Scopes("greetings").HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
	client, _ := authstar.ClientFrom(r.Context())
	fmt.Fprintln(w, "hello", client.ClientID())
})

func ExampleWithClient() {
	for _, client := range []authstar.Client{
		&authstar.Identity{ID: "alice", Scope: []string{"greetings"}},
		&authstar.Identity{ID: "bob"},
		nil,
	} {
		w := httptest.NewRecorder()
		greeting.ServeHTTP(w, authstartest.WithClient(httptest.NewRequest("GET", "/", nil), client))
		fmt.Print(w.Code, " ", w.Body)
	}
	// Output:
	// 200 hello alice
	// 403 {"error":"insufficient_scope","error_description":"the client was not granted what this resource needs","scope":"greetings"}
	// 401 {"error":"unauthorized","error_description":"authentication is required"}
}
