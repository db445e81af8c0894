package scsauth

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/authstar/authstar"
)

// Handler loads the session of every request before it calls next, and writes
// it when next answers. It belongs outside of the chain, and only one of it
// around a handler.
//
// In contrast to LoadAndSave of scs.SessionManager, a store that is down does
// not end the request: the chain records that it could not tell (503 on guarded
// routes), and open routes stay open. A session that cannot be written when next
// answers is logged; the answer is that of next. And a session that has ended,
// by a logout in another request or by its lifetime, is not written again.
//
// The returned handler also answers Unwrap() http.Handler with next.
func (s *Sessions[C]) Handler(next http.Handler) http.Handler {
	if isNil(next) {
		panic("scsauth: nil handler")
	}
	return &handler[C]{sessions: s, next: next, inner: s.manager.LoadAndSave(next)}
}

type handler[C authstar.Client] struct {
	sessions    *Sessions[C]
	next, inner http.Handler
}

func (h *handler[C]) Unwrap() http.Handler { return h.next }

func (h *handler[C]) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	m := h.sessions.manager
	st := new(state)
	ctx := context.WithValue(r.Context(), stateKey{m.Store}, st)
	token := ""
	if c, err := r.Cookie(m.Cookie.Name); err == nil {
		token = c.Value
	}
	loaded, err := m.Load(ctx, token)
	if err != nil {
		if !errors.Is(err, errUndecodable) {
			st.err = err
		}
		st.loaded = ""              // is not ours to delete
		loaded, _ = m.Load(ctx, "") // asks no store, and cannot fail
	}
	r = r.WithContext(loaded)
	h.inner.ServeHTTP(w, r)
	if st.loaded == "" || st.ended || m.Token(loaded) == token {
		return
	}
	// The application ended it by its own manager, whose store is another.
	if err := h.sessions.store.DeleteCtx(context.WithoutCancel(loaded), st.loaded); err != nil {
		m.ErrorFunc(w, r, err)
	}
}

var errOutside = &authstar.Error{
	Code: authstar.ServerError,
	Err:  errors.New("scsauth: the request did not pass Sessions.Handler, which belongs outside of the chain"),
}

// state fails outside of Handler, and when the store could not be asked.
func (s *Sessions[C]) state(ctx context.Context) error {
	st, ok := ctx.Value(stateKey{s.manager.Store}).(*state)
	switch {
	case !ok:
		return errOutside
	case st.err != nil:
		return fmt.Errorf("scsauth: the session could not be loaded: %w", st.err)
	}
	return nil
}

// Load returns the client of the request's session, for authenticators.NewSession;
// [Sessions.Authenticator] is that already. An error that wraps
// authstar.ErrNoCredentials tells why there is none: nobody is logged in, the
// session has ended, or what it has is not a C.
//
// The client's Expires is the end of the session, and Claim("auth_time") the
// time of the login, for security.MaxAge.
func (s *Sessions[C]) Load(r *http.Request) (authstar.Client, error) {
	ctx := r.Context()
	if err := s.state(ctx); err != nil {
		return nil, err
	}
	stored := s.manager.Get(ctx, key)
	if stored == nil {
		return nil, authstar.ErrNoCredentials
	}
	record, client, err := s.kind.open(stored)
	if err != nil {
		return nil, none(err.Error())
	}
	now := time.Now()
	end := s.manager.Deadline(ctx)
	if most := record.Started.Add(s.manager.Lifetime); most.Before(end) {
		end = most
	}
	if !now.Before(end) {
		return nil, none("the session has ended")
	}
	client = s.complete(client, record, end)
	if age := now.Sub(record.Refreshed); s.config.Refresh != nil && (age >= s.config.RefreshEvery || age < 0) {
		if client, err = s.refresh(ctx, client, record); err != nil {
			return nil, err
		}
		client = s.complete(client, record, end)
	}
	return client, nil
}

func none(why string) error { return fmt.Errorf("scsauth: %s: %w", why, authstar.ErrNoCredentials) }

