package jwks_test

import (
	"strings"
	"testing"
	"time"

	"github.com/authstar/authstar/authenticators/jwks"
)

func TestRemoteConfig(t *testing.T) {
	const good = "https://a.example/keys"
	for _, row := range []struct {
		name   string
		config jwks.RemoteConfig
		want   string // what the error names; "" is none
	}{
		{"K01 a URL", jwks.RemoteConfig{URL: good}, ""},
		{"K01 a URL with a query", jwks.RemoteConfig{URL: good + "?p=1"}, ""},
		{"K01 an issuer", jwks.RemoteConfig{Issuer: "https://a.example/"}, ""},
		{"K01 an issuer and its document", jwks.RemoteConfig{Issuer: "https://a.example/{tenantid}", DiscoveryURL: "https://b.example/d?p=1"}, ""},
		{"K01 a URL on loopback", jwks.RemoteConfig{URL: "http://localhost:8080/keys"}, ""},
		{"K01 nothing", jwks.RemoteConfig{}, "URL or Issuer"},
		{"K01 URL and issuer", jwks.RemoteConfig{URL: good, Issuer: "https://a.example"}, "URL and Issuer"},
		{"K01 URL and document", jwks.RemoteConfig{URL: good, DiscoveryURL: good}, "URL and Issuer"},
		{"K01 a document without an issuer", jwks.RemoteConfig{DiscoveryURL: good}, "Issuer"},
		{"K01 http", jwks.RemoteConfig{URL: "http://a.example/keys"}, "URL"},
		{"K01 http on what becomes loopback", jwks.RemoteConfig{URL: "http://127。0。0。1/keys"}, "URL"},
		{"K01 http on what becomes localhost", jwks.RemoteConfig{URL: "http://ｌocalhost/keys"}, "URL"},
		{"K01 http on an address before which localhost is a user", jwks.RemoteConfig{URL: "http://localhost@192.0.2.1/keys"}, "URL"},
		{"K01 an issuer by http", jwks.RemoteConfig{Issuer: "http://a.example"}, "Issuer"},
		{"K01 a document by http", jwks.RemoteConfig{Issuer: "https://a.example", DiscoveryURL: "http://a.example/d"}, "DiscoveryURL"},
		{"K01 an issuer with a query", jwks.RemoteConfig{Issuer: "https://a.example?p=1"}, "Issuer"},
		{"K01 an issuer with a fragment", jwks.RemoteConfig{Issuer: "https://a.example#p"}, "Issuer"},
		{"K01 an issuer with a user", jwks.RemoteConfig{Issuer: "https://u@a.example"}, "Issuer"},
		{"K01 no URL", jwks.RemoteConfig{URL: "keys.json"}, "URL"},
		{"K01 the least of all", jwks.RemoteConfig{URL: good, Timeout: 100 * time.Millisecond, MinInterval: time.Second, MaxInterval: time.Second, Interval: time.Second, MaxStale: time.Second, MaxBytes: 1, MaxKeys: 1, Refetches: 1, RefetchEvery: 100 * time.Millisecond}, ""},
		{"K01 never", jwks.RemoteConfig{URL: good, Interval: jwks.Never}, ""},
		{"K01 a timeout that is too short", jwks.RemoteConfig{URL: good, Timeout: time.Millisecond}, "Timeout"},
		{"K01 a timeout that is too long", jwks.RemoteConfig{URL: good, Timeout: time.Hour}, "Timeout"},
		{"K01 a negative interval", jwks.RemoteConfig{URL: good, Interval: -2}, "Interval"},
		{"K01 an interval that is too short", jwks.RemoteConfig{URL: good, Interval: time.Millisecond}, "Interval"},
		{"K01 intervals in disorder", jwks.RemoteConfig{URL: good, MinInterval: time.Hour, MaxInterval: time.Minute}, "MaxInterval"},
		{"K01 an interval of a month", jwks.RemoteConfig{URL: good, DefaultInterval: 30 * 24 * time.Hour}, "DefaultInterval"},
		{"K01 no staleness", jwks.RemoteConfig{URL: good, MaxStale: -1}, "MaxStale"},
		{"K01 a negative size", jwks.RemoteConfig{URL: good, MaxBytes: -1}, "MaxBytes"},
		{"K01 a size that is none", jwks.RemoteConfig{URL: good, MaxBytes: 1 << 30}, "MaxBytes"},
		{"K01 too many keys", jwks.RemoteConfig{URL: good, MaxKeys: 1e6}, "MaxKeys"},
		{"K01 a negative allowance", jwks.RemoteConfig{URL: good, Refetches: -1}, "Refetches"},
		{"K01 an allowance that returns at once", jwks.RemoteConfig{URL: good, RefetchEvery: 1}, "RefetchEvery"},
	} {
		t.Run(row.name, func(t *testing.T) {
			_, err := jwks.NewRemote(row.config)
			if (err == nil) != (row.want == "") || err != nil && !strings.Contains(err.Error(), "jwks: RemoteConfig") || err != nil && !strings.Contains(err.Error(), row.want) {
				t.Errorf("%v, want %q", err, row.want)
			}
		})
	}
}

func TestRemoteConfigFaultsAtOnce(t *testing.T) {
	_, err := jwks.NewRemote(jwks.RemoteConfig{Issuer: "http://a.example", DiscoveryURL: "ftp://a.example", Timeout: -1, Interval: -2, MaxStale: -1, MaxBytes: -1, MaxKeys: -1, Refetches: -1, RefetchEvery: -1})
	if err == nil {
		t.Fatal("K01 no error")
	}
	for _, name := range []string{"Issuer", "DiscoveryURL", "Timeout", "Interval", "MaxStale", "MaxBytes", "MaxKeys", "Refetches", "RefetchEvery"} {
		if !strings.Contains(err.Error(), "RemoteConfig."+name+" ") {
			t.Errorf("K01 %s is not named: %v", name, err)
		}
	}
}
