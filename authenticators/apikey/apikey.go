// Package apikey makes, keeps and checks API keys.
//
//	keys, err := apikey.New(apikey.Config{Prefix: "acme", Store: store})
//	chain, err := authstar.New(authenticators.NewAPIKey("X-API-Key", keys.Find))
//
// A key is prefix_id_secret and a checksum: see [Key]. The secret has 256 random
// bits and is shown once, when the key is created or rotated. A [Store] keeps its
// SHA-256, so that who reads the store finds no key. The id finds the record, and
// the hashes are compared in constant time.
//
// The store is asked for every request, and nothing is remembered beside it: a
// revoked, deleted or expired key is refused from then on, and a new one works at
// once. Guessing 256 bits needs no throttle. A mistyped key is refused by its
// checksum, without a look at the store.
//
// [MemoryStore] and [FileStore] come with the package, and package apikeytest
// checks others. [Admin] is an HTTP API to create, list, rotate and revoke keys.
package apikey

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"time"

	"github.com/authstar/authstar"
)

// Config is what [New] makes Keys of. Prefix is required.
type Config struct {
	// Prefix begins every new key: 1 to 32 letters and digits with single '_'
	// between them, such as "acme_live". Keys of another prefix are refused; it is
	// no part of what is hashed, so two prefixes that must not accept each other's
	// keys need two stores.
	Prefix string
	// FormerPrefixes are those of older keys that are still good.
	FormerPrefixes []string
	// Store keeps the records. nil: a new [MemoryStore].
	Store Store
	// Issuer is what clients have for their issuer; "" is none.
	Issuer string
	// Client makes the client of a key that is good. Its result means what that of
	// an authenticators.KeyFunc does. The record is the function's own; its Expires
	// is when the secret that was presented ends, if that is earlier. nil:
	// an *authstar.Identity with the id of the key, its scopes, Expires and Issuer.
	Client func(ctx context.Context, record Record) (authstar.Client, error)
	// Observe is told what nobody else learns: why last uses could not be written,
	// and what the store answered to [Admin]. It must be safe for concurrent use.
	Observe func(ctx context.Context, err error)
	// Now tells the time. nil: time.Now.
	Now func() time.Time
}

// Keys makes and checks the API keys of one prefix. It is safe for concurrent use.
//
// It notes when a key was used, not on the way of the request: uses are gathered
// and written together, after a minute or when there are 10,000, each key at most
// once a minute. [Keys.Flush] writes the rest when the program ends.
type Keys struct {
	prefix   string
	prefixes []string
	store    Store
	issuer   string
	client   func(context.Context, Record) (authstar.Client, error)
	observe  func(context.Context, error)
	now      func() time.Time
	uses     *uses
}

// New makes Keys. It reports every prefix that is not usable.
func New(config Config) (*Keys, error) {
	k := &Keys{
		prefix:   config.Prefix,
		prefixes: append([]string{config.Prefix}, config.FormerPrefixes...),
		store:    config.Store,
		issuer:   config.Issuer,
		client:   config.Client,
		observe:  config.Observe,
		now:      config.Now,
	}
	var errs []error
	for i, prefix := range k.prefixes {
		if err := checkPrefix(prefix); err != nil {
			errs = append(errs, fmt.Errorf("%w (number %d)", err, i))
		}
	}
	if isNil(k.store) && k.store != nil {
		errs = append(errs, errors.New("apikey: the store is a nil pointer"))
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	if k.store == nil {
		k.store = NewMemoryStore()
	}
	if k.now == nil {
		k.now = time.Now
	}
	k.uses = newUses(k.store, k.observe)
	return k, nil
}

// refuse makes refusals that differ in what logs read, and in nothing else.
func refuse(err error) *authstar.Error {
	return &authstar.Error{Code: authstar.InvalidClient, Description: "the API key is not known", Err: err}
}

var (
	errNotPrefixID = refuse(errLength)
	errNotText     = refuse(errCharacters)
	errMistyped    = refuse(errChecksum)
	errPrefixOther = refuse(errors.New("apikey: a key of another prefix"))
	errUnknown     = refuse(errors.New("apikey: no key has this id"))
	errSecret      = refuse(errors.New("apikey: the secret is wrong"))
	errRotated     = refuse(errors.New("apikey: the secret was replaced by a rotation"))
	errRevoked     = refuse(errors.New("apikey: the key is revoked"))
	errExpired     = refuse(errors.New("apikey: the key is expired"))
	errNobody      = refuse(errors.New("apikey: the key has no client"))
)

func malformed(err error) *authstar.Error {
	switch err {
	case errLength:
		return errNotPrefixID
	case errCharacters:
		return errNotText
	}
	return errMistyped
}

// Find returns the client of a key, and is the function that
// authenticators.NewAPIKey takes. Every key that is not good is refused in the same
// way, an *authstar.Error with the code InvalidClient (401), whose Err tells logs
// why. Other errors are those of the store and of Config.Client, and mean that
// nobody knows: 503.
func (k *Keys) Find(ctx context.Context, key string) (authstar.Client, error) {
	p, err := split(key)
	if err != nil {
		return nil, malformed(err)
	}
	if !slices.Contains(k.prefixes, p.prefix) {
		return nil, errPrefixOther
	}
	hash := hashOf(p.secret)
	record, ok, err := k.store.Find(ctx, p.id)
	switch {
	case err != nil:
		return nil, outage(err)
	case !ok || record.ID != p.id: // as a database finds it that compares without case
		return nil, errUnknown
	}
	now := k.now()
	expires, refused := record.check(&hash, now)
	if refused != nil {
		return nil, refused
	}
	k.uses.note(&record, now)
	record.Expires = expires
	if k.client == nil {
		return &authstar.Identity{ID: record.ID, Scope: record.Scopes, Issuer: k.issuer, Expires: expires}, nil
	}
	client, err := k.client(ctx, record)
	switch {
	case err != nil:
		return nil, outage(err)
	case isNil(client) || client.ClientID() == "":
		return nil, errNobody
	}
	return client, nil
}

// outage passes an error on, except for one that would let the chain go on.
func outage(err error) error {
	switch {
	case errors.As(err, new(*authstar.Error)):
		return err
	case errors.Is(err, authstar.ErrNoCredentials):
		return errNobody
	}
	return fmt.Errorf("apikey: %w", err)
}

// Flush writes the uses that are not written yet, for when the program ends. Those
// that it could not write are kept and tried again.
func (k *Keys) Flush(ctx context.Context) error {
	if err := k.uses.flush(ctx); err != nil {
		return fmt.Errorf("apikey: last uses are not written: %w", err)
	}
	return nil
}

// isNil reports whether v is nil or an interface around a nil pointer.
func isNil(v any) bool {
	if v == nil {
		return true
	}
	value := reflect.ValueOf(v)
	return value.Kind() == reflect.Pointer && value.IsNil()
}
