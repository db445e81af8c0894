package openapi_test

import (
	"crypto/tls"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/authstar/authstar/openapi"
	"github.com/authstar/authstar/security"
)

func TestHandler(t *testing.T) {
	mux := api()
	h := openapi.Handler(mux.Document(openapi.Info{Title: "</script><script>alert(1)</script>"}), chain(t, bearer()).Handler(mux))
	get := answer(h, "GET", "/openapi.json")
	etag := get.Header().Get("ETag")
	for name, want := range map[string]string{
		"Content-Type": "application/json", "X-Content-Type-Options": "nosniff", "Cache-Control": "no-cache",
	} {
		if got := get.Header().Get(name); got != want {
			t.Errorf("N03 %s is %q", name, got)
		}
	}
	if get.Code != 200 || !json.Valid(get.Body.Bytes()) || strings.Contains(get.Body.String(), "<") {
		t.Errorf("N03 %d %s", get.Code, get.Body)
	}
	for _, test := range []struct {
		name, method, condition string
		code                    int
	}{
		{"the same", "GET", etag, 304},
		{"the same, weakly", "GET", "W/" + etag, 304},
		{"one of some", "HEAD", `"a", ` + etag, 304},
		{"any", "GET", "*", 304},
		{"another", "GET", `"a"`, 200},
		{"nothing", "GET", "", 200},
		{"HEAD", "HEAD", `"a"`, 200},
		{"POST", "POST", "", 405},
	} {
		w := answer(h, test.method, "/openapi.json", "If-None-Match", test.condition)
		if w.Code != test.code || (w.Body.Len() > 0) != (test.method == "GET" && test.code == 200 || test.code == 405) {
			t.Errorf("%s: %d, %d bytes", test.name, w.Code, w.Body.Len())
		}
		if test.code < 400 && w.Header().Get("ETag") != etag || test.code == 405 && w.Header().Get("Allow") != "GET, HEAD" {
			t.Errorf("%s: %v", test.name, w.Header())
		}
	}
}

// N05: the document is made of the configuration alone.
func TestN05NothingComesFromTheRequest(t *testing.T) {
	mux := api()
	h := openapi.Handler(mux.Document(openapi.Info{}), chain(t, bearer()).Handler(mux))
	r := httptest.NewRequest("GET", "http://evil.example/openapi.json?x=evil", nil)
	r.TLS = new(tls.ConnectionState)
	for _, name := range []string{"X-Forwarded-Host", "X-Forwarded-Proto", "X-Forwarded-Prefix", "Forwarded"} {
		r.Header.Set(name, "javascript:evil")
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	if strings.Contains(w.Body.String(), "evil") || w.Code != 200 {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if plain := answer(h, "GET", "/openapi.json"); plain.Body.String() != w.Body.String() {
		t.Error("the document depends on the request")
	}
}

// N06: why the document cannot be rendered stays inside.
func TestN06NoDetail(t *testing.T) {
	mux := http.NewServeMux()
	mux.Handle("GET /private-door", security.Authenticated().HandlerFunc(serve))
	doc := one("3.1.0", "GET", "/private-door")
	w := answer(openapi.Handler(doc, mux), "GET", "/openapi.json")
	if w.Code != 500 || strings.Contains(w.Body.String(), "door") || w.Header().Get("ETag") != "" || w.Header().Get("Cache-Control") != "no-store" {
		t.Errorf("%d %v %s", w.Code, w.Header(), w.Body)
	}
	if err := openapi.Verify(doc, mux); err == nil || !strings.Contains(err.Error(), "door") {
		t.Errorf("Verify does not say why: %v", err)
	}
}

// D16: concurrent requests share one document.
func TestD16RenderedOnce(t *testing.T) {
	routes := make(openapi.Routes, 1000)
	for i := range routes {
		routes[i] = openapi.Route{Method: "GET", Path: "/r" + strings.Repeat("x", i), Handler: security.Authenticated().HandlerFunc(serve)}
	}
	var asked int
	root := counted{chain(t, bearer()).Handler(routes), &asked}
	h := openapi.Handler(routes.Document(openapi.Info{}), root)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if w := answer(h, "GET", "/"); w.Code != 200 {
				t.Errorf("%d", w.Code)
			}
		})
	}
	wg.Wait()
	once := asked
	answer(h, "GET", "/")
	if asked != once || once == 0 {
		t.Errorf("the root was asked %d times, then %d", once, asked)
	}
}

// counted counts how often it is walked through.
type counted struct {
	http.Handler
	asked *int
}

func (c counted) Unwrap() http.Handler { *c.asked++; return c.Handler }

func TestHandlerAllocatesLittle(t *testing.T) {
	mux := api()
	h := openapi.Handler(mux.Document(openapi.Info{}), chain(t, bearer()).Handler(mux))
	r, w := httptest.NewRequest("GET", "/", nil), &discard{header: make(http.Header)}
	h.ServeHTTP(w, r)
	if n := testing.AllocsPerRun(100, func() { h.ServeHTTP(w, r) }); n > 2 {
		t.Errorf("%v allocations a request", n)
	}
}

type discard struct{ header http.Header }

func (d *discard) Header() http.Header         { return d.header }
func (d *discard) Write(b []byte) (int, error) { return len(b), nil }
func (d *discard) WriteHeader(int)             {}
