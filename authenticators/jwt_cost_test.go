package authenticators_test

import (
	"context"
	"strconv"
	"strings"
	"testing"

	"github.com/authstar/authstar"
	"github.com/authstar/authstar/authenticators"
)

// jwtJoined is n times what of makes, with commas between.
func jwtJoined(n int, of string) string {
	parts := make([]string, n)
	for i := range parts {
		parts[i] = strings.ReplaceAll(of, "#", jwtBase36(i))
	}
	return strings.Join(parts, ",")
}

// jwtCostly are tokens of B's issuer that nobody signed, made to be costly before
// that is found out.
func jwtCostly() []jwtCase {
	header, claims := jwtKeyB.header("ES256"), jwtClaims(jwtIssuerB)
	unsigned := func(header, payload string) string {
		return jwtEncode(header) + "." + jwtEncode(payload) + "." + jwtEncode(make([]byte, 64))
	}
	ofHeader := func(name, member string) jwtCase {
		return jwtCase{name, unsigned(jwtKeyB.header("ES256", member), claims.String()), false}
	}
	ofClaim := func(name, claim, value string) jwtCase {
		return jwtCase{name, unsigned(header, claims.with(claim, value).String()), false}
	}
	ofClaims := func(name, members string) jwtCase {
		return jwtCase{name, unsigned(header, strings.TrimSuffix(claims.String(), "}")+","+members+"}"), false}
	}
	jwk := `"jwk":{"kty":"EC","crv":"P-521","x":"` + strings.Repeat("A", 88) + `","y":"` + strings.Repeat("A", 88) + `"}`
	return []jwtCase{
		{"D06 a plain one", unsigned(header, claims.String()), false},
		ofClaim("D03 a scope of 5,500 numbers", "scope", "["+strings.Repeat("0,", 5_500)+"0]"),
		ofClaim("D03 2,700 scopes in an array", "scp", "["+strings.Repeat(`"s",`, 2_700)+`"s"]`),
		ofClaim("D03 an audience of 3,600 strings", "aud", "["+strings.Repeat(`"",`, 3_600)+`""]`),
		ofClaim("D03 256 escaped audiences", "aud", "["+jwtJoined(256, `"\u0061#"`)+"]"),
		ofClaim("D03 5,500 scopes in a string", "scope", `"`+strings.Repeat("s ", 5_500)+`"`),
		ofClaims("D03 1,200 members", jwtJoined(1_200, `"#":0`)),
		ofClaims("D03 800 members with escaped names", jwtJoined(800, `"\u0061#":0`)),
		ofClaims("D04 5,000 deep", `"x":`+strings.Repeat("[", 5_000)+strings.Repeat("]", 5_000)),
		ofHeader("D03 280 members in the header", jwtJoined(280, `"#":0`)),
		ofHeader("D03 25 members in the header", jwtJoined(25, `"#":0`)),
		ofHeader("D03 1,400 elements in the header", `"x":[`+strings.Repeat("0,", 1_400)+`0]`),
		ofHeader("D04 a header 1,400 deep", `"x":`+strings.Repeat("[", 1_400)+strings.Repeat("]", 1_400)),
		ofHeader("D04 a header 500 deep with names", `"x":`+strings.Repeat(`{"":`, 500)+"0"+strings.Repeat("}", 500)),
		ofHeader("D04 a header 25 deep", `"x":`+strings.Repeat(`{"":`, 25)+"0"+strings.Repeat("}", 25)),
		ofHeader("D05 a modulus of 16,000 bits", `"jwk":{"kty":"RSA","e":"AQAB","n":"`+strings.Repeat("_", 2_667)+`"}`),
		ofHeader("D05 a point of P-521", jwk),
		ofHeader("D05 a certificate", `"x5c":["`+strings.Repeat("MIIB", 700)+`"]`),
	}
}

