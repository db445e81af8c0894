package authenticators_test

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/authstar/authstar/authenticators"
)

// jwtClaimRow is a good token of A with one claim that has another value; "" is
// none.
type jwtClaimRow struct {
	id, claim, value string
	good             bool
}

func (r jwtClaimRow) check(t *testing.T, j *authenticators.JWT) {
	t.Helper()
	claims, name := jwtClaims(jwtIssuerA).with(r.claim, r.value), r.id+" "+r.claim+" "+r.value
	if r.value == "" {
		claims, name = claims.without(r.claim), r.id+" without "+r.claim
	}
	if len(name) > 60 {
		name = name[:60]
	}
	jwtCheck(t, j, jwtCase{name, jwtOfA(claims), r.good})
}

// J06, J08, JW-16, JW-20.
func TestTimes(t *testing.T) {
	j := jwtVerifier(t, authenticators.JWTConfig{})
	for _, row := range []jwtClaimRow{
		{"J06", "exp", jwtSeconds(600), true},
		{"JW-16 RS-03", "exp", jwtSeconds(-600), false},
		{"J06", "exp", "", false},
		{"J06", "exp", "null", false},
		{"JW-20", "exp", `"` + jwtSeconds(600) + `"`, false},
		{"JW-20", "exp", "true", false},
		{"JW-20", "exp", "false", false},
		{"JW-20", "exp", jwtSeconds(600) + ".5", true},
		{"JW-20", "exp", "1.8000006e9", true},
		{"JW-20", "exp", "18000006E+2", true},
		{"JW-20", "exp", "1.7e9", false},
		{"J06", "exp", `["` + jwtSeconds(600) + `"]`, false},
		{"J06", "exp", "[" + jwtSeconds(600) + "]", false},
		{"J06", "exp", "{}", false},
		{"J06", "exp", "0", false},
		{"J06", "exp", "-1", false},
		{"J06", "exp", "-" + jwtSeconds(600), false},
		{"X15", "exp", "253402300799", true}, // the end of the year 9999
		{"X15", "exp", "253402300800", false},
		{"X15", "exp", "9223372036854775807", false},
		{"X15", "exp", "9223372036854775808", false},
		{"X15", "exp", "18446744073709551616", false},
		{"X15", "exp", "4294967296", true}, // beyond 32 bits
		{"X15", "exp", "1e18", false},
		{"X15", "exp", "1e308", false},
		{"X15", "exp", "1e400", false},
		{"X15", "exp", "1" + strings.Repeat("0", 400), false},
		{"J06", "exp", "+" + jwtSeconds(600), false},
		{"J06", "exp", "0x7fffffff", false},
		{"J06", "exp", "NaN", false},
		{"J06", "exp", "Infinity", false},
		{"J06", "exp", "2_000_000_000", false},
		{"J06", "exp", "0" + jwtSeconds(600), false},
		{"J08", "nbf", "", true},
		{"J08", "nbf", "null", true},
		{"J08", "nbf", jwtSeconds(0), true},
		{"J08", "nbf", jwtSeconds(1), false},
		{"J08", "nbf", jwtSeconds(0) + ".5", false},
		{"J08", "nbf", `"0"`, false},
		{"X15", "nbf", "1e400", false},
		{"X15", "nbf", "-9223372036854775809", false},
		{"J08", "iat", "", true},
		{"J08", "iat", jwtSeconds(0), true},
		{"J08", "iat", jwtSeconds(1), false},
		{"J08", "iat", `"` + jwtSeconds(0) + `"`, false},
		{"J08", "iat", "true", false},
		{"X15", "iat", "9223372036854775808", false},
	} {
		row.check(t, j)
	}
}

// J07, JW-16: RFC 7519 section 4.1.4 says "on or after".
func TestBoundaries(t *testing.T) {
	for _, leeway := range []time.Duration{0, 30 * time.Second, 5 * time.Minute} {
		shift := int(leeway / time.Second)
		for _, test := range []struct {
			claim string
			now   time.Duration // after the time in the claim, without leeway
			good  bool
		}{
			{"exp", -time.Second, true}, {"exp", -1, true}, {"exp", 0, false}, {"exp", time.Second, false},
			{"nbf", -time.Second, false}, {"nbf", -1, false}, {"nbf", 0, true}, {"nbf", time.Second, true},
			{"iat", -time.Second, false}, {"iat", -1, false}, {"iat", 0, true}, {"iat", time.Second, true},
		} {
			value := jwtSeconds(-shift)
			if test.claim != "exp" {
				value = jwtSeconds(shift)
			}
			j := jwtVerifier(t, authenticators.JWTConfig{Leeway: leeway, Now: func() time.Time { return jwtNow.Add(test.now) }})
			name := "J07 " + test.claim + ", leeway " + leeway.String() + ", " + test.now.String() + " after it"
			jwtCheck(t, j, jwtCase{name, jwtOfA(jwtClaims(jwtIssuerA).with(test.claim, value)), test.good})
		}
	}
}

