package authserver_test

import (
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"testing"

	"github.com/authstar/authstar/authserver"
)

// O11: what is not, byte for byte, https://good.example/cb.
var foreignRedirects = []string{
	"https://good.example/cb/", "https://good.example/CB", "https://good.example/cb?x=1", "https://good.example/cb?", "https://good.example/cb#f", "https://good.example/cb#",
	"https://good.example/cb%2f..", "https://good.example/cb/../x", "https://good.example/./cb", "https://good.example//cb", "https://good.example/%63b", "https://good.example/c", "https://good.example",
	"//good.example/cb", "/cb", "cb", "good.example/cb",
	"https://good.example:443/cb", "HTTPS://GOOD.EXAMPLE/cb", "https://GOOD.example/cb", "https://good.example./cb", "http://good.example/cb",
	"https://good.example@evil/cb", `https://good.example\@evil/cb`, `https:\\good.example\cb`, "https://user@good.example/cb", "https://good.example.evil/cb", "https://evilgood.example/cb", "https://good.example:443@evil/cb",
	"javascript:alert(1)//https://good.example/cb", "data:text/html,https://good.example/cb", "https://evil.example/?https://good.example/cb",
	"https://good.example/cb ", " https://good.example/cb", "https://good.example/cb\n", "https://good.example/cb\r\nX: y", "https://good.example/cb%0d%0aX:%20y", "https://good.example/cb\x00", "https://good.example/cb\t",
	"https://gооd.example/cb", "https://xn--gd-jiba.example/cb", "https://good。example/cb", "https://*/cb", "*",
	"https://good.example/cb,https://good.example/cb", "https://good.example/cb https://good.example/cb",
	"https://127.0.0.1/cb", "http://127.0.0.1/cb", "http://localhost/cb", "urn:ietf:wg:oauth:2.0:oob",
}

// O11
func TestRedirectURIsAreComparedByteForByte(t *testing.T) {
	f := newFixture(t)
	for _, uri := range foreignRedirects {
		for _, client := range []string{"spa", "other"} {
			a := f.browser().authorize(ask("client_id", client, "redirect_uri", uri))
			if a.status != http.StatusBadRequest || a.header.Get("Location") != "" {
				t.Errorf("%q: %d, sent to %q", uri, a.status, a.header.Get("Location"))
			}
		}
	}
	if a := f.browser().authorize(ask()); a.status != http.StatusOK {
		t.Errorf("the registered one: %d", a.status)
	}
	if a := f.browser().authorize(ask("client_id", "web", "redirect_uri", "https://web.example/cb?a=1")); a.status != http.StatusOK {
		t.Errorf("the second of two: %d", a.status)
	}
}

// nativeRedirects are what the client "cli" may and may not use.
var nativeRedirects = map[string]bool{
	"http://127.0.0.1/cb":           true,
	"http://127.0.0.1:51004/cb":     true,
	"http://127.0.0.1:1/cb":         true,
	"http://127.0.0.1:65535/cb":     true,
	"http://[::1]:51004/cb":         true,
	"http://[::1]/cb":               true,
	"com.example.cli:/cb":           true,
	"com.example.cli:/other":        false,
	"com.example.cli://cb":          false,
	"http://localhost:51004/cb":     false,
	"http://127.0.0.1.evil/cb":      false,
	"http://127.0.0.1.evil:80/cb":   false,
	"http://127.0.0.1:51004/other":  false,
	"http://127.0.0.1:51004/cb/":    false,
	"http://127.0.0.1:51004/cb?x=1": false,
	"http://127.0.0.1:51004/cb#f":   false,
	"http://127.0.0.1:51004":        false,
	"http://127.0.0.1:51004/":       false,
	"https://127.0.0.1:51004/cb":    false,
	"HTTP://127.0.0.1:51004/cb":     false,
	"http://127.0.0.2:51004/cb":     false,
	"http://127.1:51004/cb":         false,
	"http://2130706433:51004/cb":    false,
	"http://0.0.0.0:51004/cb":       false,
	"http://[::]:1/cb":              false,
	"http://[0:0:0:0:0:0:0:1]:1/cb": false,
	"http://[::1%25lo]:1/cb":        false,
	"http://[::ffff:127.0.0.1]/cb":  false,
	"http://[::1].evil/cb":          false,
	"http://127.0.0.1:0/cb":         false,
	"http://127.0.0.1:65536/cb":     false,
	"http://127.0.0.1:051004/cb":    false,
	"http://127.0.0.1:+80/cb":       false,
	"http://127.0.0.1:-1/cb":        false,
	"http://127.0.0.1:8_0/cb":       false,
	"http://127.0.0.1:/cb":          false,
	"http://127.0.0.1:80:80/cb":     false,
	"http://127.0.0.1:80@evil/cb":   false,
	`http://127.0.0.1:80\@evil/cb`:  false,
	"http://127.0.0.1@evil/cb":      false,
	"http://evil@127.0.0.1:80/cb":   false,
	"http://127.0.0.1#@evil/cb":     false,
	"http://127.0.0.1:８０/cb":        false,
}

