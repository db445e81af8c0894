package apikey_test

import (
	"crypto/tls"
	"net/http"
	"strings"
	"testing"

	"github.com/authstar/authstar"
	"github.com/authstar/authstar/authenticators"
	"github.com/authstar/authstar/authenticators/apikey"
	"github.com/authstar/authstar/security"
)

// The rows about the header, with a key that is good.
func TestHeader(t *testing.T) {
	keys := newKeys(t, apikey.Config{})
	key, _ := create(t, keys, apikey.Spec{})
	other, _ := create(t, keys, apikey.Spec{})
	text := key.Reveal()
	h := guarded(t, authenticators.NewAPIKey("X-API-Key", keys.Find))
	tests := []struct {
		name  string
		lines []string
		want  int
	}{
		{"the key", []string{"X-API-Key: " + text}, 200},
		{"the name in other case", []string{"x-api-key: " + text}, 200},
		{"H08 two keys", []string{"X-API-Key: " + text, "X-API-Key: " + other.Reveal()}, 400},
		{"H08 one key twice", []string{"X-API-Key: " + text, "X-API-Key: " + text}, 400},
		{"H08 a list", []string{"X-API-Key: " + text + ", " + text}, 401},
		{"H09 white space around", []string{"X-API-Key:  " + text + " \t"}, 200},
		{"H09 upper case", []string{"X-API-Key: " + strings.ToUpper(text)}, 401},
		{"H09 DEL at the end", []string{"X-API-Key: " + text + "\x7f"}, 401},
		{"H09 1 MB", []string{"X-API-Key: " + strings.Repeat("a", 1<<20)}, 401},
		{"H09 1 MB after the key", []string{"X-API-Key: " + text + strings.Repeat("a", 1<<20)}, 401},
		{"H10 '_' for '-'", []string{"X_API_Key: " + text}, 401},
		{"B10 a prefix of the key", []string{"X-API-Key: " + text[:len(text)-1]}, 401},
		{"B10 a byte more", []string{"X-API-Key: " + text + "a"}, 401},
		{"C08 an empty header", []string{"X-API-Key:  "}, 401},
		{"in the Authorization header", []string{"Authorization: Bearer " + text}, 401},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			w := serve(h, request("GET", "/", "", test.lines...))
			if w.Code != test.want {
				t.Errorf("status %d, want %d", w.Code, test.want)
			}
			wantSilent(t, w.Body.String()+w.Header().Get("WWW-Authenticate"), text)
		})
	}
	if w := serve(h, request("GET", "/", "", "X-API-Key: "+text)); w.Header().Get("Vary") != "X-API-Key" {
		t.Errorf("M08 Vary is %q", w.Header().Get("Vary"))
	}
	for _, name := range []string{"", "X_API_Key", "X-API-Key:", "Authorization", "Cookie", "host"} {
		if _, err := authstar.New(authenticators.NewAPIKey(name, keys.Find)); err == nil {
			t.Errorf("H10 the header name %q is accepted", name)
		}
	}
}

