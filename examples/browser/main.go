// Browser serves a page and shows what it may do: open WebSockets with a token,
// with a cookie and with nothing; read server-sent events until its token
// expires; call the API from another origin; and do something dangerous after
// logging in again.
//
//	go run ./examples/browser
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
	"time"
)

func main() {
	addr := flag.String("addr", "127.0.0.1:8083", "the address of the page, the API and the login")
	second := flag.String("second", "127.0.0.1:0", "the address of the API on a second origin; with port 0 any that is free")
	var s settings
	flag.DurationVar(&s.lifetime, "lifetime", 5*time.Second, "how long a token is good")
	flag.DurationVar(&s.maxAge, "max-age", 5*time.Second, "how old a login may be to delete something")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, *addr, *second, s, os.Stdout); err != nil {
		log.Fatal(err)
	}
}

// run serves both origins until the context ends.
func run(ctx context.Context, addr, second string, s settings, out io.Writer) error {
	var listeners [2]net.Listener
	for i, a := range []string{addr, second} {
		l, err := net.Listen("tcp", a)
		if err != nil {
			return err
		}
		defer l.Close()
		listeners[i] = l
	}
	s.origin, s.second = originOf(listeners[0]), originOf(listeners[1])
	site, api, err := newServers(s)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "Open %s in a browser and log in as alice / wonderland. The second origin is %s.\n", s.origin, s.second)
	ended := make(chan error, 2)
	for i, handler := range []http.Handler{site, api} {
		server := &http.Server{Handler: handler, ReadHeaderTimeout: 5 * time.Second}
		defer server.Close()
		go func() { ended <- server.Serve(listeners[i]) }()
	}
	select {
	case <-ctx.Done():
		return nil
	case err := <-ended:
		return errors.Join(errors.New("a server ended"), err)
	}
}

// originOf is where a browser on this machine finds a server.
func originOf(l net.Listener) string {
	addr := l.Addr().(*net.TCPAddr)
	if addr.IP.IsUnspecified() {
		return fmt.Sprintf("http://localhost:%d", addr.Port)
	}
	return "http://" + addr.String()
}
