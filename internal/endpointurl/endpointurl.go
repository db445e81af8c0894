// Package endpointurl checks the URLs of providers and their endpoints.
package endpointurl

import (
	"errors"
	"net/netip"
	"net/url"
	"strings"
)

// Parse accepts https URLs, and http ones on loopback addresses, with a host and
// without user and fragment. Its error completes a sentence about the URL.
func Parse(s string) (*url.URL, error) {
	u, err := url.Parse(s)
	switch {
	case err != nil:
		return nil, errors.New("is not a URL")
	case u.Host == "" || u.User != nil || strings.Contains(s, "#"):
		return nil, errors.New("must have a host, and no user or fragment")
	case u.Scheme != "https" && !(u.Scheme == "http" && IsLoopback(u.Hostname())):
		return nil, errors.New("must be https, or http on a loopback address")
	}
	return u, nil
}

// ParseIssuer is Parse for an issuer identifier, which has no query either (RFC
// 8414 section 2).
func ParseIssuer(s string) (*url.URL, error) {
	if strings.Contains(s, "?") {
		return nil, errors.New("must have no query")
	}
	return Parse(s)
}

// IsLoopback reports whether the host is this machine.
func IsLoopback(host string) bool {
	addr, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && addr.Unmap().IsLoopback()
}

// WithoutUser is a URL for an error: it was refused, perhaps for the password in it.
func WithoutUser(s string) string {
	if at := strings.LastIndexByte(s, '@'); at >= 0 {
		return "…" + s[at:]
	}
	return s
}
