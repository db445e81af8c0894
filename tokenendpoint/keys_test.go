package tokenendpoint_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"strings"
	"sync"
	"testing"

	"github.com/go-jose/go-jose/v4"

	"github.com/authstar/authstar/tokenendpoint"
)

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

var (
	rsaKey = sync.OnceValue(newRSAKey)
	ecKey  = sync.OnceValue(newECKey)
	edKey  = sync.OnceValue(newEdKey)
)

func newRSAKey() *rsa.PrivateKey { return must(rsa.GenerateKey(rand.Reader, 2048)) }

func newECKey() *ecdsa.PrivateKey { return must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader)) }

func newEdKey() ed25519.PrivateKey {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	return must(key, err)
}

func pemOf(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}

func pkcs8(key any) []byte { return pemOf("PRIVATE KEY", must(x509.MarshalPKCS8PrivateKey(key))) }

func sec1(key *ecdsa.PrivateKey) []byte {
	return pemOf("EC PRIVATE KEY", must(x509.MarshalECPrivateKey(key)))
}

func pkcs1(key *rsa.PrivateKey) []byte {
	return pemOf("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(key))
}

func jwk(key jose.JSONWebKey) []byte { return must(key.MarshalJSON()) }

// privateKeys has one key for each algorithm, in every form that it has.
func privateKeys() map[string]map[string][]byte {
	return map[string]map[string][]byte{
		"ES256": {"JWK": jwk(jose.JSONWebKey{Key: ecKey()}), "PKCS #8": pkcs8(ecKey()), "SEC 1": sec1(ecKey())},
		"RS256": {"JWK": jwk(jose.JSONWebKey{Key: rsaKey()}), "PKCS #8": pkcs8(rsaKey()), "PKCS #1": pkcs1(rsaKey())},
		"EdDSA": {"JWK": jwk(jose.JSONWebKey{Key: edKey()}), "PKCS #8": pkcs8(edKey())},
	}
}

// keyMaterial is what no log may show of the key.
func keyMaterial(t *testing.T, alg string) []string {
	t.Helper()
	var members map[string]string
	if err := json.Unmarshal(privateKeys()[alg]["JWK"], &members); err != nil {
		t.Fatal(err)
	}
	var list []string
	for _, name := range []string{"d", "p", "q", "dp", "dq", "qi"} {
		if value := members[name]; value != "" {
			list = append(list, value, string(must(base64.RawURLEncoding.DecodeString(value))))
		}
	}
	return list
}

// keyMaterialOf is the member "d" of the key.
func keyMaterialOf(key *ecdsa.PrivateKey) string {
	return base64.RawURLEncoding.EncodeToString(must(key.Bytes()))
}

// thumbprint follows RFC 7638 section 3 by the letter.
func thumbprint(t *testing.T, public []byte) string {
	t.Helper()
	var members map[string]string
	if err := json.Unmarshal(public, &members); err != nil {
		t.Fatal(err)
	}
	required := map[string][]string{"EC": {"crv", "kty", "x", "y"}, "RSA": {"e", "kty", "n"}, "OKP": {"crv", "kty", "x"}}[members["kty"]]
	var pairs []string
	for _, name := range required {
		pairs = append(pairs, fmt.Sprintf("%q:%q", name, members[name]))
	}
	sum := sha256.Sum256([]byte("{" + strings.Join(pairs, ",") + "}"))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// JW-27: the vector of RFC 7638 section 3.1.
func TestThumbprintVector(t *testing.T) {
	const vector = `{"kty":"RSA","n":"0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw","e":"AQAB","alg":"RS256","kid":"2011-04-29"}`
	if got := thumbprint(t, []byte(vector)); got != "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs" {
		t.Errorf("JW-27: %s", got)
	}
}

// JW-27: the id of a key is its thumbprint, in whatever form it came.
func TestKeyIDIsTheThumbprint(t *testing.T) {
	for alg, forms := range privateKeys() {
		var private jose.JSONWebKey
		if err := private.UnmarshalJSON(forms["JWK"]); err != nil {
			t.Fatal(err)
		}
		public := private.Public()
		want := thumbprint(t, jwk(public))
		for form, key := range forms {
			t.Run(alg+" as "+form, func(t *testing.T) {
				config := signerConfig()
				config.Algorithm, config.Keys = alg, [][]byte{key}
				signer := newSigner(t, config)
				header, _ := mint(t, signer)
				if header["kid"] != want || header["alg"] != alg {
					t.Errorf("JW-27: %v, want the kid %s", header, want)
				}
				verify(t, signer, mintToken(t, signer))
			})
		}
	}
}

func TestKeyIDOfTheApplication(t *testing.T) {
	config := signerConfig()
	config.Keys = [][]byte{jwk(jose.JSONWebKey{Key: ecKey(), KeyID: "mine", Use: "sig", Algorithm: "ES256"})}
	if header, _ := mint(t, newSigner(t, config)); header["kid"] != "mine" {
		t.Errorf("%v", header)
	}
}

func TestFirstKeySignsAndAllArePublished(t *testing.T) {
	first, second := newECKey(), newECKey()
	config := signerConfig()
	config.Keys = [][]byte{sec1(first), pkcs8(second)}
	signer := newSigner(t, config)
	older := config
	older.Keys = [][]byte{pkcs8(second)}
	keys, err := signer.Keys(t.Context(), "")
	if err != nil || len(keys) != 2 {
		t.Fatalf("%v %v", keys, err)
	}
	if header, _ := mint(t, signer); header["kid"] != keys[0].KeyID || !first.PublicKey.Equal(keys[0].Key) {
		t.Errorf("signed by %v", header)
	}
	verify(t, signer, mintToken(t, signer))
	verify(t, signer, mintToken(t, newSigner(t, older)))
	if one, _ := signer.Keys(t.Context(), keys[1].KeyID); len(one) != 1 || one[0].KeyID != keys[1].KeyID {
		t.Errorf("by its id: %v", one)
	}
	if none, err := signer.Keys(t.Context(), "other"); len(none) > 0 || err != nil {
		t.Errorf("by another id: %v %v", none, err)
	}
}

// Every fault is told in a sentence that shows nothing of the key.
func TestBadKeys(t *testing.T) {
	p384 := must(ecdsa.GenerateKey(elliptic.P384(), rand.Reader))
	small := must(rsa.GenerateKey(rand.Reader, 1024))
	other := newECKey()
	mismatch := bytes.Replace(jwk(jose.JSONWebKey{Key: other}), []byte(keyMaterialOf(other)), []byte(keyMaterialOf(ecKey())), 1)
	public := must(x509.MarshalPKIXPublicKey(ecKey().Public()))
	secret := jwk(jose.JSONWebKey{Key: []byte(hmacSecret)})
	for _, row := range []struct {
		name, alg string
		key       []byte
		want      string
	}{
		{"a public key as PEM", "ES256", pemOf("PUBLIC KEY", public), "is not a private key"},
		{"a public key as JWK", "ES256", jwk(jose.JSONWebKey{Key: ecKey().Public()}), "is not a private key"},
		{"a public key that is called private", "ES256", pemOf("PRIVATE KEY", public), "is not a private key"},
		{"a secret", "ES256", secret, "is not a private key"},
		{"another curve as PEM", "ES256", sec1(p384), "is not for ES256"},
		{"another curve as JWK", "ES256", jwk(jose.JSONWebKey{Key: p384}), "is not for ES256"},
		{"an RSA key for ES256", "ES256", pkcs1(rsaKey()), "is not for ES256"},
		{"an RSA key for EdDSA", "EdDSA", pkcs8(rsaKey()), "is not for EdDSA"},
		{"an EC key for RS256", "RS256", sec1(ecKey()), "is not for RS256"},
		{"an EC key for EdDSA", "EdDSA", pkcs8(ecKey()), "is not for EdDSA"},
		{"an Ed25519 key for ES256", "ES256", pkcs8(edKey()), "is not for ES256"},
		{"JW-03 an RSA key of 1024 bits as PKCS #1", "RS256", pkcs1(small), "1024 bits"},
		{"JW-03 an RSA key of 1024 bits as JWK", "RS256", jwk(jose.JSONWebKey{Key: small}), "1024 bits"},
		{"JW-02 a JWK for another algorithm", "ES256", jwk(jose.JSONWebKey{Key: ecKey(), Algorithm: "ES384"}), "says that it is not for ES256"},
		{"JW-25 a JWK for encryption", "ES256", jwk(jose.JSONWebKey{Key: ecKey(), Use: "enc"}), "says that it is not for ES256"},
		{"a JWK whose halves belong to two keys", "ES256", mismatch, "does not verify"},
		{"a JWK set", "ES256", must(json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: ecKey()}}})), "is not a JWK"},
		{"half of a JWK", "ES256", privateKeys()["ES256"]["JWK"][:100], "is not a JWK"},
		{"two keys in one file", "ES256", append(sec1(ecKey()), sec1(other)...), "single PEM block"},
		{"a damaged PEM block", "ES256", pemOf("EC PRIVATE KEY", must(x509.MarshalECPrivateKey(ecKey()))[:40]), "is not a private key"},
		{"an encrypted key", "ES256", pemOf("ENCRYPTED PRIVATE KEY", []byte("x")), "is not a private key"},
		{"a certificate", "ES256", pemOf("CERTIFICATE", []byte("x")), "is not a private key"},
		{"nothing", "ES256", nil, "neither a JWK nor"},
		{"a password", "ES256", []byte(hmacSecret), "neither a JWK nor"},
	} {
		t.Run(row.name, func(t *testing.T) {
			config := signerConfig()
			config.Algorithm, config.Keys = row.alg, [][]byte{row.key}
			signer, err := tokenendpoint.NewSigner(config)
			if err == nil || signer != nil {
				t.Fatal("the signer was made")
			}
			rotated := newSigner(t, signerConfigFor(row.alg))
			errs := []error{err}
			if row.key != nil { // nil asks for a new one
				errs = append(errs, rotated.Rotate(row.key))
			}
			for _, err := range errs {
				if err == nil || !strings.HasPrefix(err.Error(), "tokenendpoint: ") || !strings.Contains(err.Error(), row.want) {
					t.Errorf("%v, want %q", err, row.want)
				}
				checkSilent(t, "the error", fmt.Sprint(err), append(keyMaterial(t, row.alg), hmacSecret)...)
				if len(row.key) > 0 && err != nil && len(err.Error()) > 200 {
					t.Errorf("the error says too much: %v", err)
				}
			}
			if keys, _ := rotated.Keys(t.Context(), ""); len(keys) != 1 {
				t.Errorf("a refused key is published: %d keys", len(keys))
			}
		})
	}
}

