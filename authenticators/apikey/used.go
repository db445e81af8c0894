package apikey

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
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

	writing chan struct{} // holds one element while a batch is written
}

func newUses(store Store, observe func(context.Context, error)) *uses {
	return &uses{store: store, observe: observe, pending: make(map[string]time.Time), writing: make(chan struct{}, 1)}
}

// note remembers a use, unless the record has one that is recent. A use that finds
// the batch full is forgotten.
func (u *uses) note(r *Record, now time.Time) {
	if now.Sub(r.LastUsed) < useInterval {
		return
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	if _, noted := u.pending[r.ID]; noted || len(u.pending) >= maxUses {
		return
	}
	u.pending[strings.Clone(r.ID)] = seconds(now)
	u.schedule(useInterval)
	if len(u.pending) == maxUses {
		u.timer.Reset(0)
	}
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
