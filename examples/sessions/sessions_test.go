package main

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/authstar/authstar"
)

// instance is the running program.
type instance struct {
	t     *testing.T
	url   string
	lines []string // what it printed
	stop  func()
}

func start(t *testing.T, where storage) *instance {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	out, in := io.Pipe()
	done := make(chan error, 1)
	go func() {
		err := run(ctx, "localhost:0", where, in)
		in.CloseWithError(err)
		done <- err
	}()
	i := &instance{t: t}
	i.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(i.stop)
	printed := bufio.NewScanner(out)
	for range strings.Count(tour, "\n") {
		if !printed.Scan() {
			t.Fatal(printed.Err())
		}
		i.lines = append(i.lines, printed.Text())
	}
	i.url, _, _ = strings.Cut(strings.TrimPrefix(i.lines[0], "Listening on "), ",")
	return i
}

// send sends a form, with the cookies that a browser would send.
func (i *instance) send(method, path string, form url.Values, cookies ...*http.Cookie) *http.Response {
	i.t.Helper()
	r, err := http.NewRequestWithContext(i.t.Context(), method, i.url+path, strings.NewReader(form.Encode()))
	if err != nil {
		i.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	for _, c := range cookies {
		r.AddCookie(c)
	}
	res, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		i.t.Fatal(err)
	}
	_ = res.Body.Close()
	return res
}

func (i *instance) want(status int, method, path string, cookies ...*http.Cookie) {
	i.t.Helper()
	if res := i.send(method, path, nil, cookies...); res.StatusCode != status {
		i.t.Errorf("%s %s: %s, want %d", method, path, res.Status, status)
	}
}

func (i *instance) login(username, password string) *http.Cookie {
	i.t.Helper()
	res := i.send("POST", "/login", url.Values{"username": {username}, "password": {password}})
	if res.StatusCode != 303 || len(res.Cookies()) != 1 {
		i.t.Fatalf("login: %s %v", res.Status, res.Cookies())
	}
	return res.Cookies()[0]
}

// Every line that is printed does what the comment above it says.
func TestPrintedLinesDoWhatTheySay(t *testing.T) {
	for _, tool := range []string{"bash", "curl"} {
		if _, err := exec.LookPath(tool); err != nil {
			if os.Getenv("CI") == "true" {
				t.Fatal(err)
			}
			t.Skip(err) // a newcomer may lack the tool; CI has both
		}
	}
	cookies := filepath.Join(t.TempDir(), "cookies")
	var comment string
	ran := 0
	for _, line := range start(t, storage{}).lines {
		if c, ok := strings.CutPrefix(line, "# "); ok {
			comment = c
		}
		if !strings.HasPrefix(line, "curl ") {
			continue
		}
		ran++
		t.Run(comment, func(t *testing.T) {
			script := strings.ReplaceAll(line, "/tmp/sessions.cookies", cookies)
			out, err := exec.Command("bash", "-c", script).Output()
			want, _, _ := strings.Cut(comment, ":")
			if err != nil || !strings.HasPrefix(string(out), "HTTP/1.1 "+want+" ") {
				t.Errorf("%s: %v\nwant %s, got\n%s", line, err, want, out)
			}
		})
	}
	if ran != strings.Count(tour, "\ncurl ") {
		t.Errorf("%d lines ran", ran)
	}
}

func TestLoginAndLogout(t *testing.T) {
	i := start(t, storage{})
	i.want(200, "GET", "/")
	i.want(401, "GET", "/orders")
	carol := i.login("carol", "looking-glass")
	if carol.Name != "__Host-session" || !carol.Secure || !carol.HttpOnly || carol.SameSite != http.SameSiteLaxMode {
		t.Errorf("S05 %v", carol.Raw)
	}
	i.want(200, "GET", "/admin", carol)
	alice := i.login("alice", "wonderland")
	i.want(403, "GET", "/admin", alice)
	again := i.send("POST", "/login", url.Values{"username": {"alice"}, "password": {"wonderland"}}, alice).Cookies()[0]
	i.want(401, "GET", "/orders", alice) // S01
	i.want(200, "GET", "/orders", again)
	i.want(303, "POST", "/logout", again)
	i.want(401, "GET", "/orders", again) // S06
	i.want(200, "GET", "/", again)
	i.want(200, "GET", "/orders", carol)
	for _, form := range []url.Values{nil, {"username": {"carol"}}, {"username": {"dave"}, "password": {"x"}}, {"password": {"wonderland"}}} {
		if res := i.send("POST", "/login", form); res.StatusCode != 401 || len(res.Cookies()) > 0 {
			t.Errorf("login with %v: %s", form, res.Status)
		}
	}
}

