package apikey

import (
	"context"
	"errors"
	"fmt"
	"time"
)

const (
	// ErrNotFound is wrapped by the errors about an id that no key has.
	ErrNotFound = constError("apikey: there is no such key")
	// ErrConflict is wrapped by the errors about a key that is revoked or expired
	// and cannot be rotated, and about a key that somebody else changed at the same
	// time, which may be tried again.
	ErrConflict = constError("apikey: conflict")
)

const (
	defaultLimit = 100
	maxLimit     = 1000
	maxOverlap   = 90 * 24 * time.Hour
	maxID        = 64
	// tries bounds what is done again because somebody else came first.
	tries = 10
)

// Create makes a key. It is the only time that the key can be seen. The error wraps
// [ErrInvalid] when the spec is out of bounds; any other is the store's, and
// whether there is such a record then is not known, but nobody has its key.
func (k *Keys) Create(ctx context.Context, spec Spec) (Key, Record, error) {
	record, err := spec.record(k.now())
	if err != nil {
		return Key{}, Record{}, err
	}
	return k.add(ctx, record)
}

func (k *Keys) add(ctx context.Context, record Record) (Key, Record, error) {
	for range tries {
		key := newKey(k.prefix, randomText(idLength))
		record.ID, record.Hash = key.ID(), key.Hash()
		added, err := k.store.Add(ctx, record)
		if err != nil {
			return Key{}, Record{}, fmt.Errorf("apikey: %w", err)
		}
		if added {
			return key, record, nil
		}
	}
	return Key{}, Record{}, errors.New("apikey: the store has every id already")
}

// Record returns what is kept of a key. The error wraps [ErrNotFound] when there is
// none of that id; any other is the store's.
func (k *Keys) Record(ctx context.Context, id string) (Record, error) {
	if !isID(id) {
		return Record{}, ErrNotFound
	}
	record, ok, err := k.store.Find(ctx, id)
	if err != nil {
		return Record{}, fmt.Errorf("apikey: %w", err)
	}
	if !ok || record.ID != id {
		return Record{}, ErrNotFound
	}
	return record, nil
}

// List returns records in the byte order of their ids, which is a random one. The
// id of the last is the query's After for the next ones; there are none when it
// returns fewer than Limit. The error wraps [ErrInvalid] when the query is out of
// bounds; any other is the store's.
func (k *Keys) List(ctx context.Context, query Query) ([]Record, error) {
	if query.Limit == 0 {
		query.Limit = defaultLimit
	}
	switch {
	case query.Limit < 1 || query.Limit > maxLimit:
		return nil, invalid("the limit must be 1 to 1000")
	case !printable(query.Owner, maxOwner):
		return nil, invalid("the owner must be at most 200 printable characters")
	case query.After != "" && !isID(query.After):
		return nil, invalid("after must be the id of a key")
	}
	records, err := k.store.List(ctx, query)
	if err != nil {
		return nil, fmt.Errorf("apikey: %w", err)
	}
	return records, nil
}

// Rotation is how a key gets a new secret.
type Rotation struct {
	// Overlap is how long the old secret stays good beside the new one, 0 to 90
	// days, counted in whole seconds; 0 ends it at once. It never outlives what the
	// key's expiry was before.
	Overlap time.Duration
	// Expires is from when on the key is refused from now on; zero keeps the
	// present expiry. The bounds are those of [Spec].
	Expires time.Time
}

// Rotate gives a key a new secret, which can be seen this one time; its id, scopes
// and so on stay. There are two good secrets at most: the one before the old one
// ends at once. The error wraps [ErrNotFound] when there is no such key,
// [ErrConflict] when it is revoked or expired, or when somebody else changed it at
// the same time, and [ErrInvalid] when the rotation is out of bounds; any other is
// the store's, and whether the old secret is still good then is not known.
func (k *Keys) Rotate(ctx context.Context, id string, rotation Rotation) (Key, Record, error) {
	record, err := k.Record(ctx, id)
	if err != nil {
		return Key{}, Record{}, err
	}
	return k.rotate(ctx, record, rotation)
}

func (k *Keys) rotate(ctx context.Context, record Record, rotation Rotation) (Key, Record, error) {
	now := k.now()
	switch {
	case rotation.Overlap < 0 || rotation.Overlap > maxOverlap:
		return Key{}, Record{}, invalid("the overlap must be 0 to 90 days")
	case !record.Revoked.IsZero():
		return Key{}, Record{}, fmt.Errorf("%w: the key is revoked", ErrConflict)
	case ended(record.Expires, now):
		return Key{}, Record{}, fmt.Errorf("%w: the key is expired", ErrConflict)
	}
	record.Previous, record.PreviousUntil = record.Hash, earlier(seconds(now.Add(rotation.Overlap)), record.Expires)
	if !rotation.Expires.IsZero() {
		if err := checkExpires(rotation.Expires, now); err != nil {
			return Key{}, Record{}, err
		}
		record.Expires = seconds(rotation.Expires)
	}
	key := newKey(k.prefix, record.ID)
	record.Hash = key.Hash()
	updated, err := k.store.Update(ctx, record)
	if err != nil {
		return Key{}, Record{}, fmt.Errorf("apikey: %w", err)
	}
	if !updated {
		return Key{}, Record{}, fmt.Errorf("%w: somebody else changed the key at the same time", ErrConflict)
	}
	record.Version++
	return key, record, nil
}

// Revoke ends a key and all its secrets, at once and for ever, and keeps the record
// to tell so. A key that is revoked already stays as it is. The error wraps
// [ErrNotFound] when there is no such key, and [ErrConflict] when others changed it
// ten times in between; any other is the store's, and whether the key is still good
// then is not known.
func (k *Keys) Revoke(ctx context.Context, id string) (Record, error) {
	for range tries {
		record, err := k.Record(ctx, id)
		if err != nil || !record.Revoked.IsZero() {
			return record, err
		}
		record.Revoked = seconds(k.now())
		updated, err := k.store.Update(ctx, record)
		if err != nil {
			return Record{}, fmt.Errorf("apikey: %w", err)
		}
		if updated {
			record.Version++
			return record, nil
		}
	}
	return Record{}, fmt.Errorf("%w: others keep changing the key", ErrConflict)
}

// Delete forgets a key, which is refused from now on. It is for keys that ended long
// ago; [Keys.Revoke] keeps the record. It is no error when there is no such key.
func (k *Keys) Delete(ctx context.Context, id string) error {
	if !isID(id) {
		return nil
	}
	if err := k.store.Delete(ctx, id); err != nil {
		return fmt.Errorf("apikey: %w", err)
	}
	return nil
}

// isID reports whether a store may be asked for it.
func isID(id string) bool { return len(id) <= maxID && isAlphanumeric(id) }
