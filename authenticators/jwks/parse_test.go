package jwks_test

import (
	"crypto"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/go-jose/go-jose/v4"

	"github.com/authstar/authstar/authenticators/jwks"
)

var testKeys = sync.OnceValue(func() (k struct {
	rsa, weak *rsa.PrivateKey
	ec        *ecdsa.PrivateKey
	ed        ed25519.PrivateKey
	x         *ecdh.PrivateKey
}) {
	var errs [5]error
	k.rsa, errs[0] = rsa.GenerateKey(rand.Reader, 2048)
	k.weak, errs[1] = rsa.GenerateKey(rand.Reader, 1024)
	k.ec, errs[2] = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	_, k.ed, errs[3] = ed25519.GenerateKey(rand.Reader)
	k.x, errs[4] = ecdh.X25519().GenerateKey(rand.Reader)
	for _, err := range errs {
		if err != nil {
			panic(err)
		}
	}
	return k
})

// jwk is the JSON of a key, with members changed: a name and a raw value each.
func jwk(key any, kid string, changes ...string) string {
	data, err := json.Marshal(jose.JSONWebKey{Key: key, KeyID: kid})
	if err != nil {
		panic(err)
	}
	members := make(map[string]json.RawMessage)
	if err := json.Unmarshal(data, &members); err != nil {
		panic(err)
	}
	for i := 0; i < len(changes); i += 2 {
		members[changes[i]] = json.RawMessage(changes[i+1])
	}
	if data, err = json.Marshal(members); err != nil {
		panic(err)
	}
	return string(data)
}

func set(keys ...string) []byte { return []byte(`{"keys":[` + strings.Join(keys, ",") + `]}`) }

func b64(data []byte) string { return `"` + base64.RawURLEncoding.EncodeToString(data) + `"` }

func ids(t *testing.T, s *jwks.Static, kid string) (list []string) {
	t.Helper()
	keys, err := s.Keys(t.Context(), kid)
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range keys {
		list = append(list, k.KeyID)
	}
	return list
}

