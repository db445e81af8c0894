package main

import (
	"context"
	"slices"
	"sync"

	"github.com/authstar/authstar"
)

// user is the client of this application: an Identity, and what else it wants
// to know on every request.
type user struct {
	authstar.Identity
	Name string `json:"name"`
}

// users is what an application has in its database.
type users struct {
	mu   sync.Mutex
	byID map[string]account
}

type account struct {
	name, hash string // the hash is that of authstar hash-password
	scopes     []string
}

func newUsers() *users {
	return &users{byID: map[string]account{
		"alice": {"Alice", "$argon2id$v=19$m=19456,t=2,p=1$wQ0q+UVNDFLD652lzg8lWw$NuBAue5Jh8ielYC2v1MtlIA8yYsmtvJNq5sx70lGPgU", []string{"orders"}},
		"carol": {"Carol", "$argon2id$v=19$m=19456,t=2,p=1$20sqOGZUObIsMDGliD2+Bw$aroidt3Br/Kkz0y7TGKKICwV8R3FXolobUImbTJkKZI", []string{"orders", "admin"}},
	}}
}

func (u *users) find(id string) (account, *user) {
	u.mu.Lock()
	defer u.mu.Unlock()
	a, ok := u.byID[id]
	if !ok {
		return a, nil
	}
	return a, &user{Identity: authstar.Identity{ID: id, Scope: slices.Clone(a.scopes)}, Name: a.name}
}

// lookup is what checking a password asks.
func (u *users) lookup(_ context.Context, username string) (string, authstar.Client, error) {
	a, client := u.find(username)
	return a.hash, client, nil
}

// refresh is what a session asks every minute: a user without an account is
// logged out, and one who is no admin any more is none here.
func (u *users) refresh(_ context.Context, client *user) (*user, error) {
	_, fresh := u.find(client.ID)
	return fresh, nil
}

// change replaces an account; nil scopes remove it.
func (u *users) change(id string, scopes []string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	a := u.byID[id]
	a.scopes = scopes
	u.byID[id] = a
	if scopes == nil {
		delete(u.byID, id)
	}
}
