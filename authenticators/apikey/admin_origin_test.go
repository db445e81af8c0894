package apikey_test

import (
	"context"
	"net/http"
	"testing"

	"github.com/authstar/authstar"
	"github.com/authstar/authstar/authenticators"
	"github.com/authstar/authstar/authenticators/apikey"
)

// S03: what another origin makes a browser send, which adds the Basic credentials
// that it knows.
func TestS03AdminBehindBasic(t *testing.T) {
	docs := http.NewCrossOriginProtection()
	if err := docs.AddTrustedOrigin("https://docs.example"); err != nil {
		t.Fatal(err)
	}
	const form = "Content-Type: application/x-www-form-urlencoded"
	for _, test := range []struct {
		name, method, path string
		trusted            *http.CrossOriginProtection
		lines              []string
		status             int
	}{
		{"S03 rotate from another site", "POST", "/rotate", nil, []string{form, "Origin: https://evil.example", "Sec-Fetch-Site: cross-site"}, 403},
		{"S03 revoke from another site", "POST", "/revoke", nil, []string{form, "Origin: https://evil.example", "Sec-Fetch-Site: cross-site"}, 403},
		{"S03 revoke from the same site", "POST", "/revoke", nil, []string{form, "Origin: https://www.example.com", "Sec-Fetch-Site: same-site"}, 403},
		{"S03 revoke by an older browser", "POST", "/revoke", nil, []string{form, "Origin: https://evil.example"}, 403},
		{"S03 rotate by a sandboxed frame", "POST", "/rotate", nil, []string{form, "Origin: null"}, 403},
		{"S03 revoke from an origin that is not the trusted one", "POST", "/revoke", docs, []string{"Origin: https://evil.example", "Sec-Fetch-Site: cross-site"}, 403},
		{"S03 revoke from the trusted origin", "POST", "/revoke", docs, []string{"Origin: https://docs.example", "Sec-Fetch-Site: cross-site"}, 200},
		{"S03 rotate from its own page", "POST", "/rotate", nil, []string{"Origin: http://example.com", "Sec-Fetch-Site: same-origin"}, 200},
		{"S03 revoke by an older browser from its own page", "POST", "/revoke", nil, []string{"Origin: http://example.com"}, 200},
		{"S03 rotate by a program", "POST", "/rotate", nil, nil, 200},
		{"S03 a link on another site", "GET", "", nil, []string{"Sec-Fetch-Site: cross-site"}, 200},
	} {
		t.Run(test.name, func(t *testing.T) {
			keys := newKeys(t, apikey.Config{})
			key, record := create(t, keys, apikey.Spec{})
			admin, err := keys.Admin(apikey.AdminConfig{CrossOrigin: test.trusted})
			if err != nil {
				t.Fatal(err)
			}
			basic := authenticators.NewBasic("admin", func(context.Context, string, string) (authstar.Client, error) {
				return &authstar.Identity{ID: "root"}, nil
			})
			r := request(test.method, "/api-keys/"+record.ID+test.path, "", test.lines...)
			r.SetBasicAuth("root", "x")
			w := answer{serve(newChain(t, basic).Handler(admin), r), t}
			if test.status == 200 {
				w.object(200)
				return
			}
			w.refused(test.status, "access_denied")
			wantVerdict(t, "the key", verdict(t, keys, key.Reveal()), key.ID())
		})
	}
}

// S03 behind a guard that asks for nothing but an address.
func TestS03AdminForAnybody(t *testing.T) {
	keys := newKeys(t, apikey.Config{})
	admin, err := keys.Admin(apikey.AdminConfig{InsecureAnonymous: true, Allow: func(context.Context, authstar.Client, apikey.Action, apikey.Record) error { return nil }})
	if err != nil {
		t.Fatal(err)
	}
	key, record := create(t, keys, apikey.Spec{})
	answer{serve(admin, request("POST", "/api-keys/"+record.ID+"/revoke", "", "Origin: https://evil.example")), t}.refused(403, "access_denied")
	wantVerdict(t, "the key", verdict(t, keys, key.Reveal()), key.ID())
	answer{serve(admin, request("POST", "/api-keys/"+record.ID+"/revoke", "")), t}.object(200)
	wantVerdict(t, "the key", verdict(t, keys, key.Reveal()), "the key is revoked")
}

// null and nothing are never, for a new key, and change nothing of an old one.
func TestAdminWithoutAnExpiry(t *testing.T) {
	a := newAPI(t, apikey.Config{Now: newClock().Now}, apikey.AdminConfig{})
	for _, body := range []string{`{"name":"a"}`, `{"name":"a","expires":null}`} {
		if _, got := a.issue("", body, 201); got["expires"] != nil {
			t.Errorf("%s expires %v", body, got["expires"])
		}
	}
	key, _ := a.issue("", `{"name":"a","expires":"2027-01-01T00:00:00Z"}`, 201)
	for _, body := range []string{``, `{}`, `{"expires":null}`} {
		if _, got := a.issue("/"+key.ID()+"/rotate", body, 200); got["expires"] != "2027-01-01T00:00:00Z" {
			t.Errorf("%s expires %v", body, got["expires"])
		}
	}
}
