package security_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/authstar/authstar/security"
)

const (
	adminBody  = "the admin page"
	publicBody = "a public page"
)

// exceptServer has its guard outside of the mux, where paths arrive raw.
func exceptServer(t *testing.T) *httptest.Server {
	mux := http.NewServeMux()
	say := func(text string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, text) }
	}
	mux.HandleFunc("/admin", say(adminBody))
	mux.HandleFunc("/admin/", say(adminBody))
	mux.HandleFunc("/publicadmin", say(adminBody))
	mux.HandleFunc("/public/", func(w http.ResponseWriter, r *http.Request) {
		if strings.Contains(r.URL.Path, "admin") { // as a file server or a proxy behind would understand it
			_, _ = io.WriteString(w, adminBody)
			return
		}
		_, _ = io.WriteString(w, publicBody)
	})
	mux.HandleFunc("/health", say(publicBody))
	mux.HandleFunc("GET /x", say(publicBody))
	mux.HandleFunc("/x", say(adminBody))
	mux.HandleFunc("/{$}", say(publicBody))
	mux.HandleFunc("/", say(adminBody))
	guard := security.Authenticated().Except("/public/", "/health", "GET /x", "/{$}")
	srv := httptest.NewServer(newChain(t).Handler(guard.Handler(mux)))
	t.Cleanup(srv.Close)
	return srv
}

