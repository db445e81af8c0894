package main

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
)

func tokenRequest(scope string) *http.Request {
	r := httptest.NewRequest("POST", "/oauth2/token", strings.NewReader("grant_type=client_credentials&scope="+scope))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.SetBasicAuth("demo", "demo-secret")
	return r
}

func decode[T any](t *testing.T, w *httptest.ResponseRecorder) (v T) {
	t.Helper()
	if err := json.Unmarshal(w.Body.Bytes(), &v); err != nil {
		t.Fatalf("%d %s: %v", w.Code, w.Body, err)
	}
	return v
}

func TestTokenIsWorthWhatWasGranted(t *testing.T) {
	h := api(t)
	for asked, want := range map[string][]string{
		"":             {"orders:read", "orders:write"},
		"orders:write": {"orders:write"},
	} {
		answer := decode[struct {
			Token string `json:"access_token"`
			Scope string `json:"scope"`
		}](t, do(h, tokenRequest(asked)))
		if answer.Scope != strings.Join(want, " ") {
			t.Errorf("asked for %q: granted %q", asked, answer.Scope)
		}
		r := httptest.NewRequest("GET", "/me", nil)
		r.Header.Set("Authorization", "Bearer "+answer.Token)
		client := decode[struct {
			ID     string   `json:"client_id"`
			Scopes []string `json:"scopes"`
			Issuer string   `json:"issuer"`
		}](t, do(h, r))
		if client.ID != "demo" || client.Issuer != "http://127.0.0.1:8080" || !slices.Equal(client.Scopes, want) {
			t.Errorf("asked for %q: %+v", asked, client)
		}
	}
	if w := do(h, tokenRequest("admin")); w.Code != 400 || !strings.Contains(w.Body.String(), "invalid_scope") {
		t.Errorf("O23 asked for admin: %d %s", w.Code, w.Body)
	}
}

// C20: what is stale on the API does not get in the way of a new token.
func TestTokenEndpointIsOutsideTheChain(t *testing.T) {
	h := api(t)
	r := tokenRequest("")
	r.Header.Set("X-API-Key", "wrong")
	r.AddCookie(&http.Cookie{Name: sessionCookie, Value: "stale"})
	if w := do(h, r); w.Code != 200 {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

func TestKeysArePublished(t *testing.T) {
	w := do(api(t), httptest.NewRequest("GET", "/.well-known/jwks.json", nil))
	set := decode[struct{ Keys []map[string]any }](t, w)
	if len(set.Keys) != 1 || set.Keys[0]["kid"] == nil || set.Keys[0]["d"] != nil {
		t.Errorf("%v", set.Keys)
	}
}
