package response_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/authstar/authstar/internal/response"
)

func TestRetryAfter(t *testing.T) {
	for d, want := range map[time.Duration]string{
		-time.Hour: "1", 0: "1", 1: "1", time.Second: "1", time.Second + 1: "2", time.Minute: "60", 1<<63 - 1: "9223372037",
	} {
		if got := response.RetryAfter(d); got != want {
			t.Errorf("%v: %s, want %s", d, got, want)
		}
	}
}

// D13: a client that is still there gets no 200.
func TestAbandonWritesNothing(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { response.Abandon(r) }))
	defer server.Close()
	if res, err := http.Get(server.URL); err == nil {
		_ = res.Body.Close()
		t.Errorf("answered %s", res.Status)
	}
	response.Abandon(httptest.NewRequest("GET", "/", nil).WithContext(context.Background()))
}
