package authserver

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"time"
)

// records keep each record as its text in a Store.
type records struct {
	store Store
	now   func() time.Time
}

func (r records) Add(ctx context.Context, key string, value []byte, until time.Time) (bool, error) {
	return r.store.Add(ctx, key, value, until)
}

// get reads a record into v and returns its text, nil when there is none that this
// server can read.
func (r records) get(ctx context.Context, key string, v record) ([]byte, error) {
	text, ok, err := r.store.Get(ctx, key)
	if err != nil || !ok || !read(text, v) {
		return nil, err
	}
	return text, nil
}

var errCollision = errors.New("authserver: a random key is taken")

// add stores a record under a key that is random, and so is free.
func (r records) add(ctx context.Context, key string, v record, until time.Time) error {
	text, err := encode(v)
	if err != nil {
		return err
	}
	ok, err := r.store.Add(ctx, key, text, until)
	if err == nil && !ok {
		err = errCollision
	}
	return err
}

// swap replaces a record that is still the given text.
func (r records) swap(ctx context.Context, key string, old []byte, v record, until time.Time) (bool, error) {
	text, err := encode(v)
	if err != nil {
		return false, err
	}
	return r.store.Swap(ctx, key, old, text, until)
}

// encode makes the text of a record. One that is too long is the application's
// fault, which time does not heal: an *authstar.Error, ServerError.
func encode(v record) ([]byte, error) {
	text := write(v)
	if len(text) > maxStoreValue {
		return nil, fault(errors.New("authserver: a login or a grant is too long to be kept"))
	}
	return text, nil
}

// has reports whether there is anything under one of the keys.
func (r records) has(ctx context.Context, keys ...string) (bool, error) {
	for _, key := range keys {
		if _, ok, err := r.store.Get(ctx, key); err != nil || ok {
			return ok, err
		}
	}
	return false, nil
}

// newSecret is 256 random bits.
func newSecret() string {
	b := make([]byte, 32)
	_, _ = rand.Read(b) // never fails
	return base64.RawURLEncoding.EncodeToString(b)
}

// newID is 128 random bits.
func newID() string { return newSecret()[:22] }

// hashKey is what a secret is stored under.
func hashKey(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}
