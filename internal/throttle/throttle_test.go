package throttle_test

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/authstar/authstar/internal/throttle"
)

// clock is moved by hand.
type clock struct{ now time.Time }

func newClock() *clock { return &clock{time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)} }

func (c *clock) Now() time.Time          { return c.now }
func (c *clock) advance(d time.Duration) { c.now = c.now.Add(d) }

// newThrottle has three failures free, and one more every 10 seconds.
func newThrottle(c *clock, maxKeys int) *throttle.Throttle {
	return throttle.New(throttle.Config{Burst: 3, Every: 10 * time.Second, MaxKeys: maxKeys, Now: c.Now})
}

func fail(th *throttle.Throttle, key string, times int) {
	for range times {
		th.Fail(key)
	}
}

func wantAllowed(t *testing.T, th *throttle.Throttle, key string) {
	t.Helper()
	if ok, wait := th.Allow(key); !ok || wait != 0 {
		t.Errorf("Allow(%.20q) = %v, %v; want true, 0s", key, ok, wait)
	}
}

func wantRefused(t *testing.T, th *throttle.Throttle, key string, want time.Duration) {
	t.Helper()
	if ok, wait := th.Allow(key); ok || wait != want {
		t.Errorf("Allow(%.20q) = %v, %v; want false, %v", key, ok, wait, want)
	}
}

func TestThrottle(t *testing.T) {
	tests := []struct {
		name string
		do   func(th *throttle.Throttle, c *clock)
		wait time.Duration // of the key "bob"; 0 is allowed
	}{
		{"a key that never failed may try", func(*throttle.Throttle, *clock) {}, 0},
		{"fewer failures than the burst are free", func(th *throttle.Throttle, _ *clock) { fail(th, "bob", 2) }, 0},
		{"as many failures as the burst shut the key out", func(th *throttle.Throttle, _ *clock) { fail(th, "bob", 3) }, 10 * time.Second},
		{"a key is still out just before its wait is over", func(th *throttle.Throttle, c *clock) {
			fail(th, "bob", 3)
			c.advance(10*time.Second - time.Millisecond)
		}, time.Millisecond},
		{"a key may try again after its wait", func(th *throttle.Throttle, c *clock) {
			fail(th, "bob", 3)
			c.advance(10 * time.Second)
		}, 0},
		{"after the wait one failure is free, not the burst", func(th *throttle.Throttle, c *clock) {
			fail(th, "bob", 3)
			c.advance(10 * time.Second)
			th.Fail("bob")
		}, 10 * time.Second},
		{"B09: guesses at once are paid for as if they had come one by one", func(th *throttle.Throttle, _ *clock) { fail(th, "bob", 23) }, 210 * time.Second},
		{"no debt shuts a key out for longer than MaxWait", func(th *throttle.Throttle, _ *clock) { fail(th, "bob", 10_000) }, time.Hour},
		{"asking costs nothing", func(th *throttle.Throttle, _ *clock) {
			for range 100 {
				th.Allow("bob")
			}
		}, 0},
		{"another key's failures do not count", func(th *throttle.Throttle, _ *clock) { fail(th, "BOB", 5) }, 0},
		{"a success forgives what was before it", func(th *throttle.Throttle, _ *clock) {
			fail(th, "bob", 2)
			th.Succeed("bob")
			fail(th, "bob", 2)
		}, 0},
		{"after a success failures count", func(th *throttle.Throttle, _ *clock) {
			fail(th, "bob", 2)
			th.Succeed("bob")
			fail(th, "bob", 3)
		}, 10 * time.Second},
		{"B09: a second success at once does not fill the bucket again", func(th *throttle.Throttle, _ *clock) {
			fail(th, "bob", 2)
			th.Succeed("bob")
			fail(th, "bob", 2)
			th.Succeed("bob")
			th.Fail("bob")
		}, 10 * time.Second},
		{"a success forgives again when the bucket would have filled by itself", func(th *throttle.Throttle, c *clock) {
			fail(th, "bob", 2)
			th.Succeed("bob")
			c.advance(30 * time.Second)
			fail(th, "bob", 2)
			th.Succeed("bob")
			th.Fail("bob")
		}, 0},
		{"B09: another user's success forgives nothing", func(th *throttle.Throttle, _ *clock) {
			fail(th, "bob", 3)
			th.Succeed("mallory")
		}, 10 * time.Second},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			c := newClock()
			th := newThrottle(c, 0)
			test.do(th, c)
			if test.wait == 0 {
				wantAllowed(t, th, "bob")
			} else {
				wantRefused(t, th, "bob", test.wait)
			}
		})
	}
}

