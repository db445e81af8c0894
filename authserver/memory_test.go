package authserver_test

import (
	"bytes"
	"context"
	"errors"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/authstar/authstar/authserver"
	"github.com/authstar/authstar/authserver/storetest"
)

// O06: among the rules is that of 50 redemptions at once exactly one wins.
func TestMemoryStore(t *testing.T) {
	storetest.Test(t, func(*testing.T) authserver.Store {
		return authserver.NewMemoryStore(authserver.MemoryConfig{})
	})
}

// Even a store that is almost full keeps the contract.
func TestMemoryStoreThatIsSmall(t *testing.T) {
	storetest.Test(t, func(*testing.T) authserver.Store {
		return authserver.NewMemoryStore(authserver.MemoryConfig{MaxEntries: 51, MaxBytes: 64 << 10})
	})
}

// memory is a store with a clock that is moved by hand.
type memory struct {
	*authserver.MemoryStore
	t   testing.TB
	now time.Time
}

func newMemory(t testing.TB, maxEntries int, maxBytes int64) *memory {
	m := &memory{t: t, now: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}
	m.MemoryStore = authserver.NewMemoryStore(authserver.MemoryConfig{
		MaxEntries: maxEntries, MaxBytes: maxBytes, Now: func() time.Time { return m.now },
	})
	return m
}

// add keeps a value for a minute.
func (m *memory) add(key, value string) string {
	ok, err := m.Add(m.t.Context(), key, []byte(value), m.now.Add(time.Minute))
	return outcome(ok, err)
}

func (m *memory) swap(key, old, value string) string {
	ok, err := m.Swap(m.t.Context(), key, []byte(old), []byte(value), m.now.Add(time.Minute))
	return outcome(ok, err)
}

func (m *memory) get(key string) string {
	value, ok, err := m.Get(m.t.Context(), key)
	if !ok {
		return outcome(ok, err)
	}
	return string(value)
}

func outcome(ok bool, err error) string {
	switch {
	case errors.Is(err, authserver.ErrStoreFull):
		return "full"
	case err != nil:
		return err.Error()
	case ok:
		return "yes"
	}
	return "no"
}

func wantOutcome(t *testing.T, what, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("%s: %.40s, want %.40s", what, got, want)
	}
}

// D14: a store that is full refuses and forgets nothing that is alive.
func TestMemoryStoreBounds(t *testing.T) {
	full := func(t *testing.T, bound string) *memory {
		m := newMemory(t, 3, 0)
		if bound == "bytes" {
			m = newMemory(t, 0, 3*(1+120+192)) // see MemoryConfig
		}
		for _, key := range []string{"a", "b", "c"} {
			wantOutcome(t, "Add "+key, m.add(key, strings.Repeat(key, 100)), "yes")
		}
		return m
	}
	a, longer := strings.Repeat("a", 100), strings.Repeat("a", 101)
	tests := []struct {
		name           string
		do             func(m *memory) string
		entries, bytes string // what do says at that bound
	}{
		{"a new key has no room", func(m *memory) string { return m.add("d", "") }, "full", "full"},
		{"a key that is there is there", func(m *memory) string { return m.add("a", "") }, "no", "no"},
		{"a swap for a value of the same length has room", func(m *memory) string { return m.swap("a", a, strings.ToUpper(a)) }, "yes", "yes"},
		{"a swap for a shorter value has room", func(m *memory) string { return m.swap("a", a, "") }, "yes", "yes"},
		{"a swap for a longer value needs bytes", func(m *memory) string { return m.swap("a", a, longer) }, "yes", "full"},
		{"a swap from another value does nothing", func(m *memory) string { return m.swap("a", "b", longer) }, "no", "no"},
		{"a deletion makes room", func(m *memory) string {
			_ = m.Delete(m.t.Context(), "b")
			return m.add("d", a)
		}, "yes", "yes"},
		{"a shorter value makes room for bytes", func(m *memory) string {
			m.swap("a", a, "")
			return m.swap("b", strings.Repeat("b", 100), longer+a[:99])
		}, "yes", "yes"},
		{"what expires makes room", func(m *memory) string {
			m.now = m.now.Add(time.Minute)
			return m.add("d", a)
		}, "yes", "yes"},
		{"what is about to expire makes none", func(m *memory) string {
			m.now = m.now.Add(time.Minute - 1)
			return m.add("d", a)
		}, "full", "full"},
		{"a value that has expired already needs no room", func(m *memory) string {
			ok, err := m.Add(m.t.Context(), "d", nil, m.now)
			return outcome(ok, err)
		}, "yes", "yes"},
	}
	for _, test := range tests {
		for bound, want := range map[string]string{"entries": test.entries, "bytes": test.bytes} {
			t.Run(bound+": "+test.name, func(t *testing.T) {
				m := full(t, bound)
				wantOutcome(t, "the outcome", test.do(m), want)
				if want != "full" {
					return
				}
				for _, key := range []string{"a", "b", "c"} {
					wantOutcome(t, "Get "+key, m.get(key), strings.Repeat(key, 100))
				}
				wantOutcome(t, "Get d", m.get("d"), "no")
			})
		}
	}
}

