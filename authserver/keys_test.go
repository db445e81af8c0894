package authserver_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/authstar/authstar/authserver"
	"github.com/authstar/authstar/tokenendpoint"
)

func encode(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }

func signingPrivate() *ecdsa.PrivateKey {
	var jwk jose.JSONWebKey
	if err := jwk.UnmarshalJSON(signingKey()); err != nil {
		panic(err)
	}
	return jwk.Key.(*ecdsa.PrivateKey)
}

func signingPublic() any { return signingPrivate().Public() }

// MD-01 MD-02 MD-06 N05 AZ-11
func TestMetadata(t *testing.T) {
	for url, paths := range map[string][]string{
		"https://login.example":         {"/.well-known/oauth-authorization-server", "/.well-known/openid-configuration"},
		"https://login.example/":        {"/.well-known/oauth-authorization-server", "/.well-known/openid-configuration"},
		"https://login.example/tenant":  {"/.well-known/oauth-authorization-server/tenant", "/tenant/.well-known/openid-configuration"},
		"https://login.example/tenant/": {"/.well-known/oauth-authorization-server/tenant", "/tenant/.well-known/openid-configuration"},
		"http://127.0.0.1:8082":         {"/.well-known/oauth-authorization-server"},
	} {
		f := newFixture(t, func(c *authserver.Config) { c.Issuer = url })
		for _, path := range paths {
			r := httptest.NewRequest("GET", "https://evil.example"+path, nil)
			r.Header.Set("X-Forwarded-Host", "evil.example")
			a := f.serve(r)
			if a.status != http.StatusOK || a.header.Get("Content-Type") != "application/json" || strings.Contains(a.text, "evil") {
				t.Fatalf("MD-01: %s%s: %d %v %s", url, path, a.status, a.header, a.text)
			}
			if a.get("issuer") != url || a.body["authorization_response_iss_parameter_supported"] != true {
				t.Errorf("MD-01: the issuer of %s is %s", url, a.text)
			}
			base := strings.TrimSuffix(url, "/")
			for name, want := range map[string]string{
				"authorization_endpoint": "/authorize", "token_endpoint": "/oauth2/token", "revocation_endpoint": "/oauth2/revoke",
				"introspection_endpoint": "/oauth2/introspect", "jwks_uri": "/.well-known/jwks.json",
			} {
				if a.get(name) != base+want {
					t.Errorf("MD-02: %s is %s", name, a.get(name))
				}
				if found := f.serve(httptest.NewRequest("GET", a.get(name), nil)); found.status == http.StatusNotFound {
					t.Errorf("MD-02: nothing is at %s", a.get(name))
				}
			}
		}
	}
}

// MD-02: nothing is promised that is not kept.
func TestMetadataMembers(t *testing.T) {
	a := newFixture(t).serve(httptest.NewRequest("GET", issuer+"/.well-known/oauth-authorization-server", nil))
	for name, want := range map[string]string{
		"response_types_supported":                      "code",
		"response_modes_supported":                      "query",
		"grant_types_supported":                         "authorization_code refresh_token client_credentials",
		"code_challenge_methods_supported":              "S256",
		"token_endpoint_auth_methods_supported":         "client_secret_basic client_secret_post private_key_jwt none",
		"introspection_endpoint_auth_methods_supported": "client_secret_basic client_secret_post private_key_jwt",
		"scopes_supported":                              "offline_access read write",
		"prompt_values_supported":                       "none login consent",
	} {
		var got []string
		list, _ := a.body[name].([]any)
		for _, e := range list {
			got = append(got, e.(string))
		}
		if strings.Join(got, " ") != want {
			t.Errorf("MD-02: %s is %v", name, a.body[name])
		}
	}
	algorithms, _ := a.body["token_endpoint_auth_signing_alg_values_supported"].([]any)
	for _, alg := range algorithms {
		if alg == "none" || strings.HasPrefix(alg.(string), "HS") {
			t.Errorf("O30: %v is promised", alg)
		}
	}
	if len(algorithms) == 0 || a.body["userinfo_endpoint"] != nil || a.body["id_token_signing_alg_values_supported"] != nil || a.body["request_uri_parameter_supported"] != nil {
		t.Errorf("MD-02: %s", a.text)
	}
}

// MD-03
func TestDocumentsAreForReading(t *testing.T) {
	f := newFixture(t)
	for _, path := range []string{"/.well-known/oauth-authorization-server", "/.well-known/openid-configuration", "/.well-known/jwks.json"} {
		for method, want := range map[string]int{"GET": 200, "HEAD": 200, "POST": 405, "DELETE": 405} {
			a := f.serve(httptest.NewRequest(method, issuer+path, nil))
			if a.status != want || want == 405 && a.header.Get("Allow") != "GET, HEAD" {
				t.Errorf("MD-03: %s %s: %d %v", method, path, a.status, a.header)
			}
		}
	}
}

func (f *fixture) published() []jose.JSONWebKey {
	f.Helper()
	a := f.serve(httptest.NewRequest("GET", issuer+"/.well-known/jwks.json", nil))
	var set jose.JSONWebKeySet
	if err := json.Unmarshal([]byte(a.text), &set); err != nil {
		f.Fatal(err)
	}
	if !strings.HasPrefix(a.header.Get("Cache-Control"), "public, max-age=") {
		f.Errorf("MD-04: %v", a.header)
	}
	for _, member := range []string{`"d"`, `"p"`, `"q"`, `"k"`} {
		if strings.Contains(a.text, member) {
			f.Errorf("MD-04: %s is published: %s", member, a.text)
		}
	}
	return set.Keys
}

