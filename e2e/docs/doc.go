// Package docs has no code but tests: the documents of package openapi before
// the validators of others, and the page of package openapi/docs in a browser.
package docs
