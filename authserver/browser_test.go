package authserver_test

import (
	"html"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
)

// browser keeps cookies.
type browser struct {
	*fixture
	cookies map[string]string
	address string
	headers []string // of every request, in pairs
}

func (f *fixture) browser() *browser {
	return &browser{fixture: f, cookies: make(map[string]string), address: "192.0.2.1:1234"}
}

// do sends a request, with a form unless that is nil.
func (b *browser) do(method, target string, form url.Values) answer {
	b.Helper()
	r := httptest.NewRequest(method, target, nil)
	if form != nil {
		r = httptest.NewRequest(method, target, strings.NewReader(form.Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Sec-Fetch-Site", "same-origin")
	}
	r.RemoteAddr = b.address
	for name, value := range b.cookies {
		r.AddCookie(&http.Cookie{Name: name, Value: value})
	}
	for i := 0; i < len(b.headers); i += 2 {
		r.Header.Set(b.headers[i], b.headers[i+1])
	}
	a := b.serve(r)
	for _, c := range (&http.Response{Header: a.header}).Cookies() {
		b.cookies[c.Name] = c.Value
		if c.MaxAge < 0 {
			delete(b.cookies, c.Name)
		}
	}
	return a
}

func (b *browser) get(target string) answer { b.Helper(); return b.do(http.MethodGet, target, nil) }

// authorize begins an authorization request.
func (b *browser) authorize(request url.Values) answer {
	b.Helper()
	return b.get(b.config.Issuer + "/authorize?" + request.Encode())
}

var (
	inputElement = regexp.MustCompile(`<input type="hidden" name="([^"]*)" value="([^"]*)">`)
	formElement  = regexp.MustCompile(`<form method="post" action="([^"]*)">`)
)

// form is the form of a page, with what is hidden in it.
func form(a answer) (action string, values url.Values) {
	values = make(url.Values)
	for _, m := range inputElement.FindAllStringSubmatch(a.text, -1) {
		values.Add(html.UnescapeString(m[1]), html.UnescapeString(m[2]))
	}
	if m := formElement.FindStringSubmatch(a.text); m != nil {
		action = html.UnescapeString(m[1])
	}
	return action, values
}

// submit fills in the form of a page and follows redirects on this server.
func (b *browser) submit(page answer, pairs ...string) answer {
	b.Helper()
	action, values := form(page)
	if action == "" {
		b.Fatalf("no form: %d %v %s", page.status, page.header, page.text)
	}
	maps.Copy(values, params(nil, pairs...))
	a := b.do(http.MethodPost, action, values)
	for range 3 {
		to := a.header.Get("Location")
		if !strings.HasPrefix(to, b.config.Issuer) {
			break
		}
		a = b.get(to)
	}
	return a
}

func (b *browser) logIn(page answer, pairs ...string) answer {
	b.Helper()
	return b.submit(page, append([]string{"username", "alice", "password", "wonderland"}, pairs...)...)
}

// sentBack is what a redirect tells the client, with the URI before it.
func (f *fixture) sentBack(a answer) (uri string, values url.Values) {
	f.Helper()
	to := a.header.Get("Location")
	if a.status != http.StatusSeeOther {
		f.Fatalf("%d %s instead of a redirect: %s", a.status, to, a.text)
	}
	u, err := url.Parse(to)
	if err != nil {
		f.Fatal(err)
	}
	values = u.Query()
	if values.Get("iss") != f.config.Issuer {
		f.Errorf("O16 AZ-11: iss is %q", values.Get("iss"))
	}
	u.RawQuery = ""
	return u.String(), values
}

// code logs alice in for a request.
func (f *fixture) code(request url.Values) string {
	f.Helper()
	return f.codeFor("alice wonderland", request)
}

func (f *fixture) codeFor(user string, request url.Values) string {
	f.Helper()
	b := f.browser()
	name, password, _ := strings.Cut(user, " ")
	a := b.submit(b.authorize(request), "username", name, "password", password)
	if a.status == http.StatusOK {
		a = b.submit(a, "decision", "allow")
	}
	_, values := f.sentBack(a)
	if values.Get("code") == "" {
		f.Fatalf("no code: %v", values)
	}
	return values.Get("code")
}

// redeem asks for the tokens of a code, by default as "spa".
func (f *fixture) redeem(code string, pairs ...string) answer {
	f.Helper()
	return f.redeemAs("spa", code, pairs...)
}

func (f *fixture) redeemAs(who, code string, pairs ...string) answer {
	f.Helper()
	id, _, _ := strings.Cut(who, ":")
	form := url.Values{"grant_type": {"authorization_code"}, "code": {code}, "code_verifier": {verifier}, "redirect_uri": {f.clients[id].RedirectURIs[0]}}
	return f.post("/oauth2/token", who, params(form, pairs...))
}

func (f *fixture) refresh(who, token string, pairs ...string) answer {
	f.Helper()
	return f.post("/oauth2/token", who, params(url.Values{"grant_type": {"refresh_token"}, "refresh_token": {token}}, pairs...))
}

// tokens is the whole flow.
func (f *fixture) tokens(who string, pairs ...string) answer {
	f.Helper()
	id, _, _ := strings.Cut(who, ":")
	a := f.redeemAs(who, f.code(f.askFor(id, pairs...)))
	if a.status != http.StatusOK {
		f.Fatalf("%d %s", a.status, a.text)
	}
	return a
}

// introspect asks as a resource server.
func (f *fixture) introspect(token string) answer {
	f.Helper()
	return f.post("/oauth2/introspect", "machine:machine-secret", url.Values{"token": {token}})
}

// wantDead checks that an access token is refused wherever this server is asked.
func (f *fixture) wantDead(what, token string) {
	f.Helper()
	if c, err := f.VerifyToken(f.Context(), token); err == nil {
		f.Errorf("%s: VerifyToken says %v", what, c)
	}
	if a := f.introspect(token); a.text != "{\"active\":false}\n" {
		f.Errorf("%s: introspection says %s", what, a.text)
	}
}

// wantAlive is its positive twin.
func (f *fixture) wantAlive(what, token string) {
	f.Helper()
	if _, err := f.VerifyToken(f.Context(), token); err != nil {
		f.Errorf("%s: VerifyToken says %v", what, err)
	}
	if a := f.introspect(token); a.body["active"] != true {
		f.Errorf("%s: introspection says %s", what, a.text)
	}
}
