package storetest

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/authstar/authstar/authserver"
)

// Fault is how a [Failing] store fails.
type Fault int

const (
	// Before fails the call before it has an effect: a connection is refused.
	Before Fault = iota
	// After fails the call after its effect: the answer is lost.
	After
	// Since fails the call and all later ones, none of which has an effect: the
	// database is gone.
	Since
)

// String completes "the call fails …".
func (f Fault) String() string {
	switch f {
	case Before:
		return "before its effect"
	case After:
		return "after its effect"
	case Since:
		return "and all that follow"
	}
	return fmt.Sprintf("by Fault(%d)", int(f))
}

type storeDown string

func (e storeDown) Error() string { return string(e) }

// ErrStore is the error of a call that a [Failing] store fails. Its text stands
// for what a database says and no client must read.
const ErrStore = storeDown("storetest: 10.0.0.7:5432: the store is down")

// Failing is a store that passes calls on to another one and fails at one of
// them. It is safe for concurrent use.
type Failing struct {
	store authserver.Store
	at    int64
	fault Fault
	calls atomic.Int64
}

// Fail makes a store that fails at the given call, counted from 1 over all
// methods. With 0 none fails.
func Fail(store authserver.Store, call int, fault Fault) *Failing {
	return &Failing{store: store, at: int64(call), fault: fault}
}

// Calls returns how many calls there were.
func (f *Failing) Calls() int { return int(f.calls.Load()) }

// Failed reports whether a call has failed.
func (f *Failing) Failed() bool { return f.at > 0 && f.calls.Load() >= f.at }

// Get implements [authserver.Store].
func (f *Failing) Get(ctx context.Context, key string) (value []byte, ok bool, err error) {
	err = f.call(func() (err error) {
		value, ok, err = f.store.Get(ctx, key)
		return err
	})
	if err != nil {
		return nil, false, err
	}
	return value, ok, nil
}

// Add implements [authserver.Store].
func (f *Failing) Add(ctx context.Context, key string, value []byte, until time.Time) (ok bool, err error) {
	err = f.call(func() (err error) {
		ok, err = f.store.Add(ctx, key, value, until)
		return err
	})
	return ok && err == nil, err
}

// Swap implements [authserver.Store].
func (f *Failing) Swap(ctx context.Context, key string, old, value []byte, until time.Time) (ok bool, err error) {
	err = f.call(func() (err error) {
		ok, err = f.store.Swap(ctx, key, old, value, until)
		return err
	})
	return ok && err == nil, err
}

// Delete implements [authserver.Store].
func (f *Failing) Delete(ctx context.Context, key string) error {
	return f.call(func() error { return f.store.Delete(ctx, key) })
}

func (f *Failing) call(effect func() error) error {
	n := f.calls.Add(1)
	fails := f.at > 0 && (n == f.at || n > f.at && f.fault == Since)
	if fails && f.fault != After {
		return ErrStore
	}
	if err := effect(); err != nil || !fails {
		return err
	}
	return ErrStore
}

// maxCalls is where a test that never ends is given up.
const maxCalls = 1000

// EveryFailure runs a test again and again, in subtests, each time with a new
// store that fails at another call: the first, the second, and so on, in every
// way that a [Fault] describes, until the test makes fewer calls. That last run,
// in which nothing failed, is a part of the test: [Failing.Failed] tells.
//
//	storetest.EveryFailure(t, newStore, func(t *testing.T, store *storetest.Failing) {
//		status, body := redeem(t, newServer(t, store))
//		if ok := status == 200; ok == store.Failed() {
//			t.Errorf("status %d, and the store failed: %v", status, store.Failed())
//		}
//	})
func EveryFailure(t *testing.T, newStore func(t *testing.T) authserver.Store, test func(t *testing.T, store *Failing)) {
	t.Helper()
	for _, fault := range []Fault{Before, After, Since} {
		for call := 1; ; call++ {
			if call > maxCalls {
				t.Fatalf("the test makes more than %d calls", maxCalls)
			}
			failed := false
			t.Run(fmt.Sprintf("call %d fails %v", call, fault), func(t *testing.T) {
				store := Fail(newStore(t), call, fault)
				defer func() { failed = store.Failed() }()
				test(t, store)
			})
			if !failed {
				break
			}
		}
	}
}
