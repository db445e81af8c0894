package authserver_test

import (
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/authstar/authstar/authserver"
)

// D14: requests that never log in leave nothing behind, however many there are;
// BenchmarkFlood sends more.
func TestAuthorizeStoresNothing(t *testing.T) {
	const n = 2000
	calls, grown := flood(t, n)
	if calls != 0 || grown > 1<<20 {
		t.Errorf("D14: %d requests: %d calls of the store, %d bytes more", n, calls, grown)
	}
}

// D14: what do 100,000 requests that never log in leave behind? No call of the
// store, and no memory.
func BenchmarkFlood(b *testing.B) {
	for b.Loop() {
		calls, grown := flood(b, 100_000)
		b.ReportMetric(float64(calls), "store-calls")
		b.ReportMetric(float64(grown), "bytes-more")
	}
}

func flood(t testing.TB, n int) (calls int, grown int64) {
	store := newSpy()
	f := newFixture(t, func(c *authserver.Config) { c.Store, c.Observe = store, nil })
	r := httptest.NewRequest("GET", issuer+"/authorize?"+ask().Encode(), nil)
	before := heap()
	for range n {
		w := &nullWriter{h: make(http.Header)}
		if f.handler.ServeHTTP(w, r); w.status != http.StatusOK {
			t.Fatalf("%d", w.status)
		}
	}
	grown = heap() - before
	runtime.KeepAlive(f)
	return store.counted(), grown
}

func heap() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// O19 AZ-17: 10,000 users have logged in, and their clients have not come for the
// tokens yet. Their codes are random, and take less than 16 MiB.
func TestCodesInFlight(t *testing.T) {
	const n = 10_000
	f := newFixture(t)
	b := f.signedIn()
	r := httptest.NewRequest("GET", issuer+"/authorize?"+ask("state", "").Encode(), nil)
	r.AddCookie(&http.Cookie{Name: sessionCookie, Value: b.cookies[sessionCookie]})
	list := make([]string, n)
	before := heap()
	for i := range list {
		w := &nullWriter{h: make(http.Header)}
		f.handler.ServeHTTP(w, r)
		_, rest, _ := strings.Cut(w.h.Get("Location"), "?code=")
		list[i], _, _ = strings.Cut(rest, "&")
	}
	grown := heap() - before
	if grown > 16<<20 {
		t.Errorf("D14: %d bytes", grown)
	}
	t.Logf("%d logins in flight take %.1f MiB, %d bytes each", n, float64(grown)/(1<<20), grown/n)
	wantRandom(t, list)
	f.wantWhole(list[0])

	f.advance(2 * time.Minute)
	for range n / 4 { // a call sweeps a few
		f.handler.ServeHTTP(&nullWriter{h: make(http.Header)}, r)
	}
	if left := heap() - before; left > grown/2 {
		t.Errorf("D14: when they are over, %d bytes of %d are left", left, grown)
	}
	runtime.KeepAlive(list)
}

// wantRandom wants every code to be its own, and each of the 256 bits to be set
// in half of them.
func wantRandom(t *testing.T, list []string) {
	t.Helper()
	seen := make(map[string]bool)
	ones := make([]int, 256)
	for _, code := range list {
		raw, err := base64.RawURLEncoding.DecodeString(code)
		if err != nil || len(raw) != 32 || seen[code] {
			t.Fatalf("O19: not 256 new bits: %q", code)
		}
		seen[code] = true
		for i := range ones {
			ones[i] += int(raw[i/8] >> (i % 8) & 1)
		}
	}
	for i, count := range ones { // within six standard deviations
		if n := len(list); (2*count-n)*(2*count-n) > 36*n {
			t.Errorf("AZ-17: bit %d is set in %d of %d codes", i, count, n)
		}
	}
}

// wantWhole wants no part of a code to be good, and then the code.
func (f *fixture) wantWhole(code string) {
	f.Helper()
	for _, part := range []string{code[:42], code[1:], code + "A", code[:42] + "!", strings.ToUpper(code)} {
		if a := f.redeem(part); a.get("error") != "invalid_grant" {
			f.Errorf("O19: a part of a code: %s", a.text)
		}
	}
	if a := f.redeem(code); a.status != http.StatusOK {
		f.Errorf("the code: %s", a.text)
	}
}
