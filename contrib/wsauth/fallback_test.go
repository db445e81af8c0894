package wsauth_test

import (
	"bufio"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/net/http2"

	"github.com/authstar/authstar"
	"github.com/authstar/authstar/contrib/wsauth"
	"github.com/authstar/authstar/security"
)

// handshake is that of RFC 6455 section 1.3, with further headers given as name,
// value, name, value; an empty value removes one.
func handshake(headers ...string) *http.Request {
	r := httptest.NewRequest("GET", "/ws", nil)
	for name, value := range map[string]string{
		"Connection": "Upgrade", "Upgrade": "websocket",
		"Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
	} {
		r.Header.Set(name, value)
	}
	for i := 0; i < len(headers); i += 2 {
		if r.Header.Set(headers[i], headers[i+1]); headers[i+1] == "" {
			r.Header.Del(headers[i])
		}
	}
	return r
}

func twoKeys() *http.Request {
	r := handshake()
	r.Header.Add("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")
	return r
}

func refusing(t testing.TB) http.Handler {
	return newChain(t, 0).Handler(rules.Scopes("write").HandlerFunc(func(http.ResponseWriter, *http.Request) {
		t.Error("the guarded handler ran")
	}))
}

// What cannot be upgraded is refused as by a guard without rules.
func TestRefuseFallsBack(t *testing.T) {
	deferred := func(h http.Handler) http.Handler { return http.TimeoutHandler(h, time.Minute, "") }
	same := func(h http.Handler) http.Handler { return h }
	for _, row := range []struct {
		name   string
		wrap   func(http.Handler) http.Handler
		r      *http.Request
		status int
	}{
		{"W01 a writer that cannot be hijacked", same, handshake(), 401},
		{"W01 a bad token", same, handshake("Authorization", "Bearer stranger"), 401},
		{"W01 a client that lacks the scope", same, handshake("Authorization", "Bearer bob"), 403},
		{"W01 an outage", same, handshake("Authorization", "Bearer down"), 503},
		{"W01 a fault", same, handshake("Authorization", "Bearer broken"), 500},
		{"W01 inside http.TimeoutHandler", deferred, handshake(), 401},
		{"W07 no key", same, handshake("Sec-WebSocket-Key", ""), 401},
		{"W07 a short key", same, handshake("Sec-WebSocket-Key", "YQ=="), 401},
		{"W07 two keys", same, twoKeys(), 401},
		{"W07 another version", same, handshake("Sec-WebSocket-Version", "8"), 401},
		{"W07 no upgrade at all", same, handshake("Upgrade", ""), 401},
	} {
		t.Run(row.name, func(t *testing.T) {
			want, got := httptest.NewRecorder(), httptest.NewRecorder()
			row.wrap(newChain(t, 0).Handler(security.Scopes("write").HandlerFunc(nothing))).ServeHTTP(want, row.r)
			row.wrap(refusing(t)).ServeHTTP(got, row.r)
			if got.Code != row.status || got.Body.String() != want.Body.String() || got.Header().Get("Content-Type") != "application/json" ||
				got.Header().Get("X-Content-Type-Options") != "nosniff" || got.Header().Get("WWW-Authenticate") != want.Header().Get("WWW-Authenticate") {
				t.Errorf("%d %s %v\nwant %d %s %v", got.Code, got.Body, got.Header(), want.Code, want.Body, want.Header())
			}
			if !json.Valid(got.Body.Bytes()) {
				t.Error("the body is not JSON")
			}
		})
	}
}

func nothing(http.ResponseWriter, *http.Request) {}

// pipe is a writer whose connection is one end of a pipe, without the 101.
type pipe struct {
	*httptest.ResponseRecorder
	conn net.Conn
	sent int // the status by WriteHeaderNow
}

func (p *pipe) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	return p.conn, bufio.NewReadWriter(bufio.NewReader(p.conn), bufio.NewWriter(p.conn)), nil
}

func (p *pipe) WriteHeaderNow() { p.sent = p.Code }

// wrapped is a writer of a middleware.
type wrapped struct{ http.ResponseWriter }

func (w wrapped) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// A client cannot hold on to what it was refused.
func TestRefuseIsBounded(t *testing.T) {
	for name, peer := range map[string]func(conn net.Conn, frame []byte) int{
		"a client that reads nothing":        func(net.Conn, []byte) int { return 0 },
		"a client that does not close":       func(conn net.Conn, frame []byte) int { n, _ := conn.Read(frame); return n },
		"a client that goes on with sending": talking,
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				server, client := net.Pipe()
				defer client.Close()
				w := &pipe{ResponseRecorder: httptest.NewRecorder(), conn: server}
				start, done := time.Now(), make(chan time.Duration)
				go func() {
					refusing(t).ServeHTTP(wrapped{w}, handshake("Authorization", "Bearer stranger"))
					done <- time.Since(start)
				}()
				frame := make([]byte, 256)
				n := peer(client, frame)
				if took := <-done; took != 2*time.Second {
					t.Errorf("took %v", took)
				}
				if n > 0 && string(frame[:n]) != "\x88\x0f\x03\xf0invalid_token" {
					t.Errorf("the frame is %q", frame[:n])
				}
			})
		})
	}
}

