package e2e

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
)

func newKey(t *testing.T, kid string) jose.JSONWebKey {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return jose.JSONWebKey{Key: private, KeyID: kid, Algorithm: "ES256", Use: "sig"}
}

// forged is a token that looks like the issuer's, signed with a key of our own
// under this id.
func forged(t *testing.T, issuer, kid string) string {
	t.Helper()
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: newKey(t, kid)}, (&jose.SignerOptions{}).WithType("at+jwt"))
	if err != nil {
		t.Fatal(err)
	}
	token, err := jwt.Signed(signer).Claims(map[string]any{
		"iss": issuer, "aud": jwtAPI, "sub": "shop", "client_id": "shop", "scope": "orders:read",
		"jti": "1", "iat": time.Now().Unix(), "exp": time.Now().Add(time.Hour).Unix(),
	}).Serialize()
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// both are the tokens of either kind, good and bad, that every provider is tried
// with.
func both(t *testing.T, p *provider) {
	t.Helper()
	api := p.api(t, p.introspection())
	good, opaque := p.token(t, jwtAPI), p.token(t, opaqueAPI)
	twins := tampered(t, good, shop["client_id"])
	for _, test := range []struct {
		name, token string
		status      int
	}{
		{"a JWT", good, 200},
		{"TK-34 a JWT for another API", p.token(t, otherJWT), 401},
		{"a JWT with another signature", twins["another signature"], 401},
		{"a JWT with another payload", twins["another payload"], 401},
		{"a JWT signed with another key of that id", forged(t, p.issuer, p.kid), 401},
		{"K07 a JWT signed with an unknown key", forged(t, p.issuer, "k2"), 401},
		{"an opaque token", opaque, 200},
		{"TK-34 an opaque token for another API", p.token(t, otherOpaque), 401},
		{"an opaque token for nobody", p.token(t, ""), 401},
		{"an unknown opaque token", "aaaa", 401},
		{"C13 an unknown opaque token with dots", "aaa.bbb.ccc", 401},
	} {
		for range 2 { // remembered, the second time
			expect(t, api, test.name, test.token, test.status)
		}
	}
	for what, token := range map[string]string{"JWT": good, "opaque": opaque} {
		if res, _ := do(t, nil, "GET", api+"/admin", bearer(token)); res.StatusCode != 403 {
			t.Errorf("M03 %s without the scope: status is %d", what, res.StatusCode)
		}
	}
	config := p.introspection()
	config.ClientSecret += "x"
	expect(t, p.api(t, config), "C11 an API with a wrong secret", opaque, 503)
	config = p.introspection()
	config.Audiences, config.InsecureSkipAudience = nil, true
	expect(t, p.api(t, config), "an API that takes tokens for nobody", p.token(t, ""), 200)
}

// C13, J10: JWTs through discovery and opaque tokens through introspection, on
// one API.
func TestOIDCProvider(t *testing.T) {
	p := startOIDC(t, newKey(t, "k1"))
	both(t, p)
	config := p.introspection()
	config.SecretInForm = true
	expect(t, p.api(t, config), "the API's secret in the form", p.token(t, opaqueAPI), 200)
}

// C11: what a token says makes no outage of it, although this provider refuses
// to introspect whatever looks like a JWT.
func TestOIDCProviderForeignJWT(t *testing.T) {
	p := startOIDC(t, newKey(t, "k1"))
	api := p.api(t, p.introspection())
	expect(t, api, "C02 a JWT of an unknown issuer", forged(t, "https://evil.test", p.kid), 401)
	for name, token := range tampered(t, p.token(t, jwtAPI), shop["client_id"]) {
		expect(t, api, name, token, 401)
	}
}

// C13, J10: the same with a provider made with fosite.
func TestFosite(t *testing.T) {
	p := startFosite(t)
	both(t, p)
	api := p.api(t, p.introspection())
	expect(t, api, "C02 a JWT of an unknown issuer", forged(t, "https://evil.test", p.kid), 401)
	expect(t, api, "a JWT for nobody", p.tokenFrom(t, p.jwtURL, ""), 401)
	for name, token := range tampered(t, p.token(t, jwtAPI), shop["client_id"]) {
		expect(t, api, name, token, 401)
	}
}

// K05, K06, M05: after a restart with another key, the first token signed with
// it is good, and those of the removed key are not.
func TestOIDCProviderRotation(t *testing.T) {
	p := startOIDC(t, newKey(t, "k1"))
	api := p.api(t, p.introspection())
	old, unseen := p.token(t, jwtAPI), p.token(t, jwtAPI)
	expect(t, api, "before", old, 200)

	p.kill()
	p.restart(t, newKey(t, "k2"))
	expect(t, api, "the old key, which is fresh", old, 200)
	expect(t, api, "the new key", p.token(t, jwtAPI), 200)
	expect(t, api, "the old key, in a token seen before", old, 401)
	expect(t, api, "the old key, in a token never seen", unseen, 401)
}

// C11, K13, RS-23: what cannot be told while the provider is down is 503, and
// only that.
func TestOIDCProviderOutage(t *testing.T) {
	key := newKey(t, "k1")
	p := startOIDC(t, key)
	warm, probed := p.api(t, p.introspection()), p.api(t, p.introspection())
	seen, unseen := p.token(t, jwtAPI), p.token(t, jwtAPI)
	seenOpaque, unseenOpaque := p.token(t, opaqueAPI), p.token(t, opaqueAPI)
	expect(t, warm, "before", seen, 200)
	expect(t, warm, "before, opaque", seenOpaque, 200)
	expect(t, probed, "before, elsewhere", seen, 200)

	p.kill()
	expect(t, warm, "a token seen before", seen, 200)
	expect(t, warm, "K13 a token never seen", unseen, 200)
	expect(t, warm, "C11 a bad token", tampered(t, seen, "shop")["another payload"], 401)
	expect(t, warm, "an opaque token seen before", seenOpaque, 200)
	expect(t, warm, "an opaque token never seen", unseenOpaque, 503)
	expect(t, probed, "a token of a key that may be new", forged(t, p.issuer, "k2"), 503)
	expect(t, probed, "K07 and a good one after it", unseen, 200)
	cold := p.api(t, p.introspection())
	asked := time.Now()
	expect(t, cold, "RS-23 a start without the provider", seen, 503)
	expect(t, cold, "and again, within the backoff", unseen, 503)

	p.restart(t, key)
	expect(t, warm, "after, opaque", p.token(t, opaqueAPI), 200)
	expect(t, warm, "M07 after, an opaque token that the provider forgot", unseenOpaque, 401)
	healed(t, cold, seen, asked.Add(time.Second))
	expect(t, cold, "healed", unseen, 200)
}

// healed asks until the API knows the token again, within a second of its next
// attempt to fetch the keys; until then it cannot tell.
func healed(t *testing.T, api, token string, next time.Time) {
	t.Helper()
	if now := time.Now(); now.After(next) {
		next = now
	}
	for range time.Tick(20 * time.Millisecond) {
		res, _ := do(t, nil, "GET", api+"/orders", bearer(token))
		if res.StatusCode == 200 {
			return
		}
		if late := time.Since(next); res.StatusCode != 503 || late > time.Second {
			t.Fatalf("status is %d, %v after the next attempt was due", res.StatusCode, late)
		}
	}
}
