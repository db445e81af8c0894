// Package browser has no code but tests: examples/pkce as a person sees it, in a
// real browser.
package browser
