package wsauth_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/authstar/authstar/security"
)

// Each row is a handshake that opens with a greeting, or one that is accepted and
// closed.
func TestRefuse(t *testing.T) {
	bearer := func(token string) http.Header { return http.Header{"Authorization": {"Bearer " + token}} }
	cookie := func(origin ...string) http.Header {
		return http.Header{"Cookie": {"token=alice"}, "Origin": origin}
	}
	tests := []struct {
		name         string
		header       http.Header // "own" as its Origin stands for the server's
		subprotocols []string
		greeting     string
		code         int
		reason       string
	}{
		{"W09 a token in the header", bearer("alice"), nil, "alice", 0, ""},
		{"RS-22 no credential", nil, nil, "", 1008, "unauthorized"},
		{"W01 a bad token", bearer("stranger"), nil, "", 1008, "invalid_token"},
		{"W01 a malformed header", bearer("a b"), nil, "", 1008, "invalid_request"},
		{"W01 a client that lacks the scope", bearer("bob"), nil, "", 1008, "insufficient_scope"},
		{"W01 a token that cannot be checked", bearer("down"), nil, "", 1013, "temporarily_unavailable"},
		{"W01 a fault of the program", bearer("broken"), nil, "", 1011, "server_error"},
		{"W02 a cookie with the same origin", cookie("own"), nil, "alice", 0, ""},
		{"W02 a cookie without a browser", cookie(), nil, "alice", 0, ""},
		{"W02 a cookie with another origin", cookie("https://evil.test"), nil, "", 1008, "access_denied"},
		{"W02 a cookie with an opaque origin", cookie("null"), nil, "", 1008, "access_denied"},
		{"W02 a cookie of a browser that sends no origin", http.Header{"Cookie": {"token=alice"}, "Sec-Fetch-Site": {"same-origin"}}, nil, "", 1008, "access_denied"},
		{"W02 another origin with a token of its own", http.Header{"Authorization": {"Bearer alice"}, "Origin": {"https://other.test"}}, nil, "alice", 0, ""},
		{"W04 a token among the subprotocols", nil, []string{inSubprotocol("alice"), "chat"}, "alice", 0, ""},
		{"W04 a bad token among the subprotocols", nil, []string{inSubprotocol("stranger"), "chat"}, "", 1008, "invalid_token"},
		{"W04 a bad token after the other subprotocol", nil, []string{"chat", inSubprotocol("stranger")}, "", 1008, "invalid_token"},
		{"W04 a token without another subprotocol", nil, []string{inSubprotocol("alice")}, "", 1008, "invalid_token"},
		{"W04 two tokens", nil, []string{inSubprotocol("alice"), inSubprotocol("bob"), "chat"}, "", 1008, "invalid_token"},
		{"W04 a token with a misspelled prefix", nil, []string{strings.ToUpper("base64url.bearer.authstar.") + "YWxpY2U", "chat"}, "", 1008, "unauthorized"},
	}
	guard := rules.Scopes("write")
	each(t, func(h http.Handler) http.Handler { return newChain(t, 0).Handler(guard.Handler(h)) }, false,
		func(t *testing.T, origin string, dial dialFunc) {
			for _, test := range tests {
				t.Run(test.name, func(t *testing.T) {
					header := test.header.Clone()
					if header.Get("Origin") == "own" {
						header.Set("Origin", origin)
					}
					o, err := dial(header, test.subprotocols...)
					if err != nil {
						t.Fatal(err)
					}
					if o.message != test.greeting || o.code != test.code || o.reason != test.reason {
						t.Errorf("greeting %q, closed with %d %q; want %q, %d %q", o.message, o.code, o.reason, test.greeting, test.code, test.reason)
					}
					want := ""
					for _, p := range test.subprotocols {
						if p == "chat" {
							want = p
						}
					}
					if o.subprotocol != want {
						t.Errorf("the subprotocol is %q, want %q", o.subprotocol, want)
					}
					if challenge := o.response.Header.Get("WWW-Authenticate"); test.code == 1008 && !strings.HasPrefix(challenge, "Bearer") {
						t.Errorf("the challenge is %q", challenge)
					}
				})
			}
		})
}

// W01, RS-22: without Refuse, a handshake is refused before the 101.
func TestPlainRefusal(t *testing.T) {
	each(t, func(h http.Handler) http.Handler { return newChain(t, 0).Handler(security.Scopes("write").Handler(h)) }, false,
		func(t *testing.T, _ string, dial dialFunc) {
			for name, row := range map[string]struct {
				header http.Header
				status int
			}{
				"RS-22 no credential":               {nil, 401},
				"W01 a bad token":                   {http.Header{"Authorization": {"Bearer stranger"}}, 401},
				"W01 a client that lacks the scope": {http.Header{"Authorization": {"Bearer bob"}}, 403},
				"W02 a cookie with another origin":  {http.Header{"Cookie": {"token=alice"}, "Origin": {"https://evil.test"}}, 403},
				"W03 a suffix of the origin's host": {http.Header{"Cookie": {"token=alice"}, "Origin": {"https://127.0.0.1.evil"}}, 403},
				"W03 another port":                  {http.Header{"Cookie": {"token=alice"}, "Origin": {"https://127.0.0.1:444"}}, 403},
				"W09 the right token":               {http.Header{"Authorization": {"Bearer alice"}}, 101},
			} {
				o, err := dial(row.header)
				if o.response == nil || o.response.StatusCode != row.status {
					t.Errorf("%s: %v %v, want %d", name, o.response, err, row.status)
				}
			}
		})
}

// W02: the http twin of an https host is another origin.
func TestOriginTwin(t *testing.T) {
	each(t, func(h http.Handler) http.Handler {
		return newChain(t, 0).Handler(rules.Authenticated().Handler(h))
	}, false, func(t *testing.T, origin string, dial dialFunc) {
		o, err := dial(http.Header{"Cookie": {"token=alice"}, "Origin": {"http" + strings.TrimPrefix(origin, "https")}})
		if err != nil || o.code != 1008 || o.reason != "access_denied" {
			t.Errorf("closed with %d %q (%v)", o.code, o.reason, err)
		}
	})
}
