package authenticators_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/authstar/authstar"
	"github.com/authstar/authstar/authenticators"
	"github.com/authstar/authstar/authenticators/jwks"
	"github.com/authstar/authstar/tokenendpoint"
)

// C12, K16, JW-09: the order of verifiers decides nothing, and keys belong to
// their issuer, whatever their ids.
func TestTokensOfTwoIssuers(t *testing.T) {
	a, b := jwtVerifier(t, authenticators.JWTConfig{}), jwtVerifierB(t)
	claimsA, claimsB := jwtClaims(jwtIssuerA), jwtClaims(jwtIssuerB)
	apis := map[string]*jwtAPI{"A, B": newJWTAPI(t, a, b), "B, A": newJWTAPI(t, b, a)}
	for order, api := range apis {
		for _, test := range []struct {
			jwtCase
			j *authenticators.JWT // that its issuer belongs to
		}{
			{jwtCase{"C12 a token of A", jwtOfA(claimsA), true}, a},
			{jwtCase{"C12 a token of B", jwtOfB(claimsB), true}, b},
			{jwtCase{"K16 A's issuer, signed by B", jwtOfB(claimsA), false}, a},
			{jwtCase{"K16 B's issuer, signed by A", jwtOfA(claimsB), false}, b},
			{jwtCase{"JW-09 A's issuer and algorithm, signed by B", jwtToken(jwtKeyB, "ES256", jwtKeyA.header("RS256"), claimsA.String()), false}, a},
			{jwtCase{"JW-09 both issuers, A at first, signed by A", jwtOfA(claimsA.also("iss", `"`+jwtIssuerB+`"`)), false}, a},
			{jwtCase{"JW-09 both issuers, B at first, signed by A", jwtOfA(claimsB.also("iss", `"`+jwtIssuerA+`"`)), false}, a},
			{jwtCase{"JW-09 both issuers in a list", jwtOfA(claimsA.with("iss", `["`+jwtIssuerA+`","`+jwtIssuerB+`"]`)), false}, a},
			{jwtCase{"C02 a token of nobody we know", jwtToken(jwtKeyPS, "PS256", jwtKeyPS.header("PS256"), jwtClaims(jwtIssuerC).String()), false}, a},
			{jwtCase{"JW-08 no issuer", jwtOfA(claimsA.without("iss")), false}, a},
			{jwtCase{"C13 three parts of nothing", "aaa.bbb.ccc", false}, a},
			{jwtCase{"C02 an opaque token", "opaque123", false}, a},
		} {
			t.Run(test.name+", in the order "+order, func(t *testing.T) { test.check(t, test.j, api) })
		}
	}
	for _, strangers := range []string{jwtOfB(claimsB), "opaque123"} {
		if client, err := a.VerifyToken(t.Context(), strangers); client != nil || !errors.Is(err, authstar.InvalidToken) {
			t.Errorf("C12 A's verifier alone: %v, %v", client, err)
		}
	}
}

