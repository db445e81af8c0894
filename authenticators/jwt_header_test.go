package authenticators_test

import (
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/big"
	"net"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/authstar/authstar/authenticators"
)

// jwtListener counts who connects.
func jwtListener(t *testing.T) (addr string, connections *atomic.Int32) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	connections = new(atomic.Int32)
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			connections.Add(1)
			conn.Close()
		}
	}()
	return l.Addr().String(), connections
}

func jwtCertificate(t *testing.T, k jwtKey) string {
	t.Helper()
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "a.example"}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, k.signer.Public(), k.signer)
	if err != nil {
		t.Fatal(err)
	}
	return base64.StdEncoding.EncodeToString(der)
}

// J04: keys and addresses of keys in a token are the attacker's.
func TestKeysInTheHeader(t *testing.T) {
	addr, connections := jwtListener(t)
	jwk, err := json.Marshal(jwtEvilRSA.public())
	if err != nil {
		t.Fatal(err)
	}
	ownJWK, err := json.Marshal(jwtKeyA.public())
	if err != nil {
		t.Fatal(err)
	}
	secret := `{"kty":"oct","k":"` + jwtEncode(strings.Repeat("s", 32)) + `"}`
	claims := jwtClaims(jwtIssuerA).String()
	evil := func(more ...string) string {
		return jwtToken(jwtEvilRSA, "RS256", jwtEvilRSA.header("RS256", more...), claims)
	}
	cert := `["` + jwtCertificate(t, jwtEvilRSA) + `"]`
	jwtCheck(t, jwtVerifier(t, authenticators.JWTConfig{}),
		jwtCase{"J04 A's own key in the header of A's token", jwtWithHeader(jwtKeyA.header("RS256", `"jwk":`+string(ownJWK))), true},
		jwtCase{"J04 jku in a token that A signed", jwtWithHeader(jwtKeyA.header("RS256", `"jku":"http://`+addr+`/jwks"`)), true},
		jwtCase{"J04 jwk", evil(`"jwk":` + string(jwk)), false},
		jwtCase{"J04 jwk without a kid", jwtToken(jwtEvilRSA, "RS256", `{"alg":"RS256","jwk":`+string(jwk)+`}`, claims), false},
		jwtCase{"J04 A's jwk, a stranger's signature", evil(`"jwk":` + string(ownJWK)), false},
		jwtCase{"J04 a secret for a jwk", jwtToken(jwtKey{secret: []byte(strings.Repeat("s", 32))}, "HS256", jwtKeyA.header("HS256", `"jwk":`+secret), claims), false},
		jwtCase{"J04 jwk null", evil(`"jwk":null`), false},
		jwtCase{"J04 JW-11 jku", evil(`"jku":"http://` + addr + `/jwks"`), false},
		jwtCase{"J04 jku and the kid of a stranger", jwtToken(jwtEvilRSA, "RS256", `{"alg":"RS256","kid":"evil","jku":"http://`+addr+`/jwks"}`, claims), false},
		jwtCase{"J04 x5u", evil(`"x5u":"http://` + addr + `/cert"`), false},
		jwtCase{"J04 x5c", evil(`"x5c":` + cert), false},
		jwtCase{"J04 x5c and x5t", evil(`"x5t":"AAAA","x5t#S256":"AAAA","x5c":` + cert), false},
		jwtCase{"J04 a kid that is an address", jwtToken(jwtEvilRSA, "RS256", `{"alg":"RS256","kid":"http://`+addr+`/k1"}`, claims), false},
		jwtCase{"J04 an issuer that is an address", jwtToken(jwtEvilRSA, "RS256", jwtEvilRSA.header("RS256"), jwtClaims("http://"+addr).String()), false},
	)
	if n := connections.Load(); n != 0 {
		t.Errorf("J04: %d connections", n)
	}
}

var jwtStrict = []string{"at+jwt"}

