package jwks

import (
	"strings"
	"time"
)

// Status is the state of a [Remote], for a readiness probe.
type Status struct {
	// Ready is whether there are keys that may be used.
	Ready bool
	// Keys is how many.
	Keys int
	// Fetched is when they were fetched, Expires until when they are fresh, and
	// StaleUntil until when they are used if the provider stays down.
	Fetched, Expires, StaleUntil time.Time
	// Attempted is the end of the last fetch, and Err is how it failed; nil if it
	// did not.
	Attempted time.Time
	Err       error
}

// Status reports the state without any I/O.
func (r *Remote) Status() Status {
	r.mu.Lock()
	s := Status{Attempted: r.attempted, Err: r.err}
	r.mu.Unlock()
	if set := r.set.Load(); set != nil {
		s.Keys, s.Fetched = len(set.all.keys), set.fetched
		if !set.once {
			s.Expires, s.StaleUntil = set.expires, set.staleUntil(r.config.MaxStale)
		}
		s.Ready = !set.tooOld(r.config.Now(), r.config.MaxStale)
	}
	return s
}

// unavailable is an error of a provider that does not answer.
type unavailable struct {
	err   error
	after time.Duration
}

func (e *unavailable) Error() string             { return "jwks: " + brief(e.err) }
func (e *unavailable) Unwrap() error             { return e.err }
func (e *unavailable) RetryAfter() time.Duration { return e.after }

// brief is the text of an error without the length that a provider can give it.
func brief(err error) string {
	const most = 2 << 10
	text := err.Error()
	if len(text) > most {
		text = strings.ToValidUTF8(text[:most], "") + " …"
	}
	return text
}
