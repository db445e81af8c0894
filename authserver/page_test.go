package authserver_test

import (
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/authstar/authstar"
	"github.com/authstar/authstar/authserver"
)

// pages are one of each kind.
func (f *fixture) pages() map[string]answer {
	b := f.browser()
	login := b.authorize(f.askFor("cli"))
	return map[string]answer{
		"login":   login,
		"wrong":   b.logIn(login, "password", "x"),
		"consent": b.logIn(login),
		"error":   b.authorize(ask("client_id", "nobody")),
		"forged":  b.submit(login, "form_token", "x"),
	}
}

// O25 AZ-13 AZ-15
func TestPageHeaders(t *testing.T) {
	f := newFixture(t)
	pages := f.pages()
	pages["redirect"] = f.browser().authorize(ask("scope", "x"))
	for name, a := range pages {
		for header, want := range map[string]string{
			"X-Frame-Options": "DENY", "Referrer-Policy": "no-referrer", "X-Content-Type-Options": "nosniff", "Cache-Control": "no-store",
		} {
			if got := a.header.Values(header); len(got) != 1 || got[0] != want {
				t.Errorf("AZ-13: %s: %s %q", name, header, got)
			}
		}
		csp := a.header.Get("Content-Security-Policy")
		for _, want := range []string{"default-src 'none';", "img-src 'self' data:;", "frame-ancestors 'none';", "base-uri 'none'"} {
			if !strings.Contains(csp, want) {
				t.Errorf("O25: %s: %q", name, csp)
			}
		}
		if strings.Count(csp, "data:") != 1 || strings.Contains(csp, "unsafe") || strings.Contains(csp, "script-src") || a.header.Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("O25: %s: %q", name, csp)
		}
	}
}

// AZ-13: a browser holds the redirect after a form against form-action, and where
// the client sends it on to as well. A page that cannot send it anywhere names
// nobody.
func TestFormAction(t *testing.T) {
	f := newFixture(t)
	for name, row := range map[string]struct {
		request url.Values
		want    string
	}{
		"a web client":                  {ask(), "form-action 'self' https:;"},
		"a native client on loopback":   {f.askFor("cli", "redirect_uri", "http://127.0.0.1:51004/cb"), "form-action 'self' http:;"},
		"a native client on IPv6":       {f.askFor("cli", "redirect_uri", "http://[::1]:51004/cb"), "form-action 'self' http:;"},
		"a native client with a scheme": {f.askFor("cli", "redirect_uri", "com.example.cli:/cb"), "form-action 'self' com.example.cli:;"},
		"O25 an unknown client":         {ask("client_id", "nobody"), "form-action 'self';"},
	} {
		a := f.browser().authorize(row.request)
		if got := a.header.Get("Content-Security-Policy"); !strings.Contains(got, row.want) {
			t.Errorf("%s: %s", name, got)
		}
	}
}

// icon keeps browsers from asking for another one.
const icon = `<link rel="icon" href="data:,">`

// What a page needs for people who cannot see it, and what none may have.
func TestPageStructure(t *testing.T) {
	f := newFixture(t)
	for name, a := range f.pages() {
		for _, want := range []string{"<!doctype html>", `<html lang="en">`, "<title>", `<meta name="viewport"`, "<main>", "<h1>", icon} {
			if strings.Count(a.text, want) != 1 {
				t.Errorf("%s: %d times %s", name, strings.Count(a.text, want), want)
			}
		}
		for _, never := range []string{"<script", "src=", "<link", "@import", "url(", "onclick", "tabindex", "http://", "style=\""} {
			if strings.Contains(strings.NewReplacer("http://127.0.0.1/cb", "", icon, "").Replace(a.text), never) {
				t.Errorf("AZ-15: %s has %s", name, never)
			}
		}
		wrong := name == "wrong" || name == "error" || name == "forged"
		if strings.Contains(a.text, `role="alert"`) != wrong || strings.Contains(a.text, "<title>Error: ") != wrong {
			t.Errorf("%s: the error is not announced: %s", name, a.text)
		}
	}
	login, wrong := f.pages()["login"].text, f.pages()["wrong"].text
	for _, field := range []string{"username", "password"} {
		for _, want := range []string{`<label for="` + field + `">`, `id="` + field + `" name="` + field + `"`} {
			if !strings.Contains(login, want) {
				t.Errorf("the page has no %s", want)
			}
		}
	}
	if strings.Count(login, "autofocus") != 1 || strings.Count(wrong, "autofocus") != 1 || strings.Count(wrong, `aria-describedby="error"`) != 2 || !strings.Contains(wrong, `id="error"`) {
		t.Errorf("%s", wrong)
	}
	for _, want := range []string{`autocomplete="username"`, `autocomplete="current-password"`, `type="password"`, "required"} {
		if !strings.Contains(login, want) {
			t.Errorf("the page has no %s", want)
		}
	}
}

