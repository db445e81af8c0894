package password_test

import (
	"context"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"github.com/authstar/authstar"
	"github.com/authstar/authstar/authenticators/password"
	"github.com/authstar/authstar/tokenendpoint"
)

// fromAddress is client_secret_basic that knows the address of a request. Behind a
// proxy, that is not RemoteAddr.
type fromAddress struct {
	tokenendpoint.ClientMethod
	verifier *password.Verifier
}

func (m fromAddress) Authenticate(r *http.Request, form tokenendpoint.Form) (authstar.Client, error) {
	return tokenendpoint.ClientSecretBasic(func(ctx context.Context, id, secret string) (authstar.Client, error) {
		return m.verifier.CheckFrom(ctx, r.RemoteAddr, id, secret)
	}).Authenticate(r, form)
}

// While others guess at its secret, a client of a token endpoint is shut out where
// Check is asked. Where CheckFrom is, the client is not, as long as its secret is
// remembered: for a client that comes once an hour, Remember is an hour.
func ExampleVerifier_CheckFrom_clientMethod() {
	hash, err := password.Hash("Vq3xJ0cT8dYb5nKw")
	if err != nil {
		log.Fatal(err)
	}
	users := &accounts{hashes: map[string]string{"billing": hash}}
	for _, addresses := range []bool{false, true} {
		verifier, err := password.New(password.Config{Lookup: users.find, Remember: time.Hour})
		if err != nil {
			log.Fatal(err)
		}
		method := tokenendpoint.ClientSecretBasic(verifier.Check)
		if addresses {
			method = fromAddress{method, verifier}
		}
		endpoint, err := tokenendpoint.New(tokenendpoint.Config{
			Methods: []tokenendpoint.ClientMethod{method},
			Grants: []tokenendpoint.Grant{tokenendpoint.ClientCredentials(func(context.Context, *tokenendpoint.Request) (*tokenendpoint.Response, error) {
				return &tokenendpoint.Response{AccessToken: "token", ExpiresIn: 3600}, nil
			})},
		})
		if err != nil {
			log.Fatal(err)
		}
		ask := func(address, secret string) int {
			r := httptest.NewRequest("POST", "/token", strings.NewReader("grant_type=client_credentials"))
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			r.SetBasicAuth("billing", secret)
			r.RemoteAddr = address
			w := httptest.NewRecorder()
			endpoint.ServeHTTP(w, r)
			return w.Code
		}
		before := ask("192.0.2.1:1", "Vq3xJ0cT8dYb5nKw")
		for range 10 {
			ask("203.0.113.66:1", "guess")
		}
		fmt.Println(before, ask("192.0.2.1:2", "Vq3xJ0cT8dYb5nKw"), ask("203.0.113.66:2", "Vq3xJ0cT8dYb5nKw"))
	}
	// Output:
	// 200 503 503
	// 200 200 503
}
