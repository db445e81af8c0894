package docs

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/authstar/authstar/e2e/internal/process"
)

// document is what the tests read of an OpenAPI document.
type document struct {
	Paths map[string]map[string]struct {
		Security []map[string][]string `json:"security"`
	} `json:"paths"`
}

// credential is one that the quickstart accepts, by the name of its scheme.
type credential struct {
	scheme string
	scopes []string
	add    func(*http.Request)
}

// passes reports whether the security lets the credential pass; that of nobody
// is nil.
func (c *credential) passes(security []map[string][]string) bool {
	if len(security) == 0 {
		return true
	}
	return slices.ContainsFunc(security, func(alternative map[string][]string) bool {
		for scheme, scopes := range alternative {
			if c == nil || c.scheme != scheme || slices.ContainsFunc(scopes, func(scope string) bool { return !slices.Contains(c.scopes, scope) }) {
				return false
			}
		}
		return true
	})
}

// N01, both ways, and for every kind of credential: a call is refused exactly
// where the document that the quickstart serves says so, and what it does not
// have is not served.
func TestDocumentIsEnforced(t *testing.T) {
	t.Parallel()
	site := process.Example(t, "quickstart")
	credentials := map[string]*credential{
		"nobody":               nil,
		"a token that reads":   token(t, site, "bearer", "orders:read"),
		"a token that writes":  token(t, site, "bearer", "orders:write"),
		"a client that reads":  token(t, site, "oauth2", "orders:read"),
		"a client that writes": token(t, site, "oauth2", "orders:write"),
		"a client for both":    token(t, site, "oauth2", "orders:read orders:write"),
		"a user's password":    {"basic", []string{"orders:read"}, func(r *http.Request) { r.SetBasicAuth("alice", "wonderland") }},
		"an API key":           {"X-API-Key", []string{"orders:read"}, func(r *http.Request) { r.Header.Set("X-API-Key", "demo-key") }},
		"the session's cookie": {"sid", []string{"orders:read"}, func(r *http.Request) { r.AddCookie(session(t, site)) }},
	}
	_, body := do(t, newRequest(t, "GET", site+"/openapi.json"))
	var doc document
	if err := json.Unmarshal(body, &doc); err != nil {
		t.Fatal(err)
	}
	passed, refused := 0, 0
	for path, item := range doc.Paths {
		for _, method := range []string{"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"} {
			operation, documented := item[strings.ToLower(method)]
			for name, c := range credentials {
				r := newRequest(t, method, site+path)
				if method == "POST" { // the login is open to who knows the password
					form(r, url.Values{"username": {"alice"}, "password": {"wonderland"}})
				}
				if c != nil {
					c.add(r)
				}
				res, _ := do(t, r)
				want := http.StatusOK
				switch {
				case !documented:
					want = http.StatusMethodNotAllowed
				case c.passes(operation.Security):
					passed++
				case c == nil:
					want = http.StatusUnauthorized
					refused++
				default:
					want = http.StatusForbidden
					refused++
				}
				if got := res.StatusCode; got != want && (want != http.StatusOK || got > 299) {
					t.Errorf("%s %s by %s: %d, want %d; the document's security is %v", method, path, name, got, want, operation.Security)
				}
			}
		}
	}
	if passed < 30 || refused < 10 {
		t.Errorf("%d calls passed and %d were refused; is this the whole document?", passed, refused)
	}
}

// token gets one by client credentials. The document has two schemes for it: the
// token, and the way to get it.
func token(t *testing.T, site, scheme, scope string) *credential {
	t.Helper()
	r := newRequest(t, "POST", site+"/oauth2/token")
	form(r, url.Values{"grant_type": {"client_credentials"}, "scope": {scope}})
	r.SetBasicAuth("demo", "demo-secret")
	res, body := do(t, r)
	var answer struct {
		Token string `json:"access_token"`
	}
	if err := json.Unmarshal(body, &answer); err != nil || res.StatusCode != http.StatusOK {
		t.Fatalf("%d %s: %v", res.StatusCode, body, err)
	}
	return &credential{scheme, strings.Fields(scope), func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+answer.Token) }}
}

// session logs alice in.
func session(t *testing.T, site string) *http.Cookie {
	t.Helper()
	r := newRequest(t, "POST", site+"/login")
	form(r, url.Values{"username": {"alice"}, "password": {"wonderland"}})
	res, body := do(t, r)
	cookies := res.Cookies()
	if len(cookies) != 1 {
		t.Fatalf("%d %s: %v", res.StatusCode, body, cookies)
	}
	return cookies[0]
}

func newRequest(t *testing.T, method, url string) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func form(r *http.Request, values url.Values) {
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Body = io.NopCloser(strings.NewReader(values.Encode()))
}

// do sends a request, and reads the response to its end.
func do(t *testing.T, r *http.Request) (*http.Response, []byte) {
	t.Helper()
	client := http.Client{Timeout: 10 * time.Second}
	res, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res, body
}
