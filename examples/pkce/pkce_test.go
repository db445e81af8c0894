package main

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
)

const verifier = "a-verifier-of-more-than-43-letters-for-the-tests"

// visitor is a person with a browser, and the page that runs in it.
type visitor struct {
	*testing.T
	*http.Client
	issuer string
}

func visit(t *testing.T) *visitor {
	t.Helper()
	server := httptest.NewUnstartedServer(nil)
	issuer := "http://" + server.Listener.Addr().String()
	handler, err := newServer(issuer)
	if err != nil {
		t.Fatal(err)
	}
	server.Config.Handler = handler
	server.Start()
	t.Cleanup(server.Close)
	v := &visitor{T: t, issuer: issuer}
	v.newBrowser()
	return v
}

func (v *visitor) newBrowser() {
	jar, err := cookiejar.New(nil)
	if err != nil {
		v.Fatal(err)
	}
	v.Client = &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

type reply struct {
	*http.Response
	text string
	body map[string]any
}

func (r reply) get(name string) string { s, _ := r.body[name].(string); return s }

func (v *visitor) send(method, target, token string, form url.Values) reply {
	v.Helper()
	if strings.HasPrefix(target, "/") {
		target = v.issuer + target
	}
	req, err := http.NewRequest(method, target, strings.NewReader(form.Encode()))
	if err != nil {
		v.Fatal(err)
	}
	if form != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	res, err := v.Do(req)
	if err != nil {
		v.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		v.Fatal(err)
	}
	r := reply{Response: res, text: string(text)}
	_ = json.Unmarshal(text, &r.body)
	return r
}

// begin is the link that the page sends the browser to.
func (v *visitor) begin(pairs ...string) reply {
	v.Helper()
	hash := sha256.Sum256([]byte(verifier))
	q := url.Values{
		"response_type": {"code"}, "client_id": {"spa"}, "redirect_uri": {v.issuer + "/callback"}, "scope": {"orders:read orders:write offline_access"},
		"state": {"xyz"}, "code_challenge": {base64.RawURLEncoding.EncodeToString(hash[:])}, "code_challenge_method": {"S256"},
	}
	for i := 0; i < len(pairs); i += 2 {
		q.Set(pairs[i], pairs[i+1])
	}
	return v.send("GET", "/authorize?"+q.Encode(), "", nil)
}

var hidden = regexp.MustCompile(`type="hidden" name="([^"]*)" value="([^"]*)"`)

// fillIn submits the form of a page.
func (v *visitor) fillIn(page reply, pairs ...string) reply {
	v.Helper()
	form := make(url.Values)
	for _, m := range hidden.FindAllStringSubmatch(page.text, -1) {
		form.Set(html.UnescapeString(m[1]), html.UnescapeString(m[2]))
	}
	for i := 0; i < len(pairs); i += 2 {
		form.Set(pairs[i], pairs[i+1])
	}
	if len(form) < 8 {
		v.Fatalf("%s has no form: %s", page.Status, page.text)
	}
	return v.send("POST", "/authorize", "", form)
}

// redeem gets tokens for where the browser was sent.
func (v *visitor) redeem(back reply, client string) reply {
	v.Helper()
	to, err := back.Location()
	if err != nil {
		v.Fatalf("%s %s", back.Status, back.text)
	}
	if q := to.Query(); q.Get("state") != "xyz" || q.Get("iss") != v.issuer {
		v.Errorf("sent to %s", to)
	}
	code := to.Query().Get("code")
	to.RawQuery = ""
	return v.send("POST", "/oauth2/token", "", url.Values{
		"grant_type": {"authorization_code"}, "client_id": {client}, "code": {code}, "redirect_uri": {to.String()}, "code_verifier": {verifier},
	})
}

func (v *visitor) logIn(name, password string) reply {
	v.Helper()
	tokens := v.redeem(v.fillIn(v.begin(), "username", name, "password", password, "stay_signed_in", "1"), "spa")
	if tokens.StatusCode != 200 || tokens.get("scope") != "orders:read orders:write offline_access" {
		v.Fatalf("%s %s", tokens.Status, tokens.text)
	}
	return tokens
}

func (v *visitor) want(what string, r reply, status int) {
	v.Helper()
	if r.StatusCode != status {
		v.Errorf("%s: %s %s, want %d", what, r.Status, r.text, status)
	}
}

func TestUsersAndTheAPI(t *testing.T) {
	for name, row := range map[string]struct {
		password, role string
		admin          int
	}{"alice": {"wonderland", "admin", 200}, "bob": {"builder", "user", 403}} {
		v := visit(t)
		token := v.logIn(name, row.password).get("access_token")
		me := v.send("GET", "/api/me", token, nil)
		v.want("me", me, 200)
		if me.get("client_id") != name || me.get("role") != row.role || me.get("issuer") != v.issuer {
			t.Errorf("%s", me.text)
		}
		v.want("orders", v.send("GET", "/api/orders", token, nil), 200)
		v.want("admin as "+name, v.send("GET", "/api/admin", token, nil), row.admin)
		v.want("without a token", v.send("GET", "/api/me", "", nil), 401)
		v.want("with another", v.send("GET", "/api/me", token+"A", nil), 401)
	}
}

func TestWrongPassword(t *testing.T) {
	v := visit(t)
	page := v.begin()
	for _, name := range []string{"alice", "mallory"} {
		r := v.fillIn(page, "username", name, "password", "oops")
		v.want(name, r, 403)
		if !strings.Contains(r.text, "The user name or the password is wrong.") {
			t.Errorf("%s", r.text)
		}
	}
	v.want("the right one after all", v.fillIn(page, "username", "alice", "password", "wonderland"), 303)
}

func TestRefreshAndLogout(t *testing.T) {
	v := visit(t)
	first := v.logIn("alice", "wonderland")
	second := v.send("POST", "/oauth2/token", "", url.Values{"grant_type": {"refresh_token"}, "client_id": {"spa"}, "refresh_token": {first.get("refresh_token")}})
	v.want("refresh", second, 200)
	v.want("the new token", v.send("GET", "/api/me", second.get("access_token"), nil), 200)
	v.want("without asking", v.begin(), 303)
	v.want("revoke", v.send("POST", "/oauth2/revoke", "", url.Values{"client_id": {"spa"}, "token": {second.get("refresh_token")}}), 200)
	v.want("logout", v.send("POST", "/logout", "", nil), 204)
	for _, token := range []reply{first, second} {
		v.want("afterwards", v.send("GET", "/api/me", token.get("access_token"), nil), 401)
	}
	v.want("asked again", v.begin(), 200)
}

// S03: another site cannot log the user out.
func TestLogoutFromElsewhere(t *testing.T) {
	v := visit(t)
	v.logIn("alice", "wonderland")
	req, err := http.NewRequest("POST", v.issuer+"/logout", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Sec-Fetch-Site", "cross-site")
	res, err := v.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != 403 {
		t.Errorf("%s", res.Status)
	}
	v.want("still signed in", v.begin(), 303)
}

func TestPages(t *testing.T) {
	v := visit(t)
	for path, want := range map[string]string{"/": "text/html", "/callback": "text/html", "/callback?code=x&state=y": "text/html", "/app.js": "text/javascript", "/app.css": "text/css"} {
		r := v.send("GET", path, "", nil)
		v.want(path, r, 200)
		csp := r.Header.Get("Content-Security-Policy")
		for _, directive := range []string{"default-src 'none'", "script-src 'self';", "img-src data:;", "frame-ancestors 'none'", "base-uri 'none'"} {
			if !strings.Contains(csp, directive) {
				t.Errorf("%s: %s", path, csp)
			}
		}
		if strings.Contains(csp, "unsafe") || r.Header.Get("Referrer-Policy") != "no-referrer" || !strings.HasPrefix(r.Header.Get("Content-Type"), want) || strings.Contains(r.text, "://") {
			t.Errorf("%s: %v %s", path, r.Header, r.text)
		}
		if want == "text/html" && !strings.Contains(r.text, `<link rel="icon" href="data:,">`) {
			t.Errorf("%s: browsers will ask for an icon", path)
		}
	}
	if csp := v.begin().Header.Get("Content-Security-Policy"); !strings.Contains(csp, "form-action 'self' http:;") {
		t.Errorf("%s", csp)
	}
	v.want("a path that is none", v.send("GET", "/nothing", "", nil), 404)
	v.want("the API beside its paths", v.send("GET", "/api/nothing", "", nil), 404)
}

// The native client may use any port, and the user is asked.
func TestCommandLine(t *testing.T) {
	v := visit(t)
	for _, uri := range []string{"http://127.0.0.1:51004/callback", "http://[::1]:51004/callback"} {
		v.newBrowser()
		consent := func() reply {
			login := v.begin("client_id", "cli", "redirect_uri", uri)
			to, err := v.fillIn(login, "username", "bob", "password", "builder").Location()
			if err != nil {
				t.Fatal(err)
			}
			page := v.send("GET", to.String(), "", nil)
			if !strings.Contains(page.text, "The command line") || !strings.Contains(page.text, "Order in your name") {
				t.Fatalf("%s", page.text)
			}
			return page
		}
		if to, _ := v.fillIn(consent(), "decision", "deny").Location(); to.Query().Get("error") != "access_denied" {
			t.Errorf("refused: %s", to)
		}
		v.want("allowed", v.redeem(v.fillIn(consent(), "decision", "allow"), "cli"), 200)
	}
	v.want("another host", v.begin("client_id", "cli", "redirect_uri", "http://localhost:51004/callback"), 400)
}

func TestMachine(t *testing.T) {
	v := visit(t)
	r := v.send("POST", "/oauth2/token", "", url.Values{"grant_type": {"client_credentials"}, "client_id": {"machine"}, "client_secret": {"machine-secret"}})
	v.want("machine", r, 200)
	v.want("orders", v.send("GET", "/api/orders", r.get("access_token"), nil), 200)
	v.want("admin", v.send("GET", "/api/admin", r.get("access_token"), nil), 403)
	v.want("a wrong secret", v.send("POST", "/oauth2/token", "", url.Values{"grant_type": {"client_credentials"}, "client_id": {"machine"}, "client_secret": {"x"}}), 401)
}
