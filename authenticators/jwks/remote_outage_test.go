package jwks_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/authstar/authstar/authenticators/jwks"
)

// remoteOutages are the ways in which a provider is down.
var remoteOutages = map[string]http.HandlerFunc{
	"K13 it answers 503":           remoteBody(503, "down"),
	"K13 it answers 500 with keys": remoteBody(500, remoteSet("k1", "k2")),
	"K13 it answers 404":           remoteBody(404, "not found"),
	"K13 it answers 204":           remoteBody(204, ""),
	"K13 it cuts the connection":   func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
	"K13 it cuts the body": func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "10000")
		_, _ = w.Write([]byte(remoteSet("k1")))
		panic(http.ErrAbortHandler)
	},
	"K08 it hangs":                remoteHang,
	"K08 it hangs in the body":    func(w http.ResponseWriter, r *http.Request) { _, _ = w.Write([]byte(`{"keys":[`)); remoteHang(w, r) },
	"K08 it drips":                remoteDrip,
	"K12 it answers garbage":      remoteBody(200, "garbage"),
	"K12 it answers without keys": remoteBody(200, `{"keys":[]}`),
}

// remoteDrip never ends, a byte at a time.
func remoteDrip(w http.ResponseWriter, r *http.Request) {
	_, _ = w.Write([]byte(`{"keys":[`))
	for r.Context().Err() == nil {
		if _, err := w.Write([]byte(" ")); err != nil {
			return
		}
		_ = http.NewResponseController(w).Flush()
		time.Sleep(100 * time.Millisecond)
	}
}

// A token of a known key is neither refused nor delayed by an outage, under
// steady traffic, until the keys are too old; then the outage is told, and ends
// with the first good fetch.
func TestRemoteSteadyTrafficThroughAnOutage(t *testing.T) {
	for name, outage := range remoteOutages {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := newRemoteProvider(t, remoteKeys("k1"))
				r, log := p.remote(t, jwks.RemoteConfig{MaxStale: 2 * time.Hour})
				p.wants(t, r, "k1", true, 1)
				start := time.Now()
				p.serve(outage)
				for time.Since(start) < 2*time.Hour {
					asked := time.Now()
					if ok, err := remoteFound(t.Context(), r, "k1"); !ok || err != nil || time.Since(asked) > 0 {
						t.Fatalf("after %v: %v, %v in %v", asked.Sub(start), ok, err, time.Since(asked))
					}
					time.Sleep(time.Second)
				}
				// One per 30 s, since the first at 12 of 15 minutes, and a few before
				// the pause was that long.
				if n := p.fetches(); n > 1+108*2+6 || n < 150 {
					t.Errorf("%d fetches", n)
				}
				if log.lines() > p.fetches() {
					t.Errorf("%d lines of log for %d fetches", log.lines(), p.fetches())
				}
				time.Sleep(31 * time.Second)
				p.failsClosed(t, r)
				time.Sleep(31 * time.Second)
				p.serve(remoteKeys("k2"))
				p.wants(t, r, "k2", true, 1)
				p.wants(t, r, "k1", false, 1)
			})
		})
	}
}

// failsClosed checks that old keys are not used, whatever they are asked for.
func (p *remoteProvider) failsClosed(t *testing.T, r *jwks.Remote) {
	t.Helper()
	p.fails(t, r, "k1", 1)
	p.fails(t, r, "k1", 0)
	p.fails(t, r, "", 0)
	if s := r.Status(); s.Ready || s.Err == nil || s.Keys != 1 {
		t.Errorf("%+v", s)
	}
}

func TestRemoteHangIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newRemoteProvider(t, remoteHang)
		r, _ := p.remote(t, jwks.RemoteConfig{})
		start := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := r.Keys(ctx, "k1"); !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != time.Second {
			t.Errorf("K08 a request with a deadline of its own: %v after %v", err, time.Since(start))
		}
		p.fails(t, r, "k1", 0)
		if took := time.Since(start); took != 5*time.Second {
			t.Errorf("K08 a fetch ends after %v", took)
		}
	})
}

