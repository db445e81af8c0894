package storetest

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"time"
)

const (
	maxKey   = 128
	maxValue = 16 << 10
)

// valueChecks are the rules that show with one caller and without waiting.
var valueChecks = []check{
	{"a key that was never added has no value", func(r *run) {
		r.hasNone(r.key("a"))
	}},
	{"an added value is there", func(r *run) {
		r.add(r.key("a"), []byte("one"), later(), true)
		r.has(r.key("a"), []byte("one"))
		r.has(r.key("a"), []byte("one"))
	}},
	{"a key that has a value is not added again", func(r *run) {
		r.add(r.key("a"), []byte("one"), later(), true)
		r.add(r.key("a"), []byte("two"), later(), false)
		r.add(r.key("a"), []byte("one"), later(), false)
		r.has(r.key("a"), []byte("one"))
	}},
	{"a swap from the present value replaces it", func(r *run) {
		r.add(r.key("a"), []byte("one"), later(), true)
		r.swap(r.key("a"), []byte("one"), []byte("two"), later(), true)
		r.has(r.key("a"), []byte("two"))
		r.swap(r.key("a"), []byte("one"), []byte("three"), later(), false)
		r.has(r.key("a"), []byte("two"))
	}},
	{"a swap to the same value succeeds", func(r *run) {
		r.add(r.key("a"), []byte("one"), later(), true)
		r.swap(r.key("a"), []byte("one"), []byte("one"), later(), true)
		r.has(r.key("a"), []byte("one"))
	}},
	{"a swap compares byte for byte", func(r *run) {
		r.add(r.key("a"), []byte("Value"), later(), true)
		for _, old := range []string{"", "Valu", "Value ", "Value\x00", " Value", "value", "VALUE", "Vàlue", "Val%"} {
			r.swap(r.key("a"), []byte(old), []byte("wrong"), later(), false)
		}
		r.swap(r.key("a"), nil, []byte("wrong"), later(), false)
		r.has(r.key("a"), []byte("Value"))
	}},
	{"a swap of a key without a value does nothing", func(r *run) {
		for _, old := range [][]byte{nil, {}, []byte("one")} {
			r.swap(r.key("a"), old, []byte("two"), later(), false)
			r.hasNone(r.key("a"))
		}
	}},
	{"a deleted key has no value", func(r *run) {
		r.add(r.key("a"), []byte("one"), later(), true)
		r.add(r.key("b"), []byte("two"), later(), true)
		r.delete(r.key("a"))
		r.hasNone(r.key("a"))
		r.swap(r.key("a"), []byte("one"), []byte("two"), later(), false)
		r.hasNone(r.key("a"))
		r.has(r.key("b"), []byte("two"))
	}},
	{"a deleted key can be added again", func(r *run) {
		r.add(r.key("a"), []byte("one"), later(), true)
		r.delete(r.key("a"))
		r.add(r.key("a"), []byte("two"), later(), true)
		r.has(r.key("a"), []byte("two"))
	}},
	{"to delete a key without a value is no error", func(r *run) {
		r.delete(r.key("a"))
		r.add(r.key("a"), []byte("one"), later(), true)
		r.delete(r.key("a"))
		r.delete(r.key("a"))
	}},
	{"an empty value is a value", func(r *run) {
		for name, empty := range map[string][]byte{"nil": nil, "empty": {}} {
			r.add(r.key(name), empty, later(), true)
			r.has(r.key(name), nil)
			r.add(r.key(name), []byte("one"), later(), false)
			r.swap(r.key(name), []byte("one"), []byte("two"), later(), false)
			r.swap(r.key(name), nil, []byte("one"), later(), true)
			r.swap(r.key(name), []byte("one"), empty, later(), true)
			r.swap(r.key(name), []byte{}, []byte("two"), later(), true)
			r.has(r.key(name), []byte("two"))
		}
	}},
	{"a value is any bytes", checkBinary},
	{"a value can be 16 KiB long", checkLongValues},
	{"every key of printable ASCII is its own", checkKeys},
	{"a key can be 128 bytes long", checkLongKeys},
	{"the store copies what it is given", checkGiven},
	{"the store gives copies", checkGives},
	{"a cancelled context is an error", checkContext},
}

func checkBinary(r *run) {
	all := make([]byte, 256)
	for i := range all {
		all[i] = byte(i)
	}
	values := [][]byte{all, {0}, {0, 0}, []byte("a\x00b"), {0xff, 0xfe}, {0xc3, 0x28}, []byte("\r\n\t"), []byte("'; --"), []byte(`\x00`), []byte("é"), []byte("e\u0301")}
	for i, value := range values {
		key := r.key(fmt.Sprint(i))
		r.add(key, value, later(), true)
		r.has(key, value)
		for j, other := range values {
			if i != j {
				r.swap(key, other, []byte("wrong"), later(), false)
			}
		}
		r.swap(key, value, all, later(), true)
		r.has(key, all)
	}
}

