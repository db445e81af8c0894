package security_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/authstar/authstar"
	"github.com/authstar/authstar/authenticators"
	"github.com/authstar/authstar/security"
)

// member is the client of a session.
type member struct {
	authstar.Identity
	LoggedIn time.Time
}

// Claim tells guards when the user logged in.
func (m *member) Claim(name string) (any, bool) {
	if name == "auth_time" {
		return m.LoggedIn, true
	}
	return nil, false
}

// Deleting an account takes a login of the last five minutes. Tokens tell the
// time of theirs in the claim auth_time; here is how a session does.
func ExampleMaxAge() {
	chain, err := authstar.New(authenticators.NewSession("sid", func(r *http.Request) (authstar.Client, error) {
		c, err := r.Cookie("sid")
		if err != nil {
			return nil, nil
		}
		age := map[string]time.Duration{"fresh": time.Minute, "stale": time.Hour}[c.Value]
		return &member{authstar.Identity{ID: "carol"}, time.Now().Add(-age)}, nil
	}))
	if err != nil {
		panic(err)
	}
	h := chain.Handler(security.MaxAge(5 * time.Minute).HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusNoContent)
	}))
	for _, sid := range []string{"fresh", "stale"} {
		r := httptest.NewRequest("DELETE", "/account", nil)
		r.AddCookie(&http.Cookie{Name: "sid", Value: sid})
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		fmt.Println(w.Code, w.Header()["Www-Authenticate"])
	}
	// Output:
	// 204 []
	// 401 [Cookie error="insufficient_user_authentication", error_description="a more recent or a stronger login is required", max_age="300"]
}
