package tokenendpoint_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/authstar/authstar/tokenendpoint"
)

// row is a request and what must come of it: the outcome is the error, or "ok"
// and the granted scope.
type row struct {
	name    string
	lines   []string
	body    string
	status  int
	outcome string
	calls   []string
}

// run sends the rows to a real server.
func run(t *testing.T, rows []row) {
	tr := new(trace)
	srv := httptest.NewServer(newEndpoint(t, tokenendpoint.Config{Authenticate: tr.authenticate}))
	defer srv.Close()
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			res, err := srv.Client().Do(newRequest(http.MethodPost, srv.URL, row.body, row.lines...))
			if err != nil {
				t.Fatal(err)
			}
			if a := read(t, res); a.status != row.status || a.outcome() != row.outcome {
				t.Errorf("%d %q, want %d %q: %s", a.status, a.outcome(), row.status, row.outcome, a.text)
			}
			if calls := tr.take(); !slices.Equal(calls, row.calls) {
				t.Errorf("the clients that were checked are %q, want %q", calls, row.calls)
			}
		})
	}
}

var (
	svc     = []string{basic("svc", svcSecret)}
	once    = []string{"svc s3cret"}
	denied  = "invalid_client"
	badForm = "invalid_request"
)

func TestGrantType(t *testing.T) {
	run(t, []row{
		{"TK-01 a client gets a token by Basic", svc, ask + "&scope=read", 200, "ok read", once},
		{"TK-01 a client gets a token by its form", nil, asForm + "&scope=read", 200, "ok read", once},
		{"TK-02 no grant type", svc, "scope=read", 400, badForm, once},
		{"TK-02 an empty grant type", svc, "grant_type=&scope=read", 400, badForm, once},
		{"TK-02 an empty body", svc, "", 400, badForm, once},
		{"TK-03 password", svc, "grant_type=password", 400, "unsupported_grant_type", once},
		{"TK-03 implicit", svc, "grant_type=implicit", 400, "unsupported_grant_type", once},
		{"TK-03 a grant type nobody knows", svc, "grant_type=urn:x", 400, "unsupported_grant_type", once},
		{"TK-03 the case of a grant type matters", svc, "grant_type=Client_Credentials", 400, "unsupported_grant_type", once},
		{"TK-03 a space after the grant type matters", svc, ask + "+", 400, "unsupported_grant_type", once},
		{"TK-03 a stranger does not learn which grants there are", nil, "grant_type=password&client_id=svc&client_secret=no", 401, denied, []string{"svc no"}},
		{"TK-12 an unknown parameter is ignored", svc, ask + "&colour=blue", 200, "ok read write", once},
		{"TK-12 an empty scope is none", svc, ask + "&scope=", 200, "ok read write", once},
		{"TK-12 an empty unknown parameter is ignored", svc, ask + "&colour=", 200, "ok read write", once},
	})
}

func TestSuccessfulResponse(t *testing.T) {
	a := post(t, newEndpoint(t, tokenendpoint.Config{}), asForm+"&scope=read")
	if want := `{"access_token":"token-of-c3Zj","expires_in":600,"scope":"read","token_type":"Bearer"}` + "\n"; a.text != want {
		t.Errorf("TK-01: %s, want %s", a.text, want)
	}
}

func TestMethod(t *testing.T) {
	tr := new(trace)
	srv := httptest.NewServer(newEndpoint(t, tokenendpoint.Config{Authenticate: tr.authenticate}))
	defer srv.Close()
	for _, method := range []string{"GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "post"} {
		t.Run("TK-10 O28 "+method+" is not POST", func(t *testing.T) {
			res, err := srv.Client().Do(newRequest(method, srv.URL+"?"+asForm, asForm, svc...))
			if err != nil {
				t.Fatal(err)
			}
			if a := read(t, res); a.status != 405 || a.header.Get("Allow") != "POST" {
				t.Errorf("%d, Allow: %q", a.status, a.header.Get("Allow"))
			}
		})
	}
	if calls := tr.take(); len(calls) > 0 {
		t.Errorf("clients were checked: %q", calls)
	}
}

// O28, TK-09: nothing of the URL is read.
func TestQueryIsIgnored(t *testing.T) {
	endpoint := newEndpoint(t, tokenendpoint.Config{})
	for _, row := range []struct{ name, query, body, outcome string }{
		{"TK-09 credentials in the query are none", "client_id=svc&client_secret=" + svcSecret, ask, denied},
		{"O28 a request in the query is none", asForm, "", denied},
		{"O28 a grant type in the query is none", ask, "client_id=svc&client_secret=" + svcSecret, badForm},
		{"O28 a scope in the query is none", "scope=read", asForm, "ok read write"},
		{"O28 a query repeats nothing", asForm, asForm, "ok read write"},
		{"O28 a malformed query is not looked at", "%zz;a[=1", asForm, "ok read write"},
	} {
		t.Run(row.name, func(t *testing.T) {
			r := newRequest("POST", "/oauth2/token", row.body)
			r.URL.RawQuery = row.query
			if a := serve(t, endpoint, r); a.outcome() != row.outcome {
				t.Errorf("%d %s", a.status, a.text)
			}
		})
	}
}