// talking sends a message at every half second until the connection ends.
func talking(conn net.Conn, frame []byte) int {
	n, _ := conn.Read(frame)
	for {
		time.Sleep(500 * time.Millisecond)
		if _, err := conn.Write(text); err != nil {
			return n
		}
	}
}

func TestRefuseFlushesTheStatusOfGin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server, client := net.Pipe()
		client.Close()
		w := &pipe{ResponseRecorder: httptest.NewRecorder(), conn: server}
		refusing(t).ServeHTTP(w, handshake())
		if w.sent != 101 {
			t.Errorf("the status is %d", w.sent)
		}
	})
}

// A close frame has room for 123 bytes.
func TestReasonIsCut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server, client := net.Pipe()
		w := &pipe{ResponseRecorder: httptest.NewRecorder(), conn: server}
		go wsauth.Refuse(w, handshake(), &authstar.Error{Code: authstar.Code(strings.Repeat("é", 80)), StatusCode: 403})
		frame := make([]byte, 256)
		n, err := client.Read(frame)
		if want := "\x88\x7c\x03\xf0" + strings.Repeat("é", 61); err != nil || string(frame[:n]) != want {
			t.Errorf("%q %v", frame[:n], err)
		}
		client.Close()
		synctest.Wait()
	})
}

// W07: a WebSocket over HTTP/2 is an extended CONNECT (RFC 8441), which net/http
// offers only with GODEBUG=http2xconnect=1 in the environment; hence a process
// of its own.
func TestHTTP2(t *testing.T) {
	const setting = "http2xconnect=1"
	if os.Getenv("GODEBUG") != setting {
		cmd := exec.Command(os.Args[0], "-test.run=^TestHTTP2$", "-test.v")
		cmd.Env = append(os.Environ(), "GODEBUG="+setting)
		if out, err := cmd.CombinedOutput(); err != nil || strings.Contains(string(out), "--- SKIP") {
			t.Errorf("%v\n%s", err, out)
		}
		return
	}
	ran := 0
	handler := newChain(t, 0).Handler(rules.Authenticated().HandlerFunc(func(w http.ResponseWriter, r *http.Request) { ran++ }))
	server := httptest.NewUnstartedServer(handler)
	server.EnableHTTP2 = true
	server.StartTLS()
	defer server.Close()
	tls := server.Client().Transport.(*http.Transport).TLSClientConfig
	//lint:ignore SA1019 http.Transport does not send the header :protocol
	client := http.Client{Transport: &http2.Transport{TLSClientConfig: tls}}
	defer client.CloseIdleConnections()
	for _, row := range []struct {
		name, method, protocol, token string
		status, ran                   int
	}{
		{"W07 a client's GET is an ordinary request", "GET", "", "alice", 200, 1},
		{"W07 a GET without credentials", "GET", "", "", 401, 0},
		{"W07 a client's extended CONNECT reaches the handler", "CONNECT", "websocket", "alice", 200, 1},
		{"W07 an extended CONNECT without credentials", "CONNECT", "websocket", "", 401, 0},
		{"W07 an extended CONNECT with a bad token", "CONNECT", "websocket", "stranger", 401, 0},
	} {
		t.Run(row.name, func(t *testing.T) {
			ran = 0
			r, _ := http.NewRequestWithContext(t.Context(), row.method, server.URL+"/ws", nil)
			if row.protocol != "" {
				r.Header[":protocol"] = []string{row.protocol}
				r.Header.Set("Sec-WebSocket-Version", "13")
			}
			if row.token != "" {
				r.Header.Set("Authorization", "Bearer "+row.token)
			}
			res, err := client.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			res.Body.Close()
			if res.ProtoMajor != 2 || res.StatusCode != row.status || ran != row.ran {
				t.Errorf("%s %s, the handler ran %d times; want %d, %d", res.Proto, res.Status, ran, row.status, row.ran)
			}
			if challenge := res.Header.Get("WWW-Authenticate"); (row.status == 401) != strings.HasPrefix(challenge, "Bearer") {
				t.Errorf("the challenge is %q", challenge)
			}
		})
	}
}

// Nor can one that announces a body, which net/http waits for.
func TestRefuseWaitsForNoBody(t *testing.T) {
	srv := httptest.NewServer(refusing(t))
	t.Cleanup(srv.Close)
	for _, line := range []string{"Content-Length: 5", "Transfer-Encoding: chunked", "Content-Length: 0"} {
		t.Run(line, func(t *testing.T) {
			t.Parallel()
			conn, err := net.Dial("tcp", srv.Listener.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
			_, _ = io.WriteString(conn, "GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"+line+"\r\n\r\n")
			if _, err := io.ReadAll(conn); errors.Is(err, os.ErrDeadlineExceeded) {
				t.Error("the connection does not end")
			}
		})
	}
}
