package apikey

import (
	"context"
	"time"
)

// Store keeps the records of keys. What it is given is within these bounds, and
// what it gives must be what it was given, byte for byte:
//
//   - An id is 1 to 64 letters and digits of ASCII, where case counts.
//   - Names are up to 100 and owners up to 200 characters of UTF-8 (up to 400 and
//     800 bytes) without control characters. There are up to 64 scopes, which
//     are scope-tokens of RFC 6749 section 3.3 of up to 128 bytes, in an order that
//     counts. None of them is a secret.
//   - Times are in UTC and whole seconds, up to the year 9999, or zero.
//
// Every method is atomic: of any number of concurrent calls, on any number of
// machines, all see them in one order; a list may miss what changes while it is
// made. What was changed is seen by every later call, since a revoked key must be
// refused at once. Implementations must be safe for concurrent use, share no slice
// with their callers, and heed the context. Any error means that nobody knows what
// happened. Package apikeytest checks an implementation.
type Store interface {
	// Find returns the record of an id; false when there is none. It is called
	// for every request with a key that is well formed.
	Find(ctx context.Context, id string) (Record, bool, error)

	// List returns records in the byte order of their ids. No record is found
	// twice or missed by asking for the next ones after the last.
	List(ctx context.Context, query Query) ([]Record, error)

	// Add stores a new record as it is; false, and nothing done, when the id is
	// taken.
	Add(ctx context.Context, record Record) (bool, error)

	// Update replaces the record that has this id and this Version, all but its
	// LastUsed, which stays, and raises its Version by one; false, and nothing
	// done, when there is none.
	Update(ctx context.Context, record Record) (bool, error)

	// Touch sets LastUsed of up to 10,000 records, given by their ids, where the
	// time is later than the present one. Ids that are not there are skipped.
	// Versions stay.
	Touch(ctx context.Context, used map[string]time.Time) error

	// Delete removes a record. It is no error when there is none.
	Delete(ctx context.Context, id string) error
}

// Query says which records a list has.
type Query struct {
	// Owner is whose keys; "" is everybody's.
	Owner string
	// After is the id after which the list begins, whether there is such a
	// record or not; "" is the beginning.
	After string
	// Limit is how many records there are at most, 1 to 1000. [Keys.List] takes 0
	// for 100.
	Limit int
}
