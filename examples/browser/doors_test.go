package main

import (
	"cmp"
	"context"
	"encoding/base64"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"testing"
	"time"

	"github.com/coder/websocket"
)

const badToken = "e30.e30.c2ln" // which nobody signed

// doors serves the page's origin, and a token that is good for three seconds.
func doors(t *testing.T) (url, token string) {
	t.Helper()
	site, _, err := newServers(settings{origin: testSite, second: "http://127.0.0.1:8084", lifetime: 3 * time.Second, maxAge: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(site)
	t.Cleanup(server.Close)
	token, _ = (&visitor{t, site, make(map[string]string)}).logIn()
	return server.URL, token
}

// What the page shows in Chromium, without it.
func TestWebSockets(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name, path, in string // where the token is; a bad one for "bad"
		origin         string // "" is the site's own
		greeting       string
		status         int
		reason         string // of 1008 after a 101
	}{
		{"W04 W08 a token", "/ws", "subprotocol", "", "Hello, alice!", 101, "invalid_token"},
		{"W02 W08 a cookie", "/ws", "cookie", "", "Hello, alice!", 101, "invalid_token"},
		{"W02 a cookie from another origin", "/ws", "cookie", "https://evil.test", "", 101, "access_denied"},
		{"RS-22 nothing", "/ws", "", "", "", 101, "unauthorized"},
		{"W01 a bad token", "/ws", "bad", "", "", 101, "invalid_token"},
		{"W06 a token in the query", "/ws", "query", "", "", 101, "unauthorized"},
		{"W04 W08 a token, strictly", "/ws/strict", "subprotocol", "", "Hello, alice!", 101, "invalid_token"},
		{"RS-22 nothing, strictly", "/ws/strict", "", "", "", 401, ""},
		{"W01 a bad token, strictly", "/ws/strict", "bad", "", "", 401, ""},
		{"W02 a cookie from another origin, strictly", "/ws/strict", "cookie", "null", "", 403, ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			url, token := doors(t)
			options := &websocket.DialOptions{HTTPHeader: http.Header{"Origin": {cmp.Or(row.origin, url)}}}
			target := url + row.path
			switch row.in {
			case "bad", "subprotocol":
				if row.in == "bad" {
					token = badToken
				}
				options.Subprotocols = []string{"base64url.bearer." + subprotocol + "." + base64.RawURLEncoding.EncodeToString([]byte(token)), "greetings"}
			case "cookie":
				options.HTTPHeader.Set("Cookie", cookieName+"="+token)
			case "query":
				target += "?access_token=" + token
			}
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			defer cancel()
			conn, res, err := websocket.Dial(ctx, target, options)
			if res == nil || res.StatusCode != row.status {
				t.Fatalf("%v %v, want %d", res, err, row.status)
			}
			if err != nil {
				return
			}
			defer conn.CloseNow()
			greeting := ""
			for err == nil {
				var message []byte
				if _, message, err = conn.Read(ctx); err == nil {
					greeting = string(message)
				}
			}
			var closed websocket.CloseError
			if !errors.As(err, &closed) || closed.Code != websocket.StatusPolicyViolation || closed.Reason != row.reason || greeting != row.greeting {
				t.Errorf("greeting %q, %v", greeting, err)
			}
		})
	}
}

// W08
func TestEvents(t *testing.T) {
	t.Parallel()
	url, token := doors(t)
	for name, row := range map[string]struct {
		token  string
		status int
		body   string
	}{
		"a token":     {token, 200, `^(data: [\d:]+\n\n)+event: end\ndata: the token has expired\n\n$`},
		"a bad token": {badToken, 401, `"error":"invalid_token"`},
	} {
		r, _ := http.NewRequestWithContext(t.Context(), "GET", url+"/events", nil)
		r.Header.Set("Authorization", "Bearer "+row.token)
		res, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(res.Body)
		res.Body.Close()
		if err != nil || res.StatusCode != row.status || !regexp.MustCompile(row.body).Match(body) {
			t.Errorf("%s: %s %q %v", name, res.Status, body, err)
		}
	}
}

// S05
func TestCookie(t *testing.T) {
	t.Parallel()
	url, token := doors(t)
	for _, row := range []struct {
		name, method string
		header       http.Header
		status       int
		set          string
	}{
		{"S05 the token of the header", "POST", with("Authorization: Bearer " + token), 204, `^token=` + regexp.QuoteMeta(token) + `; Path=/; Expires=.*; HttpOnly; SameSite=Strict$`},
		{"a cookie makes no cookie", "POST", with("Cookie: token=" + token), 400, `^$`},
		{"nobody", "POST", nil, 401, `^$`},
		{"S06 anybody may drop it", "DELETE", with("Cookie: token=stale"), 204, `^token=; Path=/; Max-Age=0; HttpOnly; SameSite=Strict$`},
	} {
		r, _ := http.NewRequestWithContext(t.Context(), row.method, url+"/api/cookie", nil)
		r.Header = row.header
		res, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if got := res.Header.Get("Set-Cookie"); res.StatusCode != row.status || !regexp.MustCompile(row.set).MatchString(got) {
			t.Errorf("%s: %s %q", row.name, res.Status, got)
		}
	}
}
