//go:build linux

package e2e

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/authstar/authstar/security"
)

// nginxConf is a reverse proxy in front of the API, and of an application that
// knows nothing of authentication and asks the API by auth_request. A balancer
// at 127.0.0.2 stands before nginx and tells it the client's address.
const nginxConf = `
daemon off;
worker_processes 1;
pid %[1]s/nginx.pid;
error_log stderr warn;
events {}
http {
	access_log off;
	client_body_temp_path %[1]s/body;
	proxy_temp_path %[1]s/proxy;
	fastcgi_temp_path %[1]s/fastcgi;
	uwsgi_temp_path %[1]s/uwsgi;
	scgi_temp_path %[1]s/scgi;

	set_real_ip_from 127.0.0.2;
	real_ip_header X-Balancer-Client;

	proxy_http_version 1.1;
	proxy_set_header Host $http_host;
	proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;

	server {
		listen %[2]s;
		location / {
			proxy_pass http://%[3]s;
		}
		location /ws {
			proxy_set_header Upgrade $http_upgrade;
			proxy_set_header Connection upgrade;
			proxy_set_header Host $http_host;
			proxy_pass http://%[3]s;
		}
		location /app {
			auth_request /auth;
			auth_request_set $client $upstream_http_x_client;
			proxy_set_header X-Client $client;
			proxy_pass http://%[4]s;
		}
		location = /auth {
			internal;
			proxy_pass http://%[3]s/write;
			proxy_pass_request_body off;
			proxy_set_header Content-Length "";
		}
	}
}
`

// startNginx runs nginx as a user without rights, to the end of the test, and
// returns its address. It gets a listener that is open already, as it does from
// its predecessor in an upgrade, so there is nothing to wait for.
func startNginx(t *testing.T, api, app string) string {
	t.Helper()
	nginx := program(t, "nginx")
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	socket, err := listener.(*net.TCPListener).File()
	if err != nil {
		t.Fatal(err)
	}
	defer socket.Close()
	addr := listener.Addr().String()

	dir, err := os.MkdirTemp("", "e2e-nginx")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	conf := filepath.Join(dir, "nginx.conf")
	trim := func(url string) string { return strings.TrimPrefix(url, "http://") }
	if err := os.WriteFile(conf, fmt.Appendf(nil, nginxConf, dir, addr, trim(api), trim(app)), 0o644); err != nil {
		t.Fatal(err)
	}

	cmd := exec.Command(nginx, "-p", dir, "-c", conf, "-e", "stderr")
	cmd.Env = []string{"NGINX=3;"}
	cmd.ExtraFiles = []*os.File{socket}
	var log bytes.Buffer
	cmd.Stderr = &log
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM}
	if os.Geteuid() == 0 {
		const nobody = 65534
		if err := os.Chown(dir, nobody, nobody); err != nil {
			t.Fatal(err)
		}
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: nobody, Gid: nobody}
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("nginx says:\n%s", &log)
		}
	})
	return "http://" + addr
}

// TestNginxAuthRequest has nginx ask the API whether a request may reach an
// application. It understands 2xx, 401 and 403, and makes 500 of anything else,
// which the application does not get to see either.
func TestNginxAuthRequest(t *testing.T) {
	reached := new(calls)
	app := serve(t, reached.handler(func(w http.ResponseWriter, r *http.Request) {
		_, _ = fmt.Fprintf(w, "hello %s", r.Header.Get("X-Client"))
	}))
	api := serve(t, newChain(t).Handler(routes(security.Rules{})))
	nginx := startNginx(t, api.URL, app.URL)

	tests := []struct {
		name   string
		header http.Header
		status int
		body   string
		// first is the first challenge, which some proxies pass on alone.
		first string
	}{
		{"RS-01 RS-12 no credential", nil, 401, "", challenges[0]},
		{"RS-02 a bad token", http.Header{"Authorization": {"Bearer " + stranger}}, 401, "", `Bearer realm="orders", error="invalid_token", error_description="the token is not valid"`},
		{"RS-04 a scope is missing", http.Header{"X-Api-Key": {robotsKey}}, 403, "", ""},
		{"RS-05 a malformed header", http.Header{"Authorization": {"Bearer"}}, 500, "", ""},
		{"the client passes, with a name of its own in vain", http.Header{"Authorization": {"Bearer " + alicesToken}, "X-Client": {"carol"}}, 200, "hello alice", ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			before := reached.Load()
			res, body := through(t, nginx+"/app", "127.0.0.1", test.header)
			if res.StatusCode != test.status {
				t.Fatalf("status is %d, want %d", res.StatusCode, test.status)
			}
			if got := res.Header.Get("WWW-Authenticate"); got != test.first {
				t.Errorf("the first challenge is %q, want %q", got, test.first)
			}
			if test.status == 200 && body != test.body {
				t.Errorf("body is %q, want %q", body, test.body)
			}
			if n := reached.Load() - before; (n == 1) != (test.status == 200) {
				t.Errorf("the application was reached %d times", n)
			}
		})
	}
}

