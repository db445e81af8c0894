package authenticators_test

import (
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/authstar/authstar"
	"github.com/authstar/authstar/authenticators"
)

const (
	tenantTemplate = "https://login.example/{tenantid}/v2.0"
	tenantOne      = "8f14e45f-ceea-467f-a8c7-9b0e6a1b2c3d"
	tenantTwo      = "45c48cce-2e2d-4b7a-9f1e-0d6e5a4b3c2d"
)

func tenantIssuer(tenant string) string {
	return strings.Replace(tenantTemplate, "{tenantid}", tenant, 1)
}

// tenantToken has the tid as raw JSON; "" is none.
func tenantToken(issuer, tid string) string {
	claims := jwtClaims(issuer)
	if tid != "" {
		claims = claims.also("tid", tid)
	}
	return jwtOfA(claims)
}

func tenantQuoted(tenant string) string { return `"` + tenant + `"` }

func TestTenants(t *testing.T) {
	some := authenticators.JWTConfig{Issuer: tenantTemplate, Tenants: []string{tenantOne}}
	all := authenticators.JWTConfig{Issuer: tenantTemplate, InsecureAnyTenant: true}
	for _, row := range []struct {
		name   string
		config authenticators.JWTConfig
		token  string
		good   bool
	}{
		{"a tenant of the list", some, tenantToken(tenantIssuer(tenantOne), tenantQuoted(tenantOne)), true},
		{"a tenant that is not of the list", some, tenantToken(tenantIssuer(tenantTwo), tenantQuoted(tenantTwo)), false},
		{"any tenant", all, tenantToken(tenantIssuer(tenantTwo), tenantQuoted(tenantTwo)), true},
		{"the tid of another tenant", some, tenantToken(tenantIssuer(tenantOne), tenantQuoted(tenantTwo)), false},
		{"any tenant, the tid of another", all, tenantToken(tenantIssuer(tenantOne), tenantQuoted(tenantTwo)), false},
		{"the issuer of another tenant", some, tenantToken(tenantIssuer(tenantTwo), tenantQuoted(tenantOne)), false},
		{"a tid in another case", some, tenantToken(tenantIssuer(tenantOne), tenantQuoted(strings.ToUpper(tenantOne))), false},
		{"an issuer in another case", some, tenantToken(tenantIssuer(strings.ToUpper(tenantOne)), tenantQuoted(strings.ToUpper(tenantOne))), false},
		{"no tid", some, tenantToken(tenantIssuer(tenantOne), ""), false},
		{"any tenant, no tid", all, tenantToken(tenantIssuer(tenantOne), ""), false},
		{"a tid that is null", all, tenantToken(tenantIssuer(tenantOne), "null"), false},
		{"a tid that is a number", all, tenantToken(tenantIssuer("1"), "1"), false},
		{"a tid that is that number as text", all, tenantToken(tenantIssuer("1"), `"1"`), true},
		{"a tid that is a list", all, tenantToken(tenantIssuer(tenantOne), `["`+tenantOne+`"]`), false},
		{"two tids", all, jwtOfA(jwtClaims(tenantIssuer(tenantOne)).also("tid", tenantQuoted(tenantOne)).also("tid", tenantQuoted(tenantTwo))), false},
		{"a tenant with a slash", all, tenantToken(tenantIssuer("a/b"), `"a/b"`), false},
		{"a tenant in another alphabet", all, tenantToken(tenantIssuer("α"), `"α"`), true},
		{"a tenant with a line break", all, jwtOfA(jwtClaims("").with("iss", `"https://login.example/a\nforged/v2.0"`).also("tid", `"a\nforged"`)), false},
		{"a tenant with a line separator", all, jwtOfA(jwtClaims("").with("iss", `"https://login.example/a\u2028forged/v2.0"`).also("tid", `"a\u2028forged"`)), false},
		{"an empty tenant", all, tenantToken(tenantIssuer(""), `""`), false},
		{"another host", all, tenantToken("https://evil.example/"+tenantOne+"/v2.0", tenantQuoted(tenantOne)), false},
		{"a host that begins alike", all, tenantToken("https://login.example.evil/"+tenantOne+"/v2.0", tenantQuoted(tenantOne)), false},
		{"something behind the issuer", all, tenantToken(tenantIssuer(tenantOne)+"/", tenantQuoted(tenantOne)), false},
		{"another version", all, tenantToken("https://login.example/"+tenantOne+"/v1.0", tenantQuoted(tenantOne)), false},
		{"the template itself", some, tenantToken(tenantTemplate, `"{tenantid}"`), false},
		{"the prefix alone", all, tenantToken("https://login.example/v2.0", tenantQuoted(tenantOne)), false},
		{"the key of another issuer", all, jwtOfB(jwtClaims(tenantIssuer(tenantOne)).also("tid", tenantQuoted(tenantOne))), false},
	} {
		jwtCheck(t, jwtVerifier(t, row.config), jwtCase{"C12 " + row.name, row.token, row.good})
	}
}

