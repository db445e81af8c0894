package authstartest

import (
	"io"
	"net/http"
	"time"
)

// switches are what a test does to the provider. The issuer's lock is held.
type switches struct {
	instead      http.HandlerFunc // answers everything; nil: the provider itself
	delay        time.Duration
	changed      chan struct{} // closed when delay changes
	cacheControl string
}

// counters are what was asked of the provider. The issuer's lock is held.
type counters struct {
	fetches, discoveries, introspections int
	fetchHeader                          http.Header
}

// Down makes the provider answer every request with 503, until [Issuer.Up].
func (i *Issuer) Down() {
	i.answer(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) })
}

// HangUp makes the provider close every connection without an answer.
func (i *Issuer) HangUp() { i.answer(func(http.ResponseWriter, *http.Request) { hangUp() }) }

// AnswerWith makes the provider answer every request alike, such as with the
// HTML page of a proxy:
//
//	iss.AnswerWith(200, "text/html", "<h1>Under maintenance</h1>")
func (i *Issuer) AnswerWith(status int, contentType, body string) {
	i.tb.Helper()
	if status < 200 || status > 599 {
		i.tb.Errorf("authstartest: AnswerWith: %d is not the status of an answer", status)
		return
	}
	i.answer(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", contentType)
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	})
}

// Up ends Down, HangUp and AnswerWith. An API that asked for keys meanwhile asks
// again after a pause, by the clock that [Issuer.Advance] moves: one second, which
// doubles with each failure to 30.
func (i *Issuer) Up() { i.answer(nil) }

func (i *Issuer) answer(f http.HandlerFunc) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.instead = f
}

// Delay makes every answer come that much later, by the real clock. It holds for
// requests that are waiting already, too, so that Delay(time.Hour) hangs the
// provider and Delay(0) frees it. The end of the test does not wait.
func (i *Issuer) Delay(d time.Duration) {
	i.tb.Helper()
	if d < 0 {
		i.tb.Errorf("authstartest: Delay(%v): nobody answers before the question", d)
		return
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	i.delay = d
	close(i.changed)
	i.changed = make(chan struct{})
}

// CacheControl sets the header of that name on keys and discovery documents;
// "", which it is at first, sends none.
func (i *Issuer) CacheControl(value string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.cacheControl = value
}

// Fetches is how often the keys were asked for, whatever the answer. A request
// counts when it arrives.
func (i *Issuer) Fetches() int {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.fetches
}

// FetchHeader is the header of the last request for the keys; nil before the
// first.
func (i *Issuer) FetchHeader() http.Header {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.fetchHeader.Clone()
}

// Discoveries is how often a discovery document was asked for, whatever the
// answer.
func (i *Issuer) Discoveries() int {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.discoveries
}

// Introspections is how often the introspection endpoint was asked, whatever the
// answer.
func (i *Issuer) Introspections() int {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.introspections
}
