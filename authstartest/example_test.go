package authstartest_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/authstar/authstar"
	"github.com/authstar/authstar/authenticators"
	"github.com/authstar/authstar/authstartest"
	"github.com/authstar/authstar/security"
)

// newOrders is the API that goes into production.
func newOrders(issuer string, now func() time.Time) (http.Handler, error) {
	jwt, err := authenticators.NewJWT(authenticators.JWTConfig{Issuer: issuer, Audiences: []string{"api"}, Now: now})
	if err != nil {
		return nil, err
	}
	chain, err := authstar.New(authenticators.NewBearer(jwt))
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.Handle("GET /orders", security.Scopes("orders:read").HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintln(w, "tea")
	}))
	return chain.Handler(mux), nil
}

// testOrders is func TestOrders(t *testing.T) in your package.
func testOrders(t testing.TB) {
	iss := authstartest.NewIssuer(t)
	stranger := authstartest.NewIssuer(t)
	orders, err := newOrders(iss.URL(), iss.Now)
	if err != nil {
		t.Fatal(err)
	}
	ask := func(name, token string) {
		r := httptest.NewRequest("GET", "/orders", nil)
		r.Header.Set("Authorization", "Bearer "+token)
		w := httptest.NewRecorder()
		orders.ServeHTTP(w, r)
		fmt.Println(name+":", w.Code)
	}

	good := iss.Token(map[string]any{"scope": "orders:read"})
	ask("good", good)
	ask("for another audience", iss.Token(map[string]any{"scope": "orders:read", "aud": "payments"}))
	ask("without the scope", iss.Token(nil))
	ask("forged by a stranger", stranger.Token(map[string]any{"scope": "orders:read", "iss": iss.URL()}))
	iss.Advance(time.Hour)
	ask("expired", good)
}

func Example() {
	inTest(testOrders)
	// Output:
	// good: 200
	// for another audience: 401
	// without the scope: 403
	// forged by a stranger: 401
	// expired: 401
}
