//go:build unix

package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// attempt is a POST /orders as the site saw and answered it.
type attempt struct {
	origin, fetchSite string
	cookie            bool
	status            int
}

// S03: Chromium is logged in, and then visits pages of others that make it send
// requests to the site: by script and by form.
func TestS03OtherOriginsInABrowser(t *testing.T) {
	chromium := program(t, "chromium", "/usr/bin/google-chrome", "/usr/bin/chromium-browser")
	manager, closeStore, err := storage{}.open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer closeStore()
	inner, err := newServer(manager, newUsers(), time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	var seen []attempt
	site := http.NewServeMux()
	site.Handle("/", inner)
	site.HandleFunc("POST /orders", func(w http.ResponseWriter, r *http.Request) {
		answer := httptest.NewRecorder()
		inner.ServeHTTP(answer, r)
		_, err := r.Cookie("__Host-session")
		mu.Lock()
		seen = append(seen, attempt{r.Header.Get("Origin"), r.Header.Get("Sec-Fetch-Site"), err == nil, answer.Code})
		mu.Unlock()
		w.WriteHeader(answer.Code)
	})
	siteURL := listen(t, site)
	done := make(chan bool, 1)
	evil := http.NewServeMux()
	evilURL := listen(t, evil)
	crossURL := strings.Replace(evilURL, "localhost", "127.0.0.1", 1)
	script(site, "/start", `
		await fetch("/login", {method: "POST", body: new URLSearchParams({username: "alice", password: "wonderland"})});
		await fetch("/orders", {method: "POST"});
		location = "`+evilURL+`/same-site";`)
	attack := fmt.Sprintf(`
		await fetch("%s/orders", {method: "POST", mode: "no-cors", credentials: "include", body: "item=tea"}).catch(() => {});
		const frame = document.createElement("iframe"), form = document.createElement("form");
		frame.name = form.target = "frame";
		form.method = "post"; form.action = "%[1]s/orders";
		document.body.append(frame, form);
		const sent = new Promise(done => { frame.onload = done });
		form.submit();
		await sent;`, siteURL)
	script(evil, "/same-site", attack+`location = "`+crossURL+`/cross-site";`)
	script(evil, "/cross-site", attack+`await fetch("/done");`)
	evil.HandleFunc("/done", func(http.ResponseWriter, *http.Request) { done <- true })

	browse(t, chromium, siteURL+"/start", done)
	mu.Lock()
	defer mu.Unlock()
	want := []attempt{
		{siteURL, "same-origin", true, 201},
		// Another port is another origin, but the same site, to which
		// SameSite=Lax sends cookies: http.CrossOriginProtection refuses.
		{evilURL, "same-site", true, 403},
		{evilURL, "same-site", true, 403},
		// SameSite=Lax keeps the cookie from other sites.
		{crossURL, "cross-site", false, 401},
		{crossURL, "cross-site", false, 401},
	}
	if fmt.Sprint(seen) != fmt.Sprint(want) {
		t.Errorf("S03 the site saw\n%+v, want\n%+v", seen, want)
	}
}

// listen serves on a port of localhost.
func listen(t *testing.T, h http.Handler) (url string) {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	return fmt.Sprintf("http://localhost:%d", server.Listener.Addr().(*net.TCPAddr).Port)
}

// script serves a page with a script.
func script(mux *http.ServeMux, path, code string) {
	mux.HandleFunc("GET "+path, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprintf(w, "<!doctype html><body><script>(async () => {%s})()</script>", code)
	})
}

// browse opens a page, and ends the browser when the last one says so.
func browse(t *testing.T, chromium, url string, done <-chan bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, chromium, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic",
		"--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync",
		"--user-data-dir="+folder(t), url)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) } // with its children
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	select {
	case <-done:
	case <-ctx.Done():
		t.Error("the browser did not come to the last page")
	}
	cancel()
	_ = cmd.Wait() // was killed
}