// complete adds what is the session's own.
func (s *Sessions[C]) complete(client C, r *record, end time.Time) C {
	id := s.kind.identityOf(client)
	id.Expires = end
	*id = *id.WithClaims(claims{r.AuthTime})
	return client
}

// refresh replaces the client, or ends the session.
func (s *Sessions[C]) refresh(ctx context.Context, client C, r *record) (C, error) {
	var nobody C
	before := *s.kind.identityOf(client) // the callback may change its client
	fresh, err := s.config.Refresh(ctx, client)
	unknown := errors.Is(err, authstar.ErrNoCredentials) && !errors.As(err, new(*authstar.Error))
	if err != nil && !unknown {
		return nobody, err
	}
	if unknown || isNil(fresh) {
		// Where this fails, the next request asks Refresh again.
		_ = s.manager.Destroy(context.WithoutCancel(ctx))
		return nobody, none("Refresh does not know the client any more")
	}
	if after := s.kind.identityOf(fresh); after.ID != before.ID || after.Issuer != before.Issuer {
		return nobody, &authstar.Error{Code: authstar.ServerError, Err: errors.New("scsauth: Refresh returned another client")}
	}
	b, err := s.kind.encode(fresh)
	if err == nil {
		fresh, err = s.kind.decode(b)
	}
	if err != nil {
		return nobody, &authstar.Error{Code: authstar.ServerError, Err: fmt.Errorf("scsauth: Refresh: %w", err)}
	}
	r.Client, r.Refreshed = b, time.Now()
	s.manager.Put(ctx, key, r.encode())
	return fresh, nil
}

// Login makes the session of the request one of this client, under a new id;
// the old id is dead. Whatever else was in the session of an anonymous user
// stays there; that of another client is removed. The context is that of a request
// inside of [Sessions.Handler], which sets the cookie when the request is
// answered.
//
// The session is in the store when Login returns. It fails when the store does,
// or when the client is nil, has no id, or is no JSON; the user is then not
// logged in.
func (s *Sessions[C]) Login(ctx context.Context, client C) error {
	return s.LoginAt(ctx, client, time.Now())
}

// LoginAt is Login of a user who authenticated earlier, as an identity provider
// tells by the claim "auth_time". A time in the future is an error.
func (s *Sessions[C]) LoginAt(ctx context.Context, client C, authTime time.Time) error {
	if err := s.state(ctx); err != nil {
		return err
	}
	b, err := s.kind.encode(client)
	if err != nil {
		return fmt.Errorf("scsauth: %w", err)
	}
	now := time.Now()
	if authTime.After(now) || authTime.Unix() <= 0 {
		return errors.New("scsauth: the time of the login is in the future, or zero")
	}
	if stored := s.manager.Get(ctx, key); stored != nil && !s.belongs(stored, client) {
		_ = s.manager.Clear(ctx) // never fails
	}
	if err := s.manager.RenewToken(ctx); err != nil {
		return fmt.Errorf("scsauth: %w", err)
	}
	r := record{Type: s.kind.name, AuthTime: authTime, Started: now, Refreshed: now, Client: b}
	s.manager.Put(ctx, key, r.encode())
	if _, _, err := s.manager.Commit(ctx); err != nil {
		s.manager.Remove(ctx, key)
		return fmt.Errorf("scsauth: %w", err)
	}
	return nil
}

// belongs reports whether what is stored is of this client.
func (s *Sessions[C]) belongs(stored any, client C) bool {
	_, before, err := s.kind.open(stored)
	if err != nil {
		return false
	}
	was, is := s.kind.identityOf(before), s.kind.identityOf(client)
	return was.ID == is.ID && was.Issuer == is.Issuer
}

// Logout ends the session of the request: it is deleted from the store, and the
// cookie when the request is answered. It fails when the store does, and the
// session may then live on.
func (s *Sessions[C]) Logout(ctx context.Context) error {
	if err := s.state(ctx); err != nil {
		return err
	}
	// Who closes the page at once is logged out all the same.
	if err := s.manager.Destroy(context.WithoutCancel(ctx)); err != nil {
		return fmt.Errorf("scsauth: %w", err)
	}
	return nil
}
