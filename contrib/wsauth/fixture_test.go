package wsauth_test

import (
	"context"
	"encoding/base64"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	coder "github.com/coder/websocket"
	gorilla "github.com/gorilla/websocket"

	"github.com/authstar/authstar"
	"github.com/authstar/authstar/authenticators"
	"github.com/authstar/authstar/contrib/wsauth"
	"github.com/authstar/authstar/security"
)

// rules are those that the package is for.
var rules = security.Rules{WebSocketRefuse: wsauth.Refuse}

// newChain has bearer tokens in the header, among the subprotocols and in the
// cookie "token". Tokens are alice, who may write; bob, who may not; brief, whose
// credential ends after lifetime; down, which cannot be checked; and broken,
// which is a fault.
func newChain(t testing.TB, lifetime time.Duration) *authstar.Chain {
	t.Helper()
	bearer := authenticators.NewBearer(authenticators.TokenVerifierFunc(func(_ context.Context, token string) (authstar.Client, error) {
		switch token {
		case "alice":
			return &authstar.Identity{ID: "alice", Scope: []string{"write"}}, nil
		case "bob":
			return &authstar.Identity{ID: "bob"}, nil
		case "brief":
			return &authstar.Identity{ID: "brief", Scope: []string{"write"}, Expires: time.Now().Add(lifetime)}, nil
		case "down":
			return nil, errors.New("dial tcp: connection refused")
		case "broken":
			panic("broken")
		}
		return nil, nil
	}))
	chain, err := authstar.New(bearer, bearer.Subprotocol("authstar"), bearer.Cookie("token"))
	if err != nil {
		t.Fatal(err)
	}
	return chain
}

// upgraders greet the client of the request with its id, and then read until the
// connection ends. They leave the check of Origin to the chain.
var upgraders = map[string]http.HandlerFunc{
	"coder": func(w http.ResponseWriter, r *http.Request) {
		conn, err := coder.Accept(w, r, &coder.AcceptOptions{InsecureSkipVerify: true, Subprotocols: authenticators.Subprotocols(r)})
		if err != nil {
			return
		}
		defer conn.CloseNow()
		open := wsauth.CloseOnExpiry(r.Context(), conn)
		client, _ := authstar.ClientFrom(open)
		_ = conn.Write(open, coder.MessageText, []byte(client.ClientID()))
		for err == nil {
			_, _, err = conn.Read(open)
		}
	},
	"gorilla": func(w http.ResponseWriter, r *http.Request) {
		up := gorilla.Upgrader{CheckOrigin: func(*http.Request) bool { return true }, Subprotocols: authenticators.Subprotocols(r)}
		conn, err := up.Upgrade(w, r, nil)
		if err != nil {
			return
		}
		defer conn.Close()
		defer context.AfterFunc(r.Context(), func() {
			if context.Cause(r.Context()) == authstar.InvalidToken {
				_ = conn.WriteControl(gorilla.CloseMessage, gorilla.FormatCloseMessage(gorilla.ClosePolicyViolation, string(authstar.InvalidToken)), time.Now().Add(time.Second))
			}
		})()
		client, _ := authstar.ClientFrom(r.Context())
		_ = conn.WriteMessage(gorilla.TextMessage, []byte(client.ClientID()))
		for err == nil {
			_, _, err = conn.ReadMessage()
		}
	},
}

// outcome is how a WebSocket began and, when all was read, how it ended.
type outcome struct {
	response    *http.Response
	subprotocol string
	message     string // the first
	code        int    // 0 while it is open
	reason      string
}

// dialers open a WebSocket and read until the first message, or with toEnd until
// the close frame.
var dialers = map[string]func(ctx context.Context, client *http.Client, url string, header http.Header, subprotocols []string, toEnd bool) (outcome, error){
	"coder": func(ctx context.Context, client *http.Client, url string, header http.Header, subprotocols []string, toEnd bool) (o outcome, err error) {
		conn, res, err := coder.Dial(ctx, url, &coder.DialOptions{HTTPClient: client, HTTPHeader: header, Subprotocols: subprotocols})
		o.response = res
		if err != nil {
			return o, err
		}
		defer conn.CloseNow()
		o.subprotocol = conn.Subprotocol()
		for {
			_, message, err := conn.Read(ctx)
			var closed coder.CloseError
			if errors.As(err, &closed) {
				o.code, o.reason = int(closed.Code), closed.Reason
				return o, nil
			}
			if o.message = string(message); err != nil || !toEnd {
				return o, err
			}
		}
	},
	"gorilla": func(ctx context.Context, client *http.Client, url string, header http.Header, subprotocols []string, toEnd bool) (o outcome, err error) {
		dialer := &gorilla.Dialer{Subprotocols: subprotocols, TLSClientConfig: client.Transport.(*http.Transport).TLSClientConfig.Clone()}
		dialer.TLSClientConfig.NextProtos = []string{"http/1.1"}
		conn, res, err := dialer.DialContext(ctx, "ws"+strings.TrimPrefix(url, "http"), header)
		o.response = res
		if err != nil {
			return o, err
		}
		defer conn.Close()
		o.subprotocol = conn.Subprotocol()
		for {
			_, message, err := conn.ReadMessage()
			var closed *gorilla.CloseError
			if errors.As(err, &closed) {
				o.code, o.reason = closed.Code, closed.Text
				return o, nil
			}
			if o.message = string(message); err != nil || !toEnd {
				return o, err
			}
		}
	},
}

type dialFunc func(header http.Header, subprotocols ...string) (outcome, error)

// each runs the test with every dialer against every upgrader inside wrap. The URL
// has a token in its query, which no chain here takes for one (W06).
func each(t *testing.T, wrap func(http.Handler) http.Handler, toEnd bool, test func(t *testing.T, origin string, dial dialFunc)) {
	for served, upgrade := range upgraders {
		for dialed, dial := range dialers {
			t.Run(served+" serves "+dialed, func(t *testing.T) {
				t.Parallel()
				server := httptest.NewTLSServer(wrap(upgrade))
				t.Cleanup(server.Close)
				test(t, server.URL, func(header http.Header, subprotocols ...string) (outcome, error) {
					ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
					defer cancel()
					return dial(ctx, server.Client(), server.URL+"/?access_token=alice", header, subprotocols, toEnd)
				})
			})
		}
	}
}

func inSubprotocol(token string) string {
	return "base64url.bearer.authstar." + base64.RawURLEncoding.EncodeToString([]byte(token))
}
