package apikey_test

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/authstar/authstar"
	"github.com/authstar/authstar/authenticators"
	"github.com/authstar/authstar/authenticators/apikey"
	"github.com/authstar/authstar/security"
)

// api serves the admin API behind a guard and a chain of API keys.
type api struct {
	t     *testing.T
	h     http.Handler
	keys  *apikey.Keys
	admin apikey.Key
	seen  []apikey.Key
}

const adminPath = "/admin/api-keys"

func newAPI(t *testing.T, config apikey.Config, admin apikey.AdminConfig) *api {
	t.Helper()
	a := &api{t: t, keys: newKeys(t, config)}
	a.admin, _ = create(t, a.keys, apikey.Spec{Name: "admin", Owner: "us", Scopes: []string{"keys:admin", "orders:read", "orders:write"}})
	admin.Path = adminPath
	mux := http.NewServeMux()
	handler, err := a.keys.Admin(admin)
	if err != nil {
		t.Fatal(err)
	}
	handler.Register(mux, security.Scopes("keys:admin").Handler)
	a.h = newChain(t, authenticators.NewAPIKey("X-API-Key", a.keys.Find)).Handler(mux)
	return a
}

// answer is what the API says.
type answer struct {
	*httptest.ResponseRecorder
	t *testing.T
}

// call sends a request of the admin; a body is JSON.
func (a *api) call(method, path, body string, lines ...string) answer {
	a.t.Helper()
	if body != "" {
		lines = append(lines, "Content-Type: application/json")
	}
	w := serve(a.h, request(method, adminPath+path, body, append(lines, "X-API-Key: "+a.admin.Reveal())...))
	if w.Header().Get("Cache-Control") != "no-store" && w.Code != http.StatusMethodNotAllowed && w.Code != http.StatusNotFound {
		a.t.Errorf("M08 %s %s: Cache-Control %q", method, path, w.Header().Get("Cache-Control"))
	}
	for _, key := range append(a.seen, a.admin) {
		hash := key.Hash()
		wantSilent(a.t, w.Body.String(), key.Reveal())
		if strings.Contains(w.Body.String(), hex.EncodeToString(hash[:])) {
			a.t.Errorf("%s %s: the hash is in %s", method, path, w.Body)
		}
	}
	return answer{w, a.t}
}

// issue calls, and keeps the key that is in the answer.
func (a *api) issue(path, body string, want int) (apikey.Key, map[string]any) {
	a.t.Helper()
	got := a.call("POST", path, body).object(want)
	text, _ := got["key"].(string)
	key, err := apikey.Parse(text)
	if err != nil || got["id"] != key.ID() {
		a.t.Fatalf("the key is %v, %v", key, err)
	}
	a.seen = append(a.seen, key)
	return key, got
}

func (w answer) object(status int) map[string]any {
	w.t.Helper()
	if w.Code != status || w.Header().Get("Content-Type") != "application/json" || w.Header().Get("X-Content-Type-Options") != "nosniff" {
		w.t.Fatalf("status %d, want %d: %v %s", w.Code, status, w.Header(), w.Body)
	}
	var object map[string]any
	if err := json.Unmarshal(w.Body.Bytes(), &object); err != nil {
		w.t.Fatal(err)
	}
	return object
}

// refused wants an error of that status and code.
func (w answer) refused(status int, code string) {
	w.t.Helper()
	if w.Code != status {
		w.t.Errorf("status %d, want %d: %s", w.Code, status, w.Body)
		return
	}
	if got := w.object(status); got["error"] != code || got["key"] != nil || got["id"] != nil {
		w.t.Errorf("the error is %v, want %q", got, code)
	}
}

