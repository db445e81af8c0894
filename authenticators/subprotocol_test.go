package authenticators_test

import (
	"encoding/base64"
	"net/http"
	"slices"
	"testing"

	"github.com/authstar/authstar/authenticators"
)

// handshake has the lines of RFC 6455 section 4.1.
var handshake = []string{
	"Connection: keep-alive, Upgrade", "Upgrade: websocket",
	"Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
}

func subprotocol(name, token string) string {
	return "base64url.bearer." + name + "." + base64.RawURLEncoding.EncodeToString([]byte(token))
}

func TestSubprotocol(t *testing.T) {
	alice := subprotocol("authstar", aliceToken)
	offer := func(list ...string) (lines []string) {
		lines = slices.Clone(handshake)
		for _, p := range list {
			lines = append(lines, "Sec-WebSocket-Protocol: "+p)
		}
		return lines
	}
	aliceCalled := []string{"bearer " + aliceToken}
	rows := []row{
		{"W04 the token first", offer(alice + ", chat"), 200, "alice", aliceCalled, false},
		{"W04 the token last and no space", offer("chat," + alice), 200, "alice", aliceCalled, false},
		{"W04 the token on a line of its own", offer("chat", alice), 200, "alice", aliceCalled, false},
		{"W04 empty elements of the list", offer(", chat,, " + alice + ","), 200, "alice", aliceCalled, false},
		{"W04 a token for somebody else as well", offer(subprotocol("other", "x") + ", " + alice + ", chat"), 200, "alice", aliceCalled, false},
		{"W04 a bad token", offer(subprotocol("authstar", strangerToken) + ", chat"), 401, "invalid_token", []string{"bearer " + strangerToken}, false},
		{"W04 no token", offer("chat"), 401, "unauthorized", nil, false},
		{"W04 a token for somebody else", offer(subprotocol("other", aliceToken) + ", chat"), 401, "unauthorized", nil, false},
		{"W04 another case of the name", offer(subprotocol("Authstar", aliceToken) + ", chat"), 401, "unauthorized", nil, false},
		{"W04 two tokens", offer(alice + ", " + subprotocol("authstar", strangerToken) + ", chat"), 401, "invalid_token", nil, false},
		{"W04 one token twice", offer(alice + ", chat, " + alice), 401, "invalid_token", nil, false},
		{"W04 no other subprotocol", offer(alice), 401, "invalid_token", nil, false},
		{"W04 no other subprotocol but a token for somebody else", offer(alice + ", " + subprotocol("other", "x")), 401, "invalid_token", nil, false},
		{"W04 bad base64", offer("base64url.bearer.authstar.a!, chat"), 401, "invalid_token", nil, false},
		{"W04 base64 with padding", offer("base64url.bearer.authstar.YQ==, chat"), 401, "invalid_token", nil, false},
		{"W04 base64 without padding", offer("base64url.bearer.authstar.YQ, chat"), 401, "invalid_token", []string{"bearer a"}, false},
		{"W04 base64 with unused bits", offer("base64url.bearer.authstar.YR, chat"), 401, "invalid_token", nil, false},
		{"W04 a line break in the base64", offer("base64url.bearer.authstar.Y\r\nQ, chat"), 401, "invalid_token", nil, false},
		{"W04 an empty token", offer("base64url.bearer.authstar., chat"), 401, "invalid_token", nil, false},
		{"W04 a token that is not UTF-8", offer(subprotocol("authstar", "\xff\xfe") + ", chat"), 401, "invalid_token", nil, false},
		{"W04 a token that is no b64token", offer(subprotocol("authstar", "a b") + ", chat"), 401, "invalid_token", nil, false},
		{"W05 no handshake", []string{"Sec-WebSocket-Protocol: " + alice + ", chat"}, 401, "unauthorized", nil, false},
		{"W05 no handshake and a bad token", []string{"Sec-WebSocket-Protocol: " + alice}, 401, "unauthorized", nil, false},
		{"W07 the spelling of the headers", []string{"connection: upgrade", "UPGRADE: WebSocket", "sec-websocket-protocol: chat, " + alice}, 200, "alice", aliceCalled, false},
		{"W07 no Upgrade", []string{"Connection: Upgrade", "Sec-WebSocket-Protocol: chat, " + alice}, 401, "unauthorized", nil, false},
		{"W07 no Connection", []string{"Upgrade: websocket", "Sec-WebSocket-Protocol: chat, " + alice}, 401, "unauthorized", nil, false},
	}
	c := new(calls)
	h := newAPI(t, c.bearer().Subprotocol("authstar"))
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) { row.check(t, serve(h, request("GET", "/me", row.lines...)), c) })
	}
	t.Run("W05 a POST is no handshake", func(t *testing.T) {
		row{status: 401, answer: "unauthorized"}.check(t, serve(h, request("POST", "/me", offer(alice+", chat")...)), c)
	})
}

// W07: HTTP/2 has no Connection and no Upgrade (RFC 8441).
func TestSubprotocolInExtendedConnect(t *testing.T) {
	c := new(calls)
	a := c.bearer().Subprotocol("authstar")
	for _, test := range []struct {
		name, protocol string
		known          bool
	}{
		{"W07 extended CONNECT for a WebSocket", "websocket", true},
		{"W07 extended CONNECT for something else", "connect-udp", false},
		{"W07 CONNECT", "", false},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := request("GET", "/me", "Sec-WebSocket-Protocol: chat, "+subprotocol("authstar", aliceToken))
			r.Method, r.Proto, r.ProtoMajor, r.ProtoMinor = http.MethodConnect, "HTTP/2.0", 2, 0
			if test.protocol != "" {
				r.Header[":protocol"] = []string{test.protocol}
			}
			if res := newChain(t, a).Authenticate(r); (res.Client != nil) != test.known || res.Err != nil {
				t.Errorf("%v", res)
			}
		})
	}
}

// W04: the handler chooses from a list without tokens.
func TestSubprotocols(t *testing.T) {
	for _, test := range []struct {
		name  string
		lines []string
		want  []string
	}{
		{"W04 tokens are left out", []string{"Sec-WebSocket-Protocol: chat, " + subprotocol("authstar", aliceToken) + ",v2", "Sec-WebSocket-Protocol: " + subprotocol("other", "x") + ", v3"}, []string{"chat", "v2", "v3"}},
		{"W04 the order stays", []string{"Sec-WebSocket-Protocol: b, a"}, []string{"b", "a"}},
		{"W04 a token with a misspelled prefix is left out", []string{"Sec-WebSocket-Protocol: Base64URL.Bearer.authstar.YQ, chat"}, []string{"chat"}},
		{"W04 nothing is offered", nil, nil},
		{"W04 nothing but a token is offered", []string{"Sec-WebSocket-Protocol: " + subprotocol("authstar", aliceToken)}, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := authenticators.Subprotocols(request("GET", "/", test.lines...)); !slices.Equal(got, test.want) {
				t.Errorf("%q, want %q", got, test.want)
			}
		})
	}
}