// JW-03.
func TestSizesOfRSAKeys(t *testing.T) {
	// Primes with names that are short, since finding such a key takes seconds.
	p2048, p2049 := primeBelow(1<<2, 2046, 1557), primeBelow(1<<2, 2047, 1449)
	q2048 := primeBelow(3, 2046, 43)
	for _, row := range []struct {
		name string
		key  *rsa.PrivateKey
		err  string
	}{
		{"2048 bits are enough", rsaKey(), ""},
		{"4096 bits are as many as there may be", rsaKeyOf(p2048, q2048), ""},
		{"4097 bits are too many", rsaKeyOf(p2049, q2048), "an RSA key of 4097 bits"},
	} {
		t.Run("JW-03 "+row.name, func(t *testing.T) {
			config := signerConfig()
			config.Algorithm, config.Keys = "RS256", [][]byte{pkcs1(row.key)}
			signer, err := tokenendpoint.NewSigner(config)
			if row.err != "" {
				if signer != nil || err == nil || !strings.Contains(err.Error(), row.err) {
					t.Errorf("%v", err)
				}
			} else if err != nil {
				t.Error(err)
			} else {
				verify(t, signer, mintToken(t, signer))
			}
		})
	}
}

// primeBelow is a * 2^exponent - c, which the caller knows to be prime.
func primeBelow(a int64, exponent uint, c int64) *big.Int {
	n := new(big.Int).Lsh(big.NewInt(a), exponent)
	return n.Sub(n, big.NewInt(c))
}