// The life of a key: it is shown when it is created and rotated, and never again.
func TestAdminAPI(t *testing.T) {
	now := newClock()
	a := newAPI(t, apikey.Config{Now: now.Now}, apikey.AdminConfig{})
	key, got := a.issue("", `{"name":"billing","owner":"acme","scopes":["orders:read"],"expires":"2026-02-01T00:00:00+01:00"}`, 201)
	record := map[string]any{
		"id": key.ID(), "name": "billing", "owner": "acme", "scopes": []any{"orders:read"},
		"created": "2026-01-02T03:04:05Z", "expires": "2026-01-31T23:00:00Z",
	}
	delete(got, "key")
	wantSame(t, got, record)
	wantVerdict(t, "the key", verdict(t, a.keys, key.Reveal()), key.ID())

	wantSame(t, a.call("GET", "/"+key.ID(), "").object(200), record)
	if err := a.keys.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	record["last_used"] = "2026-01-02T03:04:05Z"
	wantSame(t, a.call("GET", "?owner=acme", "").object(200), map[string]any{"keys": []any{record}})
	wantSame(t, a.call("GET", "?owner=nobody", "").object(200), map[string]any{"keys": []any{}})

	second, got := a.issue("/"+key.ID()+"/rotate", `{"overlap_seconds":3600}`, 200)
	delete(got, "key")
	record["previous_until"] = "2026-01-02T04:04:05Z"
	wantSame(t, got, record)
	wantVerdict(t, "the old key", verdict(t, a.keys, key.Reveal()), key.ID())
	now.add(time.Hour)
	wantVerdict(t, "the old key, after the overlap", verdict(t, a.keys, key.Reveal()), "the secret was replaced by a rotation")
	third, _ := a.issue("/"+key.ID()+"/rotate", "", 200)
	wantVerdict(t, "the second key", verdict(t, a.keys, second.Reveal()), "the secret was replaced by a rotation")
	wantVerdict(t, "the third key", verdict(t, a.keys, third.Reveal()), key.ID())

	for range 2 {
		if got := a.call("POST", "/"+key.ID()+"/revoke", "").object(200); got["revoked"] != "2026-01-02T04:04:05Z" {
			t.Errorf("revoked %v", got)
		}
	}
	wantVerdict(t, "M05 the third key, revoked", verdict(t, a.keys, third.Reveal()), "the key is revoked")
	a.call("POST", "/"+key.ID()+"/rotate", "").refused(409, "conflict")
}

func TestAdminLocation(t *testing.T) {
	a := newAPI(t, apikey.Config{}, apikey.AdminConfig{})
	w := a.call("POST", "", `{"name":"a"}`)
	path, ok := strings.CutPrefix(w.Header().Get("Location"), adminPath)
	if got := a.call("GET", path, "").object(200); !ok || got["name"] != "a" {
		t.Errorf("Location %q is %v", w.Header().Get("Location"), got)
	}
	if got := a.call("GET", path, "").object(200)["scopes"]; !slices.Equal(got.([]any), []any{}) {
		t.Errorf("no scopes are %v", got)
	}
}

func TestAdminPages(t *testing.T) {
	a := newAPI(t, apikey.Config{}, apikey.AdminConfig{})
	for range 24 {
		create(t, a.keys, apikey.Spec{})
	}
	var ids []string
	query, pages := "?limit=10", 0
	for after := ""; ; pages++ {
		got := a.call("GET", query+after, "").object(200)
		for _, key := range got["keys"].([]any) {
			ids = append(ids, key.(map[string]any)["id"].(string))
		}
		next, ok := got["next"].(string)
		if !ok {
			break
		}
		after = "&after=" + next
	}
	if pages != 2 || len(ids) != 25 || !slices.IsSorted(ids) || len(slices.Compact(ids)) != 25 {
		t.Errorf("%d keys after %d pages", len(ids), pages)
	}
}

