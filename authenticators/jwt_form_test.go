package authenticators_test

import (
	"bytes"
	"compress/flate"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/authstar/authstar/authenticators"
)

// J17, J19, JW-22: a token has one spelling.
func TestSerialisations(t *testing.T) {
	good := jwtOfA(jwtClaims(jwtIssuerA))
	parts := strings.Split(good, ".")
	header, payload, signature := parts[0], parts[1], parts[2]
	jwt := func(parts ...string) string { return strings.Join(parts, ".") }
	object := func(v any) string {
		data, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		return string(data)
	}
	flattened := object(map[string]string{"protected": header, "payload": payload, "signature": signature})
	general := object(map[string]any{"payload": payload, "signatures": []any{map[string]string{"protected": header, "signature": signature}}})
	cases := []jwtCase{
		{"J17 compact", good, true},
		{"J17 flattened JSON", flattened, false},
		{"J17 general JSON", general, false},
		{"J17 flattened JSON in base64url", jwtEncode(flattened), false},
		{"J17 two parts", jwt(header, payload), false},
		{"J17 four parts", jwt(good, "AAAA"), false},
		{"J17 four parts, the last one empty", jwt(good, ""), false},
		{"J17 five parts", jwt(good, "AAAA", "AAAA"), false},
		{"J17 the signature twice", jwt(good, signature), false},
		{"J17 a dot in front", "." + good, false},
		{"J17 one part", header, false},
		{"J17 no header", jwt("", payload, signature), false},
		{"J17 detached", jwt(header, "", signature), false},
		{"J17 unencoded claims", jwt(header, jwtClaims(jwtIssuerA).String(), signature), false},
		{"J17 a prefix of its own", "v1." + good, false},
		{"J17 a percent sign for a character", strings.Replace(good, ".", "%2E", 1), false},
		{"J17 commas between the parts", strings.ReplaceAll(good, ".", ","), false},
	}
	for name, space := range map[string]string{"a space": " ", "CR LF": "\r\n", "LF": "\n", "a tab": "\t", "a zero byte": "\x00", "a no-break space": "\u00a0"} {
		cases = append(cases,
			jwtCase{"J19 " + name + " within the header", jwt(header[:4]+space+header[4:], payload, signature), false},
			jwtCase{"J19 " + name + " within the claims", jwt(header, payload[:4]+space+payload[4:], signature), false},
			jwtCase{"J19 " + name + " within the signature", jwt(header, payload, signature[:4]+space+signature[4:]), false})
	}
	for i, name := range []string{"header", "claims", "signature"} {
		padded := []string{header, payload, signature}
		padded[i] += strings.Repeat("=", 1+(3-len(padded[i])%4)%3)
		standard := []string{header, payload, signature}
		standard[i] = strings.NewReplacer("-", "+", "_", "/").Replace(standard[i]) + "+"
		short := []string{header, payload, signature}
		short[i] += "A"
		cases = append(cases,
			jwtCase{"JW-22 a padded " + name, jwt(padded...), false},
			jwtCase{"JW-22 base64 of RFC 4648 section 4 in the " + name, jwt(standard...), false},
			jwtCase{"JW-22 a character too many in the " + name, jwt(short...), false})
	}
	jwtCheck(t, jwtVerifier(t, authenticators.JWTConfig{}), cases...)
}

// J19: decoding drops the last bits of a part, so a token has up to 16 spellings
// in base64url; all but one are refused.
func TestTrailingBits(t *testing.T) {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	for _, note := range []string{`""`, `"x"`, `"xy"`} {
		token := jwtOfB(jwtClaims(jwtIssuerB).with("note", note))
		parts := strings.Split(token, ".")
		cases := []jwtCase{{"J19 as encoded, with note " + note, token, true}}
		for i, part := range parts {
			last := strings.IndexByte(alphabet, part[len(part)-1])
			unused := map[int]int{0: 0, 2: 15, 3: 3}[len(part)%4]
			for bits := 1; bits <= unused; bits++ {
				twin := append([]string(nil), parts...)
				twin[i] = part[:len(part)-1] + alphabet[last|bits:last|bits+1]
				cases = append(cases, jwtCase{"J19 other bits in part " + string(rune('1'+i)), strings.Join(twin, "."), false})
			}
		}
		jwtCheck(t, jwtVerifierB(t), cases...)
	}
}

