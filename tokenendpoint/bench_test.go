package tokenendpoint_test

import (
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/authstar/authstar/tokenendpoint"
)

// nullWriter is a response writer that costs nothing but its header, and keeps
// the status.
type nullWriter struct {
	h      http.Header
	status int
}

func (w *nullWriter) Header() http.Header         { return w.h }
func (w *nullWriter) Write(p []byte) (int, error) { return len(p), nil }
func (w *nullWriter) WriteHeader(status int)      { w.status = status }

// asker sends one request again and again, and fails on another status.
func asker(b *testing.B, h http.Handler, status int, body string, lines ...string) func() {
	r := newRequest("POST", "/oauth2/token", body, lines...)
	reader := strings.NewReader(body)
	r.Body = io.NopCloser(reader)
	return func() {
		reader.Reset(body)
		w := &nullWriter{h: make(http.Header)}
		if h.ServeHTTP(w, r); w.status != status {
			b.Fatalf("status %d", w.status)
		}
	}
}

// How much does the endpoint add to what a token costs anyway? From the request
// to the response, with the Signer, it may cost 1.5 times what go-jose takes to
// sign and serialise the same claims with the same key ("x-go-jose"). Both are
// measured in turns, in batches, of which the median counts.
func BenchmarkToken(b *testing.B) {
	for _, alg := range []string{"ES256", "RS256", "EdDSA"} {
		b.Run(alg, func(b *testing.B) {
			config := signerConfigFor(alg)
			config.Now = nil
			signer := newSigner(b, config)
			ours := asker(b, withBuilder(b, signer.Build), 200, ask+"&scope=read", svc...)
			theirs := goJose(b, alg, signer)
			const batch = 10
			var times [2][]time.Duration
			for b.Loop() {
				for i, f := range []func(){ours, theirs} {
					start := time.Now()
					for range batch {
						f()
					}
					times[i] = append(times[i], time.Since(start)/batch)
				}
			}
			for i := range times {
				slices.Sort(times[i])
			}
			endpoint, bare := times[0][len(times[0])/2], times[1][len(times[1])/2]
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(float64(endpoint), "ns/token")
			b.ReportMetric(float64(bare), "ns/go-jose")
			b.ReportMetric(float64(endpoint)/float64(bare), "x-go-jose")
			b.ReportMetric(testing.AllocsPerRun(20, ours), "allocs/token")
		})
	}
}

// goJose signs the claims of a token of the signer as go-jose's documentation
// shows it.
func goJose(b *testing.B, alg string, signer *tokenendpoint.Signer) func() {
	header, claims := mint(b, signer)
	key := jose.JSONWebKey{Key: map[string]any{"ES256": ecKey(), "RS256": rsaKey(), "EdDSA": edKey()}[alg]}
	key.KeyID, _ = header["kid"].(string)
	s, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.SignatureAlgorithm(alg), Key: key}, (&jose.SignerOptions{}).WithType("at+jwt"))
	if err != nil {
		b.Fatal(err)
	}
	return func() {
		if _, err := jwt.Signed(s).Claims(claims).Serialize(); err != nil {
			b.Fatal(err)
		}
	}
}

// What does it cost to be attacked? No refusal may take more than 5 ms; of what
// is too long, no more than 64 KiB is read. The first row is what an honest
// request costs, without the signature.
func BenchmarkRefusal(b *testing.B) {
	endpoint := newEndpoint(b, tokenendpoint.Config{})
	for _, row := range []struct {
		name, body string
		status     int
		lines      []string
	}{
		{"token", asForm, 200, nil},
		{"wrong secret", ask, 401, []string{basic("svc", wrongSecret)}},
		{"unknown client", ask, 401, []string{basic("nobody", wrongSecret)}},
		{"content type", asForm, 400, []string{"Content-Type: application/json"}},
		{"64 KiB value", asForm + "&x=" + strings.Repeat("a", 65000), 200, nil},
		{"1 MiB value", asForm + "&x=" + strings.Repeat("a", 1<<20), 413, nil},
		{"10^6 keys", hostileForms["D09 10^6 keys"], 413, nil},
		{"30,000 ampersands", strings.Repeat("&", 30000), 400, nil},
		{"brackets 60,000 times", hostileForms["D10 a bracket 60,000 times"], 400, nil},
		{"[0] 20,000 times", hostileForms["D10 [0] 20,000 times"], 400, nil},
		{"64 KiB of escapes", asForm + "&scope=" + strings.Repeat("%61", 21000), 400, nil},
		{"32,000 scopes", asForm + "&scope=" + strings.Repeat("a+", 32000), 400, nil},
		{"16,000 scopes that differ", asForm + "&scope=" + distinctScopes(16000), 400, nil},
		{"8 KiB of Basic", ask, 401, []string{basic("svc", strings.Repeat("%61", 2000))}},
	} {
		b.Run(row.name, func(b *testing.B) {
			f := asker(b, endpoint, row.status, row.body, row.lines...)
			b.ReportAllocs()
			for b.Loop() {
				f()
			}
		})
	}
}

func distinctScopes(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteByte('+')
		for ; i > 0; i /= 64 {
			b.WriteByte("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-_"[i%64])
		}
	}
	return b.String()
}
