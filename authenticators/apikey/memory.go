package apikey

import (
	"cmp"
	"context"
	"errors"
	"hash/maphash"
	"slices"
	"strings"
	"sync"
	"time"
)

// shards are how many parts a memory store has, each with a lock of its own: a list
// of many keys holds up those who look one up for the time of one part.
const shards = 64

// MemoryStore is a [Store] in the memory of one process, and forgets everything
// when it ends. A key takes about 200 bytes beside its id, name, owner and scopes.
// A list looks at every record there is, 0.1 to 0.2 s of 1,000,000. It is safe for
// concurrent use.
type MemoryStore struct {
	seed   maphash.Seed
	shards [shards]shard
}

type shard struct {
	mu      sync.RWMutex
	entries map[string]*entry
}

// entry is a record in less memory. It never changes; changes replace it.
type entry struct {
	text     string    // a byte for the length of each scope, id, name, owner, and the scopes
	ends     [4]uint32 // of the first four
	hash     Hash
	previous *previous
	// Unix times, of the zero time as well.
	created, expires, revoked, lastUsed int64
	version                             int64
}

type previous struct {
	hash  Hash
	until int64
}

// NewMemoryStore makes an empty store.
func NewMemoryStore() *MemoryStore {
	m := &MemoryStore{seed: maphash.MakeSeed()}
	for i := range m.shards {
		m.shards[i].entries = make(map[string]*entry)
	}
	return m
}

func (m *MemoryStore) shard(id string) *shard {
	return &m.shards[maphash.String(m.seed, id)%shards]
}

func (m *MemoryStore) find(id string) *entry {
	s := m.shard(id)
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.entries[id]
}

// change replaces the entry of an id, which may be nil, with what f makes of it; nil
// removes it.
func (m *MemoryStore) change(id string, f func(*entry) *entry) {
	s := m.shard(id)
	s.mu.Lock()
	defer s.mu.Unlock()
	old := s.entries[id]
	switch e := f(old); {
	case e == old:
	case e == nil:
		delete(s.entries, id)
	default:
		s.entries[e.id()] = e
	}
}

// Find implements [Store].
func (m *MemoryStore) Find(ctx context.Context, id string) (record Record, ok bool, err error) {
	if err := ctx.Err(); err != nil {
		return record, false, err
	}
	e := m.find(id)
	if e == nil {
		return record, false, nil
	}
	e.fill(&record)
	return record, true, nil
}

// List implements [Store].
func (m *MemoryStore) List(ctx context.Context, query Query) ([]Record, error) {
	var page []*entry // sorted, the first ones so far
	byID := func(a, b *entry) int { return strings.Compare(a.id(), b.id()) }
	for i := range m.shards {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		m.shards[i].each(func(e *entry) {
			if e.id() <= query.After || query.Owner != "" && e.owner() != query.Owner {
				return
			}
			if len(page) == query.Limit {
				if len(page) == 0 || e.id() > page[len(page)-1].id() {
					return
				}
				page = page[:len(page)-1]
			}
			at, _ := slices.BinarySearchFunc(page, e, byID)
			page = slices.Insert(page, at, e)
		})
	}
	records := make([]Record, len(page))
	for i, e := range page {
		records[i] = e.record()
	}
	return records, nil
}

func (s *shard) each(f func(*entry)) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for _, e := range s.entries {
		f(e)
	}
}

// Add implements [Store].
func (m *MemoryStore) Add(ctx context.Context, record Record) (added bool, err error) {
	if err := cmp.Or(ctx.Err(), fits(record)); err != nil {
		return false, err
	}
	m.change(record.ID, func(old *entry) *entry {
		if added = old == nil; added {
			return newEntry(record)
		}
		return old
	})
	return added, nil
}

// Update implements [Store].
func (m *MemoryStore) Update(ctx context.Context, record Record) (updated bool, err error) {
	if err := cmp.Or(ctx.Err(), fits(record)); err != nil {
		return false, err
	}
	m.change(record.ID, func(old *entry) *entry {
		var e *entry
		if e, updated = old.updated(record); updated {
			return e
		}
		return old
	})
	return updated, nil
}

