package docs

import (
	"encoding/base64"
	"flag"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/authstar/authstar/e2e/internal/process"
)

var screenshot = flag.String("screenshot", "", "write a picture of the quickstart's page to this file")

// visit is what a person does on a docs page: authorize by one scheme, make the
// calls, log out, and make the first call again.
type visit struct {
	Site       string            `json:"site"`
	Scheme     string            `json:"scheme,omitempty"`
	Fields     map[string]string `json:"fields,omitempty"` // by label
	Choose     []string          `json:"choose,omitempty"` // scopes, beside those that are suggested
	User       string            `json:"user,omitempty"`   // who logs in at the authorization server
	Password   string            `json:"password,omitempty"`
	Calls      []string          `json:"calls,omitempty"`
	Screenshot string            `json:"screenshot,omitempty"`
	Misbehave  bool              `json:"misbehave,omitempty"`
}

// sight is what the browser saw of it.
type sight struct {
	Failed         string
	Faults, Scopes []string
	Prompts        int // for a password, by the browser itself
	Calls          []struct {
		Operation, Shown, Authorization, Key string
		Status                               int
	}
	Requests []struct { // to the authorization server
		Method, Path, Query, Body, Authorization string
		Status                                   int
	}
}

// outcome is what a visit comes to.
type outcome struct {
	client             string
	authorization, key string // that all calls but the last carry, the former by prefix
	scopes             string // that the dialog offers
	statuses           []int  // of all calls
	prompts            int
}

func newBrowser(t *testing.T) *process.Peer {
	t.Helper()
	return process.Node(t, filepath.Join("testdata", "drive.mjs"), process.Program(t, "chromium"))
}

func (want outcome) check(t *testing.T, got sight) {
	t.Helper()
	if got.Failed != "" {
		t.Errorf("the visit ended early: %s", got.Failed)
	}
	if len(got.Faults) > 0 {
		t.Errorf("faults: %q", got.Faults)
	}
	if scopes := strings.Join(got.Scopes, ", "); scopes != want.scopes {
		t.Errorf("the dialog offers the scopes %s, want %s", scopes, want.scopes)
	}
	if got.Prompts != want.prompts {
		t.Errorf("the browser asked for a password %d times, want %d", got.Prompts, want.prompts)
	}
	var statuses []int
	for i, call := range got.Calls {
		statuses = append(statuses, call.Status)
		authorization, key := want.authorization, want.key
		if i == len(got.Calls)-1 {
			authorization, key = "", ""
		}
		if !strings.HasPrefix(call.Authorization, authorization) || (authorization == "") != (call.Authorization == "") || call.Key != key {
			t.Errorf("call %d, %s, carried %q and the key %q, want %q and %q", i, call.Operation, call.Authorization, call.Key, authorization, key)
		}
	}
	if !slices.Equal(statuses, want.statuses) {
		t.Fatalf("statuses %v, want %v", statuses, want.statuses)
	}
	// The first call asks the server who it sees.
	if !strings.Contains(strings.ReplaceAll(got.Calls[0].Shown, " ", ""), `"client_id":"`+want.client+`"`) {
		t.Errorf("the server saw %s, want %s", got.Calls[0].Shown, want.client)
	}
}

func basic(pair string) string { return "Basic " + base64.StdEncoding.EncodeToString([]byte(pair)) }

