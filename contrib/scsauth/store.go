package scsauth

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"time"

	"github.com/alexedwards/scs/v2"
)

// state is what a request knows of its session beyond what scs does.
type state struct {
	err    error  // why the session could not be loaded
	loaded string // the name by which it was found in the store
	ended  bool   // it was deleted by this request
}

// stateKey is the key of the state of the sessions with that store.
type stateKey struct{ store scs.Store }

func (s *store) state(ctx context.Context) *state {
	st, _ := ctx.Value(stateKey{s}).(*state)
	return st
}

// store is the manager's, without two of its traps: scs writes a session at the
// end of every request, even if another request has ended the session in the
// meantime, and a store may take an expiry in the past for none at all.
//
// A request that ends a session says so under another name before it deletes it,
// and one that writes it looks there afterwards. Whichever of the two is the
// later one, one of the requests deletes what was written.
type store struct {
	inner scs.CtxStore
	codec scs.Codec
	// endedFor is how long it says so. What a request writes lives for the idle
	// timeout at most, and the request looks before that has passed; the hour more
	// is for clocks that differ, and for a deletion that is slow.
	endedFor time.Duration
}

func newStore(m *scs.SessionManager) *store {
	inner, ok := m.Store.(scs.CtxStore)
	if !ok {
		inner = contextless{m.Store}
	}
	return &store{inner, m.Codec, m.IdleTimeout + time.Hour}
}

// endedName is where it says that a session has ended. It is as long as the name
// of a session, since some tables have CHAR(43) for it, and of no cookie, which
// cannot have a NUL.
func endedName(token string) string {
	sum := sha256.Sum256([]byte("ended\x00" + token))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

func (s *store) FindCtx(ctx context.Context, token string) (b []byte, found bool, err error) {
	b, found, err = s.inner.FindCtx(ctx, token)
	if st := s.state(ctx); st != nil && found && err == nil {
		st.loaded = token
	}
	return b, found, err
}

func (s *store) CommitCtx(ctx context.Context, token string, b []byte, expiry time.Time) error {
	if !time.Now().Before(expiry) {
		return s.inner.DeleteCtx(ctx, token)
	}
	if st := s.state(ctx); st == nil || st.loaded != token {
		return s.inner.CommitCtx(ctx, token, b, expiry)
	}
	if _, found, err := s.inner.FindCtx(ctx, token); err != nil || !found {
		return err
	}
	// A client that leaves now must not keep the rest from being done. Even a
	// failure may have written it.
	ctx = context.WithoutCancel(ctx)
	err := s.inner.CommitCtx(ctx, token, b, expiry)
	_, ended, endedErr := s.inner.FindCtx(ctx, endedName(token))
	if ended || !time.Now().Before(expiry) {
		return s.inner.DeleteCtx(ctx, token)
	}
	if err == nil {
		err = endedErr
	}
	return err
}

func (s *store) DeleteCtx(ctx context.Context, token string) error {
	st := s.state(ctx)
	if st == nil || st.loaded != token { // nobody else has it
		return s.inner.DeleteCtx(ctx, token)
	}
	until := time.Now().Add(s.endedFor)
	empty, err := s.codec.Encode(until, map[string]any{}) // for those who iterate over the store
	if err == nil {
		err = s.inner.CommitCtx(ctx, endedName(token), empty, until)
	}
	if err == nil {
		err = s.inner.DeleteCtx(ctx, token)
	}
	st.ended = err == nil
	return err
}

func (s *store) Find(token string) ([]byte, bool, error) {
	return s.FindCtx(context.Background(), token)
}

func (s *store) Commit(token string, b []byte, expiry time.Time) error {
	return s.CommitCtx(context.Background(), token, b, expiry)
}

func (s *store) Delete(token string) error { return s.DeleteCtx(context.Background(), token) }

// contextless is a store that takes no context.
type contextless struct{ scs.Store }

func (c contextless) FindCtx(_ context.Context, token string) ([]byte, bool, error) {
	return c.Find(token)
}

func (c contextless) CommitCtx(_ context.Context, token string, b []byte, expiry time.Time) error {
	return c.Commit(token, b, expiry)
}

func (c contextless) DeleteCtx(_ context.Context, token string) error { return c.Delete(token) }

// codec tells data that cannot be decoded from a store that cannot be asked.
type codec struct{ inner scs.Codec }

var errUndecodable = errors.New("scsauth: the data of the session cannot be decoded")

func (c codec) Encode(deadline time.Time, values map[string]any) ([]byte, error) {
	return c.inner.Encode(deadline, values)
}

func (c codec) Decode(b []byte) (time.Time, map[string]any, error) {
	deadline, values, err := c.inner.Decode(b)
	if err != nil {
		return deadline, values, errUndecodable
	}
	if values == nil {
		values = make(map[string]any)
	}
	return deadline, values, nil
}
