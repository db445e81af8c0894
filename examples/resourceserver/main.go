// Resourceserver serves an API that accepts the bearer tokens of one or more
// identity providers, whose keys it discovers.
//
//	go run ./examples/resourceserver -issuer https://idp.example -audience https://api.example
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// run serves until the context ends, and returns the status to exit with: 2 for
// flags that cannot be used, 1 for any other failure.
func run(ctx context.Context, args []string, out, errOut io.Writer) int {
	addr, config, err := parseFlags(args, errOut)
	if errors.Is(err, flag.ErrHelp) {
		return 0
	}
	var api http.Handler
	if err == nil {
		api, err = newAPI(config)
	}
	if err != nil {
		fmt.Fprintf(errOut, "resourceserver: %v\n", err)
		return 2
	}
	if err := serve(ctx, addr, api, out); err != nil {
		fmt.Fprintf(errOut, "resourceserver: %v\n", err)
		return 1
	}
	return 0
}

const usage = `usage: resourceserver -issuer URL -audience AUD [-issuer URL2 -audience AUD2 ...] [-addr 127.0.0.1:8081]

Each -issuer goes with the -audience of the same position. Tokens of an issuer
are accepted for its audience only.
`

func parseFlags(args []string, errOut io.Writer) (addr string, config apiConfig, err error) {
	var issuers, audiences []string
	list := func(to *[]string) func(string) error {
		return func(value string) error {
			*to = append(*to, value)
			return nil
		}
	}
	flags := flag.NewFlagSet("resourceserver", flag.ContinueOnError)
	flags.SetOutput(io.Discard) // run tells
	flags.StringVar(&addr, "addr", "127.0.0.1:8081", "")
	flags.Func("issuer", "", list(&issuers))
	flags.Func("audience", "", list(&audiences))
	err = flags.Parse(args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		fmt.Fprint(errOut, usage)
		return "", config, err
	case err != nil:
	case flags.NArg() > 0:
		err = fmt.Errorf("unexpected argument %q", flags.Arg(0))
	case len(issuers) == 0:
		err = errors.New("no -issuer: whose tokens are to be accepted?")
	case len(issuers) != len(audiences):
		err = fmt.Errorf("%d times -issuer and %d times -audience: every -issuer needs an -audience", len(issuers), len(audiences))
	}
	if err != nil {
		return "", config, fmt.Errorf("%w\n%s", err, usage)
	}
	for i, issuer := range issuers {
		config.providers = append(config.providers, provider{issuer, audiences[i]})
	}
	return addr, config, nil
}

func serve(ctx context.Context, addr string, api http.Handler, out io.Writer) error {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "Listening on http://%s\n", l.Addr())
	server := &http.Server{Handler: api, ReadHeaderTimeout: 5 * time.Second}
	stop := context.AfterFunc(ctx, func() { _ = server.Close() })
	defer stop()
	if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
