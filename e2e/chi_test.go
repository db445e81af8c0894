package e2e

import (
	"net/http"
	"testing"

	"github.com/authstar/authstar/security"
	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"
)

// The chain is a middleware of chi, and guards are on routes, groups and
// mounted routers.
func TestChi(t *testing.T) {
	r := chi.NewRouter()
	r.Use(middleware.Recoverer, newChain(t).Handler)
	r.Get("/open", whoami)
	r.With(security.Scopes("write").Handler).Post("/orders/{id}", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Order", chi.URLParam(r, "id"))
		whoami(w, r)
	})
	r.Group(func(r chi.Router) {
		r.Use(security.Authenticated().Handler)
		r.Get("/me", whoami)
		r.With(security.Scopes("admin").Handler).Get("/me/admin", whoami)
	})
	admin := chi.NewRouter()
	admin.Use(security.Authenticated().Except("GET /admin/public").Handler)
	admin.Get("/", whoami)
	admin.Get("/public", whoami)
	r.Mount("/admin", admin)
	server := serve(t, r)

	bearer := http.Header{"Authorization": {"Bearer " + alicesToken}}
	key := http.Header{"X-Api-Key": {robotsKey}}
	bad := http.Header{"Authorization": {"Bearer " + stranger}, "Cookie": {"sid=" + carolsID}}
	tests := []struct {
		name, method, path string
		header             http.Header
		status             int
		client             string
	}{
		{"C03 an open route knows nobody by a bad token", "GET", "/open", bad, 200, "-"},
		{"an open route knows who it is", "GET", "/open", key, 200, "robot"},
		{"G01 with: no credential", "POST", "/orders/7", nil, 401, ""},
		{"G01 with: a scope is missing", "POST", "/orders/7", key, 403, ""},
		{"G01 with: the scope is there", "POST", "/orders/7", bearer, 200, "alice"},
		{"a group's guard refuses", "GET", "/me", nil, 401, ""},
		{"a group's guard passes", "GET", "/me", key, 200, "robot"},
		{"C01 a group's guard refuses a bad token beside a good session", "GET", "/me", bad, 401, ""},
		{"a guard in a guarded group refuses", "GET", "/me/admin", bearer, 403, ""},
		{"a guard in a guarded group passes", "GET", "/me/admin", http.Header{"Cookie": {"sid=" + carolsID}}, 200, "carol"},
		{"a mounted router's guard refuses", "GET", "/admin/", nil, 401, ""},
		{"a mounted router's guard passes", "GET", "/admin/", bearer, 200, "alice"},
		{"P08 an exception is for its method and path", "GET", "/admin/public", nil, 200, "-"},
		{"P02 an exception is not a prefix of encoded paths", "GET", "/admin/public/%2e%2e/", nil, 401, ""},
		{"P08 chi's answer to another method stays behind the guard", "PUT", "/admin/public", nil, 401, ""},
		{"RS-13 HEAD is not registered", "HEAD", "/open", nil, 405, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			res, _ := do(t, nil, test.method, server.URL+test.path, test.header)
			if res.StatusCode != test.status {
				t.Fatalf("status is %d, want %d", res.StatusCode, test.status)
			}
			if got := res.Header.Get("X-Client"); got != test.client {
				t.Errorf("client is %q, want %q", got, test.client)
			}
			if test.client == "alice" && test.method == "POST" && res.Header.Get("X-Order") != "7" {
				t.Errorf("the guard lost chi's URL parameter: %q", res.Header.Get("X-Order"))
			}
			if n := len(res.Header["Www-Authenticate"]); test.status == 401 && n == 0 || test.status < 400 && n > 0 {
				t.Errorf("%d challenges", n)
			}
		})
	}
}

// G04: a router that forgot the chain fails closed.
func TestChiWithoutChain(t *testing.T) {
	r := chi.NewRouter()
	r.With(security.Scopes("write").Handler).Get("/", whoami)
	server := serve(t, r)
	if res, _ := do(t, nil, "GET", server.URL, http.Header{"Authorization": {"Bearer " + alicesToken}}); res.StatusCode != 500 {
		t.Errorf("status is %d, want 500", res.StatusCode)
	}
}
