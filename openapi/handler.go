package openapi

import (
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"net/http"
	"strconv"
	"strings"
	"sync"

	"github.com/authstar/authstar"
)

// Handler serves the document as [Annotate] renders it, to GET and HEAD. It is
// rendered at the first request, when all routes are registered, and once. The
// answer depends on nothing in the request, has an ETag, and asks caches to
// revalidate each time.
//
// If the document cannot be rendered, the answer is 500 without the reason:
// [Verify], in a test or when the program starts, returns it.
func Handler(doc []byte, root http.Handler, extra ...authstar.Scheme) http.Handler {
	return handler(sync.OnceValue(func() *rendered {
		body, err := Annotate(doc, root, extra...)
		if err != nil {
			return nil
		}
		hash := sha256.Sum256(body)
		etag := `"` + hex.EncodeToString(hash[:16]) + `"`
		return &rendered{
			body: body,
			etag: etag,
			always: http.Header{
				"Cache-Control": {"no-cache"},
				"Etag":          {etag},
			},
			content: http.Header{
				"Content-Length":         {strconv.Itoa(len(body))},
				"Content-Type":           {"application/json"},
				"X-Content-Type-Options": {"nosniff"},
			},
		}
	}))
}

type handler func() *rendered

// rendered is a document and its headers, whose values all requests share:
// slices without room to append.
type rendered struct {
	body            []byte
	etag            string
	always, content http.Header
}

func (render handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, http.StatusText(http.StatusMethodNotAllowed), http.StatusMethodNotAllowed)
		return
	}
	doc := render()
	if doc == nil {
		w.Header().Set("Cache-Control", "no-store")
		http.Error(w, "the document could not be rendered", http.StatusInternalServerError)
		return
	}
	maps.Copy(w.Header(), doc.always)
	if matches(r.Header["If-None-Match"], doc.etag) {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	maps.Copy(w.Header(), doc.content)
	if r.Method == http.MethodGet {
		_, _ = w.Write(doc.body)
	}
}

// matches is the weak comparison of RFC 9110 section 13.1.2.
func matches(lines []string, etag string) bool {
	for _, line := range lines {
		for candidate := range strings.SplitSeq(line, ",") {
			candidate = strings.TrimSpace(candidate)
			if candidate == "*" || strings.TrimPrefix(candidate, "W/") == etag {
				return true
			}
		}
	}
	return false
}
