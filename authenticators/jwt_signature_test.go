package authenticators_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/asn1"
	"encoding/json"
	"encoding/pem"
	"math/big"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"

	"github.com/authstar/authstar/authenticators"
	"github.com/authstar/authstar/authenticators/jwks"
)

func TestSignaturesOfEachAlgorithm(t *testing.T) {
	for _, test := range []struct {
		alg, issuer string
		key         jwtKey
		j           *authenticators.JWT
	}{
		{"RS256", jwtIssuerA, jwtKeyA, jwtVerifier(t, authenticators.JWTConfig{})},
		{"RS384", jwtIssuerA, jwtKeyA, jwtVerifier(t, authenticators.JWTConfig{})},
		{"RS512", jwtIssuerA, jwtKeyA, jwtVerifier(t, authenticators.JWTConfig{})},
		{"ES256", jwtIssuerB, jwtKeyB, jwtVerifierB(t)},
		{"PS256", jwtIssuerC, jwtKeyPS, jwtVerifierC(t)},
		{"PS512", jwtIssuerC, jwtKeyPS, jwtVerifierC(t)},
		{"EdDSA", jwtIssuerC, jwtKeyEd, jwtVerifierC(t)},
		{"ES384", jwtIssuerC, jwtKey384, jwtVerifierC(t)},
		{"HS256", jwtIssuerD, jwtKeyD, jwtVerifierD(t)},
	} {
		input := jwtEncode(test.key.header(test.alg)) + "." + jwtEncode(jwtClaims(test.issuer).String())
		signature := test.key.sign(test.alg, input)
		token := func(signature []byte) string { return input + "." + jwtEncode(signature) }
		flipped := append([]byte(nil), signature...)
		flipped[len(flipped)-1] ^= 1
		name := func(s string) string { return "J02 " + test.alg + " " + s }
		jwtCheck(t, test.j,
			jwtCase{name("with its signature"), token(signature), true},
			jwtCase{name("without a signature"), input + ".", false},
			jwtCase{name("without a third part"), input, false},
			jwtCase{name("with a bit of the signature turned"), token(flipped), false},
			jwtCase{name("with a signature cut by a byte"), token(signature[:len(signature)-1]), false},
			jwtCase{name("with half a signature"), token(signature[:len(signature)/2]), false},
			jwtCase{name("with a signature of a byte more"), token(append(signature[:len(signature):len(signature)], 0)), false},
			jwtCase{name("with a signature behind a zero byte"), token(append([]byte{0}, signature...)), false},
			jwtCase{name("with a signature of zeros"), token(make([]byte, len(signature))), false},
			jwtCase{name("with other claims"), jwtEncode(test.key.header(test.alg)) + "." +
				jwtEncode(jwtClaims(test.issuer).with("sub", `"admin"`).String()) + "." + jwtEncode(signature), false},
			jwtCase{name("with another header"), jwtEncode(test.key.header(test.alg, `"x":1`)) + "." +
				jwtEncode(jwtClaims(test.issuer).String()) + "." + jwtEncode(signature), false},
		)
	}
}

func TestSignaturesOfStrangers(t *testing.T) {
	claims := jwtClaims(jwtIssuerA).String()
	jwtCheck(t, jwtVerifier(t, authenticators.JWTConfig{}),
		jwtCase{"J02 signed by A", jwtOfA(jwtClaims(jwtIssuerA)), true},
		jwtCase{"J02 signed by a stranger's RSA key", jwtToken(jwtEvilRSA, "RS256", jwtEvilRSA.header("RS256"), claims), false},
		jwtCase{"J02 signed by a stranger's EC key", jwtToken(jwtEvilEC, "ES256", jwtEvilEC.header("ES256"), claims), false},
		jwtCase{"JW-02 RS256 signed by B", jwtToken(jwtKeyB, "ES256", jwtKeyA.header("RS256"), claims), false},
		jwtCase{"JW-02 ES256 in the name of an RSA key", jwtToken(jwtEvilEC, "ES256", jwtKeyA.header("ES256"), claims), false},
		jwtCase{"JW-02 EdDSA in the name of an RSA key", jwtToken(jwtKeyEd, "EdDSA", jwtKeyA.header("EdDSA"), claims), false},
	)
}

