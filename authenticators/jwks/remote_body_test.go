package jwks_test

import (
	"bytes"
	"compress/gzip"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/authstar/authstar/authenticators/jwks"
)

// remoteGzip answers a set, compressed, behind so many MiB of white space.
func remoteGzip(size int) http.HandlerFunc {
	member := func(content string) string { // RFC 1952 section 2.2: members follow one another
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		_, _ = z.Write([]byte(content))
		_ = z.Close()
		return b.String()
	}
	return remoteBody(200, strings.Repeat(member(strings.Repeat(" ", 1<<20)), size)+member(remoteSet("k2")), "Content-Encoding: gzip")
}

// remoteFlood answers 100 MB of white space before a set.
func remoteFlood(w http.ResponseWriter, _ *http.Request) {
	chunk := bytes.Repeat([]byte(" "), 1<<20)
	for range 100 {
		if _, err := w.Write(chunk); err != nil {
			return
		}
	}
	_, _ = w.Write([]byte(remoteSet("k2")))
}

func remoteMany(n int) string {
	kids := make([]string, n)
	for i := range kids {
		kids[i] = "k" + strconv.Itoa(i)
	}
	return remoteSet(kids...)
}

// An answer that is too large, or no set of usable keys, never takes the place
// of good keys.
func TestRemoteBadAnswerKeepsTheKeys(t *testing.T) {
	for name, answer := range map[string]http.HandlerFunc{
		"K10 100 MB":                       remoteFlood,
		"K10 1 GB in a gzip bomb of 1 MB":  remoteGzip(1 << 10),
		"K10 one byte more than 1 MiB":     remoteBody(200, remoteSet("k2")+strings.Repeat(" ", 1<<20-len(remoteSet("k2"))+1)),
		"K10 10,000 keys":                  remoteBody(200, `{"keys":[`+strings.Repeat(`{},`, 9999)+`{}]}`),
		"K10 101 keys":                     remoteBody(200, remoteMany(101)),
		"K10 nested 100,000 times":         remoteBody(200, `{"keys":`+strings.Repeat("[", 100_000)+strings.Repeat("]", 100_000)+`}`),
		"K12 an empty object":              remoteBody(200, `{}`),
		"K12 null":                         remoteBody(200, `null`),
		"K12 an error":                     remoteBody(200, `{"error":"server_error"}`),
		"K12 HTML":                         remoteBody(200, `<!DOCTYPE html><title>Sign in</title>`, "Content-Type: text/html"),
		"K12 no keys":                      remoteBody(200, `{"keys":[]}`),
		"K12 keys that are null":           remoteBody(200, `{"keys":null}`),
		"K12 keys that are an object":      remoteBody(200, `{"keys":{"k2":{}}}`),
		"K12 a key that is null":           remoteBody(200, `{"keys":[null]}`),
		"K12 the name in another case":     remoteBody(200, strings.Replace(remoteSet("k2"), "keys", "Keys", 1)),
		"K12 keys twice":                   remoteBody(200, strings.Replace(remoteSet("k2"), "{", `{"keys":[],`, 1)),
		"K12 something behind the set":     remoteBody(200, remoteSet("k2")+"x"),
		"K12 a set that is cut off":        remoteBody(200, strings.TrimSuffix(remoteSet("k2"), "}")),
		"K12 nothing":                      remoteBody(200, ""),
		"K15 only a secret":                remoteBody(200, `{"keys":[{"kty":"oct","kid":"k2","k":"MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY"}]}`),
		"K13 another status of success":    remoteBody(203, remoteSet("k2")),
		"K04 a redirect without an answer": remoteBody(302, remoteSet("k2")),
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := newRemoteProvider(t, remoteKeys("k1"))
				r, log := p.remote(t, jwks.RemoteConfig{})
				p.wants(t, r, "k1", true, 1)
				p.serve(answer)
				if allocated := remoteAllocated(func() { p.fails(t, r, "k2", 1) }); allocated > 64<<20 {
					t.Errorf("D07 %d bytes allocated", allocated)
				}
				p.wants(t, r, "k1", true, 0)
				if s := r.Status(); s.Keys != 1 || s.Err == nil || log.lines() != 1 {
					t.Errorf("%+v, log: %s", s, log)
				}
				p.serve(remoteKeys("k2"))
				time.Sleep(time.Second)
				p.wants(t, r, "k2", true, 1)
			})
		})
	}
}

func remoteAllocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// The twins: the largest answers, and unusual ones.
func TestRemoteGoodAnswers(t *testing.T) {
	for name, answer := range map[string]http.HandlerFunc{
		"K10 exactly 1 MiB":                 remoteBody(200, remoteSet("k2")+strings.Repeat(" ", 1<<20-len(remoteSet("k2")))),
		"K10 100 keys":                      remoteBody(200, remoteMany(100)),
		"K10 compressed":                    remoteGzip(0),
		"K12 the registered type":           remoteBody(200, remoteSet("k2"), "Content-Type: application/jwk-set+json"),
		"K12 a type that is wrong":          remoteBody(200, remoteSet("k2"), "Content-Type: text/plain"),
		"K12 other members":                 remoteBody(200, strings.Replace(remoteSet("k2"), "{", `{"x":{"keys":[]},`, 1)),
		"K11 beside keys that nobody knows": remoteBody(200, strings.Replace(remoteSet("k2"), "[", `[{"kty":"AKP","kid":"k2"},`, 1)),
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := newRemoteProvider(t, answer)
				r, _ := p.remote(t, jwks.RemoteConfig{})
				p.wants(t, r, "k2", true, 1)
			})
		})
	}
}

// The bounds are the application's.
func TestRemoteOwnBounds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newRemoteProvider(t, remoteKeys("k1", "k2"))
		r, _ := p.remote(t, jwks.RemoteConfig{MaxKeys: 1})
		p.fails(t, r, "k1", 1)
		r, _ = p.remote(t, jwks.RemoteConfig{MaxBytes: 100})
		p.fails(t, r, "k1", 1)
		r, _ = p.remote(t, jwks.RemoteConfig{MaxKeys: 2, MaxBytes: 1000})
		p.wants(t, r, "k1", true, 1)
	})
}

func remoteJWK(t *testing.T, key any, kid, alg string) map[string]any {
	t.Helper()
	data, err := jose.JSONWebKey{Key: key, KeyID: kid, Algorithm: alg}.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	var m map[string]any
	if err := json.Unmarshal(data, &m); err != nil {
		t.Fatal(err)
	}
	return m
}

// What a set may hold beside a good key: it is not used, the good key is.
func TestRemoteKeysThatAreNotUsed(t *testing.T) {
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	curve, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	weak, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Skip("this toolchain makes no weak keys, and the test is of what is done with one")
	}
	with := func(key map[string]any, name string, value any) map[string]any { key[name] = value; return key }
	public := func() map[string]any { return remoteJWK(t, &private.PublicKey, "x", "") }
	secret := base64.RawURLEncoding.EncodeToString(bytes.Repeat([]byte("s"), 64))
	for name, key := range map[string]any{
		"K11 an unknown type":            map[string]any{"kty": "AKP", "kid": "x", "alg": "ML-DSA-44", "pub": "AAAA"},
		"K11 X25519":                     map[string]any{"kty": "OKP", "kid": "x", "crv": "X25519", "x": secret[:43]},
		"K11 Ed448":                      map[string]any{"kty": "OKP", "kid": "x", "crv": "Ed448", "x": secret[:76]},
		"K11 secp256k1":                  map[string]any{"kty": "EC", "kid": "x", "crv": "secp256k1", "x": secret[:43], "y": secret[:43]},
		"K11 a point off the curve":      with(remoteJWK(t, &curve.PublicKey, "x", ""), "x", secret[:43]),
		"K11 null":                       nil,
		"K11 a string":                   "key",
		"K11 a key id that is a number":  with(public(), "kid", 1),
		"K11 an id of 257 bytes":         with(public(), "kid", strings.Repeat("x", 257)),
		"K11 a bad certificate":          with(public(), "x5c", []string{"AAAA"}),
		"K11 a modulus with padding":     with(public(), "n", "AAAA=="),
		"K15 RSA of 1024 bits":           remoteJWK(t, &weak.PublicKey, "x", ""),
		"K15 the exponent 1":             with(public(), "e", "AQ"),
		"K15 an even exponent":           with(public(), "e", "AQAA"),
		"K15 a private key":              remoteJWK(t, private, "x", ""),
		"K15 a secret":                   map[string]any{"kty": "oct", "kid": "x", "k": secret},
		"K15 P-256 for RS256":            remoteJWK(t, &curve.PublicKey, "x", "RS256"),
		"K15 RSA for HS256":              with(public(), "alg", "HS256"),
		"K15 for encryption":             with(public(), "use", "enc"),
		"K15 key_ops without verify":     with(public(), "key_ops", []string{"encrypt"}),
		"K15 key_ops for signing":        with(public(), "key_ops", []string{"sign"}),
		"K15 key_ops that are empty":     with(public(), "key_ops", []string{}),
		"K15 an algorithm of encryption": with(public(), "alg", "RSA-OAEP"),
	} {
		t.Run(name, func(t *testing.T) { remoteIgnores(t, key, "x") })
	}
	for name, key := range map[string]any{
		"K15 RSA":                  public(),
		"K15 P-256":                remoteJWK(t, &curve.PublicKey, "x", "ES256"),
		"K15 for signatures":       with(public(), "use", "sig"),
		"K15 key_ops with verify":  with(public(), "key_ops", []string{"verify"}),
		"K11 with unknown members": with(public(), "issuer", "https://a.example"),
	} {
		t.Run(name+" is used", func(t *testing.T) { remoteUses(t, key) })
	}
}

