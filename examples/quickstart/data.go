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
	keys      = map[[32]byte]authstar.Identity{
		sha256.Sum256([]byte("demo-key")): {ID: "robot", Scope: []string{"orders:read"}},
	}
)

func checkPassword(_ context.Context, username, password string) (authstar.Client, error) {
	want := passwords[username] // of an unknown user: zeros, which no password has
	got := sha256.Sum256([]byte(password))
	if subtle.ConstantTimeCompare(want[:], got[:]) == 0 {
		return nil, nil
	}
	return &authstar.Identity{ID: username, Scope: []string{"orders:read"}}, nil
}

func findKey(_ context.Context, key string) (authstar.Client, error) {
	client, ok := keys[sha256.Sum256([]byte(key))]
	if !ok {
		return nil, nil
	}
	return &client, nil
}

func findToken(context.Context, string) (authstar.Client, error) { return nil, nil }