// J14, JW-12: a token of another type is no access token.
func TestTokenTypes(t *testing.T) {
	for _, test := range []struct {
		typ            string
		usual, strict  bool
		authorizations bool // with TokenTypes of its own
	}{
		{`"at+jwt"`, true, true, false},
		{`"AT+JWT"`, true, true, false},
		{`"application/at+jwt"`, true, true, false},
		{`"Application/AT+jwt"`, true, true, false},
		{`"JWT"`, true, false, false},
		{`"jwt"`, true, false, false},
		{`"application/jwt"`, true, false, false},
		{`null`, true, false, false},
		{``, true, false, false},
		{`"authorization+jwt"`, false, false, true},
		{`"application/authorization+jwt"`, false, false, true},
		{`"dpop+jwt"`, false, false, false},
		{`"logout+jwt"`, false, false, false},
		{`"secevent+jwt"`, false, false, false},
		{`"token-introspection+jwt"`, false, false, false},
		{`"kb+jwt"`, false, false, false},
		{`"JOSE"`, false, false, false},
		{`"at+jwt "`, false, false, false},
		{`"application/application/at+jwt"`, false, false, false},
		{`"text/at+jwt"`, false, false, false},
		{`"at+jwt\u0000"`, false, false, false},
		{`["at+jwt"]`, false, false, false},
		{`1`, false, false, false},
		{`{}`, false, false, false},
	} {
		header := `{"alg":"RS256","kid":"k1","typ":` + test.typ + `}`
		if test.typ == "" {
			header = `{"alg":"RS256","kid":"k1"}`
		}
		token := jwtWithHeader(header)
		jwtCheck(t, jwtVerifier(t, authenticators.JWTConfig{}), jwtCase{"J14 typ " + test.typ, token, test.usual})
		jwtCheck(t, jwtVerifier(t, authenticators.JWTConfig{TokenTypes: jwtStrict}), jwtCase{"JW-12 strict, typ " + test.typ, token, test.strict})
		jwtCheck(t, jwtVerifier(t, authenticators.JWTConfig{TokenTypes: []string{"Application/Authorization+JWT"}}),
			jwtCase{"J14 authorization+jwt only, typ " + test.typ, token, test.authorizations})
	}
	strictAndNone := jwtVerifier(t, authenticators.JWTConfig{TokenTypes: []string{"at+jwt", ""}})
	jwtCheck(t, strictAndNone,
		jwtCase{"J14 at+jwt or none, none", jwtWithHeader(`{"alg":"RS256","kid":"k1"}`), true},
		jwtCase{"J14 at+jwt or none, JWT", jwtWithHeader(`{"alg":"RS256","kid":"k1","typ":"JWT"}`), false})
}

// JW-13, JW-14, JW-18: the strict profile of RFC 9068.
func TestStrictProfile(t *testing.T) {
	strict := jwtVerifier(t, authenticators.JWTConfig{TokenTypes: jwtStrict})
	cases := []jwtCase{{"JW-14 all claims", jwtOfA(jwtClaims(jwtIssuerA)), true}}
	for _, name := range []string{"iss", "exp", "aud", "sub", "client_id", "iat", "jti"} {
		cases = append(cases,
			jwtCase{"JW-14 without " + name, jwtOfA(jwtClaims(jwtIssuerA).without(name)), false},
			jwtCase{"JW-14 with a null " + name, jwtOfA(jwtClaims(jwtIssuerA).with(name, "null")), false})
	}
	idToken := jwtClaims(jwtIssuerA).without("client_id").without("scope").without("jti").with("nonce", `"n"`).with("azp", `"app"`)
	typed := func(typ string, claims jwtObject) string {
		return jwtToken(jwtKeyA, "RS256", `{"alg":"RS256","kid":"k1","typ":"`+typ+`"}`, claims.String())
	}
	cases = append(cases,
		jwtCase{"JW-13 an ID token for this API", typed("JWT", idToken), false},
		jwtCase{"JW-18 an ID token with all the claims of an access token", typed("JWT", jwtClaims(jwtIssuerA).with("nonce", `"n"`)), false},
		jwtCase{"JW-13 an ID token that says at+jwt", typed("at+jwt", idToken), false},
		jwtCase{"JW-13 a logout token", typed("logout+jwt", jwtClaims(jwtIssuerA).with("events", `{"http://schemas.openid.net/event/backchannel-logout":{}}`)), false},
		jwtCase{"JW-13 a client assertion", typed("JWT", jwtClaims(jwtIssuerA).with("sub", `"app"`)), false},
		jwtCase{"JW-13 a DPoP proof", typed("dpop+jwt", jwtClaims(jwtIssuerA).with("htm", `"GET"`)), false})
	jwtCheck(t, strict, cases...)
	jwtCheck(t, jwtVerifier(t, authenticators.JWTConfig{}),
		jwtCase{"JW-14 without client_id, jti and iat where RFC 9068 is not asked for", jwtOfA(jwtClaims(jwtIssuerA).without("client_id").without("jti").without("iat")), true})
}