// C13: what a JWT's issuer makes ours is ours to refuse.
func TestJWTBesideOpaqueTokens(t *testing.T) {
	var seen []string
	opaque := authenticators.TokenVerifierFunc(func(_ context.Context, token string) (authstar.Client, error) {
		seen = append(seen, token)
		return &authstar.Identity{ID: "opaque"}, nil
	})
	ofC := jwtToken(jwtKeyEd, "EdDSA", jwtKeyEd.header("EdDSA"), jwtClaims(jwtIssuerC).String())
	a := jwtVerifier(t, authenticators.JWTConfig{})
	tenants := jwtVerifier(t, authenticators.JWTConfig{Issuer: tenantTemplate, Tenants: []string{tenantOne}})
	for order, verifiers := range map[string][]authenticators.TokenVerifier{
		"JWT first": {a, tenants, opaque}, "JWT last": {opaque, tenants, a},
	} {
		api := newJWTAPI(t, verifiers...)
		for _, test := range []struct {
			name, token, answer string
			handed              bool
		}{
			{"a good token", jwtOfA(jwtClaims(jwtIssuerA)), "alice", false},
			{"an expired token", jwtOfA(jwtClaims(jwtIssuerA).with("exp", "1")), "invalid_token", false},
			{"a forged token", jwtToken(jwtEvilRSA, "RS256", jwtEvilRSA.header("RS256"), jwtClaims(jwtIssuerA).String()), "invalid_token", false},
			{"a token with alg none", jwtEncode(`{"alg":"none"}`) + "." + jwtEncode(jwtClaims(jwtIssuerA).String()) + ".AAAA", "invalid_token", false},
			{"a token with an issuer twice", jwtOfA(jwtClaims(jwtIssuerA).also("iss", `"x"`)), "invalid_token", false},
			{"a token with a bad expiry", jwtOfA(jwtClaims(jwtIssuerA).with("exp", `"x"`)), "invalid_token", false},
			{"an expired token with a header of 5 KiB", jwtToken(jwtKeyA, "RS256", jwtKeyA.header("RS256", `"x":"`+strings.Repeat("x", 4<<10)+`"`), jwtClaims(jwtIssuerA).with("exp", "1").String()), "invalid_token", false},
			{"a good token with padding", jwtOfA(jwtClaims(jwtIssuerA)) + "==", "invalid_token", false},
			{"claims behind a space", jwtToken(jwtKeyA, "RS256", jwtKeyA.header("RS256"), " "+jwtClaims(jwtIssuerA).String()), "invalid_token", false},
			{"a tenant's good token with padding", tenantToken(tenantIssuer(tenantOne), tenantQuoted(tenantOne)) + "==", "invalid_token", false},
			{"a token of another issuer", ofC, "opaque", true},
			{"a token of another issuer with padding", ofC + "==", "opaque", true},
			{"three parts of nothing", "aaa.bbb.ccc", "opaque", true},
			{"an opaque token", "opaque123", "opaque", true},
		} {
			t.Run("C13 "+test.name+", "+order, func(t *testing.T) {
				seen = nil
				_, answer := read(t, serve(api, request("GET", "/me", "Authorization: Bearer "+test.token)))
				if answer != test.answer || (len(seen) == 1) != test.handed {
					t.Errorf("answer %q, want %q; the opaque verifier saw %q", answer, test.answer, seen)
				}
			})
		}
	}
}

// J12: one name at two issuers is two clients.
func TestOneSubjectAtTwoIssuers(t *testing.T) {
	chain := newChain(t, authenticators.NewBearer(jwtVerifier(t, authenticators.JWTConfig{}), jwtVerifierB(t)))
	issuers := make(map[string]bool)
	for _, token := range []string{jwtOfA(jwtClaims(jwtIssuerA)), jwtOfB(jwtClaims(jwtIssuerB))} {
		client, ok := chain.Authenticate(request("GET", "/", "Authorization: Bearer "+token)).Client.(*authstar.Identity)
		if !ok || client.ClientID() != "alice" || !client.ExpiresAt().Equal(jwtNow.Add(600*time.Second)) {
			t.Fatalf("J12: %v", client)
		}
		issuers[client.ClientIssuer()] = true
	}
	if want := map[string]bool{jwtIssuerA: true, jwtIssuerB: true}; !maps.Equal(issuers, want) {
		t.Errorf("J12 issuers: %v", issuers)
	}
}

