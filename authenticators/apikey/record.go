package apikey

import (
	"crypto/subtle"
	"fmt"
	"slices"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/authstar/authstar"
)

const (
	maxName   = 100
	maxOwner  = 200
	maxScopes = 64
	maxScope  = 128
)

// Record is what is kept of a key. In JSON, which the admin API answers, the hashes
// are missing. All times are in UTC and whole seconds; the zero time is "never".
type Record struct {
	// ID is 12 letters and digits, where case counts.
	ID string `json:"id"`
	// Name is for people.
	Name string `json:"name"`
	// Owner is whose key it is, in the application's own words; "" is nobody.
	Owner string `json:"owner,omitempty"`
	// Scopes are what the key grants, without repetition.
	Scopes []string `json:"scopes"`

	Created time.Time `json:"created,omitzero"`
	// Expires is from when on the key is refused.
	Expires time.Time `json:"expires,omitzero"`
	// Revoked is when the key was revoked. Any time but the zero time refuses it,
	// even one in the future.
	Revoked time.Time `json:"revoked,omitzero"`
	// LastUsed is about two minutes behind the last use at most, and further only
	// when it could not be written.
	LastUsed time.Time `json:"last_used,omitzero"`

	// Hash is of the secret, and Previous of the one before the last rotation,
	// which is good until PreviousUntil.
	Hash          Hash      `json:"-"`
	Previous      Hash      `json:"-"`
	PreviousUntil time.Time `json:"previous_until,omitzero"`

	// Version counts the changes, so that of two at once one can be refused.
	Version int64 `json:"-"`
}

// check returns from when on the secret will be refused, or why it is now. The
// secret is compared first: who does not know it learns nothing from the time that
// the answer takes.
func (r *Record) check(hash *Hash, now time.Time) (expires time.Time, refused *authstar.Error) {
	current := subtle.ConstantTimeCompare(hash[:], r.Hash[:]) == 1
	previous := !r.PreviousUntil.IsZero() && subtle.ConstantTimeCompare(hash[:], r.Previous[:]) == 1
	expires = r.Expires
	switch {
	case !current && !previous:
		return expires, errSecret
	case !r.Revoked.IsZero():
		return expires, errRevoked
	case ended(r.Expires, now):
		return expires, errExpired
	case current:
		return expires, nil
	case !now.Before(r.PreviousUntil):
		return expires, errRotated
	}
	return earlier(r.PreviousUntil, r.Expires), nil
}

// ended reports whether the time has come; the zero time never does.
func ended(at, now time.Time) bool { return !at.IsZero() && !now.Before(at) }

// earlier is a, or b if that comes first.
func earlier(a, b time.Time) time.Time {
	if !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// Spec is what a key is created with.
type Spec struct {
	// Name is for people: 1 to 100 printable characters.
	Name string
	// Owner is whose key it is: up to 200 printable characters.
	Owner string
	// Scopes are what the key grants: up to 64 scope-tokens of RFC 6749 section
	// 3.3, each up to 128 characters long. Repetitions are dropped.
	Scopes []string
	// Expires is from when on the key is refused, cut to the second; zero is
	// never. It must be in the future, and before the year 10000.
	Expires time.Time
}

// ErrInvalid is wrapped by the errors about arguments that are out of bounds. Their
// text is for the one who chose them, and repeats none.
const ErrInvalid = constError("apikey: invalid")

func invalid(what string) error { return fmt.Errorf("%w: %s", ErrInvalid, what) }

// record checks the spec and makes a record of it, still without a key.
func (s Spec) record(now time.Time) (Record, error) {
	r := Record{Name: s.Name, Owner: s.Owner, Created: seconds(now), Expires: seconds(s.Expires), Version: 1}
	switch {
	case s.Name == "" || !printable(s.Name, maxName):
		return r, invalid("the name must be 1 to 100 printable characters")
	case !printable(s.Owner, maxOwner):
		return r, invalid("the owner must be at most 200 printable characters")
	}
	for _, scope := range s.Scopes {
		if !isScope(scope) {
			return r, invalid("a scope must be 1 to 128 characters of visible ASCII other than '\"' and '\\'")
		}
		if !slices.Contains(r.Scopes, scope) {
			if r.Scopes = append(r.Scopes, scope); len(r.Scopes) > maxScopes {
				return r, invalid("there must be at most 64 scopes")
			}
		}
	}
	return r, checkExpires(s.Expires, now)
}

func checkExpires(at, now time.Time) error {
	if ended(at, now) || ended(seconds(at), now) || seconds(at).Year() > 9999 { // which JSON has no words for
		return invalid("the expiry must be in the future and before the year 10000")
	}
	return nil
}

// seconds is a time as every store can keep it.
func seconds(t time.Time) time.Time {
	if t.IsZero() {
		return time.Time{}
	}
	return time.Unix(t.Unix(), 0).UTC()
}

// printable reports whether s is UTF-8 of at most limit characters, none of which
// hides itself or its neighbours.
func printable(s string, limit int) bool {
	if len(s) > limit*utf8.UTFMax || !utf8.ValidString(s) || utf8.RuneCountInString(s) > limit {
		return false
	}
	for _, c := range s {
		if !unicode.IsPrint(c) {
			return false
		}
	}
	return true
}

// isScope checks the grammar of RFC 6749 section 3.3.
func isScope(s string) bool {
	for i := range len(s) {
		if c := s[i]; c <= ' ' || c > '~' || c == '"' || c == '\\' {
			return false
		}
	}
	return s != "" && len(s) <= maxScope
}
