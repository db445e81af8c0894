package authenticators_test

import (
	"crypto/tls"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
)

var authorizationRows = []row{
	{"H05 RS-07 the scheme in lower case", []string{"Authorization: bearer " + aliceToken}, 200, "alice", []string{"bearer " + aliceToken}, false},
	{"H05 RS-07 the scheme in upper case", []string{"Authorization: BEARER " + aliceToken}, 200, "alice", []string{"bearer " + aliceToken}, false},
	{"H05 two spaces after Bearer", []string{"Authorization: Bearer  " + aliceToken}, 200, "alice", []string{"bearer " + aliceToken}, false},
	{"H05 a space after the token", []string{"Authorization: Bearer " + aliceToken + " "}, 200, "alice", []string{"bearer " + aliceToken}, false},
	{"H05 every character of a b64token", []string{"Authorization: Bearer AZaz09-._~+/=="}, 401, "invalid_token", []string{"bearer AZaz09-._~+/=="}, false},
	{"H05 a tab after Bearer", []string{"Authorization: Bearer\t" + aliceToken}, 400, "invalid_request", nil, false},
	{"H05 a space and a tab after Bearer", []string{"Authorization: Bearer \t" + aliceToken}, 400, "invalid_request", nil, false},
	{"H05 something after the token", []string{"Authorization: Bearer " + aliceToken + " extra"}, 400, "invalid_request", nil, false},
	{"H05 no space after Bearer", []string{"Authorization: Bearer" + aliceToken}, 401, "unauthorized", nil, false},
	{"H05 a colon after Bearer", []string{"Authorization: Bearer: " + aliceToken}, 400, "invalid_request", nil, false},
	{"H05 two credentials in one header", []string{"Authorization: Bearer " + aliceToken + ",Basic " + bobBasic}, 400, "invalid_request", nil, false},
	{"H05 a token in quotes", []string{`Authorization: Bearer "` + aliceToken + `"`}, 400, "invalid_request", nil, false},
	{"H05 padding without a token", []string{"Authorization: Bearer =="}, 400, "invalid_request", nil, false},
	{"H05 padding inside of the token", []string{"Authorization: Bearer a=b"}, 400, "invalid_request", nil, false},
	{"RS-08 a comma in the token", []string{"Authorization: Bearer a,b"}, 400, "invalid_request", nil, false},
	{"RS-08 a quote in the token", []string{`Authorization: Bearer a"b`}, 400, "invalid_request", nil, false},
	{"RS-08 non-ASCII in the token", []string{"Authorization: Bearer tökén"}, 400, "invalid_request", nil, false},

	{"H06 bytes that are no characters", []string{"Authorization: Bearer \xff\xfe"}, 400, "invalid_request", nil, false},
	{"H06 a byte that is no character instead of the space", []string{"Authorization: Bearer\xa0" + aliceToken}, 400, "invalid_request", nil, false},
	{"H06 NUL in the token", []string{"Authorization: Bearer a\x00b"}, 400, netHTTP, nil, true},
	{"H06 CR in the token", []string{"Authorization: Bearer a\rb"}, 400, netHTTP, nil, true},
	{"H06 a folded line", []string{"Authorization: Bearer a\r\n b"}, 400, "invalid_request", nil, true},

	{"H07 a space before the colon", []string{"Authorization : Bearer " + aliceToken}, 400, netHTTP, nil, true},
	{"H07 a space before the name continues the line before", []string{"Accept: */*\r\n Authorization: Bearer " + aliceToken}, 401, "unauthorized", nil, true},

	{"H01 a good token, then a bad one", []string{"Authorization: Bearer " + aliceToken, "Authorization: Bearer " + strangerToken}, 400, "invalid_request", nil, false},
	{"H01 RS-05 a bad token, then a good one", []string{"Authorization: Bearer " + strangerToken, "Authorization: Bearer " + aliceToken}, 400, "invalid_request", nil, false},
	{"H01 Bearer, then Basic", []string{"Authorization: Bearer " + aliceToken, "Authorization: Basic " + bobBasic}, 400, "invalid_request", nil, false},
	{"H01 Basic, then Bearer", []string{"Authorization: Basic " + bobBasic, "Authorization: Bearer " + aliceToken}, 400, "invalid_request", nil, false},
	{"H01 one token twice", []string{"Authorization: Bearer " + aliceToken, "Authorization: Bearer " + aliceToken}, 400, "invalid_request", nil, false},
	{"H01 an empty header beside a good one", []string{"Authorization:", "Authorization: Bearer " + aliceToken}, 400, "invalid_request", nil, false},
	{"H01 one token once", []string{"Authorization: Bearer " + aliceToken}, 200, "alice", []string{"bearer " + aliceToken}, false},

	{"H14 Authorization named as hop-by-hop", []string{"Connection: Authorization", "Authorization: Bearer " + aliceToken}, 200, "alice", []string{"bearer " + aliceToken}, true},
}

