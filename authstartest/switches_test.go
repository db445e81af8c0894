package authstartest_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/authstar/authstar/authstartest"
)

// fetch asks the provider without any library between.
func fetch(t *testing.T, url string) (status int, header http.Header, body string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), "GET", url, nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0, nil, err.Error()
	}
	defer func() { _ = res.Body.Close() }()
	data, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, res.Header, string(data)
}

func keyIDs(t *testing.T, iss *authstartest.Issuer) string {
	t.Helper()
	_, _, body := fetch(t, iss.JWKSURL())
	var set struct{ Keys []map[string]any }
	if err := json.Unmarshal([]byte(body), &set); err != nil || set.Keys == nil {
		t.Fatalf("%v in %s", err, body)
	}
	ids := []string{}
	for _, k := range set.Keys {
		if k["d"] != nil {
			t.Error("a private key is published")
		}
		ids = append(ids, k["kid"].(string))
	}
	return strings.Join(ids, " ")
}

func TestDiscovery(t *testing.T) {
	iss := authstartest.NewIssuer(t)
	for _, path := range []string{"/.well-known/openid-configuration", "/.well-known/oauth-authorization-server"} {
		status, header, body := fetch(t, iss.URL()+path)
		var doc map[string]any
		if err := json.Unmarshal([]byte(body), &doc); err != nil || status != 200 || header.Get("Content-Type") != "application/json" {
			t.Fatalf("%s: %d %v %s", path, status, header, body)
		}
		for name, want := range map[string]string{
			"issuer": iss.URL(), "jwks_uri": iss.JWKSURL(), "token_endpoint": iss.TokenURL(), "introspection_endpoint": iss.IntrospectionURL(),
		} {
			if doc[name] != want {
				t.Errorf("%s: %s is %v, want %s", path, name, doc[name], want)
			}
		}
	}
	if iss.Discoveries() != 2 || iss.Fetches() != 0 || iss.Introspections() != 0 {
		t.Errorf("counted %d %d %d", iss.Discoveries(), iss.Fetches(), iss.Introspections())
	}
	if status, _, _ := fetch(t, iss.URL()+"/nowhere"); status != 404 {
		t.Errorf("nowhere answers %d", status)
	}
}

func TestKeysAreSwitched(t *testing.T) {
	iss := authstartest.NewIssuer(t)
	for _, step := range []struct {
		name string
		do   func()
		want string
	}{
		{"at first", func() {}, "key-1"},
		{"rotated", iss.Rotate, "key-1 key-2"},
		{"with an unknown key", iss.PublishUnknownKey, "key-3 key-1 key-2"},
		{"rotated again", iss.Rotate, "key-3 key-1 key-2 key-4"},
		{"one removed", func() { iss.RemoveKey("key-2") }, "key-3 key-1 key-4"},
		{"old ones removed", iss.RemoveOldKeys, "key-4"},
		{"the last one removed", func() { iss.RemoveKey("key-4") }, ""},
	} {
		step.do()
		if got := keyIDs(t, iss); got != step.want {
			t.Errorf("%s: the keys are %q, want %q", step.name, got, step.want)
		}
	}
	if got := part(t, iss.Token(nil), 0)["kid"]; got != "key-4" || iss.KeyID() != "key-4" {
		t.Errorf("%v signs, or %s", got, iss.KeyID())
	}
}

func TestAPISeesRotation(t *testing.T) {
	iss := authstartest.NewIssuer(t)
	iss.PublishUnknownKey()
	a := newAPI(t, iss)
	old := iss.Token(nil)
	a.serve(t, old, 200)
	iss.Rotate()
	a.serve(t, iss.Token(nil), 200)
	a.serve(t, old, 200)
	if got := iss.FetchHeader().Get("Cache-Control"); iss.Fetches() != 2 || got != "no-cache" {
		t.Errorf("%d fetches, the last with Cache-Control %q", iss.Fetches(), got)
	}
	iss.RemoveOldKeys()
	if err := a.keys.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	a.serve(t, old, 401)
	a.serve(t, iss.Token(nil), 200)
}

