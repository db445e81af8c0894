package docs

import (
	"context"
	"encoding/base64"
	"flag"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/authstar/authstar"
	"github.com/authstar/authstar/authenticators"
	"github.com/authstar/authstar/e2e/internal/process"
	"github.com/authstar/authstar/openapi"
	"github.com/authstar/authstar/openapi/docs"
	"github.com/authstar/authstar/security"
)

var screenshot = flag.String("screenshot", "", "write a picture of the quickstart's page to this file")

// call is an operation that a person executes, such as "GET /me".
type call struct {
	Operation string            `json:"operation"`
	Fields    map[string]string `json:"fields,omitempty"` // parameters, and those of a form
	Body      string            `json:"body,omitempty"`
}

func calls(operations ...string) (list []call) {
	for _, o := range operations {
		list = append(list, call{Operation: o})
	}
	return list
}

// visit is what a person does on a docs page: make some calls, authorize by one
// scheme, make the others, log out, and make the first of those again.
type visit struct {
	Site       string            `json:"site"`
	Scheme     string            `json:"scheme,omitempty"`
	Fields     map[string]string `json:"fields,omitempty"` // by label
	Choose     []string          `json:"choose,omitempty"` // scopes, beside those that are suggested
	User       string            `json:"user,omitempty"`   // who logs in at the authorization server
	Password   string            `json:"password,omitempty"`
	Refused    bool              `json:"refused,omitempty"` // there is no authorization
	Before     []call            `json:"before,omitempty"`
	Calls      []call            `json:"calls,omitempty"`
	Screenshot string            `json:"screenshot,omitempty"`
	Misbehave  bool              `json:"misbehave,omitempty"`
}

