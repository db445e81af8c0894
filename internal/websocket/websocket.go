// Package websocket recognises WebSocket handshakes.
package websocket

import (
	"net/http"
	"strings"
)

// IsHandshake reports whether the request asks for a WebSocket: a GET with
// Connection: upgrade and Upgrade: websocket (RFC 6455 section 4.1), or an
// extended CONNECT (RFC 8441 section 4).
func IsHandshake(r *http.Request) bool {
	switch r.Method {
	case http.MethodGet:
		return hasToken(r.Header["Connection"], "upgrade") && hasToken(r.Header["Upgrade"], "websocket")
	case http.MethodConnect:
		p := r.Header[":protocol"]
		return len(p) == 1 && strings.EqualFold(p[0], "websocket")
	}
	return false
}

func hasToken(lines []string, token string) bool {
	for _, line := range lines {
		for part := range strings.SplitSeq(line, ",") {
			if strings.EqualFold(strings.Trim(part, " \t"), token) {
				return true
			}
		}
	}
	return false
}
