//go:build race

package authenticators_test

// The race detector makes each of them ten times as slow.
const cacheBadTokens = 10_000
