package storetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/authstar/authstar/authserver"
)

// The kit passes a store that keeps the contract, and finds each of these
// mistakes, with the checks that are about it.
func TestKitFindsMistakes(t *testing.T) {
	tests := []struct {
		name    string
		mistake mistake
		want    string // one of the checks that fail
	}{
		{"none", mistake{}, ""},
		{"keeps the caller's slice", mistake{keepsGiven: true}, "the store copies what it is given"},
		{"gives its own slice", mistake{givesOwn: true}, "the store gives copies"},
		{"keys without case", mistake{key: strings.ToLower}, "every key of printable ASCII is its own"},
		{"keys without space at the end", mistake{key: func(k string) string { return strings.TrimRight(k, " ") }}, "every key of printable ASCII is its own"},
		{"keys cut at 127 bytes", mistake{key: func(k string) string { return k[:min(len(k), 127)] }}, "a key can be 128 bytes long"},
		{"values cut at NUL", mistake{value: func(v []byte) []byte { v, _, _ = bytes.Cut(v, []byte{0}); return v }}, "a value is any bytes"},
		{"values are UTF-8", mistake{value: func(v []byte) []byte { return bytes.ToValidUTF8(v, []byte("?")) }}, "a value is any bytes"},
		{"values shorter than 16 KiB", mistake{value: func(v []byte) []byte { return v[:min(len(v), maxValue-1)] }}, "a value can be 16 KiB long"},
		{"compares values without case", mistake{equal: bytes.EqualFold}, "a swap compares byte for byte"},
		{"compares values without space at the end", mistake{equal: func(a, b []byte) bool { return bytes.Equal(bytes.TrimRight(a, " "), bytes.TrimRight(b, " ")) }}, "a swap compares byte for byte"},
		{"compares the beginning of values", mistake{equal: bytes.HasPrefix}, "a swap compares byte for byte"},
		{"compares nothing", mistake{equal: func(_, _ []byte) bool { return true }}, "a swap from the present value replaces it"},
		{"adds over a value", mistake{addReplaces: true}, "a key that has a value is not added again"},
		{"swaps what is not there", mistake{swapCreates: true}, "a swap of a key without a value does nothing"},
		{"says that a swap to the same value did nothing", mistake{swapSameFails: true}, "a swap to the same value succeeds"},
		{"swaps and keeps the time", mistake{swapKeepsTime: true}, "a swap moves the time of a value"},
		{"moves the time in a failed swap", mistake{failedSwapMovesTime: true}, "a swap moves the time of a value"},
		{"deletes nothing", mistake{deleteDoesNothing: true}, "a deleted key has no value"},
		{"deletes what is there or fails", mistake{deleteFails: true}, "to delete a key without a value is no error"},
		{"takes an empty value for none", mistake{emptyIsNone: true}, "an empty value is a value"},
		{"never forgets", mistake{alive: func(_, _ time.Time) bool { return true }}, "a value is gone at its time and not before"},
		{"forgets within the second", mistake{alive: func(until, now time.Time) bool { return now.Before(until.Add(time.Second)) }}, "a value is gone at its time and not before"},
		{"forgets early", mistake{alive: func(until, now time.Time) bool { return now.Before(until.Add(-200 * time.Millisecond)) }}, "a value is gone at its time and not before"},
		{"forgets by the clock on the wall", mistake{alive: func(until, now time.Time) bool { return now.UTC().Format(time.DateTime) < until.Format(time.DateTime) }}, "a time is an instant in any zone"},
		{"keeps seconds in 32 bits", mistake{alive: func(until, now time.Time) bool { return now.Unix() < int64(int32(until.Unix())) }}, "a time can be years ahead"},
		{"adds nothing where something expired is left", mistake{addSeesExpired: true}, "a value is gone at its time and not before"},
		{"swaps what has expired", mistake{swapSeesExpired: true}, "a value is gone at its time and not before"},
		{"knows no context", mistake{ignoresContext: true}, "a cancelled context is an error"},
		{"looks and then swaps", mistake{swapRaces: true}, "of 50 swaps at once exactly one wins"},
		{"looks and then adds", mistake{addRaces: true}, "of 50 additions at once exactly one wins"},
		{"swaps back what was deleted", mistake{swapRaces: true}, "of swaps and a deletion at once the deletion is last"},
	}
	failed := make([][]string, len(tests))
	var wg sync.WaitGroup
	for i, test := range tests {
		wg.Go(func() {
			failed[i] = failedChecks(t.Context(), &mistaken{mistake: test.mistake, entries: make(map[string]entry)})
		})
	}
	wg.Wait()
	for i, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if test.want == "" && len(failed[i]) > 0 {
				t.Errorf("a store without a mistake fails %q", failed[i])
			}
			if test.want != "" && !slices.Contains(failed[i], test.want) {
				t.Errorf("the store fails %q, not %q", failed[i], test.want)
			}
		})
	}
}

