package authenticators

import (
	"context"
	"sync/atomic"
	"time"
)

const (
	maxQuestions = 100  // at once
	maxWaiting   = 1000 // for one of these to end
)

// questions bounds how many there are, since a question outlives the request that
// is cancelled.
type questions struct {
	slots chan struct{}
	all   atomic.Int32 // those that wait included
}

func newQuestions() *questions { return &questions{slots: make(chan struct{}, maxQuestions)} }

type manyQuestions struct{}

func (manyQuestions) Error() string             { return "introspection: too many questions at once" }
func (manyQuestions) RetryAfter() time.Duration { return time.Second }

func (q *questions) begin(ctx context.Context) (end func(), err error) {
	if q.all.Add(1) > maxQuestions+maxWaiting {
		q.all.Add(-1)
		return nil, manyQuestions{}
	}
	select {
	case q.slots <- struct{}{}:
		return func() { <-q.slots; q.all.Add(-1) }, nil
	case <-ctx.Done():
		q.all.Add(-1)
		return nil, ctx.Err()
	}
}