// J15, JW-21, JW-26: nothing critical is understood, and no payload is unencoded.
func TestCriticalHeaders(t *testing.T) {
	cases := []jwtCase{{"J15 a header that is neither", jwtWithHeader(jwtKeyA.header("RS256", `"Crit":["x"]`, `"B64":false`, `"x":"crit b64 \\"`)), true}}
	for _, member := range []string{
		`"crit":["exp"]`, `"crit":["b64"]`, `"crit":["alg"]`, `"crit":["x"],"x":1`, `"crit":[]`, `"crit":null`, `"crit":"b64"`, `"crit":{}`, `"crit":[1]`,
		`"cr\u0069t":["x"]`, `"cr\u0069t":[]`, `"cr\u0069t":null`, `"\u0063\u0072\u0069\u0074":null`,
		`"b64":false`, `"b64":true`, `"b64":null`, `"b64":"false"`, `"b6\u0034":null`, `"b6\u0034":false`, `"b64":false,"crit":["b64"]`, `"b64":true,"crit":["b64"]`,
	} {
		cases = append(cases, jwtCase{"J15 signed, with " + member, jwtWithHeader(jwtKeyA.header("RS256", member)), false})
	}
	header := jwtEncode(jwtKeyA.header("RS256", `"b64":false`, `"crit":["b64"]`))
	payload := jwtEncode(jwtClaims(jwtIssuerA).String())
	unencoded := jwtEncode(jwtKeyA.sign("RS256", strings.TrimRight(header, "=")+"."+jwtClaims(jwtIssuerA).String()))
	cases = append(cases, jwtCase{"JW-26 b64 false, signed over the unencoded payload", header + "." + payload + "." + unencoded, false})
	jwtCheck(t, jwtVerifier(t, authenticators.JWTConfig{}), cases...)
}

// J16, JW-23: what two parsers could read as two things is refused.
func TestDuplicateMembers(t *testing.T) {
	claims := jwtClaims(jwtIssuerA)
	cases := []jwtCase{
		{"J16 every member once", jwtOfA(claims), true},
		{"J16 a name in another case is another name", jwtOfA(claims.also("Sub", `"admin"`).also("ISS", `"x"`).also("EXP", "1")), true},
		{"J16 names in another case are no substitute", jwtOfA(claims.without("sub").also("Sub", `"alice"`)), false},
		{"J16 a member of an inner object has an inner name", jwtOfA(claims.also("x", `{"iss":"x","exp":1,"sub":"y"}`)), true},
		{"J16 an inner member is no substitute", jwtOfA(claims.without("exp").also("x", `{"exp":`+jwtSeconds(60)+`}`)), false},
		{"J16 an escaped name is the same name", jwtOfA(claims.without("sub").also(`s\u0075b`, `"alice"`)), true},
		{"J16 something twice that nobody reads", jwtOfA(claims.also("x", "1").also("x", "1")), false},
	}
	many := claims
	for i := range 50 {
		many = many.also("x"+strconv.Itoa(i), "1")
	}
	cases = append(cases,
		jwtCase{"J16 many members, each once", jwtOfA(many), true},
		jwtCase{"J16 many members, the last one twice", jwtOfA(many.also("x49", "1")), false},
		jwtCase{"J16 many members, the first one twice", jwtOfA(many.also("iss", `"`+jwtIssuerA+`"`)), false})
	for _, m := range claims {
		cases = append(cases,
			jwtCase{"J16 " + m.name + " twice, equal", jwtOfA(claims.also(m.name, m.value)), false},
			jwtCase{"J16 " + m.name + " twice, null at first", jwtOfA(claims.with(m.name, "null").also(m.name, m.value)), false},
			jwtCase{"J16 " + m.name + " twice, escaped at first", jwtOfA(jwtObject{{fmt.Sprintf(`\u%04x%s`, m.name[0], m.name[1:]), `"x"`}}.join(claims)), false})
	}
	cases = append(cases, jwtCase{"J16 two issuers, B and then A", jwtOfA(jwtObject{{"iss", `"` + jwtIssuerB + `"`}}.join(claims)), false})
	for _, member := range []string{`"alg":"RS256"`, `"alg":"none"`, `"kid":"k1"`, `"kid":"k2"`, `"typ":"at+jwt"`, `"al\u0067":"none"`, `"k\u0069d":"k2"`, `"x":1,"x":1`} {
		cases = append(cases, jwtCase{"JW-23 a header with one more " + member, jwtWithHeader(jwtKeyA.header("RS256", member)), false})
	}
	jwtCheck(t, jwtVerifier(t, authenticators.JWTConfig{}), cases...)
}