// A signature of ECDSA has exactly one form in a JWS (RFC 7518 section 3.4).
func TestSignaturesOfECDSA(t *testing.T) {
	good := jwtOfB(jwtClaims(jwtIssuerB))
	input, signature := jwtSplit(good)
	token := func(signature []byte) string { return input + "." + jwtEncode(signature) }
	r, s := new(big.Int).SetBytes(signature[:32]), new(big.Int).SetBytes(signature[32:])
	der, err := asn1.Marshal(struct{ R, S *big.Int }{r, s})
	if err != nil {
		t.Fatal(err)
	}
	n := jwtKeyB.signer.Public().(*ecdsa.PublicKey).Params().N.Bytes()
	long := append(append(make([]byte, 16), signature[:32]...), append(make([]byte, 16), signature[32:]...)...)
	jwtCheck(t, jwtVerifierB(t),
		jwtCase{"J02 r and s", good, true},
		jwtCase{"J02 r and s in DER", token(der), false},
		jwtCase{"J02 r and s as wide as those of ES384", token(long), false},
		jwtCase{"J02 r and s in the other order", token(append(signature[32:len(signature):len(signature)], signature[:32]...)), false},
		jwtCase{"J02 r and s of zero", token(make([]byte, 64)), false},
		jwtCase{"J02 r and s of the group's order", token(append(append([]byte(nil), n...), n...)), false},
		jwtCase{"JW-02 ES384 signed with P-256", jwtToken(jwtKeyB, "ES384", jwtKeyB.header("ES384"), jwtClaims(jwtIssuerB).String()), false},
		jwtCase{"JW-02 ES256 signed with P-384", jwtToken(jwtKey384, "ES256", jwtKeyB.header("ES256"), jwtClaims(jwtIssuerB).String()), false},
	)
}

func TestAlgorithmNone(t *testing.T) {
	good := jwtOfA(jwtClaims(jwtIssuerA))
	_, signature := jwtSplit(good)
	payload := jwtEncode(jwtClaims(jwtIssuerA).String())
	cases := []jwtCase{{"J01 RS256", good, true}}
	for _, alg := range []string{`"none"`, `"None"`, `"NONE"`, `"nOnE"`, `"none "`, `"n\u006fne"`, `""`, `null`, `0`, `["RS256"]`, `{"RS256":1}`} {
		input := jwtEncode(`{"alg":`+alg+`,"kid":"k1","typ":"at+jwt"}`) + "." + payload
		cases = append(cases,
			jwtCase{"J01 alg " + alg + " without a signature", input + ".", false},
			jwtCase{"J01 alg " + alg + " with something for a signature", input + ".AAAA", false},
			jwtCase{"J01 alg " + alg + " with the signature of another token", input + "." + jwtEncode(signature), false},
			jwtCase{"J01 alg " + alg + " and signed", input + "." + jwtEncode(jwtKeyA.sign("RS256", input)), false})
	}
	for _, header := range []string{
		`{"alg":"rs256","kid":"k1"}`, `{"alg":"Rs256","kid":"k1"}`, `{"alg":"RS256 ","kid":"k1"}`, `{"alg":"RS256\u0000","kid":"k1"}`,
		`{"ALG":"RS256","kid":"k1"}`, `{"Alg":"RS256","kid":"k1"}`, `{"kid":"k1"}`, `{}`, `{"alg":"RS1","kid":"k1"}`, `{"alg":"RS257","kid":"k1"}`,
	} {
		cases = append(cases, jwtCase{"J01 signed, with the header " + header, jwtWithHeader(header), false})
	}
	jwtCheck(t, jwtVerifier(t, authenticators.JWTConfig{}), cases...)
}

