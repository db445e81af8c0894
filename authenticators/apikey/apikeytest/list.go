package apikeytest

import (
	"slices"

	"github.com/authstar/authstar/authenticators/apikey"
)

// listChecks are the rules about lists.
var listChecks = []check{
	{"a list is in the byte order of ids", func(r *run) {
		owner := r.prefix
		names := []string{"0", "1", "10", "2", "9", "A", "Aa", "B", "Z", "a", "aA", "aa", "b", "z"} // in order
		want := r.addOwned(owner, names...)
		r.lists(apikey.Query{Owner: owner, Limit: 1000}, want)
	}},
	{"a list is what the pages are together", func(r *run) {
		owner := r.prefix
		want := r.addOwned(owner, "1", "2", "3", "A", "B", "a", "b")
		for limit := 1; limit <= len(want)+1; limit++ {
			var got []apikey.Record
			query := apikey.Query{Owner: owner, Limit: limit}
			for pages := 0; ; pages++ {
				page := r.list(query)
				got = append(got, page...)
				if len(page) < limit {
					break
				}
				if pages > len(want) {
					r.Fatalf("pages of %d never end", limit)
				}
				query.After = page[len(page)-1].ID
			}
			r.sameIDs(query, got, want)
		}
	}},
	{"a list begins after an id that need not be there", func(r *run) {
		owner := r.prefix
		all := r.addOwned(owner, "1", "3", "5")
		for after, want := range map[string][]apikey.Record{"0": all, "1": all[1:], "2": all[1:], "5": nil, "9": nil} {
			r.lists(apikey.Query{Owner: owner, After: r.id(after), Limit: 10}, want)
		}
		r.delete(r.id("3"))
		r.lists(apikey.Query{Owner: owner, After: r.id("3"), Limit: 10}, all[2:])
	}},
	{"a list is of one owner or of everybody", func(r *run) {
		mine := r.addOwned(r.prefix, "1", "4")
		other := r.addOwned(r.prefix+"x", "2")
		upper := r.addOwned(r.prefix+"X", "3")
		nobody := r.addOwned("", "5")
		r.lists(apikey.Query{Owner: r.prefix, Limit: 10}, mine)
		r.lists(apikey.Query{Owner: r.prefix + "x", Limit: 10}, other)
		r.lists(apikey.Query{Owner: r.prefix + "X", Limit: 10}, upper)
		r.lists(apikey.Query{Owner: r.prefix + "%", Limit: 10}, nil)
		// What follows the last of this check may be of others.
		r.lists(apikey.Query{After: r.id("0"), Limit: 5}, []apikey.Record{mine[0], other[0], upper[0], mine[1], nobody[0]})
	}},
	{"a list has whole records", func(r *run) {
		r.add(r.full("a"), true)
		records := r.list(apikey.Query{Owner: r.full("a").Owner, Limit: 10})
		if len(records) != 1 {
			r.Fatalf("List has %d records, want 1", len(records))
		}
		r.same("List", records[0], r.full("a"))
	}},
	{"a list has what is there now", func(r *run) {
		owner := r.prefix
		all := r.addOwned(owner, "1", "2")
		r.delete(all[0].ID)
		moved := all[1]
		moved.Owner = owner + "x"
		r.update(moved, true)
		r.lists(apikey.Query{Owner: owner, Limit: 10}, nil)
		r.lists(apikey.Query{Owner: owner + "x", Limit: 10}, all[1:])
	}},
}

// addOwned adds records of one owner.
func (r *run) addOwned(owner string, names ...string) []apikey.Record {
	r.Helper()
	var records []apikey.Record
	for _, name := range names {
		record := r.record(name)
		record.Owner = owner
		records = append(records, record)
	}
	for _, record := range slices.Backward(records) {
		r.add(record, true)
	}
	return records
}

func (r *run) lists(query apikey.Query, want []apikey.Record) {
	r.Helper()
	r.sameIDs(query, r.list(query), want)
}

func (r *run) sameIDs(query apikey.Query, got, want []apikey.Record) {
	r.Helper()
	ids := func(records []apikey.Record) (list []string) {
		for _, record := range records {
			list = append(list, record.ID)
		}
		return list
	}
	if !slices.Equal(ids(got), ids(want)) {
		r.Errorf("List(%+v) has %q, want %q", query, ids(got), ids(want))
	}
}
