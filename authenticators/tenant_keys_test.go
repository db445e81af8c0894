package authenticators_test

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"

	"github.com/authstar/authstar/authenticators"
	"github.com/authstar/authstar/authenticators/jwks"
)

// plainKeys is a KeySet of the application's own.
type plainKeys struct{ set *jwks.Static }

func (p plainKeys) Keys(ctx context.Context, kid string) ([]jose.JSONWebKey, error) {
	return p.set.Keys(ctx, kid)
}

// C12, K16: the keys for all tenants say which of them are for one tenant alone, as
// Entra's do, and no other tenant's token is good with these.
func TestTenantKeys(t *testing.T) {
	for _, row := range []struct {
		name, member   string // raw JSON; "" is none
		one, two, only bool   // good tokens: of the two tenants, and where there is no template
	}{
		{"a key without an issuer", ``, true, true, true},
		{"a key for all tenants", `"` + tenantTemplate + `"`, true, true, true},
		{"a key for the tenant", `"` + tenantIssuer(tenantOne) + `"`, true, false, true},
		{"a key for another tenant", `"` + tenantIssuer("9188040d-6c67-4c5b-b112-36a304b66dad") + `"`, false, false, true},
		{"a key for all tenants, by the name of another version", `"https://sts.example/{tenantid}/"`, true, true, true},
		{"a key for the tenant, by the name of another version", `"https://sts.example/` + tenantOne + `/"`, false, false, true},
		{"an issuer in another case", `"` + strings.ToUpper(tenantIssuer(tenantOne)) + `"`, false, false, true},
		{"null", `null`, true, true, true},
		{"an empty issuer", `""`, true, true, true},
		{"an issuer that is no text", `{"a":["` + tenantIssuer(tenantOne) + `"]}`, false, false, true},
		{"a list of issuers", `["` + tenantIssuer(tenantOne) + `"]`, false, false, true},
	} {
		t.Run(row.name, func(t *testing.T) {
			document := string(jwtJWKS(jwtKeyA))
			if row.member != "" {
				document = strings.Replace(document, `{"kty"`, `{"issuer":`+row.member+`,"kty"`, 1)
			}
			if (row.member != "") != strings.Contains(document, "issuer") {
				t.Fatal(document)
			}
			set, err := jwks.Parse([]byte(document))
			if err != nil {
				t.Fatal(err)
			}
			p := newIDP(t)
			p.serve(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(document)) })
			remote, err := jwks.NewRemote(jwks.RemoteConfig{URL: p.URL + "/keys", Now: p.time})
			if err != nil {
				t.Fatal(err)
			}
			for name, keys := range map[string]jwks.KeySet{"static": set, "remote": remote} {
				j := jwtVerifier(t, authenticators.JWTConfig{Issuer: tenantTemplate, InsecureAnyTenant: true, Keys: keys})
				for range 2 { // verified and remembered
					jwtCheck(t, j, jwtCase{"C12 " + name + ", the one tenant", tenantToken(tenantIssuer(tenantOne), tenantQuoted(tenantOne)), row.one})
					jwtCheck(t, j, jwtCase{"C12 " + name + ", the other tenant", tenantToken(tenantIssuer(tenantTwo), tenantQuoted(tenantTwo)), row.two})
				}
				exact := jwtVerifier(t, authenticators.JWTConfig{Issuer: jwtIssuerA, Keys: keys})
				jwtCheck(t, exact, jwtCase{"C12 " + name + ", without a template", jwtOfA(jwtClaims(jwtIssuerA)), row.only})
			}
			j := jwtVerifier(t, authenticators.JWTConfig{Issuer: tenantTemplate, InsecureAnyTenant: true, Keys: plainKeys{set}})
			jwtCheck(t, j, jwtCase{"C12 keys that do not tell", tenantToken(tenantIssuer(tenantTwo), tenantQuoted(tenantTwo)), true})
		})
	}
}

// M05: a key that is now another tenant's verifies no token of this one any more,
// remembered or not.
func TestTenantKeyChangesHands(t *testing.T) {
	document := func(issuer string) []byte {
		return []byte(strings.Replace(string(jwtJWKS(jwtKeyA)), `{"kty"`, `{"issuer":"`+issuer+`","kty"`, 1))
	}
	p := newIDP(t)
	p.serve(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(document(tenantTemplate)) })
	remote, err := jwks.NewRemote(jwks.RemoteConfig{URL: p.URL + "/keys", Now: p.time})
	if err != nil {
		t.Fatal(err)
	}
	j := jwtVerifier(t, authenticators.JWTConfig{Issuer: tenantTemplate, InsecureAnyTenant: true, Keys: remote})
	token := jwtCase{"M05", tenantToken(tenantIssuer(tenantOne), tenantQuoted(tenantOne)), true}
	jwtCheck(t, j, token)
	p.serve(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(document(tenantIssuer(tenantTwo))) })
	if err := remote.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	token.good = false
	jwtCheck(t, j, token)
}
