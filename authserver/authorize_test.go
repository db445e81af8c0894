package authserver_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/authstar/authstar/authserver"
)

// AZ-01 AZ-11 AZ-12 O16 O17 TK-18 TK-23
func TestCodeFlow(t *testing.T) {
	f := newFixture(t)
	b := f.browser()
	page := b.authorize(ask())
	if page.status != http.StatusOK {
		t.Fatalf("%d %s", page.status, page.text)
	}
	back := b.logIn(page)
	uri, values := f.sentBack(back)
	if uri != "https://good.example/cb" || values.Get("state") != "xyz" || len(values.Get("code")) != 43 || len(values) != 3 {
		t.Errorf("AZ-01: sent back to %s with %v", uri, values)
	}
	if back.text != "" {
		t.Errorf("the redirect has the body %q", back.text)
	}
	a := f.redeem(values.Get("code"))
	if a.status != http.StatusOK || a.get("token_type") != "Bearer" || a.get("scope") != "read write offline_access" || a.body["expires_in"] != 600.0 {
		t.Fatalf("TK-18: %d %s", a.status, a.text)
	}
	got := claims(t, a.get("access_token"))
	for name, want := range map[string]any{"iss": issuer, "aud": issuer, "sub": "user-1", "client_id": "spa", "role": "admin", "scope": "read write offline_access", "auth_time": float64(f.Now().Unix())} {
		if got[name] != want {
			t.Errorf("the token's %s is %v, want %v", name, got[name], want)
		}
	}
	f.wantAlive("TK-18", a.get("access_token"))
}

// errorsOnPage are requests that must not send the browser anywhere.
var errorsOnPage = map[string]url.Values{
	"O04 no client":                         ask("client_id", ""),
	"O04 an unknown client":                 ask("client_id", "nobody"),
	"O04 an unregistered redirect URI":      ask("redirect_uri", "https://evil.example/cb"),
	"AZ-02 none of two redirect URIs":       ask("client_id", "web", "redirect_uri", ""),
	"AZ-02 a query more":                    ask("redirect_uri", "https://good.example/cb?x=1"),
	"AZ-02 a query less":                    ask("client_id", "web", "redirect_uri", "https://web.example/cb?"),
	"AZ-02 another query":                   ask("client_id", "web", "redirect_uri", "https://web.example/cb?a=2"),
	"AZ-02 a fragment":                      ask("redirect_uri", "https://good.example/cb#f"),
	"AZ-02 a client without codes":          ask("client_id", "machine", "redirect_uri", ""),
	"AZ-05 two clients":                     with(ask(), "client_id", "web"),
	"AZ-05 the same client twice":           with(ask(), "client_id", "spa"),
	"AZ-05 O11 two redirect URIs":           with(ask(), "redirect_uri", "https://evil.example/cb"),
	"AZ-05 O11 the same redirect URI twice": with(ask(), "redirect_uri", "https://good.example/cb"),
	"O38 a state of 64 KB":                  ask("state", strings.Repeat("s", 64000)),
	"O38 a state of 4 KB and one":           ask("state", strings.Repeat("s", 4097)),
}

func with(values url.Values, name, value string) url.Values {
	values[name] = append(values[name], value)
	return values
}

// O04 AZ-02 AZ-05 O38
func TestErrorsThatStayHere(t *testing.T) {
	f := newFixture(t)
	for name, request := range errorsOnPage {
		t.Run(name, func(t *testing.T) {
			for _, a := range []answer{f.browser().authorize(request), f.browser().do(http.MethodPost, issuer+"/authorize", request)} {
				if a.status != http.StatusBadRequest || a.header.Get("Location") != "" || !strings.HasPrefix(a.header.Get("Content-Type"), "text/html") || !strings.Contains(a.text, "That did not work") {
					t.Errorf("%d %v %.200s", a.status, a.header, a.text)
				}
			}
		})
	}
}

