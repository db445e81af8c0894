package authenticators_test

import (
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/authstar/authstar"
	"github.com/authstar/authstar/authenticators"
)

// jwtIdentity verifies a token of A with these claims beside the usual ones.
func jwtIdentity(t *testing.T, more ...string) *authstar.Identity {
	t.Helper()
	claims := strings.TrimSuffix(jwtClaims(jwtIssuerA).String(), "}") + "," + strings.Join(more, ",") + "}"
	client, err := jwtVerifier(t, authenticators.JWTConfig{}).VerifyToken(t.Context(), jwtToken(jwtKeyA, "RS256", jwtKeyA.header("RS256"), claims))
	if err != nil {
		t.Fatal(err)
	}
	return client.(*authstar.Identity)
}

// J23: numbers are exact, in whatever they are decoded into.
func TestNumbersInClaims(t *testing.T) {
	id := jwtIdentity(t, `"uid":9007199254740993`, `"big":18446744073709551615`, `"negative":-9223372036854775808`, `"huge":123456789012345678901234567890`, `"pi":3.141592653589793238462643`,
		`"list":[9007199254740993,{"uid":9007199254740993}]`)
	var claims struct {
		UID      int64   `json:"uid"`
		Big      uint64  `json:"big"`
		Negative int64   `json:"negative"`
		Pi       float64 `json:"pi"`
		Huge     any     `json:"huge"`
		List     []any   `json:"list"`
		Pointer  *any    `json:"uid2"`
	}
	if err := id.Claims(&claims); err != nil {
		t.Fatal(err)
	}
	if claims.UID != 9007199254740993 || claims.Big != 18446744073709551615 || claims.Negative != -9223372036854775808 || claims.Pi != 3.141592653589793 {
		t.Errorf("J23 %+v", claims)
	}
	if claims.Huge != json.Number("123456789012345678901234567890") {
		t.Errorf("J23 %T %v", claims.Huge, claims.Huge)
	}
	want := []any{json.Number("9007199254740993"), map[string]any{"uid": json.Number("9007199254740993")}}
	if !reflect.DeepEqual(claims.List, want) {
		t.Errorf("J23 %#v", claims.List)
	}
	var all map[string]any
	if err := id.Claims(&all); err != nil || all["uid"] != json.Number("9007199254740993") || !reflect.DeepEqual(all["list"], want) {
		t.Errorf("J23 %v, %#v", err, all)
	}
	var anything any
	if err := id.Claims(&anything); err != nil || anything.(map[string]any)["uid"] != json.Number("9007199254740993") {
		t.Errorf("J23 %v, %#v", err, anything)
	}
	for _, narrow := range []any{new(struct {
		UID int32 `json:"uid"`
	}), new(struct {
		Big int64 `json:"big"`
	}), new(struct {
		Pi int `json:"pi"`
	}), new(struct {
		Negative uint64 `json:"negative"`
	})} {
		if err := id.Claims(narrow); err == nil {
			t.Errorf("J23, X15: %+v", narrow)
		}
	}
}

// J23, and the contract of encoding/json.Number: in a struct in a map, and in an
// embedded struct.
func TestNumbersInStructs(t *testing.T) {
	type number struct {
		N any `json:"n"`
	}
	type target struct {
		number
		Map map[string]number `json:"map"`
	}
	var got target
	err := jwtIdentity(t, `"n":9007199254740993`, `"map":{"a":{"n":1.50}}`).Claims(&got)
	want := target{number{json.Number("9007199254740993")}, map[string]number{"a": {json.Number("1.50")}}}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("J23 %v, %#v", err, got)
	}
}

// J11, J16: a string has the meaning that encoding/json finds in it.
func TestEscapesInClaims(t *testing.T) {
	var id string
	j := jwtVerifier(t, authenticators.JWTConfig{CacheSize: -1, Client: func(_ context.Context, token *authenticators.Token) (authstar.Client, error) {
		id = token.ClientID
		return &authstar.Identity{ID: token.Subject}, nil
	}})
	for _, text := range []string{
		`""`, `"plain ö 😀"`, `"\"\\\/\b\f\n\r\t"`, `"a\u0041\u00e9\u20ac\uFFFF\u0000z"`, `"\ud83d\ude00x"`, `"x\uD83D\uDE00"`, `"\\ud83d\\n"`,
		`"\ud83d"`, `"\ud83dx"`, `"\ud83dxxde00"`, `"\ude00"`, `"\ude00\ud83d"`, `"\ud83d\ud83d\ude00"`, `"\ud83d\n"`, `"\ud83d\u0041"`, `"\ud83d\\ude00"`, `null`,
	} {
		var want string
		if err := json.Unmarshal([]byte(text), &want); err != nil {
			t.Fatal(err)
		}
		id = "unset"
		if _, err := j.VerifyToken(t.Context(), jwtOfA(jwtClaims(jwtIssuerA).with("client_id", text))); err != nil || id != want {
			t.Errorf("%s is %q, %v, want %q", text, id, err, want)
		}
	}
	for _, text := range []string{`"\u12"`, `"\x41"`, `"\"`, `"\u12g4"`, `1`, `{}`, `true`} {
		if _, err := j.VerifyToken(t.Context(), jwtOfA(jwtClaims(jwtIssuerA).with("client_id", text))); err == nil {
			t.Errorf("%s is %q", text, id)
		}
	}
}

