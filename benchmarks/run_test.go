package main

import (
	"strings"
	"testing"
)

// The whole runs with hardly any tokens, and says something about every case. Its
// times mean nothing here.
func TestRun(t *testing.T) {
	tiny := sizes{"go test", 1, 16, 16, 128, 50, 20, 3, 200, 200, 50}
	var out, log strings.Builder
	if _, err := run(tiny, &out, &log); err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{
		"a token seen before, through chain, guard and handler | ", "16 live tokens in turn | ",
		"a token never seen, RS256 | ", "the miss through the cache, EdDSA | ",
		"unknown key ids at once, key server with 50ms latency | 1 fetch", "a rotation right after a forged key id | 1 fetch",
		"the key server hangs, 3 minutes | 0 of ", "20 requests at once | 1 fetch, 20 × 503, healed by fetch 2",
		"0 accepted | ", "200 valid distinct tokens, CacheSize 200 | ", "50 valid distinct tokens, the default bound",
		"lestrrat-go/jwx/v3 | ", "k8s.io/apiserver: its cache alone | ",
	} {
		if !strings.Contains(out.String(), line) {
			t.Errorf("no line has %q", line)
		}
	}
	if t.Failed() {
		t.Log(out.String())
	}
}
