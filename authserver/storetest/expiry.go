package storetest

import "time"

const (
	// shortly is how far ahead the tests let entries expire.
	shortly = 400 * time.Millisecond
	// skew is how far the store's clock may be from that of the tests.
	skew = 100 * time.Millisecond
)

// expiryChecks are the rules about time.
var expiryChecks = []check{
	{"a value is gone at its time and not before", checkExpiry},
	{"a swap moves the time of a value", checkSwapMovesTime},
	{"a value whose time is past is not there", func(r *run) {
		for name, past := range map[string]time.Time{"a second ago": time.Now().Add(-time.Second), "long ago": time.Unix(1, 0)} {
			r.add(r.key(name), []byte("one"), past, true)
			r.hasNone(r.key(name))
			r.add(r.key(name), []byte("two"), later(), true)
			r.swap(r.key(name), []byte("two"), []byte("three"), past, true)
			r.hasNone(r.key(name))
		}
	}},
	{"a time can be years ahead", func(r *run) {
		for name, d := range map[string]time.Duration{"30 days": 30 * 24 * time.Hour, "100 years": 100 * 365 * 24 * time.Hour} {
			r.add(r.key(name), []byte("one"), time.Now().Add(d), true)
			r.has(r.key(name), []byte("one"))
			r.swap(r.key(name), []byte("one"), []byte("two"), time.Now().Add(d), true)
			r.has(r.key(name), []byte("two"))
			r.delete(r.key(name))
		}
	}},
	{"a time is an instant in any zone", func(r *run) {
		for name, zone := range map[string]*time.Location{"east": time.FixedZone("", 14*3600), "west": time.FixedZone("", -12*3600), "UTC": time.UTC} {
			r.add(r.key(name), []byte("one"), time.Now().Add(time.Minute).In(zone), true)
			r.has(r.key(name), []byte("one"))
			r.add(r.key(name+", past"), []byte("one"), time.Now().Add(-time.Minute).In(zone), true)
			r.hasNone(r.key(name + ", past"))
		}
	}},
}

// soon is a time that the tests wait for, in whole milliseconds.
func soon() time.Time { return time.Now().Add(shortly).Truncate(time.Millisecond) }

// sleepUntil returns when the store's clock has passed the time.
func sleepUntil(until time.Time) { time.Sleep(time.Until(until.Add(skew))) }

func checkExpiry(r *run) {
	until := soon()
	for _, name := range []string{"get", "add", "swap", "delete"} {
		r.add(r.key(name), []byte("one"), until, true)
	}
	for time.Now().Before(until.Add(-skew)) {
		value, ok := r.get(r.key("get"))
		if time.Now().After(until.Add(-skew)) {
			break // the answer may be from after the time
		}
		if !ok || string(value) != "one" {
			r.Fatalf("Get() = %q, %v before the time", value, ok)
		}
		time.Sleep(10 * time.Millisecond)
	}
	sleepUntil(until)
	r.hasNone(r.key("get"))
	r.swap(r.key("swap"), []byte("one"), []byte("two"), later(), false)
	r.hasNone(r.key("swap"))
	r.delete(r.key("delete"))
	r.hasNone(r.key("delete"))
	r.add(r.key("add"), []byte("two"), later(), true)
	r.has(r.key("add"), []byte("two"))
}

func checkSwapMovesTime(r *run) {
	longer := r.prolong("longer", []byte("two"))
	sameValue := r.prolong("longer, same value", []byte("one"))
	until := soon()
	r.add(r.key("shorter"), []byte("one"), later(), true)
	r.swap(r.key("shorter"), []byte("one"), []byte("two"), until, true)
	r.add(r.key("refused"), []byte("one"), later(), true)
	r.swap(r.key("refused"), []byte("other"), []byte("two"), until, false)
	r.add(r.key("refused"), []byte("two"), until, false)
	r.add(r.key("added anew"), []byte("one"), until, true)
	r.delete(r.key("added anew"))
	r.add(r.key("added anew"), []byte("two"), later(), true)
	sleepUntil(until)
	r.has(longer, []byte("two"))
	r.has(sameValue, []byte("one"))
	r.hasNone(r.key("shorter"))
	r.has(r.key("refused"), []byte("one"))
	r.has(r.key("added anew"), []byte("two"))
}

// prolong adds a value that expires soon and swaps it for one that does not. It
// returns the key. Where the store is so slow that the value has expired in
// between, it tries again with another key.
func (r *run) prolong(name string, value []byte) string {
	r.Helper()
	for range 10 {
		name += "'"
		until := soon()
		r.add(r.key(name), []byte("one"), until, true)
		ok, err := r.store.Swap(r.Context(), r.key(name), []byte("one"), value, later())
		late := time.Now().After(until.Add(-skew))
		switch {
		case err != nil:
			r.Fatalf("Swap: %v", err)
		case !ok && !late:
			r.Fatalf("Swap(%q) = false before the time", name)
		case ok:
			return r.key(name)
		}
	}
	r.Fatalf("two calls take longer than %v", shortly-skew)
	return ""
}
