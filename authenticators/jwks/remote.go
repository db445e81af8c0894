package jwks

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-jose/go-jose/v4"
	"golang.org/x/time/rate"
)

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
// Where keys have no id, 100 of the ids that a fetch did not bring are remembered:
// their tokens are tried with these keys at once, until a later fetch brings the
// id. For any other id they come with an error when a fetch for it fails or takes
// longer than 200 ms.
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

	absent absent
}

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

// Keys implements [KeySet].
func (r *Remote) Keys(ctx context.Context, kid string) ([]jose.JSONWebKey, error) {
	found, err := r.list(ctx, kid)
	return found.keys, err
}

// KeysOf is Keys without those that the set says are another issuer's, in a member
// "issuer" of the key. Entra's keys for all tenants have it, as the issuer of one
// tenant, or with "{tenantid}" in it for any.
func (r *Remote) KeysOf(ctx context.Context, kid string, issuers ...string) ([]jose.JSONWebKey, error) {
	found, err := r.list(ctx, kid)
	return found.of(issuers), err
}

func (r *Remote) list(ctx context.Context, kid string) (list, error) {
	now := r.config.Now()
	set := r.set.Load()
	if set == nil || set.tooOld(now, r.config.MaxStale) {
		return r.load(ctx, now, kid)
	}
	if !set.once && !now.Before(set.refresh) {
		r.refresh(ctx, now, set)
		set = r.set.Load()
	}
	return r.find(ctx, set, kid)
}

// load is Keys where there are none that may be used.
func (r *Remote) load(ctx context.Context, now time.Time, kid string) (list, error) {
	f, err := r.join(now, kid, false)
	if err == nil {
		err = f.wait(ctx, false)
	}
	if err != nil {
		return list{}, err
	}
	set := r.set.Load()
	if f.answers(kid) {
		return set.find(kid), nil
	}
	return r.find(ctx, set, kid)
}

// find looks into the set, and fetches for a key id that may be newer. A fetch
// that was under way for something else may be older than the key, so that after
// it another one is awaited. Keys without an id may be the one in spite of an error.
func (r *Remote) find(ctx context.Context, set *snapshot, kid string) (list, error) {
	if set.once || kid == "" || len(kid) > maxKeyID || set.has(kid) || len(set.noID.keys) > 0 && r.absent.has(kid) {
		return set.find(kid), nil
	}
	hurry := len(set.noID.keys) > 0 // one of these may be the key
	var err error
	for range 2 {
		var f *flight
		if f, err = r.join(r.config.Now(), kid, true); f == nil {
			break
		}
		err = f.wait(ctx, hurry)
		if err != nil || f.answers(kid) || r.set.Load().has(kid) {
			break
		}
	}
	return r.set.Load().find(kid), err
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
		f = r.start("", false)
	}
	idle := r.failures == 0 && f != nil && !f.began.Before(set.expires)
	r.mu.Unlock()
	if idle {
		_ = f.wait(ctx, true)
	}
}

// Refresh fetches the keys now, for those who want to fail at start. It shares a
// fetch that is under way, and heeds neither the allowance nor the time of the
// next attempt.
func (r *Remote) Refresh(ctx context.Context) error {
	r.mu.Lock()
	f := r.flight
	if f == nil {
		f = r.start("", false)
	}
	r.mu.Unlock()
	return f.wait(ctx, false)
}

// String names the provider.
func (r *Remote) String() string { return "jwks.Remote(" + r.source.name() + ")" }

// GoString is String: the state of a Remote must not be read without its lock.
func (r *Remote) GoString() string { return r.String() }

// LogValue is String.
func (r *Remote) LogValue() slog.Value { return slog.StringValue(r.String()) }
