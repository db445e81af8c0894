package wsauth_test

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coder/websocket"

	"github.com/authstar/authstar/contrib/wsauth"
	"github.com/authstar/authstar/security"
)

// W08: the connection of a credential that expires is closed, and others stay.
func TestCloseOnExpiry(t *testing.T) {
	const lifetime = 300 * time.Millisecond
	each(t, func(h http.Handler) http.Handler {
		return newChain(t, lifetime).Handler(rules.Authenticated().Handler(security.UntilExpiry(h)))
	}, true, func(t *testing.T, _ string, dial dialFunc) {
		start := time.Now()
		o, err := dial(http.Header{"Authorization": {"Bearer brief"}})
		if err != nil || o.message != "brief" || o.code != 1008 || o.reason != "invalid_token" {
			t.Errorf("greeting %q, closed with %d %q (%v)", o.message, o.code, o.reason, err)
		}
		if took := time.Since(start); took < lifetime {
			t.Errorf("closed after %v", took)
		}
	})
}

// serveBrief serves one connection whose credential expires after five seconds.
func serveBrief(t *testing.T, server net.Conn, handle func(r *http.Request, conn *websocket.Conn, open context.Context)) {
	w := &pipe{ResponseRecorder: httptest.NewRecorder(), conn: server}
	h := newChain(t, 5*time.Second).Handler(security.Authenticated().Handler(security.UntilExpiry(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		conn, err := websocket.Accept(w, r, nil)
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.CloseNow()
		handle(r, conn, wsauth.CloseOnExpiry(r.Context(), conn))
	}))))
	r := handshake("Authorization", "Bearer brief")
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel() // as net/http does when a handler returns
	h.ServeHTTP(w, r.WithContext(ctx))
}

var (
	expired = "\x88\x0f\x03\xf0invalid_token"
	text    = []byte{0x81, 0x82, 0, 0, 0, 0, 'h', 'i'}
)

func TestExpiryOfAConnection(t *testing.T) {
	t.Run("W08 a client that does not close is cut off two seconds later", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			server, client := net.Pipe()
			start, ended := time.Now(), make(chan time.Duration, 1)
			go serveBrief(t, server, func(_ *http.Request, conn *websocket.Conn, open context.Context) {
				_, _, _ = conn.Read(open)
				ended <- time.Since(start)
			})
			frame := make([]byte, 256)
			n, err := client.Read(frame)
			if at := time.Since(start); err != nil || string(frame[:n]) != expired || at != 5*time.Second {
				t.Errorf("%q %v after %v", frame[:n], err, at)
			}
			if at := <-ended; at != 7*time.Second {
				t.Errorf("the handler reads for %v", at)
			}
			client.Close()
		})
	})
	t.Run("W08 a message after the expiry is not taken for one before", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			server, client := net.Pipe()
			before := 0
			done := make(chan struct{})
			go serveBrief(t, server, func(r *http.Request, conn *websocket.Conn, open context.Context) {
				defer close(done)
				for {
					if _, _, err := conn.Read(open); err != nil {
						return
					}
					if r.Context().Err() == nil {
						before++
					}
				}
			})
			_, _ = client.Write(text)
			_, _ = client.Read(make([]byte, 256))
			_, _ = client.Write(text)
			<-done
			if before != 1 {
				t.Errorf("%d messages", before)
			}
			client.Close()
		})
	})
	t.Run("W08 a handler that only writes", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			server, client := net.Pipe()
			start, ended := time.Now(), make(chan time.Duration, 1)
			go serveBrief(t, server, func(_ *http.Request, conn *websocket.Conn, open context.Context) {
				<-conn.CloseRead(open).Done()
				ended <- time.Since(start)
			})
			frame := make([]byte, 256)
			n, _ := client.Read(frame)
			_, _ = client.Write([]byte{0x88, 0x80, 0, 0, 0, 0})
			if at := <-ended; string(frame[:n]) != expired || at != 5*time.Second {
				t.Errorf("%q, the handler ends after %v", frame[:n], at)
			}
			client.Close()
		})
	})
	t.Run("W08 a handler that returns leaves nothing behind", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) { // which fails when a goroutine stays
			server, client := net.Pipe()
			defer client.Close()
			var kept context.Context
			serveBrief(t, server, func(_ *http.Request, _ *websocket.Conn, open context.Context) { kept = open })
			synctest.Wait()
			if kept.Err() == nil {
				t.Error("the context is still open")
			}
		})
	})
}
