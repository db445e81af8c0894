package e2e

import (
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/authstar/authstar"
	"github.com/authstar/authstar/authenticators"
	"github.com/authstar/authstar/security"
)

// The credentials that the API of these tests knows, and one that it does not.
const (
	alicesToken = "token.of-alice" // scopes read and write
	stranger    = "token.of-a-stranger"
	bobsName    = "bob" // scope read
	bobsWord    = "pa:ss:wörd"
	robotsKey   = "key1" // scope read
	carolsID    = "S1"   // session; scope admin
	subprotocol = "e2e.test"
)

func identity(id string, scopes ...string) authstar.Client {
	return &authstar.Identity{ID: id, Scope: scopes}
}

// newChain reads bearer tokens, in the header and among WebSocket subprotocols,
// Basic, API keys and sessions, in this order.
func newChain(t *testing.T) *authstar.Chain {
	t.Helper()
	bearer := authenticators.NewBearer(authenticators.TokenVerifierFunc(func(_ context.Context, token string) (authstar.Client, error) {
		if token != alicesToken {
			return nil, nil
		}
		return identity("alice", "read", "write"), nil
	})).WithRealm("orders")
	chain, err := authstar.New(
		bearer,
		bearer.Subprotocol(subprotocol),
		authenticators.NewBasic("orders", func(_ context.Context, username, password string) (authstar.Client, error) {
			if username != bobsName || password != bobsWord {
				return nil, nil
			}
			return identity("bob", "read"), nil
		}),
		authenticators.NewAPIKey("X-API-Key", func(_ context.Context, key string) (authstar.Client, error) {
			if key != robotsKey {
				return nil, nil
			}
			return identity("robot", "read"), nil
		}),
		authenticators.NewSession("sid", func(r *http.Request) (authstar.Client, error) {
			if c, err := r.Cookie("sid"); err != nil || c.Value != carolsID {
				return nil, nil
			}
			return identity("carol", "admin"), nil
		}),
	)
	if err != nil {
		t.Fatal(err)
	}
	return chain
}

// challenges are those of newChain to a request without credentials, in order.
var challenges = []string{
	`Bearer realm="orders"`,
	`Basic realm="orders", charset="UTF-8"`,
	`ApiKey realm="api"`,
	`Cookie realm="api"`,
}

// routes are an API behind newChain; rules are for its Internal route.
func routes(rules security.Rules) *http.ServeMux {
	mux := http.NewServeMux()
	mux.HandleFunc("/open", whoami)
	mux.Handle("/me", security.Authenticated().HandlerFunc(whoami))
	mux.Handle("/write", security.Scopes("write").HandlerFunc(whoami))
	mux.Handle("/admin", security.Scopes("admin").HandlerFunc(whoami))
	mux.Handle("/internal", rules.Internal().HandlerFunc(whoami))
	return mux
}

// whoami answers with the id of the client, in a header too, which reverse
// proxies can read; "-" is nobody.
func whoami(w http.ResponseWriter, r *http.Request) {
	id := "-"
	if client, ok := authstar.ClientFrom(r.Context()); ok {
		id = client.ClientID()
	}
	w.Header().Set("X-Client", id)
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]string{"client_id": id})
}

// serve serves HTTP/1.1, and HTTP/2 without TLS for those who begin with it, on
// loopback, to the end of the test.
func serve(t *testing.T, h http.Handler) *httptest.Server {
	t.Helper()
	server := httptest.NewUnstartedServer(h)
	server.Config.Protocols = new(http.Protocols)
	server.Config.Protocols.SetHTTP1(true)
	server.Config.Protocols.SetUnencryptedHTTP2(true)
	server.Start()
	t.Cleanup(server.Close)
	return server
}

// calls counts the requests that reach a handler.
type calls struct{ atomic.Int64 }

func (c *calls) handler(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		c.Add(1)
		next(w, r)
	}
}

// do sends a request, by a dialer of its own if there is one, and reads the
// response to its end.
func do(t *testing.T, dialer *net.Dialer, method, url string, header http.Header) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	if header != nil {
		req.Header = header.Clone()
	}
	transport := &http.Transport{ResponseHeaderTimeout: 10 * time.Second}
	if dialer != nil {
		transport.DialContext = dialer.DialContext
	}
	defer transport.CloseIdleConnections()
	res, err := transport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res, string(body)
}

// program finds a program, or skips the test, which with CI=true is a failure.
func program(t *testing.T, name string) string {
	t.Helper()
	if file, err := exec.LookPath(name); err == nil {
		return file
	}
	// Not in the PATH of Debian's users.
	if file := filepath.Join("/usr/sbin", name); exec.Command(file, "-v").Run() == nil {
		return file
	}
	missing(t, name)
	return ""
}

// missing skips a test whose counterpart is not there, or fails it with CI=true.
func missing(t *testing.T, name string) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatalf("%s is not installed: make setup", name)
	}
	t.Skipf("%s is not installed: make setup", name)
}
