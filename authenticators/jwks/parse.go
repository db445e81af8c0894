package jwks

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/json"
)

// maxKeyID is the length of the longest key id that is looked at, in bytes.
const maxKeyID = 256

var errPrivate = errors.New("is a private key; verifying needs its public part")

// parsed is a key document: what is usable, and why the rest is not.
type parsed struct {
	list
	ignored []error
}

// parse reads a JWK set, a JWK or PEM. It fails when the document is none of
// these.
func parse(data []byte) (parsed, error) {
	if trimmed := bytes.TrimSpace(data); len(trimmed) > 0 && trimmed[0] == '{' {
		return parseJSON(trimmed)
	}
	return parsePEM(data)
}

func parseJSON(data []byte) (parsed, error) {
	var p parsed
	var doc struct {
		Keys *[]json.RawMessage `json:"keys"`
		Type string             `json:"kty"`
	}
	if err := json.Unmarshal(data, &doc); err != nil {
		return p, fmt.Errorf("not a JWK set: %w", err)
	}
	list := []json.RawMessage{data}
	switch {
	case doc.Keys != nil:
		list = *doc.Keys
	case doc.Type == "":
		return p, errors.New(`not a JWK set: neither "keys" nor "kty"`)
	}
	for i, raw := range list {
		key, issuer, err := parseKey(raw)
		if err != nil {
			p.ignored = append(p.ignored, fmt.Errorf("key %d %w", i+1, err))
			continue
		}
		p.add(key, issuer)
	}
	return p, nil
}

// parseKey reads one JWK, and the issuer that it is said to be of. Its error
// completes a sentence about the key.
func parseKey(raw []byte) (key jose.JSONWebKey, issuer string, err error) {
	var head struct {
		Type       string          `json:"kty"`
		ID         string          `json:"kid"`
		Use        string          `json:"use"`
		Operations *[]string       `json:"key_ops"`
		Private    json.RawMessage `json:"d"`
		Issuer     any             `json:"issuer"`
	}
	if err := json.Unmarshal(raw, &head); err != nil {
		return key, "", fmt.Errorf("is malformed: %w", err)
	}
	about := func(err error) error { return fmt.Errorf("(kid %.64q, kty %.16q) %w", head.ID, head.Type, err) }
	switch {
	case len(head.Private) > 0 && string(head.Private) != "null":
		return key, "", about(errPrivate)
	case len(head.ID) > maxKeyID:
		return key, "", about(fmt.Errorf("has an id of more than %d bytes", maxKeyID))
	case head.Use != "" && head.Use != "sig":
		return key, "", about(fmt.Errorf("is for use %.16q", head.Use))
	case head.Operations != nil && !slices.Contains(*head.Operations, "verify"):
		return key, "", about(errors.New(`has key_ops without "verify"`))
	}
	if err := key.UnmarshalJSON(raw); err != nil {
		return key, "", about(fmt.Errorf("cannot be used: %w", err))
	}
	if err := usable(key); err != nil {
		return key, "", about(err)
	}
	// What the certificates say is nobody's business here, and keeps memory.
	key.Certificates, key.CertificatesURL = nil, nil
	if head.Issuer != nil {
		issuer = fmt.Sprint(head.Issuer) // what is no text is nobody's issuer
	}
	return key, issuer, nil
}

func parsePEM(data []byte) (parsed, error) {
	var p parsed
	for n := 1; ; n++ {
		var block *pem.Block
		if block, data = pem.Decode(data); block == nil {
			if n == 1 {
				return p, errors.New("neither a JWK set, a JWK nor PEM")
			}
			return p, nil
		}
		key, err := parseBlock(block)
		if err == nil {
			err = usable(key)
		}
		if err != nil {
			p.ignored = append(p.ignored, fmt.Errorf("PEM block %d (%.32q) %w", n, block.Type, err))
			continue
		}
		p.add(key, "")
	}
}

func parseBlock(block *pem.Block) (jose.JSONWebKey, error) {
	var key any
	var err error
	switch block.Type {
	case "PUBLIC KEY":
		key, err = x509.ParsePKIXPublicKey(block.Bytes)
	case "RSA PUBLIC KEY":
		key, err = x509.ParsePKCS1PublicKey(block.Bytes)
	case "CERTIFICATE":
		var cert *x509.Certificate
		if cert, err = x509.ParseCertificate(block.Bytes); err == nil {
			key = cert.PublicKey
		}
	default:
		if err = errors.New("is neither a public key nor a certificate"); strings.HasSuffix(block.Type, "PRIVATE KEY") {
			err = errPrivate
		}
	}
	return jose.JSONWebKey{Key: key}, err
}

// usable refuses keys that nothing should be verified with (RFC 8725 sections
// 3.2 and 3.4), and algorithms that do not fit their key.
func usable(key jose.JSONWebKey) error {
	switch k := key.Key.(type) {
	case *rsa.PublicKey:
		if k.N.BitLen() < 2048 {
			return fmt.Errorf("is an RSA key of %d bits: at least 2048", k.N.BitLen())
		}
		if k.E < 3 || k.E%2 == 0 {
			return errors.New("is an RSA key with an unusable exponent")
		}
		return fits(key.Algorithm, "RS256", "RS384", "RS512", "PS256", "PS384", "PS512")
	case *ecdsa.PublicKey:
		switch k.Curve.Params().BitSize {
		case 256:
			return fits(key.Algorithm, "ES256")
		case 384:
			return fits(key.Algorithm, "ES384")
		case 521:
			return fits(key.Algorithm, "ES512")
		}
		return errors.New("is on an unknown curve")
	case ed25519.PublicKey:
		return fits(key.Algorithm, "EdDSA", "Ed25519")
	case []byte:
		if len(k) < 32 {
			return fmt.Errorf("is a secret of %d bytes: at least 32", len(k))
		}
		return fits(key.Algorithm, "HS256", "HS384", "HS512")
	case *rsa.PrivateKey, *ecdsa.PrivateKey, ed25519.PrivateKey:
		return errPrivate
	}
	return fmt.Errorf("is of a type that signs no tokens (%T)", key.Key)
}

func fits(algorithm string, known ...string) error {
	if algorithm == "" || slices.Contains(known, algorithm) {
		return nil
	}
	return fmt.Errorf("has an algorithm that does not fit it: %.16q", algorithm)
}