// TestNginxProxy has nginx in front of the API.
func TestNginxProxy(t *testing.T) {
	trusting := security.Rules{TrustedProxies: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}}
	mux := routes(trusting)
	mux.Handle("/untrusting", security.Internal().HandlerFunc(whoami))
	mux.Handle("/ws", security.Authenticated().HandlerFunc(upgraders["coder"]))
	api := serve(t, newChain(t).Handler(mux))
	nginx := startNginx(t, api.URL, api.URL)

	t.Run("RS-12 every challenge arrives", func(t *testing.T) {
		res, _ := through(t, nginx+"/me", "127.0.0.1", nil)
		if got := res.Header["Www-Authenticate"]; res.StatusCode != 401 || !slices.Equal(got, challenges) {
			t.Errorf("status is %d, challenges are %q", res.StatusCode, got)
		}
	})

	t.Run("W09 W01 WebSocket", func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		url := "ws" + strings.TrimPrefix(nginx, "http") + "/ws"
		for name, dial := range dialers {
			g, err := dial(ctx, url, nil, []string{inSubprotocol(alicesToken), "chat"})
			if err != nil || g.message != "alice" || g.subprotocol != "chat" {
				t.Errorf("%s: message is %q, subprotocol %q (%v)", name, g.message, g.subprotocol, err)
			}
			if g, _ := dial(ctx, url, nil, nil); g.response == nil || g.response.StatusCode != 401 {
				t.Errorf("%s: the answer without a credential is %v", name, g.response)
			}
			// The proxy has to pass on Host for this.
			session := http.Header{"Cookie": {"sid=" + carolsID}, "Origin": {nginx}}
			if g, err := dial(ctx, url, session, nil); g.message != "carol" {
				t.Errorf("%s: W02: message to a session with the same origin is %q (%v)", name, g.message, err)
			}
		}
	})

	outside := http.Header{"X-Balancer-Client": {"203.0.113.9"}}
	with := func(h http.Header, name, value string) http.Header {
		h = h.Clone()
		h.Set(name, value)
		return h
	}
	const direct, balancer = "127.0.0.1", "127.0.0.2"
	tests := []struct {
		name, path, from string
		header           http.Header
		status           int
	}{
		{"G05 a proxy that is not trusted", "/untrusting", direct, nil, 403},
		{"G06 a client inside", "/internal", direct, nil, 200},
		{"G06 a client outside, by another trusted proxy", "/internal", direct, http.Header{"X-Forwarded-For": {"203.0.113.9"}}, 403},
		{"G06 a client inside, by the balancer", "/internal", balancer, http.Header{"X-Balancer-Client": {"10.1.2.3"}}, 200},
		{"G06 a client outside", "/internal", balancer, outside, 403},
		{"G06 a client outside that claims to be inside", "/internal", balancer, with(outside, "X-Forwarded-For", "127.0.0.1"), 403},
		{"G06 a client outside that claims to be a proxy", "/internal", balancer, with(outside, "X-Forwarded-For", "10.0.0.1, 127.0.0.1"), 403},
		{"G06 a client inside with another one before it", "/internal", balancer, http.Header{"X-Balancer-Client": {"10.1.2.3"}, "X-Forwarded-For": {"203.0.113.9"}}, 200},
		{"G09 a client outside, Forwarded", "/internal", balancer, with(outside, "Forwarded", "for=127.0.0.1"), 403},
		{"G09 a client outside, X-Real-IP", "/internal", balancer, with(outside, "X-Real-IP", "127.0.0.1"), 403},
		{"G09 a client outside, the underscore twin", "/internal", balancer, with(outside, "X_Forwarded_For", "127.0.0.1"), 403},
		{"G10 a client inside with junk before it", "/internal", balancer, http.Header{"X-Balancer-Client": {"10.1.2.3"}, "X-Forwarded-For": {"_hidden"}}, 200},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			res, _ := through(t, nginx+test.path, test.from, test.header)
			if res.StatusCode != test.status {
				t.Errorf("status is %d, want %d", res.StatusCode, test.status)
			}
		})
	}
}

// through sends a GET from an address of the loopback network.
func through(t *testing.T, url, from string, header http.Header) (*http.Response, string) {
	t.Helper()
	return do(t, &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}, "GET", url, header)
}
