package password_test

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/argon2"
	"golang.org/x/crypto/bcrypt"

	"github.com/authstar/authstar"
	"github.com/authstar/authstar/authenticators/password"
	"github.com/authstar/authstar/security"
)

const bobPassword = "pa:ss:wörd"

// cheap is argon2id in a few microseconds, for tests that are not about cost.
func cheap(secret string) string { return argon2id(secret, "a salt of 16 bytes", 8, 1, 1) }

var cheapDecoy = cheap("what nobody knows")

func argon2id(secret, salt string, memory, time uint32, lanes uint8) string {
	b64 := base64.RawStdEncoding.EncodeToString
	key := argon2.IDKey([]byte(secret), []byte(salt), time, memory, lanes, 32)
	return fmt.Sprintf("$argon2id$v=19$m=%d,t=%d,p=%d$%s$%s", memory, time, lanes, b64([]byte(salt)), b64(key))
}

func bcryptOf(t testing.TB, secret string, cost int) string {
	t.Helper()
	hash, err := bcrypt.GenerateFromPassword([]byte(secret), cost)
	if err != nil {
		t.Fatal(err)
	}
	return string(hash)
}

// users is a directory of users, by their names as they are spelled.
type users struct {
	mu       sync.Mutex
	hashes   map[string]string
	names    []string // that were looked up
	decoy    string   // the hash of nobody
	err      error
	panics   bool
	disabled bool
}

func newUsers(pairs ...string) *users {
	u := &users{hashes: make(map[string]string), decoy: cheapDecoy}
	for i := 0; i < len(pairs); i += 2 {
		u.hashes[pairs[i]] = pairs[i+1]
	}
	return u
}

func (u *users) lookup(_ context.Context, username string) (string, authstar.Client, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.names = append(u.names, username)
	if u.panics {
		panic("the database driver has a bug")
	}
	if u.err != nil {
		return "", nil, u.err
	}
	hash, known := u.hashes[username]
	if !known {
		return u.decoy, nil, nil
	}
	if u.disabled {
		return hash, nil, nil
	}
	return hash, &authstar.Identity{ID: username, Scope: []string{"read"}}, nil
}

func (u *users) change(f func()) {
	u.mu.Lock()
	defer u.mu.Unlock()
	f()
}

func (u *users) set(username, hash string) { u.change(func() { u.hashes[username] = hash }) }

func (u *users) lookups() int {
	u.mu.Lock()
	defer u.mu.Unlock()
	return len(u.names)
}

type clock struct {
	mu  sync.Mutex
	now time.Time
}

func newClock() *clock { return &clock{now: time.Unix(1_700_000_000, 0)} }

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// unlimited is a Limit that no test reaches.
var unlimited = password.Limit{Burst: 10_000, Every: time.Nanosecond}

func newVerifier(t testing.TB, config password.Config) *password.Verifier {
	t.Helper()
	v, err := password.New(config)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// checker is Check or CheckFrom.
type checker func(ctx context.Context, username, secret string) (authstar.Client, error)

func from(v *password.Verifier, address string) checker {
	return func(ctx context.Context, username, secret string) (authstar.Client, error) {
		return v.CheckFrom(ctx, address, username, secret)
	}
}

func wantRight(t testing.TB, check checker, username, secret string) {
	t.Helper()
	client, err := check(context.Background(), username, secret)
	if err != nil || client == nil || client.ClientID() == "" {
		t.Errorf("%q: %v, %v; want a client", username, client, err)
	}
}

func wantWrong(t testing.TB, check checker, username, secret string) {
	t.Helper()
	if client, err := check(context.Background(), username, secret); err != nil || client != nil {
		t.Errorf("%q: %v, %v; want no client and no error", username, client, err)
	}
}

// wantRefused expects an outage with that status, and returns when to come back.
func wantRefused(t testing.TB, check checker, username, secret string, status int) time.Duration {
	t.Helper()
	client, err := check(context.Background(), username, secret)
	var stated *authstar.Error
	if client != nil || !errors.As(err, &stated) || stated.Code != authstar.TemporarilyUnavailable || stated.Status() != status {
		t.Fatalf("%q: %v, %v; want %s and %d", username, client, err, authstar.TemporarilyUnavailable, status)
	}
	return stated.RetryAfter
}

// newAPI has a route for whoever is authenticated, and one for a scope that
// nobody has.
func newAPI(t testing.TB, list ...authstar.Authenticator) http.Handler {
	t.Helper()
	chain, err := authstar.New(list...)
	if err != nil {
		t.Fatal(err)
	}
	whoAmI := func(w http.ResponseWriter, r *http.Request) {
		client, _ := authstar.ClientFrom(r.Context())
		fmt.Fprint(w, client.ClientID())
	}
	mux := http.NewServeMux()
	mux.Handle("/me", security.Authenticated().HandlerFunc(whoAmI))
	mux.Handle("/write", security.Scopes("write").HandlerFunc(whoAmI))
	return chain.Handler(mux)
}

func newRequest(username, secret string) *http.Request {
	r := httptest.NewRequest("GET", "/me", nil)
	r.SetBasicAuth(username, secret)
	return r
}

func newForm(body string) io.ReadCloser { return io.NopCloser(strings.NewReader(body)) }

func record(h http.Handler, r *http.Request) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func get(h http.Handler, path, credentials string) *httptest.ResponseRecorder {
	r := httptest.NewRequest("GET", path, nil)
	r.Header.Set("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(credentials)))
	return record(h, r)
}

// wantSilent finds secrets in what a program may print.
func wantSilent(t testing.TB, text string, secrets ...string) {
	t.Helper()
	for _, s := range secrets {
		if s != "" && strings.Contains(text, s) {
			t.Errorf("%q is in %q", s, text)
		}
	}
}