func rsaKeyOf(p, q *big.Int) *rsa.PrivateKey {
	one, e := big.NewInt(1), big.NewInt(65537)
	phi := new(big.Int).Mul(new(big.Int).Sub(p, one), new(big.Int).Sub(q, one))
	key := &rsa.PrivateKey{
		PublicKey: rsa.PublicKey{N: new(big.Int).Mul(p, q), E: 65537},
		D:         new(big.Int).ModInverse(e, phi), Primes: []*big.Int{p, q},
	}
	key.Precompute()
	return key
}

func signerConfigFor(alg string) tokenendpoint.SignerConfig {
	config := signerConfig()
	config.Algorithm, config.Keys = alg, [][]byte{privateKeys()[alg]["PKCS #8"]}
	return config
}

func TestOneKeyTwice(t *testing.T) {
	other := newECKey()
	for name, keys := range map[string][][]byte{
		"in two forms":      {sec1(ecKey()), jwk(jose.JSONWebKey{Key: ecKey()})},
		"under two ids":     {jwk(jose.JSONWebKey{Key: ecKey(), KeyID: "a"}), jwk(jose.JSONWebKey{Key: ecKey(), KeyID: "b"})},
		"two under one id":  {jwk(jose.JSONWebKey{Key: ecKey(), KeyID: "a"}), jwk(jose.JSONWebKey{Key: other, KeyID: "a"})},
		"with one in front": {sec1(other), sec1(ecKey()), sec1(ecKey())},
	} {
		config := signerConfig()
		config.Keys = keys
		if _, err := tokenendpoint.NewSigner(config); err == nil {
			t.Errorf("a key %s: the signer was made", name)
		}
		config.Keys = keys[:len(keys)-1]
		if err := newSigner(t, config).Rotate(keys[len(keys)-1]); err == nil {
			t.Errorf("a key %s: rotated", name)
		}
	}
}