// J24: a token may be too good to be true.
func TestMaxLifetime(t *testing.T) {
	hour := jwtVerifier(t, authenticators.JWTConfig{MaxLifetime: time.Hour})
	token := func(iat, exp string) string {
		claims := jwtClaims(jwtIssuerA).with("iat", iat).with("exp", exp)
		if iat == "" {
			claims = claims.without("iat")
		}
		return jwtOfA(claims)
	}
	tenYears := strconv.Itoa(10 * 365 * 86400)
	jwtCheck(t, hour,
		jwtCase{"J24 an hour", token(jwtSeconds(-60), jwtSeconds(3540)), true},
		jwtCase{"J24 an hour and a second", token(jwtSeconds(-60), jwtSeconds(3541)), false},
		jwtCase{"J24 ten years", token(jwtSeconds(-60), jwtSeconds(10*365*86400)), false},
		jwtCase{"J24 ten years, a minute before its end", token(jwtSeconds(60-10*365*86400), jwtSeconds(60)), false},
		jwtCase{"J24 since 1970", token("0", jwtSeconds(60)), false},
		jwtCase{"X15 until the end of the year 9999", token("0", "253402300799"), false},
		jwtCase{"J24 who knows how long", token("", jwtSeconds(60)), false})
	jwtCheck(t, jwtVerifier(t, authenticators.JWTConfig{}),
		jwtCase{"J24 " + tenYears + " seconds, where it is not limited", token(jwtSeconds(-60), jwtSeconds(10*365*86400)), true})
}

// J09, JW-08: the issuer is compared byte for byte.
func TestIssuers(t *testing.T) {
	j := jwtVerifier(t, authenticators.JWTConfig{})
	for _, row := range []jwtClaimRow{
		{"J09", "iss", `"https://a.example"`, true},
		{"J09", "iss", `"https:\/\/a.ex\u0061mple"`, true},
		{"J09", "iss", `"https://a.example/"`, false},
		{"J09", "iss", `"https://A.example"`, false},
		{"J09", "iss", `"HTTPS://a.example"`, false},
		{"J09", "iss", `"http://a.example"`, false},
		{"J09", "iss", `"https://a.example:443"`, false},
		{"J09", "iss", `"https://a.example "`, false},
		{"J09", "iss", `" https://a.example"`, false},
		{"J09", "iss", `"https://a.example\u0000"`, false},
		{"J09", "iss", `"https://a.example#"`, false},
		{"J09", "iss", `"https://a.example?"`, false},
		{"J09", "iss", `"https://a.example.evil.example"`, false},
		{"J09", "iss", `"https://а.example"`, false}, // a Cyrillic letter
		{"J09", "iss", `"a.example"`, false},
		{"J09", "iss", `["https://a.example"]`, false},
		{"J09", "iss", `{"iss":"https://a.example"}`, false},
		{"J09", "iss", `""`, false},
		{"J09", "iss", `null`, false},
		{"J09", "iss", `1`, false},
		{"J09", "iss", ``, false},
	} {
		row.check(t, j)
	}
}

// J10, JW-10.
func TestAudiences(t *testing.T) {
	one := jwtVerifier(t, authenticators.JWTConfig{})
	two := jwtVerifier(t, authenticators.JWTConfig{Audiences: []string{"api", "api-v2"}})
	for _, test := range []struct {
		value    string
		one, two bool
	}{
		{`"api"`, true, true},
		{`["api"]`, true, true},
		{`["other","api"]`, true, true},
		{`"api-v2"`, false, true},
		{`["other","api-v2"]`, false, true},
		{`"\u0061pi"`, true, true},
		{`"other"`, false, false},
		{`["other"]`, false, false},
		{`[]`, false, false},
		{`""`, false, false},
		{`[""]`, false, false},
		{`null`, false, false},
		{``, false, false},
		{`"API"`, false, false},
		{`"api "`, false, false},
		{`"api/"`, false, false},
		{`"api api-v2"`, false, false},
		{`"api,api-v2"`, false, false},
		{`"ap"`, false, false},
		{`"*"`, false, false},
		{`["api",null]`, false, false},
		{`["api",1]`, false, false},
		{`[["api"]]`, false, false},
		{`{"api":"api"}`, false, false},
		{`1`, false, false},
		{`true`, false, false},
	} {
		jwtClaimRow{"J10", "aud", test.value, test.one}.check(t, one)
		jwtClaimRow{"J10 with two audiences,", "aud", test.value, test.two}.check(t, two)
	}
}

