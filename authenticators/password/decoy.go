package password

import (
	"crypto/rand"
	"fmt"
	"hash/maphash"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
)

// maxKinds is how many kinds of hashes a decoy is chosen from.
const maxKinds = 8

// decoys are hashes of nothing, which are verified where there is no hash, so
// that this takes as long as where there is one. They are of the kinds that
// Lookup has returned so far, or of Hash's kind as long as there are none. Where
// there are several, since an application moves from bcrypt to argon2id, each
// name without a hash has its own of them: if all had the same, the others would
// be known to exist.
type decoys struct {
	seed  maphash.Seed
	first *parsed
	mu    sync.Mutex // of writers
	list  atomic.Pointer[[]*parsed]
}

func newDecoys() *decoys {
	d := &decoys{seed: maphash.MakeSeed(), first: decoyOf(Params{}.kind())}
	d.list.Store(new([]*parsed))
	return d
}

// decoyOf is a hash that no password is known for.
func decoyOf(k kind) *parsed {
	if k.bcrypt {
		random := strings.NewReplacer("+", ".").Replace(phc.EncodeToString(randomBytes(40)))
		return &parsed{kind: k, text: fmt.Sprintf("$2b$%02d$%s", k.cost, random[:53])}
	}
	return &parsed{kind: k, salt: randomBytes(k.saltLength), key: randomBytes(k.keyLength)}
}

func randomBytes(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails
	return b
}

// learn takes note of the kind of a hash that a user has.
func (d *decoys) learn(h *parsed) {
	if has(*d.list.Load(), h.kind) {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	list := *d.list.Load()
	if has(list, h.kind) || len(list) >= maxKinds {
		return
	}
	list = append(slices.Clone(list), decoyOf(h.kind))
	d.list.Store(&list)
}

func has(list []*parsed, k kind) bool {
	return slices.ContainsFunc(list, func(h *parsed) bool { return h.kind == k })
}

// pick returns always the same for a name, as long as no new kind is seen; of
// those names that change then, all change to the new one.
func (d *decoys) pick(name string) *parsed {
	type choice struct {
		name string
		kind kind
	}
	list := *d.list.Load()
	if len(list) == 0 {
		return d.first
	}
	return slices.MaxFunc(list, func(a, b *parsed) int {
		x, y := maphash.Comparable(d.seed, choice{name, a.kind}), maphash.Comparable(d.seed, choice{name, b.kind})
		if x < y {
			return -1
		}
		return 1
	})
}
