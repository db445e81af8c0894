package main

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/authstar/authstar"
	"github.com/authstar/authstar/authenticators/apikey"
)

// Every line that the quickstart prints does what the comment above it says.
func TestPrintedLinesDoWhatTheySay(t *testing.T) {
	for _, tool := range []string{"bash", "curl"} {
		if _, err := exec.LookPath(tool); err != nil {
			if os.Getenv("CI") == "true" {
				t.Fatal(err)
			}
			t.Skip(err) // a newcomer may lack the tool; CI has both
		}
	}
	steps := start(t)
	cookies := filepath.Join(t.TempDir(), "cookies")
	var env []string // what earlier lines assigned
	for _, s := range steps {
		t.Run(s.comment, func(t *testing.T) {
			script := strings.ReplaceAll(s.line, "/tmp/quickstart.cookies", cookies)
			if name, _, ok := strings.Cut(script, "=$("); ok {
				script += "; echo " + name + "=$" + name
			}
			cmd := exec.Command("bash", "-c", script)
			cmd.Env = append(os.Environ(), env...)
			out, err := cmd.Output()
			if err != nil {
				t.Fatalf("%s: %v", s.line, err)
			}
			text := strings.TrimSpace(string(out))
			if strings.Contains(s.line, "=$(") {
				env = append(env, text)
				if strings.HasSuffix(text, "=") {
					t.Fatalf("%s: nothing was assigned", s.line)
				}
				return
			}
			want, _, _ := strings.Cut(s.comment, ":")
			if !strings.HasPrefix(text, "HTTP/1.1 "+want) {
				t.Errorf("%s\nwant %s, got\n%s", s.line, want, text)
			}
			if want == "401" && !regexp.MustCompile(`(?i)\r\nwww-authenticate: Bearer `).MatchString(text) {
				t.Errorf("no bearer challenge in\n%s", text)
			}
		})
	}
}

type step struct{ comment, line string }