// Who waits as long as Retry-After says is not refused for a rounding error.
func TestWaitIsEnough(t *testing.T) {
	for range 2000 {
		every := time.Duration(1 + rand.Int64N(int64(24*time.Hour)))
		c := newClock()
		th := throttle.New(throttle.Config{Burst: 1 + rand.IntN(100), Every: every, Now: c.Now})
		for range 1 + rand.IntN(300) {
			c.advance(time.Duration(rand.Int64N(int64(every))))
			th.Fail("bob")
		}
		ok, wait := th.Allow("bob")
		c.advance(wait)
		if again, more := th.Allow("bob"); !again {
			t.Fatalf("Every %v: Allow said %v, %v, and after that %v more", every, ok, wait, more)
		}
	}
}

// X14: with the clock of the process, the wall clock is of no consequence.
func TestClockOfTheProcess(t *testing.T) {
	th := throttle.New(throttle.Config{Burst: 1, Every: time.Hour})
	wantAllowed(t, th, "bob")
	th.Fail("bob")
	if ok, wait := th.Allow("bob"); ok || wait <= 59*time.Minute || wait > time.Hour {
		t.Errorf("Allow() = %v, %v; want false and about an hour", ok, wait)
	}
}

func TestZeroClock(t *testing.T) {
	c := &clock{}
	th := newThrottle(c, 0)
	fail(th, "bob", 3)
	wantRefused(t, th, "bob", 10*time.Second)
	c.advance(10 * time.Second)
	wantAllowed(t, th, "bob")
}

func TestConfig(t *testing.T) {
	valid := throttle.Config{Burst: 1, Every: time.Second, Now: newClock().Now}
	tests := []struct {
		name   string
		change func(*throttle.Config)
		want   string // "" is valid
	}{
		{"burst and every are enough", func(*throttle.Config) {}, ""},
		{"the greatest values are valid", func(c *throttle.Config) {
			c.Burst, c.Every, c.MaxWait = 10_000, 24*time.Hour, 24*time.Hour
		}, ""},
		{"Every may be longer than the default of MaxWait", func(c *throttle.Config) { c.Every = 2 * time.Hour }, ""},
		{"no burst", func(c *throttle.Config) { c.Burst = 0 }, "Burst"},
		{"a burst that is too big", func(c *throttle.Config) { c.Burst = 10_001 }, "Burst"},
		{"no every", func(c *throttle.Config) { c.Every = 0 }, "Every"},
		{"a negative every", func(c *throttle.Config) { c.Every = -1 }, "Every"},
		{"an every that is too long", func(c *throttle.Config) { c.Every = 25 * time.Hour }, "Every"},
		{"a wait shorter than every", func(c *throttle.Config) { c.MaxWait = time.Millisecond }, "MaxWait"},
		{"a wait that is too long", func(c *throttle.Config) { c.MaxWait = 25 * time.Hour }, "MaxWait"},
		{"a negative number of keys", func(c *throttle.Config) { c.MaxKeys = -1 }, "MaxKeys"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			config := valid
			test.change(&config)
			defer func() {
				switch got := recover(); {
				case got == nil && test.want != "":
					t.Error("no panic")
				case got != nil && (test.want == "" || !strings.Contains(fmt.Sprint(got), test.want)):
					t.Errorf("panic %v, want %q", got, test.want)
				}
			}()
			th := throttle.New(config)
			fail(th, "bob", config.Burst)
			wantRefused(t, th, "bob", config.Every)
		})
	}
}

// M09, B09: a flood of names with one failure each frees nobody who has more,
// however often it comes, and its memory does not grow with it.
func TestFloodOfNames(t *testing.T) {
	names := 200_000
	if testing.Short() {
		names = 50_000
	}
	const keys = 1000
	c := newClock()
	th := newThrottle(c, keys)
	fail(th, "bob", 4)
	fail(th, "eve", 2)
	before := heapInUse()
	for i := range names {
		th.Fail("name " + strconv.Itoa(i))
	}
	if grown := heapInUse() - before; grown > keys*bytesPerKey+64<<10 {
		t.Errorf("the heap grew by %d bytes, more than %d for each of %d keys", grown, bytesPerKey, keys)
	}
	wantRefused(t, th, "bob", 20*time.Second)
	th.Fail("eve")
	wantRefused(t, th, "eve", 10*time.Second)
}

// The new name gets in, whatever the others have.
func TestNewcomerIsCounted(t *testing.T) {
	c := newClock()
	th := newThrottle(c, 10)
	for i := range 10 {
		fail(th, strconv.Itoa(i), 3)
	}
	fail(th, "bob", 3)
	wantRefused(t, th, "bob", 10*time.Second)
}

