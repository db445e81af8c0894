package jwks_test

import (
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/authstar/authstar/authenticators/jwks"
)

// Keys without an id may be anybody's. Tokens that name one all the same cost a
// fetch at most, not one per request.
func TestRemoteTokensNameAnIDThatKeysDoNotHave(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newRemoteProvider(t, remoteKeys(""))
		r, _ := p.remote(t, jwks.RemoteConfig{})
		p.wants(t, r, "k1", true, 1)
		p.wants(t, r, "k2", true, 1)
		start := time.Now()
		for time.Since(start) < time.Hour {
			for _, kid := range []string{"k1", "k2"} {
				if ok, err := remoteFound(t.Context(), r, kid); !ok || err != nil {
					t.Fatalf("K07 %s: %v, %v", kid, ok, err)
				}
			}
			time.Sleep(time.Second)
		}
		if n := p.fetches(); n != 2+4 {
			t.Errorf("K07 %d fetches, want 2 and one in every 12 minutes", n)
		}
	})
}

// K08: while the provider hangs, a token whose key id was fetched for does not
// wait, and others wait for a moment at the begin of each fetch. C11: they get the
// keys without an id, and are told that there may be another.
func TestRemoteHangWithKeysThatHaveNoID(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newRemoteProvider(t, remoteKeys(""))
		r, _ := p.remote(t, jwks.RemoteConfig{})
		p.wants(t, r, "k1", true, 1)
		p.serve(remoteHang)
		for _, step := range []struct {
			kid          string
			after, waits time.Duration
			sure         bool
		}{
			{kid: "k1", sure: true},
			{kid: "k2", waits: 200 * time.Millisecond},
			{kid: "k2"},
			{kid: "k3"},
			{kid: "k1", after: 12 * time.Minute, sure: true},
			{kid: "k1", sure: true},
		} {
			time.Sleep(step.after)
			start := time.Now()
			if ok, err := remoteFound(t.Context(), r, step.kid); !ok || (err == nil) != step.sure || time.Since(start) != step.waits {
				t.Errorf("K08 %+v: %v, %v in %v", step, ok, err, time.Since(start))
			}
		}
		time.Sleep(10 * time.Second)
	})
}

// doubts checks that there are keys, and an error that says when to ask again.
func (p *remoteProvider) doubts(t *testing.T, r *jwks.Remote, kid string, fetches int) {
	t.Helper()
	before := p.fetches()
	ok, err := remoteFound(t.Context(), r, kid)
	synctest.Wait()
	var later interface{ RetryAfter() time.Duration }
	if n := p.fetches() - before; !ok || !errors.As(err, &later) || later.RetryAfter() <= 0 || n != fetches {
		t.Errorf("C11 key %q: found %v, %v, %d fetches, want keys and an error, %d fetches", kid, ok, err, n, fetches)
	}
}

// C11, RS-23: a key without an id does not hide that the key of a new id could not
// be had in time, or at all.
func TestRemoteNewIDBesideKeysThatHaveNone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newRemoteProvider(t, remoteKeys(""))
		r, _ := p.remote(t, jwks.RemoteConfig{})
		p.wants(t, r, "k1", true, 1)
		p.serve(remoteSlow(300*time.Millisecond, remoteKeys("", "k2")))
		p.doubts(t, r, "k2", 1)
		time.Sleep(200 * time.Millisecond)
		p.wants(t, r, "k2", true, 0)
		p.serve(remoteBody(503, ""))
		p.doubts(t, r, "k3", 1)
		p.doubts(t, r, "k3", 0)
		if keys, err := r.KeysOf(t.Context(), "k3", "https://a.example"); len(keys) != 1 || err == nil {
			t.Errorf("C11 of one issuer: %d keys, %v", len(keys), err)
		}
		p.wants(t, r, "k2", true, 0)
		p.wants(t, r, "k1", true, 0)
		p.serve(remoteKeys("", "k2", "k3"))
		time.Sleep(time.Second)
		p.wants(t, r, "k3", true, 1)
	})
}

