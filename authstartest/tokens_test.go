package authstartest_test

import (
	"encoding/base64"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/authstar/authstar/authenticators"
	"github.com/authstar/authstar/authstartest"
)

// part decodes the header (0) or the claims (1) of a token.
func part(t *testing.T, token string, n int) map[string]any {
	t.Helper()
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		t.Fatalf("a token of %d parts", len(parts))
	}
	data, err := base64.RawURLEncoding.DecodeString(parts[n])
	if err != nil {
		t.Fatal(err)
	}
	var members map[string]any
	if err := json.Unmarshal(data, &members); err != nil {
		t.Fatal(err)
	}
	return members
}

func TestTokenIsComplete(t *testing.T) {
	iss := authstartest.NewIssuer(t)
	token := iss.Token(nil)
	header, claims := part(t, token, 0), part(t, token, 1)
	if want := map[string]any{"alg": "ES256", "kid": "key-1", "typ": "at+jwt"}; !maps.Equal(header, want) {
		t.Errorf("header: %v", header)
	}
	now := float64(iss.Now().Unix())
	for name, want := range map[string]any{
		"iss": iss.URL(), "sub": "alice", "aud": "api", "client_id": "app", "iat": now, "exp": now + 3600,
	} {
		if claims[name] != want {
			t.Errorf("%s is %v, want %v", name, claims[name], want)
		}
	}
	if again := part(t, iss.Token(nil), 1); claims["jti"] == again["jti"] || claims["jti"] == nil {
		t.Errorf("jti is %v twice", claims["jti"])
	}
	strict, err := authenticators.NewJWT(authenticators.JWTConfig{
		Issuer: iss.URL(), Audiences: []string{authstartest.Audience}, TokenTypes: []string{"at+jwt"}, Now: iss.Now,
	})
	if err != nil {
		t.Fatal(err)
	}
	wantStatus(t, protect(t, strict), token, 200)
}

func TestTokenHasWhatIsAsked(t *testing.T) {
	iss := authstartest.NewIssuer(t)
	claims := map[string]any{"sub": "bob", "jti": nil, "exp": iss.Now().Add(time.Minute), "roles": []string{"a", "b"}}
	before := maps.Clone(claims)
	got := part(t, iss.Token(claims), 1)
	if got["sub"] != "bob" || got["exp"] != float64(iss.Now().Add(time.Minute).Unix()) || got["aud"] != "api" {
		t.Errorf("claims: %v", got)
	}
	if _, ok := got["jti"]; ok {
		t.Error("a claim that is nil is there")
	}
	if roles, _ := got["roles"].([]any); len(roles) != 2 {
		t.Errorf("roles: %v", got["roles"])
	}
	if len(claims) != len(before) || claims["exp"] != before["exp"] {
		t.Errorf("the caller's claims became %v", claims)
	}
}

func TestEveryAlgorithmVerifies(t *testing.T) {
	iss := authstartest.NewIssuer(t)
	a := newAPI(t, iss)
	a.serve(t, iss.Token(nil), 200)
	for _, algorithm := range []string{"RS256", "PS384", "ES384", "ES512", "EdDSA", "ES256"} {
		iss.RotateTo(algorithm)
		token := iss.Token(nil)
		if got := part(t, token, 0)["alg"]; got != algorithm {
			t.Errorf("RotateTo(%q) signs with %v", algorithm, got)
		}
		iss.Advance(10 * time.Second) // the API's allowance of unknown keys refills
		t.Run(algorithm, func(t *testing.T) { a.serve(t, token, 200) })
		dot := strings.LastIndexByte(token, '.')
		t.Run(algorithm+" of another token", func(t *testing.T) {
			a.serve(t, token[:dot]+iss.Token(nil)[dot:], 401)
		})
	}
}

func (a *api) serve(t *testing.T, token string, want int) {
	t.Helper()
	wantStatus(t, a, token, want)
}

func TestSignTakesHeaderAndClaimsAsTheyAre(t *testing.T) {
	iss := authstartest.NewIssuer(t)
	a := newAPI(t, iss)
	claims := func(change map[string]any) map[string]any {
		c := map[string]any{"iss": iss.URL(), "sub": "bob", "aud": "api", "exp": iss.Now().Add(time.Minute)}
		maps.Copy(c, change)
		return c
	}
	for _, test := range []struct {
		name           string
		header, claims map[string]any
		want           int
	}{
		{"nothing special", nil, claims(nil), 200},
		{"another type", map[string]any{"typ": "JWT"}, claims(nil), 200},
		{"no type and no key id", map[string]any{"typ": nil, "kid": nil}, claims(nil), 200},
		{"an ID token", map[string]any{"typ": "logout+jwt"}, claims(nil), 401},
		{"an algorithm that is none", map[string]any{"alg": "none"}, claims(nil), 401},
		{"another algorithm", map[string]any{"alg": "RS256"}, claims(nil), 401},
		{"no algorithm", map[string]any{"alg": nil}, claims(nil), 401},
		{"a critical header", map[string]any{"crit": []string{"x"}, "x": 1}, claims(nil), 401},
		{"no expiry", nil, claims(map[string]any{"exp": nil}), 401},
		{"an expiry that is a string", nil, claims(map[string]any{"exp": "tomorrow"}), 401},
		{"no claims", nil, nil, 401},
	} {
		t.Run(test.name, func(t *testing.T) { a.serve(t, iss.Sign(test.header, test.claims), test.want) })
	}
	got := slices.Sorted(maps.Keys(part(t, iss.Sign(map[string]any{"kid": nil}, map[string]any{"a": 1}), 1)))
	if !slices.Equal(got, []string{"a"}) {
		t.Errorf("claims: %v", got)
	}
	if w := get(a, iss.Sign(nil, claims(nil))); w.Body.String() != "bob" {
		t.Errorf("the client is %s", w.Body)
	}
}

// Two issuers have keys of one id, so that nothing passes for looking at ids
// alone.
func TestStrangersForgeNothing(t *testing.T) {
	iss, stranger := authstartest.NewIssuer(t), authstartest.NewIssuer(t)
	if iss.KeyID() != stranger.KeyID() {
		t.Errorf("key ids are %s and %s", iss.KeyID(), stranger.KeyID())
	}
	a := newAPI(t, iss)
	a.serve(t, iss.Token(nil), 200)
	a.serve(t, stranger.Token(nil), 401)
	a.serve(t, stranger.Token(map[string]any{"iss": iss.URL(), "iat": nil}), 401)
}

func TestClock(t *testing.T) {
	iss, other := authstartest.NewIssuer(t), authstartest.NewIssuer(t)
	start := iss.Now()
	iss.Advance(90 * time.Minute)
	if d := iss.Now().Sub(start); d != 90*time.Minute {
		t.Errorf("the clock moved by %v", d)
	}
	if d := other.Now().Sub(start); d > time.Minute {
		t.Errorf("the clock of another issuer moved by %v", d)
	}
	if iat := part(t, iss.Token(nil), 1)["iat"]; iat != float64(iss.Now().Unix()) {
		t.Errorf("a token was made at %v", iat)
	}
	other.ShareClock(iss)
	other.Advance(time.Minute)
	if !iss.Now().Equal(other.Now()) || iss.Now().Sub(start) != 91*time.Minute {
		t.Errorf("the shared clock shows %v and %v", iss.Now(), other.Now())
	}
}
