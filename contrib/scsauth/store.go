package scsauth

import (
	"context"
	"errors"
	"time"

	"github.com/alexedwards/scs/v2"
)

// state is what a request knows of its session beyond what scs does.
type state struct {
	err    error  // why the session could not be loaded
	loaded string // the name by which it was found in the store
}

// stateKey is the key of the state of the sessions with that store.
type stateKey struct{ store scs.Store }

// store is the manager's, without two of its traps: scs writes a session at the
// end of every request, even if another request has ended the session in the
// meantime, and a store may take an expiry in the past for none at all.
type store struct{ inner scs.Store }

func (s *store) FindCtx(ctx context.Context, token string) (b []byte, found bool, err error) {
	if inner, ok := s.inner.(scs.CtxStore); ok {
		b, found, err = inner.FindCtx(ctx, token)
	} else {
		b, found, err = s.inner.Find(token)
	}
	if st, ok := ctx.Value(stateKey{s}).(*state); ok && found && err == nil {
		st.loaded = token
	}
	return b, found, err
}

func (s *store) CommitCtx(ctx context.Context, token string, b []byte, expiry time.Time) error {
	if !time.Now().Before(expiry) {
		return s.DeleteCtx(ctx, token)
	}
	if st, ok := ctx.Value(stateKey{s}).(*state); ok && st.loaded == token {
		if _, found, err := s.FindCtx(ctx, token); err != nil || !found {
			return err
		}
	}
	if inner, ok := s.inner.(scs.CtxStore); ok {
		return inner.CommitCtx(ctx, token, b, expiry)
	}
	return s.inner.Commit(token, b, expiry)
}

func (s *store) DeleteCtx(ctx context.Context, token string) error {
	if inner, ok := s.inner.(scs.CtxStore); ok {
		return inner.DeleteCtx(ctx, token)
	}
	return s.inner.Delete(token)
}

func (s *store) Find(token string) ([]byte, bool, error) {
	return s.FindCtx(context.Background(), token)
}

func (s *store) Commit(token string, b []byte, expiry time.Time) error {
	return s.CommitCtx(context.Background(), token, b, expiry)
}

func (s *store) Delete(token string) error { return s.DeleteCtx(context.Background(), token) }

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
