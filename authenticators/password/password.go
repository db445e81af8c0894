// Package password keeps and checks passwords: as argon2id hashes of its own
// making, and as the bcrypt hashes that an application has already.
//
//	verifier, err := password.New(password.Config{Lookup: findUser})
//	chain, err := authstar.New(verifier.Basic("orders"), …)
//
// [Hash] makes a hash when a user chooses a password, and a [Verifier] checks the
// password that a request brings. It is what a few lines around a hash function
// leave out:
//
//   - An unknown user, a wrong password and a hash that is broken take the same
//     time and get the same answer.
//   - Few hashes run at once, so that a flood of guesses does not take the
//     processor from other requests.
//   - A password that was right is remembered for a minute, so that Basic on
//     every request costs a microsecond.
//   - Guesses at an account, and from an address, are slowed down.
//
// [OpenFile] looks users up in an htpasswd file.
//
// # Passwords
//
// A password is 1 to 1,024 bytes of UTF-8 without control characters, which is
// what HTTP Basic can carry (RFC 7617 section 2). Anything else is refused when
// it is chosen and is never right. Passwords are compared byte for byte: those
// of people whose keyboards compose letters differently should be brought to
// Unicode's form C by the application, everywhere alike (RFC 8265 section 4.2).
//
// # Hashes
//
// A hash is argon2id (RFC 9106) as a PHC string, or bcrypt:
//
//	$argon2id$v=19$m=19456,t=2,p=1$<salt>$<key>
//	$2a$10$…, $2b$10$…, $2y$10$…
//
// What its parameters ask for is bounded before any work is done. Argon2id may
// take 8 to 262,144 KiB of memory (256 MiB) and at least 8 KiB per lane, 1 to 64
// passes, 1,048,576 KiB times passes, and 1 to 16 lanes; its salt has 8 to 64
// bytes and its key 16 to 64. The cost of bcrypt may be 4 to 15. The most costly
// hash takes a few seconds (bcrypt of cost 15).
//
// Bcrypt reads 72 bytes at most and stops at a NUL. A password that is longer is
// never right for a bcrypt hash, also where the program that made the hash cut
// it off: such a user needs a new password.
package password

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/crypto/argon2"
)

type constError string

func (e constError) Error() string { return string(e) }

const (
	// ErrPassword is wrapped by the errors of Hash for a password that cannot be
	// one; their text is fit for the user who chose it.
	ErrPassword = constError("password: unusable password")
	// ErrHash is wrapped by the errors for a hash that is malformed, of a kind
	// that is not supported, or beyond the bounds.
	ErrHash = constError("password: unusable hash")
)

// maxLength is that of passwords and of user names, in bytes.
const maxLength = 1024

// usable refuses what Basic cannot carry, and with it what bcrypt would stop at.
func usable(s string) error {
	switch {
	case s == "":
		return errEmpty
	case len(s) > maxLength:
		return errLong
	case !utf8.ValidString(s):
		return errNotUTF8
	case strings.ContainsFunc(s, unicode.IsControl):
		return errControl
	}
	return nil
}

var (
	errEmpty   = errors.New("it is empty")
	errLong    = fmt.Errorf("it is longer than %d bytes", maxLength)
	errNotUTF8 = errors.New("it is not UTF-8")
	errControl = errors.New("it holds a control character")
)

// Params are the cost of an argon2id hash (RFC 9106 section 3.1). The zero value
// of a field is what OWASP's Password Storage Cheat Sheet recommends, which
// [Hash] uses.
type Params struct {
	// Memory is in KiB, up to 262,144. 0 is 19,456: 19 MiB.
	Memory uint32
	// Time is the number of passes over the memory, up to 64. 0 is 2.
	Time uint32
	// Parallelism is the number of lanes, each of which takes a CPU, up to 16. 0
	// is 1.
	Parallelism uint8
}

func (p Params) withDefaults() Params {
	if p.Memory == 0 {
		p.Memory = 19_456
	}
	if p.Time == 0 {
		p.Time = 2
	}
	if p.Parallelism == 0 {
		p.Parallelism = 1
	}
	return p
}

func (p Params) kind() kind {
	p = p.withDefaults()
	return kind{memory: p.Memory, time: p.Time, parallelism: p.Parallelism, saltLength: 16, keyLength: 32} // RFC 9106 section 4
}

// recommended are those which OWASP's Password Storage Cheat Sheet calls equally
// strong, from which on parameters are accepted for new hashes.
var recommended = [...]Params{{Memory: 47_104, Time: 1}, {Memory: 19_456, Time: 2}, {Memory: 12_288, Time: 3}, {Memory: 9216, Time: 4}, {Memory: 7168, Time: 5}}

func (p Params) strong() bool {
	for _, r := range recommended {
		if p.Memory >= r.Memory && p.Time >= r.Time {
			return true
		}
	}
	return false
}

// Hash returns a new hash of the password, under a salt of its own. It fails
// with ErrPassword for what cannot be a password, and when the parameters are
// out of bounds or weaker than OWASP recommends; no error shows the password.
func (p Params) Hash(password string) (string, error) {
	k := p.kind()
	if err := k.check(); err != nil {
		return "", fmt.Errorf("password: Params: %w", err)
	}
	if !p.withDefaults().strong() {
		return "", fmt.Errorf("password: Params: m=%d,t=%d is weaker than OWASP recommends", k.memory, k.time)
	}
	if err := usable(password); err != nil {
		return "", fmt.Errorf("%w: %w", ErrPassword, err)
	}
	h := parsed{kind: k, salt: randomBytes(k.saltLength)}
	h.key = argon2.IDKey([]byte(password), h.salt, k.time, k.memory, k.parallelism, uint32(k.keyLength))
	return h.String(), nil
}

// NeedsRehash reports whether a hash should be replaced, at the next login of its
// user, by one of these parameters: it is not argon2id, has less memory or fewer
// passes, a salt or a key of less than 16 bytes, or it cannot be used at all.
func (p Params) NeedsRehash(hash string) bool {
	h, err := parse(hash)
	want := p.kind()
	return err != nil || h.bcrypt || h.memory < want.memory || h.time < want.time || h.saltLength < 16 || h.keyLength < 16
}

// Hash returns a new argon2id hash of the password with the parameters that
// OWASP recommends: 19 MiB, two passes, one lane, in about 25 ms. It fails with
// ErrPassword for what cannot be a password, as the package comment defines it.
func Hash(password string) (string, error) { return Params{}.Hash(password) }

// NeedsRehash is that of the parameters which [Hash] uses.
func NeedsRehash(hash string) bool { return Params{}.NeedsRehash(hash) }

// Verify reports whether the password is the one that the hash was made of. The
// error wraps ErrHash and tells what is wrong with the hash, but does not show
// it; a wrong password is no error.
//
// It takes as long as the hash says, at once, for everybody who asks. A server
// uses a [Verifier].
func Verify(hash, password string) (bool, error) {
	h, err := parse(hash)
	if err != nil {
		return false, fmt.Errorf("%w: %w", ErrHash, err)
	}
	return usable(password) == nil && h.matches(password), nil
}