// raw sends a request line and headers byte for byte.
func raw(t *testing.T, srv *httptest.Server, line string, headers ...string) (status int, body string) {
	t.Helper()
	conn, err := net.Dial("tcp", srv.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
	fmt.Fprintf(conn, "%s HTTP/1.1\r\n%s\r\nConnection: close\r\n\r\n", line, strings.Join(append([]string{"Host: x"}, headers...), "\r\n"))
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, _ := io.ReadAll(res.Body)
	return res.StatusCode, string(b)
}

func TestExcept(t *testing.T) {
	srv := exceptServer(t)
	for _, row := range []struct {
		name, line string
		status     int
	}{
		{"P01 a public path is public", "GET /public/page", 200},
		{"P01 a public prefix is public", "GET /public/", 200},
		{"P01 a guarded path is guarded", "GET /admin", 401},
		{"P01 two slashes", "GET //admin", 401},
		{"P01 a dot", "GET /./admin", 401},
		{"P01 dots under a public prefix", "GET /public/../admin", 401},
		{"P01 dots and slashes under a public prefix", "GET /public//../admin", 401},
		{"P01 an encoded letter of a guarded path", "GET /%61dmin", 401},
		{"P01 an encoded letter of a public path", "GET /%70ublic/page", 200},
		{"P01 capitals", "GET /ADMIN", 401},
		{"P01 capitals of a public path", "GET /PUBLIC/page", 401},
		{"P01 a trailing slash", "GET /admin/", 401},
		{"P01 a path parameter", "GET /admin;x", 401},
		{"P01 an encoded slash", "GET /admin%2f", 401},
		{"P01 an encoded NUL", "GET /admin%00", 401},
		{"P01 an encoded NUL under a public prefix", "GET /public/%00admin", 401},
		{"P01 a backslash", `GET /\admin`, 401},
		{"P01 a backslash under a public prefix", `GET /public/..\admin`, 401},
		{"P01 an encoded backslash under a public prefix", `GET /public/..%5cadmin`, 401},
		{"P01 two slashes at the front page", "GET //", 401},
		{"P02 encoded dots", "GET /public/%2e%2e/admin", 401},
		{"P02 an encoded slash after dots", "GET /public/..%2fadmin", 401},
		{"P02 everything encoded", "GET /public/%2e%2e%2fadmin", 401},
		{"P02 an encoded slash within the prefix", "GET /public%2fadmin", 401},
		{"P02 two slashes under a public prefix", "GET /public//admin", 401},
		{"P03 a prefix without its slash", "GET /publicadmin", 401},
		{"P03 a prefix and a dot", "GET /public.json", 401},
		{"P03 what a mux would redirect", "GET /public", 401},
		{"P03 an exact path", "GET /health", 200},
		{"P03 below an exact path", "GET /health/admin", 401},
		{"P03 behind an exact path", "GET /healthadmin", 401},
		{"P04 the front page alone", "GET /", 200},
		{"P04 another page than the front page", "GET /me", 401},
		{"P05 a public path in the query", "GET /admin?/public/", 401},
		{"P05 a public path as a parameter", "GET /admin?x=/public/page", 401},
		{"P05 a guarded path in the query", "GET /public/page?/..", 200},
		{"P06 a fragment", "GET /admin#/public/", 401},
		{"P06 an encoded # under a public prefix", "GET /public/%23/../admin", 401},
		{"P06 an encoded ? under a public prefix", "GET /public%3f/../admin", 401},
		{"P06 an encoded ? in a public path", "GET /public/%3fpage", 200},
		{"P07 an absolute form of a guarded path", "GET http://x/admin", 401},
		{"P07 an absolute form of a public path with another host", "GET http://evil/public/page", 200},
		{"P07 an absolute form of a guarded path with a public host", "GET http://public/admin", 401},
		{"P08 the method of a pattern", "GET /x", 200},
		{"P08 HEAD is GET", "HEAD /x", 200},
		{"P08 another method", "POST /x", 401},
		{"P08 a method in another case", "get /x", 401},
		{"P08 an unknown method", "PROPFIND /x", 401},
		{"P08 CONNECT", "CONNECT /x", 401},
		{"P08 CONNECT is not cleaned", "CONNECT //admin", 401},
		{"P08 CONNECT under a public prefix", "CONNECT /public/../admin", 401},
		{"P08 CONNECT of two slashes", "CONNECT //", 401},
		{"P08 any method of a pattern without one", "PROPFIND /public/page", 200},
	} {
		t.Run(row.name, func(t *testing.T) {
			status, body := raw(t, srv, row.line)
			if status != row.status || strings.Contains(body, adminBody) {
				t.Errorf("%s: status %d, body %q; want %d", row.line, status, body, row.status)
			}
		})
	}
	for _, line := range []string{"GET /admin", "GET /me", "POST /x", "GET /public/..%2fadmin"} {
		if status, body := raw(t, srv, line, "Authorization: Bearer reader"); status != 200 || body != adminBody {
			t.Errorf("P01 %s with a client: status %d, body %q", line, status, body)
		}
	}
	for _, header := range []string{"User-Agent: GoogleHC/1.0", "X-Original-URL: /public/", "X-Rewrite-URL: /public/", "X-Forwarded-Uri: /public/", "X-Forwarded-Prefix: /public", "X-HTTP-Method-Override: GET"} {
		if status, _ := raw(t, srv, "GET /admin", header); status != 401 {
			t.Errorf("P09 %s: status %d", header, status)
		}
	}
}

// P10
func TestExceptInsideStripPrefix(t *testing.T) {
	inner := http.NewServeMux()
	inner.HandleFunc("/public/", whoami)
	inner.HandleFunc("/admin", whoami)
	srv := httptest.NewServer(newChain(t).Handler(http.StripPrefix("/api", security.Authenticated().Except("/public/").Handler(inner))))
	defer srv.Close()
	for line, want := range map[string]int{
		"GET /api/public/page": 200, "GET /api/public/a%2Fb": 200,
		"GET /api/admin": 401, "GET /api/public/..%2Fadmin": 401, "GET /api/public/%2e%2e/admin": 401,
		"GET /api%2Fpublic/page": 401, "GET /api/%2Fpublic/page": 401, "GET /api//public/page": 401, "GET /apipublic/page": 401, "GET /public/page": 404,
	} {
		if status, _ := raw(t, srv, line); status != want {
			t.Errorf("P10 %s: status %d, want %d", line, status, want)
		}
	}
}

// P01: a wildcard of a ServeMux takes an encoded slash, and whoever reads the
// decoded path, as a file server does, finds two segments.
func TestExceptWildcards(t *testing.T) {
	files := http.FileServerFS(fstest.MapFS{
		"private/secret.txt": {Data: []byte(adminBody)}, "page": {Data: []byte(publicBody)}, "a b": {Data: []byte(publicBody)},
		"en/docs/page": {Data: []byte(publicBody)}, "admin/x/docs/page": {Data: []byte(adminBody)},
	})
	srv := httptest.NewServer(newChain(t).Handler(security.Authenticated().Except("GET /{page}", "GET /{lang}/docs/", "/files/{path...}").Handler(files)))
	defer srv.Close()
	for line, want := range map[string]int{
		"GET /page": 200, "GET /%70age": 200, "GET /a%20b": 200, "GET /en/docs/page": 200, "GET /%65n/docs/page": 200,
		"GET /private/secret.txt": 401, "GET /private%2fsecret.txt": 401, "GET /private%2Fsecret.txt": 401, "GET /private%2f": 401,
		"GET /admin/x/docs/page": 401, "GET /admin%2fx/docs/page": 401, "GET /en/docs%2fpage": 401, "GET /en%2fdocs/page": 401,
		"GET /files/a%2fb": 404, "GET /private%252fsecret.txt": 404,
	} {
		if status, body := raw(t, srv, line); status != want || strings.Contains(body, adminBody) {
			t.Errorf("P01 %s: status %d, body %q; want %d", line, status, body, want)
		}
	}
	if status, body := raw(t, srv, "GET /private%2fsecret.txt", "Authorization: Bearer reader"); status != 200 || body != adminBody {
		t.Errorf("P01 with a client: status %d, body %q", status, body)
	}
}

func TestExceptPatterns(t *testing.T) {
	g := security.Authenticated()
	for _, pattern := range []string{"/", "GET /", "api.example/", "GET api.example/", "/{all...}", "GET /{all...}", "", "public", "GET", "/{", "/{x}/{x}", "/{x...}/y"} {
		mustPanic(t, fmt.Sprintf("P04 Except(%q)", pattern), func() { g.Except(pattern) })
	}
	mustPanic(t, "Except without a pattern", func() { g.Except() })
	mustPanic(t, "a bad pattern after a good one", func() { g.Except("/public/", "/") })

	overlapping := g.Except("/a/{x}", "/{y}/b", "/a/{x}", "api.example/host/")
	for target, public := range map[string]bool{
		"/a/1": true, "/1/b": true, "/a/b": true, "/b/a": false,
		"http://api.example/host/": true, "http://other.example/host/": false,
	} {
		if err := overlapping.Check(request("GET", target).WithContext(as(nil).Context())); (err == nil) != public {
			t.Errorf("P07 %s: %v", target, err)
		}
	}
	if err := overlapping.Check(as(client())); err != nil {
		t.Errorf("a client is refused: %v", err)
	}
}
