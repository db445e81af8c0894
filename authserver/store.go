package authserver

import (
	"context"
	"time"
)

// Store keeps what must outlive a request: codes, refresh tokens, revoked and
// used token ids, and login sessions. Keys are up to 128 bytes of printable
// ASCII, values up to 16 KiB of anything; neither holds a secret that is worth
// stealing, since secrets are hashed before they come here. A value is gone at
// its time, and not before it unless it is deleted: to make room by forgetting
// is to forget a revocation.
//
// Every method is atomic: of any number of concurrent calls, on any number of
// machines, all see them in one order. Implementations must be safe for
// concurrent use, copy the slices that they are given and that they give, and
// heed the context. Any error means that nobody knows what happened; the server
// answers 5xx and issues nothing. Package storetest checks an implementation.
type Store interface {
	// Get returns the value of a key; false when there is none.
	Get(ctx context.Context, key string) (value []byte, ok bool, err error)
	// Add stores a value until a time, false when the key has one already.
	Add(ctx context.Context, key string, value []byte, until time.Time) (ok bool, err error)
	// Swap replaces the value of a key until a time; false, and nothing done,
	// when the present value is not old, byte for byte, or there is none.
	Swap(ctx context.Context, key string, old, value []byte, until time.Time) (ok bool, err error)
	// Delete removes a key. It is no error when there is none.
	Delete(ctx context.Context, key string) error
}
