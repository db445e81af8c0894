package authenticators_test

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/authstar/authstar"
	"github.com/authstar/authstar/authenticators"
)

// providerRow is a provider, and what an API reads of its tokens.
type providerRow struct {
	name   string // also that of the file
	typ    string // the header's, as documented
	config authenticators.JWTConfig
	// of the client
	id, issuer string
	scopes     []string
	claim      string // one more claim, and its value
	value      any
}

var providerRows = []providerRow{
	{
		name: "entra", typ: `,"typ":"JWT"`,
		config: authenticators.JWTConfig{Issuer: "https://login.microsoftonline.com/{tenantid}/v2.0", Tenants: []string{tenantOne},
			Audiences: []string{"6e74172b-be56-4843-9ff4-e66a39bb12e3"}, ScopeClaims: []string{"scp", "roles"}},
		id: "HKZpfaHyWadeOouYlitjrI-KffTm222X5rrV3xDqfKQ", issuer: "https://login.microsoftonline.com/" + tenantOne + "/v2.0",
		scopes: []string{"orders.read", "orders.write", "Orders.Admin"}, claim: "oid", value: "690222be-ff1a-4d56-abd1-7e4f7d38e474",
	},
	{
		name: "auth0", typ: `,"typ":"JWT"`,
		config: authenticators.JWTConfig{Issuer: "https://customer.auth0.com/", Audiences: []string{"https://api.customer.example"}, ScopeClaims: []string{"permissions"}},
		id:     "auth0|6553da60a54af58e29493993", issuer: "https://customer.auth0.com/",
		scopes: []string{"read:orders", "write:orders"}, claim: "azp", value: "K1AUPhZq8mRi0Q0pjhkfu1D7y6KjDQja",
	},
	{
		name:   "okta",
		config: authenticators.JWTConfig{Issuer: "https://customer.okta.com/oauth2/default", Audiences: []string{"api://default"}},
		id:     "alice@customer.example", issuer: "https://customer.okta.com/oauth2/default",
		scopes: []string{"openid", "orders.read"}, claim: "ver", value: json.Number("1"),
	},
	{
		name: "google", typ: `,"typ":"JWT"`,
		config: authenticators.JWTConfig{Issuer: "https://accounts.google.com", Audiences: []string{"1234987819200.apps.googleusercontent.com"}},
		id:     "10769150350006150715113082367", issuer: "https://accounts.google.com",
		claim: "email_verified", value: true,
	},
	{
		name: "keycloak", typ: `,"typ":"JWT"`,
		config: authenticators.JWTConfig{Issuer: "https://id.customer.example/realms/customer", Audiences: []string{"orders"},
			ScopeClaims: []string{"scope", "realm_access.roles", "resource_access.orders.roles"}},
		id: "f7c2d8a1-4b3e-4f6a-9c5d-1e2f3a4b5c6d", issuer: "https://id.customer.example/realms/customer",
		scopes: []string{"openid", "profile", "email", "offline_access", "user", "orders:read", "orders:write"}, claim: "typ", value: "Bearer",
	},
	{
		name: "cognito",
		config: authenticators.JWTConfig{Issuer: "https://cognito-idp.us-west-2.amazonaws.com/us-west-2_example", Audiences: []string{"1example23456789"},
			AudienceClaim: "client_id", ScopeClaims: []string{"scope", "cognito:groups"}},
		id: "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee", issuer: "https://cognito-idp.us-west-2.amazonaws.com/us-west-2_example",
		scopes: []string{"orders/read", "openid", "admin"}, claim: "token_use", value: "access",
	},
	{
		name: "oidc-provider", typ: `,"typ":"at+jwt"`,
		config: authenticators.JWTConfig{Issuer: "https://id.customer.example", Audiences: []string{"https://api.customer.example"}, TokenTypes: []string{"at+jwt"}},
		id:     "alice", issuer: "https://id.customer.example",
		scopes: []string{"orders:read", "orders:write"}, claim: "client_id", value: "s6BhdRkqt3",
	},
}

func (p providerRow) token(t *testing.T) string {
	t.Helper()
	claims, err := os.ReadFile(filepath.Join("testdata", "providers", p.name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	return jwtToken(jwtKeyA, "RS256", `{"alg":"RS256","kid":"k1"`+p.typ+`}`, string(claims))
}

func TestProviders(t *testing.T) {
	files, err := filepath.Glob("testdata/providers/*.json")
	if err != nil || len(files) != len(providerRows) {
		t.Errorf("%d files, %d rows: %v", len(files), len(providerRows), err)
	}
	for _, row := range providerRows {
		t.Run(row.name, func(t *testing.T) {
			j := jwtVerifier(t, row.config)
			for _, state := range []string{"verified", "remembered"} {
				client, err := j.VerifyToken(t.Context(), row.token(t))
				if err != nil {
					t.Fatalf("%s: %v", state, err)
				}
				id := client.(*authstar.Identity)
				if id.ID != row.id || id.Issuer != row.issuer || !slices.Equal(id.Scope, row.scopes) {
					t.Errorf("%s: %q of %q with %q", state, id.ID, id.Issuer, id.Scope)
				}
				if value, ok := id.Claim(row.claim); !ok || value != row.value {
					t.Errorf("%s: %s is %v", state, row.claim, value)
				}
			}
		})
	}
}

// The twins: a token of each for another API, and without the configuration
// that its provider needs.
func TestProvidersForAnotherAPI(t *testing.T) {
	for _, row := range providerRows {
		t.Run(row.name, func(t *testing.T) {
			config := row.config
			config.Audiences = []string{"another"}
			if client, err := jwtVerifier(t, config).VerifyToken(t.Context(), row.token(t)); !errors.Is(err, authstar.InvalidToken) {
				t.Errorf("for another audience: %v, %v", client, err)
			}
			if row.config.AudienceClaim != "" {
				config = row.config
				config.AudienceClaim = ""
				if client, err := jwtVerifier(t, config).VerifyToken(t.Context(), row.token(t)); !errors.Is(err, authstar.InvalidToken) {
					t.Errorf("without AudienceClaim: %v, %v", client, err)
				}
			}
		})
	}
}

// All seven behind one Bearer: each finds its own.
func TestProvidersTogether(t *testing.T) {
	var verifiers []authenticators.TokenVerifier
	for _, row := range providerRows {
		verifiers = append(verifiers, jwtVerifier(t, row.config))
	}
	chain := newChain(t, authenticators.NewBearer(verifiers...))
	for _, row := range providerRows {
		r := request("GET", "/")
		r.Header.Set("Authorization", "Bearer "+row.token(t))
		res := chain.Authenticate(r)
		if res.Client == nil || res.Client.ClientID() != row.id {
			t.Errorf("%s: %v", row.name, res)
		}
	}
}

// Each file's source is named.
func TestProviderSources(t *testing.T) {
	sources, err := os.ReadFile("testdata/providers/README.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range providerRows {
		if !strings.Contains(string(sources), "`"+row.name+".json`") {
			t.Errorf("%s has no source", row.name)
		}
	}
}