// A provider that is slower than anybody waits is not asked again and again.
func TestRemoteSlowWithKeysThatHaveNoID(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newRemoteProvider(t, remoteKeys(""))
		r, _ := p.remote(t, jwks.RemoteConfig{})
		p.wants(t, r, "k1", true, 1)
		p.serve(remoteSlow(time.Second, remoteKeys("")))
		p.doubts(t, r, "k2", 1)
		time.Sleep(time.Minute)
		p.wants(t, r, "k2", true, 0)
	})
}

// K05: an id that did not come may come later, and the first token of another is
// as good as ever.
func TestRemoteAbsentIDComes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newRemoteProvider(t, remoteKeys(""))
		r, _ := p.remote(t, jwks.RemoteConfig{})
		wants := func(kid string, keys, fetches int) {
			t.Helper()
			p.wants(t, r, kid, true, fetches)
			if got, _ := r.Keys(t.Context(), kid); len(got) != keys {
				t.Errorf("K05 %s: %d keys, want %d", kid, len(got), keys)
			}
		}
		wants("k1", 1, 1)
		p.serve(remoteKeys("", "k1", "k2"))
		wants("k1", 1, 0)
		time.Sleep(12 * time.Minute)
		wants("k1", 2, 1)
		p.serve(remoteKeys("", "k1", "k2", "k3"))
		wants("k3", 2, 1)
		p.serve(remoteKeys("k4"))
		p.wants(t, r, "k4", true, 1)
		p.wants(t, r, "k1", false, 1) // without keys that may be anybody's nothing is remembered
	})
}

// K07: an id that joined a fetch for another, which may have begun before there
// was a key of this id, is not remembered.
func TestRemoteAbsentIDThatJoined(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newRemoteProvider(t, remoteKeys(""))
		r, _ := p.remote(t, jwks.RemoteConfig{})
		p.wants(t, r, "", true, 1)
		p.serve(remoteSlow(remoteLatency, remoteKeys("")))
		go func() { _, _ = r.Keys(t.Context(), "forged") }()
		synctest.Wait()
		p.serve(remoteKeys("", "k1"))
		if keys, err := r.Keys(t.Context(), "k1"); len(keys) != 1 || err != nil {
			t.Errorf("K07 %d keys, %v", len(keys), err)
		}
		p.wants(t, r, "k1", true, 1)
		p.wants(t, r, "forged", true, 0)
	})
}

// K07: forged ids displace each other, but none that is asked for.
func TestRemoteFloodWithKeysThatHaveNoID(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newRemoteProvider(t, remoteKeys(""))
		r, _ := p.remote(t, jwks.RemoteConfig{Interval: 24 * time.Hour, RefetchEvery: time.Second})
		p.wants(t, r, "honest", true, 1)
		p.wants(t, r, "idle", true, 1)
		for i := range 1000 {
			time.Sleep(time.Second)
			p.wants(t, r, fmt.Sprint("forged-", i), true, 1)
			p.wants(t, r, fmt.Sprint("forged-", i), true, 0)
			if i%40 == 0 {
				p.wants(t, r, "honest", true, 0)
			}
		}
		time.Sleep(time.Second)
		p.wants(t, r, "idle", true, 1)
		p.wants(t, r, "honest", true, 0)
		for range 10_000 {
			if ok, err := remoteFound(t.Context(), r, "forged-999"); !ok || err != nil {
				t.Fatalf("K07 %v, %v", ok, err)
			}
		}
		p.wants(t, r, "honest", true, 0)
	})
}

// An id that is too long for any key is nothing to fetch for, or to remember.
func TestRemoteLongID(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newRemoteProvider(t, remoteKeys(""))
		r, _ := p.remote(t, jwks.RemoteConfig{})
		p.wants(t, r, fmt.Sprintf("%0256d", 0), true, 1)
		p.wants(t, r, fmt.Sprintf("%0256d", 1), true, 1)
		p.wants(t, r, fmt.Sprintf("%0257d", 1), true, 0)
	})
}