// J25: the tokens of our own token endpoint and those of a provider stay apart,
// in one API.
func TestOwnTokensAndThoseOfAProvider(t *testing.T) {
	const own = "https://api.example"
	signer := func(issuer string, seed string) *tokenendpoint.Signer {
		s, err := tokenendpoint.NewSigner(tokenendpoint.SignerConfig{
			Issuer: issuer, Audiences: []string{"api"}, Algorithm: "HS256", Secret: []byte(seed + "0123456789abcdef0123456789abcdef"), Now: func() time.Time { return jwtNow },
		})
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	mint := func(s *tokenendpoint.Signer) string {
		res, err := s.Build(t.Context(), &tokenendpoint.Request{Client: &authstar.Identity{ID: "alice"}, Scopes: []string{"read"}})
		if err != nil {
			t.Fatal(err)
		}
		return res.AccessToken
	}
	ours := signer(own, "ours")
	j := jwtVerifier(t, authenticators.JWTConfig{Issuer: own, Keys: ours, Algorithms: []string{"HS256"}, TokenTypes: jwtStrict})
	a := jwtVerifier(t, authenticators.JWTConfig{})
	api := newJWTAPI(t, a, j)
	for _, test := range []struct {
		jwtCase
		j *authenticators.JWT
	}{
		{jwtCase{"J25 our token", mint(ours), true}, j},
		{jwtCase{"J25 A's token", jwtOfA(jwtClaims(jwtIssuerA)), true}, a},
		{jwtCase{"J25 our key, A's issuer", mint(signer(jwtIssuerA, "ours")), false}, a},
		{jwtCase{"J25 A's key, our issuer", jwtOfA(jwtClaims(own)), false}, j},
		{jwtCase{"J25 our issuer, a stranger's secret", mint(signer(own, "evil")), false}, j},
	} {
		t.Run(test.name, func(t *testing.T) { test.check(t, test.j, api) })
	}
}

// J05: only who has the signature learns that a token has expired.
func TestRefusalsTellNothing(t *testing.T) {
	api := newJWTAPI(t, jwtVerifier(t, authenticators.JWTConfig{}), jwtVerifierB(t))
	answer := func(token string) string {
		res := serve(api, request("GET", "/me", "Authorization: Bearer "+token))
		body, err := io.ReadAll(res.Body)
		if err != nil {
			t.Fatal(err)
		}
		if res.StatusCode != http.StatusUnauthorized {
			t.Errorf("status %d", res.StatusCode)
		}
		return fmt.Sprint(res.Header, string(body))
	}
	evil := func(claims jwtObject) string {
		return jwtToken(jwtEvilRSA, "RS256", jwtEvilRSA.header("RS256"), claims.String())
	}
	claims := jwtClaims(jwtIssuerA)
	want := answer(evil(claims))
	for name, token := range map[string]string{
		"expired":                    evil(claims.with("exp", jwtSeconds(-600))),
		"without an expiry":          evil(claims.without("exp")),
		"not valid yet":              evil(claims.with("nbf", jwtSeconds(600))),
		"for another audience":       evil(claims.with("aud", `"other"`)),
		"for nobody":                 evil(claims.without("sub")),
		"bound to a key":             evil(claims.with("cnf", `{"jkt":"x"}`)),
		"with a kid that nobody has": jwtToken(jwtEvilRSA, "RS256", `{"alg":"RS256","kid":"k9"}`, claims.String()),
		"of another type":            jwtToken(jwtEvilRSA, "RS256", `{"alg":"RS256","kid":"k1","typ":"dpop+jwt"}`, claims.String()),
		"with the algorithm of B":    jwtToken(jwtEvilEC, "ES256", jwtEvilEC.header("ES256"), claims.String()),
		"with duplicates":            evil(claims.also("sub", `"bob"`)),
	} {
		if got := answer(token); got != want {
			t.Errorf("J05 self-signed and %s: %s\nself-signed: %s", name, got, want)
		}
	}
	if got := answer(jwtOfA(claims.with("exp", jwtSeconds(-600)))); got == want {
		t.Errorf("J05 A's own token does not say that it has expired: %s", got)
	}
}

// jwtKeySet is a KeySet that answers as it is told.
type jwtKeySet func(ctx context.Context, kid string) ([]jose.JSONWebKey, error)

func (f jwtKeySet) Keys(ctx context.Context, kid string) ([]jose.JSONWebKey, error) {
	return f(ctx, kid)
}

type jwtLater struct{ after time.Duration }

func (e jwtLater) Error() string             { return "key server at 10.0.0.7 is down" }
func (e jwtLater) RetryAfter() time.Duration { return e.after }

// C11, RS-23: an unknown answer is no bad token. N06: it tells no detail.
func TestKeysThatCannotBeHad(t *testing.T) {
	for _, test := range []struct {
		err   error
		after string
	}{
		{errors.New("key server at 10.0.0.7 is down"), "1"},
		{jwtLater{90 * time.Second}, "90"},
		{fmt.Errorf("keys: %w", jwtLater{1500 * time.Millisecond}), "2"},
		{jwtLater{}, "1"},
		{context.DeadlineExceeded, "1"},
		{&authstar.Error{Code: authstar.InvalidToken, Description: "10.0.0.7"}, "1"},
		{authstar.ErrNoCredentials, "1"},
	} {
		asked := 0
		keys := jwtKeySet(func(context.Context, string) ([]jose.JSONWebKey, error) { asked++; return nil, test.err })
		j := jwtVerifier(t, authenticators.JWTConfig{Keys: keys})
		api := newJWTAPI(t, j, jwtVerifierB(t))
		res := serve(api, request("GET", "/me", "Authorization: Bearer "+jwtOfA(jwtClaims(jwtIssuerA))))
		body, err := io.ReadAll(res.Body)
		if err != nil {
			t.Fatal(err)
		}
		if res.StatusCode != 503 || res.Header.Get("Retry-After") != test.after || len(res.Header["Www-Authenticate"]) > 0 {
			t.Errorf("C11 %v: %d %v", test.err, res.StatusCode, res.Header)
		}
		if bytes.Contains(body, []byte("10.0.0.7")) {
			t.Errorf("N06 %s", body)
		}
		if _, err := j.VerifyToken(t.Context(), jwtOfA(jwtClaims(jwtIssuerA))); !errors.Is(err, authstar.TemporarilyUnavailable) || !errors.Is(err, test.err) {
			t.Errorf("C11 %v: %v", test.err, err)
		}
		asked = 0
		for _, c := range []jwtCase{
			{"C11 B's token while A's keys cannot be had", jwtOfB(jwtClaims(jwtIssuerB)), true},
			{"D06 nobody's token", jwtOfB(jwtClaims("https://nobody.example")), false},
			{"C11 alg none", jwtEncode(`{"alg":"none"}`) + "." + jwtEncode(jwtClaims(jwtIssuerA).String()) + ".AAAA", false},
			{"C11 a text of an outage", jwtOfB(jwtClaims(jwtIssuerB).with("iss", `"temporarily_unavailable"`)), false},
		} {
			t.Run(c.name, func(t *testing.T) {
				verifier := j
				if c.good {
					verifier = jwtVerifierB(t)
				}
				c.check(t, verifier, api)
			})
		}
		if asked > 0 {
			t.Errorf("D06: the keys were asked for %d times", asked)
		}
	}
}

// C11: keys that come with an error are some of those there may be.
func TestSomeOfTheKeys(t *testing.T) {
	keys := []jose.JSONWebKey{jwtKeyA.public()}
	var outage error = jwtLater{90 * time.Second}
	asked := 0
	j := jwtVerifier(t, authenticators.JWTConfig{Keys: jwtKeySet(func(context.Context, string) ([]jose.JSONWebKey, error) { asked++; return keys, outage })})
	good, forged := jwtOfA(jwtClaims(jwtIssuerA)), jwtToken(jwtEvilRSA, "RS256", jwtEvilRSA.header("RS256"), jwtClaims(jwtIssuerA).String())
	wants := func(name, token string, code authstar.Code) {
		t.Helper()
		before := asked
		client, err := j.VerifyToken(t.Context(), token)
		if asked != before+1 {
			t.Errorf("C11 %s: the keys were asked for %d times", name, asked-before)
		}
		var refused *authstar.Error
		if errors.As(err, &refused); (client == nil) != (code != "") || code != "" && (refused == nil || refused.Code != code) {
			t.Errorf("C11 %s: %v, %v, want %q", name, client, err, code)
		}
		if code == authstar.TemporarilyUnavailable && (refused == nil || refused.RetryAfter != 90*time.Second) {
			t.Errorf("C11 %s: %v does not say when to come back", name, err)
		}
	}
	wants("a token of one of them", good, "")
	wants("a token that is remembered", good, "")
	wants("a token of none of them", forged, authstar.TemporarilyUnavailable)
	wants("an expired token of one of them", jwtOfA(jwtClaims(jwtIssuerA).with("exp", "1")), authstar.InvalidToken)
	keys = nil
	wants("a token that is remembered, and none of the keys", good, authstar.TemporarilyUnavailable)
	keys, outage = []jose.JSONWebKey{jwtKeyA.public()}, nil
	wants("a token that is remembered, all is well", good, "")
	wants("a token of no key, all is well", forged, authstar.InvalidToken)
}

// K14, K18 and what a key set answers for a token without a kid.
func TestKeysOfOneID(t *testing.T) {
	claims := jwtClaims(jwtIssuerA).String()
	with := func(kid string, k jwtKey) jwtKey { k.kid = kid; return k }
	sign := func(k jwtKey, alg string) string { return jwtToken(k, alg, k.header(alg), claims) }
	both := jwtVerifier(t, authenticators.JWTConfig{Keys: jwtKeys(t, jwtEvilRSA, jwtKeyB, jwtKeyA)})
	jwtCheck(t, both,
		jwtCase{"K14 RSA beside EC of one kid, RS256", sign(jwtKeyA, "RS256"), true},
		jwtCase{"K14 RSA beside EC of one kid, ES256", sign(jwtKeyB, "ES256"), true},
		jwtCase{"K14 two of one type are both tried", sign(jwtEvilRSA, "RS256"), true},
		jwtCase{"K14 one that is not in the set", sign(jwtEvilEC, "ES256"), false},
		jwtCase{"K14 no kid", jwtToken(jwtKeyA, "RS256", `{"alg":"RS256"}`, claims), true})
	cases := jwtVerifier(t, authenticators.JWTConfig{Keys: jwtKeys(t, with("k1", jwtKeyA), with("K1", jwtEvilRSA))})
	jwtCheck(t, cases,
		jwtCase{"K18 k1 by k1", sign(with("k1", jwtKeyA), "RS256"), true},
		jwtCase{"K18 K1 by K1", sign(with("K1", jwtEvilRSA), "RS256"), true},
		jwtCase{"K18 K1 by k1", sign(with("K1", jwtKeyA), "RS256"), false},
		jwtCase{"K18 k1 by K1", sign(with("k1", jwtEvilRSA), "RS256"), false})
	noID := jwtVerifier(t, authenticators.JWTConfig{Keys: jwtKeys(t, with("", jwtKeyA), with("k2", jwtKeyPS))})
	jwtCheck(t, noID,
		jwtCase{"K14 a kid, and a key without", sign(with("k9", jwtKeyA), "RS256"), true},
		jwtCase{"K14 a kid, and a key without, which did not sign", sign(with("k9", jwtKeyPS), "RS256"), false},
		jwtCase{"K14 a kid, and both kinds of keys", sign(with("k2", jwtKeyA), "RS256"), true},
		jwtCase{"K14 no kid, and both kinds of keys", jwtToken(jwtKeyPS, "PS256", `{"alg":"PS256"}`, claims), true})
}

// K14, D06: no token makes us try more than four keys.
func TestManyKeysThatFit(t *testing.T) {
	at := func(n int) *jwks.Static {
		keys := slices.Repeat([]jwtKey{{kid: "k1", signer: jwtKeyPS.signer}}, 6)
		keys[n] = jwtKeyA
		return jwtKeys(t, keys...)
	}
	for n, good := range []bool{true, true, true, true, false, false} {
		jwtCheck(t, jwtVerifier(t, authenticators.JWTConfig{Keys: at(n)}), jwtCase{fmt.Sprintf("K14 the key at %d of 6", n), jwtOfA(jwtClaims(jwtIssuerA)), good})
	}
	others := jwtKeys(t, jwtKeyB, jwtKeyB, jwtKeyB, jwtKeyB, jwtKey384, jwtKeyA)
	jwtCheck(t, jwtVerifier(t, authenticators.JWTConfig{Keys: others}),
		jwtCase{"K14 keys of another type do not count", jwtToken(jwtKeyA, "RS256", `{"alg":"RS256"}`, jwtClaims(jwtIssuerA).String()), true})
}