// O05 O07 O08 AZ-03 AZ-05 AZ-08 AZ-09 AZ-20 TK-28
func TestErrorsThatAreSentBack(t *testing.T) {
	f := newFixture(t)
	for name, row := range map[string]struct {
		request url.Values
		want    string
	}{
		"AZ-03 no response type":           {ask("response_type", ""), "invalid_request"},
		"AZ-03 the implicit grant":         {ask("response_type", "token"), "unsupported_response_type"},
		"AZ-03 an ID token":                {ask("response_type", "id_token"), "unsupported_response_type"},
		"AZ-03 a hybrid":                   {ask("response_type", "code token"), "unsupported_response_type"},
		"AZ-03 the response type twice":    {with(ask(), "response_type", "code"), "invalid_request"},
		"AZ-05 an unknown parameter twice": {with(with(ask(), "x", "1"), "x", "1"), "invalid_request"},
		"AZ-05 the scope twice":            {with(ask(), "scope", "read"), "invalid_request"},
		"a response mode":                  {ask("response_mode", "fragment"), "invalid_request"},
		"O07 no challenge":                 {ask("code_challenge", ""), "invalid_request"},
		"O07 neither challenge nor method": {ask("code_challenge", "", "code_challenge_method", ""), "invalid_request"},
		"O07 the method plain":             {ask("code_challenge_method", "plain"), "invalid_request"},
		"O07 the method s256":              {ask("code_challenge_method", "s256"), "invalid_request"},
		"O07 no method, which means plain": {ask("code_challenge_method", ""), "invalid_request"},
		"O07 an unknown method":            {ask("code_challenge_method", "S512"), "invalid_request"},
		"O08 a challenge of 42":            {ask("code_challenge", challenge[1:]), "invalid_request"},
		"O08 a challenge of 44":            {ask("code_challenge", challenge+"a"), "invalid_request"},
		"O08 a padded challenge":           {ask("code_challenge", challenge[:42]+"="), "invalid_request"},
		"O08 a plus":                       {ask("code_challenge", challenge[:42]+"+"), "invalid_request"},
		"O08 a slash":                      {ask("code_challenge", challenge[:42]+"/"), "invalid_request"},
		"O08 a tilde":                      {ask("code_challenge", challenge[:42]+"~"), "invalid_request"},
		"O08 a letter beyond ASCII":        {ask("code_challenge", challenge[:41]+"é"), "invalid_request"},
		"O08 a challenge of 129":           {ask("code_challenge", strings.Repeat("a", 129)), "invalid_request"},
		"AZ-08 an unknown scope":           {ask("scope", "read admin"), "invalid_scope"},
		"AZ-08 a scope with other letters": {ask("scope", "READ"), "invalid_scope"},
		"AZ-20 a request object":           {ask("request", "e30.e30."), "request_not_supported"},
		"AZ-20 a request URI":              {ask("request_uri", "http://127.0.0.1:9/x"), "request_uri_not_supported"},
		"TK-28 another resource":           {ask("resource", "https://other.example"), "invalid_target"},
		"TK-28 a resource with a fragment": {ask("resource", issuer+"#f"), "invalid_target"},
		"an unknown prompt":                {ask("prompt", "create"), "invalid_request"},
		"an unknown prompt beside another": {ask("prompt", "login create"), "invalid_request"},
		"prompt=none beside another":       {ask("prompt", "none login"), "invalid_request"},
		"a negative max_age":               {ask("max_age", "-1"), "invalid_request"},
		"a max_age that is no number":      {ask("max_age", "1e3"), "invalid_request"},
		"prompt=none without a session":    {ask("prompt", "none"), "login_required"},
	} {
		t.Run(name, func(t *testing.T) {
			a := f.browser().authorize(row.request)
			uri, values := f.sentBack(a)
			if uri != "https://good.example/cb" || values.Get("error") != row.want || values.Get("state") != "xyz" || values.Has("code") {
				t.Errorf("sent back to %s with %v", uri, values)
			}
			if strings.ContainsFunc(values.Get("error_description"), func(r rune) bool { return r < ' ' || r > '~' || r == '"' || r == '\\' }) {
				t.Errorf("O34: the description is %q", values.Get("error_description"))
			}
		})
	}
}

// Config.Observe is told every refusal once, whether a page or a redirect tells it.
func TestObserveIsToldRefusals(t *testing.T) {
	for want, do := range map[string]func(f *fixture) answer{
		"login_required":                    func(f *fixture) answer { return f.browser().authorize(ask("prompt", "none")) },
		"consent_required":                  func(f *fixture) answer { return f.signedIn().authorize(f.askFor("cli", "prompt", "none")) },
		"invalid_scope":                     func(f *fixture) answer { return f.browser().authorize(ask("scope", "x")) },
		"unmet_authentication_requirements": func(f *fixture) answer { b := f.browser(); return b.logIn(b.authorize(ask("acr_values", "mfa"))) },
		"access_denied: refused": func(f *fixture) answer {
			b := f.browser()
			return b.submit(b.logIn(b.authorize(f.askFor("cli"))), "decision", "deny")
		},
		"access_denied: nothing to grant": func(f *fixture) answer {
			b := f.browser()
			return b.submit(b.authorize(ask("scope", "write")), "username", "bob", "password", "builder")
		},
		"": func(f *fixture) answer { b := f.browser(); return b.logIn(b.authorize(ask())) },
	} {
		t.Run(want, func(t *testing.T) {
			f := newFixture(t)
			_, values := f.sentBack(do(f))
			code, _, _ := strings.Cut(want, ":")
			if values.Get("error") != code {
				t.Fatalf("sent back with %v", values)
			}
			var told []string
			for _, err := range f.refusals {
				told = append(told, string(err.Code))
			}
			if strings.Join(told, " ") != code {
				t.Errorf("the observer was told %q", told)
			}
		})
	}
}

// A client that may not use codes is told so where it has a redirect URI.
func TestClientWithoutTheGrant(t *testing.T) {
	f := newFixture(t)
	f.replace("spa", func(c *authserver.Client) { c.Grants = nil })
	if _, values := f.sentBack(f.browser().authorize(ask())); values.Get("error") != "unauthorized_client" {
		t.Errorf("O24: %v", values)
	}
}

