package jwks_test

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"testing"

	"github.com/authstar/authstar/authenticators/jwks"
)

// X16: FuzzJWKS reads any document. Every key that is accepted is fit to verify
// signatures, and is found by its own id only.
func FuzzJWKS(f *testing.F) {
	k := testKeys()
	good := jwk(&k.rsa.PublicKey, "k1", "use", `"sig"`, "alg", `"RS256"`, "key_ops", `["verify"]`)
	f.Add(set(good, jwk(&k.ec.PublicKey, "k1"), jwk(k.ed.Public(), "")), "k1")
	f.Add([]byte(good), "k1")
	f.Add(set(jwk(&k.weak.PublicKey, "weak"), `null`, `{"kty":"oct","kid":"s","k":`+b64(make([]byte, 32))+`}`), "s")
	f.Add(set(jwk(k.ec, "private")), "private")
	f.Add([]byte("-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n-----END PUBLIC KEY-----\n"), "x")
	f.Add([]byte(`{"keys":[],"keys":[]}`), "")
	f.Fuzz(func(t *testing.T, doc []byte, kid string) {
		s, err := jwks.Parse(doc)
		if (s == nil) == (err == nil) {
			t.Fatalf("%v and %v", s, err)
		}
		if err != nil {
			return
		}
		all, err := s.Keys(t.Context(), "")
		if err != nil || len(all) == 0 {
			t.Fatalf("%d keys, %v", len(all), err)
		}
		for _, key := range all {
			if !fitToVerify(key.Key) || key.Use != "" && key.Use != "sig" || key.Algorithm == "none" {
				t.Fatalf("accepted %T, use %q, alg %q", key.Key, key.Use, key.Algorithm)
			}
			found, _ := s.Keys(t.Context(), key.KeyID)
			if len(found) == 0 {
				t.Fatalf("a key is not found by its id %q", key.KeyID)
			}
		}
		if kid == "" {
			return
		}
		found, err := s.Keys(t.Context(), kid)
		for _, key := range found {
			if key.KeyID != kid && key.KeyID != "" || err != nil {
				t.Fatalf("%q is found by %q, %v", key.KeyID, kid, err)
			}
		}
	})
}

func fitToVerify(key any) bool {
	switch key := key.(type) {
	case *rsa.PublicKey:
		return key.N.BitLen() >= 2048 && key.E >= 3 && key.E%2 == 1
	case *ecdsa.PublicKey:
		_, err := key.ECDH() // checks the point
		return err == nil
	case ed25519.PublicKey:
		return len(key) == ed25519.PublicKeySize
	case []byte:
		return len(key) >= 32
	}
	return false
}