func TestMemoryStoreDefaults(t *testing.T) {
	for name, config := range map[string]authserver.MemoryConfig{"zero": {}, "negative": {MaxEntries: -1, MaxBytes: -1}} {
		t.Run(name, func(t *testing.T) {
			s := authserver.NewMemoryStore(config)
			until := time.Now().Add(time.Hour)
			for i := range 100_001 {
				ok, err := s.Add(t.Context(), strconv.Itoa(i), nil, until)
				if want := i < 100_000; ok != want || errors.Is(err, authserver.ErrStoreFull) == want {
					t.Fatalf("entry %d: %v, %v", i, ok, err)
				}
			}
		})
	}
}

// The bounds hold for callers at once.
func TestMemoryStoreBoundsConcurrently(t *testing.T) {
	s := authserver.NewMemoryStore(authserver.MemoryConfig{MaxEntries: 10})
	until := time.Now().Add(time.Hour)
	var added, full atomic.Int64
	var wg sync.WaitGroup
	for i := range 50 {
		wg.Go(func() {
			switch ok, err := s.Add(t.Context(), strconv.Itoa(i), nil, until); {
			case ok && err == nil:
				added.Add(1)
			case !ok && errors.Is(err, authserver.ErrStoreFull):
				full.Add(1)
			}
		})
	}
	wg.Wait()
	if added.Load() != 10 || full.Load() != 40 {
		t.Errorf("%d are in and %d are not, want 10 and 40", added.Load(), full.Load())
	}
}

// D14: a flood ends at the bound, loses nothing that was there, and leaves no
// memory behind when it has expired.
func TestMemoryStoreFlood(t *testing.T) {
	flood, bound := 1_000_000, 10_000
	if testing.Short() {
		flood = 100_000
	}
	m := newMemory(t, bound, 0)
	value := strings.Repeat("v", 300)
	before := heapInUse()
	m.add("live", value)
	added := 1
	for i := range flood {
		switch got := m.add("flood "+strconv.Itoa(i), value); got {
		case "yes":
			added++
		case "full":
		default:
			t.Fatal(got)
		}
	}
	if added != bound {
		t.Errorf("%d entries, want %d", added, bound)
	}
	wantOutcome(t, "Get live", m.get("live"), value)
	atBound := heapInUse() - before
	if max := int64(bound * (12 + 360 + 192)); atBound > max {
		t.Errorf("%d bytes, more than the %d that are promised", atBound, max)
	}
	m.now = m.now.Add(time.Minute)
	for range bound / 8 {
		m.get("nothing")
	}
	if left := heapInUse() - before; left > atBound/20 {
		t.Errorf("%d bytes of %d are left", left, atBound)
	}
	runtime.KeepAlive(m)
}

// Expired entries make way as others come, so that a store is not full because
// of what it once held.
func TestMemoryStoreSweeps(t *testing.T) {
	m := newMemory(t, 60_001, 0)
	for i := range 200_000 {
		m.now = m.now.Add(time.Millisecond)
		if got := m.add(strconv.Itoa(i), "v"); got != "yes" {
			t.Fatalf("entry %d: %s", i, got)
		}
	}
}

