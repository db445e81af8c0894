package jwks_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/authstar/authstar/authenticators/jwks"
)

// sourceDocument is a discovery document.
func sourceDocument(t *testing.T, issuer, jwksURI any) string {
	t.Helper()
	data, err := json.Marshal(map[string]any{"issuer": issuer, "jwks_uri": jwksURI, "token_endpoint": "https://a.example/token"})
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// sourcePaths answers by path.
func sourcePaths(answers map[string]http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if answer := answers[r.URL.EscapedPath()]; answer != nil {
			answer(w, r)
			return
		}
		http.NotFound(w, r)
	}
}

func (p *remoteProvider) paths() (paths []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, r := range p.requests {
		paths = append(paths, r.Host+r.URL.RequestURI())
	}
	return paths
}

func TestDiscoveryIssuer(t *testing.T) {
	for _, row := range []struct {
		name       string
		issuer     string
		document   any
		discovered bool
	}{
		{"K02 the same", remoteIssuer + "/tenant", remoteIssuer + "/tenant", true},
		{"K02 the same, with a slash at its end", remoteIssuer + "/tenant/", remoteIssuer + "/tenant/", true},
		{"K02 a slash more", remoteIssuer + "/tenant", remoteIssuer + "/tenant/", false},
		{"K02 a slash less", remoteIssuer + "/tenant/", remoteIssuer + "/tenant", false},
		{"K02 another case of the path", remoteIssuer + "/tenant", remoteIssuer + "/Tenant", false},
		{"K02 another case of the scheme", remoteIssuer + "/tenant", "HTTP" + remoteIssuer[4:] + "/tenant", false},
		{"K02 another host", remoteIssuer + "/tenant", "http://127.0.0.2:8080/tenant", false},
		{"K02 another port", remoteIssuer + "/tenant", "http://127.0.0.1/tenant", false},
		{"K02 another spelling of the path", remoteIssuer + "/tenant", remoteIssuer + "/%74enant", false},
		{"K02 white space", remoteIssuer + "/tenant", remoteIssuer + "/tenant ", false},
		{"K02 none", remoteIssuer + "/tenant", nil, false},
		{"K02 a list", remoteIssuer + "/tenant", []string{remoteIssuer + "/tenant"}, false},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := newRemoteProvider(t, sourcePaths(map[string]http.HandlerFunc{
					"/tenant" + remoteDiscovery: remoteBody(200, sourceDocument(t, row.document, remoteURL)),
					"/keys":                     remoteKeys("k1"),
				}))
				r, log := p.remote(t, jwks.RemoteConfig{Issuer: row.issuer})
				if row.discovered {
					p.wants(t, r, "k1", true, 2)
					return
				}
				p.fails(t, r, "k1", 1)
				if log.lines() != 1 || !strings.Contains(log.String(), row.issuer) {
					t.Errorf("log: %s", log)
				}
			})
		})
	}
}