// guarded answers 200 to those whom the authenticators know.
func guarded(tb testing.TB, a ...authstar.Authenticator) http.Handler {
	return newChain(tb, a...).Handler(security.Authenticated().HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
}

// S10, H03: a key is looked for where the chain says, and nowhere else.
func TestKeyInOtherPlaces(t *testing.T) {
	keys := newKeys(t, apikey.Config{})
	key, _ := create(t, keys, apikey.Spec{})
	text := key.Reveal()
	header, cookie, query := authenticators.NewAPIKey("X-API-Key", keys.Find), keys.InsecureCookie("key"), keys.InsecureQuery("key")
	places := []struct {
		name            string
		r               func() *http.Request
		viaHeader       int
		viaCookie, viaQ int
	}{
		{"header", func() *http.Request { return request("GET", "/", "", "X-API-Key: "+text) }, 200, 401, 401},
		{"cookie", func() *http.Request { return request("GET", "/", "", "Cookie: key="+text) }, 401, 200, 401},
		{"query", func() *http.Request { return request("GET", "/?key="+text, "") }, 401, 401, 200},
		{"S10 a path parameter", func() *http.Request { return request("GET", "/;key="+text, "") }, 401, 401, 401},
		{"S10 a fragment of the path", func() *http.Request { return request("GET", "/"+text, "") }, 401, 401, 401},
		{"H04 a form", func() *http.Request {
			return request("POST", "/", "key="+text, "Content-Type: application/x-www-form-urlencoded")
		}, 401, 401, 401},
	}
	for _, place := range places {
		for name, c := range map[string]struct {
			a    authstar.Authenticator
			want int
		}{"header": {header, place.viaHeader}, "cookie": {cookie, place.viaCookie}, "query": {query, place.viaQ}} {
			if w := serve(guarded(t, c.a), place.r()); w.Code != c.want {
				t.Errorf("%s, read from the %s: %d, want %d", place.name, name, w.Code, c.want)
			}
		}
	}
}

func TestInsecureCookie(t *testing.T) {
	keys := newKeys(t, apikey.Config{})
	key, record := create(t, keys, apikey.Spec{})
	other, _ := create(t, keys, apikey.Spec{})
	text := key.Reveal()
	h := guarded(t, keys.InsecureCookie("key"))
	tests := []struct {
		name, method string
		lines        []string
		want         int
	}{
		{"the key", "GET", []string{"Cookie: key=" + text}, 200},
		{"a key that is unknown", "GET", []string{"Cookie: key=" + generate(t, testPrefix).Reveal()}, 401},
		{"a session of another kind", "GET", []string{"Cookie: key=abc"}, 401},
		{"an empty one", "GET", []string{"Cookie: key="}, 401},
		{"H11 twice the same", "GET", []string{"Cookie: key=" + text + "; key=" + text}, 200},
		{"H11 two that differ", "GET", []string{"Cookie: key=" + text + "; key=" + other.Reveal()}, 401},
		{"S03 a POST of this site", "POST", []string{"Cookie: key=" + text, "Sec-Fetch-Site: same-origin"}, 200},
		{"S03 a POST of another site", "POST", []string{"Cookie: key=" + text, "Sec-Fetch-Site: cross-site"}, 403},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			r := request(test.method, "https://a.example/", "", test.lines...)
			r.TLS = new(tls.ConnectionState)
			if w := serve(h, r); w.Code != test.want {
				t.Errorf("status %d, want %d: %s", w.Code, test.want, w.Body)
			}
		})
	}
	if _, err := keys.Revoke(t.Context(), record.ID); err != nil {
		t.Fatal(err)
	}
	if w := serve(h, request("GET", "/", "", "Cookie: key="+text)); w.Code != 401 {
		t.Errorf("M05 once revoked: %d", w.Code)
	}
}

func TestInsecureQuery(t *testing.T) {
	keys := newKeys(t, apikey.Config{})
	key, _ := create(t, keys, apikey.Spec{})
	text := key.Reveal()
	h := guarded(t, authenticators.NewAPIKey("X-API-Key", keys.Find), keys.InsecureQuery("api_key"))
	tests := []struct {
		name, query string
		want        int
	}{
		{"the key", "api_key=" + text, 200},
		{"with escapes", "x=1&api%5Fkey=%61" + text[1:], 200},
		{"two", "api_key=" + text + "&api_key=" + text, 400},
		{"an empty one", "api_key=", 401},
		{"an unknown one", "api_key=" + generate(t, testPrefix).Reveal(), 401},
		{"the name in other case", "API_KEY=" + text, 401},
		{"D17 a query that cannot be read", "api_key=%zz", 401},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			w := serve(h, request("GET", "/?"+test.query, ""))
			if w.Code != test.want {
				t.Errorf("status %d, want %d", w.Code, test.want)
			}
			if private := w.Header().Get("Cache-Control") == "private"; private != (test.want == 200) {
				t.Errorf("RS-10 Cache-Control %q", w.Header().Get("Cache-Control"))
			}
		})
	}
	for _, name := range []string{"", "a b", "a&b"} {
		if _, err := authstar.New(keys.InsecureQuery(name)); err == nil {
			t.Errorf("the parameter %q is accepted", name)
		}
		if _, err := authstar.New(keys.InsecureCookie(name)); err == nil && name != "a&b" {
			t.Errorf("the cookie %q is accepted", name)
		}
	}
}
