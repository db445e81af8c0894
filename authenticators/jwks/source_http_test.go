package jwks_test

import (
	"context"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/authstar/authstar/authenticators/jwks"
)

func TestSourceRedirects(t *testing.T) {
	to := func(location string) http.HandlerFunc { return remoteBody(302, "", "Location: "+location) }
	for _, row := range []struct {
		name    string
		answers map[string]http.HandlerFunc
		fetches int
		ok      bool
	}{
		{"K04 to the same host", map[string]http.HandlerFunc{"/keys": to("/moved"), "/moved": remoteKeys("k1")}, 2, true},
		{"K04 to the same host, in full", map[string]http.HandlerFunc{"/keys": to(remoteIssuer + "/moved"), "/moved": remoteKeys("k1")}, 2, true},
		{"K04 three times", map[string]http.HandlerFunc{"/keys": to("/a"), "/a": to("/b"), "/b": to("/c"), "/c": remoteKeys("k1")}, 4, true},
		{"K04 to another host", map[string]http.HandlerFunc{"/keys": to("http://127.0.0.2:8080/moved"), "/moved": remoteKeys("k1")}, 1, false},
		{"K04 to another port", map[string]http.HandlerFunc{"/keys": to("http://127.0.0.1:9090/moved"), "/moved": remoteKeys("k1")}, 1, false},
		{"K04 to another scheme", map[string]http.HandlerFunc{"/keys": to("https://127.0.0.1:8080/moved"), "/moved": remoteKeys("k1")}, 1, false},
		{"K04 to cloud metadata", map[string]http.HandlerFunc{"/keys": to("http://169.254.169.254/"), "/": remoteKeys("k1")}, 1, false},
		{"K04 to another host after the same", map[string]http.HandlerFunc{"/keys": to("/a"), "/a": to("http://127.0.0.2:8080/b"), "/b": remoteKeys("k1")}, 2, false},
		{"K04 to itself", map[string]http.HandlerFunc{"/keys": to("/keys")}, 4, false},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := newRemoteProvider(t, sourcePaths(row.answers))
				// A client's own rule for redirects does not weaken this one.
				client := *p.http
				client.CheckRedirect = func(*http.Request, []*http.Request) error { return nil }
				r, _ := p.remote(t, jwks.RemoteConfig{Client: &client})
				if row.ok {
					p.wants(t, r, "k1", true, row.fetches)
				} else {
					p.fails(t, r, "k1", row.fetches)
				}
			})
		})
	}
}

// K04: a redirect gives no TLS away, on the same host either.
func TestSourceRedirectsWithTLS(t *testing.T) {
	for name, row := range map[string]struct {
		location string
		ok       bool
	}{
		"K04 to https on the same host": {"https://login.example/moved", true},
		"K04 to http on the same host":  {"http://login.example/moved", false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := newRemoteProvider(t, nil)
				r, _ := p.remote(t, jwks.RemoteConfig{URL: "https://login.example/keys", Client: &http.Client{Transport: remoteTripper(func(r *http.Request) (*http.Response, error) {
					res := remoteResponse(remoteSet("k1"))
					if r.URL.Path == "/keys" {
						res.StatusCode, res.Header = http.StatusFound, http.Header{"Location": {row.location}}
					}
					return res, nil
				})}})
				if row.ok {
					p.wants(t, r, "k1", true, 0)
				} else {
					p.fails(t, r, "k1", 0)
				}
			})
		})
	}
}

// K22: nothing of the request that asks, nor a cookie, reaches the provider.
func TestSourceForwardsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newRemoteProvider(t, remoteBody(200, remoteSet("k1"), "Set-Cookie: sid=1; Path=/"))
		jar, err := cookiejar.New(nil)
		if err != nil {
			t.Fatal(err)
		}
		at, _ := url.Parse(remoteURL)
		jar.SetCookies(at, []*http.Cookie{{Name: "session", Value: "secret"}})
		client := *p.http
		client.Jar = jar
		r, _ := p.remote(t, jwks.RemoteConfig{Client: &client})
		inbound := httptest.NewRequestWithContext(t.Context(), "GET", "/", nil)
		inbound.Header.Set("Authorization", "Bearer secret")
		inbound.Header.Set("Cookie", "session=secret")
		ctx := context.WithValue(inbound.Context(), http.ServerContextKey, inbound)
		for range 2 {
			if _, err := r.Keys(ctx, "k1"); err != nil {
				t.Fatal(err)
			}
			if err := r.Refresh(ctx); err != nil {
				t.Fatal(err)
			}
		}
		known := map[string]bool{"Accept": true, "Accept-Encoding": true, "User-Agent": true, "Connection": true, "Cache-Control": true}
		for name, values := range p.last().Header {
			if !known[name] || strings.Contains(strings.Join(values, " "), "secret") {
				t.Errorf("K22 the provider sees %s: %q", name, values)
			}
		}
		if client.Jar != jar {
			t.Error("K22 the application's own client was changed")
		}
	})
}

// K13 over TLS: a certificate that nobody trusts is an outage.
func TestSourceTLS(t *testing.T) {
	server := httptest.NewUnstartedServer(remoteKeys("k1"))
	quiet := new(remoteLog)
	server.Config.ErrorLog = newRemoteErrorLog(quiet)
	server.StartTLS()
	defer server.Close()
	for name, client := range map[string]*http.Client{"K13 a certificate that is trusted": server.Client(), "K13 one that is not": nil} {
		t.Run(name, func(t *testing.T) {
			p := &remoteProvider{http: client}
			if client == nil {
				p.http = &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
			}
			r, _ := p.remote(t, jwks.RemoteConfig{URL: server.URL})
			if found, err := remoteFound(t.Context(), r, "k1"); found != (client != nil) || (err == nil) != found {
				t.Errorf("%v, %v", found, err)
			}
		})
	}
}

// The client that is made when none is given, over real connections.
func TestSourceOwnClient(t *testing.T) {
	server := httptest.NewServer(remoteKeys("k1"))
	defer server.Close()
	r, err := jwks.NewRemote(jwks.RemoteConfig{URL: server.URL})
	if err != nil {
		t.Fatal(err)
	}
	if found, err := remoteFound(t.Context(), r, "k1"); !found || err != nil {
		t.Errorf("%v, %v", found, err)
	}
}
