package password_test

import (
	"context"
	"fmt"
	"log"

	"github.com/authstar/authstar"
	"github.com/authstar/authstar/authenticators/password"
)

// A login is when the password is known, and an old hash can be replaced: that of
// bcrypt by argon2id.
func ExampleNeedsRehash() {
	users := &accounts{hashes: map[string]string{"alice": "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"}}
	verifier, err := password.New(password.Config{Lookup: users.find})
	if err != nil {
		log.Fatal(err)
	}
	login := func(ctx context.Context, username, secret string) (authstar.Client, error) {
		client, err := verifier.Check(ctx, username, secret)
		if err != nil || client == nil {
			return nil, err
		}
		if hash, _, err := users.find(ctx, username); err == nil && password.NeedsRehash(hash) {
			if err := users.register(username, secret); err != nil {
				log.Print(err) // the old hash is good for another day
			}
		}
		return client, nil
	}
	for range 2 {
		client, err := login(context.Background(), "alice", "U*U")
		fmt.Println(client, err, users.hashes["alice"][:10])
	}
	// Output:
	// client "alice" <nil> $argon2id$
	// client "alice" <nil> $argon2id$
}