// B09: guesses are counted by the address as well, so that nobody shuts a user out
// from elsewhere.
func TestGuesses(t *testing.T) {
	manager, closeStore, err := storage{}.open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer closeStore()
	h, err := newServer(manager, newUsers(), time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	login := func(address, password string) *http.Response {
		r := httptest.NewRequest("POST", "/login", strings.NewReader("username=alice&password="+password))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.RemoteAddr = address
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		return w.Result()
	}
	const home, elsewhere = "192.0.2.1:1", "203.0.113.66:1"
	if res := login(home, "wonderland"); res.StatusCode != 303 {
		t.Fatal(res.Status)
	}
	for range 10 {
		if res := login(elsewhere, "guess"); res.StatusCode != 401 {
			t.Fatal(res.Status)
		}
	}
	if res := login(elsewhere, "wonderland"); res.StatusCode != 429 {
		t.Errorf("B09 from elsewhere: %s", res.Status)
	}
	if res := login(home, "wonderland"); res.StatusCode != 303 {
		t.Errorf("B09 from home: %s", res.Status)
	}
}

func TestRetryAfter(t *testing.T) {
	for wait, want := range map[time.Duration]string{0: "1", time.Second: "1", time.Second + 1: "2", 30*time.Second - 1: "30"} {
		w := httptest.NewRecorder()
		sayLater(w, &authstar.Error{Code: authstar.TemporarilyUnavailable, RetryAfter: wait})
		if got := w.Header().Get("Retry-After"); got != want {
			t.Errorf("%v: Retry-After %s, want %s", wait, got, want)
		}
	}
}

// S08: what changes about a user shows within a minute.
func TestRightsAreRefreshed(t *testing.T) {
	where := storage{}
	manager, closeStore, err := where.open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer closeStore()
	users := newUsers()
	h, err := newServer(manager, users, time.Nanosecond)
	if err != nil {
		t.Fatal(err)
	}
	do := func(method, path, form string, cookies ...*http.Cookie) *http.Response {
		r := httptest.NewRequest(method, path, strings.NewReader(form))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		for _, c := range cookies {
			r.AddCookie(c)
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		return w.Result()
	}
	cookie := do("POST", "/login", "username=carol&password=looking-glass").Cookies()[0]
	for _, step := range []struct {
		scopes        []string
		admin, orders int
	}{
		{[]string{"orders", "admin"}, 200, 200},
		{[]string{"orders"}, 403, 200},
		{[]string{}, 403, 403},
		{nil, 401, 401},
	} {
		users.change("carol", step.scopes)
		if res := do("GET", "/admin", "", cookie); res.StatusCode != step.admin {
			t.Errorf("with %v: /admin is %s", step.scopes, res.Status)
		}
		if res := do("GET", "/orders", "", cookie); res.StatusCode != step.orders {
			t.Errorf("with %v: /orders is %s", step.scopes, res.Status)
		}
	}
}

func TestBothStores(t *testing.T) {
	if err := run(t.Context(), "localhost:0", storage{redis: "/nowhere", postgres: "host=/nowhere"}, io.Discard); err == nil {
		t.Error("two stores were accepted")
	}
	if err := run(t.Context(), "localhost:0", storage{postgres: "host=/nowhere"}, io.Discard); err == nil {
		t.Error("a PostgreSQL that is not there was accepted")
	}
}
