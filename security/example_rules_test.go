package security_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/authstar/authstar"
	"github.com/authstar/authstar/security"
)

// apiRules give all refusals of this API one form, and its staff every scope.
var apiRules = security.Rules{
	Admin: func(c authstar.Client) bool {
		i, ok := c.(*authstar.Identity)
		return ok && i.HasScope("staff")
	},
	Refuse: func(w http.ResponseWriter, _ *http.Request, err *authstar.Error) {
		w.Header().Set("Content-Type", "application/problem+json")
		w.WriteHeader(err.Status())
		fmt.Fprintf(w, `{"status":%d,"title":%q}`, err.Status(), err.Description)
	},
	Observe: func(_ context.Context, err *authstar.Error) {
		fmt.Println("refused:", err)
	},
}

// Rules are what an application changes about its guards.
func ExampleRules() {
	h := apiRules.Scopes("orders:write").HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, "written")
	})
	for _, client := range []authstar.Client{
		nil,
		&authstar.Identity{ID: "alice", Scope: []string{"orders:read"}},
		&authstar.Identity{ID: "bob", Scope: []string{"staff"}},
	} {
		r := httptest.NewRequest("POST", "/orders", nil)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r.WithContext(authstar.WithClient(r.Context(), client)))
		fmt.Println(w.Code, w.Body)
	}
	// Output:
	// refused: authstar: authentication is required: no credentials
	// 401 {"status":401,"title":"authentication is required"}
	// refused: authstar: insufficient_scope: the client was not granted what this resource needs
	// 403 {"status":403,"title":"the client was not granted what this resource needs"}
	// 200 written
}