func TestContentType(t *testing.T) {
	for _, row := range []struct {
		name, contentType, body string
		status                  int
	}{
		{"O29 a form", "application/x-www-form-urlencoded", asForm, 200},
		{"O29 a form with a charset", "application/x-www-form-urlencoded; charset=UTF-8", asForm, 200},
		{"O29 a form, written in capitals", "Application/X-WWW-Form-Urlencoded;charset=utf-8", asForm, 200},
		{"TK-17 JSON", "application/json", `{"grant_type":"client_credentials"}`, 400},
		{"TK-17 a form that is called JSON", "application/json", asForm, 400},
		{"TK-17 text", "text/plain", asForm, 400},
		{"TK-17 multipart", "multipart/form-data; boundary=x", "--x\r\nContent-Disposition: form-data; name=\"grant_type\"\r\n\r\nclient_credentials\r\n--x--\r\n", 400},
		{"TK-17 none", "", asForm, 400},
		{"O29 two types in one", "application/x-www-form-urlencoded, text/plain", asForm, 400},
		{"O29 a malformed parameter", "application/x-www-form-urlencoded; charset", asForm, 400},
		{"O29 a longer name", "application/x-www-form-urlencoded2", asForm, 400},
	} {
		t.Run(row.name, func(t *testing.T) {
			tr := new(trace)
			a := post(t, newEndpoint(t, tokenendpoint.Config{Authenticate: tr.authenticate}), row.body, "Content-Type: "+row.contentType)
			if a.status != row.status || a.status == 400 && a.outcome() != badForm {
				t.Errorf("%d %s", a.status, a.text)
			}
			if calls := tr.take(); len(calls) != map[int]int{200: 1}[row.status] {
				t.Errorf("clients were checked: %q", calls)
			}
		})
	}
}

// O27, TK-11.
func TestRepeatedParameters(t *testing.T) {
	values, _ := url.ParseQuery(asForm + "&scope=read&resource=&colour=blue")
	endpoint := newEndpoint(t, tokenendpoint.Config{})
	if a := post(t, endpoint, values.Encode()); a.status != 200 {
		t.Fatalf("once: %d %s", a.status, a.text)
	}
	for name, value := range values {
		for _, second := range []string{value[0], "other", ""} {
			t.Run("O27 TK-11 "+name+" twice, the second "+second, func(t *testing.T) {
				pair := url.Values{name: {second}}.Encode()
				for _, body := range []string{values.Encode() + "&" + pair, pair + "&" + values.Encode()} {
					if a := post(t, endpoint, body); a.status != 400 || a.outcome() != badForm {
						t.Errorf("%s: %d %s", body, a.status, a.text)
					}
				}
			})
		}
	}
	for _, body := range []string{
		"%63lient_id=svc&" + asForm, "x=1&x=1&" + asForm, "x&x&" + asForm, "=&=&" + asForm, asForm + "&scope=&scope=", asForm + "&gr%61nt_type=client_credentials",
	} {
		if a := post(t, endpoint, body); a.status != 400 || a.outcome() != badForm {
			t.Errorf("O27: %s: %d %s", body, a.status, a.text)
		}
	}
}

// O34: what a refusal says is fixed.
func TestNothingIsReflected(t *testing.T) {
	const marker = "zzmarkerzz"
	endpoint := newEndpoint(t, tokenendpoint.Config{})
	for _, hostile := range []string{`"><script>` + marker, marker + "é", marker + "\n", marker + "\r\nX-Injected: 1", marker + "\x00", marker + strings.Repeat("a", 1<<20)} {
		v := url.QueryEscape(hostile)
		for _, body := range []string{
			"client_id=svc&client_secret=" + svcSecret + "&grant_type=" + v, asForm + "&scope=" + v, ask + "&client_id=svc&client_secret=" + v,
			ask + "&client_secret=x&client_id=" + v, asForm + "&" + v + "=1&" + v + "=2", asForm + "&" + v + "[]=1", hostile,
		} {
			a := post(t, endpoint, body)
			if a.status == 200 || strings.Contains(a.text, marker) || a.header.Get("X-Injected") != "" {
				t.Errorf("O34: %.60q: %d %.200s", body, a.status, a.text)
			}
		}
	}
	a := post(t, endpoint, "grant_type=%22%3E%3Cscript%3E", svc...)
	if want := `{"error":"unsupported_grant_type","error_description":"the grant type is not supported"}` + "\n"; a.text != want {
		t.Errorf("O34: %s, want %s", a.text, want)
	}
}

// N05.
func TestHostIsNeverInAnAnswer(t *testing.T) {
	endpoint := newEndpoint(t, tokenendpoint.Config{})
	for _, body := range []string{asForm, ask, asForm + "x", "grant_type=x", "%zz"} {
		r := newRequest("POST", "http://evil.example/oauth2/token", body, "X-Forwarded-Host: evil.example", "X-Forwarded-Proto: javascript", "Forwarded: host=evil.example")
		r.Host = "evil.example"
		a := serve(t, endpoint, r)
		for name, values := range a.header {
			if strings.Contains(strings.Join(values, " "), "evil") {
				t.Errorf("N05: %s: %q", name, values)
			}
		}
		if strings.Contains(a.text, "evil") || strings.Contains(a.text, "javascript") {
			t.Errorf("N05: %s", a.text)
		}
	}
}
