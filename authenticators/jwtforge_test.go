package authenticators_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/asn1"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"math/big"
	"os"
	"strings"
	"testing"

	_ "crypto/sha256"
	_ "crypto/sha512"

	"github.com/go-jose/go-jose/v4"

	"github.com/authstar/authstar/authenticators/jwks"
)

// jwtKey is a key with its id. Hostile tokens are made by hand and signed by the
// standard library, since no JOSE library agrees to make them.
type jwtKey struct {
	kid    string
	signer crypto.Signer // nil for a secret
	secret []byte
}

var (
	jwtKeyA    = jwtKey{kid: "k1", signer: jwtLoad("rsa-a")}
	jwtKeyB    = jwtKey{kid: "k1", signer: jwtLoad("p256-b")} // the id of A's, on purpose
	jwtKeyPS   = jwtKey{kid: "c-ps", signer: jwtLoad("rsa-c")}
	jwtKeyEd   = jwtKey{kid: "c-ed", signer: jwtLoad("ed25519-c")}
	jwtKey384  = jwtKey{kid: "c-384", signer: jwtLoad("p384-c")}
	jwtKeyD    = jwtKey{kid: "d", secret: []byte("0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef")}
	jwtEvilRSA = jwtKey{kid: "k1", signer: jwtLoad("rsa-evil")}
	jwtEvilEC  = jwtKey{kid: "k1", signer: jwtLoad("p256-evil")}
)

func jwtLoad(name string) crypto.Signer {
	data, err := os.ReadFile("testdata/" + name + ".pem")
	if err != nil {
		panic(err)
	}
	block, _ := pem.Decode(data)
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		panic(err)
	}
	return key.(crypto.Signer)
}

// public is the key as a verifier has it, a secret for HMAC.
func (k jwtKey) public() jose.JSONWebKey {
	if k.signer == nil {
		return jose.JSONWebKey{Key: k.secret, KeyID: k.kid}
	}
	return jose.JSONWebKey{Key: k.signer.Public(), KeyID: k.kid}
}

// jwtJWKS is a JWK set.
func jwtJWKS(keys ...jwtKey) []byte {
	var set jose.JSONWebKeySet
	for _, k := range keys {
		set.Keys = append(set.Keys, k.public())
	}
	data, err := json.Marshal(set)
	if err != nil {
		panic(err)
	}
	return data
}

func jwtKeys(t testing.TB, keys ...jwtKey) *jwks.Static {
	t.Helper()
	set, err := jwks.Parse(jwtJWKS(keys...))
	if err != nil {
		t.Fatal(err)
	}
	return set
}

var jwtHashes = map[string]crypto.Hash{"256": crypto.SHA256, "384": crypto.SHA384, "512": crypto.SHA512}

func jwtHash(alg string) crypto.Hash { return jwtHashes[alg[len(alg)-3:]] }

func jwtDigest(alg, input string) []byte {
	h := jwtHash(alg).New()
	h.Write([]byte(input))
	return h.Sum(nil)
}

// sign makes the signature of RFC 7518 for the algorithm, whatever the header
// says. All but those of PS are deterministic.
func (k jwtKey) sign(alg, input string) []byte {
	switch alg[:2] {
	case "HS":
		mac := hmac.New(jwtHash(alg).New, k.secret)
		mac.Write([]byte(input))
		return mac.Sum(nil)
	case "Ed":
		return ed25519.Sign(k.signer.(ed25519.PrivateKey), []byte(input))
	case "ES":
		return jwtSignECDSA(k.signer.(*ecdsa.PrivateKey), jwtDigest(alg, input), jwtHash(alg))
	}
	var opts crypto.SignerOpts = jwtHash(alg)
	if alg[:2] == "PS" {
		opts = &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: jwtHash(alg)}
	}
	signature, err := k.signer.Sign(rand.Reader, jwtDigest(alg, input), opts)
	if err != nil {
		panic(err)
	}
	return signature
}

// jwtSignECDSA signs as RFC 6979, so that a token is the same in every process,
// and as RFC 7518 section 3.4: r and s side by side.
func jwtSignECDSA(key *ecdsa.PrivateKey, digest []byte, hash crypto.Hash) []byte {
	der, err := key.Sign(nil, digest, hash)
	if err != nil {
		panic(err)
	}
	var pair struct{ R, S *big.Int }
	if _, err := asn1.Unmarshal(der, &pair); err != nil {
		panic(err)
	}
	size := (key.Params().BitSize + 7) / 8
	return append(pair.R.FillBytes(make([]byte, size)), pair.S.FillBytes(make([]byte, size))...)
}

// jwtTwin is the token with the other signature that verifies, (r, n-s).
func jwtTwin(token string) string {
	input, signature := jwtSplit(token)
	n := jwtKeyB.signer.Public().(*ecdsa.PublicKey).Params().N
	s := new(big.Int).Sub(n, new(big.Int).SetBytes(signature[32:]))
	return input + "." + jwtEncode(append(signature[:32:32], s.FillBytes(make([]byte, 32))...))
}

func jwtEncode[T string | []byte](part T) string {
	return base64.RawURLEncoding.EncodeToString([]byte(part))
}

// jwtToken signs exactly these bytes.
func jwtToken(k jwtKey, alg, header, payload string) string {
	input := jwtEncode(header) + "." + jwtEncode(payload)
	return input + "." + jwtEncode(k.sign(alg, input))
}

// header is a usual one, with more members, such as `"b64":false`.
func (k jwtKey) header(alg string, more ...string) string {
	return "{" + strings.Join(append([]string{`"alg":"` + alg + `"`, `"kid":"` + k.kid + `"`, `"typ":"at+jwt"`}, more...), ",") + "}"
}

// jwtObject is a JSON object whose members are raw, so that there may be
// anything in it, twice too.
type jwtObject []struct{ name, value string }

func (o jwtObject) String() string {
	var b strings.Builder
	for i, m := range o {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(`"` + m.name + `":` + m.value)
	}
	return "{" + b.String() + "}"
}

func (o jwtObject) without(name string) jwtObject {
	var rest jwtObject
	for _, m := range o {
		if m.name != name {
			rest = append(rest, m)
		}
	}
	return rest
}

// also adds a member, whether or not it is there.
func (o jwtObject) also(name, value string) jwtObject {
	return append(o[:len(o):len(o)], struct{ name, value string }{name, value})
}

// join is this object with the members of another behind its own.
func (o jwtObject) join(more jwtObject) jwtObject { return append(o[:len(o):len(o)], more...) }

// with replaces a member where it stands, or adds it.
func (o jwtObject) with(name, value string) jwtObject {
	changed := append(jwtObject(nil), o...)
	for i := range changed {
		if changed[i].name == name {
			changed[i].value = value
			return changed
		}
	}
	return changed.also(name, value)
}
