package authstartest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	_ "crypto/sha256" // for crypto.Hash
	_ "crypto/sha512"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/go-jose/go-jose/v4"
)

// key is a key of the issuer. One of an unknown kind has no private part.
type key struct {
	id, algorithm string
	private       crypto.Signer
	public        json.RawMessage
}

func newKey(id, algorithm string) (key, error) {
	k := key{id: id, algorithm: algorithm}
	var err error
	switch algorithm {
	case "RS256", "RS384", "RS512", "PS256", "PS384", "PS512":
		k.private, err = rsa.GenerateKey(rand.Reader, 2048)
	case "ES256":
		k.private, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case "ES384":
		k.private, err = ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	case "ES512":
		k.private, err = ecdsa.GenerateKey(elliptic.P521(), rand.Reader)
	case "EdDSA":
		_, k.private, err = ed25519.GenerateKey(rand.Reader)
	default:
		err = fmt.Errorf("the algorithm %q is none of RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, ES512 and EdDSA", algorithm)
	}
	if err != nil {
		return k, err
	}
	jwk := jose.JSONWebKey{Key: k.private.Public(), KeyID: id, Algorithm: algorithm, Use: "sig"}
	k.public, err = jwk.MarshalJSON()
	return k, err
}

// sign makes the signature of a JWS (RFC 7518 section 3). go-jose would refuse
// some of the headers that tests want to have signed.
func (k key) sign(input []byte) ([]byte, error) {
	if k.algorithm == "EdDSA" {
		return k.private.Sign(rand.Reader, input, crypto.Hash(0))
	}
	hash := map[string]crypto.Hash{"256": crypto.SHA256, "384": crypto.SHA384, "512": crypto.SHA512}[k.algorithm[2:]]
	h := hash.New()
	_, _ = h.Write(input)
	digest := h.Sum(nil)
	switch private := k.private.(type) {
	case *ecdsa.PrivateKey:
		r, s, err := ecdsa.Sign(rand.Reader, private, digest)
		if err != nil {
			return nil, err
		}
		size := (private.Params().BitSize + 7) / 8
		signature := make([]byte, 2*size)
		r.FillBytes(signature[:size])
		s.FillBytes(signature[size:])
		return signature, nil
	case *rsa.PrivateKey:
		if strings.HasPrefix(k.algorithm, "PS") {
			return rsa.SignPSS(rand.Reader, private, hash, digest, &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash})
		}
		return rsa.SignPKCS1v15(rand.Reader, private, hash, digest)
	}
	return nil, fmt.Errorf("a key of type %T signs nothing", k.private)
}

// Rotate publishes a new key for the algorithm of the last one, and signs with it
// from now on. The keys before it stay published.
//
// The clock stands still here too: an API fetches for five unknown keys in a row,
// and then for one more in every ten seconds (see jwks.RemoteConfig.Refetches). A
// test that rotates more often calls [Issuer.Advance] in between.
func (i *Issuer) Rotate() {
	i.tb.Helper()
	i.mu.Lock()
	algorithm := i.signer.algorithm
	i.mu.Unlock()
	i.RotateTo(algorithm)
}

// RotateTo is [Issuer.Rotate] to another algorithm: RS256, RS384, RS512, PS256,
// PS384, PS512, ES256, ES384, ES512 or EdDSA. RSA keys take a moment to make.
func (i *Issuer) RotateTo(algorithm string) {
	i.tb.Helper()
	k, err := newKey(i.nextKeyID(), algorithm)
	if err != nil {
		i.tb.Errorf("authstartest: RotateTo: %v", err)
		return
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	i.keys, i.signer = append(i.keys, k), k
}

func (i *Issuer) nextKeyID() string {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.made++
	return fmt.Sprintf("key-%d", i.made)
}

// KeyID is the id of the key that signs.
func (i *Issuer) KeyID() string {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.signer.id
}

// RemoveKey takes a key out of the published set. The key that signs keeps
// signing all the same. Without any key left the set is empty.
func (i *Issuer) RemoveKey(kid string) {
	i.tb.Helper()
	if !i.removeKeys(func(k key) bool { return k.id == kid }) {
		i.tb.Errorf("authstartest: RemoveKey(%q): there is no such key", kid)
	}
}

// RemoveOldKeys takes all keys but the one that signs out of the published set.
func (i *Issuer) RemoveOldKeys() {
	kid := i.KeyID()
	i.removeKeys(func(k key) bool { return k.id != kid })
}

func (i *Issuer) removeKeys(remove func(key) bool) bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	before := len(i.keys)
	i.keys = slices.DeleteFunc(i.keys, remove)
	return len(i.keys) < before
}

// PublishUnknownKey puts a key of a type that nobody knows before the others in
// the published set, as it will look to old verifiers when providers begin with
// post-quantum signatures. It has to be ignored (RFC 7517 section 5).
func (i *Issuer) PublishUnknownKey() {
	id := i.nextKeyID()
	public := fmt.Appendf(nil, `{"kty":"UNKNOWN","alg":"ML-DSA-0","kid":%q,"use":"sig","pub":"AAAA"}`, id)
	i.mu.Lock()
	defer i.mu.Unlock()
	i.keys = append([]key{{id: id, public: public}}, i.keys...)
}
