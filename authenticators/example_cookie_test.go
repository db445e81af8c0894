package authenticators_test

import (
	"context"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"

	"github.com/authstar/authstar"
	"github.com/authstar/authstar/authenticators"
	"github.com/authstar/authstar/security"
)

// issued stands for what verifies the tokens of an identity provider.
func issued(_ context.Context, token string) (authstar.Client, error) {
	if token != "t-4711" {
		return nil, nil
	}
	return &authstar.Identity{ID: "alice"}, nil
}

// The same tokens come in a header from programs, and in a cookie from the
// pages of two origins of one application.
func ExampleBearer_Cookie() {
	origins := http.NewCrossOriginProtection()
	if err := origins.AddTrustedOrigin("https://app.example"); err != nil {
		log.Fatal(err)
	}
	bearer := authenticators.NewBearer(authenticators.TokenVerifierFunc(issued)).WithCrossOrigin(origins)
	chain, err := authstar.New(bearer, bearer.Cookie("__Host-token"))
	if err != nil {
		log.Fatal(err)
	}
	api := chain.Handler(security.Authenticated().HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		res, _ := authstar.ResultFrom(r.Context())
		fmt.Fprintf(w, "%s by %s", res.Client.ClientID(), res.Scheme.ID)
	}))

	for _, header := range []http.Header{
		{"Authorization": {"Bearer t-4711"}},
		{"Cookie": {"__Host-token=t-4711"}, "Origin": {"https://app.example"}},
		{"Cookie": {"__Host-token=t-4711"}, "Origin": {"https://evil.example"}},
	} {
		r := httptest.NewRequest("POST", "https://api.example/orders", nil)
		r.Header = header
		w := httptest.NewRecorder()
		api.ServeHTTP(w, r)
		if w.Code != http.StatusOK {
			fmt.Println(w.Code)
			continue
		}
		fmt.Println(w.Code, w.Body)
	}
	// Output:
	// 200 alice by bearer
	// 200 alice by __Host-token
	// 403
}
