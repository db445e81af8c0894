package authserver_test

import (
	"context"
	"sync"
	"time"

	"github.com/authstar/authstar/authserver"
)

// spy is a store that remembers what was written to it, and counts calls.
type spy struct {
	authserver.Store
	mu    sync.Mutex
	texts []string
	calls int
	// before is called before an addition and a swap, but not while it runs itself.
	before func(key string)
}

func newSpy() *spy {
	return &spy{Store: authserver.NewMemoryStore(authserver.MemoryConfig{Now: newClock().Now})}
}

func (s *spy) note(texts ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls++
	s.texts = append(s.texts, texts...)
}

func (s *spy) interfere(call string) {
	if f := s.before; f != nil {
		s.before = nil
		f(call)
		s.before = f
	}
}

func (s *spy) written() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.texts
}

func (s *spy) counted() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.calls
}

func (s *spy) Get(ctx context.Context, key string) ([]byte, bool, error) {
	s.note(key)
	return s.Store.Get(ctx, key)
}

func (s *spy) Add(ctx context.Context, key string, value []byte, until time.Time) (bool, error) {
	s.note(key, string(value))
	s.interfere("add " + key)
	return s.Store.Add(ctx, key, value, until)
}

func (s *spy) Swap(ctx context.Context, key string, old, value []byte, until time.Time) (bool, error) {
	s.note(key, string(value))
	s.interfere("swap " + key)
	return s.Store.Swap(ctx, key, old, value, until)
}

func (s *spy) Delete(ctx context.Context, key string) error {
	s.note(key)
	return s.Store.Delete(ctx, key)
}