// K11, K15, JW-05, JW-24, JW-25: a key that cannot be used is no harm to the one
// beside it.
func TestUnusableKeysAreIgnored(t *testing.T) {
	k := testKeys()
	good := jwk(&k.rsa.PublicKey, "good")
	huge := make([]byte, 640)
	huge[0], huge[639] = 0x80, 1
	for name, key := range map[string]string{
		"K15 RSA of 1024 bits":            jwk(&k.weak.PublicKey, "x"),
		"K15 RSA with e = 1":              jwk(&k.rsa.PublicKey, "x", "e", `"AQ"`),
		"K15 RSA with e = 2":              jwk(&k.rsa.PublicKey, "x", "e", `"Ag"`),
		"K15 RSA with an even e":          jwk(&k.rsa.PublicKey, "x", "e", `"AQAA"`),
		"K15 RSA with e = 0":              jwk(&k.rsa.PublicKey, "x", "e", `"AA"`),
		"K15 RSA without e":               jwk(&k.rsa.PublicKey, "x", "e", `null`),
		"K11 RSA of 5120 bits":            jwk(&k.rsa.PublicKey, "x", "n", b64(huge)),
		"K15 P-256 with the alg of RSA":   jwk(&k.ec.PublicKey, "x", "alg", `"RS256"`),
		"K15 P-256 with the alg of P-384": jwk(&k.ec.PublicKey, "x", "alg", `"ES384"`),
		"K15 RSA with the alg of HMAC":    jwk(&k.rsa.PublicKey, "x", "alg", `"HS256"`),
		"K15 RSA for encryption by alg":   jwk(&k.rsa.PublicKey, "x", "alg", `"RSA-OAEP"`),
		"K15 alg none":                    jwk(&k.rsa.PublicKey, "x", "alg", `"none"`),
		"JW-25 use enc":                   jwk(&k.rsa.PublicKey, "x", "use", `"enc"`),
		"JW-25 an unknown use":            jwk(&k.rsa.PublicKey, "x", "use", `"SIG"`),
		"JW-25 key_ops without verify":    jwk(&k.rsa.PublicKey, "x", "key_ops", `["sign","wrapKey"]`),
		"JW-25 no key_ops at all":         jwk(&k.rsa.PublicKey, "x", "key_ops", `[]`),
		"JW-05 a point off the curve":     jwk(&k.ec.PublicKey, "x", "y", b64(make([]byte, 32))),
		"JW-05 a point of another curve":  jwk(&k.ec.PublicKey, "x", "crv", `"P-384"`),
		"JW-05 a short coordinate":        jwk(&k.ec.PublicKey, "x", "x", `"AA"`),
		"K11 X25519":                      `{"kty":"OKP","crv":"X25519","kid":"x","x":` + b64(k.x.PublicKey().Bytes()) + `}`,
		"K11 Ed448":                       `{"kty":"OKP","crv":"Ed448","kid":"x","x":` + b64(make([]byte, 57)) + `}`,
		"K11 secp256k1":                   `{"kty":"EC","crv":"secp256k1","kid":"x","x":` + b64(make([]byte, 32)) + `,"y":` + b64(make([]byte, 32)) + `}`,
		"JW-24 an unknown kty":            `{"kty":"AKP","alg":"ML-DSA-99","kid":"x","pub":"AAAA"}`,
		"K11 no kty":                      `{"kid":"x"}`,
		"K11 a bad x5c":                   jwk(&k.rsa.PublicKey, "x", "x5c", `["AAAA"]`),
		"K11 an x5c that is no list":      jwk(&k.rsa.PublicKey, "x", "x5c", `"AAAA"`),
		"K11 a padded modulus":            jwk(&k.rsa.PublicKey, "x", "n", `"AQAB=="`),
		"K11 null":                        `null`,
		"K11 a string":                    `"x"`,
		"K11 a number":                    `1`,
		"K11 a list":                      `[]`,
		"K11 a kid that is a number":      jwk(&k.rsa.PublicKey, "x", "kid", `1`),
		"K18 a kid of 257 bytes":          jwk(&k.rsa.PublicKey, strings.Repeat("k", 257)),
		"K15 a secret of 31 bytes":        `{"kty":"oct","kid":"x","k":` + b64(make([]byte, 31)) + `}`,
		"K15 an empty secret":             `{"kty":"oct","kid":"x","k":""}`,
		"K11 Ed25519, a byte short":       `{"kty":"OKP","crv":"Ed25519","kid":"x","x":` + b64(make([]byte, 31)) + `}`,
	} {
		t.Run(name, func(t *testing.T) {
			for _, doc := range [][]byte{set(key, good), set(good, key)} {
				s, err := jwks.Parse(doc)
				if err != nil {
					t.Fatal(err)
				}
				if got := ids(t, s, ""); !slices.Equal(got, []string{"good"}) {
					t.Errorf("keys %q", got)
				}
				if why := s.Ignored(); len(why) != 1 || !strings.Contains(why[0].Error(), "key ") {
					t.Errorf("ignored: %v", why)
				}
			}
			if s, err := jwks.Parse(set(key)); err == nil {
				t.Errorf("it is usable alone: %v", s)
			}
			if s, err := jwks.Parse([]byte(key)); err == nil {
				t.Errorf("it is usable without a set: %v", s)
			}
		})
	}
}

// K11, JW-24: the twins of those that are ignored.
func TestUsableKeys(t *testing.T) {
	k := testKeys()
	for name, key := range map[string]string{
		"K15 RSA":                      jwk(&k.rsa.PublicKey, "x"),
		"K15 RSA with e = 3":           jwk(&k.rsa.PublicKey, "x", "e", `"Aw"`),
		"K15 RSA with its alg":         jwk(&k.rsa.PublicKey, "x", "alg", `"PS384"`),
		"K15 P-256 with its alg":       jwk(&k.ec.PublicKey, "x", "alg", `"ES256"`),
		"K11 Ed25519":                  jwk(k.ed.Public(), "x"),
		"K11 Ed25519 with the alg":     jwk(k.ed.Public(), "x", "alg", `"EdDSA"`),
		"K11 Ed25519 of RFC 9864":      jwk(k.ed.Public(), "x", "alg", `"Ed25519"`),
		"JW-25 use sig":                jwk(&k.rsa.PublicKey, "x", "use", `"sig"`),
		"JW-25 key_ops with verify":    jwk(&k.rsa.PublicKey, "x", "key_ops", `["encrypt","verify"]`),
		"JW-24 unknown members":        jwk(&k.rsa.PublicKey, "x", "zzz", `{"a":[1]}`, "exp", `1`),
		"K18 a kid of 256 bytes":       jwk(&k.rsa.PublicKey, strings.Repeat("k", 256)),
		"K15 a secret of 32 bytes":     `{"kty":"oct","kid":"x","k":` + b64(make([]byte, 32)) + `}`,
		"K11 a key without kid":        jwk(&k.rsa.PublicKey, ""),
		"K11 white space around a key": "\n " + jwk(&k.rsa.PublicKey, "x") + "\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			for _, doc := range [][]byte{set(key), []byte(key)} {
				s, err := jwks.Parse(doc)
				if err != nil {
					t.Fatal(err)
				}
				if len(ids(t, s, "")) != 1 || len(s.Ignored()) != 0 {
					t.Errorf("%d keys, ignored: %v", len(ids(t, s, "")), s.Ignored())
				}
			}
		})
	}
}

