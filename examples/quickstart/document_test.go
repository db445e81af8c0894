package main

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
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
	h := api(t)
	doc := decode[document](t, do(h, httptest.NewRequest("GET", "/openapi.json", nil)))
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
	if operations != 7 {
		t.Errorf("%d operations, want 7", operations)
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
