package jwks

import (
	"context"
	"errors"
	"fmt"
	"time"
)

const (
	patience   = 200 * time.Millisecond
	firstRetry = time.Second
	maxRetry   = 30 * time.Second
)

// flight is a fetch under way.
type flight struct {
	kid     string // whose token began it; "" for none
	unknown bool   // because its key id is not in the set
	began   time.Time

	late chan struct{} // closed when it takes longer than patience
	done chan struct{} // closed when it has landed
	err  error         // readable then
}

var errLate = errors.New("the keys take long to come")

// answers reports whether the outcome is all there is to know about a key id. It
// is when the fetch began for it, or went past all caches for another one.
func (f *flight) answers(kid string) bool { return f.unknown || f.kid == kid }

// wait is for the outcome; in a hurry, for as long as it is not late.
func (f *flight) wait(ctx context.Context, hurry bool) error {
	var late chan struct{}
	if hurry {
		late = f.late
	}
	select {
	case <-f.done:
		return f.err
	case <-late:
		return &unavailable{err: errLate, after: firstRetry}
	case <-ctx.Done():
		return &unavailable{err: ctx.Err(), after: firstRetry}
	}
}

// join returns the fetch under way, or a new one. For an unknown key id it is nil,
// without error, when there may be no new one: the set is then all there is to
// know.
func (r *Remote) join(now time.Time, kid string, unknown bool) (*flight, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.flight != nil:
		return r.flight, nil
	case now.Before(r.retry):
		return nil, &unavailable{err: r.err, after: r.retry.Sub(now)}
	case unknown && r.allowance.TokensAt(now) < 1:
		return nil, nil
	}
	return r.start(kid, unknown), nil
}

// start begins a fetch; the lock is held. The fetch belongs to nobody's request.
func (r *Remote) start(kid string, unknown bool) *flight {
	f := &flight{kid: kid, unknown: unknown, began: r.config.Now(), late: make(chan struct{}), done: make(chan struct{})}
	r.flight = f
	go func() {
		late := time.AfterFunc(patience, func() { close(f.late) })
		defer late.Stop()
		ctx, cancel := context.WithTimeout(context.Background(), r.config.Timeout)
		defer cancel()
		set, err := r.fetch(ctx, unknown)
		r.land(f, set, err)
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
func (r *Remote) land(f *flight, set *fetched, err error) {
	now := r.config.Now()
	r.mu.Lock()
	r.flight, r.attempted, r.err = nil, now, err
	if err != nil {
		delay := min(firstRetry<<min(r.failures, 10), maxRetry)
		r.retry = now.Add(delay)
		r.failures++
		f.err = &unavailable{err: err, after: delay}
	} else {
		if f.unknown {
			r.allowance.AllowN(now, 1)
		}
		r.failures, r.retry = 0, time.Time{}
		r.replace(r.snapshot(set, now), f.kid)
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

// replace takes the set that was fetched for a token with this key id.
func (r *Remote) replace(set *snapshot, kid string) {
	if kid != "" && len(set.noID.keys) > 0 && !set.has(kid) {
		r.absent.add(kid)
	}
	r.set.Store(set)
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