func checkLongValues(r *run) {
	long := bytes.Repeat([]byte{0, 'a', 0xff, '\''}, maxValue/4)
	other := bytes.Clone(long)
	other[maxValue-1]++
	r.add(r.key("a"), long, later(), true)
	r.has(r.key("a"), long)
	r.swap(r.key("a"), other, []byte("wrong"), later(), false)
	r.swap(r.key("a"), long[:maxValue-1], []byte("wrong"), later(), false)
	r.swap(r.key("a"), long, other, later(), true)
	r.has(r.key("a"), other)
}

func checkKeys(r *run) {
	names := []string{"", "a", "A", "a ", " a", "aa", "a/", "a:b", "a*", "a?", "a%", "a_", "[a]", "{a}", `a"`, "a'", `a\`, "a\\\\", "$a", "~", "a;b", "a,b", "a=b", "../a", "a#b", "a.b", "a-b", "-"}
	for _, name := range names {
		r.add(r.key(name), []byte("of "+name), later(), true)
	}
	for _, name := range names {
		r.has(r.key(name), []byte("of "+name))
	}
	for i, name := range names {
		r.delete(r.key(name))
		for j, other := range names {
			if j > i {
				r.has(r.key(other), []byte("of "+other))
			}
		}
	}
}

func checkLongKeys(r *run) {
	stem := r.key(strings.Repeat("k", maxKey-1-len(r.key(""))))
	for _, end := range []string{"a", "b", "A", ""} {
		r.add(stem+end, []byte("of "+end), later(), true)
	}
	for _, end := range []string{"a", "b", "A", ""} {
		r.has(stem+end, []byte("of "+end))
	}
	r.delete(stem + "a")
	r.hasNone(stem + "a")
	r.swap(stem+"b", []byte("of b"), []byte("other"), later(), true)
	r.has(stem+"b", []byte("other"))
	r.has(stem, []byte("of "))
}

func checkGiven(r *run) {
	value := []byte("one")
	r.add(r.key("a"), value, later(), true)
	copy(value, "xxx")
	r.has(r.key("a"), []byte("one"))
	old, value := []byte("one"), []byte("two")
	r.swap(r.key("a"), old, value, later(), true)
	if string(old) != "one" || string(value) != "two" {
		r.Errorf("Swap changed its arguments to %q and %q", old, value)
	}
	copy(old, "xxx")
	copy(value, "yyy")
	r.has(r.key("a"), []byte("two"))
}

func checkGives(r *run) {
	r.add(r.key("a"), []byte("one"), later(), true)
	first, _ := r.get(r.key("a"))
	second, _ := r.get(r.key("a"))
	copy(first, "xxx")
	_ = append(first[:0], "yyyy"...)
	if string(second) != "one" {
		r.Errorf("a value that Get gave became %q", second)
	}
	r.has(r.key("a"), []byte("one"))
	r.swap(r.key("a"), []byte("one"), []byte("two"), later(), true)
	if string(second) != "one" {
		r.Errorf("a value that Get gave became %q after Swap", second)
	}
}

func checkContext(r *run) {
	r.add(r.key("a"), []byte("one"), later(), true)
	cancelled, cancel := context.WithCancel(r.Context())
	cancel()
	over, cancel := context.WithDeadline(r.Context(), time.Now().Add(-time.Second))
	defer cancel()
	for name, ctx := range map[string]context.Context{"cancelled": cancelled, "past its deadline": over} {
		value, got, getErr := r.store.Get(ctx, r.key("a"))
		added, addErr := r.store.Add(ctx, r.key("b"), []byte("one"), later())
		swapped, swapErr := r.store.Swap(ctx, r.key("a"), []byte("one"), []byte("one"), later())
		for _, call := range []struct {
			name string
			ok   bool
			err  error
		}{
			{"Get", got || len(value) > 0, getErr},
			{"Add", added, addErr},
			{"Swap", swapped, swapErr},
			{"Delete", false, r.store.Delete(ctx, r.key("c"))},
		} {
			if call.err == nil || call.ok {
				r.Errorf("%s with a context that is %s has the result %v, and error %v; want an error alone", call.name, name, call.ok, call.err)
			}
		}
	}
	r.has(r.key("a"), []byte("one"))
}
