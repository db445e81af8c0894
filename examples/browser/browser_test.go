package main

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// start runs the program and returns the URL of the page.
func start(t *testing.T, s settings) string {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	out, in := io.Pipe()
	done := make(chan error, 1)
	go func() {
		err := run(ctx, "127.0.0.1:0", "127.0.0.1:0", s, in)
		in.CloseWithError(err)
		done <- err
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	return regexp.MustCompile(`http://\S+`).FindString(line)
}

// drive runs a scenario of testdata/drive.mjs and returns what the page showed.
func drive(t *testing.T, scenario string, settings map[string]any) map[string]any {
	t.Helper()
	missing := func(what any) {
		if os.Getenv("CI") == "true" {
			t.Fatal(what)
		}
		t.Skip(what) // a newcomer may lack node or a browser; CI has both
	}
	node, err := exec.LookPath("node")
	if err != nil {
		missing(err)
	}
	if settings["browser"], err = exec.LookPath("chromium"); err != nil {
		missing(err)
	}
	for _, module := range []string{"playwright-core", "axe-core"} {
		if _, err := os.Stat(filepath.Join("testdata", "node_modules", module)); err != nil {
			missing("npm ci has not run in testdata: " + err.Error())
		}
	}
	text, err := json.Marshal(settings)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, node, filepath.Join("testdata", "drive.mjs"), scenario)
	cmd.Env, cmd.Stderr = append(os.Environ(), "DRIVE="+string(text)), os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	var shown map[string]any
	if err := json.Unmarshal(out, &shown); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if failed, ok := shown["failed"]; ok {
		t.Errorf("the scenario stopped: %v", failed)
	}
	if v, _ := shown["violations"].([]any); len(v) > 0 {
		t.Errorf("violations: %q", v)
	}
	return shown
}

func compare(t *testing.T, shown map[string]any, want map[string]string) {
	t.Helper()
	for what, pattern := range want {
		text, _ := shown[what].(string)
		if !regexp.MustCompile("^" + pattern + "$").MatchString(strings.TrimSpace(text)) {
			t.Errorf("%s: the page shows %q, want %s", what, text, pattern)
		}
	}
}

// The page shows every outcome as it is described.
func TestPage(t *testing.T) {
	t.Parallel()
	s := settings{lifetime: 4 * time.Second, maxAge: 4 * time.Second}
	site := start(t, s)
	shown := drive(t, "doors", map[string]any{"site": site, "maxAge": s.maxAge.Milliseconds()})
	compare(t, shown, map[string]string{
		"anonymous":     `That did not work: log in first`,
		"wrongPassword": `The user name or the password is wrong\.`,
		"address":       regexp.QuoteMeta(site) + `/`,
		"ws-token":      `Hello, alice! Closed: 1008 invalid_token`, // W04, W08
		"ws-cookie":     `Hello, alice! Closed: 1008 invalid_token`, // W02, W08
		"ws-none":       `Closed: 1008 unauthorized`,                // W01, RS-22
		"ws-bad":        `Closed: 1008 invalid_token`,               // W01
		"ws-strict":     `Closed: 1006`,                             // RS-22
		"events":        `\d+ events\. Ended: the token has expired`,
		"cors-token":    `200 {"client_id":"alice"}`,                                      // P11
		"cors-bad":      `401 {"error":"invalid_token".*} Bearer error="invalid_token".*`, // P13
		"cors-method":   `The browser shows nothing of the answer\.`,                      // P11
		"cors-cookie":   `403 {"error":"access_denied".*} Bearer error="access_denied".*`, // S03
		"own-cookie":    `201 {"noted":true}`,                                             // S03
		"inside-token":  `200 {"client_id":"alice"}`,                                      // P11
		"inside-bad":    `The browser shows nothing of the answer\.`,                      // P13
		"fresh":         `200 {"deleted":"everything"}`,
		"demanded":      `4`,
		"delete":        `200 {"deleted":"everything"}`,
		"state":         `You are logged in\.`,
	})
	if broken, _ := shown["inaccessible"].([]any); len(broken) > 0 {
		t.Errorf("inaccessible: %q", broken)
	}
}

// S03, W02: a page of another origin cannot use the cookie, not even one of the
// same site, to whose requests the browser adds it.
func TestPagesOfOtherOrigins(t *testing.T) {
	t.Parallel()
	site := start(t, settings{lifetime: time.Minute, maxAge: time.Minute})
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.ServeFile(w, r, filepath.Join("testdata", "elsewhere.html"))
	}))
	t.Cleanup(other.Close)
	shown := drive(t, "elsewhere", map[string]any{"site": site, "elsewhere": map[string]string{
		"same site":  other.URL,
		"other site": strings.Replace(other.URL, "127.0.0.1", "localhost", 1),
	}})
	compare(t, shown, map[string]string{
		"own-cookie":        `201 {"noted":true}`,
		"same site socket":  `Closed: 1008 access_denied`,
		"same site fetch":   `nothing`,
		"same site form":    `{"error":"access_denied".*}`,
		"other site socket": `Closed: 1008 unauthorized`,
		"other site fetch":  `nothing`,
		"other site form":   `{"error":"unauthorized".*}`,
	})
}