func TestAdminRefuses(t *testing.T) {
	a := newAPI(t, apikey.Config{}, apikey.AdminConfig{})
	_, record := create(t, a.keys, apikey.Spec{})
	id := "/" + record.ID
	tests := []struct {
		name, method, path, body string
		status                   int
		code                     string
	}{
		{"no body", "POST", "", "", 415, "invalid_request"},
		{"no object", "POST", "", `"a"`, 400, "invalid_request"},
		{"null", "POST", "", `null`, 400, "invalid_request"},
		{"half an object", "POST", "", `{"name":"a"`, 400, "invalid_request"},
		{"two objects", "POST", "", `{"name":"a"}{}`, 400, "invalid_request"},
		{"an unknown member", "POST", "", `{"name":"a","scope":"admin"}`, 400, "invalid_request"},
		{"no name", "POST", "", `{}`, 400, "invalid_request"},
		{"a number for a name", "POST", "", `{"name":1}`, 400, "invalid_request"},
		{"a long name", "POST", "", `{"name":"` + strings.Repeat("a", 101) + `"}`, 400, "invalid_request"},
		{"a string for scopes", "POST", "", `{"name":"a","scopes":"orders:read"}`, 400, "invalid_request"},
		{"a scope of two", "POST", "", `{"name":"a","scopes":["orders:read orders:write"]}`, 400, "invalid_request"},
		{"a date alone", "POST", "", `{"name":"a","expires":"2027-01-01"}`, 400, "invalid_request"},
		{"an expiry in the past", "POST", "", `{"name":"a","expires":"2020-01-01T00:00:00Z"}`, 400, "invalid_request"},
		{"an expiry that is the zero time", "POST", "", `{"name":"a","expires":"0001-01-01T00:00:00Z"}`, 400, "invalid_request"},
		{"an expiry that is all but the zero time", "POST", "", `{"name":"a","expires":"0001-01-01T00:00:00.5Z"}`, 400, "invalid_request"},
		{"a member twice", "POST", "", `{"name":"a","scopes":["orders:read"],"scopes":[]}`, 400, "invalid_request"},
		{"a member in another case", "POST", "", `{"name":"a","scopes":["orders:read"],"Scopes":[]}`, 400, "invalid_request"},
		{"a body of 64 KiB and more", "POST", "", `{"name":"a"` + strings.Repeat(" ", 64<<10) + `}`, 413, "invalid_request"},
		{"a limit that is none", "GET", "?limit=abc", "", 400, "invalid_request"},
		{"a limit of 0", "GET", "?limit=0", "", 400, "invalid_request"},
		{"a limit of 1001", "GET", "?limit=1001", "", 400, "invalid_request"},
		{"after what is no id", "GET", "?after=%00", "", 400, "invalid_request"},
		{"an unknown key", "GET", "/unknown", "", 404, "not_found"},
		{"an id that is none", "GET", "/..%2f..%2fetc", "", 404, "not_found"},
		{"an unknown key to rotate", "POST", "/unknown/rotate", `{}`, 404, "not_found"},
		{"an unknown key to revoke", "POST", "/unknown/revoke", "", 404, "not_found"},
		{"a negative overlap", "POST", id + "/rotate", `{"overlap_seconds":-1}`, 400, "invalid_request"},
		{"an overlap of 91 days", "POST", id + "/rotate", `{"overlap_seconds":7862400}`, 400, "invalid_request"},
		{"an overlap beyond time", "POST", id + "/rotate", `{"overlap_seconds":9223372036854775807}`, 400, "invalid_request"},
		{"an overlap with a fraction", "POST", id + "/rotate", `{"overlap_seconds":1.5}`, 400, "invalid_request"},
		{"a zero time to rotate", "POST", id + "/rotate", `{"expires":"0001-01-01T01:00:00+01:00"}`, 400, "invalid_request"},
		{"an unknown member to rotate", "POST", id + "/rotate", `{"scopes":["admin"]}`, 400, "invalid_request"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			w := a.call(test.method, test.path, test.body)
			w.t = t
			w.refused(test.status, test.code)
			if strings.Contains(w.Body.String(), "apikey") {
				t.Errorf("the body has a package's name: %s", w.Body)
			}
		})
	}
	for _, media := range []string{"", "text/plain", "application/x-www-form-urlencoded", "application/jsonp", "application/json, text/plain"} {
		w := serve(a.h, request("POST", adminPath, `{"name":"a"}`, "Content-Type: "+media, "X-API-Key: "+a.admin.Reveal()))
		answer{w, t}.refused(415, "invalid_request")
	}
	if w := serve(a.h, request("POST", adminPath, `{"name":"a"}`, "Content-Type: Application/JSON; charset=utf-8", "X-API-Key: "+a.admin.Reveal())); w.Code != 201 {
		t.Errorf("JSON with a charset: %d", w.Code)
	}
	if w := a.call("DELETE", id, ""); w.Code != 405 || !strings.Contains(w.Header().Get("Allow"), "GET") {
		t.Errorf("DELETE: %d %v", w.Code, w.Header())
	}
	if records, err := a.keys.List(t.Context(), apikey.Query{}); err != nil || len(records) != 3 {
		t.Errorf("there are %d records, %v", len(records), err)
	}
}