// AZ-07
func TestConsent(t *testing.T) {
	f := newFixture(t)
	f.users["bob builder"] = authserver.Login{Subject: "user-2", Scopes: []string{"read", "more"}}
	b := f.browser()
	consent := func() answer {
		return b.submit(b.authorize(f.askFor("cli")), "username", "bob", "password", "builder")
	}
	page := consent()
	for want, ok := range map[string]bool{"See your orders": true, "Stay connected": true, "(read)": true, "write</li>": false, "more": false, "cli": true, "user-2": true} {
		_, visible, _ := strings.Cut(page.text, "<main>")
		if strings.Contains(inputElement.ReplaceAllString(visible, ""), want) != ok {
			t.Errorf("the page shows %s: %v\n%s", want, !ok, page.text)
		}
	}
	if strings.Contains(page.text, "builder") || strings.Contains(page.text, `name="password"`) {
		t.Errorf("going back would send the password: %s", page.text)
	}
	uri, values := f.sentBack(b.submit(page, "decision", "deny"))
	if uri != "http://127.0.0.1/cb" || values.Get("error") != "access_denied" || values.Get("state") != "xyz" || values.Has("code") {
		t.Errorf("AZ-07: %s %v", uri, values)
	}
	for _, decision := range []string{"yes", "Allow", ""} {
		if a := b.submit(consent(), "decision", decision, "username", "x"); f.what(a) == "code" {
			t.Errorf("the decision %q gives a code", decision)
		}
	}
	_, values = f.sentBack(b.submit(consent(), "decision", "allow"))
	if a := f.redeemAs("cli", values.Get("code")); a.get("scope") != "read offline_access" {
		t.Errorf("%s", a.text)
	}
}

// Who lets the page wait too long logs in again.
func TestConsentWithoutASession(t *testing.T) {
	f := newFixture(t)
	b := f.browser()
	page := b.logIn(b.authorize(f.askFor("cli")))
	delete(b.cookies, sessionCookie)
	if got := f.what(b.submit(page, "decision", "allow")); got != "login" {
		t.Errorf("%s", got)
	}
	if got := f.what(b.submit(page, "decision", "deny")); got != "access_denied" {
		t.Errorf("%s", got)
	}
}

// A user who may grant nothing of what was asked for is told to the client.
func TestNothingToGrant(t *testing.T) {
	f := newFixture(t)
	for scope, want := range map[string]string{"write": "access_denied", "read write": "code", "write offline_access": "code"} {
		b := f.browser()
		if got := f.what(b.submit(b.authorize(ask("scope", scope)), "username", "bob", "password", "builder")); got != want {
			t.Errorf("%s: %s, want %s", scope, got, want)
		}
	}
}

const attack = `"><script>alert(1)</script><b a='` + "`{{.}}"

// O34 N03: text from elsewhere is text.
func TestEscaping(t *testing.T) {
	f := newFixture(t, func(c *authserver.Config) { c.Name, c.Scopes = "App "+attack, map[string]string{"read": attack} })
	f.replace("cli", func(c *authserver.Client) { c.Name = "Client " + attack })
	f.users["alice wonderland"] = authserver.Login{Subject: "user " + attack, Scopes: []string{"read"}}
	b := f.browser()
	request := f.askFor("cli", "state", attack, attack, attack)
	login := b.authorize(request)
	wrong := b.submit(login, "username", attack, "password", attack)
	consent := b.logIn(login)
	forged := b.submit(login, "form_token", "x")
	bytes := b.submit(login, "username", "\xff\xfe", "password", "x")
	for name, a := range map[string]answer{"login": login, "wrong": wrong, "consent": consent, "forged": forged, "bytes": bytes} {
		if !utf8.ValidString(a.text) {
			t.Errorf("%s is not UTF-8", name)
		}
		if strings.Contains(a.text, "<script") || strings.Contains(a.text, "<b a") || strings.Contains(a.text, "ZgotmplZ") || strings.Count(a.text, "<") < 20 {
			t.Errorf("%s: %s", name, a.text)
		}
	}
	for name, a := range map[string]answer{"login": login, "consent": consent} {
		if _, values := form(a); values.Get("state") != attack || values.Get(attack) != attack {
			t.Errorf("%s: the form has %v", name, values)
		}
	}
	if _, values := f.sentBack(b.submit(consent, "decision", "allow")); values.Get("state") != attack {
		t.Errorf("AZ-10: %v", values)
	}
}

