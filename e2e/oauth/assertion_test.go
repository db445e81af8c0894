package oauth

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/go-jose/go-jose/v4"

	"github.com/authstar/authstar/authserver"
	"github.com/authstar/authstar/tokenendpoint"
)

// private_key_jwt, with keys of every kind that the libraries sign with.
func TestPrivateKeyJWT(t *testing.T) {
	keys := make(map[string]jose.JSONWebKey)
	for alg, private := range privateKeys(t) {
		keys[alg] = jose.JSONWebKey{Key: private, KeyID: alg, Algorithm: alg, Use: "sig"}
	}
	stranger := jose.JSONWebKey{Key: privateKeys(t)["ES256"], KeyID: "ES256", Algorithm: "ES256"}
	issuer := newKeyServer(t, keys)
	for _, library := range libraries {
		t.Run(library, func(t *testing.T) {
			c := newClient(t, library, issuer, elsewhere, credentials{ID: "signer", Method: "private_key_jwt", Key: &stranger})
			t.Run("a stranger's key", func(t *testing.T) {
				c.refused(t, "machine", params{"scope": "orders:read"}, "invalid_client", 401)
			})
			for alg, key := range keys {
				t.Run(alg, func(t *testing.T) {
					c.configure(t, issuer, credentials{ID: "signer", Method: "private_key_jwt", Key: &key})
					testMachine(t, c, issuer)
				})
			}
			t.Run("a user's login", func(t *testing.T) {
				tokens := c.tokens(t)
				tokens = c.must(t, "refresh", params{"refresh_token": tokens.Refresh})
				if a := c.must(t, "introspect", params{"token": tokens.Access}); a.Subject != "alice" || a.Client != "signer" {
					t.Errorf("%+v", a)
				}
			})
			t.Run("Ed25519, by the name that RFC 9864 gives it", func(t *testing.T) {
				key := keys["EdDSA"]
				key.Algorithm = "Ed25519"
				c.configure(t, issuer, credentials{ID: "signer", Method: "private_key_jwt", Key: &key})
				c.refused(t, "machine", params{"scope": "orders:read"}, "invalid_client", 401) // go-jose does not know it
			})
			if library == "oauth4webapi" {
				t.Run("an assertion works once", func(t *testing.T) {
					key := keys["ES256"]
					c.configure(t, issuer, credentials{ID: "signer", Method: "private_key_jwt", Key: &key})
					c.must(t, "machine", params{"scope": "orders:read"})
					c.refused(t, "again", nil, "invalid_client", 401)
				})
			}
		})
	}
}

func privateKeys(t *testing.T) map[string]crypto.Signer {
	t.Helper()
	ec, err1 := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	rs, err2 := rsa.GenerateKey(rand.Reader, 2048)
	_, ed, err3 := ed25519.GenerateKey(rand.Reader)
	if err1 != nil || err2 != nil || err3 != nil {
		t.Fatal(err1, err2, err3)
	}
	return map[string]crypto.Signer{"ES256": ec, "RS256": rs, "PS256": rs, "EdDSA": ed}
}

// newKeyServer is an authorization server with a client that has these keys and
// no secret.
func newKeyServer(t *testing.T, keys map[string]jose.JSONWebKey) (issuer string) {
	t.Helper()
	mux := http.NewServeMux()
	web := httptest.NewServer(mux)
	t.Cleanup(web.Close)
	signer := &authserver.Client{
		ID: "signer", RedirectURIs: []string{elsewhere}, Scope: []string{"orders:read", authserver.OfflineAccess},
		Grants: []string{authserver.AuthorizationCode, authserver.RefreshToken, authserver.ClientCredentials},
	}
	for _, key := range keys {
		signer.Keys = append(signer.Keys, key.Public())
	}
	server, err := authserver.New(authserver.Config{
		Issuer: web.URL,
		Signer: tokenendpoint.SignerConfig{Logger: slog.New(slog.DiscardHandler)},
		Login: func(context.Context, string, string) (authserver.Login, error) {
			return authserver.Login{Subject: "alice", Scopes: []string{"orders:read"}}, nil
		},
		Client: func(_ context.Context, id string) (*authserver.Client, error) {
			return map[string]*authserver.Client{"signer": signer}[id], nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	mux.Handle("/", server.Handler())
	return web.URL
}
