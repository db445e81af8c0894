package security_test

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/authstar/authstar/security"
)

// W09: the writer that a guarded handler gets is the server's own.
func TestResponseWriterIsNotWrapped(t *testing.T) {
	w := httptest.NewRecorder()
	newChain(t).Handler(security.Optional().Handler(security.Authenticated().HandlerFunc(func(got http.ResponseWriter, _ *http.Request) {
		if got != http.ResponseWriter(w) {
			t.Errorf("the handler got a %T", got)
		}
	}))).ServeHTTP(w, request("GET", "/", "Authorization", "Bearer reader"))
	if w.Code != 200 {
		t.Errorf("status %d", w.Code)
	}
}

func streamServer(t *testing.T, h http.HandlerFunc) *httptest.Server {
	srv := httptest.NewServer(newChain(t).Handler(teller("outer").Optional().Handler(security.Scopes("read").HandlerFunc(h))))
	t.Cleanup(srv.Close)
	return srv
}

// W09
func TestFlush(t *testing.T) {
	received := make(chan struct{})
	srv := streamServer(t, func(w http.ResponseWriter, _ *http.Request) {
		rc := http.NewResponseController(w)
		if err := rc.SetWriteDeadline(time.Now().Add(time.Minute)); err != nil {
			t.Errorf("SetWriteDeadline: %v", err)
		}
		w.Header().Set("Content-Type", "text/event-stream")
		_, _ = io.WriteString(w, "data: one\n")
		w.(http.Flusher).Flush()
		<-received // an event that is not flushed never comes
		_, _ = io.WriteString(w, "data: two\n")
		if err := rc.Flush(); err != nil {
			t.Errorf("Flush: %v", err)
		}
	})
	r, _ := http.NewRequest("GET", srv.URL, nil)
	r.Header.Set("Authorization", "Bearer reader")
	res, err := srv.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	lines := bufio.NewScanner(res.Body)
	if !lines.Scan() || lines.Text() != "data: one" {
		t.Errorf("first event %q", lines.Text())
	}
	close(received)
	if !lines.Scan() || lines.Text() != "data: two" {
		t.Errorf("second event %q", lines.Text())
	}
}

// W09, W01, RS-22
func TestHijack(t *testing.T) {
	srv := streamServer(t, func(w http.ResponseWriter, r *http.Request) {
		conn, rw, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Errorf("Hijack: %v", err)
			return
		}
		defer conn.Close()
		_, _ = rw.WriteString("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n")
		_ = rw.Flush()
		line, _ := rw.ReadString('\n')
		_, _ = conn.Write([]byte("echo " + line))
	})
	for _, row := range []struct {
		name, token string
		status      int
	}{
		{"W01 a bad token is refused before the upgrade", "bad", 401},
		{"W01 a client without the scope is refused before the upgrade", "nothing", 403},
		{"W09 a client's connection is upgraded", "reader", 101},
	} {
		t.Run(row.name, func(t *testing.T) {
			conn, err := net.Dial("tcp", srv.Listener.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
			_, _ = io.WriteString(conn, "GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nAuthorization: Bearer "+row.token+"\r\n\r\n")
			br := bufio.NewReader(conn)
			res, err := http.ReadResponse(br, nil)
			if err != nil {
				t.Fatal(err)
			}
			if res.StatusCode != row.status {
				t.Fatalf("status %d, want %d", res.StatusCode, row.status)
			}
			if row.status != 101 {
				return
			}
			_, _ = io.WriteString(conn, "hello\n")
			if line, _ := br.ReadString('\n'); line != "echo hello\n" {
				t.Errorf("the connection answers %q", line)
			}
		})
	}
}
