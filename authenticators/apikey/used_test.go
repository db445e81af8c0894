package apikey_test

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/authstar/authstar/authenticators/apikey"
)

// touched is a store that records the batches of last uses.
type touched struct {
	apikey.Store
	mu      sync.Mutex
	batches []map[string]time.Time
	touch   func(context.Context) error // what happens first
}

func newTouched() *touched { return &touched{Store: apikey.NewMemoryStore()} }

func (s *touched) Touch(ctx context.Context, used map[string]time.Time) error {
	s.mu.Lock()
	s.batches = append(s.batches, used)
	touch := s.touch
	s.mu.Unlock()
	if touch != nil {
		if err := touch(ctx); err != nil {
			return err
		}
	}
	return s.Store.Touch(ctx, used)
}

func (s *touched) set(touch func(context.Context) error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.touch = touch
}

// writes counts batches, and the uses in them.
func (s *touched) writes() (batches, uses int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, b := range s.batches {
		uses += len(b)
	}
	return len(s.batches), uses
}

func wantWrites(t *testing.T, what string, s *touched, batches, uses int) {
	t.Helper()
	synctest.Wait()
	if b, u := s.writes(); b != batches || u != uses {
		t.Errorf("%s: %d batches with %d uses, want %d with %d", what, b, u, batches, uses)
	}
}

// use presents a key.
func use(t *testing.T, keys *apikey.Keys, key apikey.Key) {
	t.Helper()
	wantVerdict(t, "the key", verdict(t, keys, key.Reveal()), key.ID())
}

func lastUsed(t *testing.T, keys *apikey.Keys, key apikey.Key) time.Time {
	t.Helper()
	record, err := keys.Record(t.Context(), key.ID())
	if err != nil {
		t.Fatal(err)
	}
	return record.LastUsed
}

// A key that is used all the time is written once a minute, not while a request
// waits, and is about two minutes behind at most.
func TestLastUsed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := newTouched()
		keys := newKeys(t, apikey.Config{Store: store})
		a, _ := create(t, keys, apikey.Spec{})
		b, _ := create(t, keys, apikey.Spec{})
		began := time.Now()
		use(t, keys, a)
		use(t, keys, b)
		wantWrites(t, "at once", store, 0, 0)
		time.Sleep(time.Minute)
		wantWrites(t, "after a minute", store, 1, 2)
		if got := lastUsed(t, keys, a); !got.Equal(began) {
			t.Errorf("last used %v, want %v", got, began)
		}
		for range 600 { // ten minutes
			use(t, keys, a)
			if behind := time.Since(lastUsed(t, keys, a)); behind > 2*time.Minute+time.Second {
				t.Fatalf("last used is %v behind", behind)
			}
			time.Sleep(time.Second)
		}
		synctest.Wait()
		if batches, uses := store.writes(); batches > 11 || uses > 12 || batches < 10 {
			t.Errorf("%d batches with %d uses in 11 minutes", batches, uses)
		}
	})
}

// Without a use there is nothing: no write, no timer, no goroutine. Refused keys are
// no uses.
func TestNoUseNoWrite(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := newTouched()
		keys := newKeys(t, apikey.Config{Store: store})
		key, record := create(t, keys, apikey.Spec{})
		use(t, keys, key)
		time.Sleep(time.Minute)
		wantWrites(t, "one use", store, 1, 1)
		before := runtime.NumGoroutine()
		if _, err := keys.Revoke(t.Context(), record.ID); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Hour)
		verdict(t, keys, key.Reveal())
		verdict(t, keys, generate(t, testPrefix).Reveal())
		time.Sleep(time.Hour)
		wantWrites(t, "refused", store, 1, 1)
		if after := runtime.NumGoroutine(); after > before {
			t.Errorf("%d goroutines, before there were %d", after, before)
		}
		if err := keys.Flush(t.Context()); err != nil {
			t.Error(err)
		}
		wantWrites(t, "nothing to flush", store, 1, 1)
	})
}

func TestFlush(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := newTouched()
		keys := newKeys(t, apikey.Config{Store: store})
		key, _ := create(t, keys, apikey.Spec{})
		use(t, keys, key)
		if err := keys.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		wantWrites(t, "flushed", store, 1, 1)
		use(t, keys, key)
		time.Sleep(time.Hour)
		wantWrites(t, "a use soon afterwards is not noted", store, 1, 1)
		use(t, keys, key)
		time.Sleep(time.Minute)
		wantWrites(t, "a later one is", store, 2, 2)
	})
}

