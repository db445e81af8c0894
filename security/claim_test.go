package security_test

import (
	"bytes"
	"encoding/json"
	"math"
	"strings"
	"testing"

	"github.com/authstar/authstar"
	"github.com/authstar/authstar/security"
)

// claims is a ClaimSet over a JSON object.
type claims string

func (c claims) Decode(v any) error {
	d := json.NewDecoder(bytes.NewReader([]byte(c)))
	d.UseNumber()
	return d.Decode(v)
}

func (c claims) Lookup(name string) (any, bool) {
	var m map[string]any
	if c.Decode(&m) != nil {
		return nil, false
	}
	v, ok := m[name]
	return v, ok
}

func withClaim(value string) authstar.Client {
	return (&authstar.Identity{ID: "alice"}).WithClaims(claims(`{"c":` + value + `}`))
}

func TestClaimEquality(t *testing.T) {
	for _, row := range []struct {
		name    string
		claim   string
		allowed []any
		passes  bool
	}{
		{"any value will do", `"x"`, nil, true},
		{"false is a value", `false`, nil, true},
		{"null is absent", `null`, nil, false},
		{"null is absent even if allowed", `null`, []any{nil}, false},
		{"a string", `"x"`, []any{"x"}, true},
		{"a string in another case", `"X"`, []any{"x"}, false},
		{"a string of a named type", `"x"`, []any{authstar.Code("x")}, true},
		{"one of several", `"y"`, []any{"x", "y"}, true},
		{"none of several", `"z"`, []any{"x", "y"}, false},
		{"a bool", `true`, []any{true}, true},
		{"a bool is no string", `"true"`, []any{true}, false},
		{"a bool is no number", `1`, []any{true}, false},
		{"a number is no string", `"1"`, []any{1}, false},
		{"a string is no number", `1`, []any{"1"}, false},
		{"1 is 1.0", `1.0`, []any{1}, true},
		{"1 is 1e0", `1e0`, []any{1}, true},
		{"1 is 10E-1", `10E-1`, []any{1}, true},
		{"1 is not -1", `-1`, []any{1}, false},
		{"1 is not 10", `10`, []any{1}, false},
		{"0 is -0.0", `-0.0`, []any{0}, true},
		{"0 is 0e9", `0e9`, []any{0}, true},
		{"0.5 is a float64", `5e-1`, []any{0.5}, true},
		{"9007199254740993 is itself", `9007199254740993`, []any{int64(9007199254740993)}, true},
		{"9007199254740993 is not 9007199254740992", `9007199254740993`, []any{int64(9007199254740992)}, false},
		{"a huge exponent is itself", `1e999999999`, []any{json.Number("10e999999998")}, true},
		{"a huge exponent is not another", `1e999999999`, []any{json.Number("1e999999998")}, false},
		{"a huge exponent is not 1", `1e-999999999`, []any{1}, false},
		{"an exponent that wraps around is not another", `0.1e-9223372036854775808`, []any{json.Number("1e9223372036854775807")}, false},
		{"an exponent beyond 64 bits is no number", `1e99999999999999999999`, []any{1}, false},
		{"an element of an array", `["x","y"]`, []any{"y"}, true},
		{"no element of an array", `["x","y"]`, []any{"z"}, false},
		{"an empty array", `[]`, []any{"x"}, false},
		{"a whole array", `["x","y"]`, []any{[]string{"x", "y"}}, true},
		{"an array in another order", `["y","x"]`, []any{[]string{"x", "y"}}, false},
		{"an array inside an array", `[["x"]]`, []any{"x"}, false},
		{"an element that is a number", `[1.0]`, []any{1}, true},
		{"an object", `{"a":1,"b":[true,null]}`, []any{map[string]any{"b": []any{true, nil}, "a": 1.0}}, true},
		{"an object with another member", `{"a":1,"c":2}`, []any{map[string]any{"a": 1, "b": 2}}, false},
		{"an object with more members", `{"a":1,"b":2}`, []any{map[string]any{"a": 1}}, false},
		{"an object by struct", `{"a":1}`, []any{struct {
			A int `json:"a"`
		}{1}}, true},
	} {
		t.Run(row.name, func(t *testing.T) {
			want := "access_denied"
			if row.passes {
				want = ""
			}
			if err := security.Claim("c", row.allowed...).Check(as(withClaim(row.claim))); codeOf(err) != want {
				t.Errorf("%s against %v: %v", row.claim, row.allowed, err)
			}
		})
	}
}

func TestClaimOfOtherClients(t *testing.T) {
	g := security.Claim("c", "x")
	for _, row := range []struct {
		name   string
		client authstar.Client
		want   string
	}{
		{"a client with the claim", withClaim(`"x"`), ""},
		{"a client without claims", &authstar.Identity{ID: "alice"}, "access_denied"},
		{"a client without the method", plainClient("alice"), "access_denied"},
		{"a claim in another case", (&authstar.Identity{ID: "alice"}).WithClaims(claims(`{"C":"x"}`)), "access_denied"},
		{"no client", nil, "no credentials"},
		{"a claim that is not JSON", oddClient{math.NaN()}, "server_error"},
		{"a claim of a Go type", oddClient{[]authstar.Code{"x"}}, ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			if err := g.Check(as(row.client)); codeOf(err) != row.want {
				t.Errorf("%v, want %q", err, row.want)
			}
		})
	}
}

// plainClient has no more methods than a Client needs.
type plainClient string

func (c plainClient) ClientID() string { return string(c) }
func (c plainClient) Scopes() []string { return []string{"read"} }

type oddClient struct{ claim any }

func (oddClient) ClientID() string           { return "odd" }
func (oddClient) Scopes() []string           { return nil }
func (c oddClient) Claim(string) (any, bool) { return c.claim, true }

// A claim's value and the numbers that it is compared with cost time linear in
// their length; a number that had to be written out would take forever.
func TestClaimWithHostileNumbers(t *testing.T) {
	digits := strings.Repeat("9", 100_000)
	for _, row := range []struct {
		name, claim string
	}{
		{"many digits", digits},
		{"many digits and an exponent", digits + "e999999999"},
		{"many zeros", "0." + strings.Repeat("0", 100_000) + "1"},
		{"a huge exponent", "1e2147483647"},
		{"a huge negative exponent", "1e-2147483647"},
	} {
		t.Run(row.name, func(t *testing.T) {
			if err := security.Claim("c", 1, json.Number(digits+"1")).Check(as(withClaim(row.claim))); codeOf(err) != "access_denied" {
				t.Errorf("%.60v", err)
			}
		})
	}
	if err := security.Claim("c", json.Number(digits)).Check(as(withClaim(digits + ".0"))); err != nil {
		t.Errorf("%.60v", err)
	}
}