// Entries expire by their own times, whatever the order in which they came, were
// moved and deleted.
func TestMemoryStoreExpiresEachInItsTime(t *testing.T) {
	const n = 500
	m := newMemory(t, n, 0)
	start, ctx := m.now, t.Context()
	timeOf := func(i int) time.Time { return start.Add(time.Duration(1+i*7919%n) * time.Second) }
	for i := range n {
		_, _ = m.Add(ctx, strconv.Itoa(i), []byte("v"), start.Add(time.Duration(1+i*104729%n)*time.Second))
	}
	for i := range n {
		_, _ = m.Swap(ctx, strconv.Itoa(i), []byte("v"), []byte("w"), timeOf(i))
		if i%5 == 0 {
			_ = m.Delete(ctx, strconv.Itoa(i))
		}
	}
	for second := range n + 1 {
		m.now = start.Add(time.Duration(second) * time.Second)
		for i := range n {
			want := "no"
			if i%5 != 0 && timeOf(i).After(m.now) {
				want = "w"
			}
			if got := m.get(strconv.Itoa(i)); got != want {
				t.Fatalf("Get(%d) after %d s: %s, want %s", i, second, got, want)
			}
		}
	}
}

// X14: entries expire by the wall clock.
func TestMemoryStoreClock(t *testing.T) {
	t.Run("what has expired does not come back with the clock", func(t *testing.T) {
		m := newMemory(t, 0, 0)
		m.add("seen", "v")
		m.now = m.now.Add(2 * time.Minute)
		wantOutcome(t, "Get", m.get("seen"), "no")
		m.now = m.now.Add(-2 * time.Minute)
		wantOutcome(t, "Get when the clock was set back", m.get("seen"), "no")
		wantOutcome(t, "Add when the clock was set back", m.add("seen", "w"), "yes")
	})
	t.Run("a clock at zero", func(t *testing.T) {
		m := newMemory(t, 0, 0)
		m.now = time.Time{}
		wantOutcome(t, "Add", m.add("a", "v"), "yes")
		wantOutcome(t, "Get", m.get("a"), "v")
		m.now = m.now.Add(time.Minute)
		wantOutcome(t, "Get", m.get("a"), "no")
	})
	t.Run("a monotonic reading does not count", func(t *testing.T) {
		m := newMemory(t, 0, 0)
		m.now = time.Now()
		m.add("a", "v")
		m.now = m.now.Round(0).Add(time.Minute) // woken after a minute of sleep
		wantOutcome(t, "Get", m.get("a"), "no")
	})
}

// What other stores cannot keep is an error here too, which does not tell what
// it was.
func TestMemoryStoreArguments(t *testing.T) {
	tests := []struct {
		name, key string
		value     int // its length
		want      string
	}{
		{"the longest key and value", strings.Repeat("k", 128), 16 << 10, "yes"},
		{"every printable character", " !\"#$%&'()*+,-./0123456789:;<=>?@AZ[\\]^_`az{|}~", 0, "yes"},
		{"a key that is too long", strings.Repeat("k", 129), 0, "authserver: store key of 129 bytes, more than 128"},
		{"a value that is too long", "secret", 16<<10 + 1, "authserver: store value of 16385 bytes, more than 16384"},
		{"a key with a line feed", "secret\n", 0, "authserver: store key is not printable ASCII"},
		{"a key with NUL", "secret\x00", 0, "authserver: store key is not printable ASCII"},
		{"a key with DEL", "secret\x7f", 0, "authserver: store key is not printable ASCII"},
		{"a key beyond ASCII", "sécret", 0, "authserver: store key is not printable ASCII"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			m := newMemory(t, 0, 0)
			value := strings.Repeat("v", test.value)
			wantOutcome(t, "Add", m.add(test.key, value), test.want)
			if test.want == "yes" {
				wantOutcome(t, "Get", m.get(test.key), value)
				wantOutcome(t, "Swap", m.swap(test.key, value, value), "yes")
				return
			}
			wantOutcome(t, "Swap", m.swap(test.key, "", value), test.want)
			if test.value == 0 {
				wantOutcome(t, "Get", m.get(test.key), test.want)
				wantOutcome(t, "Delete", outcome(false, m.Delete(t.Context(), test.key)), test.want)
			}
		})
	}
}