// J12: a client's issuer is that of its tenant.
func TestTenantIsTheIssuer(t *testing.T) {
	j := jwtVerifier(t, authenticators.JWTConfig{Issuer: tenantTemplate, Tenants: []string{tenantOne, tenantTwo}})
	for _, tenant := range []string{tenantOne, tenantTwo} {
		for range 2 { // verified and remembered
			client, err := j.VerifyToken(t.Context(), tenantToken(tenantIssuer(tenant), tenantQuoted(tenant)))
			if err != nil || client.(*authstar.Identity).Issuer != tenantIssuer(tenant) {
				t.Errorf("J12 %v, %v", client, err)
			}
		}
	}
}

func TestTenantConfig(t *testing.T) {
	for _, row := range []struct {
		name, issuer string
		tenants      []string
		any          bool
		want         string
	}{
		{"a list", tenantTemplate, []string{tenantOne}, false, ""},
		{"any", tenantTemplate, nil, true, ""},
		{"the placeholder at the end", "https://login.example/{tenantid}", nil, true, ""},
		{"neither list nor any", tenantTemplate, nil, false, "Tenants: required"},
		{"an empty list", tenantTemplate, []string{}, false, "Tenants: required"},
		{"both", tenantTemplate, []string{tenantOne}, true, "InsecureAnyTenant"},
		{"an empty tenant", tenantTemplate, []string{tenantOne, ""}, false, "Tenants"},
		{"a tenant with a slash", tenantTemplate, []string{"a/b"}, false, "Tenants"},
		{"the placeholder as a tenant", tenantTemplate, []string{"{tenantid}"}, false, "Tenants"},
		{"a list without a placeholder", jwtIssuerA, []string{tenantOne}, false, "Issuer"},
		{"any without a placeholder", jwtIssuerA, nil, true, "Issuer"},
		{"the placeholder as the host", "https://{tenantid}/v2.0", nil, true, "one segment"},
		{"the placeholder in the host", "https://{tenantid}.example/v2.0", nil, true, "one segment"},
		{"the placeholder as a part of a segment", "https://login.example/x{tenantid}/v2.0", nil, true, "one segment"},
		{"the placeholder with more behind it", "https://login.example/{tenantid}x", nil, true, "one segment"},
		{"the placeholder twice", "https://login.example/{tenantid}/{tenantid}", nil, true, "one segment"},
		{"http", "http://login.example/{tenantid}/v2.0", nil, true, "https"},
	} {
		t.Run("K01 "+row.name, func(t *testing.T) {
			_, err := authenticators.NewJWT(authenticators.JWTConfig{Issuer: row.issuer, Tenants: row.tenants, InsecureAnyTenant: row.any, Audiences: []string{"api"}, Keys: jwtKeys(t, jwtKeyA)})
			if (err == nil) != (row.want == "") || err != nil && !strings.Contains(err.Error(), row.want) {
				t.Errorf("%v, want %q", err, row.want)
			}
		})
	}
}

// C12: no token has two verifiers.
func TestTenantBesideExactIssuer(t *testing.T) {
	template := jwtVerifier(t, authenticators.JWTConfig{Issuer: tenantTemplate, Tenants: []string{tenantOne}})
	for tenant, ok := range map[string]bool{tenantOne: false, tenantTwo: true} {
		exact := jwtVerifier(t, authenticators.JWTConfig{Issuer: tenantIssuer(tenant)})
		for _, list := range [][]authenticators.TokenVerifier{{template, exact}, {exact, template}} {
			if _, err := authstar.New(authenticators.NewBearer(list...)); (err == nil) != ok {
				t.Errorf("C12 tenant %s: %v", tenant, err)
			}
		}
	}
	if _, err := authstar.New(authenticators.NewBearer(template, jwtVerifier(t, authenticators.JWTConfig{Issuer: tenantTemplate, Tenants: []string{tenantTwo}}))); err == nil {
		t.Error("C12 one template twice")
	}
}

