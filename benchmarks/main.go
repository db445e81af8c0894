// Command benchmarks measures authstar beside other libraries of its field, on
// the same tokens and in one process, and prints a table in Markdown: each case,
// what was measured, and the limit that it has to keep.
//
//	go run .        # about three minutes
//	go run . -quick # under one, with larger errors
//
// Times are compared in pairs of short slices in random order, and their ratio
// is the median over all pairs, so that a busy machine changes little. Before
// that, every library must know a good token and refuse bad ones.
package main

import (
	"flag"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"time"
)

func main() {
	quick := flag.Bool("quick", os.Getenv("QUICK") != "", "fewer rounds and tokens")
	flag.Parse()
	s := full
	if *quick {
		s = small
	}
	missed, err := run(s, os.Stdout, os.Stderr)
	if err != nil {
		fmt.Fprintln(os.Stderr, "benchmarks:", err)
		os.Exit(1)
	}
	if missed > 0 {
		fmt.Fprintf(os.Stderr, "benchmarks: %d limits are missed\n", missed)
		os.Exit(2)
	}
}

// sizes are how much is measured.
type sizes struct {
	name         string
	rounds       int // of every comparison
	unseenTokens int // tokens of each algorithm
	live         int // tokens in turn
	requests     int // with tokens seen before
	kids         int // unknown key ids at once
	starts       int // requests at once while the key server fails
	minutes      int // of an outage
	bad          int // tokens
	good         int // tokens, with a cache for all of them
	overflow     int // tokens, with the default cache
}

var (
	full  = sizes{"go run .", 3, 1000, 5000, 100_000, 1000, 100, 180, 1_000_000, 100_000, 25_000}
	small = sizes{"go run . -quick", 2, 200, 5000, 30_000, 1000, 100, 60, 50_000, 20_000, 15_000}
)

// benchmark has what all cases use.
type benchmark struct {
	sizes
	issuer *issuer
	keys   *keyServer
	report report
	log    io.Writer
	start  time.Time
}

func (b *benchmark) progress(format string, args ...any) {
	_, _ = fmt.Fprintf(b.log, "%4.0fs  %s\n", time.Since(b.start).Seconds(), fmt.Sprintf(format, args...))
}

// run prints the report, and returns how many limits are missed.
func run(s sizes, out, log io.Writer) (missed int, err error) {
	b := &benchmark{sizes: s, log: log, start: time.Now()}
	if b.issuer, err = newIssuer("2026-01"); err != nil {
		return 0, err
	}
	b.keys = newKeyServer(b.issuer.set)
	defer b.keys.Close()
	b.progress("conformance")
	if err := conformance(b.issuer, b.keys.URL); err != nil {
		return 0, err
	}
	for _, c := range []func() error{b.seen, b.unseen, b.unknownKeys, b.rotation, b.outage, b.coldStart, b.badTokens, b.goodTokens} {
		if err := c(); err != nil {
			return 0, err
		}
	}
	_, _ = fmt.Fprintf(out, "%s, %d CPUs, %s/%s, %s, %s, `%s` in %s\n\n", processor(), runtime.NumCPU(), runtime.GOOS, runtime.GOARCH,
		runtime.Version(), b.start.Format(time.DateOnly), s.name, time.Since(b.start).Round(time.Second))
	b.report.write(out)
	return b.report.missed(), nil
}

// processor is what the machine calls its own, where it says so.
func processor() string {
	info, _ := os.ReadFile("/proc/cpuinfo")
	for line := range strings.Lines(string(info)) {
		if name, model, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(model)
		}
	}
	return "unknown processor"
}

// short prints a time with three digits.
func short(d time.Duration) string {
	switch {
	case d < 10*time.Microsecond:
		return d.Round(10 * time.Nanosecond).String()
	case d < 100*time.Microsecond:
		return d.Round(100 * time.Nanosecond).String()
	case d < time.Millisecond:
		return d.Round(time.Microsecond).String()
	case d < 10*time.Millisecond:
		return d.Round(10 * time.Microsecond).String()
	}
	return d.Round(time.Millisecond).String()
}
