package jwks

import (
	"fmt"
	"log/slog"
	"net/http"
	"time"
)

// Never is a RemoteConfig.Interval: the keys of the first fetch stay.
const Never time.Duration = -1

// RemoteConfig says where the keys of one issuer are. Either URL or Issuer is
// required; every other field has a default.
//
// URLs are https, or http on loopback addresses.
//
// A new key under the id of an old one, and a new one without an id, are seen when
// the set is fetched again, and not before: a provider that rotates like that
// needs a short Interval, or a call of [Remote.Refresh].
type RemoteConfig struct {
	// URL is where the JWK set is, for providers without discovery.
	URL string
	// Issuer finds the URL by discovery: OpenID Connect Discovery 1.0 section 4,
	// or where that document does not exist, RFC 8414 section 3. The document's
	// issuer must equal this byte for byte.
	Issuer string
	// DiscoveryURL is the discovery document of Issuer when it is elsewhere.
	DiscoveryURL string

	// Client sends the requests. nil is one that keeps no connections open. Its
	// redirects are limited to the same scheme and host, and it gets no cookies.
	Client *http.Client
	// Timeout is for all of one fetch, discovery included: 100 ms to 1 minute. 0
	// is 5 seconds.
	Timeout time.Duration
	// MaxBytes is the length of the longest answer after decompression. 0 is 1
	// MiB.
	MaxBytes int64
	// MaxKeys is how many keys a set may have. 0 is 100.
	MaxKeys int

	// Interval is how long a set is fresh, whatever the provider says; 0 asks its
	// Cache-Control, and Never fetches once.
	Interval time.Duration
	// MinInterval and MaxInterval clamp what Cache-Control says. 0 is 1 minute
	// and 24 hours.
	MinInterval, MaxInterval time.Duration
	// DefaultInterval is for answers without Cache-Control. 0 is 15 minutes.
	DefaultInterval time.Duration
	// MaxStale is how long after the last good fetch its keys are used while the
	// provider is down; they are never dropped while they are fresh. 0 is 24
	// hours.
	MaxStale time.Duration
	// Refetches is how many unknown key ids may cause a fetch in a row, and
	// RefetchEvery is how long one of these takes to come back. 0 is 5, and 10
	// seconds.
	Refetches    int
	RefetchEvery time.Duration

	// Logger is told about failed fetches and ignored keys. nil is
	// slog.Default().
	Logger *slog.Logger
	// Now is the clock. nil is time.Now.
	Now func() time.Time
}

// complete sets the defaults and lists what is out of bounds.
func (c *RemoteConfig) complete() (errs []error) {
	duration := func(name string, v *time.Duration, otherwise, least, most time.Duration) {
		if *v == 0 {
			*v = otherwise
		}
		if *v < least || *v > most {
			errs = append(errs, fmt.Errorf("jwks: RemoteConfig.%s %v: must be %v to %v", name, *v, least, most))
		}
	}
	const day = 24 * time.Hour
	duration("Timeout", &c.Timeout, 5*time.Second, 100*time.Millisecond, time.Minute)
	duration("MinInterval", &c.MinInterval, time.Minute, time.Second, day)
	duration("MaxInterval", &c.MaxInterval, day, c.MinInterval, 7*day)
	duration("DefaultInterval", &c.DefaultInterval, min(max(15*time.Minute, c.MinInterval), c.MaxInterval), time.Second, 7*day)
	duration("MaxStale", &c.MaxStale, day, time.Second, 30*day)
	duration("RefetchEvery", &c.RefetchEvery, 10*time.Second, 100*time.Millisecond, day)
	if c.Interval != 0 && c.Interval != Never {
		duration("Interval", &c.Interval, 0, time.Second, 7*day)
	}
	number := func(name string, v, otherwise, most int64) int64 {
		if v == 0 {
			return otherwise
		}
		if v < 1 || v > most {
			errs = append(errs, fmt.Errorf("jwks: RemoteConfig.%s %d: must be 1 to %d", name, v, most))
		}
		return v
	}
	c.MaxBytes = number("MaxBytes", c.MaxBytes, 1<<20, 16<<20)
	c.MaxKeys = int(number("MaxKeys", int64(c.MaxKeys), 100, 10_000))
	c.Refetches = int(number("Refetches", int64(c.Refetches), 5, 1000))
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	return errs
}
