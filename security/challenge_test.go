package security_test

import (
	"context"
	"net/http/httptest"
	"slices"
	"testing"

	"github.com/authstar/authstar"
	"github.com/authstar/authstar/authenticators"
	"github.com/authstar/authstar/security"
)

// RS-02 RS-12: one scheme over two carriers is one challenge, and of two the one
// that tells more.
func TestCarriersOfOneSchemeChallengeOnce(t *testing.T) {
	bearer := authenticators.NewBearer(authenticators.TokenVerifierFunc(func(context.Context, string) (authstar.Client, error) { return nil, nil }))
	chain, err := authstar.New(bearer.Cookie("token"), bearer)
	if err != nil {
		t.Fatal(err)
	}
	h := chain.Handler(security.Authenticated().HandlerFunc(handler))
	for name, tc := range map[string]struct{ header, value, want string }{
		"nothing presented":     {"X-Nothing", "1", `Bearer realm="api"`},
		"a bad token, header":   {"Authorization", "Bearer bad", `Bearer error="invalid_token", error_description="the token is not valid"`},
		"a bad token, a cookie": {"Cookie", "token=bad", `Bearer error="invalid_token", error_description="the token is not valid"`},
	} {
		r := httptest.NewRequest("GET", "/me", nil)
		r.Header.Set(tc.header, tc.value)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if got := w.Header().Values("WWW-Authenticate"); w.Code != 401 || !slices.Equal(got, []string{tc.want}) {
			t.Errorf("%s: %d %q", name, w.Code, got)
		}
	}
}
