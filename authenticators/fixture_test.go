package authenticators_test

import (
	"bufio"
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/authstar/authstar"
	"github.com/authstar/authstar/authenticators"
	"github.com/authstar/authstar/security"
)

const (
	aliceToken    = "token-of-alice"
	strangerToken = "token-of-a-stranger"
	machineKey    = "key1"
	carolSession  = "S1"
	bobPassword   = "pa:ss:wörd"
)

var bobBasic = encodeBasic("bob:" + bobPassword)

func encodeBasic(pair string) string { return base64.StdEncoding.EncodeToString([]byte(pair)) }

// calls has what reached the callbacks, such as "bearer abc".
type calls struct {
	mu   sync.Mutex
	seen []string
}

func (c *calls) add(words ...string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.seen = append(c.seen, strings.Join(words, " "))
}

func (c *calls) take() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	seen := c.seen
	c.seen = nil
	return seen
}

func same(a, b string) bool {
	x, y := sha256.Sum256([]byte(a)), sha256.Sum256([]byte(b))
	return subtle.ConstantTimeCompare(x[:], y[:]) == 1
}

func identityIf(known bool, id string, scopes ...string) (authstar.Client, error) {
	if !known {
		return nil, nil
	}
	return &authstar.Identity{ID: id, Scope: scopes}, nil
}

func (c *calls) bearer() *authenticators.Bearer {
	return authenticators.NewBearer(authenticators.TokenVerifierFunc(func(_ context.Context, token string) (authstar.Client, error) {
		c.add("bearer", token)
		return identityIf(same(token, aliceToken), "alice", "read", "write")
	}))
}

func (c *calls) basic() *authenticators.Basic {
	return authenticators.NewBasic("orders", func(_ context.Context, username, password string) (authstar.Client, error) {
		c.add("basic", username, password)
		return identityIf(same(username, "bob") && same(password, bobPassword), "bob", "read")
	})
}

func (c *calls) apiKey() *authenticators.APIKey {
	return authenticators.NewAPIKey("X-API-Key", func(_ context.Context, key string) (authstar.Client, error) {
		c.add("key", key)
		return identityIf(same(key, machineKey), "machine", "read")
	})
}

// session is the most powerful of the fixture's clients, on purpose.
func (c *calls) session() *authenticators.Session {
	return authenticators.NewSession("sid", func(r *http.Request) (authstar.Client, error) {
		cookie, err := r.Cookie("sid")
		if err != nil {
			return nil, err
		}
		c.add("session", cookie.Value)
		return identityIf(same(cookie.Value, carolSession), "carol", "admin")
	})
}

// newAPI is a chain around an open route, a guarded one and one that only bad
// credentials cannot reach. All answer with the id of the client or with "-".
func newAPI(t testing.TB, list ...authstar.Authenticator) http.Handler {
	t.Helper()
	mux := http.NewServeMux()
	mux.HandleFunc("/open", whoAmI)
	mux.Handle("/me", security.Authenticated().HandlerFunc(whoAmI))
	mux.Handle("/optional", security.Optional().HandlerFunc(whoAmI))
	return withoutSecrets(t, newChain(t, list...)).Handler(mux)
}

func newChain(t testing.TB, list ...authstar.Authenticator) *authstar.Chain {
	t.Helper()
	chain, err := authstar.New(list...)
	if err != nil {
		t.Fatal(err)
	}
	return chain
}

func whoAmI(w http.ResponseWriter, r *http.Request) {
	id := "-"
	if client, ok := authstar.ClientFrom(r.Context()); ok {
		id = client.ClientID()
	}
	_, _ = io.WriteString(w, id)
}

// withoutSecrets looks for credentials in all that a log could show of a result
// (N04).
func withoutSecrets(t testing.TB, chain *authstar.Chain) *authstar.Chain {
	secrets := []string{aliceToken, strangerToken, machineKey, carolSession, "pa:ss", bobBasic}
	return chain.WithObserver(func(ctx context.Context, res authstar.Result) {
		var log strings.Builder
		logger := slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
		logger.Debug("asked", "result", res, "client", res.Client, "error", res.Err)
		fmt.Fprintf(&log, "%v %+v %#v %v", res, res, res, ctx)
		for _, secret := range secrets {
			if strings.Contains(log.String(), secret) {
				t.Errorf("N04: a log shows the credential %q", secret)
			}
		}
	})
}

// row is a request to a route, by its header lines, and what must come of it.
type row struct {
	name   string
	lines  []string
	status int
	answer string   // the client's id or the error code
	calls  []string // what reached the callbacks
	http1  bool     // no client of HTTP/2 can send it
}

func (row row) check(t *testing.T, res *http.Response, c *calls) {
	t.Helper()
	if status, answer := read(t, res); status != row.status || answer != row.answer {
		t.Errorf("answer: %d %q, want %d %q", status, answer, row.status, row.answer)
	}
	if res.StatusCode >= 400 && row.answer != netHTTP && res.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("Cache-Control of a refusal: %q", res.Header.Get("Cache-Control"))
	}
	if res.StatusCode == http.StatusUnauthorized && len(res.Header["Www-Authenticate"]) == 0 {
		t.Error("401 without a challenge")
	}
	if seen := c.take(); !slices.Equal(seen, row.calls) {
		t.Errorf("callbacks saw %q, want %q", seen, row.calls)
	}
}

// netHTTP is what net/http answers before any handler.
const netHTTP = "400 Bad Request"

// read returns the status and, of the body, the error code or all of it.
func read(t *testing.T, res *http.Response) (status int, answer string) {
	t.Helper()
	body, err := io.ReadAll(res.Body)
	res.Body.Close()
	if err != nil {
		t.Error(err)
	}
	var refusal struct{ Error string }
	if json.Unmarshal(body, &refusal) == nil && refusal.Error != "" {
		return res.StatusCode, refusal.Error
	}
	answer, _, _ = strings.Cut(string(body), ":")
	return res.StatusCode, answer
}

// request makes one without a server. Lines are as in HTTP/1.
func request(method, target string, lines ...string) *http.Request {
	r := httptest.NewRequest(method, target, nil)
	for _, line := range lines {
		name, value, _ := strings.Cut(line, ":")
		r.Header.Add(name, strings.TrimPrefix(value, " "))
	}
	return r
}

func serve(h http.Handler, r *http.Request) *http.Response {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Result()
}

// send writes the request bytes to a socket of its own.
func send(t *testing.T, addr, request string) *http.Response {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if _, err := io.WriteString(conn, request); err != nil {
		t.Fatal(err)
	}
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	return res
}

// overSocket asks for /me with exactly the lines of the row.
func (row row) overSocket(t *testing.T, addr string) *http.Response {
	t.Helper()
	lines := append([]string{"GET /me HTTP/1.1", "Host: api.test"}, row.lines...)
	return send(t, addr, strings.Join(lines, "\r\n")+"\r\nConnection: close\r\n\r\n")
}

func newServer(t *testing.T, h http.Handler) (addr string) {
	t.Helper()
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	return srv.Listener.Addr().String()
}
