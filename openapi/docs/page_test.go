package docs_test

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/authstar/authstar/openapi/docs"
)

func newPage(t *testing.T, config docs.Config) http.Handler {
	t.Helper()
	h, err := docs.New(config)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func answer(h http.Handler, method, path string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, nil)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

var reference = regexp.MustCompile(`(?:src|href)="([^"]*)"`)

func TestPage(t *testing.T) {
	h := newPage(t, docs.Config{Title: "Orders", Document: "/openapi.json", ClientID: "web", Scopes: []string{"a", "b"}})
	for _, path := range []string{"/docs/", "/", "/deep/docs/index.html"} {
		w := answer(h, "GET", path)
		body := w.Body.String()
		if w.Code != 200 || w.Header().Get("Content-Type") != "text/html; charset=utf-8" {
			t.Fatalf("%s: %d %v", path, w.Code, w.Header())
		}
		for _, want := range []string{"<title>Orders</title>", `data-document="/openapi.json"`, `data-client-id="web"`, `data-scopes="a b"`, docs.Version} {
			if !strings.Contains(body, want) {
				t.Errorf("%s: no %s", path, want)
			}
		}
	}
	if got, want := answer(h, "GET", "/").Header().Get("Content-Security-Policy"), "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "+
		"font-src 'self' data:; connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"; got != want {
		t.Errorf("policy\n%s, want\n%s", got, want)
	}
}

func TestCookies(t *testing.T) {
	for cookies, want := range map[bool]string{false: `data-cookies=""`, true: `data-cookies="all"`} {
		if body := answer(newPage(t, docs.Config{Document: "/openapi.json", Cookies: cookies}), "GET", "/").Body.String(); !strings.Contains(body, want) {
			t.Errorf("Cookies %v: no %s", cookies, want)
		}
	}
}

// What the policy forbids is not there: every script and style is a file beside
// the page.
func TestPagesObeyThePolicy(t *testing.T) {
	h := newPage(t, docs.Config{Document: "/openapi.json"})
	inline := regexp.MustCompile(`(?i)<style|style=|\son\w+=|javascript:|<script>|https?://`)
	for _, name := range []string{"", "oauth2-redirect.html"} {
		w := answer(h, "GET", "/docs/"+name)
		if found := inline.FindString(w.Body.String()); found != "" || w.Code != 200 {
			t.Errorf("%q: %d, %q", name, w.Code, found)
		}
		policy := w.Header().Get("Content-Security-Policy")
		if !strings.HasPrefix(policy, "default-src 'none'; script-src 'self'; ") || strings.Contains(policy, "unsafe") {
			t.Errorf("%q: policy %s", name, policy)
		}
		files := 0
		for _, m := range reference.FindAllStringSubmatch(w.Body.String(), -1) {
			if strings.HasPrefix(m[1], "data:") || strings.HasPrefix(m[1], "/") {
				continue
			}
			files++
			file := answer(h, "GET", "/docs/"+m[1])
			if file.Code != 200 || file.Header().Get("X-Content-Type-Options") != "nosniff" || file.Body.Len() == 0 {
				t.Errorf("%s: %d %v", m[1], file.Code, file.Header())
			}
		}
		if files == 0 {
			t.Errorf("%q refers to no file", name)
		}
	}
}

// N03
func TestN03TitlesAreEscaped(t *testing.T) {
	const evil = `"></title></script><script>alert(1)</script>`
	h := newPage(t, docs.Config{Title: evil, Document: "/" + "a\"><script>", ClientID: evil, Scopes: []string{evil}})
	for _, name := range []string{"", "oauth2-redirect.html"} {
		body := answer(h, "GET", "/"+name).Body.String()
		if strings.Contains(body, "<script>") || strings.Contains(body, `="">`) {
			t.Errorf("N03 %s", body)
		}
	}
}

// The files are those of the npm package, compressed or not.
func TestFilesAreSwaggerUI(t *testing.T) {
	sums, err := os.ReadFile("swagger-ui/SHA256SUMS")
	if err != nil {
		t.Fatal(err)
	}
	h := newPage(t, docs.Config{Document: "/openapi.json"})
	body := answer(h, "GET", "/").Body.String()
	compared := 0
	for _, m := range reference.FindAllStringSubmatch(body, -1) {
		if !regexp.MustCompile(`^swagger-ui(-bundle)?\.[0-9a-f]{16}\.(js|css)$`).MatchString(m[1]) {
			continue
		}
		compared++
		plain := answer(h, "GET", "/"+m[1])
		compressed := answer(h, "GET", "/"+m[1], "Accept-Encoding", "br, gzip;q=0.5")
		r, err := gzip.NewReader(compressed.Body)
		if err != nil {
			t.Fatal(err)
		}
		unpacked, err := io.ReadAll(r)
		if err != nil || !bytes.Equal(unpacked, plain.Body.Bytes()) {
			t.Errorf("%s: the encodings differ: %v", m[1], err)
		}
		if plain.Header().Get("Content-Encoding") != "" || compressed.Header().Get("Content-Encoding") != "gzip" {
			t.Errorf("%s: %v, %v", m[1], plain.Header(), compressed.Header())
		}
		for _, w := range []*httptest.ResponseRecorder{plain, compressed} {
			if w.Header().Get("Cache-Control") != "public, max-age=31536000, immutable" || w.Header().Get("Vary") != "Accept-Encoding" {
				t.Errorf("%s: %v", m[1], w.Header())
			}
		}
		sum := sha256.Sum256(unpacked)
		if !bytes.Contains(sums, []byte(hex.EncodeToString(sum[:]))) {
			t.Errorf("%s is not what SHA256SUMS says", m[1])
		}
	}
	if compared != 2 {
		t.Errorf("%d files were compared", compared)
	}
}

func TestEncodings(t *testing.T) {
	h := newPage(t, docs.Config{Document: "/openapi.json"})
	m := regexp.MustCompile(`swagger-ui\.[0-9a-f]+\.css`).FindString(answer(h, "GET", "/").Body.String())
	for accepted, want := range map[string]string{
		"": "", "identity": "", "br": "", "gzip;q=0": "", "gzip; q=0.000": "", "gzip;q=x": "", "*;q=0": "", "gzip;q=0, *": "",
		"gzip": "gzip", "GZIP": "gzip", "br;q=1.0, gzip;q=0.1": "gzip", "*": "gzip", "*;q=0, gzip": "gzip",
	} {
		if got := answer(h, "GET", "/"+m, "Accept-Encoding", accepted).Header().Get("Content-Encoding"); got != want {
			t.Errorf("Accept-Encoding %q: %q", accepted, got)
		}
	}
}

func TestLicensesAreServed(t *testing.T) {
	h := newPage(t, docs.Config{Document: "/openapi.json"})
	for name, want := range map[string]string{
		"LICENSE": "Apache License", "NOTICE": "SmartBear", "swagger-ui-bundle.js.LICENSE.txt": "MIT",
	} {
		w := answer(h, "GET", "/docs/"+name)
		if w.Code != 200 || !strings.Contains(w.Body.String(), want) || w.Header().Get("Content-Type") != "text/plain; charset=utf-8" {
			t.Errorf("%s: %d %v", name, w.Code, w.Header())
		}
		if !strings.Contains(answer(h, "GET", "/docs/").Body.String(), `href="`+name+`"`) {
			t.Errorf("the page does not refer to %s", name)
		}
	}
	script, err := os.ReadFile("page.go")
	if err != nil || !bytes.Contains(script, []byte("go:generate sh update.sh "+docs.Version+"\n")) {
		t.Errorf("Version is not that of go:generate: %v", err)
	}
}

func TestRequests(t *testing.T) {
	h := newPage(t, docs.Config{Document: "/openapi.json"})
	etag := answer(h, "GET", "/").Header().Get("ETag")
	for _, test := range []struct {
		method, path, condition string
		code                    int
	}{
		{"GET", "/", "", 200},
		{"HEAD", "/", "", 200},
		{"GET", "/", etag, 304},
		{"GET", "/", `"other"`, 200},
		{"POST", "/", "", 405},
		{"GET", "/none", "", 404},
		{"GET", "/page.go", "", 404},
		{"GET", "/swagger-ui.css", "", 404},
	} {
		w := answer(h, test.method, test.path, "If-None-Match", test.condition)
		if w.Code != test.code || test.method == "HEAD" && w.Body.Len() > 0 {
			t.Errorf("%s %s: %d", test.method, test.path, w.Code)
		}
	}
}

func TestConfig(t *testing.T) {
	for _, test := range []struct {
		config docs.Config
		want   string // of connect-src, or of the error
		good   bool
	}{
		{docs.Config{Document: "openapi.json"}, "connect-src 'self';", true},
		{docs.Config{Document: "https://api.example.com/o.json", Connect: []string{"https://id.example.com:8443"}}, "connect-src 'self' https://api.example.com https://id.example.com:8443;", true},
		{docs.Config{}, "Document is required", false},
		{docs.Config{Document: "javascript:alert(1)"}, "Document is not", false},
		{docs.Config{Document: "https://user:pass@api.example.com/"}, "Document is not", false},
		{docs.Config{Document: "/o", Connect: []string{"https://id.example.com/"}}, "Connect", false},
		{docs.Config{Document: "/o", Connect: []string{"*"}}, "Connect", false},
		{docs.Config{Document: "/o", Connect: []string{"https://*.example.com"}}, "Connect", false},
		{docs.Config{Document: "/o", Connect: []string{"https://a; script-src *"}}, "Connect", false},
	} {
		h, err := docs.New(test.config)
		got := fmt.Sprint(err)
		if err == nil {
			got = answer(h, "GET", "/").Header().Get("Content-Security-Policy")
		}
		if (err == nil) != test.good || !strings.Contains(got, test.want) {
			t.Errorf("%+v: %s", test.config, got)
		}
	}
}

func ExampleNew() {
	page, err := docs.New(docs.Config{Title: "Orders", Document: "/openapi.json"})
	if err != nil {
		fmt.Println(err)
		return
	}
	mux := http.NewServeMux()
	mux.Handle("GET /docs/", page)

	w := httptest.NewRecorder()
	mux.ServeHTTP(w, httptest.NewRequest("GET", "/docs/", nil))
	fmt.Println(w.Code, slices.Contains(strings.Split(w.Body.String(), "\n"), "<title>Orders</title>"))
	// Output: 200 true
}
