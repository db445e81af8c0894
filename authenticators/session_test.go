package authenticators_test

import (
	"errors"
	"net/http"
	"slices"
	"testing"

	"github.com/authstar/authstar"
	"github.com/authstar/authstar/authenticators"
)

const (
	sessionCookie = "Cookie: sid=" + carolSession
	tokenCookie   = "Cookie: token=" + aliceToken
)

// crossRow is a request with an ambient credential, and whether its origin
// may send it.
type crossRow struct {
	name   string
	method string
	lines  []string
	passes bool
}

// S03: both carriers that a browser sends by itself.
var unsafeRows = []crossRow{
	{"S03 POST from another site", "POST", []string{"Origin: https://evil.test", "Sec-Fetch-Site: cross-site"}, false},
	{"S03 POST from another site by its Sec-Fetch-Site alone", "POST", []string{"Sec-Fetch-Site: cross-site"}, false},
	{"S03 POST from another site by its Origin alone", "POST", []string{"Origin: https://evil.test"}, false},
	{"S03 POST of text from another site", "POST", []string{"Origin: https://evil.test", "Content-Type: text/plain"}, false},
	{"S03 POST from the same site", "POST", []string{"Origin: https://app.good.test", "Sec-Fetch-Site: same-site"}, false},
	{"S03 POST from an opaque origin", "POST", []string{"Origin: null"}, false},
	{"S03 PUT from another site", "PUT", []string{"Sec-Fetch-Site: cross-site"}, false},
	{"S03 DELETE from another site", "DELETE", []string{"Origin: https://evil.test"}, false},
	{"S03 a method of one's own from another site", "PURGE", []string{"Origin: https://evil.test"}, false},
	{"S03 CONNECT from another site", "CONNECT", []string{"Origin: https://evil.test"}, false},
	{"H15 POST that says it is GET", "POST", []string{"Origin: https://evil.test", "X-HTTP-Method-Override: GET"}, false},
	{"S03 GET from another site", "GET", []string{"Origin: https://evil.test", "Sec-Fetch-Site: cross-site"}, true},
	{"H15 GET that says it is POST", "GET", []string{"Origin: https://evil.test", "X-HTTP-Method-Override: POST"}, true},
	{"S03 POST from the same origin", "POST", []string{"Origin: https://good.test", "Sec-Fetch-Site: same-origin"}, true},
	{"S03 POST from the same origin by its Origin alone", "POST", []string{"Origin: https://good.test"}, true},
	{"S03 POST by the user", "POST", []string{"Sec-Fetch-Site: none"}, true},
	{"S03 POST without a browser", "POST", nil, true},
	{"S03 POST from a trusted origin", "POST", []string{"Origin: https://app.test", "Sec-Fetch-Site: cross-site"}, true},
}

var handshakeRows = []crossRow{
	{"W02 a handshake from another origin", "GET", []string{"Origin: https://evil.test"}, false},
	{"W02 a handshake from another site", "GET", []string{"Origin: https://good.test", "Sec-Fetch-Site: cross-site"}, false},
	{"W02 a handshake from the same site", "GET", []string{"Origin: https://app.good.test", "Sec-Fetch-Site: same-site"}, false},
	{"W02 a handshake from an opaque origin", "GET", []string{"Origin: null"}, false},
	{"W02 a handshake of a browser without Origin", "GET", []string{"Sec-Fetch-Mode: websocket"}, false},
	{"W02 a handshake of a browser without Origin from the same origin", "GET", []string{"Sec-Fetch-Site: same-origin"}, false},
	{"W02 a handshake from the http twin", "GET", []string{"Origin: http://good.test"}, false},
	{"W03 an origin that begins with the host", "GET", []string{"Origin: https://good.test.evil"}, false},
	{"W03 an origin that ends with the host", "GET", []string{"Origin: https://evilgood.test"}, false},
	{"W03 an origin that is the host but for the dot", "GET", []string{"Origin: https://goodXtest"}, false},
	{"W03 an origin with another port", "GET", []string{"Origin: https://good.test:444"}, false},
	{"W03 an origin in another case", "GET", []string{"Origin: https://GOOD.test"}, false},
	{"W03 an origin with the host as its user", "GET", []string{"Origin: https://good.test@evil.test"}, false},
	{"W03 an origin that begins with a trusted one", "GET", []string{"Origin: https://app.test.evil"}, false},
	{"W03 a trusted host with another scheme", "GET", []string{"Origin: http://app.test"}, false},
	{"W02 a handshake from the same origin", "GET", []string{"Origin: https://good.test"}, true},
	{"W02 a handshake from the same origin by a newer browser", "GET", []string{"Origin: https://good.test", "Sec-Fetch-Site: same-origin", "Sec-Fetch-Mode: websocket"}, true},
	{"W02 a handshake without a browser", "GET", nil, true},
	{"W02 a handshake from a trusted origin", "GET", []string{"Origin: https://app.test"}, true},
	{"W02 a handshake from a trusted origin by a newer browser", "GET", []string{"Origin: https://app.test", "Sec-Fetch-Site: cross-site"}, true},
}