// A KeySet of the application's own has not looked at its keys as jwks does.
func TestKeysOfTheApplication(t *testing.T) {
	rsaOf := func(bits int) jwtKey {
		signer, err := rsa.GenerateKey(rand.Reader, bits)
		if err != nil {
			t.Fatal(err)
		}
		return jwtKey{kid: "k1", signer: signer}
	}
	for _, row := range []struct {
		name, alg string
		key       jwtKey
		jwk       jose.JSONWebKey // what else it says
		good      bool
	}{
		{"JW-03 RSA of 2048 bits", "RS256", jwtKeyA, jose.JSONWebKey{}, true},
		{"JW-03 RSA of 2047 bits", "RS256", rsaOf(2047), jose.JSONWebKey{}, false},
		{"JW-03 RSA of 1024 bits", "RS256", rsaOf(1024), jose.JSONWebKey{}, false},
		{"JW-03 RSA of 1024 bits, with PSS", "PS256", rsaOf(1024), jose.JSONWebKey{}, false},
		{"JW-25 use sig", "RS256", jwtKeyA, jose.JSONWebKey{Use: "sig"}, true},
		{"JW-25 use enc", "RS256", jwtKeyA, jose.JSONWebKey{Use: "enc"}, false},
		{"JW-25 an unknown use", "RS256", jwtKeyA, jose.JSONWebKey{Use: "SIG"}, false},
		{"JW-24 its own alg", "RS256", jwtKeyA, jose.JSONWebKey{Algorithm: "RS256"}, true},
		{"JW-24 another alg", "RS256", jwtKeyA, jose.JSONWebKey{Algorithm: "RS512"}, false},
	} {
		key := row.key.public()
		key.Use, key.Algorithm = row.jwk.Use, row.jwk.Algorithm
		keys := jwtKeySet(func(context.Context, string) ([]jose.JSONWebKey, error) { return []jose.JSONWebKey{key}, nil })
		jwtCheck(t, jwtVerifier(t, authenticators.JWTConfig{Keys: keys}),
			jwtCase{row.name, jwtToken(row.key, row.alg, row.key.header(row.alg), jwtClaims(jwtIssuerA).String()), row.good})
	}
}

// J03: who knows the public key must not be able to sign with it as a secret.
func TestPublicKeyAsSecret(t *testing.T) {
	public := jwtKeyA.signer.Public().(*rsa.PublicKey)
	pkix, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		t.Fatal(err)
	}
	pkcs1 := x509.MarshalPKCS1PublicKey(public)
	pkixPEM := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: pkix})
	jwk, err := json.Marshal(jwtKeyA.public())
	if err != nil {
		t.Fatal(err)
	}
	secrets := map[string][]byte{
		"PEM": pkixPEM, "PEM without the last newline": pkixPEM[:len(pkixPEM)-1], "PEM on one line": []byte(strings.ReplaceAll(string(pkixPEM), "\n", "")),
		"PKCS #1 in PEM": pem.EncodeToMemory(&pem.Block{Type: "RSA PUBLIC KEY", Bytes: pkcs1}), "DER": pkix, "PKCS #1": pkcs1, "JWK": jwk, "JWK set": jwtJWKS(jwtKeyA),
		"modulus": public.N.Bytes(), "nothing": {}, "secret of another provider": jwtKeyD.secret,
	}
	fromPEM, err := jwks.Parse(pkixPEM)
	if err != nil {
		t.Fatal(err)
	}
	for keys, config := range map[string]authenticators.JWTConfig{"keys from a JWK set": {}, "keys from PEM": {Keys: fromPEM}} {
		j := jwtVerifier(t, config)
		cases := []jwtCase{{"J03 RS256, " + keys, jwtOfA(jwtClaims(jwtIssuerA)), true}}
		for name, secret := range secrets {
			for _, alg := range []string{"HS256", "HS512"} {
				token := jwtToken(jwtKey{secret: secret}, alg, jwtKeyA.header(alg), jwtClaims(jwtIssuerA).String())
				cases = append(cases, jwtCase{"J03 " + alg + " with " + name + ", " + keys, token, false})
			}
		}
		jwtCheck(t, j, cases...)
	}
	secret := jwtToken(jwtKeyD, "HS256", jwtKeyD.header("HS256"), jwtClaims(jwtIssuerD).String())
	jwtCheck(t, jwtVerifierD(t),
		jwtCase{"J03 HS256 with the secret", secret, true},
		jwtCase{"J03 RS256 where secrets are expected", jwtToken(jwtEvilRSA, "RS256", jwtEvilRSA.header("RS256"), jwtClaims(jwtIssuerD).String()), false},
		jwtCase{"JW-01 HS512 with the secret, which is not listed", jwtToken(jwtKeyD, "HS512", jwtKeyD.header("HS512"), jwtClaims(jwtIssuerD).String()), false})
}

