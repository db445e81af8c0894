package main

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"

	"github.com/authstar/authstar/authserver"
	"github.com/authstar/authstar/tokenendpoint"
)

// newLogin is where the page logs in, and again when a login is too old. Access
// tokens are short, and a refresh token gets the next one, which tells the time
// of the same login.
func newLogin(s settings) (*authserver.Server, error) {
	page := &authserver.Client{
		ID: "page", Name: "The page", RedirectURIs: []string{s.origin + "/callback"}, Scope: []string{authserver.OfflineAccess},
		Grants: []string{authserver.AuthorizationCode, authserver.RefreshToken},
	}
	return authserver.New(authserver.Config{
		Issuer: s.origin,
		Name:   "The browser's doors",
		Login:  checkLogin,
		Client: func(_ context.Context, id string) (*authserver.Client, error) {
			if id != page.ID {
				return nil, nil
			}
			return page, nil
		},
		Signer: tokenendpoint.SignerConfig{Lifetime: s.lifetime},
		Now:    s.now,
	})
}

// users are what an application has in its database, with passwords hashed
// slowly there, by argon2id.
var users = map[string][32]byte{"alice": sha256.Sum256([]byte("wonderland"))}

func checkLogin(_ context.Context, username, password string) (authserver.Login, error) {
	want := users[username] // of an unknown one: zeros, which no password has
	got := sha256.Sum256([]byte(password))
	if subtle.ConstantTimeCompare(want[:], got[:]) == 0 {
		return authserver.Login{}, nil
	}
	return authserver.Login{Subject: username}, nil
}