// AZ-05: of two states neither is the client's.
func TestRepeatedState(t *testing.T) {
	f := newFixture(t)
	for range 20 { // what else is repeated may come first
		_, values := f.sentBack(f.browser().authorize(with(with(ask(), "state", strings.Repeat("s", 5000)), "scope", "read")))
		if values.Has("state") || values.Get("error") != "invalid_request" {
			t.Fatalf("%v", values)
		}
	}
}

// AZ-04 AZ-06 AZ-10 O38 N05: what must not stop a login.
func TestRequestsThatAreGood(t *testing.T) {
	f := newFixture(t)
	for name, row := range map[string]struct {
		request url.Values
		headers []string
	}{
		"as it should be":                     {request: ask()},
		"AZ-04 an unknown parameter":          {request: ask("extra", "foobar")},
		"AZ-10 no state":                      {request: ask("state", "")},
		"AZ-10 an empty state":                {request: with(ask("state", ""), "state", "")},
		"AZ-10 a state of 1 KB":               {request: ask("state", strings.Repeat("&=#?/ +%\"'<>\\", 80))},
		"O38 a state of 4 KB":                 {request: ask("state", strings.Repeat("s", 4096))},
		"the only redirect URI is left out":   {request: ask("redirect_uri", "")},
		"a parameter without a value is none": {request: with(with(ask("redirect_uri", ""), "redirect_uri", ""), "request", "")},
		"the response mode that there is":     {request: ask("response_mode", "query")},
		"the default resource":                {request: ask("resource", issuer)},
		"no scope":                            {request: ask("scope", "")},
		"N05 another host":                    {ask(), []string{"X-Forwarded-Host", "evil.example", "X-Forwarded-Proto", "javascript", "Forwarded", "host=evil.example"}},
	} {
		t.Run(name, func(t *testing.T) {
			for _, method := range []string{http.MethodGet, http.MethodPost} {
				b := f.browser()
				b.headers = row.headers
				page := b.authorize(row.request)
				if method == http.MethodPost { // AZ-06
					page = b.do(method, issuer+"/authorize", row.request)
				}
				if strings.Contains(page.text, "evil.example") {
					t.Errorf("N05: the page is for %s", page.text)
				}
				uri, values := f.sentBack(b.logIn(page))
				if uri != "https://good.example/cb" || values.Get("state") != row.request.Get("state") || values.Has("state") != (row.request.Get("state") != "") {
					t.Errorf("sent back to %s with %v", uri, values)
				}
				if a := f.redeem(values.Get("code"), "redirect_uri", row.request.Get("redirect_uri")); a.status != http.StatusOK {
					t.Errorf("the code is not good: %s", a.text)
				}
			}
		})
	}
}

// D08 O27: what is no request at all.
func TestMalformedRequests(t *testing.T) {
	f := newFixture(t)
	many := ask()
	for i := range 101 {
		many.Set("p"+strings.Repeat("x", i), "1")
	}
	good := issuer + "/authorize?" + ask().Encode()
	form := "application/x-www-form-urlencoded"
	for name, row := range map[string]struct {
		method, target, contentType, body string
		want                              int
	}{
		"a good one":              {"GET", good, "", "", 200},
		"a good form":             {"POST", issuer + "/authorize", form + "; charset=utf-8", ask().Encode(), 200},
		"an escape that is none":  {"GET", good + "&x=%zz", "", "", 400},
		"a semicolon":             {"GET", good + "&x=1;y=2", "", "", 400},
		"O27 a key of many":       {"GET", issuer + "/authorize?" + many.Encode(), "", "", 400},
		"a long query":            {"GET", good + "&x=" + strings.Repeat("x", 64<<10), "", "", 400},
		"D08 a long body":         {"POST", issuer + "/authorize", form, strings.Repeat("x", 1<<20), 413},
		"JSON":                    {"POST", issuer + "/authorize", "application/json", ask().Encode(), 400},
		"no content type":         {"POST", issuer + "/authorize", "", ask().Encode(), 400},
		"a POST with the query":   {"POST", good, form, "", 400},
		"another method":          {"PUT", good, form, "", 405},
		"HEAD":                    {"HEAD", good, "", "", 405},
		"the query of a browser":  {"GET", good + "&", "", "", 200},
		"brackets in the name":    {"GET", good + "&redirect_uri[]=https://evil.example/", "", "", 200},
		"a fragment in the value": {"GET", good + "&x=%23", "", "", 200},
	} {
		t.Run(name, func(t *testing.T) {
			r := httptest.NewRequest(row.method, row.target, strings.NewReader(row.body))
			if row.contentType != "" {
				r.Header.Set("Content-Type", row.contentType)
			}
			a := f.serve(r)
			if a.status != row.want || a.header.Get("Location") != "" {
				t.Errorf("%d %s, want %d", a.status, a.header.Get("Location"), row.want)
			}
			if a.status == 405 && a.header.Get("Allow") != "GET, POST" {
				t.Errorf("Allow: %q", a.header.Get("Allow"))
			}
		})
	}
}
