package main

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
)

const (
	issuerURL = "https://id.example.com/tenants/acme"
	audience  = "https://api.example.com"
	subject   = "8f14e45f-ceea-467f-a8c7-9b0e6a1b2c3d"
	scope     = "orders:read orders:write"
	lifetime  = 24 * time.Hour
	tokenSize = 800
)

var algorithms = []string{"RS256", "ES256", "EdDSA"}

// issuer signs access tokens with one key for each algorithm.
type issuer struct {
	keys    map[string]crypto.Signer
	padding map[string]int
	signers map[string]jose.Signer
	set     []byte // the public keys, as a JWK set
}

// newIssuer makes keys with new ids; those of two generations differ.
func newIssuer(generation string) (*issuer, error) {
	i := &issuer{keys: make(map[string]crypto.Signer), padding: make(map[string]int), signers: make(map[string]jose.Signer)}
	var err error
	if i.keys["RS256"], err = rsa.GenerateKey(rand.Reader, 2048); err != nil {
		return nil, err
	}
	if i.keys["ES256"], err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		return nil, err
	}
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	i.keys["EdDSA"] = private
	var set jose.JSONWebKeySet
	for _, alg := range algorithms {
		kid := generation + "-" + strings.ToLower(alg)
		set.Keys = append(set.Keys, jose.JSONWebKey{Key: i.keys[alg].Public(), KeyID: kid, Algorithm: alg, Use: "sig"})
		key := jose.SigningKey{Algorithm: jose.SignatureAlgorithm(alg), Key: jose.JSONWebKey{Key: i.keys[alg], KeyID: kid}}
		if i.signers[alg], err = jose.NewSigner(key, new(jose.SignerOptions).WithType("at+jwt")); err != nil {
			return nil, err
		}
		if err := i.pad(alg); err != nil {
			return nil, err
		}
	}
	i.set, err = json.Marshal(set)
	return i, err
}

// claims are those of an access token, as RFC 9068 has them.
func claims(n int) map[string]any {
	now := time.Now()
	return map[string]any{
		"iss": issuerURL, "sub": subject, "aud": audience, "client_id": "web",
		"iat": now.Unix(), "exp": now.Add(lifetime).Unix(), "jti": fmt.Sprintf("t-%08d", n), "scope": scope,
	}
}

// token makes the nth access token, of tokenSize.
func (i *issuer) token(alg string, n int) (string, error) {
	c := claims(n)
	c["note"] = strings.Repeat("n", i.padding[alg])
	return i.sign(alg, c)
}

// pad finds out how much is missing to tokenSize.
func (i *issuer) pad(alg string) error {
	short, err := i.token(alg, 0)
	i.padding[alg] = max(0, (tokenSize-len(short))*3/4)
	return err
}

func (i *issuer) tokens(alg string, n int) ([]string, error) {
	list := make([]string, n)
	for k := range list {
		var err error
		if list[k], err = i.token(alg, k); err != nil {
			return nil, err
		}
	}
	return list, nil
}

func (i *issuer) sign(alg string, c map[string]any) (string, error) {
	payload, err := json.Marshal(c)
	if err != nil {
		return "", err
	}
	jws, err := i.signers[alg].Sign(payload)
	if err != nil {
		return "", err
	}
	return jws.CompactSerialize()
}

// split returns what is signed, and the signature.
func split(token string) (input string, signature []byte) {
	dot := strings.LastIndexByte(token, '.')
	signature, _ = base64.RawURLEncoding.DecodeString(token[dot+1:])
	return token[:dot], signature
}

// tampered is the token with another signature; every n gives another one.
func tampered(token string, n int) string {
	input, signature := split(token)
	copy(signature[8:], fmt.Sprintf("%08d", n))
	return input + "." + base64.RawURLEncoding.EncodeToString(signature)
}

// forger makes tokens with key ids that no issuer has.
func forger() func(kid string) string {
	payload, _ := json.Marshal(claims(0)) // never fails
	encode := base64.RawURLEncoding.EncodeToString
	rest := "." + encode(payload) + "." + encode(make([]byte, 64))
	return func(kid string) string {
		return encode(fmt.Appendf(nil, `{"alg":"ES256","kid":%q,"typ":"at+jwt"}`, kid)) + rest
	}
}
