package main

import (
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"time"
)

// keyServer publishes a JWK set on loopback.
type keyServer struct {
	*httptest.Server
	set     atomic.Pointer[[]byte]
	latency atomic.Int64 // a time.Duration
	status  atomic.Int32 // 0 is 200
	hangs   atomic.Bool
	fetches atomic.Int64
}

func newKeyServer(set []byte) *keyServer {
	s := new(keyServer)
	s.set.Store(&set)
	s.Server = httptest.NewServer(s)
	return s
}

func (s *keyServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.fetches.Add(1)
	time.Sleep(time.Duration(s.latency.Load()))
	if s.hangs.Load() {
		<-r.Context().Done()
		return
	}
	if code := s.status.Load(); code != 0 {
		http.Error(w, "no keys", int(code))
		return
	}
	w.Header().Set("Content-Type", "application/jwk-set+json")
	_, _ = w.Write(*s.set.Load())
}
