package e2e

import (
	"bufio"
	"context"
	"encoding/base64"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/authstar/authstar"
	"github.com/authstar/authstar/authenticators"
	"github.com/authstar/authstar/security"
	coder "github.com/coder/websocket"
	gorilla "github.com/gorilla/websocket"
)

// upgraders are handlers that greet the client of the request with its id. They
// leave the check of Origin to the chain, so that nobody else refuses, and speak
// whatever subprotocol is offered.
var upgraders = map[string]http.HandlerFunc{
	"coder": func(w http.ResponseWriter, r *http.Request) {
		conn, err := coder.Accept(w, r, &coder.AcceptOptions{InsecureSkipVerify: true, Subprotocols: authenticators.Subprotocols(r)})
		if err != nil {
			return
		}
		client, _ := authstar.ClientFrom(r.Context())
		_ = conn.Write(r.Context(), coder.MessageText, []byte(client.ClientID()))
		_ = conn.Close(coder.StatusNormalClosure, "")
	},
	"gorilla": func(w http.ResponseWriter, r *http.Request) {
		up := gorilla.Upgrader{CheckOrigin: func(*http.Request) bool { return true }, Subprotocols: authenticators.Subprotocols(r)}
		conn, err := up.Upgrade(w, r, nil)
		if err != nil {
			return
		}
		defer conn.Close()
		client, _ := authstar.ClientFrom(r.Context())
		_ = conn.WriteMessage(gorilla.TextMessage, []byte(client.ClientID()))
	},
}

// greeting is how a WebSocket began: the answer to the handshake and, after a
// 101, the chosen subprotocol, the first message or the code it was closed with.
type greeting struct {
	response    *http.Response
	subprotocol string
	message     string
	closed      int
}

// dialers open a WebSocket with these headers and subprotocols and read once.
var dialers = map[string]func(ctx context.Context, url string, header http.Header, subprotocols []string) (greeting, error){
	"coder": func(ctx context.Context, url string, header http.Header, subprotocols []string) (g greeting, err error) {
		conn, res, err := coder.Dial(ctx, url, &coder.DialOptions{HTTPHeader: header, Subprotocols: subprotocols})
		g.response = res
		if err != nil {
			return g, err
		}
		defer conn.CloseNow()
		_, message, err := conn.Read(ctx)
		g.subprotocol, g.message = conn.Subprotocol(), string(message)
		if code := coder.CloseStatus(err); code != -1 {
			g.closed, err = int(code), nil
		}
		return g, err
	},
	"gorilla": func(ctx context.Context, url string, header http.Header, subprotocols []string) (g greeting, err error) {
		conn, res, err := (&gorilla.Dialer{Subprotocols: subprotocols}).DialContext(ctx, url, header)
		g.response = res
		if err != nil {
			return g, err
		}
		defer conn.Close()
		_, message, err := conn.ReadMessage()
		g.subprotocol, g.message = conn.Subprotocol(), string(message)
		var closed *gorilla.CloseError
		if errors.As(err, &closed) {
			g.closed, err = closed.Code, nil
		}
		return g, err
	},
}

// each runs the test with every dialer against every upgrader behind the guard;
// dial gives up after a while.
func each(t *testing.T, guard security.Guard, test func(t *testing.T, dial func(header http.Header, subprotocols ...string) (greeting, error), url string, upgraded *calls)) {
	for served, upgrade := range upgraders {
		for dialed, dial := range dialers {
			t.Run(served+" serves "+dialed, func(t *testing.T) {
				upgraded := new(calls)
				server := serve(t, newChain(t).Handler(guard.Handler(upgraded.handler(upgrade))))
				test(t, func(header http.Header, subprotocols ...string) (greeting, error) {
					ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
					defer cancel()
					return dial(ctx, "ws"+strings.TrimPrefix(server.URL, "http"), header, subprotocols)
				}, server.URL, upgraded)
			})
		}
	}
}

func inSubprotocol(token string) string {
	return "base64url.bearer." + subprotocol + "." + base64.RawURLEncoding.EncodeToString([]byte(token))
}