func TestOutagesAtStart(t *testing.T) {
	for name, outage := range map[string]func(*authstartest.Issuer){
		"down":              (*authstartest.Issuer).Down,
		"hanging up":        (*authstartest.Issuer).HangUp,
		"HTML with 200":     func(i *authstartest.Issuer) { i.AnswerWith(200, "text/html", "<h1>hello</h1>") },
		"no keys":           func(i *authstartest.Issuer) { i.RemoveKey("key-1") },
		"a server error":    func(i *authstartest.Issuer) { i.AnswerWith(500, "application/json", "{}") },
		"only unknown keys": func(i *authstartest.Issuer) { i.PublishUnknownKey(); i.RemoveKey("key-1") },
	} {
		t.Run(name, func(t *testing.T) {
			iss := authstartest.NewIssuer(t)
			a := newAPI(t, iss)
			outage(iss)
			w := get(a, iss.Token(nil))
			if w.Code != 503 || w.Header().Get("Retry-After") == "" {
				t.Errorf("answer: %d %v", w.Code, w.Header())
			}
			iss.Up()
			iss.Rotate()
			iss.Advance(time.Second)
			a.serve(t, iss.Token(nil), 200)
			iss.Down()
			iss.Advance(12 * time.Hour)
			a.serve(t, iss.Token(nil), 200)
		})
	}
}

func TestAnswers(t *testing.T) {
	iss := authstartest.NewIssuer(t)
	iss.CacheControl("max-age=60")
	if _, header, _ := fetch(t, iss.JWKSURL()); header.Get("Cache-Control") != "max-age=60" {
		t.Errorf("Cache-Control: %q", header.Get("Cache-Control"))
	}
	iss.CacheControl("")
	if _, header, _ := fetch(t, iss.JWKSURL()); header["Cache-Control"] != nil {
		t.Errorf("Cache-Control: %q", header["Cache-Control"])
	}
	iss.AnswerWith(418, "text/plain", "tea")
	if status, header, body := fetch(t, iss.JWKSURL()); status != 418 || header.Get("Content-Type") != "text/plain" || body != "tea" {
		t.Errorf("AnswerWith: %d %v %s", status, header, body)
	}
	iss.HangUp()
	if status, _, body := fetch(t, iss.JWKSURL()); status != 0 || !strings.Contains(body, "EOF") {
		t.Errorf("HangUp: %d %s", status, body)
	}
	iss.Down()
	if status, _, _ := fetch(t, iss.URL()+"/.well-known/openid-configuration"); status != 503 {
		t.Errorf("Down: %d", status)
	}
	iss.Up()
	if status, _, _ := fetch(t, iss.JWKSURL()); status != 200 {
		t.Errorf("Up: %d", status)
	}
	if iss.Fetches() != 5 {
		t.Errorf("%d fetches", iss.Fetches())
	}
}

func TestDelayHangsAndFrees(t *testing.T) {
	iss := authstartest.NewIssuer(t)
	iss.Delay(time.Hour)
	done := make(chan int, 1)
	go func() {
		res, err := http.Get(iss.JWKSURL())
		if err != nil {
			done <- 0
			return
		}
		_ = res.Body.Close()
		done <- res.StatusCode
	}()
	for iss.Fetches() == 0 {
		runtime.Gosched()
	}
	select {
	case status := <-done:
		t.Fatalf("answered %d at once", status)
	default:
	}
	iss.Delay(time.Nanosecond)
	if status := <-done; status != 200 {
		t.Errorf("answered %d", status)
	}
	start := time.Now()
	iss.Delay(20 * time.Millisecond)
	if status, _, _ := fetch(t, iss.JWKSURL()); status != 200 || time.Since(start) < 20*time.Millisecond {
		t.Errorf("answered %d after %v", status, time.Since(start))
	}
}

// The issuer ends with its test, whatever waits for it, and leaves nothing.
func TestEndOfTheTestDoesNotWait(t *testing.T) {
	before := runtime.NumGoroutine()
	rec := new(recorder)
	iss := authstartest.NewIssuer(rec)
	iss.Delay(time.Hour)
	gone, cancel := context.WithCancel(t.Context())
	answers := make(chan error, 2)
	for _, ctx := range []context.Context{gone, t.Context()} {
		go func() {
			r, err := http.NewRequestWithContext(ctx, "GET", iss.JWKSURL(), nil)
			if err == nil {
				var res *http.Response
				if res, err = http.DefaultClient.Do(r); err == nil {
					_ = res.Body.Close()
				}
			}
			answers <- err
		}()
	}
	for iss.Fetches() < 2 {
		runtime.Gosched()
	}
	cancel()
	if err := <-answers; !errors.Is(err, context.Canceled) {
		t.Errorf("the client that went away: %v", err)
	}
	rec.end()
	if err := <-answers; err == nil {
		t.Error("the client that stayed got an answer")
	}
	for deadline := time.Now().Add(5 * time.Second); runtime.NumGoroutine() > before; runtime.Gosched() {
		if time.Now().After(deadline) {
			buf := make([]byte, 1<<16)
			t.Fatalf("%d goroutines, %d before\n%s", runtime.NumGoroutine(), before, buf[:runtime.Stack(buf, true)])
		}
	}
	if len(rec.errors) > 0 {
		t.Errorf("errors: %q", rec.errors)
	}
}
