package oauth

import (
	"encoding/json"
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"testing"

	"github.com/go-jose/go-jose/v4"

	"github.com/authstar/authstar/e2e/internal/process"
)

const (
	offline   = "orders:read offline_access"
	elsewhere = "http://127.0.0.1:3000/callback"
)

var (
	hidden = regexp.MustCompile(`<input type="hidden" name="([^"]*)" value="([^"]*)">`)
	action = regexp.MustCompile(`<form method="post" action="([^"]*)">`)
)

// logIn is the person with a browser: it opens the URL, fills in the form and
// returns where that leads.
func logIn(t *testing.T, target string) *url.URL {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	browser := &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := browser.Get(target)
	if err != nil {
		t.Fatal(err)
	}
	page, err := io.ReadAll(res.Body)
	res.Body.Close()
	if err != nil {
		t.Fatal(err)
	}
	if res.StatusCode == http.StatusOK {
		form := url.Values{"username": {"alice"}, "password": {"wonderland"}}
		for _, field := range hidden.FindAllStringSubmatch(string(page), -1) {
			form.Set(html.UnescapeString(field[1]), html.UnescapeString(field[2]))
		}
		to := action.FindStringSubmatch(string(page))
		if to == nil {
			t.Fatalf("no form: %s", page)
		}
		if res, err = browser.PostForm(html.UnescapeString(to[1]), form); err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
	}
	callback, err := res.Location()
	if err != nil || res.StatusCode != http.StatusSeeOther {
		t.Fatalf("%d %v", res.StatusCode, err)
	}
	return callback
}

// status is what a call of the API with this token is answered.
func status(t *testing.T, target, token string) int {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, target, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	return res.StatusCode
}

// credentials are how a client authenticates.
type credentials struct {
	ID     string           `json:"id"`
	Method string           `json:"method"`
	Secret string           `json:"secret,omitempty"`
	Key    *jose.JSONWebKey `json:"key,omitempty"`
}

// answer is what a script of testdata says.
type answer struct {
	URL     string
	Status  int
	Error   string
	Access  string `json:"access_token"`
	Refresh string `json:"refresh_token"`
	Scope   string
	Active  bool
	Client  string `json:"client_id"`
	Subject string `json:"sub"`
}

// client is a library of npm.
type client struct {
	*process.Peer
	redirect string
}

type params map[string]any

// newClient starts a client that has read the server's metadata.
func newClient(t *testing.T, library, issuer, redirect string, c credentials) *client {
	t.Helper()
	cl := &client{process.Node(t, "testdata/"+library+".mjs"), redirect}
	cl.configure(t, issuer, c)
	return cl
}

func (c *client) configure(t *testing.T, issuer string, who credentials) {
	t.Helper()
	text, err := json.Marshal(who)
	if err != nil {
		t.Fatal(err)
	}
	p := params{"issuer": issuer}
	if err := json.Unmarshal(text, &p); err != nil {
		t.Fatal(err)
	}
	if a := c.do(t, "discover", p); a.Error != "" {
		t.Fatal(a.Error)
	}
}

func (c *client) do(t *testing.T, name string, p params) (a answer) {
	t.Helper()
	question := params{"do": name}
	for k, v := range p {
		question[k] = v
	}
	c.Ask(t, question, &a)
	return a
}

// must is do for what has to succeed.
func (c *client) must(t *testing.T, name string, p params) answer {
	t.Helper()
	a := c.do(t, name, p)
	if a.Error != "" {
		t.Fatalf("%s: %s (%d)", name, a.Error, a.Status)
	}
	return a
}

// refused is do for what the server has to refuse.
func (c *client) refused(t *testing.T, name string, p params, want string, status int) {
	t.Helper()
	if a := c.do(t, name, p); a.Error != want || a.Status != status {
		t.Errorf("%s: %q (%d), want %q (%d)", name, a.Error, a.Status, want, status)
	}
}

// callback is the answer to a new authorization request.
func (c *client) callback(t *testing.T) *url.URL {
	t.Helper()
	return logIn(t, c.must(t, "authorize", params{"redirect_uri": c.redirect, "scope": offline}).URL)
}

// tokens is the whole flow.
func (c *client) tokens(t *testing.T) answer {
	t.Helper()
	return c.must(t, "redeem", params{"callback": c.callback(t).String()})
}

// with is a URL with another value of a parameter, "" for none.
func with(u *url.URL, name, value string) string {
	changed, query := *u, u.Query()
	query.Set(name, value)
	if value == "" {
		query.Del(name)
	}
	changed.RawQuery = query.Encode()
	return changed.String()
}
