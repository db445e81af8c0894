package tokenendpoint_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/authstar/authstar"
	"github.com/authstar/authstar/authenticators"
	"github.com/authstar/authstar/tokenendpoint"
)

const (
	issuer   = "https://auth.example"
	audience = "https://api.example"
)

var epoch = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func signerConfig() tokenendpoint.SignerConfig {
	return tokenendpoint.SignerConfig{
		Issuer: issuer, Audiences: []string{audience}, Keys: [][]byte{sec1(ecKey())},
		Now: func() time.Time { return epoch },
	}
}

func loggingConfig() (tokenendpoint.SignerConfig, *bytes.Buffer) {
	config, logs := signerConfig(), new(bytes.Buffer)
	config.Logger = slog.New(slog.NewJSONHandler(logs, nil))
	return config, logs
}

func newSigner(t testing.TB, config tokenendpoint.SignerConfig) *tokenendpoint.Signer {
	t.Helper()
	signer, err := tokenendpoint.NewSigner(config)
	if err != nil {
		t.Fatal(err)
	}
	return signer
}

var svcRequest = tokenendpoint.Request{Client: &authstar.Identity{ID: "svc"}, Scopes: []string{"read", "write"}}

func mintToken(t testing.TB, signer *tokenendpoint.Signer) string {
	t.Helper()
	res, err := signer.Build(context.Background(), &svcRequest)
	if err != nil {
		t.Fatal(err)
	}
	return res.AccessToken
}

// mint reads a new token without verifying it.
func mint(t testing.TB, signer *tokenendpoint.Signer) (header, claims map[string]any) {
	t.Helper()
	return open(t, mintToken(t, signer))
}

func open(t testing.TB, token string) (header, claims map[string]any) {
	t.Helper()
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		t.Fatalf("no token: %q", token)
	}
	for i, v := range []*map[string]any{&header, &claims} {
		b, err := base64.RawURLEncoding.DecodeString(parts[i])
		if err != nil {
			t.Fatal(err)
		}
		d := json.NewDecoder(bytes.NewReader(b))
		d.UseNumber()
		if err := d.Decode(v); err != nil {
			t.Fatal(err)
		}
	}
	return header, claims
}

// verifyAt is the verdict of the strict profile of RFC 9068, with the signer as
// the key set.
func verifyAt(t testing.TB, signer *tokenendpoint.Signer, token string, now time.Time, algorithms ...string) (authstar.Client, error) {
	t.Helper()
	jwt, err := authenticators.NewJWT(authenticators.JWTConfig{
		Issuer: issuer, Audiences: []string{audience}, Keys: signer, TokenTypes: []string{"at+jwt"},
		Algorithms: algorithms, Now: func() time.Time { return now },
	})
	if err != nil {
		t.Fatal(err)
	}
	return jwt.VerifyToken(t.Context(), token)
}

func verify(t testing.TB, signer *tokenendpoint.Signer, token string, algorithms ...string) {
	t.Helper()
	client, err := verifyAt(t, signer, token, epoch, algorithms...)
	if err != nil {
		t.Fatal(err)
	}
	if client.ClientID() != "svc" || !slices.Equal(client.Scopes(), []string{"read", "write"}) {
		t.Errorf("%v %q", client, client.Scopes())
	}
	for i, part := range strings.Split(token, ".") {
		if _, err := verifyAt(t, signer, strings.Replace(token, part, part[1:], 1), epoch, algorithms...); err == nil {
			t.Errorf("a token without the first letter of part %d is good", i+1)
		}
	}
}

// RFC 9068 section 2.
func TestClaimsOfAToken(t *testing.T) {
	config := signerConfig()
	config.Lifetime = 90 * time.Second
	signer := newSigner(t, config)
	keys, _ := signer.Keys(t.Context(), "")
	header, claims := mint(t, signer)
	if want := (map[string]any{"typ": "at+jwt", "alg": "ES256", "kid": keys[0].KeyID}); !reflect.DeepEqual(header, want) {
		t.Errorf("header %v, want %v", header, want)
	}
	jti, _ := claims["jti"].(string)
	if len(jti) < 22 {
		t.Errorf("jti %q has fewer than 128 bits", jti)
	}
	if _, next := mint(t, signer); next["jti"] == jti {
		t.Error("jti repeats")
	}
	delete(claims, "jti")
	want := map[string]any{
		"iss": issuer, "sub": "svc", "client_id": "svc", "aud": audience, "scope": "read write",
		"iat": json.Number(fmt.Sprint(epoch.Unix())), "exp": json.Number(fmt.Sprint(epoch.Unix() + 90)),
	}
	if !reflect.DeepEqual(claims, want) {
		t.Errorf("claims %v, want %v", claims, want)
	}
	token := mintToken(t, signer)
	if _, err := verifyAt(t, signer, token, epoch.Add(89*time.Second)); err != nil {
		t.Errorf("a second before its end: %v", err)
	}
	if _, err := verifyAt(t, signer, token, epoch.Add(90*time.Second)); !errors.Is(err, authstar.InvalidToken) {
		t.Errorf("at its end: %v", err)
	}
}

