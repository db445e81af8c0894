package authenticators_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
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

// What does a credential of the size of a header limit cost? It is refused by
// its length, so that 900 KB cost no more than a short one, and 64 KiB the same.
func BenchmarkLongCredentials(b *testing.B) {
	unreached := func() (authstar.Client, error) {
		b.Error("a callback was reached")
		return nil, nil
	}
	bearer := authenticators.NewBearer(authenticators.TokenVerifierFunc(func(context.Context, string) (authstar.Client, error) { return unreached() }))
	chain := newChain(b, bearer,
		authenticators.NewBasic("api", func(context.Context, string, string) (authstar.Client, error) { return unreached() }),
		authenticators.NewAPIKey("X-API-Key", func(context.Context, string) (authstar.Client, error) { return unreached() }),
		bearer.Cookie("token"),
		bearer.Subprotocol("test"),
	)
	for _, size := range []int{64 << 10, 900_000} {
		long := strings.Repeat("A", size)
		for _, bench := range []struct {
			name  string
			lines []string
		}{
			{"Bearer", []string{"Authorization: Bearer " + long}},
			{"Basic", []string{"Authorization: Basic " + long}},
			{"APIKey", []string{"X-API-Key: " + long}},
			{"Cookie", []string{"Cookie: token=" + long}},
			{"Subprotocol", append([]string{"Sec-WebSocket-Protocol: chat, base64url.bearer.test." + long}, handshake...)},
		} {
			b.Run(fmt.Sprintf("%s/%d", bench.name, size), func(b *testing.B) {
				r := request("GET", "/", bench.lines...)
				b.ReportAllocs()
				for b.Loop() {
					if res := chain.Authenticate(r); res.Err == nil {
						b.Fatal(res)
					}
				}
			})
		}
	}
}

// What does a request cost that carries a token, a password, a key or a cookie,
// without what the callback costs?
func BenchmarkCredentials(b *testing.B) {
	c := &authstar.Identity{ID: "somebody"}
	chain := newChain(b,
		authenticators.NewBearer(authenticators.TokenVerifierFunc(func(context.Context, string) (authstar.Client, error) { return c, nil })),
		authenticators.NewBasic("api", func(context.Context, string, string) (authstar.Client, error) { return c, nil }),
		authenticators.NewAPIKey("X-API-Key", func(context.Context, string) (authstar.Client, error) { return c, nil }),
		authenticators.NewSession("sid", func(*http.Request) (authstar.Client, error) { return c, nil }),
	)
	for name, line := range map[string]string{
		"Bearer": "Authorization: Bearer " + aliceToken, "Basic": "Authorization: Basic " + bobBasic,
		"APIKey": "X-API-Key: " + machineKey, "Session": "Cookie: sid=" + carolSession,
	} {
		b.Run(name, func(b *testing.B) {
			r := request("GET", "/", line)
			b.ReportAllocs()
			for b.Loop() {
				if res := chain.Authenticate(r); res.Client == nil {
					b.Fatal(res)
				}
			}
		})
	}
}
