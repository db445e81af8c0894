package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/term"
)

// console is where a command reads and writes.
type console struct {
	in       io.Reader
	out, err io.Writer
	terminal *os.File // nil when the standard input is none
}

func (c *console) print(text string) error {
	_, err := io.WriteString(c.out, text)
	return err
}

// say tells people something, beside what the command makes.
func (c *console) say(format string, args ...any) {
	_, _ = fmt.Fprintf(c.err, format, args...)
}

// maxSecret is the length of the longest secret, in bytes.
const maxSecret = 64 << 10

var errTooLong = refusal("what was entered is longer than 64 KiB")

// secret asks for a secret on the terminal, or else reads all of the standard
// input, without the end of its last line. A signal ends the program, since
// reading does not heed the context.
func (c *console) secret(ctx context.Context, prompt string) (string, error) {
	if c.terminal == nil {
		defer context.AfterFunc(ctx, func() { os.Exit(statusInterrupted) })()
		b, err := io.ReadAll(io.LimitReader(c.in, maxSecret+1))
		if err == nil && len(b) > maxSecret {
			err = errTooLong
		}
		return strings.TrimSuffix(strings.TrimSuffix(string(b), "\n"), "\r"), err
	}
	// In raw mode, since a terminal that collects lines for a program, as for
	// term.ReadPassword, cuts them at 4,096 bytes: a token may be longer.
	fd := int(c.terminal.Fd())
	state, err := term.MakeRaw(fd)
	if err != nil {
		return "", err
	}
	restore := func() {
		_ = term.Restore(fd, state)
		c.say("\n")
	}
	stop := context.AfterFunc(ctx, func() {
		restore()
		os.Exit(statusInterrupted)
	})
	c.say("%s", prompt)
	line, err := readLine(c.terminal)
	if stop() {
		restore()
	}
	return line, err
}

// readLine reads what is typed into a terminal in raw mode, with the keys that
// correct it. It reads byte by byte, since what follows the line is not its own.
func readLine(r io.Reader) (string, error) {
	const interrupt, end, backspace, kill, rubout = 0x03, 0x04, '\b', 0x15, 0x7f
	var line []byte
	var b [1]byte
	for {
		if _, err := io.ReadFull(r, b[:]); err != nil {
			return "", err
		}
		switch b[0] {
		case '\r', '\n':
			return string(line), nil
		case end:
			if len(line) == 0 {
				return "", errInterrupted
			}
			return string(line), nil
		case interrupt:
			return "", errInterrupted
		case kill:
			line = line[:0]
		case backspace, rubout:
			_, n := utf8.DecodeLastRune(line)
			line = line[:len(line)-n]
		default:
			if len(line) == maxSecret {
				return "", errTooLong
			}
			line = append(line, b[0])
		}
	}
}

// printable escapes what a terminal would not show as it is: a token or the name
// of a file may have been made to move its cursor.
func printable(s string) string {
	var b strings.Builder
	for _, r := range s {
		if r == '\n' || unicode.IsPrint(r) {
			b.WriteRune(r)
		} else {
			q := strconv.QuoteRuneToASCII(r)
			b.WriteString(q[1 : len(q)-1])
		}
	}
	return b.String()
}

// createFile makes a file that is not there yet.
func createFile(path string, mode os.FileMode, content []byte) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, mode)
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	if err = errors.Join(err, f.Close()); err != nil {
		return errors.Join(err, os.Remove(path))
	}
	return nil
}
