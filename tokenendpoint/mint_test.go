package tokenendpoint_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/authstar/authstar"
	"github.com/authstar/authstar/authenticators"
	"github.com/authstar/authstar/tokenendpoint"
)

func mintSigner(t *testing.T, now func() time.Time) *tokenendpoint.Signer {
	t.Helper()
	s, err := tokenendpoint.NewSigner(tokenendpoint.SignerConfig{
		Issuer: "https://a.example", Audiences: []string{"api"}, Lifetime: time.Minute, Now: now,
		Algorithm: "HS256", Secret: []byte(strings.Repeat("k", 32)),
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// O20: what the signer knows by itself cannot be claimed.
func TestMint(t *testing.T) {
	s := mintSigner(t, time.Now)
	res, err := s.Mint(tokenendpoint.AccessToken{
		Subject: "alice", ClientID: "spa", Audience: []string{"a", "b"}, Scopes: []string{"read"}, ID: "g.1",
		Claims: map[string]any{"role": "admin", "sub": "root", "exp": 1, "cnf": "x", "scope": "all"},
	})
	if err != nil {
		t.Fatal(err)
	}
	payload, err := s.Verify(res.AccessToken)
	if err != nil {
		t.Fatal(err)
	}
	var claims map[string]any
	if err := json.Unmarshal(payload, &claims); err != nil {
		t.Fatal(err)
	}
	if claims["sub"] != "alice" || claims["role"] != "admin" || claims["jti"] != "g.1" || claims["scope"] != "read" ||
		claims["cnf"] != nil || claims["exp"] == float64(1) || res.ExpiresIn != 60 {
		t.Errorf("%v %+v", claims, res)
	}
}

// A token is minted only if a verifier reads in it what was said.
func TestMintedTokensAreReadBack(t *testing.T) {
	signer := newSigner(t, signerConfig())
	var read *authenticators.Token
	verifier, err := authenticators.NewJWT(authenticators.JWTConfig{
		Issuer: issuer, Audiences: []string{audience}, Keys: signer, TokenTypes: []string{"at+jwt"}, Now: func() time.Time { return epoch },
		Client: func(_ context.Context, token *authenticators.Token) (authstar.Client, error) {
			read = token
			return &authstar.Identity{ID: token.Subject}, nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	many := func(n int) []string {
		list := []string{audience}
		for i := 1; i < n; i++ {
			list = append(list, fmt.Sprint(i))
		}
		return list
	}
	type token = tokenendpoint.AccessToken
	for _, row := range []struct {
		name   string
		change func(*token)
		minted bool
	}{
		{"what is required", func(*token) {}, true},
		{"no subject", func(a *token) { a.Subject = "" }, false},
		{"J11 a subject of two lines", func(a *token) { a.Subject = "alice\nbob" }, false},
		{"JW-07 a subject that is no UTF-8", func(a *token) { a.Subject = "alice\xff" }, false},
		{"a subject beyond ASCII", func(a *token) { a.Subject = "bjørn" }, true},
		{"no client", func(a *token) { a.ClientID = "" }, false},
		{"JW-07 a client id that is no UTF-8", func(a *token) { a.ClientID = "c\xff" }, false},
		{"a client id beyond ASCII", func(a *token) { a.ClientID = "bjørn" }, true},
		{"JW-07 an id that is no UTF-8", func(a *token) { a.ID = "x\xff" }, false},
		{"an id beyond ASCII", func(a *token) { a.ID = "ø" }, true},
		{"no audience", func(a *token) { a.Audience = nil }, false},
		{"an audience without a name", func(a *token) { a.Audience = []string{audience, ""} }, false},
		{"JW-07 an audience that is no UTF-8", func(a *token) { a.Audience = []string{audience, "x\xff"} }, false},
		{"an audience beyond ASCII", func(a *token) { a.Audience = []string{audience, "ø"} }, true},
		{"256 audiences", func(a *token) { a.Audience = many(256) }, true},
		{"257 audiences", func(a *token) { a.Audience = many(257) }, false},
		{"O23 scopes", func(a *token) { a.Scopes = []string{"read", "x:y"} }, true},
		{"O23 two scopes in one", func(a *token) { a.Scopes = []string{"read admin"} }, false},
		{"O23 a scope with a quote", func(a *token) { a.Scopes = []string{"read", `x"y`} }, false},
		{"O23 an empty scope", func(a *token) { a.Scopes = []string{""} }, false},
		{"O23 a scope that is no UTF-8", func(a *token) { a.Scopes = []string{"\xff"} }, false},
		{"a claim", func(a *token) { a.Claims = map[string]any{"ø": 1} }, true},
		{"JW-07 a claim whose name is no UTF-8", func(a *token) { a.Claims = map[string]any{"e\xffp": 1} }, false},
		{"JW-07 two claims that would be one", func(a *token) { a.Claims = map[string]any{"e\xffp": 1, "e\xfep": 2} }, false},
		{"a claim that is no JSON", func(a *token) { a.Claims = map[string]any{"f": func() {}} }, false},
		{"a long claim", func(a *token) { a.Claims = map[string]any{"x": strings.Repeat("x", 10<<10)} }, true},
		{"a claim that is too long", func(a *token) { a.Claims = map[string]any{"x": strings.Repeat("x", 13<<10)} }, false},
	} {
		t.Run(row.name, func(t *testing.T) {
			a := token{Subject: "alice", ClientID: "spa", Audience: []string{audience}, ID: "g.1"}
			row.change(&a)
			res, err := signer.Mint(a)
			if !row.minted {
				if err == nil || res != nil {
					t.Error("minted")
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if _, err := verifier.VerifyToken(t.Context(), res.AccessToken); err != nil {
				t.Fatal(err)
			}
			if read.Subject != a.Subject || read.ClientID != a.ClientID || read.ID != a.ID ||
				!slices.Equal(read.Audience, a.Audience) || !slices.Equal(read.Scopes, a.Scopes) {
				t.Errorf("%+v became %+v", a, *read)
			}
			for name := range a.Claims {
				if _, ok := read.Claim(name); !ok {
					t.Errorf("the claim %q is not there", name)
				}
			}
			if _, err := signer.Verify(res.AccessToken); err != nil {
				t.Error(err)
			}
		})
	}
}

// J06 J07 J25 for the server that minted the token.
func TestVerifyRefuses(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	clock := func() time.Time { return now }
	s, stranger := mintSigner(t, clock), mintSigner(t, clock)
	token := tokenendpoint.AccessToken{Subject: "alice", ClientID: "spa", Audience: []string{"a"}}
	res, err := s.Mint(token)
	if err != nil {
		t.Fatal(err)
	}
	good := res.AccessToken
	parts := strings.Split(good, ".")
	for name, bad := range map[string]string{
		"nothing": "", "junk": "a.b.c", "no signature": parts[0] + "." + parts[1] + ".",
		"another payload": parts[0] + ".e30." + parts[2], "long": good + strings.Repeat("A", 20_000),
		"none": "eyJhbGciOiJub25lIn0." + parts[1] + ".",
	} {
		if _, err := s.Verify(bad); !errors.Is(err, authstar.InvalidToken) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := stranger.Verify(good); err != nil {
		t.Errorf("the same secret and issuer: %v", err)
	}
	now = now.Add(time.Minute)
	if _, err := s.Verify(good); !errors.Is(err, authstar.InvalidToken) {
		t.Errorf("at its expiry: %v", err)
	}
}

// J09 J14 J15: what the signer's key has signed is not for that alone a token of
// the signer's.
func TestVerifyRefusesOtherTokensOfItsKey(t *testing.T) {
	s := mintSigner(t, time.Now)
	res, err := s.Mint(tokenendpoint.AccessToken{Subject: "alice", ClientID: "spa", Audience: []string{"a"}})
	if err != nil {
		t.Fatal(err)
	}
	claims, err := s.Verify(res.AccessToken)
	if err != nil {
		t.Fatal(err)
	}
	from := func(issuer string) string {
		return strings.Replace(string(claims), `"iss":"https://a.example"`, `"iss":"`+issuer+`"`, 1)
	}
	header := func(name jose.HeaderKey, value any) map[jose.HeaderKey]any {
		return map[jose.HeaderKey]any{"typ": "at+jwt", name: value}
	}
	for _, row := range []struct {
		name    string
		header  map[jose.HeaderKey]any
		payload string
		good    bool
	}{
		{"its own", header("typ", "at+jwt"), from("https://a.example"), true},
		{"J09 one of another issuer", header("typ", "at+jwt"), from("https://b.example"), false},
		{"J09 one of an issuer with a slash more", header("typ", "at+jwt"), from("https://a.example/"), false},
		{"J09 one without an issuer", header("typ", "at+jwt"), from(""), false},
		{"J14 an ID token", header("typ", "JWT"), string(claims), false},
		{"J14 a token for logging out", header("typ", "logout+jwt"), string(claims), false},
		{"J14 one without a type", nil, string(claims), false},
		{"J14 one whose type is no string", header("typ", 1), string(claims), false},
		{"J15 one with a critical header", header("crit", []string{"x"}), string(claims), false},
		{"J15 one with a critical header that go-jose knows", header("crit", []string{"b64"}), string(claims), false},
		{"J15 one with the header b64", header("b64", true), string(claims), false},
	} {
		t.Run(row.name, func(t *testing.T) {
			key := jose.SigningKey{Algorithm: jose.HS256, Key: []byte(strings.Repeat("k", 32))}
			signer, err := jose.NewSigner(key, &jose.SignerOptions{ExtraHeaders: row.header})
			if err != nil {
				t.Fatal(err)
			}
			jws, err := signer.Sign([]byte(row.payload))
			if err != nil {
				t.Fatal(err)
			}
			token, err := jws.CompactSerialize()
			if err != nil {
				t.Fatal(err)
			}
			if _, err := s.Verify(token); row.good && err != nil || !row.good && !errors.Is(err, authstar.InvalidToken) {
				t.Errorf("%v", err)
			}
		})
	}
}

// TK-10 TK-17 O01 beside the token endpoint.
func TestClientHandler(t *testing.T) {
	endpoint := newEndpoint(t, tokenendpoint.Config{})
	h := endpoint.ClientHandler(func(_ context.Context, client authstar.Client, form tokenendpoint.Form) (any, error) {
		switch form.Get("token") {
		case "nothing":
			return nil, nil
		case "fault":
			return nil, errors.New("secret detail")
		case "down":
			return nil, &authstar.Error{Code: authstar.TemporarilyUnavailable}
		case "panic":
			panic("secret detail")
		}
		return map[string]string{"client": client.ClientID()}, nil
	})
	for name, tc := range map[string]struct {
		method, body, secret string
		want                 int
		text                 string
	}{
		"an answer":     {"POST", "token=x", "s3cret", 200, `{"client":"svc"}`},
		"no answer":     {"POST", "token=nothing", "s3cret", 200, ""},
		"a fault":       {"POST", "token=fault", "s3cret", 500, `{"error":"server_error"}`},
		"a panic":       {"POST", "token=panic", "s3cret", 500, `{"error":"server_error"}`},
		"an outage":     {"POST", "token=down", "s3cret", 503, `{"error":"temporarily_unavailable"}`},
		"wrong secret":  {"POST", "token=x", "wrong", 401, ""},
		"not a POST":    {"GET", "", "s3cret", 405, ""},
		"twice a token": {"POST", "token=x&token=y", "s3cret", 400, ""},
	} {
		r := httptest.NewRequest(tc.method, "/", strings.NewReader(tc.body))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.SetBasicAuth("svc", tc.secret)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if got := strings.TrimSpace(w.Body.String()); w.Code != tc.want || tc.text != "" && got != tc.text {
			t.Errorf("%s: %d %s", name, w.Code, got)
		}
		if w.Header().Get("Cache-Control") != "no-store" {
			t.Errorf("%s: may be stored", name)
		}
	}
}
