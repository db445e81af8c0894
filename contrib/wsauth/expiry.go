package wsauth

import (
	"context"
	"time"

	"github.com/coder/websocket"

	"github.com/authstar/authstar"
)

// CloseOnExpiry closes the connection with 1008 and the reason "invalid_token"
// when ctx, which is that of a request inside security.UntilExpiry, ends because
// the credential expired. It returns the context for reading and writing:
// the library closes a connection without a close frame when the context of a
// Read or Write ends, so these must not be given ctx itself.
//
//	conn, err := websocket.Accept(w, r, options)
//	...
//	open := wsauth.CloseOnExpiry(r.Context(), conn)
//	for {
//		kind, message, err := conn.Read(open)
//		if err != nil || r.Context().Err() != nil {
//			return
//		}
//		...
//	}
//
// The returned context has the values of ctx, and ends when the connection was
// closed, two seconds after the credential expired at the latest, and when ctx
// ends for another reason, as it does when the handler returns. A client may
// still send messages in these two seconds: a handler asks ctx before it acts on
// one, as above. Whoever only writes passes the returned context to CloseRead.
func CloseOnExpiry(ctx context.Context, conn *websocket.Conn) context.Context {
	open, cancel := context.WithCancel(context.WithoutCancel(ctx))
	context.AfterFunc(ctx, func() {
		defer cancel()
		if context.Cause(ctx) == authstar.InvalidToken {
			defer time.AfterFunc(closeTimeout, cancel).Stop()
			_ = conn.Close(websocket.StatusPolicyViolation, string(authstar.InvalidToken))
		}
	})
	return open
}
