package wsauth_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/coder/websocket"

	"github.com/authstar/authstar"
	"github.com/authstar/authstar/authenticators"
	"github.com/authstar/authstar/contrib/wsauth"
	"github.com/authstar/authstar/security"
)

// echo sends back what it gets until the client's credential expires.
func echo(w http.ResponseWriter, r *http.Request) {
	conn, err := websocket.Accept(w, r, &websocket.AcceptOptions{Subprotocols: []string{"echo"}})
	if err != nil {
		return
	}
	defer conn.CloseNow()
	open := wsauth.CloseOnExpiry(r.Context(), conn)
	for {
		kind, message, err := conn.Read(open)
		if err != nil || r.Context().Err() != nil {
			return
		}
		if err := conn.Write(open, kind, message); err != nil {
			return
		}
	}
}

func Example() {
	findToken := func(_ context.Context, token string) (authstar.Client, error) {
		if token != "YWxpY2U" {
			return nil, nil
		}
		return &authstar.Identity{ID: "alice", Expires: time.Now().Add(200 * time.Millisecond)}, nil
	}
	bearer := authenticators.NewBearer(authenticators.TokenVerifierFunc(findToken))
	chain, err := authstar.New(bearer, bearer.Subprotocol("example.com"))
	if err != nil {
		panic(err)
	}
	rules := security.Rules{WebSocketRefuse: wsauth.Refuse}
	guarded := rules.Authenticated().Handler(security.UntilExpiry(http.HandlerFunc(echo)))
	server := httptest.NewServer(chain.Handler(guarded))
	defer server.Close()

	// In a browser: new WebSocket(url, ["echo", "base64url.bearer.example.com." + base64url(token)])
	for _, token := range []string{"WVd4cFkyVQ", "b29wcw"} {
		ctx := context.Background()
		conn, _, err := websocket.Dial(ctx, server.URL, &websocket.DialOptions{
			Subprotocols: []string{"echo", "base64url.bearer.example.com." + token},
		})
		if err != nil {
			panic(err)
		}
		_ = conn.Write(ctx, websocket.MessageText, []byte("hello"))
		for {
			_, message, err := conn.Read(ctx)
			if err != nil {
				fmt.Println(err)
				break
			}
			fmt.Printf("%s, by %s\n", message, conn.Subprotocol())
		}
	}
	// Output:
	// hello, by echo
	// failed to get reader: received close frame: status = StatusPolicyViolation and reason = "invalid_token"
	// failed to get reader: received close frame: status = StatusPolicyViolation and reason = "invalid_token"
}
