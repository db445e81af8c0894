package authenticators_test

import (
	"encoding/base64"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/authstar/authstar"
)

// D01 D02 D17: what a credential of the size of net/http's header limit may
// cost, beyond the header itself.
const (
	maxAllocated = 64 << 10
	maxTime      = time.Second // what is quadratic takes hours
)

type sizeRow struct {
	name   string
	target string
	header http.Header
	code   authstar.Code // "" is an anonymous request
}

func sizeRows() []sizeRow {
	line := func(value string) http.Header { return http.Header{"Authorization": {value}} }
	offer := func(value string) http.Header {
		return http.Header{"Connection": {"Upgrade"}, "Upgrade": {"websocket"}, "Sec-Websocket-Protocol": {value}}
	}
	const size = 900_000
	long := strings.Repeat("A", size)
	claims := base64.RawURLEncoding.EncodeToString([]byte(`{"iss":"` + issuerA + `","x":"` + long[:size/2] + `"}`))
	return []sizeRow{
		{"D01 900 KB of bearer token", "/", line("Bearer " + long), authstar.InvalidToken},
		{"D01 900 KB of JSON Web Token", "/", line("Bearer eyJhbGciOiJSUzI1NiJ9." + claims + ".AAAA"), authstar.InvalidToken},
		{"D01 900 KB of Basic", "/", line("Basic " + long), authstar.InvalidClient},
		{"D01 900 KB of API key", "/", http.Header{"X-Api-Key": {long}}, authstar.InvalidClient},
		{"D01 900 KB of API keys", "/", http.Header{"X-Api-Key": {long[:size/2], long[size/2:]}}, authstar.InvalidRequest},
		{"D01 900 KB of token in a cookie", "/", http.Header{"Cookie": {"token=" + long}}, authstar.InvalidToken},
		{"D01 900 KB of token in the query", "/?access_token=" + long, nil, authstar.InvalidToken},
		{"D01 900 KB of token in a subprotocol", "/", offer("chat, base64url.bearer.test." + long), authstar.InvalidToken},
		{"D02 a million dots", "/", line("Bearer " + strings.Repeat(".", 1_000_000)), authstar.InvalidToken},
		{"D02 16 KiB of dots", "/", line("Bearer " + strings.Repeat(".", 16<<10)), authstar.InvalidToken},
		{"D02 a million dots in a cookie", "/", http.Header{"Cookie": {"token=" + strings.Repeat(".", 1_000_000)}}, authstar.InvalidToken},

		{"D17 1 MB of another scheme", "/", line(strings.Repeat("Bearer", 170_000)), ""},
		{"D17 1 MB of spaces after Bearer", "/", line("Bearer" + strings.Repeat(" ", 1_000_000) + "a,"), authstar.InvalidRequest},
		{"D17 1 MB of spaces before Bearer", "/", line(strings.Repeat(" ", 1_000_000) + "Bearer"), authstar.InvalidRequest},
		{"D17 1 MB of spaces", "/", line(strings.Repeat(" \t", 500_000)), ""},
		{"D17 1 MB of tabs after Bearer", "/", line("Bearer" + strings.Repeat("\t", 1_000_000) + "a"), authstar.InvalidRequest},
		{"D17 1 MB of commas", "/", line("Bearer a" + strings.Repeat(",", 1_000_000)), authstar.InvalidToken},
		{"D17 1 MB of quotes", "/", line(`Bearer "` + strings.Repeat(`\"`, 500_000)), authstar.InvalidToken},
		{"D17 1 MB of padding", "/", line("Bearer " + strings.Repeat("=", 1_000_000)), authstar.InvalidToken},
		{"D17 16 KiB of padding", "/", line("Bearer " + strings.Repeat("=", 16<<10)), authstar.InvalidRequest},
		{"D17 1 MB of bytes that are no characters", "/", line("Bearer " + strings.Repeat("\xff", 1_000_000)), authstar.InvalidToken},
		{"D17 1 MB of spaces in an API key", "/", http.Header{"X-Api-Key": {strings.Repeat(" ", 1_000_000)}}, ""},
		{"D17 1 MB of commas in subprotocols", "/", offer(strings.Repeat(",", 1_000_000)), ""},
		{"D17 1 MB of subprotocols", "/", offer(strings.Repeat("a,", 500_000)), ""},
		{"D17 1 MB of tokens in subprotocols", "/", offer(strings.Repeat("base64url.bearer.test.YQ,", 40_000)), authstar.InvalidToken},
		{"D17 1 MB of words in Connection", "/", http.Header{"Connection": {strings.Repeat("a,", 500_000)}, "Upgrade": {"websocket"}}, ""},
	}
}

