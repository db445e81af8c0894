// Package response has what every refusal does in the same way.
package response

import (
	"net/http"
	"strconv"
	"time"
)

// Abandon ends a request whose client is gone. Returning without a response
// would be a 200 for a client that is still there, as one may be when a server
// shuts down, so a net/http server is told to drop the connection instead.
func Abandon(r *http.Request) {
	if _, served := r.Context().Value(http.ServerContextKey).(*http.Server); served {
		panic(http.ErrAbortHandler)
	}
}

// RetryAfter renders the header of that name: whole seconds, at least one.
func RetryAfter(d time.Duration) string {
	seconds := int64(d / time.Second)
	if d%time.Second > 0 {
		seconds++
	}
	return strconv.FormatInt(max(1, seconds), 10)
}
