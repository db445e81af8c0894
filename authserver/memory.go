package authserver

import (
	"container/heap"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"
)

const (
	// maxStoreKey and maxStoreValue are the lengths, in bytes, that [Store]
	// promises its implementations.
	maxStoreKey   = 128
	maxStoreValue = 16 << 10

	defaultMaxEntries = 100_000
	defaultMaxBytes   = 128 << 20

	// entryOverhead is what an entry takes beside its key and value, in the
	// worst case that BenchmarkMemoryStoreFootprint finds.
	entryOverhead = 192
	// sweepAtOnce is how many expired entries a call removes at most. Since a
	// call adds one entry at most, a backlog shrinks.
	sweepAtOnce = 8
	// smallStore is the number of entries below which shrinking is no gain.
	smallStore = 1024
)

type storeFull string

func (e storeFull) Error() string { return string(e) }

// ErrStoreFull is what a [MemoryStore] answers to a call that would take it
// beyond its bounds. It is a constant, so that nobody can assign to it; compare
// with errors.Is.
const ErrStoreFull = storeFull("authserver: memory store is full")

// MemoryConfig bounds a [MemoryStore]. The zero value has the default bounds.
type MemoryConfig struct {
	// MaxEntries is how many entries may be alive at once. 0 or less: 100,000.
	MaxEntries int
	// MaxBytes is how much memory they may take. An entry counts as its key, six
	// fifths of its value, since Go's allocator rounds up, and 192 bytes. 0 or
	// less: 128 MiB, which is 100,000 entries with values of 900 bytes.
	MaxBytes int64
	// Now tells the time by which entries expire. nil: time.Now.
	Now func() time.Time
}

// MemoryStore is a [Store] in the memory of one process: a restart forgets
// every login and every revocation, and a second process knows nothing of it.
//
// It never forgets a live entry to make room. Beyond a bound of its
// [MemoryConfig] Add returns [ErrStoreFull] and does nothing; so does a Swap for
// a longer value, while one for a value that is no longer always has room, so
// that a full store still ends the refresh tokens that it holds; to remember a
// revoked access token until it ends takes an entry. A key or value longer than
// [Store] allows is an error as well.
//
// An entry takes at most 192 bytes beside its key and six fifths of its value
// (measured: 110 to 160), so that live entries stay within MaxBytes; the room for
// a greater number of entries that there were before, up to 60 bytes for each,
// may come on top, and until Go's collector runs the heap may grow to twice the
// sum (GOGC). For callers an expired entry is gone at once, by the wall clock; its
// memory follows with the next calls, a few entries each, without a goroutine.
//
// It is safe for concurrent use.
type MemoryStore struct {
	maxEntries int
	maxBytes   int64
	now        func() time.Time

	mu      sync.Mutex
	entries map[string]*memoryEntry
	queue   expiryQueue // the same entries
	bytes   int64       // of all entries, by their size
	peak    int         // the most entries since the map was made
}

// memoryEntry holds its value as a string, which nobody can change.
type memoryEntry struct {
	key   string
	value string
	until time.Time // without monotonic reading, which stands still while a machine sleeps
	index int       // in the queue
}

func (e *memoryEntry) size() int64 { return sizeOf(len(e.key), len(e.value)) }

// sizeOf counts the value for more than its length: the allocator's size classes
// waste up to 19 % (3457 bytes take 4096).
func sizeOf(key, value int) int64 { return int64(key + value*6/5 + entryOverhead) }

// NewMemoryStore makes an empty store.
func NewMemoryStore(config MemoryConfig) *MemoryStore {
	s := &MemoryStore{
		maxEntries: config.MaxEntries,
		maxBytes:   config.MaxBytes,
		now:        config.Now,
		entries:    make(map[string]*memoryEntry),
		peak:       smallStore,
	}
	if s.maxEntries <= 0 {
		s.maxEntries = defaultMaxEntries
	}
	if s.maxBytes <= 0 {
		s.maxBytes = defaultMaxBytes
	}
	if s.now == nil {
		s.now = time.Now
	}
	return s
}

