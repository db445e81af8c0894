package main

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	"math/big"
)

// bare is the limit: the standard library's check of a signature, with hashing,
// of tokens that were taken apart beforehand.
func bare(i *issuer, alg string, tokens []string) func(n int) bool {
	inputs, signatures := make([][]byte, len(tokens)), make([][]byte, len(tokens))
	for n, token := range tokens {
		input, signature := split(token)
		inputs[n], signatures[n] = []byte(input), signature
	}
	public := i.keys[alg].Public()
	return func(n int) bool {
		input, signature := inputs[n], signatures[n]
		switch key := public.(type) {
		case *rsa.PublicKey:
			sum := sha256.Sum256(input)
			return rsa.VerifyPKCS1v15(key, crypto.SHA256, sum[:], signature) == nil
		case *ecdsa.PublicKey:
			sum := sha256.Sum256(input)
			r, s := new(big.Int).SetBytes(signature[:32]), new(big.Int).SetBytes(signature[32:])
			return ecdsa.Verify(key, sum[:], r, s)
		case ed25519.PublicKey:
			return ed25519.Verify(key, input, signature)
		}
		return false
	}
}
