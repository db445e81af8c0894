package apikey_test

import (
	"crypto/sha256"
	"fmt"
	"net/http/httptest"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/authstar/authstar"
	"github.com/authstar/authstar/authenticators"
	"github.com/authstar/authstar/authenticators/apikey"
)

// What does a request cost that has an API key, with the chain and the header, and
// does it cost more with 1,000,000 keys? The limits are 400 ns and 300 MiB. Requests
// come with up to 100,000 different keys, so that the caches of the processor have
// little of the store, but with the header in them, as it has just been read; MiB has
// these 100,000 in it as well, about 13.
func BenchmarkFind(b *testing.B) {
	for _, count := range []int{1, 1_000, 1_000_000} {
		b.Run(fmt.Sprint(count), func(b *testing.B) {
			before := heap()
			keys := newKeys(b, apikey.Config{})
			texts := fill(b, keys, count)
			size := int64(heap()) - int64(before)
			chain := newChain(b, authenticators.NewAPIKey("X-API-Key", keys.Find))
			r := httptest.NewRequest("GET", "/", nil)
			var read [1000][]string
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				if i%len(read) == 0 {
					b.StopTimer()
					for j := range read {
						read[j] = []string{strings.Clone(texts[(i+j)%len(texts)])}
					}
					b.StartTimer()
				}
				r.Header["X-Api-Key"] = read[i%len(read)]
				if res := chain.Authenticate(r); res.Client == nil {
					b.Fatal(res)
				}
			}
			b.ReportMetric(float64(size)/(1<<20), "MiB")
			runtime.KeepAlive(keys)
		})
	}
}

// What of that is the lookup, and how much of it is what none can do without: the
// hash of the secret, the time, and a client with scopes of its own?
func BenchmarkLookup(b *testing.B) {
	keys := newKeys(b, apikey.Config{})
	text := fill(b, keys, 1)[0]
	b.Run("Find", func(b *testing.B) {
		for b.Loop() {
			if _, err := keys.Find(b.Context(), text); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("floor", func(b *testing.B) {
		var client authstar.Client
		var now time.Time
		var hash [sha256.Size]byte
		secret, scopes := []byte(text[len(text)-49:len(text)-6]), []string{"orders:read", "orders:write", "invoices:read"}
		for b.Loop() {
			hash, now = sha256.Sum256(secret), time.Now()
			client = &authstar.Identity{ID: "robot", Scope: slices.Clone(scopes)}
		}
		runtime.KeepAlive([]any{client, now, hash})
	})
}

// Does it get slower when everybody comes at once? Every use is noted once.
func BenchmarkFindParallel(b *testing.B) {
	keys := newKeys(b, apikey.Config{})
	texts := fill(b, keys, 10_000)
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for i := 0; pb.Next(); i++ {
			if _, err := keys.Find(b.Context(), texts[i%len(texts)]); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// What does a key cost that is refused? None but the wrong secret reaches the store.
func BenchmarkRefused(b *testing.B) {
	keys := newKeys(b, apikey.Config{})
	text := fill(b, keys, 1)[0]
	other, err := apikey.Generate(testPrefix)
	if err != nil {
		b.Fatal(err)
	}
	for _, bench := range []struct{ name, key string }{
		{"mistyped", text[:len(text)-1] + "!"},
		{"wrong checksum", text[:20] + swapped(text[20]) + text[21:]},
		{"unknown", other.Reveal()},
		{"1MB", strings.Repeat("a", 1<<20)},
	} {
		b.Run(bench.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := keys.Find(b.Context(), bench.key); err == nil {
					b.Fatal("not refused")
				}
			}
		})
	}
}

// What does a page of 100 keys cost, of so many?
func BenchmarkList(b *testing.B) {
	for _, count := range []int{1_000, 1_000_000} {
		b.Run(fmt.Sprint(count), func(b *testing.B) {
			keys := newKeys(b, apikey.Config{})
			fill(b, keys, count)
			for b.Loop() {
				if _, err := keys.List(b.Context(), apikey.Query{}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// What does a change of the file cost, with so many keys in it?
func BenchmarkFileStore(b *testing.B) {
	for _, count := range []int{100, 10_000} {
		b.Run(fmt.Sprint(count), func(b *testing.B) {
			store := openFile(b, filledFile(b, count))
			keys := newKeys(b, apikey.Config{Store: store})
			b.ReportAllocs()
			for b.Loop() {
				if _, _, err := keys.Create(b.Context(), apikey.Spec{Name: "one more"}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// fill makes keys, and returns up to 100,000 of them.
func fill(b *testing.B, keys *apikey.Keys, count int) []string {
	b.Helper()
	var texts []string
	for i := range count {
		key, _, err := keys.Create(b.Context(), apikey.Spec{
			Name: fmt.Sprintf("server %d of a customer", i), Owner: fmt.Sprintf("customer-%d", i/3),
			Scopes: []string{"orders:read", "orders:write", "invoices:read"},
		})
		if err != nil {
			b.Fatal(err)
		}
		if i%max(1, count/100_000) == 0 {
			texts = append(texts, key.Reveal())
		}
	}
	return texts
}

func heap() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
