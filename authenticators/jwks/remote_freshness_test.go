package jwks_test

import (
	"log/slog"
	"net/http"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/authstar/authstar/authenticators/jwks"
)

func TestRemoteInterval(t *testing.T) {
	age := func(s string) []string { return []string{"Cache-Control: " + s} }
	for name, row := range map[string]struct {
		header []string
		config jwks.RemoteConfig
		want   time.Duration
	}{
		"K19 nothing said is 15 minutes":             {nil, jwks.RemoteConfig{}, 15 * time.Minute},
		"K19 something else said is 15 minutes":      {age("public, must-revalidate"), jwks.RemoteConfig{}, 15 * time.Minute},
		"K19 what is said counts":                    {age("public, max-age=7200, must-revalidate"), jwks.RemoteConfig{}, 2 * time.Hour},
		"K19 in any case, quoted and with spaces":    {age(`Public ,  MAX-AGE="7200"`), jwks.RemoteConfig{}, 2 * time.Hour},
		"K19 in a second line":                       {[]string{"Cache-Control: public", "Cache-Control: max-age=7200"}, jwks.RemoteConfig{}, 2 * time.Hour},
		"K19 less what has passed":                   {append(age("max-age=7200"), "Age: 3600"), jwks.RemoteConfig{}, time.Hour},
		"K19 all of which has passed":                {append(age("max-age=7200"), "Age: 9000"), jwks.RemoteConfig{}, time.Minute},
		"K19 an age that is none":                    {append(age("max-age=7200"), "Age: -3600"), jwks.RemoteConfig{}, 2 * time.Hour},
		"K19 a year is a day":                        {age("max-age=31536000"), jwks.RemoteConfig{}, 24 * time.Hour},
		"K19 more than a number holds is a day":      {age("max-age=99999999999"), jwks.RemoteConfig{}, 24 * time.Hour},
		"K19 more than any number holds is a day":    {age("max-age=99999999999999999999"), jwks.RemoteConfig{}, 24 * time.Hour},
		"K19 an age that no number holds":            {append(age("max-age=99999999999"), "Age: 99999999999"), jwks.RemoteConfig{}, time.Minute},
		"K19 zero is a minute":                       {age("max-age=0"), jwks.RemoteConfig{}, time.Minute},
		"K19 a second is a minute":                   {age("max-age=1"), jwks.RemoteConfig{}, time.Minute},
		"K19 less than nothing says nothing":         {age("max-age=-1"), jwks.RemoteConfig{}, 15 * time.Minute},
		"K19 far less than nothing says nothing":     {age("max-age=-99999999999"), jwks.RemoteConfig{}, 15 * time.Minute},
		"K19 a word says nothing":                    {age("max-age=day"), jwks.RemoteConfig{}, 15 * time.Minute},
		"K19 no-store is a minute":                   {age("no-store"), jwks.RemoteConfig{}, time.Minute},
		"K19 no-cache is a minute, whatever follows": {age("no-cache, max-age=7200"), jwks.RemoteConfig{}, time.Minute},
		"K19 the application's bounds, below":        {age("max-age=1"), jwks.RemoteConfig{MinInterval: 5 * time.Minute}, 5 * time.Minute},
		"K19 the application's bounds, above":        {age("max-age=7200"), jwks.RemoteConfig{MaxInterval: time.Hour}, time.Hour},
		"K19 the application's default":              {nil, jwks.RemoteConfig{DefaultInterval: time.Hour}, time.Hour},
		"K19 the application's interval":             {age("max-age=7200"), jwks.RemoteConfig{Interval: 10 * time.Second}, 10 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := newRemoteProvider(t, remoteBody(200, remoteSet("k1"), row.header...))
				r, _ := p.remote(t, row.config)
				p.wants(t, r, "k1", true, 1)
				if got := time.Until(r.Status().Expires); got != row.want {
					t.Errorf("fresh for %v, want %v", got, row.want)
				}
				time.Sleep(row.want*8/10 - time.Millisecond)
				p.wants(t, r, "k1", true, 0)
				time.Sleep(time.Millisecond)
				p.wants(t, r, "k1", true, 1)
			})
		})
	}
}