func TestCredentialsOfAnAttackersSize(t *testing.T) {
	unreached := new(calls)
	bearer := unreached.bearer()
	chain := newChain(t, bearer, unreached.basic(), unreached.apiKey(), bearer.Cookie("token"), bearer.InsecureQuery(), bearer.Subprotocol("test"))
	for _, test := range sizeRows() {
		t.Run(test.name, func(t *testing.T) {
			// What httptest.NewRequest parses is not what is measured.
			r := request("GET", test.target)
			r.Header = test.header
			if test.header == nil {
				r.Header = http.Header{}
			}
			res := chain.Authenticate(r)
			if res.Client != nil || (res.Err == nil) != (test.code == "") || res.Err != nil && res.Err.Code != test.code {
				t.Errorf("%v, want %q", res, test.code)
			}
			allocated, took := cost(func() { chain.Authenticate(r) })
			if allocated > maxAllocated {
				t.Errorf("%d bytes allocated, more than %d", allocated, maxAllocated)
			}
			if took > maxTime {
				t.Errorf("took %v, more than %v", took, maxTime)
			}
			seen := unreached.take()
			if dots := strings.HasPrefix(test.name, "D02 16 KiB"); !dots && seen != nil {
				t.Errorf("a callback saw %d bytes", len(seen[0]))
			} else if dots && seen == nil {
				t.Error("the longest token reached no callback")
			}
		})
	}
}

// cost is the least of a few runs, since others use the machine and the heap
// too.
func cost(f func()) (allocated uint64, took time.Duration) {
	allocated, took = 1<<62, time.Hour
	for range 8 {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		start := time.Now()
		f()
		took = min(took, time.Since(start))
		runtime.ReadMemStats(&after)
		allocated = min(allocated, after.TotalAlloc-before.TotalAlloc)
	}
	return allocated, took
}

// The limits are inclusive, so that what is documented to pass does.
func TestLongestCredentials(t *testing.T) {
	c := new(calls)
	bearer := c.bearer()
	h := newAPI(t, bearer, bearer.Cookie("token"), bearer.InsecureQuery(), bearer.Subprotocol("test"))
	longest := strings.Repeat("t", 16<<10)
	for _, token := range []string{longest, longest + "t"} {
		for name, r := range map[string]*http.Request{
			"header":      request("GET", "/me", "Authorization: Bearer "+token),
			"cookie":      request("GET", "/me", "Cookie: token="+token),
			"query":       request("GET", "/me?access_token="+token),
			"subprotocol": request("GET", "/me", append([]string{"Sec-WebSocket-Protocol: chat, " + subprotocol("test", token)}, handshake...)...),
		} {
			want := row{status: 401, answer: "invalid_token"}
			if token == longest {
				want.calls = []string{"bearer " + longest}
			}
			t.Run("D01 "+name, func(t *testing.T) { want.check(t, serve(h, r), c) })
		}
	}
}

// D01 on the wire: net/http lets 900 KB of header through by default.
func TestLongHeaderOnTheWire(t *testing.T) {
	c := new(calls)
	addr := newServer(t, newAPI(t, c.bearer(), c.basic(), c.apiKey(), c.session()))
	for _, test := range []row{
		{"D01 900 KB of bearer token", []string{"Authorization: Bearer " + strings.Repeat("A", 900_000)}, 401, "invalid_token", nil, false},
		{"D01 a token", []string{"Authorization: Bearer " + aliceToken}, 200, "alice", []string{"bearer " + aliceToken}, false},
	} {
		t.Run(test.name, func(t *testing.T) { test.check(t, test.overSocket(t, addr), c) })
	}
}
