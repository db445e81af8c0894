// Quickstart serves a small API whose callers come with bearer tokens, HTTP
// Basic, API keys or a session, and prints the curl lines that show it.
//
//	go run ./examples/quickstart
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"time"

	"github.com/authstar/authstar"
	"github.com/authstar/authstar/authenticators/apikey"
)

func main() {
	addr := flag.String("addr", "127.0.0.1:8080", "the address to listen on")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, *addr, os.Stdout); err != nil {
		log.Fatal(err)
	}
}

// run serves until the context ends.
func run(ctx context.Context, addr string, out io.Writer) error {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return err
	}
	local := l.Addr().(*net.TCPAddr)
	handler, err := newServer(loopbackURL(local), observe)
	if err != nil {
		return errors.Join(err, l.Close())
	}
	key, _, err := handler.keys.Create(ctx, apikey.Spec{Name: "quickstart", Owner: "you", Scopes: []string{"orders:read", "orders:write", "keys:admin"}})
	if err != nil {
		return errors.Join(err, l.Close())
	}
	fmt.Fprint(out, strings.NewReplacer("URL", publicURL(local), "KEY", key.Reveal()).Replace(tour))
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 5 * time.Second}
	stopped := context.AfterFunc(ctx, func() { _ = server.Close() })
	defer stopped()
	if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// publicURL is where this machine reaches the server.
func publicURL(addr *net.TCPAddr) string {
	if addr.IP.IsUnspecified() {
		return loopbackURL(addr)
	}
	return "http://" + addr.String()
}

// loopbackURL is the name of the server as an issuer, which without TLS must be on
// this machine.
func loopbackURL(addr *net.TCPAddr) string {
	if addr.IP.IsLoopback() {
		return "http://" + addr.String()
	}
	return fmt.Sprintf("http://localhost:%d", addr.Port)
}

// observe logs what the chain could not accept, and why. The client is told
// less.
func observe(ctx context.Context, res authstar.Result) {
	if res.Err != nil {
		slog.InfoContext(ctx, "credentials refused", "result", res)
	}
}

const tour = `Listening on URL. In another terminal:

# 401: nothing was presented, and one challenge for each way in
curl -i URL/me

# 200: HTTP Basic
curl -i -u alice:wonderland URL/me

# 401: a wrong password, although the session or the key beside it would do
curl -i -u alice:oops -H 'X-API-Key: demo-key' URL/me

# 200: an API key
curl -i -H 'X-API-Key: demo-key' URL/orders

# 201: an API key that was generated just now, and that nobody can see again
curl -i -H 'X-API-Key: KEY' -d '{"item":"tea"}' URL/orders

# 201: that key may make others, here or on the page at URL/docs/
curl -i -H 'X-API-Key: KEY' -H 'Content-Type: application/json' -d '{"name":"reports","scopes":["orders:read"]}' URL/admin/api-keys

# 403: known, but without the scope orders:write, which the answer names
curl -i -H 'X-API-Key: demo-key' -d '{"item":"tea"}' URL/orders

# 200: a token of its own for the client "demo"
curl -i -u demo:demo-secret -d 'grant_type=client_credentials&scope=orders:read orders:write' URL/oauth2/token

# Keep one in the shell
TOKEN=$(curl -s -u demo:demo-secret -d grant_type=client_credentials URL/oauth2/token | sed 's/.*"access_token":"\([^"]*\)".*/\1/')

# 200: the token's client and scopes
curl -i -H "Authorization: Bearer $TOKEN" URL/me

# 201: what the token's scopes allow
curl -i -H "Authorization: Bearer $TOKEN" -d '{"item":"tea"}' URL/orders

# 401: a token that nobody signed
curl -i -H 'Authorization: Bearer e30.e30.c2ln' URL/me

# 200: log in, keep the cookie
curl -i -c /tmp/quickstart.cookies -d 'username=alice&password=wonderland' URL/login

# 200: the session
curl -i -b /tmp/quickstart.cookies URL/me

# 403: the session's cookie, sent by a page of another site
curl -i -b /tmp/quickstart.cookies -H 'Origin: https://evil.example' -d '{"item":"tea"}' URL/orders

# 204: log out
curl -i -b /tmp/quickstart.cookies -X POST URL/logout

# 200: an open route
curl -i URL/

# 200: the document of all this, for the page at URL/docs/
curl -i URL/openapi.json

# 200: for callers on the internal network
curl -i URL/healthz
`