// O12
func TestNativeClients(t *testing.T) {
	f := newFixture(t)
	for uri, ok := range nativeRedirects {
		a := f.browser().authorize(f.askFor("cli", "redirect_uri", uri))
		if (a.status == http.StatusOK) != ok || a.header.Get("Location") != "" {
			t.Errorf("%s: %d", uri, a.status)
		}
	}
	code := f.code(f.askFor("cli", "redirect_uri", "http://127.0.0.1:51004/cb"))
	if a := f.redeemAs("cli", code, "redirect_uri", "http://127.0.0.1:51005/cb"); a.get("error") != "invalid_grant" {
		t.Errorf("another port at the token endpoint: %d %s", a.status, a.text)
	}
	f.replace("cli", func(c *authserver.Client) { c.Native, c.RedirectURIs = false, c.RedirectURIs[:2] })
	if a := f.browser().authorize(f.askFor("cli", "redirect_uri", "http://127.0.0.1:51004/cb")); a.status != http.StatusBadRequest {
		t.Errorf("a client that is not native may use any port: %d", a.status)
	}
	if a := f.browser().authorize(f.askFor("cli")); a.status != http.StatusOK {
		t.Errorf("its own port: %d", a.status)
	}
}

// registrations are redirect URIs, and whether a web and a native client may have
// them.
var registrations = map[string]struct{ web, native bool }{
	"https://good.example/cb":                {true, true},
	"https://good.example:8443/cb?a=1&b=%20": {true, true},
	"https://good.example":                   {true, true},
	"http://127.0.0.1:3000/cb":               {true, true},
	"http://[::1]/cb":                        {true, true},
	"http://localhost:3000/cb":               {true, true},
	"com.example.app:/cb":                    {false, true},
	"com.example.app://cb":                   {false, true},
	"https://good.example/cb#f":              {},
	"https://good.example/cb#":               {},
	"/cb":                                    {},
	"//good.example/cb":                      {},
	"good.example/cb":                        {},
	"":                                       {},
	"https://*.good.example/cb":              {},
	"https://good.example/*":                 {},
	"https://user@good.example/cb":           {},
	"https://user:pw@good.example/cb":        {},
	"https://@good.example/cb":               {},
	"http://good.example/cb":                 {},
	"http://169.254.169.254/cb":              {},
	"http://localhost.evil/cb":               {},
	"http:///cb":                             {},
	"https:///cb":                            {},
	"https:good.example/cb":                  {},
	"javascript:alert(1)":                    {},
	"data:text/html,x":                       {},
	"file:///etc/passwd":                     {},
	"myapp:/cb":                              {},
	"ftp://good.example/cb":                  {},
	"https://good.example/ cb":               {},
	"https://good.example/cb\r\nX: y":        {},
	"https://good.example/cb\x00":            {},
	"https://göod.example/cb":                {},
	`https://good.example\@evil/cb`:          {},
	"https://good.example/<script>":          {},
	"https://good.example:port/cb":           {},
	"https://[::1/cb":                        {},
}

// O13
func TestRegistration(t *testing.T) {
	for uri, want := range registrations {
		for native, ok := range map[bool]bool{false: want.web, true: want.native} {
			c := authserver.Client{ID: "c", RedirectURIs: []string{"https://good.example/", uri}, Grants: codes, Native: native}
			if err := c.Validate(); (err == nil) != ok {
				t.Errorf("%q, native %v: %v", uri, native, err)
			}
		}
	}
}

// O18 AZ-10
func TestRedirectIsBuiltFromParts(t *testing.T) {
	f := newFixture(t)
	for _, state := range []string{"&code=x#y\r\n", "a=1&a=2", "?%00%zz", "é✓", " ", "+", "\x00\x7f", "iss=evil", strings.Repeat("&#", 500)} {
		a := f.browser().authorize(f.askFor("web", "redirect_uri", "https://web.example/cb?a=1", "state", state, "scope", "none"))
		to := a.header.Get("Location")
		if !strings.HasPrefix(to, "https://web.example/cb?a=1&") || strings.ContainsAny(to, "\r\n#\x00 ") || strings.Count(to, "code=") > 0 {
			t.Errorf("%q: sent to %q", state, to)
		}
		if _, values := f.sentBack(a); values.Get("state") != state || values.Get("a") != "1" || len(values["state"]) != 1 {
			t.Errorf("%q: %v", state, values)
		}
	}
}

// X16, FuzzRedirect: a redirect URI is accepted only if it is registered, or if the
// client is native and it differs from a registered one on a loopback address in
// nothing but the port.
func FuzzRedirect(f *testing.F) {
	for _, uri := range foreignRedirects {
		f.Add(uri)
	}
	for uri := range nativeRedirects {
		f.Add(uri)
	}
	fx := newFixture(f)
	f.Fuzz(func(t *testing.T, uri string) {
		fx.TB = t
		for _, id := range []string{"spa", "web", "cli"} {
			a := fx.browser().authorize(ask("client_id", id, "redirect_uri", uri))
			if accepted := a.status == http.StatusOK; accepted && !mayRedirect(fx.clients[id], uri) {
				t.Errorf("client %s may go to %q", id, uri)
			} else if !accepted && a.header.Get("Location") != "" {
				t.Errorf("client %s is sent to %q", id, a.header.Get("Location"))
			}
		}
	})
}

// mayRedirect is the law, by another way than the server's: it parses.
func mayRedirect(c *authserver.Client, uri string) bool {
	if uri == "" {
		return len(c.RedirectURIs) == 1
	}
	for _, registered := range c.RedirectURIs {
		if uri == registered {
			return true
		}
		given, err1 := url.Parse(uri)
		known, err2 := url.Parse(registered)
		if !c.Native || err1 != nil || err2 != nil || known.Scheme != "http" {
			continue
		}
		addr, err := netip.ParseAddr(known.Hostname())
		port := given.Port()
		if err != nil || !addr.IsLoopback() || port == "" {
			continue
		}
		want := *known
		want.Host += ":" + port
		if uri == want.String() {
			return true
		}
	}
	return false
}