// K15: who verifies should not be able to sign.
func TestPrivateKeysAreRefused(t *testing.T) {
	k := testKeys()
	docs := make(map[string][]byte)
	for name, key := range map[string]crypto.PrivateKey{"RSA": k.rsa, "EC": k.ec, "Ed25519": k.ed} {
		der, err := x509.MarshalPKCS8PrivateKey(key)
		if err != nil {
			t.Fatal(err)
		}
		docs[name+" in a JWK"] = []byte(jwk(key, "x"))
		docs[name+" in a set, behind a good key"] = set(jwk(&k.rsa.PublicKey, "good"), jwk(key, "x"))
		for member, value := range map[string]string{"key_ops": `["sign"]`, "use": `"enc"`, "kid": `"` + strings.Repeat("k", 300) + `"`} {
			private := strings.Replace(jwk(key, ""), "{", `{"`+member+`":`+value+`,`, 1)
			docs[name+" with "+member+", behind a good key"] = set(jwk(&k.rsa.PublicKey, "good"), private)
		}
		docs[name+" in PKCS #8"] = pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
	}
	ec, err := x509.MarshalECPrivateKey(k.ec)
	if err != nil {
		t.Fatal(err)
	}
	docs["EC in SEC 1"] = pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: ec})
	docs["RSA in PKCS #1"] = pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(k.rsa)})
	docs["encrypted"] = pem.EncodeToMemory(&pem.Block{Type: "ENCRYPTED PRIVATE KEY", Bytes: ec})
	docs["behind a public key in PEM"] = append(publicPEM(t), docs["EC in SEC 1"]...)
	secret, err := k.ec.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	for name, doc := range docs {
		s, err := jwks.Parse(doc)
		if s != nil || err == nil || !strings.Contains(err.Error(), "private") {
			t.Errorf("K15 %s: %v", name, err)
		}
		if err != nil && (strings.Contains(err.Error(), base64.RawURLEncoding.EncodeToString(secret)) || strings.Contains(err.Error(), "\n")) {
			t.Errorf("N06 %s: %v", name, err)
		}
	}
}

func TestEmptySet(t *testing.T) {
	if s, err := jwks.Parse([]byte(`{"keys":[]}`)); s != nil || err == nil || err.Error() != "jwks: the set is empty" {
		t.Errorf("%v, %v", s, err)
	}
	if s, err := jwks.Parse([]byte(strings.Replace(jwk(&testKeys().rsa.PublicKey, "k"), "{", `{"d":null,`, 1))); err != nil {
		t.Errorf("d null: %v, %v", s, err)
	}
}

