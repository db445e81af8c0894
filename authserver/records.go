package authserver

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"time"
)

// records keep JSON in a Store.
type records struct {
	store Store
	now   func() time.Time
}

func (r records) Add(ctx context.Context, key string, value []byte, until time.Time) (bool, error) {
	return r.store.Add(ctx, key, value, until)
}

// get reads a record into v and returns its text, nil when there is none.
func (r records) get(ctx context.Context, key string, v any) ([]byte, error) {
	text, ok, err := r.store.Get(ctx, key)
	if err != nil || !ok {
		return nil, err
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber() // claims keep their numbers
	return text, d.Decode(v)
}

var errCollision = errors.New("authserver: a random key is taken")

// add stores a record under a key that is random, and so is free.
func (r records) add(ctx context.Context, key string, v any, until time.Time) error {
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
func (r records) swap(ctx context.Context, key string, old []byte, v any, until time.Time) (bool, error) {
	text, err := encode(v)
	if err != nil {
		return false, err
	}
	return r.store.Swap(ctx, key, old, text, until)
}

const maxRecord = 16 << 10

func encode(v any) ([]byte, error) {
	text, err := json.Marshal(v)
	if err == nil && len(text) > maxRecord {
		err = errors.New("authserver: the claims of a login are too long to be kept")
	}
	return text, err
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
