package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"testing"

	"github.com/authstar/authstar/authenticators"
	"github.com/authstar/authstar/authenticators/jwks"
)

// FuzzReasons signs any header and claims. Its law: the command finds no reason to
// refuse what an API accepts.
func FuzzReasons(f *testing.F) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		f.Fatal(err)
	}
	described, err := describe(private, "ES256")
	if err != nil {
		f.Fatal(err)
	}
	_, public, err := encode(private, described, "jwk")
	if err != nil {
		f.Fatal(err)
	}
	keys, err := jwks.Parse(public)
	if err != nil {
		f.Fatal(err)
	}
	api, err := authenticators.NewJWT(authenticators.JWTConfig{Issuer: "i", Audiences: []string{"api"}, Keys: keys})
	if err != nil {
		f.Fatal(err)
	}
	for _, header := range []string{`{"alg":"ES256"}`, `{"alg":"ES256","typ":"application/AT+JWT"}`, `{"alg":"ES256","typ":null,"kid":null}`, `{"alg":"ES256","crit":null}`, `{"alg":"ES256","alg":"ES256"}`} {
		for _, claims := range []string{
			`{"iss":"i","sub":"a","aud":"api","exp":4e9}`, `{"iss":"i","sub":"a","aud":["x","api"],"exp":4000000000.5,"nbf":1.5,"iat":0}`,
			`{"iss":"i","sub":"a","aud":"api","exp":4e9,"cnf":null,"jti":null,"client_id":null,"nbf":null}`, `{"iss":"i","sub":"\ud800","aud":["api",null],"exp":"1"}`,
			`{"iss":"i","sub":"a","aud":"api","exp":4e9,"AUD":1,"x":{"y":1,"y":2}}`,
		} {
			f.Add(header, claims)
		}
	}
	f.Fuzz(func(t *testing.T, header, claims string) {
		text := base64.RawURLEncoding.EncodeToString([]byte(header)) + "." + base64.RawURLEncoding.EncodeToString([]byte(claims))
		sum := sha256.Sum256([]byte(text))
		r, s, err := ecdsa.Sign(rand.Reader, private, sum[:])
		if err != nil {
			t.Fatal(err)
		}
		signature := append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...)
		text += "." + base64.RawURLEncoding.EncodeToString(signature)
		_, refusal := api.VerifyToken(t.Context(), text)
		tok, err := decode(text)
		if err != nil {
			if refusal == nil {
				t.Errorf("accepted, but %v", err)
			}
			return
		}
		reasons, err := tok.reasons(t.Context(), keys, "i", "api")
		if err != nil {
			t.Fatal(err)
		}
		if refusal == nil && len(reasons) > 0 {
			t.Errorf("accepted, but %q", reasons)
		}
	})
}