// sight is what the browser saw of it.
type sight struct {
	Failed         string
	Faults, Scopes []string
	Prompts        int    // for a password, by the browser itself
	Inputs         int    // in the dialog, of the scheme
	Says           string // the dialog about the scheme, or its error
	Calls          []struct {
		Operation, Shown, Authorization, Key, Cookie string
		Status                                       int
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
}

func newBrowser(t *testing.T) *process.Peer {
	t.Helper()
	return process.Node(t, filepath.Join("testdata", "drive.mjs"), process.Program(t, "chromium"))
}

// checkQuiet says whether the visit went to its end, without a fault and without
// a dialog of the browser's own.
func (got sight) checkQuiet(t *testing.T) {
	t.Helper()
	if got.Failed != "" {
		t.Errorf("the visit ended early: %s", got.Failed)
	}
	if len(got.Faults) > 0 {
		t.Errorf("faults: %q", got.Faults)
	}
	if got.Prompts > 0 {
		t.Errorf("the browser asked for a password %d times", got.Prompts)
	}
}

func (want outcome) check(t *testing.T, got sight) {
	t.Helper()
	if scopes := strings.Join(got.Scopes, ", "); scopes != want.scopes {
		t.Errorf("the dialog offers the scopes %s, want %s", scopes, want.scopes)
	}
	got.checkQuiet(t)
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
	calls, statuses := calls("GET /me", "GET /orders", "GET /admin"), []int{200, 200, 403, 401}
	t.Run("client credentials", func(t *testing.T) {
		var seen sight
		browser.Ask(t, visit{
			Site: site, Scheme: "oauth2", Fields: map[string]string{"client_secret:": "demo-secret"}, Choose: []string{"orders:write"}, Calls: calls, Screenshot: *screenshot,
		}, &seen)
		outcome{"demo", "Bearer eyJ", "", "admin, keys:admin, orders:read (suggested), orders:write", statuses}.check(t, seen)
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
		outcome{"robot", "", "demo-key", "", statuses}.check(t, seen)
	})
	t.Run("Basic", func(t *testing.T) {
		var seen sight
		fields := map[string]string{"auth-basic-username": "alice", "auth-basic-password": "wonderland"}
		browser.Ask(t, visit{Site: site, Scheme: "basic", Fields: fields, Calls: calls}, &seen)
		outcome{"alice", basic("alice:wonderland"), "", "", statuses}.check(t, seen)
	})
	t.Run("a bearer token", func(t *testing.T) {
		var seen sight
		r := newRequest(t, "GET", site)
		token(t, site, "bearer", "orders:read").add(r)
		header := r.Header.Get("Authorization")
		fields := map[string]string{"auth-bearer-value": strings.TrimPrefix(header, "Bearer ")}
		browser.Ask(t, visit{Site: site, Scheme: "bearer", Fields: fields, Calls: calls}, &seen)
		outcome{"demo", header, "", "", statuses}.check(t, seen)
	})
	t.Run("a wrong secret", func(t *testing.T) {
		var seen sight
		browser.Ask(t, visit{Site: site, Scheme: "oauth2", Fields: map[string]string{"client_secret:": "oops"}, Refused: true}, &seen)
		refusals := len(seen.Requests)
		seen.Faults = slices.DeleteFunc(seen.Faults, func(fault string) bool { return strings.HasSuffix(fault, "("+site+"/oauth2/token)") })
		seen.checkQuiet(t)
		if refusals != 1 || seen.Requests[0].Status != 401 || !strings.Contains(seen.Says, "invalid_client") {
			t.Errorf("the dialog says %q after %+v", seen.Says, seen.Requests)
		}
	})
	t.Run("a session", func(t *testing.T) {
		var seen sight
		login := call{Operation: "POST /login", Fields: map[string]string{"username": "alice", "password": "wonderland"}}
		browser.Ask(t, visit{Site: site, Before: []call{login, calls[0]}, Scheme: "sid", Calls: calls}, &seen)
		seen.checkQuiet(t)
		if seen.Inputs != 0 || !strings.Contains(seen.Says, "the browser sends this cookie by itself") {
			t.Errorf("the dialog has %d inputs and says %q", seen.Inputs, seen.Says)
		}
		var got []string
		for _, c := range seen.Calls {
			got = append(got, fmt.Sprint(c.Operation, " ", c.Status, " ", strings.HasPrefix(c.Cookie, "sid=")))
		}
		want := []string{"POST /login 200 false", "GET /me 401 false", "GET /me 200 true", "GET /orders 200 true", "GET /admin 403 true", "GET /me 401 false"}
		if !slices.Equal(got, want) {
			t.Errorf("calls, and whether they had the cookie: %q, want %q", got, want)
		}
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
		if seen.Prompts != 1 {
			t.Errorf("%d prompts, want that of the page's own request", seen.Prompts)
		}
	})
}

// With Config.Cookies, calls have the browser's cookies whatever the operation
// takes, and the browser has its dialog back.
func TestCookiesForAProxy(t *testing.T) {
	t.Parallel()
	browser, site := newBrowser(t), newProxied(t)
	var seen sight
	browser.Ask(t, visit{Site: site, Calls: calls("GET /me")}, &seen)
	if seen.Failed != "" || len(seen.Calls) != 1 || seen.Calls[0].Status != 401 || seen.Calls[0].Cookie != "proxy=1" || seen.Prompts != 1 {
		t.Errorf("%+v", seen)
	}
}

// newProxied serves an API behind what sets a cookie with every page.
func newProxied(t *testing.T) string {
	t.Helper()
	chain, err := authstar.New(authenticators.NewBasic("proxied", func(context.Context, string, string) (authstar.Client, error) { return nil, nil }))
	if err != nil {
		t.Fatal(err)
	}
	page, err := docs.New(docs.Config{Document: "/openapi.json", Cookies: true})
	if err != nil {
		t.Fatal(err)
	}
	mux := new(openapi.Mux)
	mux.Handle("GET /me", security.Authenticated().HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	api := chain.Handler(mux)
	root := http.NewServeMux()
	root.Handle("GET /openapi.json", openapi.Handler(mux.Document(openapi.Info{}), api))
	root.Handle("/", api)
	root.HandleFunc("GET /docs/", func(w http.ResponseWriter, r *http.Request) {
		http.SetCookie(w, &http.Cookie{Name: "proxy", Value: "1", Path: "/", HttpOnly: true})
		page.ServeHTTP(w, r)
	})
	server := httptest.NewServer(root)
	t.Cleanup(server.Close)
	return server.URL
}

// A person logs in at the authorization server, by authorization code and PKCE.
func TestPKCE(t *testing.T) {
	browser, site := newBrowser(t), process.Example(t, "pkce")
	calls := calls("GET /api/me", "GET /api/orders", "GET /api/admin")
	const scopes = "offline_access, orders:read (suggested), orders:write"
	t.Run("bob", func(t *testing.T) {
		var seen sight
		browser.Ask(t, visit{Site: site, Scheme: "oauth2-authorizationCode", User: "bob", Password: "builder", Calls: calls}, &seen)
		outcome{"bob", "Bearer eyJ", "", scopes, []int{200, 200, 403, 401}}.check(t, seen)
		checkPKCE(t, seen, site)
	})
	t.Run("alice, who is an administrator", func(t *testing.T) {
		var seen sight
		browser.Ask(t, visit{Site: site, Scheme: "oauth2-authorizationCode", User: "alice", Password: "wonderland", Calls: calls}, &seen)
		outcome{"alice", "Bearer eyJ", "", scopes, []int{200, 200, 200, 401}}.check(t, seen)
	})
	t.Run("a machine", func(t *testing.T) {
		var seen sight
		fields := map[string]string{"client_id:": "machine", "client_secret:": "machine-secret"}
		browser.Ask(t, visit{Site: site, Scheme: "oauth2-clientCredentials", Fields: fields, Calls: calls}, &seen)
		outcome{"machine", "Bearer eyJ", "", scopes, []int{200, 200, 403, 401}}.check(t, seen)
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