func TestLookingUpAClaim(t *testing.T) {
	id := jwtIdentity(t, `"Role":"admin"`, `"role":"user"`, `"uid":9007199254740993`, `"null":null`, `"nested":{"uid":9007199254740993,"list":[1,"a",true,null]}`,
		`"twice":{"a":1,"a":2}`, `"\u0065scaped":"\u00e9"`, `"e":""`)
	for _, test := range []struct {
		name  string
		value any
		found bool
	}{
		{"role", "user", true},
		{"Role", "admin", true},
		{"ROLE", nil, false},
		{"uid", json.Number("9007199254740993"), true},
		{"null", nil, true},
		{"absent", nil, false},
		{"", nil, false},
		{"e", "", true},
		{"escaped", "é", true},
		{"nested.uid", nil, false},
		{"nested", map[string]any{"uid": json.Number("9007199254740993"), "list": []any{json.Number("1"), "a", true, nil}}, true},
		{"twice", nil, false},
		{"sub", "alice", true},
		{"aud", "api", true},
	} {
		value, found := id.Claim(test.name)
		if found != test.found || !reflect.DeepEqual(value, test.value) {
			t.Errorf("J16, J23: claim %q is %#v, %v, want %#v, %v", test.name, value, found, test.value, test.found)
		}
	}
}

// J16: names are compared exactly, duplicates are errors.
func TestDecodingClaims(t *testing.T) {
	id := jwtIdentity(t, `"Role":"admin"`, `"email":"a@x.example"`, `"address":{"city":"Ulm"}`, `"groups":["a","b"]`)
	var claims struct {
		Role    string `json:"role"`
		Email   string `json:"email"`
		Groups  []string
		Groups2 []string `json:"groups"`
		Address struct {
			City string `json:"city"`
		} `json:"address"`
	}
	if err := id.Claims(&claims); err != nil {
		t.Fatal(err)
	}
	if claims.Role != "" || claims.Groups != nil || claims.Email != "a@x.example" || fmt.Sprint(claims.Groups2) != "[a b]" || claims.Address.City != "Ulm" {
		t.Errorf("J16 %+v", claims)
	}
	twice := jwtIdentity(t, `"address":{"city":"Ulm","city":"Bonn"}`)
	if err := twice.Claims(&claims); err == nil || !strings.HasPrefix(err.Error(), "authstar: ") {
		t.Errorf("J16 duplicates: %v", err)
	}
	for _, bad := range []any{nil, claims, new(string), new([]string), new(struct {
		Email int `json:"email"`
	}), new(struct {
		IssuedAt json.Number `json:"iat"`
	})} {
		if err := id.Claims(bad); err == nil {
			t.Errorf("decoding into %T is no error", bad)
		}
	}
	if err := new(authstar.Identity).Claims(&claims); err == nil {
		t.Error("an identity without a token has claims")
	}
}

// M11: everybody gets claims of their own.
func TestClaimsAreFresh(t *testing.T) {
	id := jwtIdentity(t, `"nested":{"list":["a"]}`)
	first, _ := id.Claim("nested")
	first.(map[string]any)["list"].([]any)[0] = "spoilt"
	first.(map[string]any)["more"] = true
	var all map[string]any
	if err := id.Claims(&all); err != nil {
		t.Fatal(err)
	}
	all["nested"].(map[string]any)["list"] = nil
	second, _ := id.Claim("nested")
	if fmt.Sprint(second) != "map[list:[a]]" {
		t.Errorf("M11 %v", second)
	}
}

// J10: null is no audience, which is well where another claim has it.
func TestNullAudience(t *testing.T) {
	claims := jwtClaims(jwtIssuerA).with("client_id", `"api"`).with("aud", "null")
	jwtCheck(t, jwtVerifier(t, authenticators.JWTConfig{}), jwtCase{"J10 null for an audience", jwtOfA(claims), false})
	jwtCheck(t, jwtVerifier(t, authenticators.JWTConfig{AudienceClaim: "client_id"}), jwtCase{"J10 null beside the audience", jwtOfA(claims), true})
}

// J14: "application/" with nothing behind it is not the same as no type.
func TestEmptyTokenTypes(t *testing.T) {
	typed := func(typ string) string { return jwtWithHeader(`{"alg":"RS256","kid":"k1","typ":` + typ + `}`) }
	jwtCheck(t, jwtVerifier(t, authenticators.JWTConfig{}),
		jwtCase{"J14 no type", jwtWithHeader(`{"alg":"RS256","kid":"k1"}`), true},
		jwtCase{"J14 an empty type", typed(`""`), true},
		jwtCase{"J14 application/JWT", typed(`"application/JWT"`), true},
		jwtCase{"J14 application/", typed(`"application/"`), false},
		jwtCase{"J14 APPLICATION/", typed(`"APPLICATION/"`), false})
}