func TestDiscoveredURL(t *testing.T) {
	const public = "https://login.example"
	for _, row := range []struct {
		name, issuer string
		uri          any
		accepted     bool
	}{
		{"K03 the same host", public, public + "/keys", true},
		{"K03 another host", public, "https://keys.example/keys?p=1", true},
		{"K03 another port", public, public + ":8443/keys", true},
		{"K03 loopback of a provider on loopback", remoteIssuer, "http://127.0.0.1:9090/keys", true},
		{"K03 another loopback of a provider on loopback", remoteIssuer, "http://localhost:9090/keys", true},
		{"K03 another port of an address that is the provider's", "https://192.0.2.1", "https://192.0.2.1:8443/keys", true},
		{"K03 another host in Punycode", public, "https://xn--bcher-kva.example/keys", true},
		{"K03 the same host in Unicode", "https://bücher.example", "https://b%C3%BCcher.example/keys", true},
		{"K03 another host in Unicode", public, "https://bücher.example/keys", false},
		{"K03 cloud metadata with ideographic full stops", public, "https://169。254。169。254/", false},
		{"K03 cloud metadata with full stops in percent-encoding", public, "https://169%E3%80%82254%E3%80%82169%E3%80%82254/", false},
		{"K03 cloud metadata in percent-encoding", public, "https://%31%36%39.254.169.254/", false},
		{"K03 loopback with ideographic full stops", public, "https://127。0。0。1:8443/keys", false},
		{"K03 loopback in circled digits", public, "https://①②⑦。0。0。①/keys", false},
		{"K03 loopback in hexadecimal with a wide letter", public, "https://0ｘ7f000001/keys", false},
		{"K03 loopback by name with a wide letter", public, "https://ｌocalhost:8443/keys", false},
		{"K03 loopback by name with a soft hyphen", public, "https://lo\u00adcalhost/keys", false},
		{"K03 cloud metadata", public, "http://169.254.169.254/latest/meta-data/", false},
		{"K03 cloud metadata by https", public, "https://169.254.169.254/", false},
		{"K03 cloud metadata as IPv6", public, "https://[::ffff:169.254.169.254]/", false},
		{"K03 cloud metadata as a number", public, "https://2852039166/", false},
		{"K03 cloud metadata in hexadecimal", public, "https://0xA9FEA9FE/", false},
		{"K03 cloud metadata in three parts", public, "https://169.254.43518/", false},
		{"K03 cloud metadata with a dot at its end", public, "https://169.254.169.254./", false},
		{"K03 a private address", public, "https://10.0.0.1/keys", false},
		{"K03 a public address", public, "https://192.0.2.1/keys", false},
		{"K03 link-local with a zone", public, "https://[fe80::1%25eth0]/", false},
		{"K03 loopback", public, "https://127.0.0.1/keys", false},
		{"K03 loopback by http", public, "http://127.0.0.1/keys", false},
		{"K03 loopback by name", public, "https://localhost/keys", false},
		{"K03 loopback by name with a dot", public, "https://localhost./keys", false},
		{"K03 loopback below a name", public, "https://keys.localhost/keys", false},
		{"K03 http", public, "http://login.example/keys", false},
		{"K03 an address for a provider on loopback", remoteIssuer, "https://169.254.169.254/", false},
		{"K03 a file", public, "file:///etc/passwd", false},
		{"K03 a relative URL", public, "/keys", false},
		{"K03 a URL without a scheme", public, "//login.example/keys", false},
		{"K03 data", public, "data:application/json,{}", false},
		{"K03 with a user", public, "https://user:pass@login.example/keys", false},
		{"K03 with a fragment", public, "https://login.example/keys#a", false},
		{"K03 empty", public, "", false},
		{"K03 none", public, nil, false},
		{"K03 a number", public, 1, false},
		{"K03 a long one", public, "https://" + strings.Repeat("a", 100_000), false},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				document := sourceDocument(t, row.issuer, row.uri)
				p := newRemoteProvider(t, nil)
				asked := 0
				r, log := p.remote(t, jwks.RemoteConfig{Issuer: row.issuer, Client: &http.Client{Transport: remoteTripper(func(r *http.Request) (*http.Response, error) {
					asked++
					if r.URL.Path == remoteDiscovery {
						return remoteResponse(document), nil
					}
					if !row.accepted || r.URL.String() != row.uri {
						t.Errorf("a request to %.100s", r.URL)
					}
					return remoteResponse(remoteSet("k1")), nil
				})}})
				if row.accepted {
					p.wants(t, r, "k1", true, 0)
					return
				}
				p.fails(t, r, "k1", 0)
				if asked != 1 || log.lines() != 1 || len(log.String()) > 8000 {
					t.Errorf("%d requests, log: %.1000s", asked, log)
				}
			})
		})
	}
}

