// Package apikeytest checks implementations of [apikey.Store].
//
//	func TestStore(t *testing.T) {
//		apikeytest.Test(t, func(t *testing.T) apikey.Store { return postgres.NewKeyStore(db) })
//	}
package apikeytest

import (
	"context"
	"crypto/rand"
	"reflect"
	"testing"
	"time"

	"github.com/authstar/authstar/authenticators/apikey"
)

// Test checks that a store keeps the contract of [apikey.Store], in subtests. Run it
// with -race.
//
// newStore is called once for each subtest. It may return the same store every time,
// or another one on the same database, even with other records in it: every subtest
// makes ids and owners of its own from 128 random bits, and leaves up to 50 records
// behind. The tests wait for nothing and make about 2,000 calls, 50 of them at once.
func Test(t *testing.T, newStore func(t *testing.T) apikey.Store) {
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
	list = append(list, recordChecks...)
	list = append(list, listChecks...)
	return append(list, concurrencyChecks...)
}

// reporter is what the checks need of a *testing.T, so that the kit can be tested
// with stores that are wrong.
type reporter interface {
	Helper()
	Errorf(format string, args ...any)
	Fatalf(format string, args ...any)
	Context() context.Context
}

// run is one check on one store.
type run struct {
	reporter
	store  apikey.Store
	prefix string // 26 letters and digits
}

// id makes an id that no other check has.
func (r *run) id(name string) string { return r.prefix + name }

// start is a time in whole seconds.
var start = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// record makes a small record.
func (r *run) record(name string) apikey.Record {
	return apikey.Record{
		ID: r.id(name), Name: "of " + name, Scopes: []string{"read"}, Created: start, Hash: hash(1), Version: 1,
	}
}

// full makes a record with everything in it.
func (r *run) full(name string) apikey.Record {
	return apikey.Record{
		ID: r.id(name), Name: "Grüße, 世界 🔑 'x' \"y\" %_\\", Owner: r.prefix + " O'Neill; --", Scopes: []string{"write", "read", "a:b/c.d*", "'%_"},
		Created: start, Expires: start.AddDate(1, 0, 0), Revoked: start.Add(time.Hour), LastUsed: start.Add(time.Minute),
		Hash: hash(1), Previous: hash(2), PreviousUntil: start.Add(time.Second), Version: 1,
	}
}

// hash makes one with every kind of byte in it, first of all zero.
func hash(seed byte) apikey.Hash {
	var h apikey.Hash
	for i := range h {
		h[i] = byte(i) * 8 * seed
	}
	return h
}

func (r *run) add(record apikey.Record, want bool) {
	r.Helper()
	ok, err := r.store.Add(r.Context(), record)
	if err != nil {
		r.Fatalf("Add(%q): %v", record.ID, err)
	}
	if ok != want {
		r.Errorf("Add(%q) = %v, want %v", record.ID, ok, want)
	}
}

func (r *run) update(record apikey.Record, want bool) {
	r.Helper()
	ok, err := r.store.Update(r.Context(), record)
	if err != nil {
		r.Fatalf("Update(%q): %v", record.ID, err)
	}
	if ok != want {
		r.Errorf("Update(%q) from version %d = %v, want %v", record.ID, record.Version, ok, want)
	}
}

func (r *run) touch(used map[string]time.Time) {
	r.Helper()
	if err := r.store.Touch(r.Context(), used); err != nil {
		r.Fatalf("Touch of %d ids: %v", len(used), err)
	}
}

func (r *run) delete(id string) {
	r.Helper()
	if err := r.store.Delete(r.Context(), id); err != nil {
		r.Fatalf("Delete(%q): %v", id, err)
	}
}

func (r *run) find(id string) (apikey.Record, bool) {
	r.Helper()
	record, ok, err := r.store.Find(r.Context(), id)
	if err != nil {
		r.Fatalf("Find(%q): %v", id, err)
	}
	return record, ok
}

// has wants the store to have exactly this record.
func (r *run) has(want apikey.Record) {
	r.Helper()
	got, ok := r.find(want.ID)
	if !ok {
		r.Errorf("Find(%q) finds nothing", want.ID)
		return
	}
	r.same("Find", got, want)
}

// same compares records, with hashes but in a way that shows none.
func (r *run) same(what string, got, want apikey.Record) {
	r.Helper()
	if len(got.Scopes) == 0 {
		got.Scopes = nil
	}
	if len(want.Scopes) == 0 {
		want.Scopes = nil
	}
	if !reflect.DeepEqual(got, want) { // times too: they are in UTC
		r.Errorf("%s(%q) is\n%+v, want\n%+v", what, want.ID, got, want)
	}
}

func (r *run) hasNone(id string) {
	r.Helper()
	if got, ok := r.find(id); ok || got.ID != "" {
		r.Errorf("Find(%q) = %+v, %v; want nothing and false", id, got, ok)
	}
}

func (r *run) list(query apikey.Query) []apikey.Record {
	r.Helper()
	records, err := r.store.List(r.Context(), query)
	if err != nil {
		r.Fatalf("List(%+v): %v", query, err)
	}
	if len(records) > query.Limit {
		r.Errorf("List(%+v) has %d records", query, len(records))
	}
	return records
}
