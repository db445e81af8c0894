package main

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/authstar/authstar/authenticators/apikey"
	"github.com/authstar/authstar/openapi"
)

type document struct {
	Paths map[string]map[string]struct {
		Security []map[string][]string `json:"security"`
	} `json:"paths"`
	Components struct {
		Schemes map[string]json.RawMessage `json:"securitySchemes"`
	} `json:"components"`
}

// N01, both ways: a call without credentials is refused exactly where the
// document asks for some.
func TestDocumentSaysWhatIsEnforced(t *testing.T) {
	h := newTestServer(t)
	served := do(h, httptest.NewRequest("GET", "/openapi.json", nil))
	if err := openapi.Verify(served.Body.Bytes(), h.Handler); err != nil {
		t.Error(err)
	}
	doc := decode[document](t, served)
	operations := 0
	for path, item := range doc.Paths {
		for method, op := range item {
			operations++
			guarded := len(op.Security) > 0
			for _, alternative := range op.Security {
				guarded = guarded && len(alternative) > 0
			}
			r := httptest.NewRequest(strings.ToUpper(method), path, nil)
			w := do(h, r)
			refused := w.Code == http.StatusUnauthorized && path != "/login" // whose form is empty
			if refused != guarded {
				t.Errorf("%s %s: answers %d, and the document's security is %v", method, path, w.Code, op.Security)
			}
		}
	}
	if operations != 12 {
		t.Errorf("%d operations, want 12", operations)
	}
	for _, scheme := range []string{"bearer", "basic", "X-API-Key", "sid", "oauth2"} {
		if doc.Components.Schemes[scheme] == nil {
			t.Errorf("no scheme %q", scheme)
		}
	}
}

// N02
func TestDocumentHasNoSecrets(t *testing.T) {
	h := api(t)
	for _, path := range []string{"/openapi.json", "/docs/"} {
		w := do(h, httptest.NewRequest("GET", path, nil))
		if w.Code != 200 {
			t.Errorf("%s: %d", path, w.Code)
		}
		for _, secret := range []string{"demo-secret", "demo-key", "wonderland", "healthz"} {
			if strings.Contains(w.Body.String(), secret) {
				t.Errorf("%s has %q", path, secret)
			}
		}
	}
}

// G02: what anybody knows makes no keys, and who may hands out no more than what
// he has.
func TestKeysAreMadeByAdministrators(t *testing.T) {
	h := newTestServer(t)
	issue := func(scopes ...string) string {
		key, _, err := h.keys.Create(t.Context(), apikey.Spec{Name: "test", Scopes: scopes})
		if err != nil {
			t.Fatal(err)
		}
		return key.Reveal()
	}
	for _, tc := range []struct {
		name, key, scope string
		want             int
	}{
		{"nobody", "", "orders:read", 401},
		{"the key of the demonstration", "demo-key", "orders:read", 403},
		{"a key for orders", issue("orders:read", "orders:write"), "orders:read", 403},
		{"an administrator", issue("orders:read", "keys:admin"), "orders:read", 201},
		{"an administrator who wants more", issue("orders:read", "keys:admin"), "admin", 403},
	} {
		r := httptest.NewRequest("POST", "/admin/api-keys", strings.NewReader(`{"name":"a","scopes":["`+tc.scope+`"]}`))
		r.Header.Set("Content-Type", "application/json")
		if tc.key != "" {
			r.Header.Set("X-API-Key", tc.key)
		}
		if w := do(h, r); w.Code != tc.want {
			t.Errorf("%s: %d %s, want %d", tc.name, w.Code, w.Body, tc.want)
		}
	}
}
