package jwks_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/authstar/authstar/authenticators"
	"github.com/authstar/authstar/authenticators/jwks"
)

// printed is a value as formats and loggers show it, by their names.
func printed(v any, formats ...string) map[string]string {
	shown := make(map[string]string)
	for _, format := range formats {
		shown[format] = fmt.Sprintf(format, v)
	}
	var text, js bytes.Buffer
	slog.New(slog.NewTextHandler(&text, nil)).Info("x", "v", v)
	slog.New(slog.NewJSONHandler(&js, nil)).Info("x", "v", v)
	data, _ := json.Marshal(v)
	shown["text log"], shown["JSON log"], shown["JSON"] = text.String(), js.String(), string(data)
	return shown
}

// holds reports whether a text has the secret in it, however it is spelled.
func holds(text, secret string) bool {
	list := func(format string) string { return strings.Trim(fmt.Sprintf(format, []byte(secret)), "[]") }
	for _, spelling := range []string{
		secret, fmt.Sprintf("%x", secret), fmt.Sprintf("%X", secret), base64.StdEncoding.EncodeToString([]byte(secret)),
		list("%d"), list("%o"), list("%c"), strings.TrimSuffix(strings.TrimPrefix(fmt.Sprintf("%#v", []byte(secret)), "[]byte{"), "}"),
	} {
		if strings.Contains(text, spelling) {
			return true
		}
	}
	return false
}

func TestStaticShowsNoKey(t *testing.T) {
	const secret = "a-secret-of-thirty-two-bytes-or-more"
	of, err := jwks.Secret([]byte(secret))
	if err != nil {
		t.Fatal(err)
	}
	jwk, err := jwks.Parse([]byte(`{"kty":"oct","k":"` + base64.RawURLEncoding.EncodeToString([]byte(secret)) + `"}`))
	if err != nil {
		t.Fatal(err)
	}
	config := authenticators.JWTConfig{Issuer: "https://a.example", Audiences: []string{"api"}, Keys: of, Algorithms: []string{"HS256"}}
	verifier, err := authenticators.NewJWT(config)
	if err != nil {
		t.Fatal(err)
	}
	formats := []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%o", "%c"}
	for name, v := range map[string]any{
		"of Secret":                       of,
		"of a JWK":                        jwk,
		"by value":                        *of,
		"in a list":                       []*jwks.Static{of},
		"in a map by value":               map[string]jwks.Static{"a": *of},
		"in a field":                      struct{ Keys *jwks.Static }{of},
		"in a field that is not exported": struct{ keys *jwks.Static }{of},
		"by value in a field":             struct{ Keys jwks.Static }{*of},
		"by value in a field that is not exported": struct{ keys jwks.Static }{*of},
		"as a KeySet": struct{ Keys jwks.KeySet }{of},
		"as a KeySet in a field that isn't exported": struct{ keys jwks.KeySet }{of},
		"embedded":                 struct{ *jwks.Static }{of},
		"in a configuration":       config,
		"behind a configuration":   &config,
		"in a verifier":            verifier,
		"a pointer to the pointer": &of,
	} {
		for form, text := range printed(v, formats...) {
			if holds(text, secret) {
				t.Errorf("M10 %s, by %s: %s", name, form, text)
			}
		}
	}
	for form, text := range printed([]byte(secret), formats...) {
		if !holds(text, secret) {
			t.Errorf("the test does not see a secret by %s: %s", form, text)
		}
	}
	for _, text := range []string{fmt.Sprint(of), fmt.Sprintf("%+v", *of), fmt.Sprintf("%#v", of), of.LogValue().String()} {
		if text != "jwks.Static(1 keys)" {
			t.Errorf("M10 shown as %s", text)
		}
	}
}

func TestStaticZeroValue(t *testing.T) {
	var s jwks.Static
	if keys, err := s.Keys(t.Context(), "k1"); len(keys) > 0 || err != nil || s.String() != "jwks.Static(0 keys)" {
		t.Errorf("%v, %v, %s", keys, err, s)
	}
}

// A Remote may be printed while it fetches: under the race detector this fails
// where its state is read without its lock.
func TestRemoteShowsItsProvider(t *testing.T) {
	for name, config := range map[string]jwks.RemoteConfig{
		"jwks.Remote(" + remoteURL + ")":    {URL: remoteURL},
		"jwks.Remote(" + remoteIssuer + ")": {Issuer: remoteIssuer, DiscoveryURL: remoteURL},
	} {
		synctest.Test(t, func(t *testing.T) {
			p := newRemoteProvider(t, remoteKeys("k1"))
			r, _ := p.remote(t, config)
			go func() { _ = r.Refresh(t.Context()) }()
			shown := printed(r, "%v", "%+v", "%#v", "%s", "%q")
			delete(shown, "JSON")
			for form, text := range shown {
				if !strings.Contains(text, name) {
					t.Errorf("by %s: %s", form, text)
				}
			}
			synctest.Wait()
		})
	}
}

// A password in a URL is refused, and told to nobody; nor is one that a provider
// publishes.
func TestRemoteErrorsShowNoPassword(t *testing.T) {
	for _, u := range []string{
		"https://user:pa55word@a.example/keys", "https://pa55word@a.example", "https://user:pa55 word@a.example",
		"https://user:pa55word/x@a.example", "http://user:pa55word@a.example", "user:pa55word@a.example",
	} {
		for _, config := range []jwks.RemoteConfig{{URL: u}, {Issuer: u}, {Issuer: "https://a.example", DiscoveryURL: u}} {
			_, err := jwks.NewRemote(config)
			if err == nil || strings.Contains(err.Error(), "pa55") || !strings.Contains(err.Error(), "a.example") {
				t.Errorf("M10 %v", err)
			}
		}
	}
	synctest.Test(t, func(t *testing.T) {
		p := newRemoteProvider(t, sourcePaths(map[string]http.HandlerFunc{
			remoteDiscovery: remoteBody(200, sourceDocument(t, remoteIssuer, "http://user:pa55word@127.0.0.1:8080/keys")),
		}))
		r, log := p.remote(t, jwks.RemoteConfig{Issuer: remoteIssuer})
		err := r.Refresh(t.Context())
		synctest.Wait()
		if shown := fmt.Sprint(err, r.Status(), log); err == nil || strings.Contains(shown, "pa55") || !strings.Contains(shown, "jwks_uri") {
			t.Errorf("M10 %s", shown)
		}
	})
}