// J03, JW-02: a key has its own algorithm, the verifier has its list, and both
// count.
func TestAlgorithmConfusion(t *testing.T) {
	claims := jwtClaims(jwtIssuerA).String()
	signed := func(k jwtKey, signedAs, alg string) string { return jwtToken(k, signedAs, jwtKeyA.header(alg), claims) }
	named := jwtKeyA.public()
	named.Algorithm = "RS256"
	data, err := json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{named}})
	if err != nil {
		t.Fatal(err)
	}
	keys, err := jwks.Parse(data)
	if err != nil {
		t.Fatal(err)
	}
	jwtCheck(t, jwtVerifier(t, authenticators.JWTConfig{}),
		jwtCase{"J03 PS256 with a key that names no algorithm", signed(jwtKeyA, "PS256", "PS256"), true},
		jwtCase{"J03 a signature of PS256 that says RS256", signed(jwtKeyA, "PS256", "RS256"), false},
		jwtCase{"J03 a signature of RS256 that says PS256", signed(jwtKeyA, "RS256", "PS256"), false},
		jwtCase{"J03 a signature of RS512 that says RS256", signed(jwtKeyA, "RS512", "RS256"), false},
		jwtCase{"J03 a signature of RS256 that says RS384", signed(jwtKeyA, "RS256", "RS384"), false})
	for name, config := range map[string]authenticators.JWTConfig{
		"the key names": {Keys: keys}, "the verifier lists": {Algorithms: []string{"RS256"}},
	} {
		jwtCheck(t, jwtVerifier(t, config),
			jwtCase{"JW-02 RS256, which " + name, signed(jwtKeyA, "RS256", "RS256"), true},
			jwtCase{"JW-02 PS256, where " + name + " RS256", signed(jwtKeyA, "PS256", "PS256"), false},
			jwtCase{"JW-02 RS512, where " + name + " RS256", signed(jwtKeyA, "RS512", "RS512"), false})
	}
}

// J19: EdDSA signatures have no twin with another S.
func TestSignatureOfEdDSAPlusOrder(t *testing.T) {
	good := jwtToken(jwtKeyEd, "EdDSA", jwtKeyEd.header("EdDSA"), jwtClaims(jwtIssuerC).String())
	input, signature := jwtSplit(good)
	order, _ := new(big.Int).SetString("1000000000000000000000000000000014def9dea2f79cd65812631a5cf5d3ed", 16)
	s := append([]byte(nil), signature[32:]...)
	jwtReverse(s)
	sum := new(big.Int).Add(new(big.Int).SetBytes(s), order).FillBytes(make([]byte, 32))
	jwtReverse(sum)
	twin := input + "." + jwtEncode(append(signature[:32:32], sum...))
	jwtCheck(t, jwtVerifierC(t), jwtCase{"J19 EdDSA", good, true}, jwtCase{"J19 EdDSA with S + L", twin, false})
}

func jwtReverse(b []byte) {
	for i, j := 0, len(b)-1; i < j; i, j = i+1, j-1 {
		b[i], b[j] = b[j], b[i]
	}
}
