package security_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/authstar/authstar"
	"github.com/authstar/authstar/security"
)

// secondFactor is a check of the application's own.
func secondFactor(_ *http.Request, client authstar.Client) error {
	if c, ok := client.(interface{ Claim(string) (any, bool) }); ok {
		if _, ok := c.Claim("mfa"); ok {
			return nil
		}
	}
	return &authstar.Error{Code: authstar.InsufficientUserAuthentication, Description: "log in with a second factor"}
}

// Guards are values: they combine, and they tell what they ask for.
func ExampleGuard() {
	guard := security.AnyOf(
		security.Internal(),
		security.Scopes("orders:write", "orders:admin").And(security.Require("second factor", secondFactor)),
	).Except("GET /orders/public/", "/{$}")

	for _, target := range []string{"/orders/public/today", "/orders/7"} {
		r := httptest.NewRequest("GET", target, nil)
		fmt.Println(target)
		for _, all := range guard.Requirement(r).Any {
			fmt.Printf("    anonymous: %t, scopes: %q, checks: %q\n", all.Anonymous, all.Scopes, all.Checks)
		}
	}

	r := httptest.NewRequest("GET", "/orders/7", nil)
	alice := &authstar.Identity{ID: "alice", Scope: []string{"orders:write"}}
	fmt.Println(guard.Check(r.WithContext(authstar.WithClient(r.Context(), alice))))

	r.RemoteAddr = "10.1.2.3:4711"
	fmt.Println(guard.Check(r))
	// Output:
	// /orders/public/today
	//     anonymous: true, scopes: [], checks: []
	// /orders/7
	//     anonymous: true, scopes: [], checks: ["internal"]
	//     anonymous: false, scopes: ["orders:write"], checks: ["second factor"]
	//     anonymous: false, scopes: ["orders:admin"], checks: ["second factor"]
	// authstar: insufficient_user_authentication: log in with a second factor
	// <nil>
}
