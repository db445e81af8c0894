package authstartest_test

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/authstar/authstar"
	"github.com/authstar/authstar/authenticators"
	"github.com/authstar/authstar/authenticators/jwks"
	"github.com/authstar/authstar/authstartest"
	"github.com/authstar/authstar/security"
)

// newReports is the API that goes into production. Its keys say how they are.
func newReports(issuer string, now func() time.Time, logger *slog.Logger) (http.Handler, *jwks.Remote, error) {
	keys, err := jwks.NewRemote(jwks.RemoteConfig{Issuer: issuer, Now: now, Logger: logger})
	if err != nil {
		return nil, nil, err
	}
	jwt, err := authenticators.NewJWT(authenticators.JWTConfig{Issuer: issuer, Audiences: []string{"api"}, Keys: keys, Now: now})
	if err != nil {
		return nil, nil, err
	}
	chain, err := authstar.New(authenticators.NewBearer(jwt))
	if err != nil {
		return nil, nil, err
	}
	return chain.Handler(security.Authenticated().HandlerFunc(func(http.ResponseWriter, *http.Request) {})), keys, nil
}

// testOutage is func TestOutage(t *testing.T) in your package.
func testOutage(t testing.TB) {
	iss := authstartest.NewIssuer(t)
	reports, keys, err := newReports(iss.URL(), iss.Now, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	ask := func(when string) {
		r := httptest.NewRequest("GET", "/", nil)
		r.Header.Set("Authorization", "Bearer "+iss.Token(nil))
		w := httptest.NewRecorder()
		reports.ServeHTTP(w, r)
		fmt.Printf("%s: %d, ready: %t\n", when, w.Code, keys.Status().Ready)
	}

	iss.AnswerWith(200, "text/html", "<h1>Under maintenance</h1>")
	ask("down when the API starts")

	iss.Up()
	iss.Advance(time.Second) // the next attempt is a second after the first
	ask("up again")

	iss.Rotate()
	ask("the provider's key rotated")

	iss.Down()
	iss.Advance(23 * time.Hour)
	ask("down for 23 hours")

	iss.Advance(2 * time.Hour)
	ask("down for 25 hours")

	iss.Up()
	iss.Advance(time.Minute)
	ask("up at last")
}

func ExampleIssuer() {
	inTest(testOutage)
	// Output:
	// down when the API starts: 503, ready: false
	// up again: 200, ready: true
	// the provider's key rotated: 200, ready: true
	// down for 23 hours: 200, ready: true
	// down for 25 hours: 503, ready: false
	// up at last: 200, ready: true
}
