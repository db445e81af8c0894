package authenticators_test

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"math/big"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/authstar/authstar/authenticators"
)

// jwtBenchToken is an access token of about 800 bytes.
func jwtBenchToken(k jwtKey, alg string) string {
	payload := jwtClaims(jwtIssuerA).with("email", `"alice@customer.example"`).with("name", `"Alice Liddell"`).
		with("groups", `["engineering","on-call","billing-admins"]`).
		with("https://a.example/tenant", `"8f14e45f-ceea-467f-a8c7-9b0e6a1b2c3d"`).
		with("realm_access", `{"roles":["user","auditor"]}`).with("auth_time", "1799999000")
	const size = 800
	pad := size - len(jwtToken(k, alg, k.header(alg), payload.with("note", `""`).String()))
	if pad > 0 {
		payload = payload.with("note", `"`+strings.Repeat("n", pad*3/4)+`"`)
	}
	return jwtToken(k, alg, k.header(alg), payload.String())
}

// jwtBare is the standard library's signature check, with hashing.
func jwtBare(k jwtKey, alg, input string, signature []byte) bool {
	switch key := k.signer.Public().(type) {
	case *rsa.PublicKey:
		return rsa.VerifyPKCS1v15(key, crypto.SHA256, jwtDigest(alg, input), signature) == nil
	case *ecdsa.PublicKey:
		r, s := new(big.Int).SetBytes(signature[:32]), new(big.Int).SetBytes(signature[32:])
		return ecdsa.Verify(key, jwtDigest(alg, input), r, s)
	case ed25519.PublicKey:
		return ed25519.Verify(key, []byte(input), signature)
	}
	return false
}

// What does a token that was never seen cost, in signature checks? Both are
// timed in turns of the same run, in small slices, so that a busy machine slows
// both. The limits of "ratio" are 1.75 for RS256, 1.38 for ES256 and 1.42 for
// EdDSA, and 125 allocations.
func BenchmarkJWT(b *testing.B) {
	for _, test := range []struct {
		alg string
		key jwtKey
	}{{"RS256", jwtKeyA}, {"ES256", jwtKeyB}, {"EdDSA", jwtKeyEd}} {
		key := test.key
		key.kid = "2026-01"
		other, third := jwtEvilRSA, jwtEvilEC
		other.kid, third.kid = "2025-12", "2026-02"
		j := jwtVerifier(b, authenticators.JWTConfig{Keys: jwtKeys(b, other, key, third), CacheSize: -1})
		token := jwtBenchToken(key, test.alg)
		input, signature := jwtSplit(token)
		verify := func() {
			if _, err := j.VerifyToken(context.Background(), token); err != nil {
				b.Fatal(err)
			}
		}
		bare := func() {
			if !jwtBare(key, test.alg, input, signature) {
				b.Fatal("the signature is bad")
			}
		}
		b.Run(test.alg+"/verify", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				verify()
			}
		})
		b.Run(test.alg+"/bare", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				bare()
			}
		})
		b.Run(test.alg+"/ratio", func(b *testing.B) { jwtRatio(b, verify, bare) })
	}
}

// jwtRatio reports how many times as long as bare verify takes: the median of
// one by the median of the other.
func jwtRatio(b *testing.B, verify, bare func()) {
	const slice = 8
	var verifying, checking []time.Duration
	timed := func(f func()) time.Duration {
		start := time.Now()
		for range slice {
			f()
		}
		return time.Since(start)
	}
	for b.Loop() {
		verifying, checking = append(verifying, timed(verify)), append(checking, timed(bare))
	}
	slices.Sort(verifying)
	slices.Sort(checking)
	b.ReportMetric(float64(verifying[len(verifying)/2])/float64(checking[len(checking)/2]), "ratio")
	b.ReportMetric(0, "ns/op")
}

// What does an attacker's token cost? 64 KiB of junk may take 2 µs at most, the
// others no more than a token that is refused for its signature (BenchmarkJWT).
func BenchmarkJWTJunk(b *testing.B) {
	bearer := authenticators.NewBearer(jwtVerifier(b, authenticators.JWTConfig{}), jwtVerifierB(b))
	for _, row := range jwtHuge() {
		b.Run(strings.ReplaceAll(row.name, " ", "_"), func(b *testing.B) {
			r := request("GET", "/")
			r.Header.Set("Authorization", "Bearer "+row.token)
			b.ReportAllocs()
			for b.Loop() {
				if client, err := bearer.Authenticate(r); client != nil || err == nil {
					b.Fatal("accepted")
				}
			}
		})
	}
}

// What does a token cost that nobody signed, and that was made to be costly? The
// limit is 64 KiB, and 16 bytes for each of its own.
func BenchmarkJWTUnsigned(b *testing.B) {
	j := jwtVerifierB(b)
	for _, row := range jwtCostly() {
		b.Run(strings.ReplaceAll(row.name, " ", "_"), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if client, err := j.VerifyToken(context.Background(), row.token); client != nil || err == nil {
					b.Fatal("accepted")
				}
			}
		})
	}
}

// What does a flood of well-formed tokens with bad signatures cost (D06)? One
// signature check each; none for an issuer that nobody knows.
func BenchmarkJWTFlood(b *testing.B) {
	bearer := authenticators.NewBearer(jwtVerifier(b, authenticators.JWTConfig{}), jwtVerifierB(b))
	for name, token := range map[string]string{
		"RS256":          jwtToken(jwtEvilRSA, "RS256", jwtEvilRSA.header("RS256"), jwtClaims(jwtIssuerA).String()),
		"PS512":          jwtToken(jwtEvilRSA, "PS512", jwtEvilRSA.header("PS512"), jwtClaims(jwtIssuerA).String()),
		"unknown_issuer": jwtToken(jwtEvilRSA, "RS256", jwtEvilRSA.header("RS256"), jwtClaims("https://x.example").String()),
		"unknown_kid":    jwtToken(jwtEvilRSA, "RS256", `{"alg":"RS256","kid":"x"}`, jwtClaims(jwtIssuerA).String()),
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				r := request("GET", "/")
				r.Header.Set("Authorization", "Bearer "+token)
				for pb.Next() {
					if client, err := bearer.Authenticate(r); client != nil || err == nil {
						b.Error("accepted")
						return
					}
				}
			})
		})
	}
}