// Who may not use the API at all is refused by the guard; a request that passed
// neither chain nor guard makes no key.
func TestAdminNeedsAClient(t *testing.T) {
	var observed []error
	a := newAPI(t, apikey.Config{Observe: func(_ context.Context, err error) { observed = append(observed, err) }}, apikey.AdminConfig{})
	key, _ := create(t, a.keys, apikey.Spec{Scopes: []string{"orders:read"}})
	for name, c := range map[string]struct {
		line string
		want int
	}{"nobody": {"X-None: x", 401}, "a client without the scope": {"X-API-Key: " + key.Reveal(), 403}} {
		if w := serve(a.h, request("GET", adminPath, "", c.line)); w.Code != c.want {
			t.Errorf("%s: %d, want %d", name, w.Code, c.want)
		}
	}
	bare, err := a.keys.Admin(apikey.AdminConfig{})
	if err != nil {
		t.Fatal(err)
	}
	post := request("POST", "/api-keys", `{"name":"a"}`, "Content-Type: application/json")
	answer{serve(bare, post), t}.refused(500, "server_error")
	if len(observed) != 1 || !strings.Contains(observed[0].Error(), "put a guard") {
		t.Errorf("observed %v", observed)
	}
	open, err := a.keys.Admin(apikey.AdminConfig{InsecureAnonymous: true})
	if err != nil {
		t.Fatal(err)
	}
	internal := security.Internal().Handler(open)
	for peer, want := range map[string]int{"10.0.0.1:1": 201, "203.0.113.9:1": 401} {
		r := request("POST", "/api-keys", `{"name":"a"}`, "Content-Type: application/json")
		r.RemoteAddr = peer
		if w := serve(internal, r); w.Code != want && (want == 201 || w.Code < 400) {
			t.Errorf("from %s: %d, want %d", peer, w.Code, want)
		}
	}
	r := request("POST", "/api-keys", `{"name":"a","scopes":["orders:read"]}`, "Content-Type: application/json")
	answer{serve(open, r), t}.refused(403, "insufficient_scope")
}

// Without a hook, nobody hands out what he has not.
func TestAdminHandsOutOwnScopes(t *testing.T) {
	a := newAPI(t, apikey.Config{}, apikey.AdminConfig{})
	a.issue("", `{"name":"a","scopes":["orders:read","orders:write"]}`, 201)
	w := a.call("POST", "", `{"name":"a","scopes":["orders:read","root","users:write"]}`)
	w.refused(403, "insufficient_scope")
	if got := w.object(403); got["scope"] != "root users:write" {
		t.Errorf("missing are %v", got["scope"])
	}
	_, strong := create(t, a.keys, apikey.Spec{Scopes: []string{"root"}})
	a.call("POST", "/"+strong.ID+"/rotate", "").refused(403, "insufficient_scope")
	a.call("GET", "/"+strong.ID, "").object(200)
	a.call("POST", "/"+strong.ID+"/revoke", "").object(200)
}

