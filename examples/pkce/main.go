// Pkce serves an authorization server, an API that is guarded by its tokens, and
// a page that logs in with the authorization code flow and PKCE. So does the
// API's reference at /docs/.
//
//	go run ./examples/pkce
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
	"strconv"
	"time"

	"github.com/authstar/authstar"
)

func main() {
	addr := flag.String("addr", "127.0.0.1:8082", "the address to listen on")
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
	// The issuer has the name that the browser is to use, and the port that there is.
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return errors.Join(err, l.Close())
	}
	url := "http://" + net.JoinHostPort(host, strconv.Itoa(l.Addr().(*net.TCPAddr).Port))
	handler, err := newServer(url)
	if err != nil {
		return errors.Join(err, l.Close())
	}
	fmt.Fprintf(out, "Open %s in a browser and log in as alice / wonderland, or as bob / builder.\n", url)
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 5 * time.Second}
	stopped := context.AfterFunc(ctx, func() { _ = server.Close() })
	defer stopped()
	if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

func logRefusal(ctx context.Context, err *authstar.Error) {
	slog.InfoContext(ctx, "refused", "error", err)
}
