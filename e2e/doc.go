// Package e2e has no code but tests: authstar against the programs and
// libraries that people put around it, each the real one, on loopback.
package e2e
