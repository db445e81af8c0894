package jwks

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-jose/go-jose/v4"
	"golang.org/x/time/rate"
)

// Never is a RemoteConfig.Interval: the keys of the first fetch stay.
const Never time.Duration = -1

// RemoteConfig says where the keys of one issuer are. Either URL or Issuer is
// required; every other field has a default.
//
// URLs are https, or http on loopback addresses.
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

// Remote is a [KeySet] that a provider publishes. It is safe for concurrent use,
// does nothing until it is asked for a key, and has no goroutine but for the
// fetch under way.
//
// Fresh keys are answered from memory. After 80 % of their time a request
// starts a fetch and does not wait for it. Where nobody asked for so long that
// the set is out of date, requests wait for that fetch, 200 ms at most. A key that
// the provider removed is unknown from then on.
//
// A key id that is not in the set causes a fetch within an allowance (see
// RemoteConfig.Refetches), so that a rotation is seen by the first token signed
// with the new key, and a flood of forged tokens fetches little. Requests that
// need a fetch which is under way share its outcome; none of them can cancel it.
//
// A failed fetch, which is one without a usable key too, changes nothing but
// the time of the next: 1 second later, doubling to 30. Keys of a provider that
// is down are used until MaxStale, and then there are none. An error of Keys has
// a method RetryAfter() time.Duration.
type Remote struct {
	config RemoteConfig
	source *source
	set    atomic.Pointer[snapshot]

	mu        sync.Mutex
	flight    *flight
	failures  int
	err       error
	attempted time.Time
	retry     time.Time // no attempt before
	allowance *rate.Limiter
	ignored   string // why keys of the last set are not used
}

// snapshot is a set and its times.
type snapshot struct {
	keys
	fetched, refresh, expires time.Time
	once                      bool
}

// flight is a fetch under way.
type flight struct {
	done    chan struct{}
	started time.Time
	err     error // readable when done is closed
}

const (
	patience    = 200 * time.Millisecond
	firstRetry  = time.Second
	maxRetry    = 30 * time.Second
	refreshPart = 0.8
)

// NewRemote makes a Remote. It reports everything that is wrong at once, and does
// no I/O.
func NewRemote(config RemoteConfig) (*Remote, error) {
	errs := config.complete()
	source, err := newSource(&config)
	if err := errors.Join(append(errs, err)...); err != nil {
		return nil, err
	}
	return &Remote{
		config:    config,
		source:    source,
		allowance: rate.NewLimiter(rate.Every(config.RefetchEvery), config.Refetches),
	}, nil
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

// Keys implements [KeySet].
func (r *Remote) Keys(ctx context.Context, kid string) ([]jose.JSONWebKey, error) {
	now := r.config.Now()
	set := r.set.Load()
	if set == nil || set.tooOld(now, r.config.MaxStale) {
		if err := r.await(ctx, now, false); err != nil {
			return nil, err
		}
		if set = r.set.Load(); set == nil || set.tooOld(now, r.config.MaxStale) {
			return nil, &unavailable{err: errors.New("no keys"), after: firstRetry}
		}
		return set.find(kid), nil
	}
	if !set.once && !now.Before(set.refresh) {
		r.refresh(ctx, now, set)
		set = r.set.Load()
	}
	if set.once || kid == "" || set.has(kid) {
		return set.find(kid), nil
	}
	if len(set.noID) > 0 { // one of these may be the key, and need not wait for long
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, patience)
		defer cancel()
	}
	err := r.await(ctx, now, true)
	set = r.set.Load()
	if found := set.find(kid); len(found) > 0 || err == nil {
		return found, nil
	}
	return nil, err
}

func (s *snapshot) tooOld(now time.Time, most time.Duration) bool {
	return !s.once && now.After(s.staleUntil(most))
}

func (s *snapshot) staleUntil(most time.Duration) time.Time {
	if until := s.fetched.Add(most); until.After(s.expires) {
		return until
	}
	return s.expires
}

func (k keys) has(kid string) bool {
	_, ok := k.byID[kid]
	return ok
}

// refresh starts a fetch ahead of expiry. It waits for it, for a moment, only
// where the set went out of date while nobody asked.
func (r *Remote) refresh(ctx context.Context, now time.Time, set *snapshot) {
	r.mu.Lock()
	if r.set.Load() != set { // somebody was faster
		r.mu.Unlock()
		return
	}
	f := r.flight
	if f == nil && !now.Before(r.retry) {
		f = r.start(now, false)
	}
	idle := r.failures == 0 && !now.Before(set.expires)
	r.mu.Unlock()
	if f == nil || !idle {
		return
	}
	wait := min(patience, patience-now.Sub(f.started))
	if wait <= 0 {
		return
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-f.done:
	case <-timer.C:
	case <-ctx.Done():
	}
}