// Every way to authorize works on the page of the quickstart, and ends when the
// person logs out.
func TestQuickstart(t *testing.T) {
	browser, site := newBrowser(t), process.Example(t, "quickstart")
	calls, statuses := []string{"GET /me", "GET /orders", "GET /admin"}, []int{200, 200, 403, 401}
	const prompts = 1 // without credentials, since the answer has a challenge of HTTP Basic
	t.Run("client credentials", func(t *testing.T) {
		var seen sight
		browser.Ask(t, visit{
			Site: site, Scheme: "oauth2", Fields: map[string]string{"client_secret:": "demo-secret"}, Choose: []string{"orders:write"}, Calls: calls, Screenshot: *screenshot,
		}, &seen)
		outcome{"demo", "Bearer eyJ", "", "admin, orders:read (suggested), orders:write", statuses, prompts}.check(t, seen)
		if len(seen.Requests) != 1 {
			t.Fatalf("requests: %+v", seen.Requests)
		}
		r := seen.Requests[0]
		form, err := url.ParseQuery(r.Body)
		if err != nil || r.Status != 200 || r.Authorization != basic("demo:demo-secret") || form.Get("grant_type") != "client_credentials" || form.Get("scope") != "orders:read orders:write" {
			t.Errorf("the token endpoint was asked %+v", r)
		}
	})
	t.Run("API key", func(t *testing.T) {
		var seen sight
		browser.Ask(t, visit{Site: site, Scheme: "X-API-Key", Fields: map[string]string{"Value:": "demo-key"}, Calls: calls}, &seen)
		outcome{"robot", "", "demo-key", "", statuses, prompts}.check(t, seen)
	})
	t.Run("Basic", func(t *testing.T) {
		var seen sight
		fields := map[string]string{"auth-basic-username": "alice", "auth-basic-password": "wonderland"}
		browser.Ask(t, visit{Site: site, Scheme: "basic", Fields: fields, Calls: calls}, &seen)
		outcome{"alice", basic("alice:wonderland"), "", "", statuses, prompts}.check(t, seen)
	})
	t.Run("a bearer token", func(t *testing.T) {
		var seen sight
		r := newRequest(t, "GET", site)
		token(t, site, "bearer", "orders:read").add(r)
		header := r.Header.Get("Authorization")
		fields := map[string]string{"auth-bearer-value": strings.TrimPrefix(header, "Bearer ")}
		browser.Ask(t, visit{Site: site, Scheme: "bearer", Fields: fields, Calls: calls}, &seen)
		outcome{"demo", header, "", "", statuses, prompts}.check(t, seen)
	})
	t.Run("faults are seen", func(t *testing.T) {
		var seen sight
		browser.Ask(t, visit{Site: site, Misbehave: true}, &seen)
		faults := strings.Join(seen.Faults, "\n")
		for _, want := range []string{"policy violation: script-src", "uncaught: Error: on purpose", "request to http://localhost:"} {
			if !strings.Contains(faults, want) {
				t.Errorf("no %q in %q, %s", want, faults, seen.Failed)
			}
		}
	})
}

// A person logs in at the authorization server, by authorization code and PKCE.
func TestPKCE(t *testing.T) {
	browser, site := newBrowser(t), process.Example(t, "pkce")
	calls := []string{"GET /api/me", "GET /api/orders", "GET /api/admin"}
	const scopes = "offline_access, orders:read (suggested), orders:write"
	t.Run("bob", func(t *testing.T) {
		var seen sight
		browser.Ask(t, visit{Site: site, Scheme: "oauth2-authorizationCode", User: "bob", Password: "builder", Calls: calls}, &seen)
		outcome{"bob", "Bearer eyJ", "", scopes, []int{200, 200, 403, 401}, 0}.check(t, seen)
		checkPKCE(t, seen, site)
	})
	t.Run("alice, who is an administrator", func(t *testing.T) {
		var seen sight
		browser.Ask(t, visit{Site: site, Scheme: "oauth2-authorizationCode", User: "alice", Password: "wonderland", Calls: calls}, &seen)
		outcome{"alice", "Bearer eyJ", "", scopes, []int{200, 200, 200, 401}, 0}.check(t, seen)
	})
	t.Run("a machine", func(t *testing.T) {
		var seen sight
		fields := map[string]string{"client_id:": "machine", "client_secret:": "machine-secret"}
		browser.Ask(t, visit{Site: site, Scheme: "oauth2-clientCredentials", Fields: fields, Calls: calls}, &seen)
		outcome{"machine", "Bearer eyJ", "", scopes, []int{200, 200, 403, 401}, 0}.check(t, seen)
	})
}

// checkPKCE looks at what the authorization server was asked.
func checkPKCE(t *testing.T, seen sight, site string) {
	t.Helper()
	var asked, form url.Values
	for _, r := range seen.Requests {
		query, err := url.ParseQuery(r.Query)
		body, errBody := url.ParseQuery(r.Body)
		if err != nil || errBody != nil {
			t.Errorf("%+v", r)
		}
		switch {
		case r.Path == "/oauth2/token":
			if form = body; r.Status != 200 || r.Authorization != "" {
				t.Errorf("the token endpoint was asked %+v", r)
			}
		case asked == nil:
			asked = query
		}
	}
	want := map[string]string{
		"response_type": "code", "client_id": "spa", "code_challenge_method": "S256", "scope": "orders:read", "redirect_uri": site + "/docs/oauth2-redirect.html",
	}
	for name, value := range want {
		if asked.Get(name) != value {
			t.Errorf("/authorize: %s is %q, want %q", name, asked.Get(name), value)
		}
	}
	if len(asked.Get("code_challenge")) != 43 || len(form.Get("code_verifier")) < 43 || form.Get("grant_type") != "authorization_code" {
		t.Errorf("/authorize was asked %v, and the token endpoint %v", asked, form)
	}
}
