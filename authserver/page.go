package authserver

import (
	"bytes"
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"

	"github.com/authstar/authstar"
)

// Page is what a page shows: data for Config.Template and Config.Render.
//
// The form of a login or consent page is a POST to Action with all of Hidden.
// Login adds the fields username, password and, if the user wants so,
// stay_signed_in; consent adds decision, which is allow or deny.
type Page struct {
	// Kind is "login", "consent" or "error".
	Kind string
	// Status is the HTTP status.
	Status int
	// Application is Config.Name, and Client is who asks.
	Application, Client string
	// Error is what went wrong, for the user; "" when nothing did.
	Error string
	// Action and Hidden are the form's.
	Action string
	Hidden []PageField
	// Username is the one that was tried, or who is logged in.
	Username string
	// Scopes are those that the client asks for and the user may grant.
	Scopes []PageScope
	// Retry is where to begin again after an error; "" when there is no use.
	Retry string
}

// PageField is a hidden field of a form.
type PageField struct{ Name, Value string }

// PageScope is a scope and its description, which may be empty.
type PageScope struct{ Name, Description string }

//go:embed page.html
var pageHTML string

// page writes the pages and their cookies.
type page struct {
	template *template.Template
	render   func(http.ResponseWriter, *http.Request, Page)
	styles   string // CSP sources of the template's own style elements
	secure   bool
	failed   func(context.Context, *authstar.Error)
}

var styleElement = regexp.MustCompile(`(?s)<style>(.*?)</style>`)

func newPage(c *Config, failed func(context.Context, *authstar.Error)) (*page, error) {
	p := &page{failed: failed, template: c.Template, render: c.Render, secure: strings.HasPrefix(c.Issuer, "https:"), styles: "'self'"}
	if p.template == nil {
		t, err := template.New("page").Parse(pageHTML)
		if err != nil {
			return nil, fmt.Errorf("authserver: %w", err)
		}
		p.template = t
		for _, style := range styleElement.FindAllStringSubmatch(pageHTML, -1) {
			sum := sha256.Sum256([]byte(style[1]))
			p.styles += " 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
		}
	}
	return p, nil
}

// protect sets the headers of a page that may send the browser to a client (RFC
// 9700 sections 4.2.4 and 4.16). Some browsers hold every redirect after a form
// against form-action: that to the client, and those by which it goes on to pages of
// its own, wherever these are. So the header names the scheme of the redirect URI,
// and no host.
func (p *page) protect(h http.Header, redirectURI string) {
	action := "'self'"
	if u, err := url.Parse(redirectURI); err == nil && u.Scheme != "" {
		action += " " + u.Scheme + ":"
	}
	h.Set("Content-Security-Policy", "default-src 'none'; style-src "+p.styles+"; img-src 'self' data:; form-action "+action+
		"; frame-ancestors 'none'; base-uri 'none'")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-store")
}

// show writes the page. When the template fails, the observer is told, and the
// answer is nothing of the page.
func (p *page) show(w http.ResponseWriter, r *http.Request, data Page) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	if p.render != nil {
		p.render(w, r, data)
		return
	}
	b := bytes.NewBuffer(make([]byte, 0, 8<<10))
	if err := p.template.Execute(b, data); err != nil {
		p.failed(r.Context(), fault(fmt.Errorf("authserver: Config.Template: %w", err)))
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		w.Header().Del("Retry-After")
		w.WriteHeader(http.StatusInternalServerError)
		_, _ = io.WriteString(w, "The page cannot be shown.\n")
		return
	}
	w.WriteHeader(data.Status)
	_, _ = w.Write(b.Bytes())
}

// cookie is the full name of a cookie; the prefix makes browsers hold it to this
// host (RFC 6265bis section 4.1.3.2).
func (p *page) cookie(name string) string {
	if p.secure {
		return "__Host-authstar-" + name
	}
	return "authstar-" + name
}

func (p *page) setCookie(w http.ResponseWriter, name, value string, seconds int) {
	http.SetCookie(w, &http.Cookie{
		Name: p.cookie(name), Value: value, MaxAge: seconds, Path: "/",
		Secure: p.secure, HttpOnly: true, SameSite: http.SameSiteLaxMode,
	})
}
