package apikeytest

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/authstar/authstar/authenticators/apikey"
)

// recordChecks are the rules about one record.
var recordChecks = []check{
	{"a record is found as it was added", func(r *run) {
		r.hasNone(r.id("a"))
		r.add(r.full("a"), true)
		r.has(r.full("a"))
		r.add(r.record("b"), true)
		r.has(r.record("b"))
		r.hasNone(r.id("c"))
	}},
	{"a record of bare necessities", func(r *run) {
		bare := apikey.Record{ID: r.id("a"), Name: "a", Version: 1}
		r.add(bare, true)
		r.has(bare)
	}},
	{"an id that is taken is not added again", func(r *run) {
		r.add(r.record("a"), true)
		r.add(r.full("a"), false)
		r.has(r.record("a"))
	}},
	{"the case of an id counts", func(r *run) {
		for _, name := range []string{"a", "A"} {
			r.add(r.record(name), true)
		}
		r.has(r.record("a"))
		r.has(r.record("A"))
		r.delete(r.id("a"))
		r.hasNone(r.id("a"))
		r.has(r.record("A"))
		r.hasNone(strings.ToLower(r.id("A")))
	}},
	{"a record can be as long as it may", checkLong},
	{"a time can be far away", func(r *run) {
		far := r.full("a")
		far.Expires = time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC)
		far.Created = time.Date(2000, 2, 29, 0, 0, 0, 0, time.UTC)
		far.PreviousUntil = time.Date(2038, 1, 19, 3, 14, 8, 0, time.UTC)
		r.add(far, true)
		r.has(far)
	}},
	{"a time can be long ago", checkPast},
	{"an update replaces the record of its version", checkUpdate},
	{"an update clears what it has not", func(r *run) {
		r.add(r.full("a"), true)
		bare := apikey.Record{ID: r.id("a"), Name: "a", Version: 1}
		r.update(bare, true)
		bare.Version, bare.LastUsed = 2, r.full("a").LastUsed
		r.has(bare)
	}},
	{"an update of nothing does nothing", func(r *run) {
		r.update(r.record("a"), false)
		r.hasNone(r.id("a"))
		r.add(r.record("a"), true)
		r.delete(r.id("a"))
		r.update(r.record("a"), false)
		r.hasNone(r.id("a"))
	}},
	{"a last use moves forward only", checkTouch},
	{"a last use and an update do not undo each other", func(r *run) {
		r.add(r.record("a"), true)
		used := start.Add(time.Hour)
		r.touch(map[string]time.Time{r.id("a"): used})
		next := r.record("a")
		next.Name, next.LastUsed = "other", start
		r.update(next, true)
		next.Version, next.LastUsed = 2, used
		r.has(next)
		r.touch(map[string]time.Time{r.id("a"): used.Add(time.Second)})
		next.LastUsed = used.Add(time.Second)
		r.has(next)
	}},
	{"a deleted record is gone", func(r *run) {
		r.add(r.full("a"), true)
		r.add(r.record("b"), true)
		r.delete(r.id("a"))
		r.hasNone(r.id("a"))
		r.has(r.record("b"))
		r.add(r.record("a"), true)
		r.has(r.record("a"))
	}},
	{"to delete what is not there is no error", func(r *run) {
		r.delete(r.id("a"))
		r.delete(r.id("a"))
		r.hasNone(r.id("a"))
	}},
	{"the store copies what it is given", func(r *run) {
		given := r.full("a")
		r.add(given, true)
		given.Scopes[0] = "admin"
		r.has(r.full("a"))
		given = r.full("a")
		r.update(given, true)
		given.Scopes[0] = "admin"
		want := r.full("a")
		want.Version = 2
		r.has(want)
		used := map[string]time.Time{r.id("a"): start.Add(time.Hour)}
		r.touch(used)
		used[r.id("a")] = start.Add(2 * time.Hour)
		want.LastUsed = start.Add(time.Hour)
		r.has(want)
	}},
	{"the store gives copies", func(r *run) {
		r.add(r.full("a"), true)
		first, _ := r.find(r.id("a"))
		second, _ := r.find(r.id("a"))
		clear(first.Scopes)
		_ = append(first.Scopes[:0], "root")
		r.same("Find", second, r.full("a"))
		r.has(r.full("a"))
		for range 2 {
			for _, listed := range r.list(apikey.Query{Owner: r.full("a").Owner, Limit: 10}) {
				r.same("List", listed, r.full("a"))
				clear(listed.Scopes)
			}
		}
		r.has(r.full("a"))
	}},
	{"a cancelled context is an error", checkContext},
}