func publicPEM(t *testing.T) []byte {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(&testKeys().rsa.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
}

func TestPEM(t *testing.T) {
	k := testKeys()
	cert := func(public, signer any) []byte {
		template := &x509.Certificate{SerialNumber: big.NewInt(1)}
		der, err := x509.CreateCertificate(rand.Reader, template, template, public, signer)
		if err != nil {
			t.Fatal(err)
		}
		return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	}
	pkcs1 := func(key *rsa.PublicKey) []byte {
		return pem.EncodeToMemory(&pem.Block{Type: "RSA PUBLIC KEY", Bytes: x509.MarshalPKCS1PublicKey(key)})
	}
	request := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: []byte("x")})
	broken := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: []byte("x")})
	for _, test := range []struct {
		name          string
		doc           []byte
		keys, ignored int // no keys: an error
	}{
		{"PKIX", publicPEM(t), 1, 0},
		{"PKCS #1", pkcs1(&k.rsa.PublicKey), 1, 0},
		{"a certificate", cert(&k.ec.PublicKey, k.ec), 1, 0},
		{"three of them, with text between", slices.Concat([]byte("the keys:\n"), publicPEM(t), []byte("\nand\n"), pkcs1(&k.rsa.PublicKey), cert(k.ed.Public(), k.ed)), 3, 0},
		{"K15 a weak key beside a good one", slices.Concat(pkcs1(&k.weak.PublicKey), publicPEM(t)), 1, 1},
		{"K15 an RSA key with e = 1", pkcs1(&rsa.PublicKey{N: k.rsa.N, E: 1}), 0, 0},
		{"K15 an RSA key with e = 2", pkcs1(&rsa.PublicKey{N: k.rsa.N, E: 2}), 0, 0},
		{"K15 an RSA key with e = 3", pkcs1(&rsa.PublicKey{N: k.rsa.N, E: 3}), 1, 0},
		{"K15 a weak key", pkcs1(&k.weak.PublicKey), 0, 0},
		{"K15 a certificate of a weak key", cert(&k.weak.PublicKey, k.ec), 0, 0},
		{"a block of another kind beside a key", slices.Concat(request, publicPEM(t)), 1, 1},
		{"a broken block beside a key", slices.Concat(publicPEM(t), broken), 1, 1},
		{"a broken block", broken, 0, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			s, err := jwks.Parse(test.doc)
			if test.keys == 0 {
				if s != nil || err == nil {
					t.Errorf("%v, %v", s, err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			for _, kid := range []string{"", "any"} {
				if got := ids(t, s, kid); len(got) != test.keys || len(s.Ignored()) != test.ignored {
					t.Errorf("%d keys for %q, ignored %v", len(got), kid, s.Ignored())
				}
			}
		})
	}
}

// K12, K15: what is no key set is an error, and never an empty set.
func TestGarbage(t *testing.T) {
	good := jwk(&testKeys().rsa.PublicKey, "k1")
	for _, doc := range []string{
		"", " ", "{}", "null", "[]", `"x"`, "1", "true", `{"error":"x"}`, `{"keys":[]}`, `{"keys":null}`, `{"keys":{}}`, `{"keys":"x"}`, `{"keys":[null]}`, `{"keys":[{}]}`,
		`{"Keys":[` + good + `]}`, `{"keys":[` + good, `{"keys":[` + good + `]}x`, `{"keys":[` + good + `],"keys":[]}`, `{"keys":[],"keys":[` + good + `]}`,
		"[" + good + "]", "<!doctype html><title>Not found</title>", "-----BEGIN PUBLIC KEY-----", "-----BEGIN PUBLIC KEY-----\n-----END PUBLIC KEY-----\n",
		"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIE", "\x00\x01\x02", "\xff\xfe{}", strings.Repeat("[", 100_000), strings.Repeat(`{"keys":`, 20_000),
	} {
		if s, err := jwks.Parse([]byte(doc)); s != nil || err == nil || !strings.HasPrefix(err.Error(), "jwks: ") {
			t.Errorf("K12 %.60q: %v, %v", doc, s, err)
		}
	}
	if _, err := jwks.Parse(nil); err == nil {
		t.Error("K12 nil")
	}
}

// K14, K18: keys are found by their exact id, those without by any.
func TestKeysByID(t *testing.T) {
	k := testKeys()
	s, err := jwks.Parse(set(jwk(&k.rsa.PublicKey, "k1"), jwk(&k.ec.PublicKey, ""), jwk(k.ed.Public(), "K1"), jwk(&k.ec.PublicKey, "k1"), jwk(&k.rsa.PublicKey, "k2")))
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct{ kid, want string }{
		{"", "[k1  K1 k1 k2]"}, {"k1", "[k1 k1 ]"}, {"K1", "[K1 ]"}, {"k2", "[k2 ]"}, {"k3", "[]"}, {"k1 ", "[]"}, {"k", "[]"},
	} {
		if got := fmt.Sprint(ids(t, s, test.kid)); got != test.want {
			t.Errorf("K14, K18 %q: %s, want %s", test.kid, got, test.want)
		}
	}
	all, err := jwks.Parse(set(jwk(&k.rsa.PublicKey, "k1")))
	if err != nil {
		t.Fatal(err)
	}
	if got := ids(t, all, "k2"); got != nil {
		t.Errorf("an id that nobody has: %q", got)
	}
}

// Nobody can change a set through what went in or came out.
func TestSetsDoNotChange(t *testing.T) {
	secret := []byte(strings.Repeat("s", 32))
	s, err := jwks.Secret(secret)
	if err != nil {
		t.Fatal(err)
	}
	secret[0] = 'x'
	keys, err := s.Keys(t.Context(), "any")
	if err != nil || len(keys) != 1 || string(keys[0].Key.([]byte)) != strings.Repeat("s", 32) {
		t.Errorf("%v, %v", keys, err)
	}
	k := testKeys()
	doc := set(jwk(&k.rsa.PublicKey, "k1"), jwk(&k.weak.PublicKey, "weak"))
	if s, err = jwks.Parse(doc); err != nil {
		t.Fatal(err)
	}
	for i := range doc {
		doc[i] = 'x'
	}
	s.Ignored()[0] = nil
	if s.Ignored()[0] == nil || !slices.Equal(ids(t, s, "k1"), []string{"k1"}) {
		t.Errorf("%v, %q", s.Ignored(), ids(t, s, ""))
	}
}
