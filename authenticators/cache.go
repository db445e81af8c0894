package authenticators

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"hash"
	"sync"
	"sync/atomic"

	"github.com/authstar/authstar"
)

const (
	defaultCacheSize = 10_000
	// maxCached is the length of the longest token that is remembered.
	maxCached = 4 << 10
	// shards keeps requests of different tokens out of each other's way.
	shards = 16
)

// digest stands for a token. Nothing that is remembered holds the token, and
// nobody outside of the process can make two tokens meet.
type digest [sha256.Size]byte

// digestOf is HMAC-SHA256 under a key that the process makes for itself. Each
// verifier has a table of its own, so that the same digest never means another
// verifier's verdict.
func digestOf(token string) digest {
	h := digesters.Get().(*digester)
	h.Reset()
	for token != "" {
		n := copy(h.chunk[:], token)
		_, _ = h.Write(h.chunk[:n])
		token = token[n:]
	}
	d := digest(h.Sum(h.sum[:0]))
	clear(h.chunk[:]) // of a secret
	digesters.Put(h)
	return d
}

// digester has room for what would else be allocated for every token.
type digester struct {
	hash.Hash
	chunk [1 << 10]byte
	sum   digest
}

var digesters = func() *sync.Pool {
	key := make([]byte, sha256.Size)
	_, _ = rand.Read(key) // never fails
	return &sync.Pool{New: func() any { return &digester{Hash: hmac.New(sha256.New, key)} }}
}()

// tokenCache remembers the tokens that one JWT verified.
type tokenCache = table[*cached]

// cached is a verified token.
type cached struct {
	token  Token
	key    crypto.PublicKey // that verified it
	client authstar.Client  // with JWTConfig.CacheClient
}

// remember keeps a verified token. clears is from before it was verified.
func (j *JWT) remember(d digest, t *Token, key any, client authstar.Client, err error, clears uint64) {
	c := &cached{token: *t, key: key}
	if j.config.CacheClient && j.config.Client != nil {
		if err != nil {
			return
		}
		c.client = client
	}
	now := j.config.Now()
	j.cache.put(d, c, clears, func(c *cached) bool { return j.isOver(c.token.Expires, now) })
}

// remembered answers for a token that was verified before, as long as it has not
// expired and the key that verified it is still one of its issuer's. Every call
// makes a client of its own.
func (j *JWT) remembered(ctx context.Context, d digest) (authstar.Client, error, bool) {
	if j.cache == nil {
		return nil, nil, false
	}
	c, ok := j.cache.get(d)
	if !ok {
		return nil, nil, false
	}
	now := j.config.Now()
	if j.isOver(c.token.Expires, now) {
		j.cache.drop(d)
		return nil, errExpired, true
	}
	if j.isAhead(c.token.NotBefore, now) || j.isAhead(c.token.IssuedAt, now) { // the clock went backwards
		return nil, nil, false
	}
	keys, incomplete := j.keys(ctx, c.token.KeyID, c.token.Issuer)
	for i := range keys {
		if sameKey(keys[i].Key, c.key) {
			if c.client != nil {
				return c.client, nil, true
			}
			client, err := j.client(ctx, &c.token)
			return client, err, true
		}
	}
	if incomplete != nil {
		return nil, unavailable(incomplete), true
	}
	j.cache.drop(d)
	return nil, nil, false
}

// Purge forgets all remembered tokens, and those that are being verified, so that
// the next request of each is verified anew.
func (j *JWT) Purge() {
	if j.cache != nil {
		j.cache.clear()
	}
}

func sameKey(a, b any) bool {
	switch a := a.(type) { // the same set as before; Equal allocates
	case *rsa.PublicKey:
		if b, ok := b.(*rsa.PublicKey); ok && a == b {
			return true
		}
	case *ecdsa.PublicKey:
		if b, ok := b.(*ecdsa.PublicKey); ok && a == b {
			return true
		}
	}
	if secret, ok := a.([]byte); ok {
		other, ok := b.([]byte)
		return ok && hmac.Equal(secret, other)
	}
	k, ok := a.(interface{ Equal(crypto.PublicKey) bool })
	return ok && k.Equal(b)
}

// table maps digests to values, bounded by size. Where it is full, a value that
// has ended makes room, or any other.
type table[V any] struct {
	size   int           // of one shard
	clears atomic.Uint64 // how many there were
	shards [shards]struct {
		sync.RWMutex
		m map[digest]V
	}
}

func newTable[V any](size int) *table[V] { return &table[V]{size: (size + shards - 1) / shards} }

func (t *table[V]) get(d digest) (v V, ok bool) {
	s := &t.shards[d[0]%shards]
	s.RLock()
	v, ok = s.m[d]
	s.RUnlock()
	return v, ok
}

// put keeps a value that was asked for when there had been so many clears, unless
// there was another since. It looks under the lock: what was put first and dropped
// then would be found in between, after the clear that was to forget it.
func (t *table[V]) put(d digest, v V, clears uint64, ended func(V) bool) {
	s := &t.shards[d[0]%shards]
	s.Lock()
	defer s.Unlock()
	if t.clears.Load() != clears || t.size <= 0 {
		return
	}
	if s.m == nil {
		s.m = make(map[digest]V)
	}
	if _, known := s.m[d]; !known && len(s.m) >= t.size {
		makeRoom(s.m, ended)
	}
	s.m[d] = v
}

// makeRoom looks at a few values, which Go picks at random.
func makeRoom[V any](m map[digest]V, ended func(V) bool) {
	const few = 8
	looked := 0
	var victim digest
	for d, v := range m {
		victim = d
		if looked++; looked == few || ended(v) {
			break
		}
	}
	delete(m, victim)
}

func (t *table[V]) drop(d digest) {
	s := &t.shards[d[0]%shards]
	s.Lock()
	delete(s.m, d)
	s.Unlock()
}

func (t *table[V]) clear() {
	t.clears.Add(1)
	for i := range t.shards {
		s := &t.shards[i]
		s.Lock()
		s.m = nil
		s.Unlock()
	}
}
