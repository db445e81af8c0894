// Package throttle slows down the guessing of passwords and secrets, in bounded
// memory. Only failures count: nobody is refused for logging in often.
package throttle

import (
	"container/heap"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"hash"
	"hash/maphash"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"
)

const (
	maxBurst    = 10_000
	maxDuration = 24 * time.Hour

	defaultMaxWait = time.Hour
	defaultMaxKeys = 10_000
	// sweepAtOnce is how many recovered keys a failure removes at most. Since it
	// adds one at most, a backlog shrinks.
	sweepAtOnce = 2
	// slots are how many groups of keys there are, of which Allow sees at a glance
	// whether one in it has failed: 16 KiB.
	slots = 4096
	// rounding is the part of a token that floating point may lose.
	rounding = 1e-9
)

// Config says how many failures a key may have. Burst and Every are required.
type Config struct {
	// Burst is how many failures in a row a key has free: 1 to 10,000.
	Burst int
	// Every is the time after which one more failure is free: up to 24 hours.
	Every time.Duration
	// MaxWait is the longest that failures can shut a key out: Every to 24 hours.
	// 0 is an hour, or Every if that is longer.
	MaxWait time.Duration
	// MaxKeys is how many keys are remembered, each in at most 300 bytes: more
	// than honest users get wrong within Burst × Every. 0 is 10,000.
	MaxKeys int
	// Now is the clock, which must not go backwards. nil is time.Now, whose
	// monotonic reading does not.
	Now func() time.Time
}

// Throttle counts the failures of each key: of account names, spelled as the
// lookup spells them, or of addresses, by [Address]. Make one for each, since a
// user can choose a name that looks like an address, and since only accounts are
// forgiven ([Throttle.Succeed]).
//
//	if ok, wait := accounts.Allow(name); !ok { … refuse, Retry-After: wait … }
//	switch … check the password … {
//	case wrong:
//		accounts.Fail(name)
//	case right:
//		accounts.Succeed(name)
//	}
//
// A key is a token bucket of golang.org/x/time/rate. Allow takes no token, so
// that many good logins at once are not in each other's way. Wrong ones at once
// may therefore be more than there are tokens; then they leave the bucket in
// debt, and the key waits as long as if they had come one after the other,
// though no longer than MaxWait. How many can be under way at once is up to the
// check itself.
//
// Names are kept as a MAC of 16 bytes under a key of this process: a long name
// takes no more memory than a short one, memory holds no names, and nobody can
// make two names meet.
//
// Beyond MaxKeys a new key takes the place of the one nearest to full recovery,
// which has the least to forget. A flood of names with one failure each thus
// pushes out its own, and keys that are within Every of recovery anyway: one
// with k failures goes early only after about k failures of each of MaxKeys
// others. The new key always gets in, since otherwise MaxKeys names with two
// failures each would leave all others uncounted. What no bounded memory sees is
// someone who guesses once at each of more than MaxKeys names, over and over;
// those guesses come from addresses, which have a throttle of their own.
//
// A Throttle is safe for concurrent use and starts no goroutine.
type Throttle struct {
	config Config
	limit  rate.Limit
	window time.Duration // in which an empty bucket gets full
	debt   float64       // the most tokens that a bucket may owe
	macs   sync.Pool     // of hash.Hash
	seed   maphash.Seed
	failed [slots]atomic.Int32 // buckets of each group

	mu      sync.Mutex
	buckets map[name]*bucket
	queue   recoveryQueue // the same buckets
}

// name stands for a key.
type name [16]byte

type bucket struct {
	name    name
	slot    uint16
	limiter *rate.Limiter
	// forgivable is when Succeed forgives again.
	forgivable time.Time
	// recovered is when the bucket is as good as a new one: full and forgivable.
	recovered time.Time
	index     int // in the queue
}

// New makes a throttle. It panics when a field is out of bounds, naming all that
// are: those are faults of the program, not of its input.
func New(config Config) *Throttle {
	if config.MaxWait == 0 {
		config.MaxWait = max(defaultMaxWait, config.Every)
	}
	if config.MaxKeys == 0 {
		config.MaxKeys = defaultMaxKeys
	}
	if config.Now == nil {
		config.Now = time.Now
	}
	if err := config.validate(); err != nil {
		panic(err)
	}
	secret := make([]byte, sha256.Size)
	_, _ = rand.Read(secret) // never fails
	return &Throttle{
		config:  config,
		limit:   rate.Every(config.Every),
		window:  time.Duration(config.Burst) * config.Every,
		debt:    float64(config.MaxWait)/float64(config.Every) - 1,
		macs:    sync.Pool{New: func() any { return hmac.New(sha256.New, secret) }},
		seed:    maphash.MakeSeed(),
		buckets: make(map[name]*bucket),
	}
}

