package authenticators_test

import (
	"fmt"
	"reflect"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/authstar/authstar/authenticators"
)

// M09 M13: the number of entries is bounded, whoever makes the tokens.
func TestCacheIsBounded(t *testing.T) {
	const size = 64
	var calls atomic.Int32
	j := cacheVerifier(t, authenticators.JWTConfig{CacheSize: size, CacheClient: true, Client: cacheCounter(&calls)})
	verify := func() {
		for n := range 400 {
			if _, err := j.VerifyToken(t.Context(), cacheToken(n)); err != nil {
				t.Fatal(err)
			}
		}
	}
	verify()
	calls.Store(0)
	verify()
	if hits := 400 - calls.Load(); hits > size {
		t.Errorf("M09 %d tokens were remembered, want at most %d", hits, size)
	}
	calls.Store(0)
	for range 10 {
		if _, err := j.VerifyToken(t.Context(), cacheToken(399)); err != nil {
			t.Fatal(err)
		}
	}
	if calls.Load() > 0 {
		t.Errorf("M09 the newest token is not remembered: %d calls", calls.Load())
	}
}

// M13: both signatures of ES256 are good, and two entries at most.
func TestCacheOfTwins(t *testing.T) {
	var calls atomic.Int32
	j := jwtVerifier(t, authenticators.JWTConfig{Issuer: jwtIssuerB, Keys: jwtKeys(t, jwtKeyB), CacheClient: true, Client: cacheCounter(&calls)})
	token := jwtOfB(jwtClaims(jwtIssuerB))
	for range 3 {
		for _, twin := range []string{token, jwtTwin(token)} {
			if client, err := j.VerifyToken(t.Context(), twin); err != nil || client.ClientID() != "alice" {
				t.Fatalf("M13 %v, %v", client, err)
			}
		}
	}
	for _, more := range []string{token + "=", token + "\n", token[:len(token)-1] + string(token[len(token)-1]+1)} {
		if client, err := j.VerifyToken(t.Context(), more); err == nil {
			t.Errorf("M13 another spelling of a remembered token: %v", client)
		}
	}
	if calls.Load() > 2 {
		t.Errorf("M13 %d calls", calls.Load())
	}
}

// cacheSecretToken costs little to make and to verify.
func cacheSecretToken(claims jwtObject) string {
	return jwtToken(jwtKeyD, "HS256", jwtKeyD.header("HS256"), claims.String())
}

func cacheHeap() int64 {
	for range 2 {
		runtime.GC()
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// M09: bad tokens leave nothing behind.
func TestCacheForgetsBadTokens(t *testing.T) {
	j := jwtVerifierD(t)
	good := cacheSecretToken(jwtClaims(jwtIssuerD))
	input, signature := jwtSplit(good)
	bad := func(n int) string {
		copy(signature, fmt.Sprintf("%08d", n))
		return input + "." + jwtEncode(signature)
	}
	if _, err := j.VerifyToken(t.Context(), good); err != nil {
		t.Fatal(err)
	}
	before := cacheHeap()
	for n := range cacheBadTokens {
		if client, err := j.VerifyToken(t.Context(), bad(n)); err == nil {
			t.Fatalf("%v", client)
		}
	}
	if grown := cacheHeap() - before; grown > 200_000 {
		t.Errorf("M09 %d bytes are left of %d bad tokens", grown, cacheBadTokens)
	}
	runtime.KeepAlive(j)
}

// M10: no part of a token that could be replayed is kept.
func TestCacheHoldsNoToken(t *testing.T) {
	j := jwtVerifier(t, authenticators.JWTConfig{})
	token := jwtOfA(jwtClaims(jwtIssuerA))
	client, err := j.VerifyToken(t.Context(), token)
	if err != nil {
		t.Fatal(err)
	}
	_, signature := jwtSplit(token)
	found := false
	for _, v := range []any{j, client} {
		cacheWalk(reflect.ValueOf(v), make(map[uintptr]bool), func(text string) {
			found = found || strings.Contains(text, `"sub":"alice"`)
			if strings.Contains(text, token[len(token)-40:]) || strings.Contains(text, string(signature)) {
				t.Errorf("M10 the signature is kept in %.60q", text)
			}
		})
		if text := fmt.Sprintf("%+v %#v", v, v); strings.Contains(text, token[len(token)-40:]) {
			t.Error("M10 the token is printed")
		}
	}
	if !found {
		t.Error("M10 the walk does not see the claims that are remembered")
	}
}

// cacheWalk visits all text that can be reached from v.
func cacheWalk(v reflect.Value, seen map[uintptr]bool, visit func(string)) {
	switch v.Kind() {
	case reflect.String:
		visit(v.String())
	case reflect.Pointer:
		if v.IsNil() || seen[v.Pointer()] {
			return
		}
		seen[v.Pointer()] = true
		cacheWalk(v.Elem(), seen, visit)
	case reflect.Interface:
		if !v.IsNil() {
			cacheWalk(v.Elem(), seen, visit)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			cacheWalk(v.Field(i), seen, visit)
		}
	case reflect.Slice, reflect.Array:
		if v.Kind() == reflect.Slice && v.Type().Elem().Kind() == reflect.Uint8 {
			visit(string(v.Bytes()))
			return
		}
		for i := range v.Len() {
			cacheWalk(v.Index(i), seen, visit)
		}
	case reflect.Map:
		for it := v.MapRange(); it.Next(); {
			cacheWalk(it.Key(), seen, visit)
			cacheWalk(it.Value(), seen, visit)
		}
	}
}

// How much memory does a remembered token take? There are 100,000 of them, of
// 800 bytes each: as they come, and after a claim of each was looked up.
func BenchmarkCacheMemory(b *testing.B) {
	b.Run("verified", func(b *testing.B) { cacheMemory(b, nil) })
	b.Run("looked-up", func(b *testing.B) { cacheMemory(b, []string{"scope", "groups"}) })
}

func cacheMemory(b *testing.B, scopeClaims []string) {
	const count = 100_000
	token := func(n int) string {
		return cacheSecretToken(jwtClaims(jwtIssuerD).with("jti", fmt.Sprintf(`"j-%08d"`, n)).also("email", `"alice@customer.example"`).
			also("groups", `["engineering","on-call","billing-admins"]`).also("note", `"`+strings.Repeat("n", 280)+`"`))
	}
	var perEntry float64
	for b.Loop() {
		j := jwtVerifier(b, authenticators.JWTConfig{Issuer: jwtIssuerD, Keys: jwtKeys(b, jwtKeyD), Algorithms: []string{"HS256"}, CacheSize: 2 * count, ScopeClaims: scopeClaims})
		before := cacheHeap()
		for n := range count {
			if _, err := j.VerifyToken(b.Context(), token(n)); err != nil {
				b.Fatal(err)
			}
		}
		perEntry = float64(cacheHeap()-before) / count
		runtime.KeepAlive(j)
	}
	b.ReportMetric(perEntry, "bytes/entry")
	b.ReportMetric(float64(len(token(0))), "token-bytes")
}
