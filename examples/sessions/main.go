// Sessions serves a small site with a login, whose sessions are kept by
// github.com/alexedwards/scs/v2: in memory, in Redis or in PostgreSQL. It prints
// the curl lines that show it, and has a page for a browser.
//
//	go run ./examples/sessions
//	go run ./examples/sessions -redis 127.0.0.1:6379
//	go run ./examples/sessions -postgres 'postgres://user@localhost/db'
//
// Stop it and start it again: with Redis and with PostgreSQL, who was logged in
// still is.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"time"
)

func main() {
	var where storage
	addr := flag.String("addr", "localhost:8082", "the address to listen on")
	flag.StringVar(&where.redis, "redis", "", "keep sessions in the Redis at this address, or on this Unix socket")
	flag.StringVar(&where.postgres, "postgres", "", "keep sessions in the PostgreSQL with this connection string")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, *addr, where, os.Stdout); err != nil {
		log.Fatal(err)
	}
}

// run serves until the context ends.
func run(ctx context.Context, addr string, where storage, out io.Writer) error {
	manager, closeStore, err := where.open(ctx)
	if err != nil {
		return err
	}
	defer closeStore()
	handler, err := newServer(manager, newUsers(), time.Minute)
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return err
	}
	// Browsers, and curl, take Secure cookies by plain http from their own
	// machine. From anywhere else they need https.
	url := fmt.Sprintf("http://localhost:%d", l.Addr().(*net.TCPAddr).Port)
	fmt.Fprint(out, strings.ReplaceAll(tour, "URL", url))
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 5 * time.Second}
	stopped := context.AfterFunc(ctx, func() { _ = server.Close() })
	defer stopped()
	if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

const tour = `Listening on URL, for a browser, or in another terminal:

# 401: nobody is logged in
curl -i URL/orders

# 401: a wrong password
curl -i -d 'username=alice&password=oops' URL/login

# 303: log in, keep the cookie
curl -i -c /tmp/sessions.cookies -d 'username=alice&password=wonderland' URL/login

# 200: the session
curl -i -b /tmp/sessions.cookies URL/orders

# 403: logged in, but no admin
curl -i -b /tmp/sessions.cookies URL/admin

# 403: the cookie, sent by a page of another site
curl -i -b /tmp/sessions.cookies -H 'Origin: https://evil.example' -d 'item=tea' URL/orders

# 201: the same, sent by a page of this one
curl -i -b /tmp/sessions.cookies -H 'Origin: URL' -d 'item=tea' URL/orders

# 200: what needs a login of the last five minutes
curl -i -b /tmp/sessions.cookies URL/account

# 403: a page of another site must not log anybody in, either
curl -i -H 'Origin: https://evil.example' -d 'username=alice&password=wonderland' URL/login

# 303: log out; the session is gone from the store as well as from the browser
curl -i -b /tmp/sessions.cookies -X POST URL/logout

# 401: the cookie that was kept is worth nothing
curl -i -b /tmp/sessions.cookies URL/orders
`