func TestTemplate(t *testing.T) {
	own := template.Must(template.New("own").Parse(
		`{{.Kind}} of {{.Application}} for {{.Client}} {{.Status}} {{.Error}}<form method="post" action="{{.Action}}">{{range .Hidden}}<input type="hidden" name="{{.Name}}" value="{{.Value}}">{{end}}`))
	f := newFixture(t, func(c *authserver.Config) { c.Template = own })
	b := f.browser()
	page := b.authorize(ask())
	if !strings.HasPrefix(page.text, "login of login.example for The Page 200 ") {
		t.Errorf("%s", page.text)
	}
	if a := b.logIn(page, "password", "x"); a.status != http.StatusForbidden || !strings.Contains(a.text, "403 "+wrongLogin) {
		t.Errorf("%d %s", a.status, a.text)
	}
	if got := f.what(b.logIn(page)); got != "code" {
		t.Errorf("%s", got)
	}
	if len(f.refusals) != 1 {
		t.Errorf("the observer was told %v", f.refusals)
	}
}

// A template that fails is reported, and shows nothing of the page.
func TestTemplateThatFails(t *testing.T) {
	f := newFixture(t, func(c *authserver.Config) {
		c.Template = template.Must(template.New("x").Parse(`half{{if eq .Kind "login"}} of {{.Nothing}}{{end}}`))
	})
	a := f.browser().authorize(ask())
	if a.status != http.StatusInternalServerError || a.text != "The page cannot be shown.\n" || a.header.Get("Content-Type") != "text/plain; charset=utf-8" {
		t.Errorf("%d %v %s", a.status, a.header, a.text)
	}
	if a.header.Get("Cache-Control") != "no-store" || !strings.Contains(a.header.Get("Content-Security-Policy"), "default-src 'none'") {
		t.Errorf("AZ-13: %v", a.header)
	}
	if len(f.refusals) != 1 || f.refusals[0].Code != authstar.ServerError || !strings.Contains(f.refusals[0].Error(), "Config.Template") {
		t.Errorf("the observer was told %v", f.refusals)
	}
	if a := f.browser().authorize(ask("client_id", "nobody")); a.status != http.StatusBadRequest || a.text != "half" {
		t.Errorf("a page that it has: %d %s", a.status, a.text)
	}
}

func TestRender(t *testing.T) {
	var pages []authserver.Page
	f := newFixture(t, func(c *authserver.Config) {
		c.Render = func(w http.ResponseWriter, r *http.Request, p authserver.Page) {
			pages = append(pages, p)
			w.WriteHeader(p.Status)
			fmt.Fprintf(w, "mine for %s", r.URL.Path)
		}
	})
	b := f.browser()
	a := b.authorize(ask())
	if a.text != "mine for /authorize" || !strings.Contains(a.header.Get("Content-Security-Policy"), "frame-ancestors 'none'") || a.header.Get("Cache-Control") != "no-store" {
		t.Errorf("%v %s", a.header, a.text)
	}
	values := url.Values{"username": {"alice"}, "password": {"x"}}
	for _, field := range pages[0].Hidden {
		values.Set(field.Name, field.Value)
	}
	b.do(http.MethodPost, pages[0].Action, values)
	values.Set("password", "wonderland")
	if got := f.what(b.do(http.MethodPost, pages[0].Action, values)); got != "code" {
		t.Errorf("%s", got)
	}
	if len(pages) != 2 || pages[1].Kind != "login" || pages[1].Error != wrongLogin || pages[1].Username != "alice" || pages[1].Client != "The Page" {
		t.Errorf("%+v", pages)
	}
}
