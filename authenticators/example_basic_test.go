package authenticators_test

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"

	"github.com/authstar/authstar"
	"github.com/authstar/authstar/authenticators"
	"github.com/authstar/authstar/security"
)

// operator is the one account of this example. A program with passwords that
// people choose keeps a slow hash of them instead, such as bcrypt.
var operator = struct{ name, password string }{"operator", "correct horse: battery"}

// checkPassword takes the same time for a wrong name as for a wrong password.
func checkPassword(_ context.Context, username, password string) (authstar.Client, error) {
	equal := func(a, b string) int {
		x, y := sha256.Sum256([]byte(a)), sha256.Sum256([]byte(b))
		return subtle.ConstantTimeCompare(x[:], y[:])
	}
	if equal(username, operator.name)&equal(password, operator.password) == 0 {
		return nil, nil
	}
	return &authstar.Identity{ID: operator.name, Scope: []string{"metrics:read"}}, nil
}

func ExampleNewBasic() {
	chain, err := authstar.New(authenticators.NewBasic("metrics", checkPassword))
	if err != nil {
		log.Fatal(err)
	}
	metrics := func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "up 1") }
	api := chain.Handler(security.Scopes("metrics:read").HandlerFunc(metrics))

	for _, password := range []string{"correct horse: battery", "staple"} {
		r := httptest.NewRequest("GET", "/metrics", nil)
		r.SetBasicAuth("operator", password)
		w := httptest.NewRecorder()
		api.ServeHTTP(w, r)
		fmt.Printf("%d %q\n", w.Code, w.Header().Get("WWW-Authenticate"))
	}
	// Output:
	// 200 ""
	// 401 "Basic realm=\"metrics\", charset=\"UTF-8\""
}