// An unknown key waits for a provider that hangs; a known one does not.
func TestRemoteHangDelaysOnlyUnknownKeys(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newRemoteProvider(t, remoteKeys("k1"))
		r, _ := p.remote(t, jwks.RemoteConfig{})
		p.wants(t, r, "k1", true, 1)
		p.serve(remoteHang)
		start := time.Now()
		var unknown sync.WaitGroup
		for range 10 {
			unknown.Go(func() {
				if _, err := r.Keys(t.Context(), "k2"); err == nil {
					t.Error("K08 an unknown key has a verdict")
				}
			})
		}
		synctest.Wait()
		p.wants(t, r, "k1", true, 0)
		if took := time.Since(start); took > 0 {
			t.Errorf("K08 a known key took %v", took)
		}
		unknown.Wait()
		if took := time.Since(start); took != 5*time.Second || p.fetches() != 2 {
			t.Errorf("K08 unknown keys took %v and %d fetches", took, p.fetches()-1)
		}
	})
}

// A set that goes out of date beside a refresh that hangs delays nobody, since
// somebody asked in time.
func TestRemoteHangBeforeExpiryDelaysNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newRemoteProvider(t, remoteKeys("k1"))
		r, _ := p.remote(t, jwks.RemoteConfig{Interval: time.Second})
		p.wants(t, r, "k1", true, 1)
		p.serve(remoteHang)
		for _, pause := range []time.Duration{900, 50, 50, 50, 50} {
			time.Sleep(pause * time.Millisecond)
			start := time.Now()
			if keys, err := r.Keys(t.Context(), "k1"); err != nil || len(keys) != 1 || time.Since(start) > 0 {
				t.Errorf("K08 %v, %v after %v", keys, err, time.Since(start))
			}
		}
	})
}

// The pause after a failed fetch doubles from 1 to 30 seconds, is told, and is
// nobody's allowance.
func TestRemoteBackoff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newRemoteProvider(t, remoteKeys("k1"))
		r, log := p.remote(t, jwks.RemoteConfig{Interval: time.Hour})
		p.wants(t, r, "k1", true, 1)
		p.serve(remoteBody(503, ""))
		for _, seconds := range []time.Duration{1, 2, 4, 8, 16, 30, 30, 30} {
			if after := p.fails(t, r, "k2", 1); after != seconds*time.Second {
				t.Errorf("told to come back after %v, want %d s", after, seconds)
			}
			time.Sleep(seconds*time.Second - time.Millisecond)
			if after := p.fails(t, r, "k2", 0); after != time.Millisecond {
				t.Errorf("told to come back after %v, want 1 ms", after)
			}
			time.Sleep(time.Millisecond)
		}
		if log.lines() != 8 {
			t.Errorf("%d lines of log for 8 failures", log.lines())
		}
		p.serve(remoteKeys("k1"))
		for range 5 {
			p.wants(t, r, "k2", false, 1)
		}
		p.wants(t, r, "k2", false, 0)
		p.serve(remoteBody(503, ""))
		time.Sleep(10 * time.Second)
		if after := p.fails(t, r, "k2", 1); after != time.Second {
			t.Errorf("after a good fetch the pause is %v, want 1 s", after)
		}
	})
}

// RS-23: a hundred requests while the provider is down at start cost one fetch,
// and the next good one heals.
func TestRemoteOutageAtStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newRemoteProvider(t, remoteSlow(10*time.Millisecond, remoteBody(503, "")))
		r, log := p.remote(t, jwks.RemoteConfig{})
		var failed atomic.Int32
		var all sync.WaitGroup
		for range 100 {
			all.Go(func() {
				_, err := r.Keys(t.Context(), "k1")
				var later interface{ RetryAfter() time.Duration }
				if errors.As(err, &later) && later.RetryAfter() == time.Second {
					failed.Add(1)
				}
			})
		}
		all.Wait()
		if failed.Load() != 100 || p.fetches() != 1 || log.lines() != 1 {
			t.Errorf("%d failed, %d fetches, %d lines of log", failed.Load(), p.fetches(), log.lines())
		}
		p.serve(remoteKeys("k1"))
		p.fails(t, r, "k1", 0)
		time.Sleep(time.Second)
		p.wants(t, r, "k1", true, 1)
	})
}

// Fresh keys are used, also where MaxStale is shorter than what is fresh.
func TestRemoteFreshForLongerThanMaxStale(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newRemoteProvider(t, remoteKeys("k1"))
		r, _ := p.remote(t, jwks.RemoteConfig{Interval: 72 * time.Hour, MaxStale: time.Hour})
		p.wants(t, r, "k1", true, 1)
		p.serve(remoteHang)
		time.Sleep(57 * time.Hour)
		p.wants(t, r, "k1", true, 0)
		if s := r.Status(); !s.Ready || !s.StaleUntil.Equal(s.Expires) {
			t.Errorf("%+v", s)
		}
		time.Sleep(15*time.Hour + time.Millisecond)
		p.fails(t, r, "k1", 1)
	})
}