func TestDiscoveryPlaces(t *testing.T) {
	good := func(issuer string) http.HandlerFunc {
		return remoteBody(200, `{"issuer":"`+issuer+`","jwks_uri":"`+remoteURL+`"}`)
	}
	const oauth = "/.well-known/oauth-authorization-server"
	for _, row := range []struct {
		name, issuer, at, url string
		paths                 []string // without the keys, when found
		found                 bool
	}{
		{"K02 OpenID Connect", "", remoteDiscovery, "", []string{remoteDiscovery}, true},
		{"K02 OpenID Connect, below a path", "/a/b", "/a/b" + remoteDiscovery, "", []string{"/a/b" + remoteDiscovery}, true},
		{"K02 OpenID Connect, of an issuer with a slash", "/", remoteDiscovery, "", []string{remoteDiscovery}, true},
		{"K02 RFC 8414 where the other is 404", "", oauth, "", []string{remoteDiscovery, oauth}, true},
		{"K02 RFC 8414 of an issuer with a slash", "/", oauth, "", []string{remoteDiscovery, oauth}, true},
		{"K02 OpenID Connect drops the slash at the end", "/a/b/", "/a/b" + remoteDiscovery, "", []string{"/a/b" + remoteDiscovery}, true},
		{"K02 RFC 8414 inserts before the path", "/a/b", oauth + "/a/b", "", []string{"/a/b" + remoteDiscovery, oauth + "/a/b"}, true},
		{"K02 RFC 8414 drops the slash at the end", "/a/", oauth + "/a", "", []string{"/a" + remoteDiscovery, oauth + "/a"}, true},
		{"K02 RFC 8414 keeps escapes", "/a%2Fb", oauth + "/a%2Fb", "", []string{"/a%2Fb" + remoteDiscovery, oauth + "/a%2Fb"}, true},
		{"K02 nowhere", "/a", "/b", "", []string{"/a" + remoteDiscovery, oauth + "/a"}, false},
		{"K02 a URL that was given", "/a", "/elsewhere", "/elsewhere", []string{"/elsewhere"}, true},
		{"K02 nothing at a URL that was given", "/a", oauth + "/a", "/elsewhere", []string{"/elsewhere"}, false},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				issuer := remoteIssuer + row.issuer
				p := newRemoteProvider(t, sourcePaths(map[string]http.HandlerFunc{row.at: good(issuer), "/keys": remoteKeys("k1")}))
				config := jwks.RemoteConfig{Issuer: issuer}
				if row.url != "" {
					config.DiscoveryURL = remoteIssuer + row.url
				}
				r, _ := p.remote(t, config)
				want := row.paths
				if row.found {
					p.wants(t, r, "k1", true, len(row.paths)+1)
					want = append(want, "/keys")
				} else {
					p.fails(t, r, "k1", len(row.paths))
				}
				if got := strings.ReplaceAll(strings.Join(p.paths(), " "), "127.0.0.1:8080", ""); got != strings.Join(want, " ") {
					t.Errorf("asked for %s, want %s", got, want)
				}
			})
		})
	}
}

// Only a document that is not there sends to the other place.
func TestDiscoveryOutage(t *testing.T) {
	for name, answer := range map[string]http.HandlerFunc{
		"K13 503":     remoteBody(503, ""),
		"K13 403":     remoteBody(403, ""),
		"K08 a hang":  remoteHang,
		"K12 HTML":    remoteBody(200, "<html>"),
		"K12 null":    remoteBody(200, "null"),
		"K10 2 MiB":   remoteBody(200, strings.Repeat(" ", 2<<20)+`{}`),
		"K12 nothing": remoteBody(200, ""),
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := newRemoteProvider(t, answer)
				r, log := p.remote(t, jwks.RemoteConfig{Issuer: remoteIssuer})
				start := time.Now()
				p.fails(t, r, "k1", 1)
				if time.Since(start) > 5*time.Second || !strings.Contains(log.String(), "discovery") {
					t.Errorf("after %v, log: %s", time.Since(start), log)
				}
			})
		})
	}
}

// The document is believed for a day, or until the keys are not where it says.
func TestDiscoveryAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		at := "/keys"
		p := newRemoteProvider(t, func(w http.ResponseWriter, r *http.Request) {
			sourcePaths(map[string]http.HandlerFunc{
				remoteDiscovery: remoteBody(200, sourceDocument(t, remoteIssuer, remoteIssuer+at)),
				at:              remoteKeys("k1"),
			})(w, r)
		})
		r, _ := p.remote(t, jwks.RemoteConfig{Issuer: remoteIssuer, Interval: time.Hour})
		p.wants(t, r, "k1", true, 2)
		time.Sleep(time.Hour)
		p.wants(t, r, "k1", true, 1)
		at = "/moved"
		time.Sleep(time.Hour)
		p.wants(t, r, "k1", true, 1)
		time.Sleep(time.Second)
		p.wants(t, r, "k1", true, 2)
		time.Sleep(24 * time.Hour)
		p.wants(t, r, "k1", true, 2)
	})
}
