package storetest

import (
	"bytes"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
)

// callers is how many calls there are at once.
const callers = 50

// concurrencyChecks are the rules about many callers. Most are repeated, since
// a race is not lost every time.
var concurrencyChecks = []check{
	{"of 50 swaps at once exactly one wins", func(r *run) { r.repeat(10, checkSwaps) }},
	{"of 50 additions at once exactly one wins", func(r *run) { r.repeat(10, checkAdds) }},
	{"of swaps and a deletion at once the deletion is last", func(r *run) { r.repeat(10, checkSwapsAndDelete) }},
	{"no increment is lost", checkIncrements},
	{"a value is never half of another", checkTearing},
}

func (r *run) repeat(times int, f func(r *run, key string)) {
	for i := range times {
		f(r, r.key(strconv.Itoa(i)))
	}
}

// together runs f for every caller, all let go at the same moment.
func together(f func(caller int)) {
	start := make(chan struct{})
	var wg sync.WaitGroup
	for i := range callers {
		wg.Go(func() {
			<-start
			f(i)
		})
	}
	close(start)
	wg.Wait()
}

// race lets every caller try, and wants the key to have the value of the one
// that won.
func (r *run) race(key string, try func(value []byte) (bool, error)) {
	var won atomic.Int64
	var winner atomic.Value
	together(func(caller int) {
		value := fmt.Appendf(nil, "by %d", caller)
		ok, err := try(value)
		if err != nil {
			r.Errorf("caller %d: %v", caller, err)
		}
		if ok {
			won.Add(1)
			winner.Store(value)
		}
	})
	if won.Load() != 1 {
		r.Errorf("%d of %d callers won, want 1", won.Load(), callers)
		return
	}
	r.has(key, winner.Load().([]byte))
}

func checkSwaps(r *run, key string) {
	r.add(key, []byte("unused"), later(), true)
	r.race(key, func(value []byte) (bool, error) {
		return r.store.Swap(r.Context(), key, []byte("unused"), value, later())
	})
}

func checkAdds(r *run, key string) {
	r.race(key, func(value []byte) (bool, error) {
		return r.store.Add(r.Context(), key, value, later())
	})
}

func checkSwapsAndDelete(r *run, key string) {
	r.add(key, []byte("unused"), later(), true)
	var won atomic.Int64
	together(func(caller int) {
		if caller == callers/2 {
			if err := r.store.Delete(r.Context(), key); err != nil {
				r.Errorf("Delete: %v", err)
			}
			return
		}
		ok, err := r.store.Swap(r.Context(), key, []byte("unused"), []byte("used"), later())
		if err != nil {
			r.Errorf("Swap: %v", err)
		}
		if ok {
			won.Add(1)
		}
	})
	if won.Load() > 1 {
		r.Errorf("%d swaps won, want 1 at most", won.Load())
	}
	r.hasNone(key)
}

// checkIncrements counts with Get, Add and Swap, while other keys come and go.
// Some caller always gets on, so it ends.
func checkIncrements(r *run) {
	const each = 2
	key := r.key("count")
	together(func(caller int) {
		own := r.key("own " + strconv.Itoa(caller))
		for range each {
			err := r.store.Delete(r.Context(), own)
			for ok := false; !ok && err == nil; {
				ok, err = r.increment(key)
			}
			if err == nil {
				_, err = r.store.Add(r.Context(), own, []byte("one"), later())
			}
			if err != nil {
				r.Errorf("caller %d: %v", caller, err)
				return
			}
		}
	})
	r.has(key, fmt.Append(nil, callers*each))
	for caller := range callers {
		r.has(r.key("own "+strconv.Itoa(caller)), []byte("one"))
	}
}

func (r *run) increment(key string) (bool, error) {
	old, ok, err := r.store.Get(r.Context(), key)
	if err != nil {
		return false, err
	}
	if !ok {
		return r.store.Add(r.Context(), key, []byte("1"), later())
	}
	n, err := strconv.Atoi(string(old))
	if err != nil {
		return false, err
	}
	return r.store.Swap(r.Context(), key, old, fmt.Append(nil, n+1), later())
}

// checkTearing swaps values of different lengths, each of one letter.
func checkTearing(r *run) {
	key := r.key("a")
	valueOf := func(caller int) []byte {
		return bytes.Repeat([]byte{byte('A' + caller)}, 1+caller*100)
	}
	r.add(key, valueOf(0), later(), true)
	together(func(caller int) {
		for range 5 {
			old, ok, err := r.store.Get(r.Context(), key)
			if err != nil || !ok || len(old) == 0 || !bytes.Equal(old, valueOf(int(old[0]-'A'))) {
				r.Errorf("Get() = %d bytes, %v, %v; want a value as it was stored", len(old), ok, err)
				return
			}
			if _, err := r.store.Swap(r.Context(), key, old, valueOf(caller), later()); err != nil {
				r.Errorf("Swap: %v", err)
				return
			}
		}
	})
}
