package apikeytest

import (
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/authstar/authstar/authenticators/apikey"
)

// callers is how many calls there are at once.
const callers = 50

// concurrencyChecks are the rules about many callers. Most are repeated, since a race
// is not lost every time.
var concurrencyChecks = []check{
	{"of 50 additions at once exactly one wins", func(r *run) { r.repeat(checkAdds) }},
	{"of 50 updates at once exactly one wins", func(r *run) { r.repeat(checkUpdates) }},
	{"of updates and a deletion at once the deletion is last", func(r *run) { r.repeat(checkUpdatesAndDelete) }},
	{"of last uses at once the latest stays", func(r *run) { r.repeat(checkTouches) }},
	{"no update is lost, and none undoes a last use", checkIncrements},
}

func (r *run) repeat(f func(r *run, name string)) {
	for i := range 4 {
		f(r, strconv.Itoa(i))
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

// race lets every caller try, and wants the record that one of them gave.
func (r *run) race(name string, version int64, try func(apikey.Record) (bool, error)) {
	var won atomic.Int64
	var winner atomic.Int64
	by := func(caller int64) apikey.Record {
		record := r.record(name)
		record.Name = fmt.Sprintf("by %d", caller)
		return record
	}
	together(func(caller int) {
		ok, err := try(by(int64(caller)))
		if err != nil {
			r.Errorf("caller %d: %v", caller, err)
		}
		if ok {
			won.Add(1)
			winner.Store(int64(caller))
		}
	})
	if won.Load() != 1 {
		r.Errorf("%d of %d callers won, want 1", won.Load(), callers)
		return
	}
	want := by(winner.Load())
	want.Version = version
	r.has(want)
}

func checkAdds(r *run, name string) {
	r.race(name, 1, func(record apikey.Record) (bool, error) { return r.store.Add(r.Context(), record) })
}

func checkUpdates(r *run, name string) {
	r.add(r.record(name), true)
	r.race(name, 2, func(record apikey.Record) (bool, error) { return r.store.Update(r.Context(), record) })
}

func checkUpdatesAndDelete(r *run, name string) {
	r.add(r.record(name), true)
	together(func(caller int) {
		var err error
		if caller == callers/2 {
			err = r.store.Delete(r.Context(), r.id(name))
		} else {
			_, err = r.store.Update(r.Context(), r.record(name))
		}
		if err != nil {
			r.Errorf("caller %d: %v", caller, err)
		}
	})
	r.hasNone(r.id(name))
}

func checkTouches(r *run, name string) {
	record := r.record(name)
	r.add(record, true)
	together(func(caller int) {
		at := start.Add(time.Duration((caller*7)%callers) * time.Second)
		if err := r.store.Touch(r.Context(), map[string]time.Time{record.ID: at}); err != nil {
			r.Errorf("caller %d: %v", caller, err)
		}
	})
	record.LastUsed = start.Add((callers - 1) * time.Second)
	r.has(record)
}

// checkIncrements counts in the name with Find and Update. Some caller always gets
// on, so it ends.
func checkIncrements(r *run) {
	record := r.record("count")
	record.Name = "0"
	r.add(record, true)
	together(func(caller int) {
		var err error
		for ok := false; !ok && err == nil; {
			ok, err = r.increment(record.ID)
		}
		if err == nil {
			err = r.store.Touch(r.Context(), map[string]time.Time{record.ID: start.Add(time.Duration(caller) * time.Second)})
		}
		if err != nil {
			r.Errorf("caller %d: %v", caller, err)
		}
	})
	record.Name, record.Version, record.LastUsed = strconv.Itoa(callers), callers+1, start.Add((callers-1)*time.Second)
	r.has(record)
}

func (r *run) increment(id string) (bool, error) {
	record, ok, err := r.store.Find(r.Context(), id)
	if err != nil || !ok {
		return false, fmt.Errorf("no record (%v), or an error: %w", ok, err)
	}
	n, err := strconv.Atoi(record.Name)
	if err != nil {
		return false, err
	}
	record.Name = strconv.Itoa(n + 1)
	return r.store.Update(r.Context(), record)
}