func checkLong(r *run) {
	long := r.full("")
	long.ID = r.id(strings.Repeat("x", 64-len(r.prefix)))
	long.Name = strings.Repeat("🔑", 100)
	long.Owner = strings.Repeat("世🔑", 100)
	long.Scopes = nil
	for i := range 64 {
		long.Scopes = append(long.Scopes, strings.Repeat(string(rune('@'+i%26)), 126)+fmt.Sprintf("%02d", i))
	}
	long.Version = 1 << 40
	r.add(long, true)
	r.has(long)
	other := long
	other.ID = long.ID[:63]
	r.hasNone(other.ID)
	other.ID = long.ID[:63] + "y"
	r.add(other, true)
	r.has(long)
	r.update(long, true)
	long.Version++
	r.has(long)
	r.has(other)
}

// checkPast has the times that may pass for none: 1970, a second before, and year 1.
func checkPast(r *run) {
	for i, at := range []time.Time{time.Unix(0, 0).UTC(), time.Unix(-1, 0).UTC(), time.Time{}.Add(time.Second)} {
		past := r.full(fmt.Sprint(i))
		past.Created, past.Expires, past.Revoked, past.LastUsed, past.PreviousUntil = at, at, at, at, at
		r.add(past, true)
		r.has(past)
		r.update(past, true)
		past.Version++
		r.has(past)
		unused := r.record("unused" + fmt.Sprint(i))
		r.add(unused, true)
		r.touch(map[string]time.Time{past.ID: at.Add(time.Second), unused.ID: at})
		past.LastUsed, unused.LastUsed = at.Add(time.Second), at
		r.has(past)
		r.has(unused)
	}
}

func checkUpdate(r *run) {
	r.add(r.full("a"), true)
	r.add(r.record("b"), true)
	next := r.record("a")
	next.Hash, next.Scopes = hash(3), []string{"read", "write"}
	r.update(next, true)
	want := next
	want.Version, want.LastUsed = 2, r.full("a").LastUsed
	r.has(want)
	r.update(next, false) // of version 1 again
	next.Version = 3
	r.update(next, false)
	r.has(want)
	next.Version, next.Scopes = 2, nil
	r.update(next, true)
	want.Version, want.Scopes = 3, nil
	r.has(want)
	r.has(r.record("b"))
	same := want
	r.update(same, true) // to itself, which databases may count as no change
	want.Version = 4
	r.has(want)
}

func checkTouch(r *run) {
	a, b := r.record("a"), r.full("b")
	r.add(a, true)
	r.add(b, true)
	r.touch(nil)
	r.touch(map[string]time.Time{r.id("a"): start, r.id("b"): b.LastUsed.Add(-time.Second), r.id("none"): start})
	a.LastUsed = start
	r.has(a)
	r.has(b)
	r.hasNone(r.id("none"))
	r.touch(map[string]time.Time{r.id("b"): b.LastUsed.Add(time.Second)})
	b.LastUsed = b.LastUsed.Add(time.Second)
	r.has(a)
	r.has(b)
	many := make(map[string]time.Time)
	for i := range 10_000 - 1 {
		many[r.id("none"+string(rune('a'+i%26))+strings.Repeat("x", i/26%30)+string(rune('A'+i/780)))] = start
	}
	many[r.id("a")] = start.Add(time.Hour)
	r.touch(many)
	a.LastUsed = start.Add(time.Hour)
	r.has(a)
}

func checkContext(r *run) {
	r.add(r.record("a"), true)
	cancelled, cancel := context.WithCancel(r.Context())
	cancel()
	over, cancel := context.WithDeadline(r.Context(), time.Now().Add(-time.Second))
	defer cancel()
	for name, ctx := range map[string]context.Context{"cancelled": cancelled, "past its deadline": over} {
		found, ok, findErr := r.store.Find(ctx, r.id("a"))
		listed, listErr := r.store.List(ctx, apikey.Query{Limit: 10})
		added, addErr := r.store.Add(ctx, r.record("b"))
		updated, updateErr := r.store.Update(ctx, r.record("a"))
		for _, call := range []struct {
			name   string
			result bool
			err    error
		}{
			{"Find", ok || found.ID != "", findErr},
			{"List", len(listed) > 0, listErr},
			{"Add", added, addErr},
			{"Update", updated, updateErr},
			{"Touch", false, r.store.Touch(ctx, map[string]time.Time{r.id("a"): start})},
			{"Delete", false, r.store.Delete(ctx, r.id("a"))},
		} {
			if call.err == nil || call.result {
				r.Errorf("%s with a context that is %s has the result %v, and error %v; want an error alone", call.name, name, call.result, call.err)
			}
		}
	}
	r.has(r.record("a"))
	r.hasNone(r.id("b"))
}
