package main

import (
	"context"
	"crypto"
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
	"errors"
	"fmt"
	"os"
)

const newKeyUsage = `usage: authstar keys new [-alg ES256|RS256|EdDSA] [-format jwk|pem]
                         [-out FILE] [-public FILE]

Makes a private key to sign tokens with, for tokenendpoint.SignerConfig.Keys.

  -alg      what it signs by; ES256 unless told otherwise. RS256 has 3,072 bits
  -format   jwk (RFC 7517) unless told otherwise, or pem (PKCS #8)
  -out      where the private key goes: a new file that only its owner may read;
            without, to the standard output
  -public   a new file for the public part, for those who verify: a JWK set, or
            PEM

The key id is the thumbprint of the key (RFC 7638), which a signer uses for PEM as
well. No file is overwritten.
`

// jwk is a JSON Web Key (RFC 7517, 7518 section 6, RFC 8037).
type jwk struct {
	Type  string `json:"kty"`
	Curve string `json:"crv,omitempty"`
	X     string `json:"x,omitempty"`
	Y     string `json:"y,omitempty"`
	N     string `json:"n,omitempty"`
	E     string `json:"e,omitempty"`
	privatePart
	Use       string `json:"use,omitempty"`
	Algorithm string `json:"alg,omitempty"`
	ID        string `json:"kid,omitempty"`
}

type privatePart struct {
	D  string `json:"d,omitempty"`
	P  string `json:"p,omitempty"`
	Q  string `json:"q,omitempty"`
	DP string `json:"dp,omitempty"`
	DQ string `json:"dq,omitempty"`
	QI string `json:"qi,omitempty"`
}

func newKey(_ context.Context, c *console, f *flags, args []string) error {
	alg, format := f.String("alg", "ES256", ""), f.String("format", "jwk", "")
	out, public := f.String("out", "", ""), f.String("public", "", "")
	if err := f.parse(args); err != nil {
		return err
	}
	if *format != "jwk" && *format != "pem" {
		return misuse("-format must be jwk or pem")
	}
	key, err := generate(*alg)
	if err != nil {
		return err
	}
	described, err := describe(key, *alg)
	if err != nil {
		return err
	}
	private, open, err := encode(key, described, *format)
	if err != nil {
		return err
	}
	if *public != "" {
		if err := createFile(*public, 0o644, open); err != nil {
			return err
		}
	}
	if *out == "" {
		err = c.print(string(private))
	} else {
		err = createFile(*out, 0o600, private)
	}
	if err != nil {
		if *public != "" { // of a key that nobody has
			err = errors.Join(err, os.Remove(*public))
		}
		return err
	}
	c.say("%s, kid %s\n", *alg, described.ID)
	return nil
}

func generate(alg string) (crypto.Signer, error) {
	switch alg {
	case "ES256":
		return ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case "RS256":
		return rsa.GenerateKey(rand.Reader, 3072)
	case "EdDSA":
		_, key, err := ed25519.GenerateKey(rand.Reader)
		return key, err
	}
	return nil, misuse("-alg must be ES256, RS256 or EdDSA")
}

// describe makes the private JWK of a key.
func describe(key crypto.Signer, alg string) (jwk, error) {
	encode := base64.RawURLEncoding.EncodeToString
	k := jwk{}
	switch key := key.(type) {
	case *ecdsa.PrivateKey:
		point, err := key.PublicKey.Bytes() // 4, x, y
		if err != nil {
			return k, err
		}
		d, err := key.Bytes()
		if err != nil {
			return k, err
		}
		size := len(point) / 2
		k = jwk{Type: "EC", Curve: "P-256", X: encode(point[1 : 1+size]), Y: encode(point[1+size:])}
		k.D = encode(d)
	case ed25519.PrivateKey:
		k = jwk{Type: "OKP", Curve: "Ed25519", X: encode(key.Public().(ed25519.PublicKey))}
		k.D = encode(key.Seed())
	case *rsa.PrivateKey:
		key.Precompute()
		exponent := []byte{byte(key.E >> 16), byte(key.E >> 8), byte(key.E)} // 65537
		k = jwk{Type: "RSA", N: encode(key.N.Bytes()), E: encode(exponent)}
		pre := &key.Precomputed
		k.privatePart = privatePart{
			encode(key.D.Bytes()), encode(key.Primes[0].Bytes()), encode(key.Primes[1].Bytes()),
			encode(pre.Dp.Bytes()), encode(pre.Dq.Bytes()), encode(pre.Qinv.Bytes()),
		}
	}
	sum := sha256.Sum256([]byte(k.thumbprintInput()))
	k.Use, k.Algorithm, k.ID = "sig", alg, encode(sum[:])
	return k, nil
}

// thumbprintInput is the required members in their order (RFC 7638 section 3.2,
// RFC 8037 section 2).
func (k jwk) thumbprintInput() string {
	switch k.Type {
	case "EC":
		return fmt.Sprintf(`{"crv":%q,"kty":%q,"x":%q,"y":%q}`, k.Curve, k.Type, k.X, k.Y)
	case "OKP":
		return fmt.Sprintf(`{"crv":%q,"kty":%q,"x":%q}`, k.Curve, k.Type, k.X)
	}
	return fmt.Sprintf(`{"e":%q,"kty":%q,"n":%q}`, k.E, k.Type, k.N)
}

// encode returns the private key and its public part as they are stored.
func encode(key crypto.Signer, k jwk, format string) (private, public []byte, err error) {
	if format == "pem" {
		if private, err = x509.MarshalPKCS8PrivateKey(key); err != nil {
			return nil, nil, err
		}
		if public, err = x509.MarshalPKIXPublicKey(key.Public()); err != nil {
			return nil, nil, err
		}
		return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}),
			pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public}), nil
	}
	if private, err = json.Marshal(k); err != nil {
		return nil, nil, err
	}
	k.privatePart = privatePart{}
	public, err = json.Marshal(map[string][]jwk{"keys": {k}})
	return append(private, '\n'), append(public, '\n'), err
}