// Touch implements [Store].
func (m *MemoryStore) Touch(ctx context.Context, used map[string]time.Time) error {
	for id, at := range used {
		if err := ctx.Err(); err != nil {
			return err
		}
		m.change(id, func(old *entry) *entry { return old.touched(at) })
	}
	return ctx.Err()
}

// Delete implements [Store].
func (m *MemoryStore) Delete(ctx context.Context, id string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	m.change(id, func(*entry) *entry { return nil })
	return nil
}

var errScope = errors.New("apikey: a scope is longer than 128 bytes")

// fits refuses what an entry has no room for, and a store is never given by [Keys].
func fits(r Record) error {
	if slices.ContainsFunc(r.Scopes, func(scope string) bool { return len(scope) > maxScope }) {
		return errScope
	}
	return nil
}

// newEntry copies the strings, which may be parts of much longer ones.
func newEntry(r Record) *entry {
	e := &entry{
		hash: r.Hash, created: r.Created.Unix(), expires: r.Expires.Unix(), revoked: r.Revoked.Unix(), lastUsed: r.LastUsed.Unix(),
		version: r.Version,
	}
	var b []byte
	for _, scope := range r.Scopes {
		b = append(b, byte(len(scope)))
	}
	e.ends[0] = uint32(len(b))
	for i, part := range [...]string{r.ID, r.Name, r.Owner} {
		b = append(b, part...)
		e.ends[1+i] = uint32(len(b))
	}
	for _, scope := range r.Scopes {
		b = append(b, scope...)
	}
	e.text = string(b)
	if r.Previous != (Hash{}) || !r.PreviousUntil.IsZero() {
		e.previous = &previous{r.Previous, r.PreviousUntil.Unix()}
	}
	return e
}

func (e *entry) id() string    { return e.text[e.ends[0]:e.ends[1]] }
func (e *entry) name() string  { return e.text[e.ends[1]:e.ends[2]] }
func (e *entry) owner() string { return e.text[e.ends[2]:e.ends[3]] }

// scopes makes a list of its own each time.
func (e *entry) scopes() []string {
	if e.ends[0] == 0 {
		return nil
	}
	list, rest := make([]string, e.ends[0]), e.text[e.ends[3]:]
	for i := range list {
		n := e.text[i]
		list[i], rest = rest[:n], rest[n:]
	}
	return list
}

// updated is the entry that replaces e by [Store.Update]; false when r is no update
// of e.
func (e *entry) updated(r Record) (*entry, bool) {
	if e == nil || e.version != r.Version {
		return nil, false
	}
	next := newEntry(r)
	next.version++
	next.lastUsed = e.lastUsed
	return next, true
}

// touched is the entry that replaces e by [Store.Touch], which may be e.
func (e *entry) touched(at time.Time) *entry {
	if e == nil || at.Unix() <= e.lastUsed {
		return e
	}
	next := *e
	next.lastUsed = at.Unix()
	return &next
}

func (e *entry) record() (r Record) {
	e.fill(&r)
	return r
}

// fill makes the record in its place, since it is large.
func (e *entry) fill(r *Record) {
	r.ID, r.Name, r.Owner, r.Scopes = e.id(), e.name(), e.owner(), e.scopes()
	r.Hash, r.Version = e.hash, e.version
	r.Created, r.Expires, r.Revoked, r.LastUsed = fromUnix(e.created), fromUnix(e.expires), fromUnix(e.revoked), fromUnix(e.lastUsed)
	if e.previous != nil {
		r.Previous, r.PreviousUntil = e.previous.hash, fromUnix(e.previous.until)
	}
}

// fromUnix makes the zero time of its own Unix time.
func fromUnix(seconds int64) time.Time { return time.Unix(seconds, 0).UTC() }
