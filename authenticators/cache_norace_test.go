//go:build !race

package authenticators_test

// cacheBadTokens is how many bad tokens must leave nothing behind.
const cacheBadTokens = 100_000