// A store that is down loses nothing: uses are kept, tried again once a minute, and
// reported.
func TestLastUsedWhileStoreIsDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := newTouched()
		cause := errors.New("keys-db: connection refused")
		var mu sync.Mutex
		var reported []error
		keys := newKeys(t, apikey.Config{Store: store, Observe: func(_ context.Context, err error) {
			mu.Lock()
			defer mu.Unlock()
			reported = append(reported, err)
		}})
		key, _ := create(t, keys, apikey.Spec{})
		store.set(func(context.Context) error { return cause })
		began := time.Now()
		use(t, keys, key)
		if err := keys.Flush(t.Context()); !errors.Is(err, cause) {
			t.Errorf("Flush: %v", err)
		}
		time.Sleep(3 * time.Minute)
		wantWrites(t, "during the outage", store, 4, 4)
		if len(reported) != 3 || !errors.Is(reported[0], cause) {
			t.Errorf("reported %v", reported)
		}
		store.set(func(context.Context) error { panic("a fault in the store") })
		time.Sleep(time.Minute)
		wantWrites(t, "during the fault", store, 5, 5)
		if len(reported) != 4 || errors.Is(reported[3], cause) {
			t.Errorf("M12 reported %v", reported)
		}
		store.set(nil)
		time.Sleep(time.Minute)
		wantWrites(t, "afterwards", store, 6, 6)
		if got := lastUsed(t, keys, key); !got.Equal(began) {
			t.Errorf("last used %v, want %v", got, began)
		}
		time.Sleep(time.Hour)
		wantWrites(t, "and then no more", store, 6, 6)
	})
}

// A store that never answers holds one goroutine and no request, and a Flush only as
// long as its context lasts.
func TestLastUsedWhileStoreHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := newTouched()
		keys := newKeys(t, apikey.Config{Store: store})
		a, _ := create(t, keys, apikey.Spec{})
		b, _ := create(t, keys, apikey.Spec{})
		release := make(chan struct{})
		store.set(func(context.Context) error { <-release; return nil }) // heeds no context
		use(t, keys, a)
		time.Sleep(time.Minute)
		wantWrites(t, "the first write", store, 1, 1)
		use(t, keys, b)
		before := runtime.NumGoroutine()
		time.Sleep(10 * time.Minute)
		wantWrites(t, "no second one beside it", store, 1, 1)
		if after := runtime.NumGoroutine(); after > before+1 {
			t.Errorf("%d goroutines, before there were %d", after, before)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := keys.Flush(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Flush: %v", err)
		}
		close(release)
		if err := keys.Flush(t.Context()); err != nil {
			t.Errorf("Flush: %v", err)
		}
		wantWrites(t, "afterwards, the first one again, whose time was over", store, 2, 3)
	})
}

// M09: there are 10,000 uses in a batch at most, which is written at once.
func TestManyKeysAreUsed(t *testing.T) {
	const count = 12_000
	synctest.Test(t, func(t *testing.T) {
		store := newTouched()
		keys := newKeys(t, apikey.Config{Store: store})
		var list []apikey.Key
		for range count {
			key, _ := create(t, keys, apikey.Spec{})
			list = append(list, key)
		}
		for _, key := range list[:10_000] {
			use(t, keys, key)
		}
		wantWrites(t, "a full batch", store, 1, 10_000)
		for _, key := range list[10_000:] {
			use(t, keys, key)
		}
		wantWrites(t, "the rest waits", store, 1, 10_000)
		time.Sleep(time.Minute)
		wantWrites(t, "after a minute", store, 2, count)

		store.set(func(context.Context) error { return errors.New("down") })
		time.Sleep(time.Minute)
		for _, key := range list {
			use(t, keys, key)
		}
		time.Sleep(time.Hour)
		synctest.Wait()
		store.mu.Lock()
		defer store.mu.Unlock()
		for _, batch := range store.batches {
			if len(batch) > 10_000 {
				t.Errorf("M09 a batch of %d", len(batch))
			}
		}
		store.touch = nil
	})
}