// A logger may be slow and may ask for the status: nobody waits for it.
func TestRemoteLogsWithoutItsLock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newRemoteProvider(t, remoteKeys("k1"))
		slow := &remoteSlowLog{}
		r, _ := p.remote(t, jwks.RemoteConfig{Logger: slog.New(slow)})
		slow.status = r.Status
		p.wants(t, r, "k1", true, 1)
		p.serve(remoteBody(503, ""))
		time.Sleep(13 * time.Minute)
		start := time.Now()
		p.wants(t, r, "k1", true, 1)
		p.wants(t, r, "k1", true, 0)
		if took := time.Since(start); took > 0 || !errorsSeen(slow) {
			t.Errorf("took %v, the logger saw the failure: %v", took, errorsSeen(slow))
		}
		time.Sleep(time.Minute)
	})
}

func errorsSeen(l *remoteSlowLog) bool { return l.seen.Load() }

type remoteSlowLog struct {
	slog.Handler
	status func() jwks.Status
	seen   atomic.Bool
}

func (l *remoteSlowLog) Enabled(context.Context, slog.Level) bool { return true }

func (l *remoteSlowLog) Handle(context.Context, slog.Record) error {
	l.seen.Store(l.status().Err != nil)
	time.Sleep(10 * time.Second)
	return nil
}

// What a provider can make long, it cannot make long in a log or in an error.
func TestRemoteLogIsBounded(t *testing.T) {
	long := strings.Repeat("x", 900_000)
	for name, body := range map[string]string{
		"a curve":             `{"keys":[{"kty":"EC","kid":"` + long + `","crv":"P-256"},{"kty":"EC","crv":"` + long + `","x":"AA","y":"AA"},` + remoteSet("k1")[len(`{"keys":[`):],
		"only a curve":        `{"keys":[{"kty":"EC","crv":"` + long + `","x":"AA","y":"AA"}]}`,
		"a hundred bad keys":  `{"keys":[` + strings.Repeat(`{"kty":"unknown"},`, 99) + remoteSet("k1")[len(`{"keys":[`):],
		"control characters":  "{\"keys\":[{\"kty\":\"a\\nlevel=ERROR\",\"kid\":\"\\nforged\"}]}",
		"a body like a token": long,
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := newRemoteProvider(t, remoteBody(200, body))
				r, log := p.remote(t, jwks.RemoteConfig{})
				for range 3 {
					if _, err := r.Keys(t.Context(), "k1"); err != nil && len(err.Error()) > 3000 {
						t.Errorf("an error of %d bytes", len(err.Error()))
					}
					_ = r.Refresh(t.Context())
				}
				if n := log.lines(); n == 0 || n > p.fetches() || len(log.String()) > n*8000 || strings.Contains(log.String(), "\nforged") {
					t.Errorf("%d lines, %d bytes: %.300s", n, len(log.String()), log)
				}
			})
		})
	}
}

// Ignored keys are told when they change, not at every fetch.
func TestRemoteLogOfIgnoredKeys(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		with := func(extra string) http.HandlerFunc {
			return remoteBody(200, fmt.Sprintf(`{"keys":[%s,%s`, extra, remoteSet("k1")[len(`{"keys":[`):]))
		}
		p := newRemoteProvider(t, with(`{"kty":"PQC","kid":"new"}`))
		r, log := p.remote(t, jwks.RemoteConfig{})
		for i, step := range []struct {
			answer http.HandlerFunc
			lines  int
		}{
			{with(`{"kty":"PQC","kid":"new"}`), 1},
			{with(`{"kty":"PQC","kid":"new"}`), 1},
			{with(`{"kty":"PQC","kid":"newer"}`), 2},
			{remoteKeys("k1"), 2},
			{with(`{"kty":"PQC","kid":"newer"}`), 3},
		} {
			p.serve(step.answer)
			if err := r.Refresh(t.Context()); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
			if log.lines() != step.lines {
				t.Errorf("K11 fetch %d: %d lines, want %d: %s", i+1, log.lines(), step.lines, log)
			}
		}
		if !strings.Contains(log.String(), `newer`) || !strings.Contains(log.String(), remoteURL) {
			t.Errorf("K11 the log names neither key nor provider: %s", log)
		}
	})
}