// J20: a kid is a name in our set, and nothing else.
func TestKeyIDs(t *testing.T) {
	var cases []jwtCase
	long := strings.Repeat("k", 257)
	for kid, good := range map[string]bool{
		`"k1"`: true, `"k\u0031"`: true, `null`: true, // none: every key that fits is tried
		`"K1"`: false, `"k1 "`: false, `" k1"`: false, `"k1\u0000"`: false, `"k"`: false, `"k11"`: false, `"k2"`: false, `"ｋ1"`: false,
		`"../../../../dev/null"`: false, `"file:///etc/passwd"`: false, `"/etc/passwd"`: false, `"k1' OR '1'='1"`: false, `"k1'; DROP TABLE keys; --"`: false, `"$(id)"`: false,
		`"k1\r\nforged"`: false, `"\u001b[2J"`: false, `"%00"`: false, `"` + long + `"`: false, `"` + long[:256] + `"`: false,
		`1`: false, `true`: false, `["k1"]`: false, `{"kid":"k1"}`: false,
	} {
		cases = append(cases, jwtCase{"J20 kid " + kid, jwtWithHeader(`{"alg":"RS256","kid":` + kid + `}`), good})
	}
	cases = append(cases, jwtCase{"J20 no kid", jwtWithHeader(`{"alg":"RS256"}`), true}, jwtCase{"J20 an empty kid", jwtWithHeader(`{"alg":"RS256","kid":""}`), true})
	jwtCheck(t, jwtVerifier(t, authenticators.JWTConfig{}), cases...)

	secret := jwtKey{kid: "../../dev/null", secret: []byte{}}
	jwtCheck(t, jwtVerifierD(t),
		jwtCase{"J20 a secret by its kid", jwtToken(jwtKeyD, "HS256", jwtKeyD.header("HS256"), jwtClaims(jwtIssuerD).String()), true},
		jwtCase{"J20 a kid that names an empty file for a secret", jwtToken(secret, "HS256", secret.header("HS256"), jwtClaims(jwtIssuerD).String()), false})
}

// J20: 256 bytes are enough for an id, and one more is refused even where a key
// would have it.
func TestLongestKeyID(t *testing.T) {
	for length, good := range map[int]bool{256: true, 257: false} {
		key := jwtKeyA
		key.kid = strings.Repeat("k", length)
		noID := jwtKey{signer: jwtKeyA.signer}
		keys := jwtKeys(t, noID)
		if good {
			keys = jwtKeys(t, key)
		}
		jwtCheck(t, jwtVerifier(t, authenticators.JWTConfig{Keys: keys}),
			jwtCase{"J20 a kid of " + strconv.Itoa(length) + " bytes", jwtToken(key, "RS256", key.header("RS256"), jwtClaims(jwtIssuerA).String()), good})
	}
}

// D03, D05: what is parsed of a header before its signature is checked is short.
func TestLongestHeader(t *testing.T) {
	header := func(length int) string {
		short := len(jwtKeyA.header("RS256", `"x":""`))
		return jwtKeyA.header("RS256", `"x":"`+strings.Repeat("x", length-short)+`"`)
	}
	jwtCheck(t, jwtVerifier(t, authenticators.JWTConfig{}),
		jwtCase{"D05 a header of 4 KiB in base64url", jwtWithHeader(header(3072)), true},
		jwtCase{"D05 a header of a byte more", jwtWithHeader(header(3073)), false})
}
