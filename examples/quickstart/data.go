package main

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"

	"github.com/authstar/authstar"
)

// What an application has in its database.
var (
	passwords = map[string][32]byte{"alice": sha256.Sum256([]byte("wonderland"))}
	secrets   = map[string][32]byte{"demo": sha256.Sum256([]byte("demo-secret"))}
	keys      = map[[32]byte]authstar.Identity{
		sha256.Sum256([]byte("demo-key")): {ID: "robot", Scope: []string{"orders:read"}},
	}
)

func checkPassword(_ context.Context, username, password string) (authstar.Client, error) {
	if !matches(passwords[username], password) {
		return nil, nil
	}
	return &authstar.Identity{ID: username, Scope: []string{"orders:read"}}, nil
}

func checkClient(_ context.Context, clientID, secret string) (authstar.Client, error) {
	if !matches(secrets[clientID], secret) {
		return nil, nil
	}
	return &authstar.Identity{ID: clientID, Scope: []string{"orders:read", "orders:write"}}, nil
}

// matches takes as long for an unknown name, whose hash is all zeros, as for a
// wrong secret.
func matches(hash [32]byte, secret string) bool {
	got := sha256.Sum256([]byte(secret))
	return subtle.ConstantTimeCompare(hash[:], got[:]) == 1
}

func findKey(_ context.Context, key string) (authstar.Client, error) {
	client, ok := keys[sha256.Sum256([]byte(key))]
	if !ok {
		return nil, nil
	}
	return &client, nil
}