// The store does not keep the memory alive that a key is a part of.
func TestMemoryStoreKeyIsACopy(t *testing.T) {
	m := newMemory(t, 0, 0)
	before := heapInUse()
	for i := range 20 {
		request := strconv.Itoa(i) + strings.Repeat("x", 1<<20)
		m.add(request[:20], "v")
	}
	if grown := heapInUse() - before; grown > 1<<20 {
		t.Errorf("20 small entries take %d bytes", grown)
	}
	runtime.KeepAlive(m)
}

func heapInUse() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// How much memory does an entry take? No more than MemoryConfig counts for it,
// whatever its lengths: it fails otherwise.
func BenchmarkMemoryStoreFootprint(b *testing.B) {
	for _, size := range []struct {
		name       string
		key, value int
	}{
		{"a revoked id", 30, 0}, {"a code", 50, 500}, {"rounded up most", 33, 17}, {"rounded up most for its length", 97, 3457}, {"the largest", 128, 16 << 10},
	} {
		for _, entries := range []int{1000, 8000, 60_000} {
			b.Run(size.name+"/"+strconv.Itoa(entries), func(b *testing.B) {
				key, value := strings.Repeat("k", size.key-5), bytes.Repeat([]byte("v"), size.value)
				counted := size.key + size.value*6/5 + 192
				for b.Loop() {
					m := newMemory(b, entries, 4<<30)
					before := heapInUse()
					for i := range entries {
						_, _ = m.Add(b.Context(), key+strconv.Itoa(10_000+i), value, m.now.Add(time.Hour))
					}
					each := float64(heapInUse()-before) / float64(entries)
					b.ReportMetric(each, "B/entry")
					b.ReportMetric(each-float64(size.key+size.value), "B/entry-beside-key-and-value")
					if each > float64(counted) {
						b.Errorf("an entry takes %.0f bytes and counts for %d", each, counted)
					}
					runtime.KeepAlive(m)
				}
			})
		}
	}
}

// What does a call cost, beside the signature of a token (about 30 µs), in a
// store of 100,000 entries?
func BenchmarkMemoryStore(b *testing.B) {
	value := bytes.Repeat([]byte("v"), 500)
	ctx := context.Background()
	fill := func(b *testing.B) *memory {
		m := newMemory(b, 100_000, 0)
		for i := range 100_000 {
			_, _ = m.Add(ctx, "key "+strconv.Itoa(i), value, m.now.Add(time.Duration(i*7919%100_000)*time.Second+time.Second))
		}
		b.ReportAllocs()
		b.ResetTimer()
		return m
	}
	b.Run("get", func(b *testing.B) {
		m := fill(b)
		for b.Loop() {
			_, _, _ = m.Get(ctx, "key 77")
		}
	})
	b.Run("get in parallel", func(b *testing.B) {
		m := fill(b)
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				_, _, _ = m.Get(ctx, "key 77")
			}
		})
	})
	b.Run("swap", func(b *testing.B) {
		m := fill(b)
		for b.Loop() {
			_, _ = m.Swap(ctx, "key 77", value, value, m.now.Add(time.Hour))
		}
	})
	b.Run("add when full", func(b *testing.B) {
		m := fill(b)
		for b.Loop() {
			_, _ = m.Add(ctx, "new", value, m.now.Add(time.Hour))
		}
	})
	b.Run("add while others expire", func(b *testing.B) {
		m := fill(b)
		for i := 0; b.Loop(); i++ {
			m.now = m.now.Add(time.Second)
			_, _ = m.Add(ctx, "new "+strconv.Itoa(i), value, m.now.Add(100_000*time.Second))
		}
	})
}