// await waits for the fetch under way, or for a new one. For an unknown key id it
// is without error when there may be no new one, since the set is then all there
// is to know.
func (r *Remote) await(ctx context.Context, now time.Time, unknownKey bool) error {
	r.mu.Lock()
	f := r.flight
	if f == nil {
		switch {
		case now.Before(r.retry):
			err := &unavailable{err: r.err, after: r.retry.Sub(now)}
			r.mu.Unlock()
			return err
		case unknownKey && r.allowance.TokensAt(now) < 1:
			r.mu.Unlock()
			return nil
		}
		f = r.start(now, unknownKey)
	}
	r.mu.Unlock()
	select {
	case <-f.done:
	case <-ctx.Done():
		return &unavailable{err: ctx.Err(), after: firstRetry}
	}
	return f.err
}

// start begins a fetch; the lock is held. The fetch belongs to nobody's request.
func (r *Remote) start(now time.Time, unknownKey bool) *flight {
	f := &flight{done: make(chan struct{}), started: now}
	r.flight = f
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), r.config.Timeout)
		defer cancel()
		set, err := r.fetch(ctx, unknownKey)
		r.land(f, set, err, unknownKey)
	}()
	return f
}

// fetch turns a panic, as of the application's http.RoundTripper, into an error:
// it must end neither the program nor the fetches.
func (r *Remote) fetch(ctx context.Context, noCache bool) (set *fetched, err error) {
	defer func() {
		if p := recover(); p != nil {
			set, err = nil, fmt.Errorf("a panic (%T) while fetching", p)
		}
	}()
	return r.source.fetch(ctx, noCache)
}

// land records the outcome of a fetch and wakes those who wait for it. It logs
// without the lock, since a logger may be slow, or ask for the Status.
func (r *Remote) land(f *flight, set *fetched, err error, unknownKey bool) {
	now := r.config.Now()
	r.mu.Lock()
	r.flight, r.attempted, r.err = nil, now, err
	if err != nil {
		delay := min(firstRetry<<min(r.failures, 10), maxRetry)
		r.retry = now.Add(delay)
		r.failures++
		f.err = &unavailable{err: err, after: delay}
	} else {
		if unknownKey {
			r.allowance.AllowN(now, 1)
		}
		r.failures, r.retry = 0, time.Time{}
		r.set.Store(r.snapshot(set, now))
	}
	failures := r.failures
	reasons := r.news(set)
	r.mu.Unlock()
	close(f.done)
	if err != nil {
		r.config.Logger.Warn("authstar: keys could not be fetched", "from", r.source.name(), "error", brief(err), "failures", failures)
	}
	if reasons != "" {
		r.config.Logger.Warn("authstar: published keys are not used", "from", r.source.name(), "reasons", reasons)
	}
}

// news is why keys of a set are not used, when it is not what it was for the
// last set; the lock is held.
func (r *Remote) news(set *fetched) string {
	if set == nil {
		return ""
	}
	last := r.ignored
	r.ignored = ""
	if err := errors.Join(set.ignored...); err != nil {
		r.ignored = brief(err)
	}
	if r.ignored == last {
		return ""
	}
	return r.ignored
}

func (r *Remote) snapshot(set *fetched, now time.Time) *snapshot {
	interval := r.config.Interval
	if interval == 0 {
		interval = r.config.DefaultInterval
		if set.maxAge != nil {
			interval = min(max(*set.maxAge, r.config.MinInterval), r.config.MaxInterval)
		}
	}
	return &snapshot{
		keys:    index(set.keys),
		fetched: now,
		refresh: now.Add(time.Duration(refreshPart * float64(interval))),
		expires: now.Add(interval),
		once:    r.config.Interval == Never,
	}
}

// Refresh fetches the keys now, for those who want to fail at start. It shares a
// fetch that is under way, and heeds neither the allowance nor the time of the
// next attempt.
func (r *Remote) Refresh(ctx context.Context) error {
	r.mu.Lock()
	f := r.flight
	if f == nil {
		f = r.start(r.config.Now(), false)
	}
	r.mu.Unlock()
	select {
	case <-f.done:
		return f.err
	case <-ctx.Done():
		return fmt.Errorf("jwks: %w", ctx.Err())
	}
}