// K06: the fetch ahead of expiry delays nobody, and what it brought counts from
// then on.
func TestRemoteRefreshAhead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newRemoteProvider(t, remoteKeys("k1", "old"))
		r, _ := p.remote(t, jwks.RemoteConfig{})
		p.wants(t, r, "old", true, 1)
		time.Sleep(12 * time.Minute)
		p.serve(remoteSlow(50*time.Millisecond, remoteKeys("k1")))
		start := time.Now()
		for range 100 {
			if ok, err := remoteFound(t.Context(), r, "old"); !ok || err != nil {
				t.Fatal(ok, err)
			}
		}
		if took := time.Since(start); took > 0 {
			t.Errorf("K06 a fetch ahead of expiry delays for %v", took)
		}
		time.Sleep(50 * time.Millisecond)
		synctest.Wait()
		if p.fetches() != 2 {
			t.Errorf("K06 %d fetches", p.fetches())
		}
		p.serve(remoteKeys("k1"))
		p.wants(t, r, "k1", true, 0)
		p.wants(t, r, "old", false, 1)
	})
}

// K06: of many who find at once that it is time, one fetches, and nobody again who
// found it before that fetch and comes after it.
func TestRemoteRefreshAheadOnce(t *testing.T) {
	var now, fetches atomic.Int64
	r, err := jwks.NewRemote(jwks.RemoteConfig{
		URL: remoteURL, Interval: time.Hour, Logger: slog.New(slog.DiscardHandler),
		Now: func() time.Time { return time.Unix(now.Load(), 0) },
		Client: &http.Client{Transport: remoteTripper(func(*http.Request) (*http.Response, error) {
			fetches.Add(1)
			return remoteResponse(remoteSet("k1")), nil
		})},
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	const rounds = 300
	for range rounds {
		now.Add(50 * 60)
		var all sync.WaitGroup
		for range 100 {
			all.Go(func() {
				if ok, err := remoteFound(t.Context(), r, "k1"); !ok || err != nil {
					t.Errorf("K06 %v, %v", ok, err)
				}
			})
		}
		all.Wait()
		for r.Status().Fetched.Unix() != now.Load() {
			runtime.Gosched()
		}
	}
	if n := fetches.Load(); n != 1+rounds {
		t.Errorf("K06 %d fetches, want one for each of %d rounds", n-1, rounds)
	}
}

// K06: after a time without requests the first one waits, for a moment, and
// sees what was removed meanwhile.
func TestRemoteFirstRequestAfterAPause(t *testing.T) {
	for name, row := range map[string]struct {
		latency, waits time.Duration
		removed        bool
	}{
		"K06 a provider that answers at once": {0, 0, true},
		"K06 a provider that takes 50 ms":     {50 * time.Millisecond, 50 * time.Millisecond, true},
		"K06 a provider that takes 2 seconds": {2 * time.Second, 200 * time.Millisecond, false},
		"K08 a provider that does not answer": {time.Hour, 200 * time.Millisecond, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := newRemoteProvider(t, remoteKeys("k1", "old"))
				r, _ := p.remote(t, jwks.RemoteConfig{})
				p.wants(t, r, "old", true, 1)
				time.Sleep(23 * time.Hour)
				p.serve(func(w http.ResponseWriter, r *http.Request) {
					select {
					case <-time.After(row.latency):
						remoteKeys("k1")(w, r)
					case <-r.Context().Done():
					}
				})
				start := time.Now()
				keys, err := r.Keys(t.Context(), "k1")
				if len(keys) != 1 || err != nil || time.Since(start) != row.waits {
					t.Errorf("%d keys, %v after %v, want %v", len(keys), err, time.Since(start), row.waits)
				}
				if s := r.Status(); (s.Keys == 1) != row.removed {
					t.Errorf("%d keys: the removal is seen %v, want %v", s.Keys, s.Keys == 1, row.removed)
				}
				start = time.Now()
				if keys, err := r.Keys(t.Context(), "k1"); len(keys) != 1 || err != nil || time.Since(start) > 0 {
					t.Errorf("the second request: %d keys, %v after %v", len(keys), err, time.Since(start))
				}
				time.Sleep(10 * time.Second)
			})
		})
	}
}
