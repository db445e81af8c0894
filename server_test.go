package authstar_test

import (
	"crypto/tls"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/authstar/authstar"
	"github.com/authstar/authstar/authenticators"
	"github.com/authstar/authstar/security"
)

// X01: ten thousand requests over few connections, each with its own client or
// none.
func TestClientsDoNotLeakBetweenRequests(t *testing.T) {
	total := 10_000
	if testing.Short() {
		total = 1_000
	}
	srv := httptest.NewUnstartedServer(mustNew(t, kinds(new(trace))...).Handler(routes(security.Rules{})))
	srv.EnableHTTP2 = true
	srv.StartTLS()
	defer srv.Close()
	trusted := srv.Client().Transport.(*http.Transport)
	h1 := trusted.Clone()
	h1.ForceAttemptHTTP2, h1.TLSNextProto = false, map[string]func(string, *tls.Conn) http.RoundTripper{}
	h1.TLSClientConfig.NextProtos = nil
	h1.MaxConnsPerHost = 4
	defer h1.CloseIdleConnections()

	kinds := []struct {
		path, header, value string
		status              int
		client              string
	}{
		{"/me", "Authorization", "Bearer " + aliceToken, 200, "alice"},
		{"/me", "", "", 401, ""},
		{"/open", "", "", 200, "-"},
		{"/me", "X-API-Key", machineKey, 200, "machine"},
		{"/open", "Authorization", "Bearer " + badToken, 200, "-"},
		{"/me", "Cookie", "sid=" + carolSID, 200, "carol"},
		{"/admin", "Authorization", "Bearer " + aliceToken, 403, ""},
	}
	const workers = 8
	var wg sync.WaitGroup
	for worker := range workers {
		client, proto := &http.Client{Transport: h1}, 1
		if worker%2 == 0 {
			client, proto = srv.Client(), 2
		}
		wg.Go(func() {
			for i := range total / workers {
				k := kinds[(i+worker)%len(kinds)]
				r, _ := http.NewRequest("GET", srv.URL+k.path, nil)
				if k.header != "" {
					r.Header.Set(k.header, k.value)
				}
				status, body, got, err := fetch(client, r)
				if err != nil || got != proto || status != k.status || status == 200 && body != k.client {
					t.Errorf("%s with %q over HTTP/%d: status %d, body %q, %v; want %d, %q over HTTP/%d", k.path, k.header, got, status, body, err, k.status, k.client, proto)
					return
				}
			}
		})
	}
	wg.Wait()
}

func fetch(c *http.Client, r *http.Request) (status int, body string, proto int, err error) {
	res, err := c.Do(r)
	if err != nil {
		return 0, "", 0, err
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	return res.StatusCode, string(b), res.ProtoMajor, err
}

// X06: over a connection, a panic of a callback is a 500, and
// http.ErrAbortHandler is no response at all.
func TestPanicsOverTheWire(t *testing.T) {
	srv := httptest.NewServer(mustNew(t, authstar.AuthenticatorFunc(authstar.Scheme{ID: "p"}, func(r *http.Request) (authstar.Client, error) {
		switch r.URL.Query().Get("panic") {
		case "string":
			panic("no")
		case "abort":
			panic(http.ErrAbortHandler)
		}
		return &authstar.Identity{ID: "alice"}, nil
	})).Handler(routes(security.Rules{})))
	defer srv.Close()
	for _, row := range []struct {
		query  string
		status int
	}{{"", 200}, {"?panic=string", 500}, {"?panic=abort", 0}, {"", 200}} {
		r, _ := http.NewRequest("GET", srv.URL+"/me"+row.query, nil)
		if status, _, _, err := fetch(srv.Client(), r); status != row.status || (err != nil) != (row.status == 0) {
			t.Errorf("%q: status %d, error %v, want %d", row.query, status, err, row.status)
		}
	}
}

// M03, M11: one token on several routes and in several requests.
func TestEveryRequestIsGuardedAnew(t *testing.T) {
	chain := mustNew(t, kinds(new(trace))...)
	h := chain.Handler(routes(security.Rules{}))
	token := []string{"Authorization", "Bearer " + aliceToken}
	for range 3 {
		for path, want := range map[string]int{"/me": 200, "/write": 200, "/admin": 403} {
			if w := serve(h, request(path, token...)); w.Code != want {
				t.Errorf("M03 %s: status %d, want %d", path, w.Code, want)
			}
		}
	}
	serve(chain.Handler(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		i, _ := authstar.ClientAs[*authstar.Identity](r.Context())
		i.ID, i.Scope = "root", append(i.Scope[:0], "admin", "admin")
		if c, _ := authstar.ClientFrom(r.Context()); c.ClientID() != "root" {
			t.Error("M11 the client is not the request's own")
		}
	})), request("/", token...))
	if w := serve(h, request("/admin", token...)); w.Code != 403 {
		t.Errorf("M11 another request's handler changed the client: status %d", w.Code)
	}
}

// C06: the declared order matters only between credentials of one request.
func TestOrderOfUnrelatedAuthenticators(t *testing.T) {
	a := kinds(new(trace))
	for _, order := range [][]authstar.Authenticator{{a[0], a[1], a[2], a[3]}, {a[3], a[2], a[1], a[0]}, {a[1], a[3], a[0], a[2]}} {
		h := mustNew(t, order...).Handler(routes(security.Rules{}))
		for _, row := range []struct {
			header, value, client string
		}{
			{"Authorization", "Bearer " + aliceToken, "alice"},
			{"Authorization", basicAuth("bob", bobPassword), "bob"},
			{"X-API-Key", machineKey, "machine"},
			{"Cookie", "sid=" + carolSID, "carol"},
		} {
			if w := serve(h, request("/me", row.header, row.value)); w.Body.String() != row.client {
				t.Errorf("%s: status %d, client %q, want %q", row.header, w.Code, w.Body, row.client)
			}
		}
	}
}

// RS-12, RS-13: several challenges are several headers, also for HEAD.
func TestChallengesOverTheWire(t *testing.T) {
	a := kinds(new(trace))
	srv := httptest.NewServer(mustNew(t, a[1].(*authenticators.Basic).WithoutChallenge(), a[0], a[2]).Handler(routes(security.Rules{})))
	defer srv.Close()
	for _, method := range []string{"GET", "HEAD"} {
		r, _ := http.NewRequest(method, srv.URL+"/me", nil)
		res, err := srv.Client().Do(r)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(res.Body)
		res.Body.Close()
		got := strings.Join(res.Header.Values("WWW-Authenticate"), "\n")
		want := `xBasic realm="orders", charset="UTF-8"` + "\n" + `Bearer realm="api"` + "\n" + `ApiKey realm="api"`
		if res.StatusCode != 401 || got != want || res.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %s %v", method, res.Status, res.Header)
		}
		if (len(body) == 0) != (method == "HEAD") {
			t.Errorf("%s: body %q", method, body)
		}
		for _, c := range res.Header.Values("WWW-Authenticate") {
			if _, _, err := parseChallenge(c); err != nil {
				t.Errorf("%s: %v", c, err)
			}
		}
	}
}