// J10: Cognito's access tokens have no "aud".
func TestAudienceClaim(t *testing.T) {
	j := jwtVerifier(t, authenticators.JWTConfig{AudienceClaim: "client_id", Audiences: []string{"app"}})
	claims := jwtClaims(jwtIssuerA)
	jwtCheck(t, j,
		jwtCase{"J10 client_id", jwtOfA(claims.without("aud")), true},
		jwtCase{"J10 client_id beside another aud", jwtOfA(claims), true},
		jwtCase{"J10 another client_id", jwtOfA(claims.with("client_id", `"other"`)), false},
		jwtCase{"J10 the name in aud", jwtOfA(claims.with("aud", `"app"`).without("client_id")), false},
		jwtCase{"J10 no client_id", jwtOfA(claims.without("client_id")), false},
		jwtCase{"J10 a null client_id", jwtOfA(claims.with("client_id", "null")), false})
	nested := jwtVerifier(t, authenticators.JWTConfig{AudienceClaim: "https://a.example/apis", Audiences: []string{"api"}})
	jwtCheck(t, nested,
		jwtCase{"J10 a list in a claim with dots in its name", jwtOfA(claims.also("https://a.example/apis", `["x","api"]`)), true},
		jwtCase{"J10 a list with a number in it", jwtOfA(claims.also("https://a.example/apis", `[1,"api"]`)), false},
		jwtCase{"J10 an object", jwtOfA(claims.also("https://a.example/apis", `{"api":true}`)), false})
}

// J11, JW-07: names that two parsers could read as two.
func TestSubjects(t *testing.T) {
	j := jwtVerifier(t, authenticators.JWTConfig{})
	for _, row := range []jwtClaimRow{
		{"J11", "sub", `"alice"`, true},
		{"J11", "sub", `"\u0061lice"`, true},
		{"J11", "sub", ``, false},
		{"J11", "sub", `null`, false},
		{"J11", "sub", `""`, false},
		{"J11", "sub", `1`, false},
		{"J11", "sub", `true`, false},
		{"J11", "sub", `["alice"]`, false},
		{"J11", "sub", `{"id":"alice"}`, false},
		{"J11", "sub", `"alice\r\nforged: yes"`, false},
		{"J11", "sub", `"alice\nforged"`, false},
		{"J11", "sub", `"alice\u0000"`, false},
		{"J11", "sub", `"alice\u007f"`, false},
		{"J11", "sub", `"alice\t"`, false},
		{"J11", "sub", `"\ufffd"`, false},
		{"J11", "sub", `"alice\u2028forged"`, false},
		{"J11", "sub", `"alice\u2029forged"`, false},
		{"J11", "sub", `"alice\ud800"`, false},
		{"J11", "sub", `"alice\udc00x"`, false},
		{"J11", "sub", `"alice\ud800\ud800"`, false},
		{"JW-07", "sub", "\"alice\xff\"", false},
		{"JW-07", "sub", "\"alice\xc0\xaf\"", false},
		{"JW-07", "sub", "\"alice\xed\xa0\x80\"", false},
		{"JW-07", "x", "\"\xff\"", false},
		{"JW-07", "sub", "\"alice\n\"", false},
	} {
		row.check(t, j)
	}
	unusual := jwtOfA(jwtClaims(jwtIssuerA).with("sub", `"Ａlice 😀 \ud83d\ude00 ö"`))
	client, err := j.VerifyToken(t.Context(), unusual)
	if err != nil || client.ClientID() != "Ａlice 😀 😀 ö" {
		t.Errorf("J11 a name beyond ASCII: %v, %v", client, err)
	}
}

// J22, RS-21: nothing proves the possession of the key.
func TestBoundTokens(t *testing.T) {
	j := jwtVerifier(t, authenticators.JWTConfig{})
	for _, row := range []jwtClaimRow{
		{"J22", "cnf", ``, true},
		{"J22", "cnf", `null`, true},
		{"J22", "cnf", `{"jkt":"0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"}`, false},
		{"J22", "cnf", `{"x5t#S256":"bwcK0esc3ACC3DB2Y5_lESsXE8o9ltc05O89jdN-dg2"}`, false},
		{"J22", "cnf", `{}`, false},
		{"J22", "cnf", `""`, false},
		{"J22", "cnf", `[]`, false},
		{"J22", "cnf", `0`, false},
		{"J22", "cnf", `false`, false},
		{"J22", `c\u006ef`, `{"jkt":"x"}`, false},
		{"J22", "CNF", `{"jkt":"x"}`, true},
	} {
		row.check(t, j)
	}
}