func trusting(t *testing.T, origin string) *http.CrossOriginProtection {
	t.Helper()
	p := http.NewCrossOriginProtection()
	if err := p.AddTrustedOrigin(origin); err != nil {
		t.Fatal(err)
	}
	return p
}

func TestOriginsOfAmbientCredentials(t *testing.T) {
	c := new(calls)
	p := trusting(t, "https://app.test")
	session := newAPI(t, c.session().WithCrossOrigin(p))
	cookie := newAPI(t, c.bearer().WithCrossOrigin(p).Cookie("token"))
	for _, row := range unsafeRows {
		t.Run(row.name, func(t *testing.T) {
			row.check(t, c, session, sessionCookie, "carol", carolCalled)
			row.check(t, c, cookie, tokenCookie, "alice", []string{"bearer " + aliceToken})
		})
	}
	for _, row := range handshakeRows {
		row.lines = append(slices.Clone(handshake), row.lines...)
		t.Run(row.name, func(t *testing.T) {
			row.check(t, c, session, sessionCookie, "carol", carolCalled)
			row.check(t, c, cookie, tokenCookie, "alice", []string{"bearer " + aliceToken})
		})
	}
}

func (r crossRow) check(t *testing.T, c *calls, h http.Handler, cookie, id string, called []string) {
	t.Helper()
	const target = "https://good.test/me"
	want := row{status: 403, answer: "access_denied"}
	if r.passes {
		want = row{status: 200, answer: id, calls: called}
	}
	ask := func(lines ...string) *http.Response {
		q := request("GET", target, lines...)
		q.Method = r.method
		return serve(h, q)
	}
	want.check(t, ask(append(r.lines, cookie)...), c)
	row{status: 401, answer: "unauthorized"}.check(t, ask(r.lines...), c)
}

// Without trust in it, the origin that passed above does not, and without TLS
// there is no twin to tell from.
func TestOriginsByDefault(t *testing.T) {
	c := new(calls)
	session, cookie := newAPI(t, c.session()), newAPI(t, c.bearer().Cookie("token"))
	aliceCalled := []string{"bearer " + aliceToken}
	for _, test := range []struct {
		name, method, target string
		lines                []string
		passes               bool
	}{
		{"S03 POST from an origin that is not trusted", "POST", "https://good.test/me", []string{"Origin: https://app.test"}, false},
		{"S03 POST from the same origin", "POST", "https://good.test/me", []string{"Origin: https://good.test"}, true},
		{"W02 a handshake from an origin that is not trusted", "GET", "https://good.test/me", append([]string{"Origin: https://app.test"}, handshake...), false},
		{"W02 a handshake from the http twin", "GET", "https://good.test/me", append([]string{"Origin: http://good.test"}, handshake...), false},
		{"W02 a handshake from the http twin in capitals", "GET", "https://good.test/me", append([]string{"Origin: HTTP://Good.test"}, handshake...), false},
		{"W02 a handshake from a ws twin", "GET", "https://good.test/me", append([]string{"Origin: ws://good.test"}, handshake...), false},
		{"W02 a handshake from the https twin", "GET", "https://good.test/me", append([]string{"Origin: https://good.test"}, handshake...), true},
		{"W02 a handshake without TLS", "GET", "http://good.test/me", append([]string{"Origin: http://good.test"}, handshake...), true},
		{"W03 a handshake to a port", "GET", "http://good.test:8080/me", append([]string{"Origin: http://good.test:8080"}, handshake...), true},
		{"W03 a handshake to another port", "GET", "http://good.test:8080/me", append([]string{"Origin: http://good.test:8081"}, handshake...), false},
		{"W07 no Upgrade, so a GET like any other", "GET", "https://good.test/me", []string{"Origin: https://app.test", "Connection: Upgrade"}, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			forSession, forCookie := row{status: 403, answer: "access_denied"}, row{status: 403, answer: "access_denied"}
			if test.passes {
				forSession = row{status: 200, answer: "carol", calls: carolCalled}
				forCookie = row{status: 200, answer: "alice", calls: aliceCalled}
			}
			forSession.check(t, serve(session, request(test.method, test.target, append(test.lines, sessionCookie)...)), c)
			forCookie.check(t, serve(cookie, request(test.method, test.target, append(test.lines, tokenCookie)...)), c)
		})
	}
}

