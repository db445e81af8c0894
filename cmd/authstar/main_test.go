package main

import (
	"bytes"
	"os"
	"strings"
	"testing"
)

// TestMain lets the test run itself as the program.
func TestMain(m *testing.M) {
	if os.Getenv("AUTHSTAR_TEST_MAIN") == "1" {
		os.Unsetenv("AUTHSTAR_TEST_MAIN")
		main()
	}
	os.Exit(m.Run())
}

// result is what a run wrote, and its status.
type result struct {
	out, err string
	status   int
}

// execute runs a command with that standard input.
func execute(t *testing.T, input string, args ...string) result {
	t.Helper()
	var out, err bytes.Buffer
	c := &console{in: strings.NewReader(input), out: &out, err: &err}
	status := run(t.Context(), c, args)
	return result{out.String(), err.String(), status}
}

// want fails unless the status is this, and the error has these words. What has
// no error writes nothing about it.
func (r result) want(t *testing.T, status int, words ...string) {
	t.Helper()
	if r.status != status {
		t.Errorf("status %d, want %d: %s%s", r.status, status, r.out, r.err)
	}
	for _, w := range words {
		if !strings.Contains(r.err, w) {
			t.Errorf("%q is not in %q", w, r.err)
		}
	}
}

func TestHelp(t *testing.T) {
	for _, args := range [][]string{{"-h"}, {"-help"}, {"--help"}, {"help"}} {
		r := execute(t, "", args...)
		r.want(t, 0)
		for _, cmd := range commands {
			if name := strings.Join(cmd.name, " "); !strings.Contains(r.out, "\n  "+name+" ") {
				t.Errorf("%v does not list %s", args, name)
			}
		}
	}
	for _, cmd := range commands {
		for _, flag := range []string{"-h", "-help", "--help"} {
			r := execute(t, "", append(cmd.name, flag)...)
			r.want(t, 0)
			if r.out != cmd.usage || r.err != "" || !strings.HasPrefix(r.out, "usage: authstar "+strings.Join(cmd.name, " ")) {
				t.Errorf("%v %s: %q %q", cmd.name, flag, r.out, r.err)
			}
		}
	}
}

// X13: what is given as an argument by mistake is not repeated.
func TestX13SecretsAsArguments(t *testing.T) {
	const secret = "s3cret-of-mine"
	for _, cmd := range commands {
		for _, args := range [][]string{{secret}, {"-" + secret}, {"--" + secret + "=" + secret}, {"--", secret}} {
			r := execute(t, "", append(cmd.name, args...)...)
			r.want(t, statusUsage)
			if strings.Contains(r.out+r.err, secret) || r.out != "" {
				t.Errorf("%v %v: %q %q", cmd.name, args, r.out, r.err)
			}
		}
	}
	for _, args := range [][]string{nil, {secret}, {"apikey"}, {"apikey", secret}, {"-" + secret}} {
		r := execute(t, "", args...)
		r.want(t, statusUsage, "authstar -h")
		if strings.Contains(r.out+r.err, secret) {
			t.Errorf("%v: %q", args, r.err)
		}
	}
}
