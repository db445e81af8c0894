package main

import (
	"context"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/rs/cors"

	"github.com/authstar/authstar"
	"github.com/authstar/authstar/authenticators"
	"github.com/authstar/authstar/security"
)

const pageOrigin = "https://page.example"

// layered is a guarded handler that counts, with the CORS layer where the name
// says.
func layered(t testing.TB, where string, ran *int) http.Handler {
	t.Helper()
	bearer := authenticators.NewBearer(authenticators.TokenVerifierFunc(func(_ context.Context, token string) (authstar.Client, error) {
		switch token {
		case "alice":
			return &authstar.Identity{ID: "alice", Scope: []string{"write"}}, nil
		case "bob":
			return &authstar.Identity{ID: "bob"}, nil
		}
		return nil, nil
	}))
	chain, err := authstar.New(bearer, bearer.Cookie(cookieName))
	if err != nil {
		t.Fatal(err)
	}
	handler := http.HandlerFunc(func(http.ResponseWriter, *http.Request) { *ran++ })
	options := corsOptions(pageOrigin)
	switch where {
	case "nowhere":
		return chain.Handler(security.Scopes("write").Handler(handler))
	case "outermost":
		return cors.New(options).Handler(chain.Handler(security.Scopes("write").Handler(handler)))
	case "outermost, passing preflights on":
		options.OptionsPassthrough = true
		return cors.New(options).Handler(chain.Handler(security.Scopes("write").Handler(handler)))
	case "inside":
		layer := cors.New(options)
		rules := security.Rules{Preflight: http.HandlerFunc(layer.HandlerFunc)}
		return chain.Handler(rules.Scopes("write").Handler(layer.Handler(handler)))
	}
	panic(where)
}

// answers does the request over HTTP/1.1 and HTTP/2.
func answers(t *testing.T, h http.Handler, method string, header http.Header, check func(t *testing.T, res *http.Response)) {
	t.Helper()
	for _, proto := range []string{"HTTP/1.1", "HTTP/2.0"} {
		server := httptest.NewUnstartedServer(h)
		server.EnableHTTP2 = proto == "HTTP/2.0"
		server.StartTLS()
		r, _ := http.NewRequestWithContext(t.Context(), method, server.URL+"/", nil)
		r.Header = header.Clone()
		res, err := server.Client().Do(r)
		if err != nil {
			t.Fatal(err)
		}
		if res.Proto != proto {
			t.Errorf("%s, want %s", res.Proto, proto)
		}
		check(t, res)
		res.Body.Close()
		server.Close()
	}
}

// with makes headers of "name: value".
func with(lines ...string) http.Header {
	h := make(http.Header)
	for _, line := range lines {
		name, value, _ := strings.Cut(line, ": ")
		h.Add(name, value)
	}
	return h
}

// P11: a guarded handler runs for no preflight, real or forged, and a plain
// OPTIONS is a request like any other.
func TestPreflight(t *testing.T) {
	const (
		origin = "Origin: " + pageOrigin
		method = "Access-Control-Request-Method: GET"
		token  = "Authorization: Bearer alice"
	)
	preflights := []struct {
		name   string
		header http.Header
	}{
		{"a preflight", with(origin, method, "Access-Control-Request-Headers: authorization")},
		{"one with a good token", with(origin, method, token)},
		{"one with a bad token", with(origin, method, "Authorization: Bearer stranger")},
		{"one with a cookie", with(origin, method, "Cookie: token=alice")},
		{"one with an empty origin", with("Origin: ", method, token)},
		{"one from another origin", with("Origin: https://evil.test", method, token)},
		{"one for a method that is not allowed", with(origin, "Access-Control-Request-Method: DELETE", token)},
	}
	for where, status := range map[string]int{"nowhere": 401, "outermost": 204, "outermost, passing preflights on": 401, "inside": 204} {
		for _, row := range preflights {
			t.Run("P11 CORS "+where+": "+row.name, func(t *testing.T) {
				ran := 0
				answers(t, layered(t, where, &ran), "OPTIONS", row.header, func(t *testing.T, res *http.Response) {
					allowed := ""
					if where != "nowhere" && row.header.Get("Origin") == pageOrigin && row.header.Get("Access-Control-Request-Method") == "GET" {
						allowed = pageOrigin
					}
					if got := res.Header.Get("Access-Control-Allow-Origin"); res.StatusCode != status || got != allowed || ran != 0 {
						t.Errorf("%s allows %q, the handler ran %d times; want %d, %q", res.Status, got, ran, status, allowed)
					}
				})
			})
		}
		for name, row := range map[string]struct {
			header http.Header
			status int
		}{
			"a plain OPTIONS":                             {nil, 401},
			"a plain OPTIONS with an origin":              {with(origin), 401},
			"a plain OPTIONS with a bad token":            {with("Authorization: Bearer stranger"), 401},
			"a plain OPTIONS with a good token":           {with(token), 200},
			"a plain OPTIONS with an origin and a token":  {with(origin, token), 200},
			"a plain OPTIONS of a client without a scope": {with("Authorization: Bearer bob"), 403},
		} {
			t.Run("P11 CORS "+where+": "+name, func(t *testing.T) {
				ran := 0
				answers(t, layered(t, where, &ran), "OPTIONS", row.header, func(t *testing.T, res *http.Response) {
					if res.StatusCode != row.status || (ran > 0) != (row.status == 200) {
						t.Errorf("%s, the handler ran %d times; want %d", res.Status, ran, row.status)
					}
				})
			})
		}
	}
}