// What is signed may be anything.
func TestPayloads(t *testing.T) {
	claims := jwtClaims(jwtIssuerA).String()
	signed := func(payload string) string { return jwtToken(jwtKeyA, "RS256", jwtKeyA.header("RS256"), payload) }
	nested := jwtOfA(jwtClaims(jwtIssuerA))
	inner := jwtToken(jwtEvilRSA, "RS256", jwtEvilRSA.header("RS256"), claims)
	jwtCheck(t, jwtVerifier(t, authenticators.JWTConfig{}),
		jwtCase{"J17 claims", signed(claims), true},
		jwtCase{"J17 claims with white space between and behind", signed(strings.NewReplacer(`":`, "\" :\t", `,"`, "\r\n, \"").Replace(claims) + " \n"), true},
		jwtCase{"J17 claims behind white space", signed(" " + claims), false},
		jwtCase{"J17 claims behind a byte order mark", signed("\ufeff" + claims), false},
		jwtCase{"J17 claims and more", signed(claims + "{}"), false},
		jwtCase{"J17 claims that are cut off", signed(claims[:len(claims)-1]), false},
		jwtCase{"J17 claims in a list", signed("[" + claims + "]"), false},
		jwtCase{"J17 claims in UTF-16", signed("\xfe\xff\x00{\x00}"), false},
		jwtCase{"J17 claims with a comment", signed("/**/" + claims), false},
		jwtCase{"J17 claims with a comma too many", signed(claims[:len(claims)-1] + ",}"), false},
		jwtCase{"J17 claims in single quotes", signed(strings.ReplaceAll(claims, `"`, `'`)), false},
		jwtCase{"J17 null", signed("null"), false},
		jwtCase{"J17 nothing", signed("{}"), false},
		jwtCase{"J17 a string", signed(`"alice"`), false},
		jwtCase{"J21 a token, and cty says so", jwtToken(jwtKeyA, "RS256", jwtKeyA.header("RS256", `"cty":"JWT"`), nested), false},
		jwtCase{"JW-04 a token with a bad signature", jwtToken(jwtKeyA, "RS256", jwtKeyA.header("RS256", `"cty":"JWT"`), inner), false},
		jwtCase{"J21 a token in a string", signed(`"` + nested + `"`), false},
		jwtCase{"J18 compressed claims", signed(jwtDeflated(t, claims)), false},
		jwtCase{"JW-07 compressed claims, and zip says so", jwtToken(jwtKeyA, "RS256", jwtKeyA.header("RS256", `"zip":"DEF"`), jwtDeflated(t, claims)), false},
	)
}