var keyRows = []row{
	{"H08 one key", []string{"X-API-Key: key1"}, 200, "machine", []string{"key key1"}, false},
	{"H08 one key twice", []string{"X-API-Key: key1", "X-API-Key: key1"}, 400, "invalid_request", nil, false},
	{"H08 two keys", []string{"X-API-Key: key1", "X-API-Key: key2"}, 400, "invalid_request", nil, false},
	{"H08 an empty key beside a good one", []string{"X-API-Key:", "X-API-Key: key1"}, 400, "invalid_request", nil, false},
	{"H08 a list with a space", []string{"X-API-Key: key1, key1"}, 401, "invalid_client", nil, false},
	{"H08 a list without a space is one key", []string{"X-API-Key: key1,key1"}, 401, "invalid_client", []string{"key key1,key1"}, false},

	{"H09 space around the key", []string{"X-API-Key:  key1 "}, 200, "machine", []string{"key key1"}, false},
	{"H09 tabs around the key", []string{"X-API-Key: \tkey1\t"}, 200, "machine", []string{"key key1"}, false},
	{"H09 another case", []string{"X-API-Key: KEY1"}, 401, "invalid_client", []string{"key KEY1"}, false},
	{"H09 space in the key", []string{"X-API-Key: key1 x"}, 401, "invalid_client", nil, false},
	{"H09 non-ASCII in the key", []string{"X-API-Key: këy1"}, 401, "invalid_client", nil, false},
	{"H09 DEL in the key", []string{"X-API-Key: key1\x7f"}, 400, netHTTP, nil, true},
	{"H09 a key of 4 KiB", []string{"X-API-Key: " + strings.Repeat("k", 4<<10)}, 401, "invalid_client", []string{"key " + strings.Repeat("k", 4<<10)}, false},
	{"H09 a key of 4 KiB and a byte", []string{"X-API-Key: " + strings.Repeat("k", 4<<10+1)}, 401, "invalid_client", nil, false},

	{"H10 the name in lower case", []string{"x-api-key: key1"}, 200, "machine", []string{"key key1"}, false},
	{"H10 the name with underscores", []string{"X_API_Key: key1"}, 401, "unauthorized", nil, false},
	{"H10 a space before the colon", []string{"X-API-Key : key1"}, 400, netHTTP, nil, true},
}

func TestHeadersOverHTTP1(t *testing.T) {
	c := new(calls)
	addr := newServer(t, newAPI(t, c.bearer(), c.basic(), c.apiKey(), c.session()))
	for _, row := range append(authorizationRows, append(keyRows, emptyRows...)...) {
		t.Run(row.name, func(t *testing.T) { row.check(t, row.overSocket(t, addr), c) })
	}
}