func TestScopesOfAToken(t *testing.T) {
	signer := newSigner(t, signerConfig())
	endpoint := withBuilder(t, signer.Build)
	for asked, want := range map[string]string{"": "read write", "&scope=write": "write", "&scope=write+read+write": "write read"} {
		a := post(t, endpoint, asForm+asked)
		if _, claims := open(t, a.get("access_token")); a.get("scope") != want || claims["scope"] != want {
			t.Errorf("O23: asked %q, told %q, granted %v", asked, a.get("scope"), claims["scope"])
		}
		if a.body["expires_in"] != 600.0 {
			t.Errorf("expires_in: %v", a.body["expires_in"])
		}
	}
	res, err := signer.Build(t.Context(), &tokenendpoint.Request{Client: &authstar.Identity{ID: "svc"}})
	if err != nil {
		t.Fatal(err)
	}
	if _, claims := open(t, res.AccessToken); claims["scope"] != nil {
		t.Errorf("a token without scopes: %v", claims)
	}
}

func TestHS256(t *testing.T) {
	config := signerConfig()
	config.Algorithm, config.Keys, config.Secret = "HS256", nil, []byte(hmacSecret)
	signer := newSigner(t, config)
	clear(config.Secret)
	token := mintToken(t, signer)
	verify(t, signer, token, "HS256")
	if _, err := verifyAt(t, signer, token, epoch); !errors.Is(err, authstar.InvalidToken) {
		t.Errorf("a verifier of asymmetric algorithms: %v", err)
	}
	if header, _ := mint(t, signer); header["kid"] != nil || header["alg"] != "HS256" || header["typ"] != "at+jwt" {
		t.Errorf("header %v", header)
	}
}

// O20.
func TestClaimsOfTheApplication(t *testing.T) {
	config := signerConfig()
	evil := map[string]any{
		"iss": "https://evil.example", "sub": "root", "aud": "other", "exp": int64(9999999999), "nbf": int64(9999999999), "iat": 1, "jti": "1",
		"client_id": "root", "scope": "admin", "scp": []string{"admin"}, "cnf": map[string]any{"jkt": "x"}, "tenant": "acme", "roles": []string{"a", "b"},
	}
	before := maps.Clone(evil)
	config.Claims = func(_ context.Context, req *tokenendpoint.Request) (map[string]any, error) {
		if req.Client.ClientID() != "svc" {
			t.Errorf("the client is %v", req.Client)
		}
		return evil, nil
	}
	signer := newSigner(t, config)
	_, claims := mint(t, signer)
	_, want := mint(t, newSigner(t, signerConfig()))
	want["tenant"], want["roles"], want["jti"] = "acme", []any{"a", "b"}, claims["jti"]
	if !reflect.DeepEqual(claims, want) || claims["jti"] == "1" {
		t.Errorf("O20: %v, want %v", claims, want)
	}
	if !reflect.DeepEqual(evil, before) {
		t.Error("the application's map was changed")
	}
	verify(t, signer, mintToken(t, signer))
}

func TestErrorsOfTheApplicationsClaims(t *testing.T) {
	for _, row := range []struct {
		name    string
		claims  map[string]any
		err     error
		outcome string
	}{
		{"none", nil, nil, "ok read write"},
		{"a plain error", nil, errors.New("detail"), "server_error"},
		{"an *Error", nil, &authstar.Error{Code: authstar.AccessDenied}, "access_denied"},
		{"an outage", nil, &authstar.Error{Code: authstar.TemporarilyUnavailable}, "temporarily_unavailable"},
		{"O32 a claim that is no JSON", map[string]any{"f": func() {}}, nil, "server_error"},
	} {
		t.Run(row.name, func(t *testing.T) {
			config := signerConfig()
			config.Claims = func(context.Context, *tokenendpoint.Request) (map[string]any, error) { return row.claims, row.err }
			if a := post(t, withBuilder(t, newSigner(t, config).Build), asForm); a.outcome() != row.outcome {
				t.Errorf("%d %s", a.status, a.text)
			}
		})
	}
}

// O36, TK-28: RFC 8707.
func TestResource(t *testing.T) {
	config := signerConfig()
	config.Audiences = []string{audience, "https://files.example"}
	endpoint := withBuilder(t, newSigner(t, config).Build)
	config.Audiences[0] = "changed"
	for _, row := range []struct {
		name, resource string
		aud            any
	}{
		{"O36 none is all", "", []any{audience, "https://files.example"}},
		{"O36 empty is none", "&resource=", []any{audience, "https://files.example"}},
		{"O36 one is that one alone", "&resource=https://files.example", "https://files.example"},
		{"O36 an unknown one", "&resource=https://other.example", nil},
		{"TK-28 one with a fragment", "&resource=https://files.example%23x", nil},
		{"TK-28 one with a slash more", "&resource=https://files.example/", nil},
		{"O36 two in one", "&resource=" + audience + "+https://files.example", nil},
		{"O36 audience is not a parameter of it", "&audience=https://files.example", []any{audience, "https://files.example"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			a := post(t, endpoint, asForm+row.resource)
			if row.aud == nil {
				if a.status != 400 || a.outcome() != "invalid_target" {
					t.Errorf("%d %s", a.status, a.text)
				}
			} else if _, claims := open(t, a.get("access_token")); !reflect.DeepEqual(claims["aud"], row.aud) {
				t.Errorf("aud %v, want %v", claims["aud"], row.aud)
			}
		})
	}
}

