package authserver_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/authstar/authstar"
	"github.com/authstar/authstar/authserver"
	"github.com/authstar/authstar/tokenendpoint"
)

const (
	issuer = "https://login.example"
	// verifier and challenge are those of RFC 7636 appendix B.
	verifier  = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
	challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
)

// clock is told the time. It begins between two seconds, as real ones do.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func newClock() *clock { return &clock{now: time.Date(2030, 1, 2, 3, 4, 5, 678e6, time.UTC)} }

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

var signingKey = sync.OnceValue(func() []byte { return privateJWK(newECKey()) })

func newECKey() *ecdsa.PrivateKey {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	return key
}

func privateJWK(key any) []byte {
	b, err := json.Marshal(jose.JSONWebKey{Key: key})
	if err != nil {
		panic(err)
	}
	return b
}

// clientKey is that of the client "signed".
var clientKey = sync.OnceValue(newECKey)

var (
	codes  = []string{authserver.AuthorizationCode, authserver.RefreshToken}
	scopes = []string{"read", "write", authserver.OfflineAccess}
)

// newClients are those that the fixture knows.
func newClients() map[string]*authserver.Client {
	secret := func(s ...string) (hashes [][]byte) {
		for _, s := range s {
			hashes = append(hashes, authserver.HashSecret(s))
		}
		return hashes
	}
	clients := map[string]*authserver.Client{
		"spa":     {Name: "The Page", RedirectURIs: []string{"https://good.example/cb"}, Grants: codes, Scope: scopes},
		"web":     {RedirectURIs: []string{"https://web.example/cb", "https://web.example/cb?a=1"}, Grants: codes, Scope: scopes, SecretHashes: secret("web-secret", "web-next-secret")},
		"other":   {RedirectURIs: []string{"https://good.example/cb"}, Grants: codes, Scope: scopes, SecretHashes: secret("other-secret")},
		"signed":  {RedirectURIs: []string{"https://signed.example/cb"}, Grants: append(codes, authserver.ClientCredentials), Scope: scopes, Keys: []jose.JSONWebKey{{Key: clientKey().Public(), KeyID: "k1"}}},
		"cli":     {RedirectURIs: []string{"http://127.0.0.1/cb", "http://[::1]/cb", "com.example.cli:/cb"}, Native: true, Grants: codes, Scope: scopes, Consent: true},
		"short":   {RedirectURIs: []string{"https://short.example/cb"}, Grants: []string{authserver.AuthorizationCode}, Scope: scopes},
		"machine": {Grants: []string{authserver.ClientCredentials}, Scope: []string{"read", "write"}, SecretHashes: secret("machine-secret"), ResourceServer: true},
	}
	for id, c := range clients {
		c.ID = id
	}
	return clients
}

// newUsers are the logins, by user name and password.
func newUsers() map[string]authserver.Login {
	return map[string]authserver.Login{
		"alice wonderland":   {Subject: "user-1", Claims: map[string]any{"role": "admin"}, Scopes: []string{"read", "write"}},
		"alice with a token": {Subject: "user-1", Claims: map[string]any{"role": "admin"}, Scopes: []string{"read", "write"}, ACR: "mfa"},
		"bob builder":        {Subject: "user-2", Claims: map[string]any{"role": "user"}, Scopes: []string{"read"}},
	}
}

// fixture is a server with its users and clients.
type fixture struct {
	testing.TB
	*authserver.Server
	*clock
	config  authserver.Config
	handler http.Handler

	mu       sync.Mutex
	clients  map[string]*authserver.Client
	users    map[string]authserver.Login
	logins   []string // what Login was asked
	refusals []*authstar.Error
}

// newFixture makes a server; change may change its configuration.
func newFixture(t testing.TB, change ...func(*authserver.Config)) *fixture {
	t.Helper()
	f := &fixture{TB: t, clock: newClock(), clients: newClients(), users: newUsers()}
	f.config = authserver.Config{
		Issuer: issuer,
		Login:  f.login,
		Client: f.client,
		Signer: tokenendpoint.SignerConfig{Keys: [][]byte{signingKey()}, Logger: slog.New(slog.DiscardHandler)},
		Scopes: map[string]string{"read": "See your orders", "write": "", authserver.OfflineAccess: "Stay connected"},
		Now:    f.Now,
		Observe: func(_ context.Context, err *authstar.Error) {
			f.mu.Lock()
			defer f.mu.Unlock()
			f.refusals = append(f.refusals, err)
		},
		ClientAddress: func(r *http.Request) string { return r.RemoteAddr },
	}
	for _, change := range change {
		change(&f.config)
	}
	var err error
	if f.Server, err = authserver.New(f.config); err != nil {
		t.Fatal(err)
	}
	f.handler = f.Handler()
	return f
}

