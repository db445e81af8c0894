// Authstar makes and looks at what an API is secured with: hashes of passwords,
// API keys, signing keys and tokens.
//
//	authstar hash-password
//	authstar apikey new|show
//	authstar keys new
//	authstar token inspect
//
// Each command tells about itself with -h. Secrets are asked for on the terminal,
// without an echo, or read from the standard input; they are never taken from the
// command line, which other users of the machine can see and which the shell
// keeps. What is made is written to the standard output, everything else to the
// standard error.
//
// The status is 0 when all is well; 1 when the answer is no: a token is refused,
// a key is malformed, a password cannot be one; 2 for a command line that cannot
// be used; 3 when something failed, such as a file or a server; 130 when
// interrupted.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"syscall"

	"golang.org/x/term"
)

const (
	statusNo          = 1
	statusUsage       = 2
	statusFailed      = 3
	statusInterrupted = 130
)

// refusal is an answer that is no.
type refusal string

func (r refusal) Error() string { return string(r) }

// misuse is about the command line. It shows nothing of it that may be a secret.
type misuse string

func (m misuse) Error() string { return string(m) }

var errInterrupted = errors.New("interrupted")

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	c := &console{in: os.Stdin, out: os.Stdout, err: os.Stderr}
	if term.IsTerminal(int(os.Stdin.Fd())) {
		c.terminal = os.Stdin
	}
	os.Exit(run(ctx, c, os.Args[1:]))
}

// command is one of the program's. Its flags are defined by run.
type command struct {
	name  []string
	usage string
	run   func(ctx context.Context, c *console, flags *flags, args []string) error
}

var commands = []command{
	{[]string{"hash-password"}, hashUsage, hashPassword},
	{[]string{"apikey", "new"}, newAPIKeyUsage, newAPIKey},
	{[]string{"apikey", "show"}, showAPIKeyUsage, showAPIKey},
	{[]string{"keys", "new"}, newKeyUsage, newKey},
	{[]string{"token", "inspect"}, inspectUsage, inspectToken},
}

const usage = `usage: authstar COMMAND [FLAGS]

  hash-password   hash a password, for a table of users or an htpasswd file
  apikey new      make an API key
  apikey show     show what an API key tells about itself
  keys new        make a key to sign tokens with
  token inspect   show what a token says, and why it is refused

authstar COMMAND -h tells more. Secrets are asked for, or read from the standard
input; they are never arguments.

Status: 0 all is well, 1 the answer is no, 2 a wrong command line, 3 a failure,
130 interrupted.
`

// run returns the status to exit with.
func run(ctx context.Context, c *console, args []string) int {
	err := dispatch(ctx, c, args)
	switch {
	case err == nil || errors.Is(err, flag.ErrHelp):
		return 0
	case ctx.Err() != nil:
		err = errInterrupted
	}
	_, _ = fmt.Fprintf(c.err, "authstar: %s\n", printable(err.Error()))
	switch {
	case errors.As(err, new(refusal)):
		return statusNo
	case errors.As(err, new(misuse)):
		return statusUsage
	case errors.Is(err, errInterrupted):
		return statusInterrupted
	}
	return statusFailed
}

func dispatch(ctx context.Context, c *console, args []string) error {
	if len(args) > 0 && slices.Contains([]string{"-h", "-help", "--help", "help"}, args[0]) {
		return c.print(usage)
	}
	for _, cmd := range commands {
		if n := len(cmd.name); len(args) >= n && slices.Equal(args[:n], cmd.name) {
			return cmd.run(ctx, c, newFlags(c, cmd.usage), args[n:])
		}
	}
	return misuse("no such command; authstar -h lists them")
}

// flags are those of a command, which takes no other arguments.
type flags struct {
	*flag.FlagSet
	console *console
	usage   string
}

func newFlags(c *console, usage string) *flags {
	f := &flags{flag.NewFlagSet("", flag.ContinueOnError), c, usage}
	f.SetOutput(io.Discard) // which repeats what it does not understand
	f.Usage = func() {}
	return f
}

func (f *flags) parse(args []string) error {
	switch err := f.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		return errors.Join(err, f.console.print(f.usage))
	case err != nil:
		return misuse("a flag is unknown, or its value is missing or malformed; -h lists them")
	case f.NArg() > 0:
		return misuse("there is an argument that is no flag; if it is a secret, others have seen it: give it on the standard input, or when asked")
	}
	return nil
}