// S03: who sends a header by itself is not tricked into it.
func TestCredentialsThatAreNotAmbient(t *testing.T) {
	c := new(calls)
	h := newAPI(t, c.bearer(), c.basic(), c.apiKey(), c.session(), c.bearer().Subprotocol("test"))
	for _, test := range []struct {
		row
		method string
	}{
		{row{"S03 a bearer token from another site", []string{"Authorization: Bearer " + aliceToken}, 200, "alice", []string{"bearer " + aliceToken}, false}, "POST"},
		{row{"S03 an API key from another site", []string{"X-API-Key: key1"}, 200, "machine", keyCalled, false}, "POST"},
		{row{"S04 a bearer token beside a session", []string{"Authorization: Bearer " + aliceToken, sessionCookie}, 200, "alice", []string{"bearer " + aliceToken}, false}, "POST"},
		{row{"S03 a session from another site", []string{sessionCookie}, 403, "access_denied", nil, false}, "POST"},
		{row{"W04 a token in the subprotocol from another site", append([]string{"Sec-WebSocket-Protocol: chat, " + subprotocol("test", aliceToken)}, handshake...), 200, "alice", []string{"bearer " + aliceToken}, false}, "GET"},
	} {
		t.Run(test.name, func(t *testing.T) {
			lines := append(test.lines, "Origin: https://evil.test", "Sec-Fetch-Site: cross-site")
			res := serve(h, request(test.method, "https://good.test/me", lines...))
			test.check(t, res, c)
			want := []string{`Cookie error="access_denied", error_description="the request comes from another origin"`}
			if test.status == 403 && !slices.Equal(res.Header["Www-Authenticate"], want) {
				t.Errorf("challenges %q", res.Header["Www-Authenticate"])
			}
		})
	}
}

// H11: cookies that say different things are tried in neither order.
func TestCookies(t *testing.T) {
	c := new(calls)
	session, token := newAPI(t, c.session()), newAPI(t, c.bearer().Cookie("sid"))
	for _, test := range []struct {
		name  string
		lines []string
		row   row // of the session
	}{
		{"H11 one cookie", []string{"Cookie: a=b; sid=S1; c=d"}, row{status: 200, answer: "carol", calls: carolCalled}},
		{"H11 two that differ", []string{"Cookie: sid=S1; sid=S2"}, row{status: 401, answer: "invalid_token"}},
		{"H11 two that differ, the other way round", []string{"Cookie: sid=S2; sid=S1"}, row{status: 401, answer: "invalid_token"}},
		{"H11 two that differ in two headers", []string{"Cookie: sid=S1", "Cookie: sid=S2"}, row{status: 401, answer: "invalid_token"}},
		{"H11 two that are equal", []string{"Cookie: sid=S1; sid=S1"}, row{status: 200, answer: "carol", calls: carolCalled}},
		{"H11 two that are equal in two headers", []string{"Cookie: sid=S1", "Cookie: sid=S1"}, row{status: 200, answer: "carol", calls: carolCalled}},
		{"H11 the second is empty", []string{"Cookie: sid=S1; sid="}, row{status: 401, answer: "invalid_token"}},
		{"H11 another case of the name", []string{"Cookie: SID=S1"}, row{status: 401, answer: "unauthorized"}},
		{"S10 the id in the name of a cookie", []string{"Cookie: S1"}, row{status: 401, answer: "unauthorized"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			test.row.check(t, serve(session, request("GET", "/me", test.lines...)), c)
			if test.row.calls != nil { // the token S1 is nobody's
				test.row = row{status: 401, answer: "invalid_token", calls: []string{"bearer S1"}}
			}
			test.row.check(t, serve(token, request("GET", "/me", test.lines...)), c)
		})
	}
}

// S10 H15: what stands in a URL is no session and no method.
func TestSessionInTheURL(t *testing.T) {
	c := new(calls)
	chain := newChain(t, c.session())
	for _, target := range []string{"/me;jsessionid=S1", "/me;sid=S1", "/me?sid=S1", "/me?jsessionid=S1", "/me?_method=GET&sid=S1"} {
		if res := chain.Authenticate(request("POST", target)); res.Client != nil || res.Err != nil {
			t.Errorf("S10 %s: %v", target, res)
		}
	}
	if seen := c.take(); seen != nil {
		t.Errorf("S10: load saw %q", seen)
	}
	if res := chain.Authenticate(request("POST", "/me", sessionCookie)); res.Client == nil {
		t.Errorf("S10 in the cookie: %v", res)
	}
}

// An expired session lets the chain go on and says so in explanations.
func TestSessionThatIsGone(t *testing.T) {
	c := new(calls)
	session := authenticators.NewSession("sid", func(*http.Request) (authstar.Client, error) {
		return nil, errors.Join(errors.New("expired an hour ago"), authstar.ErrNoCredentials)
	})
	chain := newChain(t, session, c.apiKey())
	res := chain.Authenticate(request("GET", "/me", sessionCookie, "X-API-Key: key1"))
	if res.Client == nil || res.Client.ClientID() != "machine" {
		t.Errorf("%v", res)
	}
	const want = `sid: expired an hour ago\nauthstar: no credentials; X-API-Key: authenticated "machine"`
	if got := res.Explain(); got != want {
		t.Errorf("explained as %s", got)
	}
}
