package tokenendpoint_test

import (
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/authstar/authstar/authenticators"
	"github.com/authstar/authstar/authenticators/jwks"
	"github.com/authstar/authstar/tokenendpoint"
)

func fetch(t *testing.T, url, method string) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequest(method, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res, string(body)
}

func newJWKSServer(t *testing.T, signer *tokenendpoint.Signer) string {
	t.Helper()
	srv := httptest.NewServer(signer.JWKS())
	t.Cleanup(srv.Close)
	return srv.URL
}

// What is published are the public halves, and nothing else.
func TestJWKSHasPublicMembersOnly(t *testing.T) {
	members := map[string][]string{
		"ES256": {"alg", "crv", "kid", "kty", "use", "x", "y"},
		"RS256": {"alg", "e", "kid", "kty", "n", "use"},
		"EdDSA": {"alg", "crv", "kid", "kty", "use", "x"},
	}
	for alg, want := range members {
		t.Run(alg, func(t *testing.T) {
			signer := newSigner(t, signerConfigFor(alg))
			if alg != "RS256" {
				rotate(t, signer, nil)
			}
			_, body := fetch(t, newJWKSServer(t, signer), "GET")
			var set struct{ Keys []map[string]string }
			if err := json.Unmarshal([]byte(body), &set); err != nil {
				t.Fatal(err)
			}
			var ids []string
			for _, key := range set.Keys {
				if got := slices.Sorted(maps.Keys(key)); !slices.Equal(got, want) || key["alg"] != alg || key["use"] != "sig" {
					t.Errorf("%v, want the members %q", key, want)
				}
				ids = append(ids, key["kid"])
			}
			if !slices.Equal(ids, published(t, signer)) {
				t.Errorf("served %q, published %q", ids, published(t, signer))
			}
			for _, secret := range keyMaterial(t, alg) {
				if strings.Contains(body, secret) {
					t.Error("the private half is served")
				}
			}
		})
	}
}

func TestJWKSOfHS256IsEmpty(t *testing.T) {
	config := signerConfig()
	config.Algorithm, config.Keys, config.Secret = "HS256", nil, []byte(hmacSecret)
	if res, body := fetch(t, newJWKSServer(t, newSigner(t, config)), "GET"); res.StatusCode != 200 || body != `{"keys":[]}`+"\n" {
		t.Errorf("%d %q", res.StatusCode, body)
	}
}

func TestJWKSOverHTTP(t *testing.T) {
	config := signerConfig()
	config.PublishAhead = 90 * time.Second
	url := newJWKSServer(t, newSigner(t, config))
	for _, method := range []string{"GET", "HEAD"} {
		res, body := fetch(t, url, method)
		for name, want := range map[string]string{
			"Content-Type": "application/jwk-set+json", "Cache-Control": "public, max-age=90", "X-Content-Type-Options": "nosniff",
		} {
			if got := res.Header.Get(name); got != want {
				t.Errorf("%s: %s: %q, want %q", method, name, got, want)
			}
		}
		if res.StatusCode != 200 || (body == "") != (method == "HEAD") {
			t.Errorf("%s: %d %q", method, res.StatusCode, body)
		}
	}
	for _, method := range []string{"POST", "PUT", "DELETE", "OPTIONS"} {
		if res, body := fetch(t, url, method); res.StatusCode != 405 || res.Header.Get("Allow") != "GET, HEAD" || body != "" {
			t.Errorf("%s: %d, Allow: %q, %q", method, res.StatusCode, res.Header.Get("Allow"), body)
		}
	}
}

// A server that only has the document verifies the tokens, as the signer does.
func TestServedKeysVerify(t *testing.T) {
	for _, alg := range []string{"ES256", "RS256", "EdDSA"} {
		signer := newSigner(t, signerConfigFor(alg))
		_, body := fetch(t, newJWKSServer(t, signer), "GET")
		set, err := jwks.Parse([]byte(body))
		if err != nil {
			t.Fatal(err)
		}
		jwt, err := authenticators.NewJWT(authenticators.JWTConfig{
			Issuer: issuer, Audiences: []string{audience}, Keys: set, TokenTypes: []string{"at+jwt"}, Now: func() time.Time { return epoch },
		})
		if err != nil {
			t.Fatal(err)
		}
		if client, err := jwt.VerifyToken(t.Context(), mintToken(t, signer)); err != nil || client.ClientID() != "svc" {
			t.Errorf("%s: %v %v", alg, client, err)
		}
	}
}
