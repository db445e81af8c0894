package password

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"hash"
	"sync"
	"time"
)

const (
	defaultRemember   = time.Minute
	maxRemember       = time.Hour
	defaultRemembered = 10_000
	// shards keep requests of different users out of each other's way.
	shards = 16
)

// digest stands for a password that was right for a hash.
type digest [sha256.Size]byte

// digester makes digests under a key of its own, so that nobody can make two
// credentials meet, and no two verifiers mean the same by one.
type digester struct{ pool sync.Pool }

type digestState struct {
	mac   hash.Hash
	input []byte
	sum   digest
}

func newDigester() *digester {
	key := make([]byte, sha256.Size)
	_, _ = rand.Read(key) // never fails
	return &digester{sync.Pool{New: func() any { return &digestState{mac: hmac.New(sha256.New, key)} }}}
}

// of is HMAC-SHA256 over the parts, each after its length, so that none can pass
// for a piece of another.
func (g *digester) of(parts ...string) digest {
	s := g.pool.Get().(*digestState)
	s.input = s.input[:0]
	for _, part := range parts {
		s.input = binary.BigEndian.AppendUint64(s.input, uint64(len(part)))
		s.input = append(s.input, part...)
	}
	s.mac.Reset()
	_, _ = s.mac.Write(s.input)
	s.mac.Sum(s.sum[:0])
	clear(s.input)
	d := s.sum
	g.pool.Put(s)
	return d
}

// memory is what was right lately, bounded by size. An entry says that a password
// is the one that a hash was made of, which stays true when the user gets another
// hash, but is then not asked for any more.
type memory struct {
	lifetime time.Duration
	size     int // of one shard
	shards   [shards]struct {
		sync.RWMutex
		ends map[digest]time.Time
	}
}

func newMemory(lifetime time.Duration, size int) *memory {
	if lifetime < 0 {
		return nil
	}
	if lifetime == 0 {
		lifetime = defaultRemember
	}
	if size == 0 {
		size = defaultRemembered
	}
	return &memory{lifetime: lifetime, size: (size + shards - 1) / shards}
}

// has reports whether the digest is remembered. Being used, it is remembered anew
// when half of its time is over.
func (m *memory) has(d digest, now time.Time) bool {
	if m == nil {
		return false
	}
	s := &m.shards[d[0]%shards]
	s.RLock()
	end := s.ends[d]
	s.RUnlock()
	left := end.Sub(now)
	if left <= 0 {
		return false
	}
	if left < m.lifetime/2 {
		m.add(d, now)
	}
	return true
}

// add takes the place of an entry that has ended, or of any, where it is full.
func (m *memory) add(d digest, now time.Time) {
	if m == nil {
		return
	}
	const few = 8
	s := &m.shards[d[0]%shards]
	s.Lock()
	defer s.Unlock()
	if s.ends == nil {
		s.ends = make(map[digest]time.Time)
	}
	if _, known := s.ends[d]; !known && len(s.ends) >= m.size {
		looked := 0
		var victim digest
		for other, end := range s.ends { // in random order
			victim = other
			if looked++; looked == few || !end.After(now) {
				break
			}
		}
		delete(s.ends, victim)
	}
	s.ends[d] = now.Add(m.lifetime)
}

func (m *memory) clear() {
	if m == nil {
		return
	}
	for i := range m.shards {
		s := &m.shards[i]
		s.Lock()
		s.ends = nil
		s.Unlock()
	}
}
