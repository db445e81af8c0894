package main

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"

	"github.com/authstar/authstar"
	"github.com/authstar/authstar/authenticators"
	"github.com/authstar/authstar/authenticators/apikey"
)

// What an application has in its database: hashes, of which those of passwords
// are slow. "wonderland" is alice's.
var (
	passwords = map[string]string{"alice": "$argon2id$v=19$m=19456,t=2,p=1$G4fPZICted0enaLxgoEUug$Nm2nhVcVFyRNS2beHnApF+1a+dB9vIKaX3LTFjEp8D0"}
	secrets   = map[string][32]byte{"demo": sha256.Sum256([]byte("demo-secret"))}
	keys      = map[[32]byte]authstar.Identity{
		sha256.Sum256([]byte("demo-key")): {ID: "robot", Scope: []string{"orders:read"}},
	}
)

func findUser(_ context.Context, username string) (hash string, client authstar.Client, err error) {
	hash, ok := passwords[username]
	if !ok {
		return "", nil, nil
	}
	return hash, &authstar.Identity{ID: username, Scope: []string{"orders:read"}}, nil
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

// findKey knows the fixed key of the demonstration, and those that were generated.
func findKey(generated *apikey.Keys) authenticators.KeyFunc {
	return func(ctx context.Context, key string) (authstar.Client, error) {
		if client, ok := keys[sha256.Sum256([]byte(key))]; ok {
			return &client, nil
		}
		return generated.Find(ctx, key)
	}
}