// O37, JW-03.
func TestNewSignerReportsAllFaults(t *testing.T) {
	for _, row := range []struct {
		name   string
		change func(*tokenendpoint.SignerConfig)
		want   []string
	}{
		{"the zero value", func(c *tokenendpoint.SignerConfig) { *c = tokenendpoint.SignerConfig{} }, []string{"Issuer: required", "Audiences: at least one"}},
		{"all at once", func(c *tokenendpoint.SignerConfig) {
			*c = tokenendpoint.SignerConfig{Audiences: []string{"a", ""}, Lifetime: -1, PublishAhead: -1, Secret: []byte("x"), Keys: [][]byte{nil, sec1(ecKey()), []byte("x")}}
		}, []string{"Issuer: required", "none of them empty", "Lifetime -1ns", "PublishAhead -1ns", "Secret: is for HS256", "key 1 is neither", "key 3 is neither"}},
		{"an unknown algorithm", func(c *tokenendpoint.SignerConfig) { c.Algorithm = "none" }, []string{`Algorithm "none"`}},
		{"another algorithm", func(c *tokenendpoint.SignerConfig) { c.Algorithm = "ES384" }, []string{`Algorithm "ES384"`}},
		{"an algorithm in small letters", func(c *tokenendpoint.SignerConfig) { c.Algorithm = "es256" }, []string{`Algorithm "es256"`}},
		{"JW-07 names that are no UTF-8", func(c *tokenendpoint.SignerConfig) {
			c.Issuer, c.Audiences = issuer+"\xff", []string{audience, "\xff"}
		}, []string{"Issuer: required, in UTF-8", "Audiences: at least one, none of them empty, in UTF-8"}},
		{"O37 HS256 without a secret", func(c *tokenendpoint.SignerConfig) { c.Algorithm, c.Keys = "HS256", nil }, []string{"Secret: 0 bytes"}},
		{"O37 HS256 with an empty secret", func(c *tokenendpoint.SignerConfig) { c.Algorithm, c.Keys, c.Secret = "HS256", nil, []byte{} }, []string{"Secret: 0 bytes"}},
		{"O37 HS256 with a short secret", func(c *tokenendpoint.SignerConfig) {
			c.Algorithm, c.Keys, c.Secret = "HS256", nil, []byte(hmacSecret[:31])
		}, []string{"Secret: 31 bytes"}},
		{"HS256 with a key", func(c *tokenendpoint.SignerConfig) { c.Algorithm, c.Secret = "HS256", []byte(hmacSecret) }, []string{"Keys: HS256 has a Secret"}},
		{"X15 a short lifetime", func(c *tokenendpoint.SignerConfig) { c.Lifetime = time.Second - 1 }, []string{"Lifetime"}},
		{"X15 a long lifetime", func(c *tokenendpoint.SignerConfig) { c.Lifetime = 24*time.Hour + 1 }, []string{"Lifetime"}},
		{"X15 an endless lifetime", func(c *tokenendpoint.SignerConfig) { c.Lifetime = 1<<63 - 1 }, []string{"Lifetime"}},
		{"X15 an endless announcement", func(c *tokenendpoint.SignerConfig) { c.PublishAhead = 1<<63 - 1 }, []string{"PublishAhead"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			config, logs := loggingConfig()
			row.change(&config)
			signer, err := tokenendpoint.NewSigner(config)
			if signer != nil || err == nil {
				t.Fatalf("%v %v", signer, err)
			}
			if lines := strings.Split(err.Error(), "\n"); len(lines) != len(row.want) {
				t.Errorf("%d faults, want %d:\n%v", len(lines), len(row.want), err)
			}
			for _, want := range row.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("no %q in\n%v", want, err)
				}
			}
			checkSilent(t, "the error", err.Error()+logs.String(), hmacSecret[:31])
		})
	}
	for _, lifetime := range []time.Duration{time.Second, 24 * time.Hour} {
		config := signerConfig()
		config.Lifetime, config.PublishAhead = lifetime, 24*time.Hour
		if a := post(t, withBuilder(t, newSigner(t, config).Build), asForm); a.body["expires_in"] != lifetime.Seconds() {
			t.Errorf("X15: %v: %s", lifetime, a.text)
		}
	}
}