func (f *fixture) login(_ context.Context, username, password string) (authserver.Login, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.logins = append(f.logins, username+" "+password)
	return f.users[strings.ToLower(strings.TrimSpace(username))+" "+password], nil
}

func (f *fixture) client(_ context.Context, id string) (*authserver.Client, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.clients[id], nil
}

// user is a Config.User over the same users.
func (f *fixture) user(_ context.Context, subject string) (authserver.Login, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for name, l := range f.users {
		if l.Subject == subject && l.ACR == "" && name != "" {
			return l, nil
		}
	}
	return authserver.Login{}, nil
}

// replace changes a client as an application does: it makes another one.
func (f *fixture) replace(id string, change func(*authserver.Client)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	c := *f.clients[id]
	change(&c)
	f.clients[id] = &c
}

// params are the parameters of base with those that are given in pairs; one
// without a value is left out.
func params(base url.Values, pairs ...string) url.Values {
	values := make(url.Values)
	for name, list := range base {
		values[name] = list
	}
	for i := 0; i < len(pairs); i += 2 {
		values.Set(pairs[i], pairs[i+1])
		if pairs[i+1] == "" {
			values.Del(pairs[i])
		}
	}
	return values
}

// ask is a good authorization request of the client "spa", changed by pairs.
func ask(pairs ...string) url.Values {
	return params(url.Values{
		"response_type": {"code"}, "client_id": {"spa"}, "redirect_uri": {"https://good.example/cb"}, "state": {"xyz"},
		"scope": {"read write offline_access"}, "code_challenge": {challenge}, "code_challenge_method": {"S256"},
	}, pairs...)
}

// askFor is ask for another client, with the first of its redirect URIs.
func (f *fixture) askFor(client string, pairs ...string) url.Values {
	return params(ask("client_id", client, "redirect_uri", f.clients[client].RedirectURIs[0]), pairs...)
}

// answer is a response, read.
type answer struct {
	status int
	header http.Header
	text   string
	body   map[string]any
}

func (a answer) get(name string) string { s, _ := a.body[name].(string); return s }

// outcome is the error, or "ok".
func (a answer) outcome() string {
	if a.status == http.StatusOK {
		return "ok"
	}
	return a.get("error")
}

func (f *fixture) serve(r *http.Request) answer {
	w := httptest.NewRecorder()
	f.handler.ServeHTTP(w, r)
	a := answer{status: w.Code, header: w.Header(), text: w.Body.String()}
	if strings.HasSuffix(a.header.Get("Content-Type"), "json") {
		if err := json.Unmarshal(w.Body.Bytes(), &a.body); err != nil {
			f.Errorf("%s %s: %q is no JSON: %v", r.Method, r.URL.Path, a.text, err)
		}
	}
	return a
}

// post sends a form to an endpoint for clients. Who authenticates with a secret
// is "id:secret"; everybody else is in the form.
func (f *fixture) post(path, who string, form url.Values) answer {
	r := httptest.NewRequest(http.MethodPost, f.config.Issuer+path, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if strings.Contains(who, ":") {
		r.Header.Set("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(who)))
	} else if who != "" {
		form.Set("client_id", who)
		r = httptest.NewRequest(http.MethodPost, f.config.Issuer+path, strings.NewReader(form.Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	a := f.serve(r)
	if a.header.Get("Cache-Control") != "no-store" || a.header.Get("Pragma") != "no-cache" || a.text != "" && a.header.Get("X-Content-Type-Options") != "nosniff" {
		f.Errorf("O33: %s answers with the headers %v", path, a.header)
	}
	return a
}

// claims of an access token, unverified.
func claims(t testing.TB, token string) map[string]any {
	t.Helper()
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		t.Fatalf("no token: %q", token)
	}
	b, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		t.Fatal(err)
	}
	var m map[string]any
	if err := json.Unmarshal(b, &m); err != nil {
		t.Fatal(err)
	}
	return m
}
