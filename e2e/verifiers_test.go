package e2e

import (
	"context"
	"encoding/base64"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/MicahParks/keyfunc/v3"
	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/golang-jwt/jwt/v5"
	"github.com/lestrrat-go/jwx/v3/jwa"
	"github.com/lestrrat-go/jwx/v3/jwk"
	jwxt "github.com/lestrrat-go/jwx/v3/jwt"

	"github.com/authstar/authstar/authenticators"
	"github.com/authstar/authstar/authenticators/jwks"
)

// verifier returns the subject of a token.
type verifier func(ctx context.Context, token string) (string, error)

// verifiers are other people's, set up as their documentation says, each with
// what it remembers of the issuer's keys.
func verifiers(t *testing.T, i *issuer, algorithm string, npm *peer) map[string]verifier {
	t.Helper()
	remote := oidc.NewRemoteKeySet(t.Context(), i.jwksURL())
	goOIDC := oidc.NewVerifier(i.url, remote, &oidc.Config{ClientID: i.url, SupportedSigningAlgs: []string{algorithm}})
	keys, err := keyfunc.NewDefaultCtx(t.Context(), []string{i.jwksURL()})
	if err != nil {
		t.Fatal(err)
	}
	return map[string]verifier{
		"go-oidc": func(ctx context.Context, token string) (string, error) {
			id, err := goOIDC.Verify(ctx, token)
			if err != nil {
				return "", err
			}
			return id.Subject, nil
		},
		"golang-jwt": golangJWT(i, algorithm, keys.Keyfunc),
		"jwx": func(ctx context.Context, token string) (string, error) {
			set, err := jwk.Fetch(ctx, i.jwksURL())
			if err != nil {
				return "", err
			}
			return parseJWX(i, token, jwxt.WithKeySet(set))
		},
		"jose":         inNode(t, npm, i, "jose", ""),
		"oauth4webapi": inNode(t, npm, i, "oauth4webapi", ""),
		"authstar":     ours(t, i),
	}
}

// symmetricVerifiers know the secret. go-oidc and oauth4webapi verify no HS256.
func symmetricVerifiers(t *testing.T, i *issuer, npm *peer) map[string]verifier {
	t.Helper()
	return map[string]verifier{
		"golang-jwt": golangJWT(i, "HS256", func(*jwt.Token) (any, error) { return []byte(hmacSecret), nil }),
		"jwx": func(_ context.Context, token string) (string, error) {
			return parseJWX(i, token, jwxt.WithKey(jwa.HS256(), []byte(hmacSecret)))
		},
		"jose": inNode(t, npm, i, "jose", hmacSecret),
	}
}

func golangJWT(i *issuer, algorithm string, keys jwt.Keyfunc) verifier {
	parser := jwt.NewParser(jwt.WithValidMethods([]string{algorithm}), jwt.WithIssuer(i.url), jwt.WithAudience(i.url), jwt.WithExpirationRequired())
	return func(_ context.Context, token string) (string, error) {
		parsed, err := parser.Parse(token, keys)
		if err != nil {
			return "", err
		}
		return parsed.Claims.GetSubject()
	}
}

func parseJWX(i *issuer, token string, key jwxt.ParseOption) (string, error) {
	parsed, err := jwxt.ParseString(token, key, jwxt.WithIssuer(i.url), jwxt.WithAudience(i.url))
	if err != nil {
		return "", err
	}
	subject, _ := parsed.Subject()
	return subject, nil
}

func inNode(t *testing.T, npm *peer, i *issuer, library, secret string) verifier {
	return func(_ context.Context, token string) (string, error) {
		var reply struct{ Subject, Error string }
		npm.ask(t, map[string]string{
			"library": library, "token": token, "issuer": i.url, "audience": i.url, "jwks_uri": i.jwksURL(),
			"secret": base64.RawURLEncoding.EncodeToString([]byte(secret)),
		}, &reply)
		if reply.Error != "" {
			return "", errors.New(reply.Error)
		}
		return reply.Subject, nil
	}
}

// ours is another API's verifier, which has to fetch the keys as well.
func ours(t *testing.T, i *issuer) verifier {
	t.Helper()
	keys, err := jwks.NewRemote(jwks.RemoteConfig{URL: i.jwksURL()})
	if err != nil {
		t.Fatal(err)
	}
	verify, err := authenticators.NewJWT(authenticators.JWTConfig{Issuer: i.url, Audiences: []string{i.url}, Keys: keys})
	if err != nil {
		t.Fatal(err)
	}
	return func(ctx context.Context, token string) (string, error) {
		client, err := verify.VerifyToken(ctx, token)
		if err != nil {
			return "", err
		}
		return client.ClientID(), nil
	}
}

// tampered are twins of a token that nobody may accept.
func tampered(t *testing.T, token, subject string) map[string]string {
	t.Helper()
	parts := strings.Split(token, ".")
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		t.Fatal(err)
	}
	admin := strings.Replace(string(payload), `"sub":"`+subject+`"`, `"sub":"root"`, 1)
	if admin == string(payload) {
		t.Fatalf("no subject in %s", payload)
	}
	other := "A"
	if strings.HasPrefix(parts[2], other) {
		other = "B"
	}
	return map[string]string{
		"another payload":   parts[0] + "." + base64.RawURLEncoding.EncodeToString([]byte(admin)) + "." + parts[2],
		"another signature": parts[0] + "." + parts[1] + "." + other + parts[2][1:],
		"no signature":      parts[0] + "." + parts[1] + ".",
		"alg none":          base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none","typ":"at+jwt"}`)) + "." + parts[1] + ".",
	}
}

// J01, K05, TK-27: other people's verifiers accept the tokens of a Signer, and
// after a rotation those of the new key and of the old one.
func TestVerifiers(t *testing.T) {
	npm := node(t, "verifier.mjs")
	for _, algorithm := range []string{"ES256", "RS256", "EdDSA", "HS256"} {
		t.Run(algorithm, func(t *testing.T) {
			i := newIssuer(t, algorithm)
			var all map[string]verifier
			if algorithm == "HS256" {
				all = symmetricVerifiers(t, i, npm)
			} else {
				all = verifiers(t, i, algorithm, npm)
			}
			before := i.mint(t)
			accept(t, all, before)
			if algorithm != "HS256" {
				i.rotate(t)
				after := i.mint(t)
				if header(before) == header(after) {
					t.Fatal("nothing was rotated")
				}
				accept(t, all, after)
				accept(t, all, before)
			}
			for name, token := range tampered(t, i.mint(t), "demo") {
				refuse(t, all, name, token)
			}
			// Some look for an unknown key once in minutes: this is the last.
			foreign := newIssuer(t, algorithm)
			refuse(t, all, "another issuer's", foreign.mint(t))
		})
	}
}

func header(token string) string {
	h, _, _ := strings.Cut(token, ".")
	return h
}

func accept(t *testing.T, all map[string]verifier, token string) {
	t.Helper()
	for _, name := range slices.Sorted(maps.Keys(all)) {
		if subject, err := all[name](t.Context(), token); err != nil || subject != "demo" {
			t.Errorf("%s: subject is %q (%v)", name, subject, err)
		}
	}
}

func refuse(t *testing.T, all map[string]verifier, what, token string) {
	t.Helper()
	for _, name := range slices.Sorted(maps.Keys(all)) {
		if subject, err := all[name](t.Context(), token); err == nil {
			t.Errorf("%s accepts a token with %s, of %q", name, what, subject)
		}
	}
}