// Generated keys are told of in one line, which names them and shows nothing.
func TestGeneratedKeyIsLogged(t *testing.T) {
	for _, alg := range []string{"", "ES256", "EdDSA", "RS256"} {
		if alg == "RS256" && testing.Short() {
			continue
		}
		config, logs := loggingConfig()
		config.Algorithm, config.Keys = alg, nil
		signer := newSigner(t, config)
		keys, _ := signer.Keys(t.Context(), "")
		lines := bytes.Split(bytes.TrimSpace(logs.Bytes()), []byte("\n"))
		if len(keys) != 1 || len(lines) != 1 || !bytes.Contains(lines[0], []byte(keys[0].KeyID)) || !bytes.Contains(lines[0], []byte(`"level":"WARN"`)) {
			t.Fatalf("O37: %s: %q for the keys %v", alg, lines, keys)
		}
		var line map[string]any
		if err := json.Unmarshal(lines[0], &line); err != nil || line["kid"] != keys[0].KeyID || line["algorithm"] != keys[0].Algorithm {
			t.Errorf("O37: %v %v", line, err)
		}
		if len(lines[0]) > 300 {
			t.Errorf("O37: a long line: %s", lines[0])
		}
		verify(t, signer, mintToken(t, signer))
	}
	config, logs := loggingConfig()
	newSigner(t, config)
	if logs.Len() > 0 {
		t.Errorf("a line about a key that was given: %s", logs)
	}
}
