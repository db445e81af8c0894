// Package wsauth says no on a WebSocket, in a way that a browser can read: the
// scripts of a page see the close code of a WebSocket and its reason, but never
// the status of a refused handshake.
//
//	rules := security.Rules{WebSocketRefuse: wsauth.Refuse}
//	mux.Handle("GET /ws", rules.Authenticated().Handler(security.UntilExpiry(http.HandlerFunc(serve))))
//
// [Refuse] is for handshakes that a guard refuses, and [CloseOnExpiry] for
// connections whose credential expires. It is built on
// github.com/coder/websocket; Refuse does as well where the handler itself
// upgrades with another library.
package wsauth

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/coder/websocket"

	"github.com/authstar/authstar"
	"github.com/authstar/authstar/authenticators"
)

// closeTimeout is how long a connection lives on that is being closed: time for
// the close frame to get out, and for the peer's own to come back.
const closeTimeout = 2 * time.Second

// maxReason is the length of the longest reason in bytes (RFC 6455 section 5.5).
const maxReason = 123

// Refuse accepts the handshake and closes the connection at once, for
// security.Rules.WebSocketRefuse. The reason is the error's code, such as
// "invalid_token", or "unauthorized" when nothing was presented. The close code
// is 1008 (policy violation); 1013 (try again later) for a refusal with 503, and
// 1011 for any other fault of the server.
//
// The answer to the handshake is a 101 with the guard's challenges. Of the
// subprotocols that the client offers, it has the first that is no token:
// browsers do not get as far as the close code when they offered some and none
// was chosen, so a page offers another one beside its token.
//
// Nothing that the client sends is looked at, and after two seconds the
// connection ends, whether or not the client has closed its side. A handshake
// that cannot be accepted, because it is malformed or because the connection
// cannot be hijacked, as in HTTP/2, is refused with the error's status and a
// small JSON body, like any other request.
//
// A page of another origin can read the reason too, and learns from it whether
// the browser holds a cookie for this one. SameSite keeps cookies from other
// sites.
func Refuse(w http.ResponseWriter, r *http.Request, err *authstar.Error) {
	if !acceptable(w, r) {
		refuse(w, err)
		return
	}
	end := time.Now().Add(closeTimeout)
	// A handshake may announce a body, which net/http waits for before it hands out
	// the connection. Not every writer has a deadline.
	_ = http.NewResponseController(w).SetReadDeadline(end)
	conn, failed := websocket.Accept(&bounded{w, end}, r, &websocket.AcceptOptions{
		Subprotocols:       authenticators.Subprotocols(r),
		InsecureSkipVerify: true, // of Origin: other origins get no more than the reason
	})
	if failed != nil {
		return
	}
	code := websocket.StatusPolicyViolation
	switch status := err.Status(); {
	case status == http.StatusServiceUnavailable:
		code = websocket.StatusTryAgainLater
	case status >= 500:
		code = websocket.StatusInternalError
	}
	text := reason(err)
	_ = conn.Close(code, strings.ToValidUTF8(text[:min(len(text), maxReason)], ""))
}

func reason(err *authstar.Error) string {
	if err.Code == "" {
		return "unauthorized"
	}
	return string(err.Code)
}

// acceptable reports whether the handshake is one that HTTP/1.1 can upgrade (RFC
// 6455 section 4.2.1).
func acceptable(w http.ResponseWriter, r *http.Request) bool {
	key, err := base64.StdEncoding.DecodeString(r.Header.Get("Sec-WebSocket-Key"))
	return len(r.Header.Values("Sec-WebSocket-Key")) == 1 && r.ProtoMajor == 1 && r.ProtoAtLeast(1, 1) && r.Header.Get("Sec-WebSocket-Version") == "13" &&
		err == nil && len(key) == 16 && hijackable(w)
}

// hijackable looks where http.ResponseController looks.
func hijackable(w http.ResponseWriter) bool {
	for {
		switch inner := w.(type) {
		case http.Hijacker:
			return true
		case interface{ Unwrap() http.ResponseWriter }:
			w = inner.Unwrap()
		default:
			return false
		}
	}
}

// bounded is a response writer whose connection ends then.
type bounded struct {
	http.ResponseWriter
	end time.Time
}

func (b *bounded) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, rw, err := http.NewResponseController(b.ResponseWriter).Hijack()
	if err == nil {
		err = conn.SetDeadline(b.end)
	}
	return conn, rw, err
}

// WriteHeaderNow is how the writers of the framework Gin send a status that is
// to be followed by Hijack.
func (b *bounded) WriteHeaderNow() {
	if w, ok := b.ResponseWriter.(interface{ WriteHeaderNow() }); ok {
		w.WriteHeaderNow()
	}
}

// refuse writes what a guard writes without rules of its own.
func refuse(w http.ResponseWriter, err *authstar.Error) {
	body := struct {
		Error       string `json:"error"`
		Description string `json:"error_description,omitempty"`
		Scope       string `json:"scope,omitempty"`
	}{Error: reason(err)}
	status := err.Status()
	if status < 500 {
		body.Description, body.Scope = err.Description, strings.Join(err.Scope, " ")
	}
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}
