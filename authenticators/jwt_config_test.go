package authenticators_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/authstar/authstar/authenticators"
	"github.com/authstar/authstar/authenticators/jwks"
)

// jwtConfig is complete.
func jwtConfig(t testing.TB) authenticators.JWTConfig {
	return authenticators.JWTConfig{Issuer: jwtIssuerA, Audiences: []string{"api"}, Keys: jwtKeys(t, jwtKeyA)}
}

func jwtSecret(t testing.TB, length int) *jwks.Static {
	t.Helper()
	s, err := jwks.Secret([]byte(strings.Repeat("s", length)))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// K01, JW-03, JW-06, J03, J07, JW-19: what would weaken a check is refused, with
// the name of the field.
func TestWhatNewJWTRefuses(t *testing.T) {
	var nilKeys *jwks.Static
	for _, test := range []struct {
		name   string
		change func(*authenticators.JWTConfig)
		field  string // "" is nothing wrong
	}{
		{"K01 a complete configuration", func(*authenticators.JWTConfig) {}, ""},
		{"K01 no issuer", func(c *authenticators.JWTConfig) { c.Issuer = "" }, "Issuer"},
		{"K01 an issuer over http", func(c *authenticators.JWTConfig) { c.Issuer = "http://a.example" }, "Issuer"},
		{"K01 an issuer over http on a private network", func(c *authenticators.JWTConfig) { c.Issuer = "http://10.0.0.1" }, "Issuer"},
		{"K01 an issuer over http on the loopback address", func(c *authenticators.JWTConfig) { c.Issuer = "http://127.0.0.1:8080" }, ""},
		{"K01 an issuer over http on the loopback address of IPv6", func(c *authenticators.JWTConfig) { c.Issuer = "http://[::1]:8080" }, ""},
		{"K01 an issuer over http on localhost", func(c *authenticators.JWTConfig) { c.Issuer = "http://localhost:8080/realms/x" }, ""},
		{"K01 an issuer over http on a host that begins like localhost", func(c *authenticators.JWTConfig) { c.Issuer = "http://localhost.evil.example" }, "Issuer"},
		{"K01 an issuer over ftp", func(c *authenticators.JWTConfig) { c.Issuer = "ftp://a.example" }, "Issuer"},
		{"K01 an issuer with a query", func(c *authenticators.JWTConfig) { c.Issuer = "https://a.example?x=1" }, "Issuer"},
		{"K01 an issuer with an empty query", func(c *authenticators.JWTConfig) { c.Issuer = "https://a.example?" }, "Issuer"},
		{"K01 an issuer with a fragment", func(c *authenticators.JWTConfig) { c.Issuer = "https://a.example#x" }, "Issuer"},
		{"K01 an issuer with a user", func(c *authenticators.JWTConfig) { c.Issuer = "https://u:hidden@a.example" }, "Issuer"},
		{"K01 an issuer without a host", func(c *authenticators.JWTConfig) { c.Issuer = "https://" }, "Issuer"},
		{"K01 an issuer that is a name", func(c *authenticators.JWTConfig) { c.Issuer = "orders" }, ""},
		{"K01 no audience", func(c *authenticators.JWTConfig) { c.Audiences = nil }, "Audiences"},
		{"K01 an empty audience", func(c *authenticators.JWTConfig) { c.Audiences = []string{"api", ""} }, "Audiences"},
		{"K01 keys that are a nil pointer", func(c *authenticators.JWTConfig) { c.Keys = nilKeys }, "Keys"},
		{"K01 no algorithm", func(c *authenticators.JWTConfig) { c.Algorithms = []string{} }, "Algorithms"},
		{"JW-03 none", func(c *authenticators.JWTConfig) { c.Algorithms = []string{"none"} }, "Algorithms"},
		{"JW-03 none beside a good one", func(c *authenticators.JWTConfig) { c.Algorithms = []string{"RS256", "none"} }, "Algorithms"},
		{"JW-03 an unknown algorithm", func(c *authenticators.JWTConfig) { c.Algorithms = []string{"rs256"} }, "Algorithms"},
		{"JW-03 an algorithm of encryption", func(c *authenticators.JWTConfig) { c.Algorithms = []string{"RSA-OAEP"} }, "Algorithms"},
		{"J03 HS256 and RS256 together", func(c *authenticators.JWTConfig) { c.Algorithms = []string{"HS256", "RS256"} }, "Algorithms"},
		{"JW-02 an algorithm that no key fits", func(c *authenticators.JWTConfig) { c.Algorithms = []string{"ES256"} }, "Keys"},
		{"J03 HS256 with public keys", func(c *authenticators.JWTConfig) { c.Algorithms = []string{"HS256"} }, "Keys"},
		{"J03 a secret without a word about algorithms", func(c *authenticators.JWTConfig) { c.Keys = jwtSecret(t, 64) }, "Keys"},
		{"JW-03 HS256 with 32 bytes", func(c *authenticators.JWTConfig) { c.Keys, c.Algorithms = jwtSecret(t, 32), []string{"HS256"} }, ""},
		{"JW-03 HS384 with 47 bytes", func(c *authenticators.JWTConfig) { c.Keys, c.Algorithms = jwtSecret(t, 47), []string{"HS384"} }, "Keys"},
		{"JW-03 HS512 with 63 bytes", func(c *authenticators.JWTConfig) { c.Keys, c.Algorithms = jwtSecret(t, 63), []string{"HS512"} }, "Keys"},
		{"JW-03 HS512 with 64 bytes", func(c *authenticators.JWTConfig) { c.Keys, c.Algorithms = jwtSecret(t, 64), []string{"HS512"} }, ""},
		{"J07 a negative leeway", func(c *authenticators.JWTConfig) { c.Leeway = -1 }, "Leeway"},
		{"JW-19 a leeway of five minutes", func(c *authenticators.JWTConfig) { c.Leeway = 5 * time.Minute }, ""},
		{"JW-19 a leeway of more than five minutes", func(c *authenticators.JWTConfig) { c.Leeway = 5*time.Minute + 1 }, "Leeway"},
		{"J24 a negative lifetime", func(c *authenticators.JWTConfig) { c.MaxLifetime = -1 }, "MaxLifetime"},
		{"J14 no token type", func(c *authenticators.JWTConfig) { c.TokenTypes = []string{} }, "TokenTypes"},
		{"J13 an empty scope claim", func(c *authenticators.JWTConfig) { c.ScopeClaims = []string{"scope", ""} }, "ScopeClaims"},
	} {
		t.Run(test.name, func(t *testing.T) {
			config := jwtConfig(t)
			test.change(&config)
			j, err := authenticators.NewJWT(config)
			if test.field == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			if j != nil || err == nil || !strings.Contains(err.Error(), "authenticators: JWTConfig."+test.field) || strings.Contains(err.Error(), "hidden") {
				t.Errorf("%v, want an error about %s", err, test.field)
			}
		})
	}
}

// K01: everything wrong is said at once.
func TestNewJWTReportsEverything(t *testing.T) {
	_, err := authenticators.NewJWT(authenticators.JWTConfig{
		Algorithms: []string{"none"}, Leeway: time.Hour, MaxLifetime: -1, TokenTypes: []string{}, ScopeClaims: []string{""},
	})
	if err == nil {
		t.Fatal("no error")
	}
	for _, field := range []string{"Issuer", "Audiences", "Algorithms", "Leeway", "MaxLifetime", "TokenTypes", "ScopeClaims"} {
		if !strings.Contains(err.Error(), "JWTConfig."+field) {
			t.Errorf("%s is missing in %v", field, err)
		}
	}
}

// JW-03, JW-06: a secret that people choose, or an RSA key of another time.
func TestWeakKeys(t *testing.T) {
	for _, secret := range []string{"", "secret", "correct horse battery staple", strings.Repeat("s", 31)} {
		if _, err := jwks.Secret([]byte(secret)); err == nil {
			t.Errorf("JW-06 the secret %q", secret)
		}
	}
	weak := jwtKeyD
	weak.secret = weak.secret[:31]
	if _, err := jwks.Parse(jwtJWKS(weak)); err == nil {
		t.Error("JW-03 a JWK with a secret of 31 bytes")
	}
	short := jwtKeySet(func(context.Context, string) ([]jose.JSONWebKey, error) {
		return []jose.JSONWebKey{weak.public()}, nil
	})
	j := jwtVerifier(t, authenticators.JWTConfig{Issuer: jwtIssuerD, Keys: short, Algorithms: []string{"HS256"}})
	jwtCheck(t, j, jwtCase{"JW-03 a key set of another make with such a secret", jwtToken(weak, "HS256", weak.header("HS256"), jwtClaims(jwtIssuerD).String()), false})
}

// What the caller does with the configuration afterwards changes nothing.
func TestConfigIsCopied(t *testing.T) {
	config := jwtConfig(t)
	config.Now = func() time.Time { return jwtNow }
	config.Algorithms, config.TokenTypes, config.ScopeClaims = []string{"RS256"}, []string{"at+jwt"}, []string{"scope"}
	j, err := authenticators.NewJWT(config)
	if err != nil {
		t.Fatal(err)
	}
	config.Audiences[0], config.Algorithms[0], config.TokenTypes[0], config.ScopeClaims[0] = "x", "x", "x", "x"
	client, err := j.VerifyToken(t.Context(), jwtOfA(jwtClaims(jwtIssuerA)))
	if err != nil || strings.Join(client.Scopes(), " ") != "read write" {
		t.Errorf("%v, %v", client, err)
	}
}
