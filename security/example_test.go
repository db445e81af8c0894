package security_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/authstar/authstar"
	"github.com/authstar/authstar/security"
)

// Member is the application's own client.
type Member struct {
	authstar.Identity
	Team string `json:"team"`
}

// showTeam gets the client as the application's own type.
func showTeam(w http.ResponseWriter, r *http.Request, m *Member) {
	fmt.Fprintf(w, "%s plays for %s", m.ID, m.Team)
}

// HandlerFor gives the handler the client as the application's own type, and
// refuses clients of another one.
func ExampleHandlerFor() {
	h := security.HandlerFor(security.Scopes("team:read"), showTeam)

	granted := authstar.Identity{ID: "alice", Scope: []string{"team:read"}}
	for _, client := range []authstar.Client{&Member{Identity: granted, Team: "red"}, &granted} {
		r := httptest.NewRequest("GET", "/team", nil)
		// In a server it is the chain that puts the client into the context.
		r = r.WithContext(authstar.WithClient(r.Context(), client))
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		fmt.Println(w.Code, w.Body)
	}
	// Output:
	// 200 alice plays for red
	// 403 {"error":"access_denied","error_description":"this kind of client may not use this resource"}
}
