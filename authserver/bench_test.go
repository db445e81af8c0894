package authserver_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/authstar/authstar/authserver"
)

// nullWriter costs nothing but its header.
type nullWriter struct {
	h      http.Header
	status int
	body   []byte
}

func (w *nullWriter) Header() http.Header    { return w.h }
func (w *nullWriter) WriteHeader(status int) { w.status = status }
func (w *nullWriter) Write(p []byte) (int, error) {
	w.body = append(w.body[:0], p...)
	return len(p), nil
}

// How long does the login page take? At most 100 µs; a request as long as it may
// be, all of characters that HTML makes longer, 2 ms. What an attacker sends a
// million times stores nothing: TestAuthorizeStoresNothing.
func BenchmarkAuthorize(b *testing.B) {
	f := newFixture(b, func(c *authserver.Config) { c.Observe = nil })
	for name, request := range map[string]url.Values{
		"login page":          ask(),
		"sent back":           ask("scope", "x"),
		"unknown client":      ask("client_id", "nobody"),
		"state of 4 KiB":      ask("state", strings.Repeat("&", 4096)),
		"60 KiB of parameter": ask("x", strings.Repeat("<", 20<<10)),
	} {
		b.Run(name, func(b *testing.B) {
			r := httptest.NewRequest("GET", issuer+"/authorize?"+request.Encode(), nil)
			b.ReportAllocs()
			for b.Loop() {
				f.handler.ServeHTTP(&nullWriter{h: make(http.Header)}, r)
			}
		})
	}
}

// How much do the grants add to what a token costs anyway? From the request to
// the response, with the memory store, each may cost 1.6 times what go-jose takes
// to sign and serialise the same claims with the same key ("x-go-jose"). All are
// measured in turns, in batches, of which the median counts.
func BenchmarkGrants(b *testing.B) {
	f := newFixture(b, func(c *authserver.Config) { c.Now = nil })
	signed := f.signedIn()
	const batch = 10
	token := f.redeem(f.code(ask()))
	spent := make([]string, batch)
	for i := range spent {
		spent[i] = f.tokens("spa").get("refresh_token")
	}
	var redeem, refresh []*http.Request
	prepare := func() {
		redeem, refresh = nil, nil
		for i := range batch {
			_, values := f.sentBack(signed.authorize(ask()))
			redeem = append(redeem, tokenRequest("grant_type", "authorization_code", "code", values.Get("code"), "code_verifier", verifier, "redirect_uri", "https://good.example/cb"))
			refresh = append(refresh, tokenRequest("grant_type", "refresh_token", "refresh_token", spent[i]))
		}
	}
	bare := goJose(b, token.get("access_token"))
	names := []string{"redeem", "refresh", "go-jose"}
	funcs := []func(i int){
		func(i int) { f.send(redeem[i]) },
		func(i int) { spent[i] = f.send(refresh[i]) },
		func(int) { bare() },
	}
	times := make([][]time.Duration, len(funcs))
	for b.Loop() {
		prepare()
		for k, f := range funcs {
			start := time.Now()
			for i := range batch {
				f(i)
			}
			times[k] = append(times[k], time.Since(start)/batch)
		}
	}
	var median []float64
	for k, list := range times {
		slices.Sort(list)
		median = append(median, float64(list[len(list)/2]))
		b.ReportMetric(median[k], "ns/"+names[k])
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(median[0]/median[2], "redeem-x-go-jose")
	b.ReportMetric(median[1]/median[2], "refresh-x-go-jose")
}

// tokenRequest is a request of the client "spa".
func tokenRequest(pairs ...string) *http.Request {
	r, err := http.NewRequest("POST", issuer+"/oauth2/token", strings.NewReader(params(url.Values{"client_id": {"spa"}}, pairs...).Encode()))
	if err != nil {
		panic(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return r
}

// send returns the refresh token of the answer.
func (f *fixture) send(r *http.Request) string {
	w := &nullWriter{h: make(http.Header)}
	if f.handler.ServeHTTP(w, r); w.status != http.StatusOK {
		f.Fatalf("%d %s", w.status, w.body)
	}
	_, rest, _ := strings.Cut(string(w.body), `"refresh_token":"`)
	token, _, _ := strings.Cut(rest, `"`)
	return token
}

// goJose signs the claims of a token as go-jose's documentation shows it.
func goJose(b *testing.B, token string) func() {
	key := jose.JSONWebKey{Key: signingPrivate(), KeyID: kid(b, token)}
	s, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: key}, (&jose.SignerOptions{}).WithType("at+jwt"))
	if err != nil {
		b.Fatal(err)
	}
	values := claims(b, token)
	return func() {
		if _, err := jwt.Signed(s).Claims(values).Serialize(); err != nil {
			b.Fatal(err)
		}
	}
}

// What does the API pay to ask about revocation? VerifyToken with the memory
// store, of a good token, and of one whose signature is wrong.
func BenchmarkVerifyToken(b *testing.B) {
	f := newFixture(b)
	good := f.tokens("spa").get("access_token")
	for name, token := range map[string]string{"good": good, "bad": good[:len(good)-4] + "AAAA"} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				_, err := f.VerifyToken(b.Context(), token)
				if (err == nil) != (name == "good") {
					b.Fatal(err)
				}
			}
		})
	}
}
