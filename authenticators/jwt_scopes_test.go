package authenticators_test

import (
	"strings"
	"testing"

	"github.com/authstar/authstar/authenticators"
)

// J13: scopes.
func TestScopesOfTokens(t *testing.T) {
	long := strings.TrimSpace(strings.Repeat("s ", 5_000))
	for _, test := range []struct {
		name   string
		claims []string // which are read
		scopes jwtObject
		want   string
	}{
		{"a string", nil, jwtObject{{"scope", `"read write"`}}, "read write"},
		{"two spaces", nil, jwtObject{{"scope", `"read  write"`}}, "read write"},
		{"spaces around", nil, jwtObject{{"scope", `" read "`}}, "read"},
		{"a tab", nil, jwtObject{{"scope", `"read\twrite"`}}, ""},
		{"another case", nil, jwtObject{{"scope", `"READ"`}}, "READ"},
		{"a comma is part of a scope", nil, jwtObject{{"scope", `"admin,read"`}}, "admin,read"},
		{"a zero byte spoils the whole", nil, jwtObject{{"scope", `"read admin\u0000"`}}, ""},
		{"a quotation mark spoils the whole", nil, jwtObject{{"scope", `"read ad\"min"`}}, ""},
		{"a backslash spoils the whole", nil, jwtObject{{"scope", `"read ad\\min"`}}, ""},
		{"a no-break space spoils the whole", nil, jwtObject{{"scope", `"read\u00a0admin"`}}, ""},
		{"an escaped scope", nil, jwtObject{{"scope", `"\u0072ead"`}}, "read"},
		{"an empty string", nil, jwtObject{{"scope", `""`}}, ""},
		{"null", nil, jwtObject{{"scope", `null`}}, ""},
		{"a number", nil, jwtObject{{"scope", `1`}}, ""},
		{"an object", nil, jwtObject{{"scope", `{"read":true}`}}, ""},
		{"no claim", nil, nil, ""},
		{"an array in scp", nil, jwtObject{{"scp", `["read","write"]`}}, "read write"},
		{"a string in scp", nil, jwtObject{{"scp", `"read write"`}}, "read write"},
		{"both, each scope once", nil, jwtObject{{"scope", `"read write"`}, {"scp", `["write","audit"]`}}, "read write audit"},
		{"an element with a space is no two scopes", nil, jwtObject{{"scp", `["read admin","write"]`}}, "write"},
		{"elements that are no strings", nil, jwtObject{{"scp", `["read",1,null,"",["admin"],"write"]`}}, "read write"},
		{"a scope twice", nil, jwtObject{{"scope", `"read read"`}}, "read"},
		{"10,000 scopes", nil, jwtObject{{"scope", `"` + long + `"`}}, "s"},
		{"only the configured claims", []string{"scp"}, jwtObject{{"scope", `"admin"`}, {"scp", `"read"`}}, "read"},
		{"scope, as configured", []string{"scope"}, jwtObject{{"scope", `"read"`}, {"scp", `"admin"`}}, "read"},
		{"an array in another claim", []string{"permissions"}, jwtObject{{"permissions", `["read:x","write:x"]`}}, "read:x write:x"},
		{"two claims together", []string{"permissions", "scope"}, jwtObject{{"scope", `"read"`}, {"permissions", `["write","read"]`}}, "write read"},
		{"a nested claim", []string{"realm_access.roles"}, jwtObject{{"realm_access", `{"roles":["user","auditor"]}`}}, "user auditor"},
		{"a nested claim with dots in a name", []string{"resource_access.my.app.roles"}, jwtObject{{"resource_access", `{"my.app":{"roles":["editor"]},"my":1}`}}, "editor"},
		{"a name with a colon", []string{"cognito:groups"}, jwtObject{{"cognito:groups", `["admins"]`}}, "admins"},
		{"a name that is a URL", []string{"https://example.com/roles"}, jwtObject{{"https://example.com/roles", `["owner"]`}}, "owner"},
		{"a claim with the dotted name itself", []string{"a.b"}, jwtObject{{"a", `{"b":"inner"}`}, {"a.b", `"outer"`}}, "outer"},
		{"a path that ends early", []string{"realm_access.roles.x"}, jwtObject{{"realm_access", `{"roles":["user"]}`}}, ""},
		{"a path in another case", []string{"realm_access.Roles"}, jwtObject{{"realm_access", `{"roles":["user"]}`}}, ""},
		{"a nested claim twice", []string{"realm_access.roles"}, jwtObject{{"realm_access", `{"roles":["user"],"roles":["admin"]}`}}, ""},
		{"a path through null", []string{"realm_access.roles"}, jwtObject{{"realm_access", `null`}}, ""},
		{"a path of dots", []string{"..."}, jwtObject{{"scope", `"read"`}}, ""},
	} {
		t.Run("J13 "+test.name, func(t *testing.T) {
			j := jwtVerifier(t, authenticators.JWTConfig{ScopeClaims: test.claims})
			client, err := j.VerifyToken(t.Context(), jwtOfA(jwtClaims(jwtIssuerA).without("scope").join(test.scopes)))
			if err != nil {
				t.Fatal(err)
			}
			if got := strings.Join(client.Scopes(), " "); got != test.want {
				t.Errorf("scopes %q, want %q", got, test.want)
			}
		})
	}
}