// start runs the quickstart and returns what it prints.
func start(t *testing.T) []step {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	out, in := io.Pipe()
	done := make(chan error, 1)
	go func() {
		err := run(ctx, "127.0.0.1:0", in)
		in.Close()
		done <- err
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	var steps []step
	var comment string
	lines := bufio.NewScanner(out)
	for want := strings.Count(tour, "\n"); want > 0 && lines.Scan(); want-- {
		line := lines.Text()
		if c, ok := strings.CutPrefix(line, "# "); ok {
			comment = c
		} else if strings.Contains(line, "curl ") {
			steps = append(steps, step{comment, line})
		}
	}
	if len(steps) < 10 {
		t.Fatalf("only %d steps", len(steps))
	}
	return steps
}

func api(t *testing.T) http.Handler { return newTestServer(t) }

func newTestServer(t *testing.T) *server {
	t.Helper()
	h, err := newServer("http://127.0.0.1:8080", func(context.Context, authstar.Result) {})
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func do(h http.Handler, r *http.Request) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func loginRequest(password string) *http.Request {
	r := httptest.NewRequest("POST", "/login", strings.NewReader("username=alice&password="+password))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return r
}

// S01 S05 S06
func TestSessions(t *testing.T) {
	h := api(t)
	me := func(cookie *http.Cookie) int {
		r := httptest.NewRequest("GET", "/me", nil)
		r.AddCookie(cookie)
		return do(h, r).Code
	}
	planted := &http.Cookie{Name: sessionCookie, Value: "attacker"}
	r := loginRequest("wonderland")
	r.AddCookie(planted)
	set := do(h, r).Result().Cookies()
	if len(set) != 1 || set[0].Value == planted.Value || !set[0].HttpOnly || set[0].SameSite != http.SameSiteLaxMode || set[0].Path != "/" {
		t.Fatalf("S01 S05 cookies: %v", set)
	}
	if got := me(planted); got != 401 {
		t.Errorf("S01 the planted id answers %d", got)
	}
	if got := me(set[0]); got != 200 {
		t.Errorf("the session answers %d", got)
	}
	logout := httptest.NewRequest("POST", "/logout", nil)
	logout.AddCookie(set[0])
	if w := do(h, logout); w.Code != 204 || w.Result().Cookies()[0].MaxAge >= 0 {
		t.Errorf("logout: %d %v", w.Code, w.Result().Cookies())
	}
	if got := me(set[0]); got != 401 {
		t.Errorf("S06 a session that was logged out answers %d", got)
	}
	again := loginRequest("wonderland")
	again.AddCookie(set[0])
	if w := do(h, again); w.Code != 200 {
		t.Errorf("S06 a stale cookie blocks the login: %d", w.Code)
	}
}

func TestLoginRefuses(t *testing.T) {
	h := api(t)
	crossSite := loginRequest("wonderland")
	crossSite.Header.Set("Origin", "https://evil.example")
	for name, tc := range map[string]struct {
		r    *http.Request
		want int
	}{
		"a wrong password":         {loginRequest("oops"), 401},
		"no password":              {loginRequest(""), 401},
		"a long form":              {loginRequest(strings.Repeat("x", 5000)), 400},
		"O26 a page elsewhere":     {crossSite, 403},
		"the right one, after all": {loginRequest("wonderland"), 200},
	} {
		w := do(h, tc.r)
		if w.Code != tc.want {
			t.Errorf("%s: %d, want %d", name, w.Code, tc.want)
		}
		if w.Code == 401 && w.Header().Get("WWW-Authenticate") == "" {
			t.Errorf("%s: no challenge", name)
		}
	}
}

func TestHomeIsOpen(t *testing.T) {
	h := api(t)
	for want, password := range map[string]string{"{\"client_id\":null}\n": "oops", "{\"client_id\":\"alice\"}\n": "wonderland"} {
		r := httptest.NewRequest("GET", "/", nil)
		r.SetBasicAuth("alice", password)
		if w := do(h, r); w.Code != 200 || w.Body.String() != want {
			t.Errorf("with password %s: %d %s", password, w.Code, w.Body)
		}
	}
}

// B10
func TestKeysAreWhole(t *testing.T) {
	generated, err := apikey.New(apikey.Config{Prefix: "quickstart"})
	if err != nil {
		t.Fatal(err)
	}
	find := findKey(generated)
	for key, known := range map[string]bool{"demo-key": true, "demo-ke": false, "demo-key1": false, "Demo-key": false} {
		client, err := find(t.Context(), key)
		if (client != nil) != known || known != (err == nil) {
			t.Errorf("%s: %v %v", key, client, err)
		}
	}
}

// The printed lines reach the server, whatever address it has.
func TestURLs(t *testing.T) {
	for addr, want := range map[string][2]string{ // printed, and the issuer
		"127.0.0.1:80":   {"http://127.0.0.1:80", "http://127.0.0.1:80"},
		"[::1]:80":       {"http://[::1]:80", "http://[::1]:80"},
		"0.0.0.0:80":     {"http://localhost:80", "http://localhost:80"},
		"[::]:80":        {"http://localhost:80", "http://localhost:80"},
		"192.0.2.1:8080": {"http://192.0.2.1:8080", "http://localhost:8080"},
	} {
		a := net.TCPAddrFromAddrPort(netip.MustParseAddrPort(addr))
		if got := [2]string{publicURL(a), loopbackURL(a)}; got != want {
			t.Errorf("%s: %q, want %q", addr, got, want)
		}
	}
}

func TestAddOrder(t *testing.T) {
	w := httptest.NewRecorder()
	addOrder(w, httptest.NewRequest("POST", "/orders", nil))
	if w.Code != 201 || w.Header().Get("Content-Type") != "application/json" {
		t.Errorf("%d %v", w.Code, w.Header())
	}
}