// Get implements [Store].
func (s *MemoryStore) Get(ctx context.Context, key string) ([]byte, bool, error) {
	if err := checkCall(ctx, key, nil); err != nil {
		return nil, false, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.find(key, s.now())
	if e == nil {
		return nil, false, nil
	}
	return []byte(e.value), true, nil
}

// Add implements [Store]. Its error is [ErrStoreFull] when there is no room for
// the value.
func (s *MemoryStore) Add(ctx context.Context, key string, value []byte, until time.Time) (bool, error) {
	if err := checkCall(ctx, key, value); err != nil {
		return false, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	if s.find(key, now) != nil {
		return false, nil
	}
	if !until.After(now) {
		return true, nil
	}
	e := &memoryEntry{key: strings.Clone(key), value: string(value), until: until.Round(0)}
	if !s.makeRoom(1, e.size(), now) {
		return false, ErrStoreFull
	}
	s.entries[e.key] = e
	heap.Push(&s.queue, e)
	s.bytes += e.size()
	s.peak = max(s.peak, len(s.entries))
	return true, nil
}

// Swap implements [Store]. Its error is [ErrStoreFull] when there is no room for
// what the value is longer than the old one.
func (s *MemoryStore) Swap(ctx context.Context, key string, old, value []byte, until time.Time) (bool, error) {
	if err := checkCall(ctx, key, value); err != nil {
		return false, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	e := s.find(key, now)
	if e == nil || e.value != string(old) {
		return false, nil
	}
	if !until.After(now) {
		s.remove(e)
		return true, nil
	}
	growth := sizeOf(len(key), len(value)) - e.size()
	if growth > 0 && !s.makeRoom(0, growth, now) {
		return false, ErrStoreFull
	}
	e.value, e.until = string(value), until.Round(0)
	s.bytes += growth
	heap.Fix(&s.queue, e.index)
	return true, nil
}

// Delete implements [Store].
func (s *MemoryStore) Delete(ctx context.Context, key string) error {
	if err := checkCall(ctx, key, nil); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if e := s.find(key, s.now()); e != nil {
		s.remove(e)
	}
	return nil
}

// checkCall holds callers to what every store can keep, so that what works here
// works in a database.
func checkCall(ctx context.Context, key string, value []byte) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if len(key) > maxStoreKey {
		return fmt.Errorf("authserver: store key of %d bytes, more than %d", len(key), maxStoreKey)
	}
	for i := range len(key) {
		if key[i] < ' ' || key[i] > '~' {
			return errors.New("authserver: store key is not printable ASCII")
		}
	}
	if len(value) > maxStoreValue {
		return fmt.Errorf("authserver: store value of %d bytes, more than %d", len(value), maxStoreValue)
	}
	return nil
}

// find returns the live entry of a key, and sweeps a little.
func (s *MemoryStore) find(key string, now time.Time) *memoryEntry {
	for range sweepAtOnce {
		if !s.sweepOne(now) {
			break
		}
	}
	e := s.entries[key]
	if e != nil && !e.until.After(now) {
		s.remove(e) // now, so that it does not come back when the clock is set back
		return nil
	}
	return e
}

// makeRoom reports whether so many entries and bytes more are within the bounds,
// once enough of what has expired is gone.
func (s *MemoryStore) makeRoom(entries int, bytes int64, now time.Time) bool {
	for len(s.entries)+entries > s.maxEntries || s.bytes+bytes > s.maxBytes {
		if !s.sweepOne(now) {
			return false
		}
	}
	return true
}

// sweepOne removes the entry that expires first, if it has.
func (s *MemoryStore) sweepOne(now time.Time) bool {
	if len(s.queue) == 0 || s.queue[0].until.After(now) {
		return false
	}
	s.remove(s.queue[0])
	return true
}

func (s *MemoryStore) remove(e *memoryEntry) {
	delete(s.entries, e.key)
	heap.Remove(&s.queue, e.index)
	s.bytes -= e.size()
	if s.peak > smallStore && len(s.entries) < s.peak/8 {
		s.shrink()
	}
}

// shrink gives back what a map and a slice keep of their former size.
func (s *MemoryStore) shrink() {
	entries := make(map[string]*memoryEntry, len(s.entries))
	maps.Copy(entries, s.entries)
	s.entries = entries
	s.queue = slices.Clone(s.queue)
	s.peak = max(len(entries), smallStore)
}

// expiryQueue is a heap: the entry that expires first is at 0.
type expiryQueue []*memoryEntry

func (q expiryQueue) Len() int           { return len(q) }
func (q expiryQueue) Less(i, j int) bool { return q[i].until.Before(q[j].until) }
func (q expiryQueue) Swap(i, j int) {
	q[i], q[j] = q[j], q[i]
	q[i].index, q[j].index = i, j
}

// Push implements [heap.Interface].
func (q *expiryQueue) Push(x any) {
	e := x.(*memoryEntry)
	e.index = len(*q)
	*q = append(*q, e)
}

// Pop implements [heap.Interface].
func (q *expiryQueue) Pop() any {
	last := len(*q) - 1
	e := (*q)[last]
	(*q)[last] = nil
	*q = (*q)[:last]
	return e
}
