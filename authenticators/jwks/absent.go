package jwks

import (
	"strings"
	"sync"
)

// maxAbsent is how many key ids are remembered.
const maxAbsent = 100

// absent are key ids that were fetched for and did not come: the latest, and
// those that are asked for. Of all that share a fetch only the one that began it
// is added, so that a flood of forged ones displaces others no faster than the
// allowance for fetches lets it, and none that is asked for in between.
type absent struct {
	mu          sync.Mutex
	recent, old map[string]struct{} // half of them each
}

func (a *absent) has(kid string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if _, ok := a.recent[kid]; ok {
		return true
	}
	_, ok := a.old[kid]
	if ok {
		a.put(kid)
	}
	return ok
}

func (a *absent) add(kid string) {
	if len(kid) > maxKeyID {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.put(kid)
}

func (a *absent) put(kid string) {
	if a.recent == nil || len(a.recent) == maxAbsent/2 {
		a.recent, a.old = make(map[string]struct{}), a.recent
	}
	a.recent[strings.Clone(kid)] = struct{}{} // it may be a piece of a long token
}
