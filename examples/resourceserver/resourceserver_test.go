package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/authstar/authstar/authstartest"
)

const ordersAudience, adminAudience = "https://orders.example", "https://admin.example"

// fixture is the API with two providers of one clock.
type fixture struct {
	a, b *authstartest.Issuer
	api  http.Handler
	log  *logBuffer
}

type logBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

func newFixture(t *testing.T) *fixture {
	t.Helper()
	f := &fixture{a: authstartest.NewIssuer(t), b: authstartest.NewIssuer(t), log: new(logBuffer)}
	f.b.ShareClock(f.a)
	var err error
	f.api, err = newAPI(apiConfig{
		providers: []provider{{f.a.URL(), ordersAudience}, {f.b.URL(), adminAudience}},
		logger:    slog.New(slog.NewTextHandler(f.log, nil)),
		now:       f.a.Now,
	})
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func (f *fixture) tokenOfA(scope any) string {
	return f.a.Token(map[string]any{"aud": ordersAudience, "scope": scope})
}

func (f *fixture) tokenOfB(scope any) string {
	return f.b.Token(map[string]any{"aud": adminAudience, "scope": scope})
}

func (f *fixture) get(path, token string) *httptest.ResponseRecorder {
	r := httptest.NewRequest("GET", path, nil)
	r.RemoteAddr = "127.0.0.1:1234"
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	w := httptest.NewRecorder()
	f.api.ServeHTTP(w, r)
	return w
}

func (f *fixture) want(t *testing.T, path, token string, status int) *httptest.ResponseRecorder {
	t.Helper()
	w := f.get(path, token)
	if w.Code != status {
		t.Errorf("%s: %d %s, want %d", path, w.Code, w.Body, status)
	}
	return w
}

func TestRoutes(t *testing.T) {
	f := newFixture(t)
	stranger := authstartest.NewIssuer(t)
	stranger.ShareClock(f.a)
	forged := stranger.Token(map[string]any{"aud": ordersAudience, "iss": f.a.URL()})
	for _, test := range []struct {
		name, path, token string
		status            int
		challenge         string
	}{
		{"a client of the first issuer", "/me", f.tokenOfA(nil), 200, ""},
		{"a client of the second issuer", "/me", f.tokenOfB(nil), 200, ""},
		{"nobody", "/me", "", 401, "Bearer"},
		{"a stranger's client", "/me", stranger.Token(map[string]any{"aud": ordersAudience}), 401, `error="invalid_token"`},
		{"a stranger who claims to be the first issuer", "/me", forged, 401, `error="invalid_token"`},
		{"a client of the first issuer for the second's audience", "/me", f.a.Token(map[string]any{"aud": adminAudience}), 401, `error="invalid_token"`},
		{"orders with the scope", "/orders", f.tokenOfA("orders:read"), 200, ""},
		{"orders with the scope of the second issuer", "/orders", f.tokenOfB("profile orders:read"), 200, ""},
		{"orders without the scope", "/orders", f.tokenOfA("orders:write"), 403, `error="insufficient_scope"`},
		{"admin with the scope", "/admin", f.tokenOfB("admin"), 200, ""},
		{"admin without the scope", "/admin", f.tokenOfA("orders:read"), 403, `scope="admin"`},
		{"nowhere", "/", f.tokenOfA("admin"), 404, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := f.want(t, test.path, test.token, test.status)
			challenge := w.Header().Get("WWW-Authenticate")
			if !strings.Contains(challenge, test.challenge) || test.challenge == "" && challenge != "" {
				t.Errorf("challenge: %q", challenge)
			}
		})
	}
	if stranger.Discoveries()+stranger.Fetches() > 0 {
		t.Error("the stranger was asked for keys")
	}
	log := f.log.String()
	if n := strings.Count(log, "request refused"); n != 6 || !strings.Contains(log, "insufficient_scope") || strings.Contains(log, forged) {
		t.Errorf("%d refusals in the log:\n%s", n, log)
	}
}

func TestMe(t *testing.T) {
	f := newFixture(t)
	for token, want := range map[string]string{
		f.tokenOfA("orders:read admin"): `{"client_id":"alice","scopes":["orders:read","admin"],"issuer":"` + f.a.URL() + `"}`,
		f.tokenOfB(nil):                 `{"client_id":"alice","scopes":[],"issuer":"` + f.b.URL() + `"}`,
	} {
		w := f.want(t, "/me", token, 200)
		if got := strings.TrimSpace(w.Body.String()); got != want || w.Header().Get("Content-Type") != "application/json" {
			t.Errorf("/me answers %s, want %s", got, want)
		}
	}
}

func TestExpired(t *testing.T) {
	f := newFixture(t)
	token := f.tokenOfA(nil)
	f.want(t, "/me", token, 200)
	f.a.Advance(time.Hour)
	f.want(t, "/me", token, 401)
}

func TestOutageAtStart(t *testing.T) {
	f := newFixture(t)
	f.a.Down()
	if w := f.want(t, "/me", f.tokenOfA(nil), 503); w.Header().Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
	f.want(t, "/me", f.tokenOfB(nil), 200)
	f.a.Up()
	f.a.Advance(time.Second)
	f.want(t, "/me", f.tokenOfA(nil), 200)
}

