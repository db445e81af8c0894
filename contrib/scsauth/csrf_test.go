package scsauth_test

import (
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/authstar/authstar/contrib/scsauth"
)

// S03 over TLS: what another origin makes a browser send with the cookie.
func TestS03RequestsFromOtherOrigins(t *testing.T) {
	a := newApp(t, scsauth.Config[*user]{})
	server := httptest.NewTLSServer(a.handler)
	defer server.Close()
	client := server.Client()
	client.Jar, _ = cookiejar.New(nil)
	ask := func(method, path, contentType string, header ...string) int {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), method, server.URL+path, strings.NewReader("item=tea"))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", contentType)
		for _, line := range header {
			name, value, _ := strings.Cut(line, ": ")
			r.Header.Set(name, value)
		}
		res, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		return res.StatusCode
	}
	const form, text = "application/x-www-form-urlencoded", "text/plain"
	if status := ask("POST", "/login", form); status != 200 {
		t.Fatal(status)
	}
	for _, test := range []struct {
		name, method, contentType string
		header                    []string
		want                      int
	}{
		{"S03 a form of another site", "POST", form, []string{"Origin: https://evil.test", "Sec-Fetch-Site: cross-site"}, 403},
		{"S03 text of another site", "POST", text, []string{"Origin: https://evil.test", "Sec-Fetch-Site: cross-site"}, 403},
		{"S03 a form of the same site", "POST", form, []string{"Origin: " + server.URL + "0", "Sec-Fetch-Site: same-site"}, 403},
		{"S03 an older browser", "POST", form, []string{"Origin: https://evil.test"}, 403},
		{"S03 a sandboxed frame", "POST", form, []string{"Origin: null"}, 403},
		{"S03 DELETE of another site", "DELETE", form, []string{"Sec-Fetch-Site: cross-site"}, 403},
		{"S03 a link of another site", "GET", form, []string{"Sec-Fetch-Site: cross-site"}, 200},
		{"S03 a form of its own", "POST", form, []string{"Origin: " + server.URL, "Sec-Fetch-Site: same-origin"}, 200},
		{"S03 no browser", "POST", form, nil, 200},
	} {
		t.Run(test.name, func(t *testing.T) {
			if status := ask(test.method, "/admin", test.contentType, test.header...); status != test.want {
				t.Errorf("%d, want %d", status, test.want)
			}
		})
	}
}