func remoteAnswer(t *testing.T, keys ...any) http.HandlerFunc {
	t.Helper()
	data, err := json.Marshal(map[string]any{"keys": keys})
	if err != nil {
		t.Fatal(err)
	}
	return remoteBody(200, string(data))
}

func remoteIgnores(t *testing.T, key any, kid string) {
	synctest.Test(t, func(t *testing.T) {
		p := newRemoteProvider(t, remoteAnswer(t, key, remoteKey("good")))
		r, log := p.remote(t, jwks.RemoteConfig{})
		p.wants(t, r, "good", true, 1)
		p.wants(t, r, kid, false, 1)
		if s := r.Status(); s.Keys != 1 || log.lines() != 1 || !strings.Contains(log.String(), "not used") {
			t.Errorf("%d keys, log: %s", s.Keys, log)
		}
		if m, ok := key.(map[string]any); ok && m["k"] != nil && strings.Contains(log.String(), fmt.Sprint(m["k"])) {
			t.Errorf("a secret is logged: %s", log)
		}
	})
}

func remoteUses(t *testing.T, key any) {
	synctest.Test(t, func(t *testing.T) {
		p := newRemoteProvider(t, remoteAnswer(t, key, remoteKey("good")))
		r, log := p.remote(t, jwks.RemoteConfig{})
		p.wants(t, r, "x", true, 1)
		if log.lines() > 0 {
			t.Errorf("log: %s", log)
		}
	})
}

func TestRemoteKeyIDs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		curve, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		p := newRemoteProvider(t, remoteAnswer(t, remoteKey("k1"), remoteJWK(t, &curve.PublicKey, "k1", ""), remoteKey("K1"), remoteKey("k1\u200b")))
		r, _ := p.remote(t, jwks.RemoteConfig{})
		keys, err := r.Keys(t.Context(), "k1")
		if err != nil || len(keys) != 2 {
			t.Fatalf("K14 one id of two keys: %d keys, %v", len(keys), err)
		}
		for kid, found := range map[string]bool{"K1": true, "k1\u200b": true, "k1 ": false, "ｋ1": false} {
			keys, err := r.Keys(t.Context(), kid)
			if err != nil || (len(keys) == 1) != found {
				t.Errorf("K18 id %q: %d keys, %v", kid, len(keys), err)
			}
			if found && keys[0].Key.(ed25519.PublicKey).Equal(remoteKey("k1").Key) {
				t.Errorf("K18 id %q finds the key k1", kid)
			}
		}
		if keys, err := r.Keys(t.Context(), ""); err != nil || len(keys) != 4 {
			t.Errorf("K14 without an id: %d keys, %v", len(keys), err)
		}
	})
}
