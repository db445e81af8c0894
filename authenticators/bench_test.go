package authenticators_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/authstar/authstar"
	"github.com/authstar/authstar/authenticators"
)

// What does a chain cost a request that carries nothing? The limits are 120 ns
// and no allocation for four authenticators.
func BenchmarkChainWithoutCredentials(b *testing.B) {
	chain, err := authstar.New(
		authenticators.NewBearer(authenticators.TokenVerifierFunc(func(context.Context, string) (authstar.Client, error) { return nil, nil })),
		authenticators.NewBasic("api", func(context.Context, string, string) (authstar.Client, error) { return nil, nil }),
		authenticators.NewAPIKey("X-API-Key", func(context.Context, string) (authstar.Client, error) { return nil, nil }),
		authenticators.NewSession("sid", func(*http.Request) (authstar.Client, error) { return nil, nil }),
	)
	if err != nil {
		b.Fatal(err)
	}
	r := httptest.NewRequest("GET", "/", nil)
	r.Header.Set("User-Agent", "curl/8")
	r.Header.Set("Accept", "*/*")
	b.ReportAllocs()
	for b.Loop() {
		if res := chain.Authenticate(r); res.Client != nil || res.Err != nil {
			b.Fatal(res)
		}
	}
}
