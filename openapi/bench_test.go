package openapi_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/authstar/authstar/openapi"
	"github.com/authstar/authstar/security"
)

// How much does a request for the document cost, once it is rendered? At most
// 2 µs and 2 allocations.
func BenchmarkHandler(b *testing.B) {
	mux := api()
	h := openapi.Handler(mux.Document(openapi.Info{}), chain(b, bearer()).Handler(mux))
	for name, condition := range map[string]string{"200": "", "304": answer(h, "GET", "/").Header().Get("ETag")} {
		b.Run(name, func(b *testing.B) {
			r, w := httptest.NewRequest("GET", "/", nil), &discard{header: make(http.Header)}
			if condition != "" {
				r.Header.Set("If-None-Match", condition)
			}
			b.ReportAllocs()
			for b.Loop() {
				clear(w.header)
				h.ServeHTTP(w, r)
			}
		})
	}
}

// How long does it take to annotate a large document? At most 200 ms for 10,000
// operations, and memory grows with them, not faster: the bytes for each
// operation are the same for 1,000 and for 10,000.
func BenchmarkAnnotate(b *testing.B) {
	for _, n := range []int{1000, 10_000} {
		mux := new(openapi.Mux)
		for i := range n {
			mux.Handle(fmt.Sprintf("GET /resource%d/{id}", i), security.Scopes("read", fmt.Sprint("scope", i%100)).HandlerFunc(serve))
		}
		doc, root := mux.Document(openapi.Info{}), chain(b, bearer(), basic(), apiKey()).Handler(mux)
		for name, doc := range map[string][]byte{"lines": doc, "compact": []byte(compact(b, doc))} {
			b.Run(fmt.Sprint(name, "/", n), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					annotate(b, doc, root)
				}
			})
		}
	}
}

// How long does it take to merge two large documents? At most 500 ms for 10,000
// paths each, and ten times that for ten times as many.
func BenchmarkMerge(b *testing.B) {
	for _, n := range []int{10_000, 100_000} {
		var list openapi.Routes
		for i := range n {
			list = append(list, openapi.Route{Method: "GET", Path: fmt.Sprintf("/resource%d/{id}", i)})
		}
		doc := list.Document(openapi.Info{})
		for name, prefix := range map[string]string{"others": "/v1", "the same": ""} {
			b.Run(fmt.Sprint(name, "/", n), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					if _, err := openapi.Merge(doc, prefix, doc); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
