package tokenendpoint

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// signingKey is a key, its public part, and when it is used.
type signingKey struct {
	signer jose.Signer
	public jose.JSONWebKey // for HS256: the secret
	from   time.Time       // signs from then on; zero: always
	until  time.Time       // published until then; zero: always
}

// newSigningKey takes a private key whose id, if it is "", is its thumbprint
// (RFC 7638).
func newSigningKey(private any, alg jose.SignatureAlgorithm, kid string) (signingKey, error) {
	var k signingKey
	signer, ok := private.(crypto.Signer)
	if !ok {
		return k, errors.New("is not a private key")
	}
	if err := fitsAlgorithm(private, alg); err != nil {
		return k, err
	}
	k.public = jose.JSONWebKey{Key: signer.Public(), KeyID: kid, Algorithm: string(alg), Use: "sig"}
	if kid == "" {
		sum, err := k.public.Thumbprint(crypto.SHA256)
		if err != nil {
			return k, err
		}
		k.public.KeyID = base64.RawURLEncoding.EncodeToString(sum)
	}
	k, err := k.withSigner(jose.JSONWebKey{Key: private, KeyID: k.public.KeyID}, alg)
	if err != nil {
		return k, err
	}
	// A JWK has both halves of a key, which may belong to two keys.
	sig, err := k.signer.Sign(nil)
	if err == nil {
		_, err = sig.Verify(k.public)
	}
	if err != nil {
		return signingKey{}, errors.New("does not verify what it signs")
	}
	return k, nil
}

// same reports whether two keys are one, or have one id.
func (k signingKey) same(other signingKey) bool {
	public, ok := k.public.Key.(interface{ Equal(crypto.PublicKey) bool })
	return k.public.KeyID == other.public.KeyID || ok && public.Equal(other.public.Key)
}

func (k signingKey) withSigner(private jose.JSONWebKey, alg jose.SignatureAlgorithm) (signingKey, error) {
	var err error
	k.signer, err = jose.NewSigner(jose.SigningKey{Algorithm: alg, Key: private}, (&jose.SignerOptions{}).WithType("at+jwt"))
	return k, err
}

func fitsAlgorithm(private any, alg jose.SignatureAlgorithm) error {
	fits := false
	switch key := private.(type) {
	case *ecdsa.PrivateKey:
		fits = alg == jose.ES256 && key.Curve == elliptic.P256()
	case *rsa.PrivateKey:
		if key.N.BitLen() < 2048 || key.N.BitLen() > 4096 {
			return fmt.Errorf("is an RSA key of %d bits: must be 2048 to 4096", key.N.BitLen())
		}
		fits = alg == jose.RS256
	case ed25519.PrivateKey:
		fits = alg == jose.EdDSA
	}
	if !fits {
		return fmt.Errorf("is not for %s (%T)", alg, private)
	}
	return nil
}

func secretKey(secret []byte) (signingKey, error) {
	if len(secret) < 32 {
		return signingKey{}, fmt.Errorf("%d bytes are too short: at least 32", len(secret))
	}
	k := signingKey{public: jose.JSONWebKey{Key: slices.Clone(secret), Algorithm: string(jose.HS256), Use: "sig"}}
	return k.withSigner(jose.JSONWebKey{Key: k.public.Key}, jose.HS256)
}

func generateSigningKey(alg jose.SignatureAlgorithm) (signingKey, error) {
	var private any
	var err error
	switch alg {
	case jose.RS256:
		private, err = rsa.GenerateKey(rand.Reader, 3072)
	case jose.EdDSA:
		_, private, err = ed25519.GenerateKey(rand.Reader)
	default:
		private, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	}
	if err != nil {
		return signingKey{}, err
	}
	return newSigningKey(private, alg, "")
}

// parseSigningKey reads a private JWK or PEM. Its error completes a sentence
// about the key, and shows nothing of it.
func parseSigningKey(data []byte, alg jose.SignatureAlgorithm) (signingKey, error) {
	if trimmed := bytes.TrimSpace(data); len(trimmed) > 0 && trimmed[0] == '{' {
		var jwk jose.JSONWebKey
		if jwk.UnmarshalJSON(trimmed) != nil {
			return signingKey{}, errors.New("is not a JWK")
		}
		if jwk.Algorithm != "" && jwk.Algorithm != string(alg) || jwk.Use != "" && jwk.Use != "sig" {
			return signingKey{}, fmt.Errorf("says that it is not for %s", alg)
		}
		return newSigningKey(jwk.Key, alg, jwk.KeyID)
	}
	block, rest := pem.Decode(data)
	if block == nil || len(bytes.TrimSpace(rest)) > 0 {
		return signingKey{}, errors.New("is neither a JWK nor a single PEM block")
	}
	var private any
	var err error
	switch block.Type {
	case "PRIVATE KEY":
		private, err = x509.ParsePKCS8PrivateKey(block.Bytes)
	case "EC PRIVATE KEY":
		private, err = x509.ParseECPrivateKey(block.Bytes)
	case "RSA PRIVATE KEY":
		private, err = x509.ParsePKCS1PrivateKey(block.Bytes)
	default:
		err = errors.New("type")
	}
	if err != nil {
		return signingKey{}, fmt.Errorf("is not a private key (PEM block %q)", block.Type)
	}
	return newSigningKey(private, alg, "")
}
