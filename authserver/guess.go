package authserver

import (
	"context"
	"net/http"
	"sync"
	"time"

	"github.com/authstar/authstar"
	"github.com/authstar/authstar/internal/throttle"
)

var errBadLogin = refuse(authstar.AccessDenied, "The user name or the password is wrong.")

// tooMany is the refusal of a guess that must wait; cause may be nil.
func tooMany(wait time.Duration, cause error) *authstar.Error {
	return &authstar.Error{
		Code: authstar.TemporarilyUnavailable, StatusCode: http.StatusTooManyRequests, RetryAfter: wait, Err: cause,
		Description: "Too many attempts. Please wait before you try again.",
	}
}

// check asks the application about a login, as often as guesses are allowed. A
// name that nobody has is counted as any other; a check that did not happen is not
// counted.
func (s *Server) check(r *http.Request, username, password string) (*login, *authstar.Error) {
	if username == "" || password == "" {
		return nil, errBadLogin
	}
	account, source := s.config.Canonical(username), throttle.Address(s.config.ClientAddress(r))
	done, err := s.turn(r.Context(), account, source)
	if err != nil {
		return nil, outage(err)
	}
	defer done()
	ok1, wait1 := s.accounts.Allow(account)
	ok2, wait2 := s.sources.Allow(source)
	if !ok1 || !ok2 {
		return nil, tooMany(max(wait1, wait2), nil)
	}
	l, err := s.config.Login(r.Context(), username, password)
	if err != nil && !refuses(err) {
		return nil, outage(err)
	}
	if err != nil || l.Subject == "" {
		s.accounts.Fail(account)
		s.sources.Fail(source)
		return nil, errBadLogin
	}
	s.accounts.Succeed(account)
	who := &login{ACR: l.ACR, Time: s.config.Now().Unix()}
	if err := who.set(l); err != nil {
		return nil, outage(err)
	}
	return who, nil
}

// How many logins of one account, and from one address, are checked at once.
// Guesses are counted when they turn out to be wrong; thus so many at once, less
// one, may be more than the throttle allows.
const (
	accountTurns = 3
	sourceTurns  = 25
)

// turn waits until the account and the address may be checked. Nobody waits for
// the address while holding the account, which others need.
func (s *Server) turn(ctx context.Context, account, source string) (done func(), err error) {
	leaveSource, err := s.sourceTurns.take(ctx, source)
	if err != nil {
		return nil, err
	}
	leaveAccount, err := s.accountTurns.take(ctx, account)
	if err != nil {
		leaveSource()
		return nil, err
	}
	return func() { leaveAccount(); leaveSource() }, nil
}

// turns lets so many callers with the same key go on at once. The others wait.
type turns struct {
	most int

	mu     sync.Mutex
	queues map[string]*queue // of keys that somebody has
}

type queue struct {
	slots chan struct{}
	users int // who go on or wait
}

func newTurns(most int) *turns { return &turns{most: most, queues: make(map[string]*queue)} }

// take returns when it is the caller's turn, which ends with done. It fails when
// ctx ends first.
func (t *turns) take(ctx context.Context, key string) (done func(), err error) {
	t.mu.Lock()
	q := t.queues[key]
	if q == nil {
		q = &queue{slots: make(chan struct{}, t.most)}
		t.queues[key] = q
	}
	q.users++
	t.mu.Unlock()
	select {
	case q.slots <- struct{}{}:
		return func() { <-q.slots; t.leave(key, q) }, nil
	case <-ctx.Done():
		t.leave(key, q)
		return nil, ctx.Err()
	}
}

func (t *turns) leave(key string, q *queue) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if q.users--; q.users == 0 {
		delete(t.queues, key)
	}
}
