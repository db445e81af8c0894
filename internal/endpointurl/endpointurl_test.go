package endpointurl_test

import (
	"testing"

	"github.com/authstar/authstar/internal/endpointurl"
)

// K01 K03
func TestParseIssuer(t *testing.T) {
	for s, ok := range map[string]bool{
		"https://a.example":            true,
		"https://a.example/tenant/":    true,
		"http://127.0.0.1:8080":        true,
		"http://[::1]:8080/x":          true,
		"http://localhost":             true,
		"http://a.example":             false,
		"http://localhost.evil":        false,
		"http://169.254.169.254":       false,
		"https://":                     false,
		"https://a.example?x=1":        false,
		"https://a.example?":           false,
		"https://a.example#f":          false,
		"https://user@a.example":       false,
		"file:///etc/passwd":           false,
		"/relative":                    false,
		"https://a.example/\x7f":       false,
		"ftp://127.0.0.1":              false,
		"http://[::ffff:127.0.0.1]:80": true,
	} {
		if _, err := endpointurl.ParseIssuer(s); (err == nil) != ok {
			t.Errorf("%q: %v", s, err)
		}
	}
	if _, err := endpointurl.Parse("https://a.example/x?y=1"); err != nil {
		t.Errorf("an endpoint may have a query: %v", err)
	}
}

// M10: an error about a URL does not show the password in it.
func TestWithoutUser(t *testing.T) {
	for s, want := range map[string]string{
		"https://a.example/x":            "https://a.example/x",
		"https://user:p@ss@a.example/x":  "…@a.example/x",
		"user:pass@a.example":            "…@a.example",
		"https://user:pa/ss?#@a.example": "…@a.example",
	} {
		if got := endpointurl.WithoutUser(s); got != want {
			t.Errorf("%q: %q, want %q", s, got, want)
		}
	}
}