// To free a name with k failures takes k failures of as many names as there is
// room for, and no less.
func TestCostOfFreeing(t *testing.T) {
	const keys = 100
	c := newClock()
	th := newThrottle(c, keys)
	fail(th, "bob", 3)
	for i := range keys {
		fail(th, strconv.Itoa(i), 2)
	}
	wantRefused(t, th, "bob", 10*time.Second)
	c.advance(time.Second)
	for i := range keys {
		fail(th, "more "+strconv.Itoa(i), 4)
	}
	wantAllowed(t, th, "bob")
}

// Keys that have recovered are forgotten, without being asked for.
func TestRecoveredKeysAreForgotten(t *testing.T) {
	const keys = 10_000
	c := newClock()
	th := newThrottle(c, keys)
	before := heapInUse()
	for i := range keys {
		th.Fail(strconv.Itoa(i))
	}
	full := heapInUse() - before
	c.advance(time.Minute)
	for range keys {
		th.Fail("bob")
	}
	if left := heapInUse() - before; left > full/2 {
		t.Errorf("%d bytes are left of %d", left, full)
	}
	runtime.KeepAlive(th)
}

// M09: what is kept of a name does not depend on its length.
func TestLongNames(t *testing.T) {
	c := newClock()
	th := newThrottle(c, 0)
	before := heapInUse()
	long := strings.Repeat("b", 1<<20)
	for i := range 50 {
		fail(th, long+strconv.Itoa(i), 3)
	}
	wantRefused(t, th, long+"7", 10*time.Second)
	wantAllowed(t, th, long)
	long = ""
	if grown := heapInUse() - before; grown > 256<<10 {
		t.Errorf("the heap grew by %d bytes", grown)
	}
	runtime.KeepAlive(th)
}

func TestConcurrentUse(t *testing.T) {
	for _, maxKeys := range []int{1000, 20} {
		c := newClock()
		th := throttle.New(throttle.Config{Burst: 100, Every: time.Second, MaxKeys: maxKeys, Now: c.Now})
		var wg sync.WaitGroup
		for worker := range 8 {
			wg.Go(func() {
				for i := range 50 {
					th.Fail("bob")
					th.Allow("bob")
					th.Fail(strconv.Itoa(worker*50 + i))
					th.Succeed(strconv.Itoa(i))
				}
			})
		}
		wg.Wait()
		if maxKeys == 1000 {
			wantRefused(t, th, "bob", 301*time.Second) // not one of 400 is lost
		}
	}
}

// bytesPerKey is what Config.MaxKeys promises.
const bytesPerKey = 300

func heapInUse() int64 {
	runtime.GC()
	runtime.GC() // what a pool holds takes two
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// What does a guess cost, beside the hash of a password (about 50 ms)? Failing
// under a flood is the worst case: every failure pushes another key out.
func BenchmarkThrottle(b *testing.B) {
	newFull := func() *throttle.Throttle {
		th := throttle.New(throttle.Config{Burst: 10, Every: time.Minute})
		for i := range 10_000 {
			fail(th, strconv.Itoa(i), 2)
		}
		return th
	}
	b.Run("allow", func(b *testing.B) {
		th := newFull()
		b.ReportAllocs()
		for b.Loop() {
			th.Allow("77")
		}
	})
	b.Run("allow in parallel", func(b *testing.B) {
		th := newFull()
		b.ReportAllocs()
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				th.Allow("77")
			}
		})
	})
	b.Run("fail", func(b *testing.B) {
		th := newFull()
		b.ReportAllocs()
		for b.Loop() {
			th.Fail("77")
		}
	})
	b.Run("fail under a flood", func(b *testing.B) {
		th := newFull()
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			th.Fail("name " + strconv.Itoa(i))
		}
	})
	b.Run("allow a name of 1 MiB", func(b *testing.B) {
		th, long := newFull(), strings.Repeat("b", 1<<20)
		b.ReportAllocs()
		for b.Loop() {
			th.Allow(long)
		}
	})
}

// How much memory does a key take? Config.MaxKeys states the bound.
func BenchmarkThrottleFootprint(b *testing.B) {
	const keys = 10_000
	for b.Loop() {
		before := heapInUse()
		th := throttle.New(throttle.Config{Burst: 10, Every: time.Minute})
		for i := range keys {
			th.Fail(strconv.Itoa(i))
		}
		b.ReportMetric(float64(heapInUse()-before)/keys, "B/key")
		runtime.KeepAlive(th)
	}
}