func failedChecks(ctx context.Context, store authserver.Store) (failed []string) {
	for _, c := range checks() {
		rec := &recorder{ctx: ctx}
		done := make(chan struct{})
		go func() {
			defer close(done)
			c.run(&run{reporter: rec, store: store, prefix: c.name[:min(len(c.name), 60)]})
		}()
		<-done
		if len(rec.faults) > 0 {
			failed = append(failed, c.name)
		}
	}
	return failed
}

// recorder is a reporter that keeps what it is told.
type recorder struct {
	ctx    context.Context
	mu     sync.Mutex
	faults []string
}

func (*recorder) Helper()                    {}
func (r *recorder) Context() context.Context { return r.ctx }
func (r *recorder) Errorf(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.faults = append(r.faults, fmt.Sprintf(format, args...))
}
func (r *recorder) Fatalf(format string, args ...any) {
	r.Errorf(format, args...)
	runtime.Goexit()
}

// mistake is what a store does wrong.
type mistake struct {
	key                                 func(string) string
	value                               func([]byte) []byte
	equal                               func(present, old []byte) bool
	alive                               func(until, now time.Time) bool
	keepsGiven, givesOwn                bool
	addReplaces, addSeesExpired         bool
	swapCreates, swapSameFails          bool
	swapKeepsTime, failedSwapMovesTime  bool
	swapSeesExpired, emptyIsNone        bool
	deleteDoesNothing, deleteFails      bool
	ignoresContext, swapRaces, addRaces bool
}

type entry struct {
	value []byte
	until time.Time
}

// mistaken is a store with a mistake.
type mistaken struct {
	mistake
	mu      sync.Mutex
	entries map[string]entry
}

// begin returns the entry of a key, under the lock.
func (s *mistaken) begin(ctx context.Context, key *string) (e entry, there, live bool, err error) {
	if s.key != nil {
		*key = s.key(*key)
	}
	s.mu.Lock()
	if !s.ignoresContext {
		err = ctx.Err()
	}
	e, there = s.entries[*key]
	alive := s.alive
	if alive == nil {
		alive = func(until, now time.Time) bool { return now.Before(until) }
	}
	live = there && alive(e.until, time.Now()) && !(s.emptyIsNone && len(e.value) == 0)
	return e, there, live, err
}

func (s *mistaken) set(key string, value []byte, until time.Time) {
	if !s.keepsGiven {
		value = bytes.Clone(value)
	}
	if s.value != nil {
		value = s.value(value)
	}
	s.entries[key] = entry{value, until}
}

// lookAway lets others in between two steps.
func (s *mistaken) lookAway(races bool) {
	if races {
		s.mu.Unlock()
		time.Sleep(time.Millisecond)
		s.mu.Lock()
	}
}

func (s *mistaken) Get(ctx context.Context, key string) ([]byte, bool, error) {
	e, _, live, err := s.begin(ctx, &key)
	defer s.mu.Unlock()
	if err != nil || !live {
		return nil, false, err
	}
	if s.givesOwn {
		return e.value, true, nil
	}
	return bytes.Clone(e.value), true, nil
}

func (s *mistaken) Add(ctx context.Context, key string, value []byte, until time.Time) (bool, error) {
	_, there, live, err := s.begin(ctx, &key)
	defer s.mu.Unlock()
	if err != nil || live && !s.addReplaces || there && s.addSeesExpired {
		return false, err
	}
	s.lookAway(s.addRaces)
	s.set(key, value, until)
	return true, nil
}

func (s *mistaken) Swap(ctx context.Context, key string, old, value []byte, until time.Time) (bool, error) {
	e, there, live, err := s.begin(ctx, &key)
	defer s.mu.Unlock()
	equal := s.equal
	if equal == nil {
		equal = bytes.Equal
	}
	found := live || there && s.swapSeesExpired || s.swapCreates && len(old) == 0
	if err != nil || !found {
		return false, err
	}
	if !equal(e.value, old) || s.swapSameFails && bytes.Equal(old, value) {
		if s.failedSwapMovesTime {
			s.set(key, e.value, until)
		}
		return false, nil
	}
	s.lookAway(s.swapRaces)
	if s.swapKeepsTime {
		until = e.until
	}
	s.set(key, value, until)
	return true, nil
}

func (s *mistaken) Delete(ctx context.Context, key string) error {
	_, _, live, err := s.begin(ctx, &key)
	defer s.mu.Unlock()
	if err != nil || s.deleteDoesNothing {
		return err
	}
	if !live && s.deleteFails {
		return errors.New("nothing to delete")
	}
	delete(s.entries, key)
	return nil
}