func TestWebSocket(t *testing.T) {
	carol := "sid=" + carolsID
	const (
		badToken  = `Bearer realm="orders", error="invalid_token", error_description="the token is not valid"`
		malformed = `Bearer realm="orders", error="invalid_token", error_description="the token in Sec-WebSocket-Protocol is malformed"`
	)
	tests := []struct {
		name         string
		header       http.Header // "own" as its Origin stands for the server's
		subprotocols []string
		status       int
		client       string // of a 101
		challenge    string // the first
	}{
		{"W09 a bearer token in the header", http.Header{"Authorization": {"Bearer " + alicesToken}}, nil, 101, "alice", ""},
		{"W09 an API key", http.Header{"X-Api-Key": {robotsKey}}, nil, 101, "robot", ""},
		{"W01 no credential", nil, nil, 401, "", challenges[0]},
		{"W01 a bad token", http.Header{"Authorization": {"Bearer " + stranger}}, nil, 401, "", badToken},
		{"W01 a bad token beside a good session", http.Header{"Authorization": {"Bearer " + stranger}, "Cookie": {carol}, "Origin": {"own"}}, nil, 401, "", badToken},
		{"W04 a token among the subprotocols", nil, []string{inSubprotocol(alicesToken), "chat"}, 101, "alice", ""},
		{"W04 a token after the other subprotocol", nil, []string{"chat", inSubprotocol(alicesToken)}, 101, "alice", ""},
		{"W04 a bad token among the subprotocols", nil, []string{inSubprotocol(stranger), "chat"}, 401, "", badToken},
		{"W04 a token without another subprotocol", nil, []string{inSubprotocol(alicesToken)}, 401, "", malformed},
		{"W04 two tokens", nil, []string{inSubprotocol(alicesToken), inSubprotocol(alicesToken) + "A", "chat"}, 401, "", malformed},
		{"W02 a session with the same origin", http.Header{"Cookie": {carol}, "Origin": {"own"}}, nil, 101, "carol", ""},
		{"W02 a session without a browser", http.Header{"Cookie": {carol}}, nil, 101, "carol", ""},
		{"W02 a session with another origin", http.Header{"Cookie": {carol}, "Origin": {"https://evil.test"}}, nil, 403, "", `Cookie error="access_denied", error_description="the request comes from another origin"`},
		{"W02 a session with an opaque origin", http.Header{"Cookie": {carol}, "Origin": {"null"}}, nil, 403, "", `Cookie error="access_denied", error_description="the request comes from another origin"`},
		{"W02 another origin with a token of its own", http.Header{"Authorization": {"Bearer " + alicesToken}, "Origin": {"https://other.test"}}, nil, 101, "alice", ""},
	}
	each(t, security.Authenticated(), func(t *testing.T, dial func(http.Header, ...string) (greeting, error), url string, upgraded *calls) {
		for _, test := range tests {
			t.Run(test.name, func(t *testing.T) {
				header := test.header.Clone()
				if header.Get("Origin") == "own" {
					header.Set("Origin", url)
				}
				before := upgraded.Load()
				g, err := dial(header, test.subprotocols...)
				if g.response == nil {
					t.Fatal(err)
				}
				if g.response.StatusCode != test.status {
					t.Fatalf("status is %d, want %d", g.response.StatusCode, test.status)
				}
				if test.status != 101 {
					if n := upgraded.Load() - before; n != 0 {
						t.Errorf("the handler ran %d times", n)
					}
					if got := g.response.Header.Get("WWW-Authenticate"); got != test.challenge {
						t.Errorf("the first challenge is %q, want %q", got, test.challenge)
					}
					return
				}
				if err != nil {
					t.Fatal(err)
				}
				if g.message != test.client {
					t.Errorf("client is %q, want %q", g.message, test.client)
				}
				want := ""
				if slices.Contains(test.subprotocols, "chat") {
					want = "chat"
				}
				if g.subprotocol != want {
					t.Errorf("subprotocol is %q, want %q", g.subprotocol, want)
				}
			})
		}
	})
}

// W01, after the upgrade: Rules.WebSocketRefuse may accept and close with 1008,
// which is all that scripts of a browser get to see.
func TestWebSocketRefuse(t *testing.T) {
	rules := security.Rules{WebSocketRefuse: func(w http.ResponseWriter, r *http.Request, err *authstar.Error) {
		if conn, e := coder.Accept(w, r, nil); e == nil {
			_ = conn.Close(coder.StatusPolicyViolation, string(err.Code))
		}
	}}
	each(t, rules.Authenticated(), func(t *testing.T, dial func(http.Header, ...string) (greeting, error), _ string, upgraded *calls) {
		g, err := dial(http.Header{"Authorization": {"Bearer " + stranger}})
		if err != nil || g.closed != int(coder.StatusPolicyViolation) || upgraded.Load() != 0 {
			t.Errorf("a bad token: closed with %d (%v), want 1008; the handler ran %d times", g.closed, err, upgraded.Load())
		}
		if g, err := dial(http.Header{"Authorization": {"Bearer " + alicesToken}}); err != nil || g.message != "alice" {
			t.Errorf("a good token: message is %q (%v), want alice", g.message, err)
		}
	})
}

// W09: the handler gets the server's own response writer, so an event reaches
// the client while the handler is still running.
func TestServerSentEvents(t *testing.T) {
	read := make(chan struct{})
	events := func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		_, _ = io.WriteString(w, "data: first\n\n")
		if err := http.NewResponseController(w).Flush(); err != nil {
			t.Error(err)
		}
		select {
		case <-read:
		case <-r.Context().Done():
			t.Error("the client went before it had read the first event")
		}
		_, _ = io.WriteString(w, "data: last\n\n")
	}
	server := serve(t, newChain(t).Handler(security.Scopes("read").HandlerFunc(events)))
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, "GET", server.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("X-API-Key", robotsKey)
	res, err := server.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body := bufio.NewReader(res.Body)
	if line, err := body.ReadString('\n'); err != nil || line != "data: first\n" {
		t.Fatalf("first line is %q (%v)", line, err)
	}
	close(read)
	if rest, err := io.ReadAll(body); err != nil || !strings.HasSuffix(string(rest), "data: last\n\n") {
		t.Errorf("the rest is %q (%v)", rest, err)
	}
}
