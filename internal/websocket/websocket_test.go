package websocket_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/authstar/authstar/internal/websocket"
)

func TestIsHandshake(t *testing.T) {
	upgrade := func(connection, upgrade string) http.Header {
		return http.Header{"Connection": {connection}, "Upgrade": {upgrade}}
	}
	for _, test := range []struct {
		name   string
		method string
		header http.Header
		want   bool
	}{
		{"W07 as RFC 6455 writes it", "GET", upgrade("Upgrade", "websocket"), true},
		{"W07 as old browsers write it", "GET", upgrade("Upgrade", "WebSocket"), true},
		{"W07 in upper case", "GET", upgrade("UPGRADE", "WEBSOCKET"), true},
		{"W07 behind keep-alive", "GET", upgrade("keep-alive, Upgrade", "websocket"), true},
		{"W07 before keep-alive and without a space", "GET", upgrade("upgrade,keep-alive", "websocket"), true},
		{"W07 with white space", "GET", upgrade("keep-alive ,\tUpgrade\t", " websocket "), true},
		{"W07 with empty elements", "GET", upgrade(",, Upgrade ,", ",websocket"), true},
		{"W07 on lines of their own", "GET", http.Header{"Connection": {"keep-alive", "Upgrade"}, "Upgrade": {"h2c", "websocket"}}, true},
		{"W07 among other protocols", "GET", upgrade("Upgrade", "h2c, websocket"), true},

		{"W07 no Upgrade", "GET", http.Header{"Connection": {"Upgrade"}}, false},
		{"W07 an empty Upgrade", "GET", upgrade("Upgrade", ""), false},
		{"W07 no Connection", "GET", http.Header{"Upgrade": {"websocket"}}, false},
		{"W07 a Connection without upgrade", "GET", upgrade("keep-alive", "websocket"), false},
		{"W07 an upgrade to something else", "GET", upgrade("Upgrade", "h2c"), false},
		{"W07 a word that begins with websocket", "GET", upgrade("Upgrade", "websocket2"), false},
		{"W07 a word that ends with upgrade", "GET", upgrade("no-upgrade", "websocket"), false},
		{"W07 words without a comma", "GET", upgrade("keep-alive Upgrade", "websocket"), false},
		{"W07 nothing", "GET", nil, false},
		{"W07 POST", "POST", upgrade("Upgrade", "websocket"), false},
		{"W07 HEAD", "HEAD", upgrade("Upgrade", "websocket"), false},
		{"W07 a method in lower case", "get", upgrade("Upgrade", "websocket"), false},

		{"W07 extended CONNECT", "CONNECT", http.Header{":protocol": {"websocket"}}, true},
		{"W07 extended CONNECT in another case", "CONNECT", http.Header{":protocol": {"WebSocket"}}, true},
		{"W07 extended CONNECT for something else", "CONNECT", http.Header{":protocol": {"connect-udp"}}, false},
		{"W07 extended CONNECT for two protocols", "CONNECT", http.Header{":protocol": {"websocket", "websocket"}}, false},
		{"W07 extended CONNECT for a list", "CONNECT", http.Header{":protocol": {"websocket, connect-udp"}}, false},
		{"W07 CONNECT", "CONNECT", upgrade("Upgrade", "websocket"), false},
		{"W07 GET with the pseudo-header of CONNECT", "GET", http.Header{":protocol": {"websocket"}}, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := &http.Request{Method: test.method, Header: test.header}
			if got := websocket.IsHandshake(r); got != test.want {
				t.Errorf("%v, want %v", got, test.want)
			}
		})
	}
}

// W07: as net/http delivers the headers.
func TestIsHandshakeOfAServer(t *testing.T) {
	seen := make(chan bool, 1)
	srv := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { seen <- websocket.IsHandshake(r) }))
	defer srv.Close()
	for upgrade, want := range map[string]bool{"websocket": true, "": false} {
		r, err := http.NewRequestWithContext(t.Context(), "GET", srv.URL, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Connection", "keep-alive, upgrade")
		if upgrade != "" {
			r.Header.Set("upgrade", upgrade)
		}
		res, err := http.DefaultTransport.RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if got := <-seen; got != want {
			t.Errorf("W07 Upgrade %q: %v, want %v", upgrade, got, want)
		}
	}
}

// D17: 1 MB of words takes a time that grows with their length only, and no
// memory.
func TestIsHandshakeOfAnAttackersSize(t *testing.T) {
	for _, words := range []string{strings.Repeat(",", 1_000_000), strings.Repeat("upgrade2,", 110_000), strings.Repeat(" ", 1_000_000)} {
		r := &http.Request{Method: "GET", Header: http.Header{"Connection": {words}, "Upgrade": {"websocket"}}}
		start := time.Now()
		if websocket.IsHandshake(r) {
			t.Errorf("D17 %.20q... is a handshake", words)
		}
		if took := time.Since(start); took > time.Second {
			t.Errorf("D17 %.20q... took %v", words, took)
		}
		if n := testing.AllocsPerRun(3, func() { websocket.IsHandshake(r) }); n > 0 {
			t.Errorf("D17 %.20q... allocates %v times", words, n)
		}
	}
}