// H16: the same over HTTP/2, whose header fields are no lines.
func TestHeadersOverHTTP2(t *testing.T) {
	c := new(calls)
	client, url := newHTTP2(t, newAPI(t, c.bearer(), c.basic(), c.apiKey(), c.session()))
	for _, row := range append(authorizationRows, append(keyRows, emptyRows...)...) {
		if row.http1 {
			continue
		}
		t.Run("H16 "+row.name, func(t *testing.T) {
			r := request("GET", url+"/me", row.lines...)
			r.RequestURI = ""
			res, err := client.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			if res.ProtoMajor != 2 {
				t.Fatalf("protocol %s", res.Proto)
			}
			row.check(t, res, c)
		})
	}
}

func TestThousandAnonymousStreams(t *testing.T) {
	c := new(calls)
	client, url := newHTTP2(t, newAPI(t, c.bearer(), c.basic(), c.apiKey(), c.session()))
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			for range 50 {
				res, err := client.Get(url + "/me")
				if err != nil {
					t.Errorf("H16: %v", err)
					return
				}
				_, _ = io.Copy(io.Discard, res.Body)
				res.Body.Close()
				if res.StatusCode != 401 {
					t.Errorf("H16: %d", res.StatusCode)
				}
			}
		})
	}
	wg.Wait()
	r := request("GET", url+"/me", "Authorization: Bearer "+aliceToken)
	r.RequestURI = ""
	res, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	row{status: 200, answer: "alice", calls: []string{"bearer " + aliceToken}}.check(t, res, c)
}

func newHTTP2(t *testing.T, h http.Handler) (*http.Client, string) {
	t.Helper()
	srv := httptest.NewUnstartedServer(h)
	srv.EnableHTTP2 = true
	srv.TLS = &tls.Config{MinVersion: tls.VersionTLS13}
	srv.StartTLS()
	t.Cleanup(srv.Close)
	return srv.Client(), srv.URL
}

// H12: what comes after the body is no header.
func TestTrailersAreNoCredentials(t *testing.T) {
	c := new(calls)
	chain := newChain(t, c.bearer(), c.apiKey())
	addr := newServer(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		if r.Header.Get("Expect-Trailer") != "" && r.Trailer.Get("Authorization") == "" {
			t.Error("the trailer did not arrive")
		}
		chain.Handler(http.HandlerFunc(whoAmI)).ServeHTTP(w, r)
	}))
	const body = "Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n1\r\nx\r\n0\r\n"
	tests := []struct {
		row
		request string
	}{
		{row{name: "H12 credentials in trailers", status: 200, answer: "-"},
			"POST / HTTP/1.1\r\nHost: api.test\r\nExpect-Trailer: 1\r\nTrailer: Authorization, X-API-Key\r\n" + body + "Authorization: Bearer " + aliceToken + "\r\nX-API-Key: key1\r\n\r\n"},
		{row{name: "H12 credentials in a header", status: 200, answer: "alice", calls: []string{"bearer " + aliceToken}},
			"POST / HTTP/1.1\r\nHost: api.test\r\nAuthorization: Bearer " + aliceToken + "\r\n" + body + "\r\n"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) { test.check(t, send(t, addr, test.request), c) })
	}
}

// H07: as the first line, a name behind a space continues nothing.
func TestSpaceBeforeTheFirstHeader(t *testing.T) {
	c := new(calls)
	addr := newServer(t, newAPI(t, c.bearer()))
	for _, test := range []struct {
		row
		first string
	}{
		{row{name: "H07 a space before the first header", status: 400, answer: netHTTP}, " Authorization"},
		{row{name: "H07 no space before the first header", status: 200, answer: "alice", calls: []string{"bearer " + aliceToken}}, "Authorization"},
	} {
		t.Run(test.name, func(t *testing.T) {
			test.check(t, send(t, addr, "GET /me HTTP/1.1\r\n"+test.first+": Bearer "+aliceToken+"\r\nHost: api.test\r\nConnection: close\r\n\r\n"), c)
		})
	}
}
