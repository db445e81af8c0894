// Package oauth has no code but tests: OAuth clients that people use against the
// authorization server.
package oauth
