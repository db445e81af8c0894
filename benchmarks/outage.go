package main

import (
	"fmt"
	"net/http"
	"slices"
	"sync/atomic"
	"time"
)

// clock can be put forward.
type clock struct{ ahead atomic.Int64 }

func (c *clock) now() time.Time          { return time.Now().Add(time.Duration(c.ahead.Load())) }
func (c *clock) forward(d time.Duration) { c.ahead.Add(int64(d)) }

// outages are what may happen to a key server whose keys are loaded.
var outages = []struct {
	name  string
	begin func(*keyServer)
}{
	{"the key server answers (for comparison)", func(*keyServer) {}},
	{"the key server answers 503", func(s *keyServer) { s.status.Store(http.StatusServiceUnavailable) }},
	{"the key server hangs", func(s *keyServer) { s.hangs.Store(true) }},
	{"the key server is down", func(s *keyServer) { s.Close() }},
}

// waited is longer than a busy machine takes, and shorter than any wait for a key
// server that hangs.
const waited = 100 * time.Millisecond

// outage lets hours go by, a minute at a time, while the API gets requests. Keys
// are out of date after 15 minutes.
func (b *benchmark) outage() error {
	for _, kind := range outages {
		b.progress("keys are loaded, %s", kind.name)
		keys := newKeyServer(b.issuer.set)
		var c clock
		a, token, err := b.loaded(keys, c.now)
		if err != nil {
			return err
		}
		kind.begin(keys)
		t := startTraffic(a, token)
		for range b.minutes {
			time.Sleep(10 * time.Millisecond)
			c.forward(time.Minute)
		}
		t.end()
		keys.CloseClientConnections()
		keys.Close()
		most := slices.Max(t.times)
		b.report.add(fmt.Sprintf("keys are loaded, %s, %d minutes", kind.name, b.minutes), "no good token refused, none delayed",
			t.refused == 0 && most < waited, "%d of %d refused, at most %s", t.refused, len(t.times), short(most))
	}
	return nil
}
