// Package storetest checks implementations of [authserver.Store], and makes
// stores that fail.
//
//	func TestStore(t *testing.T) {
//		storetest.Test(t, func(t *testing.T) authserver.Store { return postgres.NewStore(db) })
//	}
package storetest

import (
	"bytes"
	"context"
	"crypto/rand"
	"testing"
	"time"

	"github.com/authstar/authstar/authserver"
)

// Test checks that a store keeps the contract of [authserver.Store], in
// subtests. Run it with -race.
//
// newStore is called once for each subtest. It may return the same store every
// time, or another one on the same database, even with other data in it: every
// subtest makes keys of its own from 128 random bits, and leaves a few hundred
// entries behind, some until the next day.
//
// The store runs by its own clock, which must be that of the tests within 100
// milliseconds; entries that the tests wait for expire within 400 milliseconds.
// It may keep a time in whole milliseconds. The tests wait for about a
// second and make up to 15,000 calls, 50 of them at once.
func Test(t *testing.T, newStore func(t *testing.T) authserver.Store) {
	for _, c := range checks() {
		t.Run(c.name, func(t *testing.T) {
			store := newStore(t)
			if store == nil {
				t.Fatal("newStore returned nil")
			}
			c.run(&run{reporter: t, store: store, prefix: rand.Text()})
		})
	}
}

// check is one rule of the contract.
type check struct {
	name string
	run  func(r *run)
}

func checks() []check {
	var list []check
	list = append(list, valueChecks...)
	list = append(list, expiryChecks...)
	return append(list, concurrencyChecks...)
}

// reporter is what the checks need of a *testing.T, so that the kit can be
// tested with stores that are wrong.
type reporter interface {
	Helper()
	Errorf(format string, args ...any)
	Fatalf(format string, args ...any)
	Context() context.Context
}

// run is one check on one store.
type run struct {
	reporter
	store  authserver.Store
	prefix string
}

// key makes a key that no other check has.
func (r *run) key(name string) string { return r.prefix + "/" + name }

// later is far enough ahead that nothing expires during the tests.
func later() time.Time { return time.Now().Add(24 * time.Hour) }

func (r *run) add(key string, value []byte, until time.Time, want bool) {
	r.Helper()
	ok, err := r.store.Add(r.Context(), key, value, until)
	if err != nil {
		r.Fatalf("Add(%q): %v", key, err)
	}
	if ok != want {
		r.Errorf("Add(%q) = %v, want %v", key, ok, want)
	}
}

func (r *run) swap(key string, old, value []byte, until time.Time, want bool) {
	r.Helper()
	ok, err := r.store.Swap(r.Context(), key, old, value, until)
	if err != nil {
		r.Fatalf("Swap(%q): %v", key, err)
	}
	if ok != want {
		r.Errorf("Swap(%q) from %.40q to %.40q = %v, want %v", key, old, value, ok, want)
	}
}

func (r *run) delete(key string) {
	r.Helper()
	if err := r.store.Delete(r.Context(), key); err != nil {
		r.Fatalf("Delete(%q): %v", key, err)
	}
}

func (r *run) get(key string) ([]byte, bool) {
	r.Helper()
	value, ok, err := r.store.Get(r.Context(), key)
	if err != nil {
		r.Fatalf("Get(%q): %v", key, err)
	}
	return value, ok
}

func (r *run) has(key string, want []byte) {
	r.Helper()
	if got, ok := r.get(key); !ok || !bytes.Equal(got, want) {
		r.Errorf("Get(%q) = %.40q, %v; want %.40q, true", key, got, ok, want)
	}
}

func (r *run) hasNone(key string) {
	r.Helper()
	if got, ok := r.get(key); ok || len(got) > 0 {
		r.Errorf("Get(%q) = %.40q, %v; want nothing and false", key, got, ok)
	}
}
