package password

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/authstar/authstar"
)

const defaultWaiting = 16

// gate lets few hashes run at once, and few wait.
type gate struct {
	slots   *semaphore.Weighted
	size    int64
	waiting atomic.Int64
	queue   int64
}

func newGate(size, queue int) *gate {
	if size == 0 {
		size = max(1, runtime.GOMAXPROCS(0)-1)
	}
	if queue == 0 {
		queue = defaultWaiting
	}
	return &gate{slots: semaphore.NewWeighted(int64(size)), size: int64(size), queue: int64(max(0, queue))}
}

var errBusy = &authstar.Error{
	Code: authstar.TemporarilyUnavailable, RetryAfter: time.Second,
	Err: errors.New("password: too many passwords are being checked"),
}

// enter waits for as many slots as the hash has lanes, first come, first served.
func (g *gate) enter(ctx context.Context, lanes int64) (leave func(), err error) {
	lanes = min(lanes, g.size)
	if !g.slots.TryAcquire(lanes) {
		defer g.waiting.Add(-1)
		if g.waiting.Add(1) > g.queue {
			return nil, errBusy
		}
		if err := g.slots.Acquire(ctx, lanes); err != nil {
			return nil, &authstar.Error{Code: authstar.TemporarilyUnavailable, Err: err}
		}
	}
	return func() { g.slots.Release(lanes) }, nil
}

// turns let one of several requests with the same credential go first. The
// others take no place in the queue, and find the credential remembered if it was
// right; no verdict is handed on.
type turns struct {
	mu     sync.Mutex
	leader map[digest]chan struct{}
}

// take returns at once for the first, and for the others when the first is done
// or ctx is. The caller is done when it has called done.
func (t *turns) take(ctx context.Context, d digest) (done func()) {
	t.mu.Lock()
	ended, follows := t.leader[d]
	if !follows {
		ended = make(chan struct{})
		if t.leader == nil {
			t.leader = make(map[digest]chan struct{})
		}
		t.leader[d] = ended
	}
	t.mu.Unlock()
	if follows {
		select {
		case <-ended:
		case <-ctx.Done():
		}
		return func() {}
	}
	return func() {
		t.mu.Lock()
		delete(t.leader, d)
		t.mu.Unlock()
		close(ended)
	}
}