func (c *Config) validate() error {
	var errs []error
	if c.Burst < 1 || c.Burst > maxBurst {
		errs = append(errs, errors.New("throttle: Burst must be 1 to 10,000"))
	}
	if c.Every <= 0 || c.Every > maxDuration {
		errs = append(errs, errors.New("throttle: Every must be more than 0 and at most 24 hours"))
	}
	if c.MaxWait < c.Every || c.MaxWait > maxDuration {
		errs = append(errs, errors.New("throttle: MaxWait must be at least Every and at most 24 hours"))
	}
	if c.MaxKeys < 0 {
		errs = append(errs, errors.New("throttle: MaxKeys must not be negative"))
	}
	return errors.Join(errs...)
}

// Allow reports whether the key may try, and if not, how long it must wait. It
// changes nothing: who asks and never fails is always allowed, and a key that
// never failed takes no memory.
func (t *Throttle) Allow(key string) (ok bool, retryAfter time.Duration) {
	if t.failed[t.slotOf(key)].Load() == 0 {
		return true, 0
	}
	n := t.nameOf(key)
	t.mu.Lock()
	defer t.mu.Unlock()
	b := t.buckets[n]
	if b == nil {
		return true, 0
	}
	missing := 1 - b.limiter.TokensAt(t.config.Now())
	if missing <= rounding {
		return true, 0
	}
	return false, time.Duration(math.Ceil(missing * float64(t.config.Every)))
}

// Fail counts a failure of the key.
func (t *Throttle) Fail(key string) {
	n := t.nameOf(key)
	t.mu.Lock()
	defer t.mu.Unlock()
	now := t.config.Now()
	t.sweep(now)
	b := t.buckets[n]
	if b == nil {
		if len(t.buckets) >= t.config.MaxKeys {
			t.remove(t.queue[0])
		}
		b = &bucket{name: n, slot: t.slotOf(key), limiter: rate.NewLimiter(t.limit, t.config.Burst), recovered: now}
		t.buckets[n] = b
		t.failed[b.slot].Add(1)
		heap.Push(&t.queue, b)
	}
	if b.limiter.TokensAt(now)-1 < -t.debt-rounding {
		return
	}
	b.limiter.ReserveN(now, 1)
	t.update(b, now)
}

// Succeed forgives the failures of an account whose user has just proved to know
// the password: who finds it at the third try is not punished for the first two.
//
// It does so at most once in Burst × Every. Otherwise, whoever guesses while the
// user, or a program of his, keeps logging in would have a full bucket after
// every such login; like this, he has twice the guesses at most. The account is
// remembered for that time. A check that did not happen, since the answer was
// remembered, is no success.
//
// It is not for addresses: someone with one account of his own would reset the
// address between guesses at others.
func (t *Throttle) Succeed(key string) {
	n := t.nameOf(key)
	t.mu.Lock()
	defer t.mu.Unlock()
	b, now := t.buckets[n], t.config.Now()
	if b == nil || b.forgivable.After(now) {
		return
	}
	b.limiter = rate.NewLimiter(t.limit, t.config.Burst)
	b.forgivable = now.Add(t.window)
	t.update(b, now)
}

func (t *Throttle) nameOf(key string) (n name) {
	var sum [sha256.Size]byte
	h := t.macs.Get().(hash.Hash)
	h.Reset()
	_, _ = h.Write([]byte(key))
	h.Sum(sum[:0])
	t.macs.Put(h)
	copy(n[:], sum[:])
	return n
}

func (t *Throttle) slotOf(key string) uint16 { return uint16(maphash.String(t.seed, key) % slots) }

// update puts the bucket in its place in the queue.
func (t *Throttle) update(b *bucket, now time.Time) {
	missing := float64(t.config.Burst) - b.limiter.TokensAt(now)
	b.recovered = now.Add(time.Duration(missing * float64(t.config.Every)))
	if b.forgivable.After(b.recovered) {
		b.recovered = b.forgivable
	}
	heap.Fix(&t.queue, b.index)
}

func (t *Throttle) sweep(now time.Time) {
	for range sweepAtOnce {
		if len(t.queue) == 0 || t.queue[0].recovered.After(now) {
			return
		}
		t.remove(t.queue[0])
	}
}

func (t *Throttle) remove(b *bucket) {
	delete(t.buckets, b.name)
	t.failed[b.slot].Add(-1)
	heap.Remove(&t.queue, b.index)
}

// recoveryQueue is a heap: the bucket that recovers first is at 0.
type recoveryQueue []*bucket

func (q recoveryQueue) Len() int           { return len(q) }
func (q recoveryQueue) Less(i, j int) bool { return q[i].recovered.Before(q[j].recovered) }
func (q recoveryQueue) Swap(i, j int) {
	q[i], q[j] = q[j], q[i]
	q[i].index, q[j].index = i, j
}

// Push implements [heap.Interface].
func (q *recoveryQueue) Push(x any) {
	b := x.(*bucket)
	b.index = len(*q)
	*q = append(*q, b)
}

// Pop implements [heap.Interface].
func (q *recoveryQueue) Pop() any {
	last := len(*q) - 1
	b := (*q)[last]
	(*q)[last] = nil
	*q = (*q)[:last]
	return b
}