// P12: 100 KB of commas cost next to nothing, with the CORS layer in any place.
func TestPreflightCommaBomb(t *testing.T) {
	for _, where := range []string{"nowhere", "outermost", "outermost, passing preflights on", "inside"} {
		t.Run("P12 CORS "+where, func(t *testing.T) {
			ran := 0
			h := layered(t, where, &ran)
			r := httptest.NewRequest("OPTIONS", "/", nil)
			r.Header = with("Origin: "+pageOrigin, "Access-Control-Request-Method: GET", "Access-Control-Request-Headers: "+strings.Repeat(",", 100<<10))
			fastest, least := time.Hour, uint64(1<<60)
			for range 10 { // others run on this machine
				var before, after runtime.MemStats
				runtime.ReadMemStats(&before)
				start := time.Now()
				h.ServeHTTP(httptest.NewRecorder(), r)
				fastest = min(fastest, time.Since(start))
				runtime.ReadMemStats(&after)
				least = min(least, after.TotalAlloc-before.TotalAlloc)
			}
			if fastest >= 5*time.Millisecond || least >= 1<<20 || ran != 0 {
				t.Errorf("%v and %d bytes, the handler ran %d times", fastest, least, ran)
			}
		})
	}
}

// P13: refusals keep the headers of the CORS layer, so that the page may read
// them, and have none of their own.
func TestRefusalsKeepCORS(t *testing.T) {
	for _, row := range []struct {
		name   string
		method string
		header http.Header
		status int
	}{
		{"P13 no credential", "GET", nil, 401},
		{"P13 a bad token", "GET", with("Authorization: Bearer stranger"), 401},
		{"P13 a malformed header", "GET", with("Authorization: Bearer a b"), 400},
		{"P13 a client without the scope", "GET", with("Authorization: Bearer bob"), 403},
		{"S03 P13 a cookie from another origin", "POST", with("Cookie: token=alice", "Sec-Fetch-Site: same-site"), 403},
		{"S03 P13 a cookie from another site", "POST", with("Cookie: token=alice", "Sec-Fetch-Site: cross-site"), 403},
		{"S03 P13 a cookie from another origin of an old browser", "POST", with("Cookie: token=alice"), 403},
		{"S03 a token from another origin", "POST", with("Authorization: Bearer alice", "Sec-Fetch-Site: cross-site"), 200},
		{"S03 a cookie on a safe method", "GET", with("Cookie: token=alice", "Sec-Fetch-Site: cross-site"), 200},
		{"P13 the right token", "GET", with("Authorization: Bearer alice"), 200},
	} {
		for origin, allowed := range map[string]string{pageOrigin: pageOrigin, "https://evil.test": ""} {
			t.Run(row.name+" for "+origin, func(t *testing.T) {
				header := row.header.Clone()
				if header == nil {
					header = make(http.Header)
				}
				header.Set("Origin", origin)
				ran := 0
				check := func(want, credentials, exposed string) func(*testing.T, *http.Response) {
					return func(t *testing.T, res *http.Response) {
						h := res.Header
						if res.StatusCode != row.status || h.Get("Access-Control-Allow-Origin") != want ||
							h.Get("Access-Control-Allow-Credentials") != credentials || h.Get("Access-Control-Expose-Headers") != exposed {
							t.Errorf("%s %v", res.Status, h)
						}
						if want != "" && !strings.Contains(strings.Join(h["Vary"], ","), "Origin") {
							t.Errorf("Vary is %q", h["Vary"])
						}
						if (row.status != 200) != (h.Get("WWW-Authenticate") != "") || (ran > 0) != (row.status == 200) {
							t.Errorf("the challenge is %q, the handler ran %d times", h.Get("WWW-Authenticate"), ran)
						}
					}
				}
				credentials, exposed := "", ""
				if allowed != "" {
					credentials, exposed = "true", "Www-Authenticate"
				}
				answers(t, layered(t, "outermost", &ran), row.method, header, check(allowed, credentials, exposed))
				ran = 0
				answers(t, layered(t, "nowhere", &ran), row.method, header, check("", "", ""))
			})
		}
	}
}
