package jwks_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ed25519"
	"crypto/sha256"
	"errors"
	"io"
	"log"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/json"

	"github.com/authstar/authstar/authenticators/jwks"
)

const (
	remoteIssuer    = "http://127.0.0.1:8080"
	remoteURL       = remoteIssuer + "/keys"
	remoteDiscovery = "/.well-known/openid-configuration"
)

// remoteProvider is an HTTP server of key sets on connections in memory, so that
// the clock of a synctest bubble is its clock too.
type remoteProvider struct {
	conns chan net.Conn
	http  *http.Client

	mu       sync.Mutex
	answer   http.HandlerFunc
	requests []*http.Request
}

// newRemoteProvider answers everything with answer, until serve.
func newRemoteProvider(t *testing.T, answer http.HandlerFunc) *remoteProvider {
	p := &remoteProvider{conns: make(chan net.Conn), answer: answer}
	transport := &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		client, server := net.Pipe()
		select {
		case p.conns <- server:
			return client, nil
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}}
	p.http = &http.Client{Transport: transport}
	server := &http.Server{Handler: p, ErrorLog: newRemoteErrorLog(io.Discard)}
	go func() { _ = server.Serve(p) }()
	t.Cleanup(func() {
		_ = server.Close()
		transport.CloseIdleConnections()
	})
	return p
}

// Accept, Close and Addr make it a net.Listener.
func (p *remoteProvider) Accept() (net.Conn, error) {
	if c, ok := <-p.conns; ok {
		return c, nil
	}
	return nil, net.ErrClosed
}

func (p *remoteProvider) Close() error   { close(p.conns); return nil }
func (p *remoteProvider) Addr() net.Addr { return &net.TCPAddr{} }

func (p *remoteProvider) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	p.requests = append(p.requests, r.Clone(context.Background()))
	answer := p.answer
	p.mu.Unlock()
	answer(w, r)
}

func (p *remoteProvider) serve(answer http.HandlerFunc) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.answer = answer
}

// fetches is how many requests there were.
func (p *remoteProvider) fetches() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.requests)
}

func (p *remoteProvider) last() *http.Request {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.requests[len(p.requests)-1]
}

// remote is a Remote of the provider that logs into the result.
func (p *remoteProvider) remote(t *testing.T, config jwks.RemoteConfig) (*jwks.Remote, *remoteLog) {
	t.Helper()
	if config.URL == "" && config.Issuer == "" {
		config.URL = remoteURL
	}
	if config.Client == nil {
		config.Client = p.http
	}
	log := new(remoteLog)
	if config.Logger == nil {
		config.Logger = slog.New(slog.NewTextHandler(log, nil))
	}
	r, err := jwks.NewRemote(config)
	if err != nil {
		t.Fatal(err)
	}
	return r, log
}

// remoteLog has lines.
type remoteLog struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *remoteLog) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(b)
}

func (l *remoteLog) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

// newRemoteErrorLog is a log for an http.Server.
func newRemoteErrorLog(l io.Writer) *log.Logger { return log.New(l, "", 0) }

func (l *remoteLog) lines() int { return strings.Count(l.String(), "\n") }

// remoteKey is an Ed25519 key that follows from its name.
func remoteKey(kid string) jose.JSONWebKey {
	seed := sha256.Sum256([]byte(kid))
	var public crypto.PublicKey = ed25519.NewKeyFromSeed(seed[:]).Public()
	return jose.JSONWebKey{Key: public, KeyID: kid, Algorithm: "EdDSA", Use: "sig"}
}

// remoteSet is a JWK set of such keys.
func remoteSet(kids ...string) string {
	set := jose.JSONWebKeySet{Keys: []jose.JSONWebKey{}}
	for _, kid := range kids {
		set.Keys = append(set.Keys, remoteKey(kid))
	}
	data, err := json.Marshal(set)
	if err != nil {
		panic(err)
	}
	return string(data)
}

// Answers.
func remoteKeys(kids ...string) http.HandlerFunc { return remoteBody(200, remoteSet(kids...)) }

func remoteBody(status int, body string, header ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		for _, line := range header {
			name, value, _ := strings.Cut(line, ": ")
			w.Header().Add(name, value)
		}
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	}
}

// remoteHang sends headers and stalls until the client is gone.
func remoteHang(w http.ResponseWriter, r *http.Request) {
	_ = http.NewResponseController(w).Flush()
	<-r.Context().Done()
}

func remoteSlow(d time.Duration, answer http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		time.Sleep(d)
		answer(w, r)
	}
}

// remoteFound reports whether the set has the key, and an error.
func remoteFound(ctx context.Context, r *jwks.Remote, kid string) (bool, error) {
	keys, err := r.Keys(ctx, kid)
	for _, k := range keys {
		if kid != "" && k.KeyID != kid && k.KeyID != "" {
			return false, errors.New("another key: " + k.KeyID)
		}
	}
	return len(keys) > 0, err
}

// remoteWants checks an answer of the set, which fetches at most as asked.
func (p *remoteProvider) wants(t *testing.T, r *jwks.Remote, kid string, found bool, fetches int) {
	t.Helper()
	before := p.fetches()
	got, err := remoteFound(t.Context(), r, kid)
	synctest.Wait() // for a fetch that nobody waits for
	if err != nil || got != found {
		t.Errorf("key %q: found %v, %v, want %v", kid, got, err, found)
	}
	if n := p.fetches() - before; n != fetches {
		t.Errorf("key %q: %d fetches, want %d", kid, n, fetches)
	}
}

// fails checks that nobody can tell, and returns when to come back.
func (p *remoteProvider) fails(t *testing.T, r *jwks.Remote, kid string, fetches int) time.Duration {
	t.Helper()
	before := p.fetches()
	keys, err := r.Keys(t.Context(), kid)
	synctest.Wait() // for the log
	var later interface{ RetryAfter() time.Duration }
	if len(keys) > 0 || !errors.As(err, &later) {
		t.Errorf("key %q: %d keys, %v, want an error with RetryAfter", kid, len(keys), err)
		return 0
	}
	if n := p.fetches() - before; n != fetches {
		t.Errorf("key %q: %d fetches, want %d", kid, n, fetches)
	}
	return later.RetryAfter()
}