// C12: no issuer is one of two templates.
func TestTwoTemplates(t *testing.T) {
	const first, last = "https://login.example/{tenantid}/b", "https://login.example/a/{tenantid}"
	any := func(issuer string) authenticators.JWTConfig {
		return authenticators.JWTConfig{Issuer: issuer, InsecureAnyTenant: true}
	}
	some := func(issuer string, tenants ...string) authenticators.JWTConfig {
		return authenticators.JWTConfig{Issuer: issuer, Tenants: tenants}
	}
	for _, row := range []struct {
		name     string
		one, two authenticators.JWTConfig
		shared   bool
	}{
		{"any tenant in another segment", any(first), any(last), true},
		{"any tenant in another segment of more", any(first + "/c"), any(last + "/c"), true},
		{"a list that has the segment of the other", some(first, "x", "a"), any(last), true},
		{"two lists that have the segment of the other", some(first, "a"), some(last, "b"), true},
		{"a list that does not", some(first, "x"), any(last), false},
		{"two lists of which one does not", some(first, "a"), some(last, "x"), false},
		{"another segment of both", any(first + "/c"), any(last + "/d"), false},
		{"another number of segments", any(first), any(last + "/b"), false},
		{"another host", any(first), any("https://login2.example/a/{tenantid}"), false},
		{"another end", any(first), any("https://login.example/{tenantid}/a"), false},
		{"a slash at the end", any("https://login.example/{tenantid}"), any("https://login.example/{tenantid}/"), false},
	} {
		for _, list := range [][2]authenticators.JWTConfig{{row.one, row.two}, {row.two, row.one}} {
			_, err := authstar.New(authenticators.NewBearer(jwtVerifier(t, list[0]), jwtVerifier(t, list[1])))
			if (err != nil) != row.shared || err != nil && strings.Count(err.Error(), "https://login.example/a/b") != 1 {
				t.Errorf("C12 %s: %v", row.name, err)
			}
		}
	}
}

// OpenID Connect Discovery 1.0 section 4 removes a slash at the end of an issuer,
// as Entra's first version has it, before it appends.
func TestTenantDiscovery(t *testing.T) {
	for template, document := range map[string]string{
		"/{tenantid}/v2.0":  "/common/v2.0/.well-known/openid-configuration",
		"/{tenantid}/v2.0/": "/common/v2.0/.well-known/openid-configuration",
		"/{tenantid}/":      "/common/.well-known/openid-configuration",
		"/{tenantid}":       "/common/.well-known/openid-configuration",
	} {
		t.Run("K02 "+template, func(t *testing.T) {
			p := newIDP(t)
			issuer := p.URL + template
			p.serve(func(w http.ResponseWriter, r *http.Request) {
				switch r.URL.Path {
				case document:
					_, _ = io.WriteString(w, `{"issuer":"`+issuer+`","jwks_uri":"`+p.URL+`/keys"}`)
				case "/keys":
					_, _ = w.Write(jwtJWKS(jwtKeyA))
				default:
					http.NotFound(w, r)
				}
			})
			j, err := authenticators.NewJWT(authenticators.JWTConfig{Issuer: issuer, Tenants: []string{tenantOne}, Audiences: []string{"api"}, Now: p.time})
			if err != nil {
				t.Fatal(err)
			}
			if p.requests() != 0 {
				t.Error("NewJWT does I/O")
			}
			for tenant, good := range map[string]bool{tenantOne: true, tenantTwo: false} {
				if client, err := j.VerifyToken(t.Context(), tenantToken(strings.Replace(issuer, "{tenantid}", tenant, 1), tenantQuoted(tenant))); (err == nil) != good {
					t.Errorf("tenant %s: %v, %v", tenant, client, err)
				}
			}
			if !slices.Equal(p.asked, []string{document, "/keys"}) {
				t.Errorf("asked for %q", p.asked)
			}
		})
	}
}
