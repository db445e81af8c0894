package main

import (
	"context"
	"errors"
	"strings"

	"github.com/authstar/authstar/authenticators/password"
)

const hashUsage = `usage: authstar hash-password

Asks for a password twice, or reads one line from the standard input, and prints
its argon2id hash as a PHC string: for the table of users that a
password.Config.Lookup asks, or after a name and a colon in an htpasswd file.

A password is 1 to 1,024 bytes of UTF-8 without control characters.
`

func hashPassword(ctx context.Context, c *console, f *flags, args []string) error {
	if err := f.parse(args); err != nil {
		return err
	}
	plain, err := c.secret(ctx, "Password: ")
	if err != nil {
		return err
	}
	if strings.ContainsAny(plain, "\r\n") {
		return refusal("the standard input has more than one line")
	}
	if c.terminal != nil {
		again, err := c.secret(ctx, "Again: ")
		if err != nil {
			return err
		}
		if again != plain {
			return refusal("the passwords are not the same")
		}
	}
	hash, err := password.Hash(plain)
	if errors.Is(err, password.ErrPassword) {
		return refusal(err.Error())
	}
	if err != nil {
		return err
	}
	return c.print(hash + "\n")
}
