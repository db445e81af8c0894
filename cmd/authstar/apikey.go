package main

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/authstar/authstar/authenticators/apikey"
)

const newAPIKeyUsage = `usage: authstar apikey new -prefix PREFIX
       authstar apikey new -prefix PREFIX -file FILE -name NAME [-owner OWNER]
                           [-scope SCOPE]... [-expires DURATION]

Makes an API key and prints it, once: it cannot be shown again.

  -prefix    begins the key: 1 to 32 letters and digits with single '_' between
  -file      add the key to the apikey.FileStore in this file, which no server may
             have open; without, its id and the SHA-256 of its secret are told on
             the standard error
  -name      what the key is for
  -owner     whose key it is
  -scope     a scope that it grants; may be repeated
  -expires   after how long it ends, such as 2160h; without, never
`

func newAPIKey(ctx context.Context, c *console, f *flags, args []string) error {
	prefix, file := f.String("prefix", "", ""), f.String("file", "", "")
	var spec apikey.Spec
	f.StringVar(&spec.Name, "name", "", "")
	f.StringVar(&spec.Owner, "owner", "", "")
	f.Func("scope", "", func(scope string) error {
		spec.Scopes = append(spec.Scopes, scope)
		return nil
	})
	expires := f.Duration("expires", 0, "")
	if err := f.parse(args); err != nil {
		return err
	}
	switch {
	case *prefix == "":
		return misuse("-prefix is required")
	case *file == "" && (spec.Name != "" || spec.Owner != "" || spec.Scopes != nil || *expires != 0):
		return misuse("-name, -owner, -scope and -expires are for a key that goes into a -file")
	case *expires < 0:
		return misuse("-expires must not be negative")
	case *file != "":
		if *expires > 0 {
			spec.Expires = time.Now().Add(*expires)
		}
		return addAPIKey(ctx, c, *prefix, *file, spec)
	}
	key, err := apikey.Generate(*prefix)
	if err != nil {
		return misuse(err.Error())
	}
	hash := key.Hash()
	c.say("id %s, sha256 %s\n", key.ID(), hex.EncodeToString(hash[:]))
	return c.print(key.Reveal() + "\n")
}

// addAPIKey makes the key in a store.
func addAPIKey(ctx context.Context, c *console, prefix, path string, spec apikey.Spec) (err error) {
	store, err := apikey.OpenFile(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	keys, err := apikey.New(apikey.Config{Prefix: prefix, Store: store})
	if err != nil {
		return misuse(err.Error())
	}
	key, record, err := keys.Create(ctx, spec)
	switch {
	case errors.Is(err, apikey.ErrInvalid):
		return misuse(err.Error())
	case err != nil:
		return err
	}
	if err := c.print(key.Reveal() + "\n"); err != nil { // a key that nobody has
		return errors.Join(err, keys.Delete(context.WithoutCancel(ctx), record.ID))
	}
	until := "never expires"
	if !record.Expires.IsZero() {
		until = "expires " + record.Expires.Format(time.RFC3339)
	}
	c.say("id %s, scopes %q, %s\n", record.ID, record.Scopes, until)
	return nil
}

const showAPIKeyUsage = `usage: authstar apikey show

Asks for an API key, or reads it from the standard input, and prints its prefix,
its id and whether its checksum fits. The secret is not shown. Whether the key is
known, and good, only its store can tell.

The status is 1 when it is not an API key, or was mistyped.
`

func showAPIKey(ctx context.Context, c *console, f *flags, args []string) error {
	if err := f.parse(args); err != nil {
		return err
	}
	text, err := c.secret(ctx, "API key: ")
	if err != nil {
		return err
	}
	key, err := apikey.Parse(strings.TrimSpace(text))
	if err != nil {
		return refusal(err.Error())
	}
	return c.print(fmt.Sprintf("prefix    %s\nid        %s\nchecksum  fits\n", key.Prefix(), key.ID()))
}