// kid is who signed a token.
func kid(t testing.TB, token string) string {
	t.Helper()
	jws, err := jose.ParseSignedCompact(token, []jose.SignatureAlgorithm{jose.ES256})
	if err != nil {
		t.Fatal(err)
	}
	return jws.Signatures[0].Header.KeyID
}

// Config.Signer.Claims are those of clients that act for themselves, and say which
// resource they are asked about; Login.Claims are those of users.
func TestWhoseClaims(t *testing.T) {
	f := newFixture(t, func(c *authserver.Config) {
		c.Signer.Claims = func(_ context.Context, req *tokenendpoint.Request) (map[string]any, error) {
			return map[string]any{"of": req.Client.ClientID(), "at": req.Resource}, nil
		}
	})
	machine := claims(t, f.post("/oauth2/token", "machine:machine-secret", url.Values{"grant_type": {"client_credentials"}}).get("access_token"))
	if machine["of"] != "machine" || machine["at"] != issuer || machine["role"] != nil {
		t.Errorf("the machine's are %v", machine)
	}
	if user := claims(t, f.tokens("spa").get("access_token")); user["of"] != nil || user["role"] != "admin" {
		t.Errorf("the user's are %v", user)
	}
}

// MD-04 MD-05
func TestKeyRotation(t *testing.T) {
	f := newFixture(t)
	ids := func() (list []string) {
		for _, k := range f.published() {
			if k.Use != "sig" || k.Algorithm != "ES256" || !k.IsPublic() || slices.Contains(list, k.KeyID) {
				t.Errorf("MD-04: %+v", k)
			}
			list = append(list, k.KeyID)
		}
		return list
	}
	before := ids()
	first := f.tokens("spa").get("access_token")
	if err := f.Signer().Rotate(nil); err != nil {
		t.Fatal(err)
	}
	if now := ids(); len(now) != 2 || !slices.Contains(now, before[0]) {
		t.Fatalf("MD-05: published are %v", now)
	}
	f.advance(14 * time.Minute)
	last := f.tokens("spa").get("access_token")
	if kid(t, last) != before[0] {
		t.Error("MD-05: the new key signs already")
	}
	f.advance(2 * time.Minute)
	next := f.tokens("spa").get("access_token")
	if kid(t, next) == before[0] {
		t.Error("MD-05: the old key still signs")
	}
	f.wantAlive("MD-05: of the old key", last)
	f.wantAlive("MD-05: of the new key", next)
	f.wantDead("MD-05: expired", first)
	f.advance(20 * time.Minute)
	if now := ids(); len(now) != 1 || now[0] == before[0] {
		t.Errorf("MD-05: published are %v", now)
	}
}

// A restart with the same keys and the same store keeps every token.
func TestRestart(t *testing.T) {
	der, err := x509.MarshalPKCS8PrivateKey(newECKey())
	if err != nil {
		t.Fatal(err)
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
	store := authserver.NewMemoryStore(authserver.MemoryConfig{Now: newClock().Now})
	start := func() *fixture {
		return newFixture(t, func(c *authserver.Config) { c.Signer.Keys, c.Store = [][]byte{text}, store })
	}
	a := start().tokens("spa")
	again := start()
	again.wantAlive("after a restart", a.get("access_token"))
	if a := again.refresh("spa", a.get("refresh_token")); a.status != http.StatusOK {
		t.Errorf("the refresh token: %s", a.text)
	}
	again.wantDead("J02: of other keys", newFixture(t).tokens("spa").get("access_token"))
}

// J01 J09 J14 J25: what the server did not mint for its API.
func TestVerifyTokenRefuses(t *testing.T) {
	f := newFixture(t)
	good := f.tokens("spa").get("access_token")
	parts := strings.Split(good, ".")
	foreign := newFixture(t, func(c *authserver.Config) { c.Issuer, c.Audience = "https://other.example", issuer })
	mint := func(typ string) string {
		s, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: signingPrivate()}, (&jose.SignerOptions{}).WithType(jose.ContentType(typ)))
		if err != nil {
			t.Fatal(err)
		}
		payload, _ := base64.RawURLEncoding.DecodeString(parts[1])
		jws, err := s.Sign(payload)
		if err != nil {
			t.Fatal(err)
		}
		text, _ := jws.CompactSerialize()
		return text
	}
	f.wantAlive("the good one", good)
	f.wantAlive("and one as good", mint("at+jwt"))
	for name, token := range map[string]string{
		"another issuer with our key":    foreign.tokens("spa").get("access_token"),
		"another type":                   mint("JWT"),
		"alg none":                       encode(`{"alg":"none","typ":"at+jwt"}`) + "." + parts[1] + ".",
		"a changed payload":              parts[0] + "." + encode(`{"sub":"root"}`) + "." + parts[2],
		"longer than any that we minted": good + strings.Repeat("A", 20000),
	} {
		f.wantDead(name, token)
	}
}