func jwtDeflated(t testing.TB, s string) string {
	t.Helper()
	var b bytes.Buffer
	w, err := flate.NewWriter(&b, flate.BestCompression)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write([]byte(s)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// J18, JW-15: encrypted tokens are not ours, and nothing in them is looked at.
func TestEncryptedTokens(t *testing.T) {
	j := jwtVerifier(t, authenticators.JWTConfig{})
	api := newJWTAPI(t, j, jwtVerifierB(t))
	bomb := jwtEncode(jwtDeflated(t, strings.Repeat("a", 8<<20)))
	for _, test := range []struct{ name, token string }{
		{"RSA-OAEP", jwtEncode(`{"alg":"RSA-OAEP","enc":"A256GCM","kid":"k1"}`) + ".AAAA.AAAA.AAAA.AAAA"},
		{"an empty encrypted key", jwtEncode(`{"alg":"dir","enc":"A256GCM"}`) + "..AAAA.AAAA.AAAA"},
		{"everything empty", jwtEncode(`{"alg":"dir","enc":"A256GCM"}`) + "...."},
		{"the iterations of PBES2", jwtEncode(`{"alg":"PBES2-HS256+A128KW","enc":"A128GCM","p2s":"AAAAAAAAAAA","p2c":2147483647}`) + ".AAAA.AAAA.AAAA.AAAA"},
		{"a zip bomb", jwtEncode(`{"alg":"dir","enc":"A256GCM","zip":"DEF"}`) + "..AAAA." + bomb[:min(len(bomb), 12<<10)] + ".AAAA"},
		{"ECDH with a point", jwtEncode(`{"alg":"ECDH-ES","enc":"A256GCM","epk":{"kty":"EC","crv":"P-256","x":"AA","y":"AA"}}`) + "..AAAA.AAAA.AAAA"},
		{"the header of a JWE on a JWS", jwtToken(jwtKeyA, "RS256", `{"alg":"RSA-OAEP","enc":"A256GCM","kid":"k1"}`, jwtClaims(jwtIssuerA).String())},
		{"the iterations of PBES2 on a JWS", jwtEncode(`{"alg":"PBES2-HS256+A128KW","p2c":2147483647}`) + "." + jwtEncode(jwtClaims(jwtIssuerA).String()) + ".AAAA"},
		{"a zip bomb for a JWS", jwtEncode(`{"alg":"RS256","zip":"DEF"}`) + "." + bomb[:min(len(bomb), 12<<10)] + ".AAAA"},
	} {
		t.Run("J18 "+test.name, func(t *testing.T) {
			jwtCase{test.name, test.token, false}.check(t, j, api)
			if _, took := cost(func() { _, _ = j.VerifyToken(t.Context(), test.token) }); took > 50*time.Millisecond {
				t.Errorf("took %v", took)
			}
		})
	}
}

// J19: whoever keeps a list of tokens keeps the ids, since an ECDSA signature
// has a twin that nobody but the signer can tell from it.
func TestDenyListAndTwins(t *testing.T) {
	denied := map[string]bool{"j-1": true}
	j := jwtVerifier(t, authenticators.JWTConfig{
		Issuer: jwtIssuerB, Keys: jwtKeys(t, jwtKeyB), Client: jwtDenying(denied),
	})
	bad := jwtOfB(jwtClaims(jwtIssuerB))
	good := jwtOfB(jwtClaims(jwtIssuerB).with("jti", `"j-2"`))
	jwtCheck(t, j,
		jwtCase{"J19 a token", good, true}, jwtCase{"J19 its twin", jwtTwin(good), true},
		jwtCase{"J19 a denied token", bad, false}, jwtCase{"J19 its twin is denied", jwtTwin(bad), false})
	denied["j-2"] = true
	for name, token := range map[string]string{"token": good, "twin": jwtTwin(good)} {
		if client, err := j.VerifyToken(t.Context(), token); client != nil || err == nil {
			t.Errorf("J19 the %s that was denied later: %v", name, client)
		}
	}
}

func TestTokensOfAnAttackersSize(t *testing.T) {
	j := jwtVerifier(t, authenticators.JWTConfig{})
	api := newJWTAPI(t, j, jwtVerifierB(t))
	for _, row := range jwtHuge() {
		t.Run(row.name, func(t *testing.T) {
			row.check(t, j, api)
			allocated, took := cost(func() { _, _ = j.VerifyToken(t.Context(), row.token) })
			if took > 50*time.Millisecond || allocated > 2<<20 {
				t.Errorf("%v and %d bytes for a token of %d", took, allocated, len(row.token))
			}
		})
	}
	long := jwtClaims(jwtIssuerA)
	long = long.with("note", `"`+strings.Repeat("n", 11<<10)+`"`)
	jwtCase{"D01 a token of 15 KiB", jwtOfA(long), true}.check(t, j, api)
}

// jwtHuge are tokens that cost their sender little.
func jwtHuge() []jwtCase {
	object := func(n int, start string) string {
		var b strings.Builder
		b.WriteString(start)
		for i := range n {
			b.WriteString(`,"` + string(rune('a'+i%26)) + jwtBase36(i) + `":1`)
		}
		return b.String() + "}"
	}
	deep := func(n int) string { return strings.Repeat("[", n) + strings.Repeat("]", n) }
	claims := jwtClaims(jwtIssuerA).String()
	token := func(header, payload string) string {
		return jwtEncode(header) + "." + jwtEncode(payload) + "." + jwtEncode(make([]byte, 256))
	}
	header := jwtKeyA.header("RS256")
	within := func(payload string) string { return claims[:len(claims)-1] + payload + "}" }
	return []jwtCase{
		{"D02 a million dots", strings.Repeat(".", 1_000_000), false},
		{"D02 16 KiB of dots", strings.Repeat(".", 16<<10), false},
		{"D03 60,000 members in the header", token(object(60_000, `{"alg":"RS256"`), claims), false},
		{"D03 300 members in the header", token(object(300, `{"alg":"RS256"`), claims), false},
		{"D03 60,000 members in the claims", token(header, object(60_000, claims[:len(claims)-1])), false},
		{"D03 1,200 members in the claims", token(header, object(1_200, claims[:len(claims)-1])), false},
		{"D04 a header 300,000 deep", token(`{"alg":"RS256","x":`+deep(300_000)+`}`, claims), false},
		{"D04 a header 1,400 deep", token(`{"alg":"RS256","x":`+deep(1_400)+`}`, claims), false},
		{"D04 claims 300,000 deep", token(header, within(`,"x":`+deep(300_000))), false},
		{"D04 claims 5,000 deep", token(header, within(`,"x":`+deep(5_000))), false},
		{"D04 an audience 5,000 deep", token(header, jwtClaims(jwtIssuerA).with("aud", deep(5_000)).String()), false},
		{"D04 a scope 5,000 deep", token(header, jwtClaims(jwtIssuerA).with("scope", deep(5_000)).String()), false},
		{"D05 a certificate 500 times", token(`{"alg":"RS256","x5c":["`+strings.Repeat(`MIIB","`, 500)+`"]}`, claims), false},
		{"D05 a modulus of 4,000,000 bits", token(`{"alg":"RS256","jwk":{"kty":"RSA","e":"AQAB","n":"`+strings.Repeat("_", 666_667)+`"}}`, claims), false},
		{"D05 a modulus of 16,000 bits", token(`{"alg":"RS256","jwk":{"kty":"RSA","e":"AQAB","n":"`+strings.Repeat("_", 2_667)+`"}}`, claims), false},
		{"X15 a number of 10,000 digits", token(header, jwtClaims(jwtIssuerA).with("exp", strings.Repeat("9", 10_000)).String()), false},
		{"D01 64 KiB of anything", strings.Repeat("A", 64<<10), false},
	}
}

func jwtBase36(i int) string {
	const digits = "0123456789abcdefghijklmnopqrstuvwxyz"
	return string([]byte{digits[i/36/36/36%36], digits[i/36/36%36], digits[i/36%36], digits[i%36]})
}