// A hook decides about every action, and sees what the key is or will be.
func TestAdminHook(t *testing.T) {
	outage := errors.New("policy-db: connection refused")
	var asked []string
	hook := func(_ context.Context, admin authstar.Client, action apikey.Action, key apikey.Record) error {
		asked = append(asked, string(action)+" "+key.Owner)
		if admin.ClientID() == "" {
			return errors.New("nobody")
		}
		if len(key.Scopes) > 0 {
			key.Scopes[0] = "changed"
		}
		switch key.Owner {
		case "them":
			return errors.New("of another customer")
		case "again":
			return &authstar.Error{Code: authstar.InsufficientUserAuthentication, Description: "log in again", MaxAge: time.Minute}
		case "down":
			return &authstar.Error{Code: authstar.TemporarilyUnavailable, Err: outage, RetryAfter: 7 * time.Second}
		}
		return nil
	}
	a := newAPI(t, apikey.Config{}, apikey.AdminConfig{Allow: hook})
	_, got := a.issue("", `{"name":"a","owner":"us","scopes":["root"]}`, 201)
	wantSame(t, got["scopes"], []any{"root"})
	_, theirs := create(t, a.keys, apikey.Spec{Owner: "them"})
	a.call("POST", "", `{"name":"a","owner":"them"}`).refused(403, "access_denied")
	a.call("GET", "/"+theirs.ID, "").refused(403, "access_denied")
	a.call("POST", "/"+theirs.ID+"/rotate", "").refused(403, "access_denied")
	a.call("POST", "/"+theirs.ID+"/revoke", "").refused(403, "access_denied")
	a.call("GET", "?owner=them", "").object(200)
	if got := a.call("GET", "", "").object(200)["keys"].([]any); len(got) != 2 {
		t.Errorf("a list of %d keys, want the 2 of one's own", len(got))
	}
	want := []string{"create us", "create them", "read them", "rotate them", "revoke them", "read them"}
	if len(asked) < len(want) || !slices.Equal(asked[:len(want)], want) {
		t.Errorf("asked %q", asked)
	}
	w := a.call("POST", "", `{"name":"a","owner":"again"}`)
	w.refused(401, "insufficient_user_authentication")
	if got := w.Header().Get("WWW-Authenticate"); !strings.HasPrefix(got, "ApiKey ") || !strings.Contains(got, `max_age="60"`) {
		t.Errorf("the challenge is %q", got)
	}
	w = a.call("POST", "", `{"name":"a","owner":"down"}`)
	w.refused(503, "temporarily_unavailable")
	if w.Header().Get("Retry-After") != "7" || strings.Contains(w.Body.String(), "policy") {
		t.Errorf("%v %s", w.Header(), w.Body)
	}
	create(t, a.keys, apikey.Spec{Owner: "down"})
	a.call("GET", "", "").refused(503, "temporarily_unavailable")
}

// A store that is down is 503, and what it says stays here.
func TestAdminStoreIsDown(t *testing.T) {
	store := &down{Store: apikey.NewMemoryStore()}
	var observed []error
	keys := newKeys(t, apikey.Config{Store: store, Observe: func(_ context.Context, err error) { observed = append(observed, err) }})
	admin, err := keys.Admin(apikey.AdminConfig{InsecureAnonymous: true})
	if err != nil {
		t.Fatal(err)
	}
	store.err = errors.New("keys-db: connection refused")
	w := serve(admin, request("GET", "/api-keys/abc", ""))
	answer{w, t}.refused(503, "temporarily_unavailable")
	if w.Header().Get("Retry-After") != "1" || strings.Contains(w.Body.String(), "keys-db") || len(observed) != 1 || !errors.Is(observed[0], store.err) {
		t.Errorf("%v %s, observed %v", w.Header(), w.Body, observed)
	}
}

func TestAdminPaths(t *testing.T) {
	keys := newKeys(t, apikey.Config{})
	for path, want := range map[string]bool{
		"": true, "/keys": true, "/v1/admin/api-keys_2.0": true,
		"/": false, "keys": false, "/keys/": false, "//keys": false, "/a//b": false, "/a/../b": false, "/{id}": false, "/a b": false, "/a?b": false, "/a\"": false, "/é": false, "https://a.example/keys": false,
	} {
		if _, err := keys.Admin(apikey.AdminConfig{Path: path}); (err == nil) != want {
			t.Errorf("path %q: %v", path, err)
		}
	}
	defer func() {
		if recover() == nil {
			t.Error("Register without a guard does not panic")
		}
	}()
	admin, _ := keys.Admin(apikey.AdminConfig{})
	admin.Register(http.NewServeMux(), nil)
}

// hierarchical has scopes by a rule of the application's.
type hierarchical struct{ authstar.Identity }

func (h *hierarchical) HasScope(scope string) bool {
	return scope == "keys:admin" || strings.HasPrefix(scope, "orders:")
}

// Whoever makes a key has its scopes as guards see them, and no others.
func TestAdminsHaveScopesAsGuardsSeeThem(t *testing.T) {
	a := newAPI(t, apikey.Config{Client: func(_ context.Context, r apikey.Record) (authstar.Client, error) {
		return &hierarchical{authstar.Identity{ID: r.ID, Scope: []string{"orders", "legacy"}}}, nil
	}}, apikey.AdminConfig{})
	a.issue("", `{"name":"a","scopes":["orders:read"]}`, 201)
	a.call("POST", "", `{"name":"a","scopes":["legacy"]}`).refused(403, "insufficient_scope")
	a.call("POST", "", `{"name":"a","scopes":["orders:read","orders"]}`).refused(403, "insufficient_scope")
}