func TestOutageLater(t *testing.T) {
	f := newFixture(t)
	f.want(t, "/me", f.tokenOfA(nil), 200)
	for name, outage := range map[string]func(){
		"down":       f.a.Down,
		"hanging up": f.a.HangUp,
		"HTML":       func() { f.a.AnswerWith(200, "text/html", "<h1>hello</h1>") },
	} {
		outage()
		f.a.Advance(time.Hour)
		if w := f.get("/me", f.tokenOfA(nil)); w.Code != 200 {
			t.Errorf("%s: %d", name, w.Code)
		}
	}
}

func TestRotation(t *testing.T) {
	f := newFixture(t)
	f.want(t, "/me", f.tokenOfA(nil), 200)
	f.a.Rotate()
	f.want(t, "/me", f.tokenOfA(nil), 200)
	if f.a.Fetches() != 2 || f.b.Fetches() != 0 {
		t.Errorf("%d and %d fetches", f.a.Fetches(), f.b.Fetches())
	}
}

func TestHealth(t *testing.T) {
	f := newFixture(t)
	probe := func(status int) map[string]map[string]any {
		t.Helper()
		w := f.want(t, "/healthz", "", status)
		var answer map[string]map[string]any
		if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil || len(answer) != 2 {
			t.Fatalf("%v in %s", err, w.Body)
		}
		return answer
	}
	f.b.Down()
	answer := probe(503)
	if a := answer[f.a.URL()]; a["ready"] != true || a["keys"] != 1.0 || a["error"] != nil {
		t.Errorf("the first issuer: %v", a)
	}
	for _, member := range []string{"fetched", "expires", "stale_until"} {
		if at, err := time.Parse(time.RFC3339, answer[f.a.URL()][member].(string)); err != nil || at.Before(f.a.Now().Add(-time.Second)) {
			t.Errorf("%s is %v", member, at)
		}
	}
	if b := answer[f.b.URL()]; b["ready"] != false || b["keys"] != 0.0 || b["fetched"] != nil || !strings.Contains(b["error"].(string), "503") {
		t.Errorf("the second issuer: %v", b)
	}
	f.b.Up()
	f.a.Advance(time.Second)
	if b := probe(200)[f.b.URL()]; b["ready"] != true || b["error"] != nil {
		t.Errorf("the second issuer, up: %v", b)
	}
	r := httptest.NewRequest("GET", "/healthz", nil)
	r.RemoteAddr = "203.0.113.7:1234"
	w := httptest.NewRecorder()
	if f.api.ServeHTTP(w, r); w.Code != 403 {
		t.Errorf("from outside: %d", w.Code)
	}
}

func TestRun(t *testing.T) {
	iss := authstartest.NewIssuer(t)
	ctx, cancel := context.WithCancel(t.Context())
	out, in := io.Pipe()
	var errOut bytes.Buffer
	status := make(chan int, 1)
	go func() {
		status <- run(ctx, []string{"-addr", "127.0.0.1:0", "-issuer", iss.URL(), "-audience", "api"}, in, &errOut)
		_ = in.Close()
	}()
	line, err := bufio.NewReader(out).ReadString('\n')
	url, ok := strings.CutPrefix(strings.TrimSpace(line), "Listening on ")
	if err != nil || !ok {
		t.Fatalf("it says %q: %v", line, err)
	}
	r, err := http.NewRequestWithContext(ctx, "GET", url+"/me", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+iss.Token(nil))
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
	if res.StatusCode != 200 {
		t.Errorf("/me answers %d", res.StatusCode)
	}
	cancel()
	if got := <-status; got != 0 || errOut.Len() > 0 {
		t.Errorf("exit status %d: %s", got, &errOut)
	}
}

func TestBadFlags(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel() // what is accepted by mistake ends at once
	for _, test := range []struct {
		args, want string
		status     int
	}{
		{"", "no -issuer", 2},
		{"-audience api", "no -issuer", 2},
		{"-issuer https://idp.example", "1 times -issuer and 0 times -audience", 2},
		{"-issuer https://a.example -audience api -issuer https://b.example", "2 times -issuer and 1 times -audience", 2},
		{"-issuer https://a.example -audience api -audience more", "1 times -issuer and 2 times -audience", 2},
		{"-issuer", "flag needs an argument", 2},
		{"-isuer https://a.example", "-isuer", 2},
		{"-issuer https://a.example -audience api extra", `unexpected argument "extra"`, 2},
		{"-issuer http://idp.example -audience api", "must be https", 2},
		{"-issuer https://api:s3cret@idp.example -audience api", "idp.example", 2},
		{"-issuer https://a.example -audience api -issuer http://b.example -audience api", "provider 2", 2},
		{"-issuer https://a.example -audience api -issuer https://a.example -audience more", "one already", 2},
		{"-issuer https://a.example -audience api -addr nowhere", "address nowhere", 1},
		{"-h", "usage: resourceserver", 0},
		{"-addr 127.0.0.1:0 -issuer https://a.example -audience api", "", 0},
	} {
		t.Run(test.args, func(t *testing.T) {
			var out, errOut bytes.Buffer
			got := run(ctx, strings.Fields(test.args), &out, &errOut)
			if got != test.status || !strings.Contains(errOut.String(), test.want) || test.want == "" && errOut.Len() > 0 {
				t.Errorf("exit status %d, want %d: %s", got, test.status, &errOut)
			}
			if strings.Contains(errOut.String(), "s3cret") {
				t.Errorf("M10 a password is shown: %s", &errOut)
			}
			if (out.Len() > 0) != (test.want == "") {
				t.Errorf("it says %q", &out)
			}
		})
	}
}
