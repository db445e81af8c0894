package password_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/authstar/authstar"
	"github.com/authstar/authstar/authenticators/password"
)

// B08, D12: no more hashes run at once than may, few wait, and others are told to
// come back.
func TestGate(t *testing.T) {
	for _, test := range []struct {
		name                 string
		size, queue          int
		lanes                int64
		running, waiting, no int // of 20
	}{
		{"one and none", 1, -1, 1, 1, 0, 19},
		{"two and five", 2, 5, 1, 2, 5, 13},
		{"of two lanes each", 5, 3, 2, 2, 3, 15},
		{"of more lanes than there are", 2, 1, 16, 1, 1, 18},
		{"by default", 0, 0, 1, min(4, max(1, runtime.GOMAXPROCS(0)-1)), 16, -1},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				enter := password.NewGate(test.size, test.queue)
				var mu sync.Mutex
				running, most, ran, busy := 0, 0, 0, 0
				for range 20 {
					go func() {
						leave, err := enter(context.Background(), test.lanes)
						mu.Lock()
						defer mu.Unlock()
						var stated *authstar.Error
						if errors.As(err, &stated) && stated.Status() == 503 && stated.RetryAfter == time.Second {
							busy++
							return
						}
						running++
						ran++
						most = max(most, running)
						mu.Unlock()
						time.Sleep(time.Second)
						mu.Lock()
						running--
						leave()
					}()
				}
				time.Sleep(time.Minute)
				synctest.Wait()
				if test.no < 0 {
					test.no = 20 - min(20, test.running+test.waiting)
				}
				if most > test.running || ran != 20-test.no || busy != test.no {
					t.Errorf("%d at once, %d in all, %d refused", most, ran, busy)
				}
			})
		})
	}
}

// D13: who is gone does not wait, and leaves his place to others.
func TestGateAndContexts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		enter := password.NewGate(1, 1)
		leave, err := enter(context.Background(), 1)
		if err != nil {
			t.Fatal(err)
		}
		for range 3 {
			ctx, cancel := context.WithTimeout(context.Background(), time.Second)
			if _, err := enter(ctx, 1); !errors.Is(err, context.DeadlineExceeded) || !errors.Is(err, authstar.TemporarilyUnavailable) {
				t.Errorf("%v", err)
			}
			cancel()
		}
		time.AfterFunc(time.Second, leave)
		if _, err := enter(context.Background(), 1); err != nil {
			t.Error(err)
		}
	})
}

// B08: of 200 at once some are told to come back, none of whom is counted or
// remembered as wrong, and after that all is well.
func TestFlood(t *testing.T) {
	const requests = 200
	u := newUsers("bob", argon2id("x", "somesalt", 32_768, 1, 1))
	v := newVerifier(t, password.Config{Lookup: u.lookup, MaxConcurrent: 1, MaxWaiting: 1, PerAccount: password.Limit{Burst: requests, Every: time.Hour}})
	var mu sync.Mutex
	wrong, busy := 0, 0
	var wg sync.WaitGroup
	for i := range requests {
		wg.Go(func() {
			client, err := v.Check(context.Background(), "bob", fmt.Sprint("guess", i))
			mu.Lock()
			defer mu.Unlock()
			var stated *authstar.Error
			switch {
			case client == nil && err == nil:
				wrong++
			case errors.As(err, &stated) && stated.Status() == 503 && stated.RetryAfter == time.Second:
				busy++
			default:
				t.Errorf("%v, %v", client, err)
			}
		})
	}
	wg.Wait()
	if wrong == 0 || busy == 0 {
		t.Errorf("%d wrong, %d refused", wrong, busy)
	}
	wantRight(t, v.Check, "bob", "x")
}

// Many requests with the same right password, none of which is remembered yet,
// are not in each other's way: an application with Basic that opens many
// connections at once.
func TestManyWithTheSamePassword(t *testing.T) {
	u := newUsers("bob", argon2id("x", "somesalt", 32_768, 1, 1))
	v := newVerifier(t, password.Config{Lookup: u.lookup, MaxConcurrent: 1, MaxWaiting: 1})
	var wg sync.WaitGroup
	for range 200 {
		wg.Go(func() { wantRight(t, from(v, home), "bob", "x") })
	}
	wg.Wait()
}

// B07: every refusal costs a hash, which is at least a fiftieth of what a hash of
// 64 MiB takes; BenchmarkGuesses compares the times.
func TestRefusalsCostAHash(t *testing.T) {
	stored := argon2id("x", "somesalt", 65_536, 1, 1)
	u := newUsers("bob", stored, "broken", "$2a$31$"+stored[7:60], "sso", "")
	u.decoy = ""
	v := newVerifier(t, password.Config{Lookup: u.lookup})
	wantRight(t, v.Check, "bob", "x")
	for _, username := range []string{"bob", "nobody", "broken", "sso"} {
		start := time.Now()
		wantWrong(t, v.Check, username, "wrong")
		if took := time.Since(start); took < time.Millisecond {
			t.Errorf("B07 %s: refused after %v", username, took)
		}
	}
	u.change(func() { u.disabled = true })
	start := time.Now()
	wantWrong(t, v.Check, "bob", "x")
	if took := time.Since(start); took < time.Millisecond {
		t.Errorf("B07 a user who is disabled, and remembered: refused after %v", took)
	}
}

// B07: unknown users cost what users cost who were seen, and where there are
// several kinds of hashes, each has one of them for good.
func TestDecoys(t *testing.T) {
	cost := func(hash string) password.Cost {
		_, cost, err := password.Reformat(hash)
		if err != nil {
			t.Errorf("%q: %v", hash, err)
		}
		return cost
	}
	usual, old, odd := password.Cost{Memory: 19_456, Time: 2, Parallelism: 1}, password.Cost{Bcrypt: 12}, password.Cost{Memory: 64, Time: 3, Parallelism: 2}
	oldHash, oddHash := vectors[2].hash[:4]+"12"+vectors[2].hash[6:], argon2id("x", "somesalt", 64, 3, 2)
	if got := cost(password.DecoyFor()("nobody")); got != usual {
		t.Errorf("at first: %+v", got)
	}
	if got := cost(password.DecoyFor(oldHash, oldHash)("nobody")); got != old {
		t.Errorf("after bcrypt: %+v", got)
	}
	decoy := password.DecoyFor(oldHash, oddHash)
	counts := make(map[password.Cost]int)
	for i := range 200 {
		name := string(rune('a' + i))
		got := cost(decoy(name))
		counts[got]++
		if again := cost(decoy(name)); again != got {
			t.Errorf("%q: %+v, then %+v", name, got, again)
		}
	}
	if counts[old] < 50 || counts[odd] < 50 || counts[old]+counts[odd] != 200 {
		t.Errorf("of two kinds: %v", counts)
	}
	var many []string
	for memory := range uint32(100) {
		many = append(many, argon2id("x", "somesalt", 8+memory, 1, 1))
	}
	decoy = password.DecoyFor(many...)
	clear(counts)
	for i := range 1000 {
		counts[cost(decoy(string(rune('a'+i))))]++
	}
	if len(counts) != 8 {
		t.Errorf("M09 %d kinds are remembered", len(counts))
	}
}
