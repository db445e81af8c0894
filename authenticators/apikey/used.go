package apikey

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// useInterval is how far behind LastUsed may be before a use is noted, and how
	// long uses are gathered before they are written.
	useInterval = time.Minute
	// maxUses is how many keys a batch has at most.
	maxUses = 10_000
	// writeTimeout bounds a write that nobody waits for.
	writeTimeout = 10 * time.Second
)

// uses gathers when keys were used, and writes them in batches, one at a time. It
// has a timer while there is something to write, and a goroutine while it writes.
type uses struct {
	store   Store
	observe func(context.Context, error)

	mu      sync.Mutex
	pending map[string]time.Time
	timer   *time.Timer // nil while none is needed

	// noted has hashes of pending ids, each in its slot, so that hardly any request
	// waits for the lock.
	noted [1 << 12]atomic.Uint64
	seed  maphash.Seed

	writing chan struct{} // holds one element while a batch is written
}

func newUses(store Store, observe func(context.Context, error)) *uses {
	return &uses{
		store: store, observe: observe, pending: make(map[string]time.Time), seed: maphash.MakeSeed(), writing: make(chan struct{}, 1),
	}
}

// note remembers a use, unless the record has one that is recent. A use that finds
// the batch full is forgotten.
func (u *uses) note(r *Record, now time.Time) {
	if now.Unix()-r.LastUsed.Unix() < int64(useInterval/time.Second) {
		return
	}
	hash := maphash.String(u.seed, r.ID)
	slot := &u.noted[hash%uint64(len(u.noted))]
	if slot.Load() == hash {
		return
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	if _, noted := u.pending[r.ID]; !noted {
		if len(u.pending) >= maxUses {
			return
		}
		u.pending[strings.Clone(r.ID)] = seconds(now)
		u.schedule(useInterval)
		if len(u.pending) == maxUses {
			u.timer.Reset(0)
		}
	}
	slot.Store(hash)
}

// schedule starts the timer if there is none. The caller holds the lock.
func (u *uses) schedule(after time.Duration) {
	if u.timer == nil {
		u.timer = time.AfterFunc(after, u.flushAlone)
	}
}

func (u *uses) flushAlone() {
	ctx, cancel := context.WithTimeout(context.Background(), writeTimeout)
	defer cancel()
	if err := u.flush(ctx); err != nil && u.observe != nil {
		u.observe(ctx, fmt.Errorf("apikey: last uses are not written: %w", err))
	}
}

// flush writes what is pending. What could not be written is tried again later, as
// far as there is room.
func (u *uses) flush(ctx context.Context) error {
	select {
	case u.writing <- struct{}{}:
		defer func() { <-u.writing }()
	case <-ctx.Done():
		u.giveBack(nil)
		return ctx.Err()
	}
	batch := u.take()
	if len(batch) == 0 {
		return nil
	}
	err := u.touch(ctx, batch)
	if err != nil {
		u.giveBack(batch)
	}
	return err
}

func (u *uses) take() map[string]time.Time {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.stop()
	batch := u.pending
	u.pending = make(map[string]time.Time)
	for i := range u.noted {
		u.noted[i].Store(0)
	}
	return batch
}

// stop ends the timer. The caller holds the lock.
func (u *uses) stop() {
	if u.timer != nil {
		u.timer.Stop()
		u.timer = nil
	}
}

func (u *uses) giveBack(batch map[string]time.Time) {
	u.mu.Lock()
	defer u.mu.Unlock()
	for id, at := range batch {
		if _, noted := u.pending[id]; !noted && len(u.pending) < maxUses {
			u.pending[id] = at
		}
	}
	u.stop()
	if len(u.pending) > 0 {
		u.schedule(useInterval)
	}
}

// touch survives a panic of the store, which would end the program, since no server
// recovers it here.
func (u *uses) touch(ctx context.Context, batch map[string]time.Time) (err error) {
	defer func() {
		if recover() != nil {
			err = errors.New("the store panicked")
		}
	}()
	return u.store.Touch(ctx, batch)
}
