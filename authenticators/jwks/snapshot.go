package jwks

import "time"

// refreshPart is the part of its time after which a set is fetched again.
const refreshPart = 0.8

// snapshot is a set and its times.
type snapshot struct {
	keys
	fetched, refresh, expires time.Time
	once                      bool
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
		keys:    index(set.list),
		fetched: now,
		refresh: now.Add(time.Duration(refreshPart * float64(interval))),
		expires: now.Add(interval),
		once:    r.config.Interval == Never,
	}
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