// D03, D04, D06: a token that nobody signed allocates no more than 64 KiB, and 16
// bytes for each of its own.
func TestCostOfUnsignedTokens(t *testing.T) {
	j := jwtVerifierB(t)
	jwtCheck(t, j, jwtCase{"D06 one that is signed", jwtOfB(jwtClaims(jwtIssuerB)), true})
	jwtCheck(t, j, jwtCostly()...)
	for _, row := range jwtCostly() {
		limit := uint64(64<<10 + 16*len(row.token))
		if allocated, _ := cost(func() { _, _ = j.VerifyToken(t.Context(), row.token) }); allocated > limit {
			t.Errorf("%s: %d bytes, want %d at most", row.name, allocated, limit)
		}
	}
}

// D03: the bounds are inclusive, and hold for signed tokens too.
func TestBoundsOfClaims(t *testing.T) {
	var cases []jwtCase
	for n, good := range map[int]bool{256: true, 257: false} {
		before := strings.Repeat(`"x",`, n-1)
		for claim, value := range map[string]string{
			"aud": "[" + before + `"api"]`, "scope": "[" + before + `"read"]`, "scp": "[ " + strings.Repeat("[0,0] ,", n-1) + `"read" ]`,
		} {
			cases = append(cases, jwtCase{"D03 " + strconv.Itoa(n) + " elements in " + claim, jwtOfA(jwtClaims(jwtIssuerA).with(claim, value)), good})
		}
	}
	cases = append(cases,
		jwtCase{"D03 257 elements in a claim that decides nothing", jwtOfA(jwtClaims(jwtIssuerA).with("x", "["+strings.Repeat("0,", 256)+"0]")), true},
		jwtCase{"D03 257 scopes in a string", jwtOfA(jwtClaims(jwtIssuerA).with("scope", `"`+strings.Repeat("s ", 257)+`"`)), true})
	jwtCheck(t, jwtVerifier(t, authenticators.JWTConfig{}), cases...)
}

// D03, D04: what counts are members and elements, not what looks like them. The
// header has three members already.
func TestBoundsOfHeaders(t *testing.T) {
	deep := func(n int) string { return `"x":` + strings.Repeat("[", n) + "0" + strings.Repeat("]", n) }
	var cases []jwtCase
	for _, test := range []struct {
		name, member string
		good         bool
	}{
		{"D03 32 members", jwtJoined(29, `"#":0`), true},
		{"D03 33 members", jwtJoined(30, `"#":0`), false},
		{"D03 32 members and elements", `"x":[` + jwtJoined(14, "0") + `],"y":{` + jwtJoined(13, `"#":""`) + `}`, true},
		{"D03 33 members and elements", `"x":[` + jwtJoined(14, "0") + `],"y":{` + jwtJoined(14, `"#":""`) + `}`, false},
		{"D04 28 deep", deep(28), true},
		{"D04 29 deep", deep(29), false},
		{"D03 commas and brackets in a string", `"x":"` + strings.Repeat(`,[{\"`, 40) + `"`, true},
		{"D03 33 members behind a string that ends with a backslash", `"x":"\\",` + jwtJoined(29, `"#":0`), false},
	} {
		cases = append(cases, jwtCase{test.name, jwtWithHeader(jwtKeyA.header("RS256", test.member)), test.good})
	}
	jwtCheck(t, jwtVerifier(t, authenticators.JWTConfig{}), cases...)
}

// D03: whose token it is decides before its header does.
func TestLargeHeaderOfAnotherIssuer(t *testing.T) {
	var seen string
	bearer := authenticators.NewBearer(jwtVerifier(t, authenticators.JWTConfig{}), authenticators.TokenVerifierFunc(func(_ context.Context, token string) (authstar.Client, error) {
		seen = token
		return &authstar.Identity{ID: "somebody"}, nil
	}))
	large := jwtKeyA.header("RS256", jwtJoined(40, `"#":0`))
	for issuer, want := range map[string]bool{"https://x.example": true, jwtIssuerA: false} {
		seen = ""
		token := jwtToken(jwtKeyA, "RS256", large, jwtClaims(issuer).String())
		client, err := bearer.Authenticate(request("GET", "/", "Authorization: Bearer "+token))
		if (seen == token) != want || (client != nil) != want || (err == nil) != want {
			t.Errorf("%s: %v, %v, and the other verifier saw %q", issuer, client, err, seen)
		}
	}
}
