package main

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"

	"github.com/authstar/authstar/authserver"
)

// What an application has in its database. Passwords of real users are hashed
// slowly, with argon2id.
var users = map[string]struct {
	password [32]byte
	login    authserver.Login
}{
	"alice": {sha256.Sum256([]byte("wonderland")), authserver.Login{
		Subject: "alice", Claims: map[string]any{"role": "admin"}, Scopes: []string{"orders:read", "orders:write"},
	}},
	"bob": {sha256.Sum256([]byte("builder")), authserver.Login{
		Subject: "bob", Claims: map[string]any{"role": "user"}, Scopes: []string{"orders:read", "orders:write"},
	}},
}

func checkLogin(_ context.Context, username, password string) (authserver.Login, error) {
	user := users[username] // of an unknown one: zeros, which no password has
	got := sha256.Sum256([]byte(password))
	if subtle.ConstantTimeCompare(user.password[:], got[:]) == 0 {
		return authserver.Login{}, nil
	}
	return user.login, nil
}

func findUser(_ context.Context, subject string) (authserver.Login, error) {
	return users[subject].login, nil
}

// clients are the applications that may ask for tokens.
func clients(issuer string) func(context.Context, string) (*authserver.Client, error) {
	const elsewhere = "http://127.0.0.1:3000/callback"
	all := []string{"orders:read", "orders:write", authserver.OfflineAccess}
	known := map[string]*authserver.Client{
		"spa": {
			Name: "The page", RedirectURIs: []string{issuer + "/callback", issuer + "/docs/oauth2-redirect.html", elsewhere}, Scope: all,
			Grants: []string{authserver.AuthorizationCode, authserver.RefreshToken},
		},
		"web": {
			Name: "The web application", RedirectURIs: []string{elsewhere}, Scope: all,
			Grants:       []string{authserver.AuthorizationCode, authserver.RefreshToken},
			SecretHashes: [][]byte{authserver.HashSecret("web-secret")}, ResourceServer: true,
		},
		"machine": {
			Name: "The machine", Scope: []string{"orders:read", "orders:write"},
			Grants:       []string{authserver.ClientCredentials},
			SecretHashes: [][]byte{authserver.HashSecret("machine-secret")}, ResourceServer: true,
		},
		"cli": {
			Name: "The command line", RedirectURIs: []string{"http://127.0.0.1/callback", "http://[::1]/callback"}, Scope: all, Native: true,
			Grants: []string{authserver.AuthorizationCode, authserver.RefreshToken}, Consent: true,
		},
	}
	for id, c := range known {
		c.ID = id
	}
	return func(_ context.Context, id string) (*authserver.Client, error) { return known[id], nil }
}
