package authenticators_test

import (
	"crypto/ecdsa"
	"encoding/base64"
	"math/big"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4/json"

	"github.com/authstar/authstar/authenticators"
)

// jwtGenuine are tokens of the fixture, the same in every process.
func jwtGenuine() map[string]string {
	of := func(k jwtKey, alg, issuer string) string {
		return jwtToken(k, alg, k.header(alg), jwtClaims(issuer).String())
	}
	return map[string]string{
		"RS256": of(jwtKeyA, "RS256", jwtIssuerA), "ES256": of(jwtKeyB, "ES256", jwtIssuerB), "ES384": of(jwtKey384, "ES384", jwtIssuerC),
		"EdDSA": of(jwtKeyEd, "EdDSA", jwtIssuerC), "HS256": of(jwtKeyD, "HS256", jwtIssuerD),
	}
}

// jwtIsTwin reports whether the token is the genuine one but for an ECDSA
// signature that verifies as well.
func jwtIsTwin(token, genuine string) bool {
	dot := strings.LastIndexByte(token, '.')
	input, want := jwtSplit(genuine)
	signature, err := base64.RawURLEncoding.Strict().DecodeString(token[dot+1:])
	if err != nil || token[:dot] != input || len(signature) != len(want) {
		return false
	}
	key, alg := jwtKeyB.signer.Public().(*ecdsa.PublicKey), "ES256"
	if len(want) == 96 {
		key, alg = jwtKey384.signer.Public().(*ecdsa.PublicKey), "ES384"
	}
	half := len(signature) / 2
	r, s := new(big.Int).SetBytes(signature[:half]), new(big.Int).SetBytes(signature[half:])
	sum := new(big.Int).Add(s, new(big.Int).SetBytes(want[half:]))
	return string(signature[:half]) == string(want[:half]) && sum.Cmp(key.Params().N) == 0 && ecdsa.Verify(key, jwtDigest(alg, input), r, s)
}

// X16: FuzzBearer changes good tokens. None of the changed ones may yield a client,
// but the other signature that every ECDSA signature has.
func FuzzBearer(f *testing.F) {
	genuine := jwtGenuine()
	for _, token := range genuine {
		f.Add(token)
	}
	f.Add(jwtTwin(genuine["ES256"]))
	f.Add(genuine["RS256"] + "=")
	f.Add(genuine["ES256"] + ".")
	f.Add(strings.Replace(genuine["EdDSA"], ".", "..", 1))
	f.Add(jwtEncode(`{"alg":"none"}`) + "." + jwtEncode(jwtClaims(jwtIssuerA).String()) + ".")
	f.Add(jwtToken(jwtKeyA, "RS256", jwtKeyA.header("RS256", `"b64":false`), jwtClaims(jwtIssuerA).String()))
	f.Add("aaa.bbb.ccc")
	bearer := authenticators.NewBearer(jwtVerifier(f, authenticators.JWTConfig{}), jwtVerifierB(f), jwtVerifierC(f), jwtVerifierD(f))
	f.Fuzz(func(t *testing.T, token string) {
		r := request("GET", "/")
		r.Header.Set("Authorization", "Bearer "+token)
		client, err := bearer.Authenticate(r)
		if (client == nil) == (err == nil) {
			t.Fatalf("%v and %v", client, err)
		}
		if client == nil {
			return
		}
		sent := strings.Trim(token, " \t") // white space around is the header's
		for alg, known := range genuine {
			if sent == known || strings.HasPrefix(alg, "ES") && jwtIsTwin(sent, known) {
				return
			}
		}
		t.Fatalf("a changed token is %v's: %q", client, token)
	})
}

// jwtBaseClaims is what the control of FuzzSignedToken reads.
type jwtBaseClaims struct {
	Issuer   string `json:"iss"`
	Subject  string `json:"sub"`
	Audience any    `json:"aud"`
	Expires  any    `json:"exp"`
	Bound    any    `json:"cnf"`
}

// FuzzSignedToken signs any header and any claims with a key of the issuer's, so that only
// what they say decides. What is accepted, go-jose's JSON must read likewise.
func FuzzSignedToken(f *testing.F) {
	header, claims := jwtKeyEd.header("EdDSA"), jwtClaims(jwtIssuerA)
	f.Add(header, claims.String())
	f.Add(`{"alg":"EdDSA"}`, claims.with("sub", `"\u0061lice"`).String())
	f.Add(jwtKeyEd.header("EdDSA", `"cr\u0069t":null`), claims.also(`i\u0073s`, "1").String())
	f.Add(header, claims.with("aud", `["x","api"]`).also("x", `{"a":[1,{"b":"}\""}],"c":"\\"}`).String())
	f.Add(header, strings.NewReplacer(":", " :\t", ",", "\n,").Replace(claims.with("iss", `"x"`).String()))
	f.Add(header, claims.with("exp", "1.8000006e9").also("cnf", "null").String())
	j := jwtVerifier(f, authenticators.JWTConfig{Keys: jwtKeys(f, jwtKeyEd), CacheSize: -1})
	f.Fuzz(func(t *testing.T, header, claims string) {
		client, err := j.VerifyToken(t.Context(), jwtToken(jwtKeyEd, "EdDSA", header, claims))
		if (client == nil) == (err == nil) {
			t.Fatalf("%v and %v", client, err)
		}
		if client == nil {
			return
		}
		var h map[string]any
		if err := json.Unmarshal([]byte(header), &h); err != nil || h["alg"] != "EdDSA" {
			t.Fatalf("accepted the header %q: %v", header, err)
		}
		for _, name := range []string{"crit", "b64"} {
			if _, ok := h[name]; ok {
				t.Fatalf("accepted the header %q", header)
			}
		}
		var c jwtBaseClaims
		if err := json.Unmarshal([]byte(claims), &c); err != nil {
			t.Fatalf("accepted the claims %q: %v", claims, err)
		}
		exp, _ := c.Expires.(float64)
		if c.Issuer != jwtIssuerA || c.Subject != client.ClientID() || c.Bound != nil || exp <= float64(jwtNow.Unix()) || !jwtHasAudience(c.Audience) {
			t.Fatalf("accepted the claims %q as %q", claims, client.ClientID())
		}
	})
}

func jwtHasAudience(v any) bool {
	list, ok := v.([]any)
	if !ok {
		list = []any{v}
	}
	for _, a := range list {
		if a == "api" {
			return true
		}
	}
	return false
}
