package apikey

import (
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash/crc32"
	"log/slog"
	"strings"
	"unsafe"
)

const (
	// alphabet is base62, in the order of ASCII.
	alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

	idLength     = 12 // 71 bits
	secretLength = 43 // 256 bits
	sumLength    = 6  // 62^6 is more than 2^32
	maxPrefix    = 32
	tailLength   = 1 + idLength + 1 + secretLength + sumLength
	maxLength    = maxPrefix + tailLength
)

type constError string

func (e constError) Error() string { return string(e) }

// ErrMalformed is wrapped by the errors of [Parse]. Like the other errors of this
// package it is a constant, so that nobody can assign to it; compare with
// errors.Is.
const ErrMalformed = constError("apikey: not an API key")

var (
	errLength     = fmt.Errorf("%w: it is not prefix_id_secret, or a part of it is missing", ErrMalformed)
	errCharacters = fmt.Errorf("%w: it has other characters than letters, digits and '_'", ErrMalformed)
	errChecksum   = fmt.Errorf("%w: the checksum does not fit, so a character was mistyped", ErrMalformed)
)

// Key is an API key in full:
//
//	acme_live_4fT0aVbQ9zKx_Jm2…43 characters…0aZ1xQ7
//	└ prefix ┘└─── id ───┘ └──── secret ────┘└ sum ┘
//
// The id, of 12 letters and digits, is what the key is called: it finds the
// record and may be shown and logged. The secret has 43, which are 256 random
// bits. The last 6 are the CRC-32 (IEEE) of everything before them, in base62 with
// the alphabet 0-9A-Za-z, the most significant digit first. It finds every
// mistyped character and every two that are swapped, and makes nothing secret.
//
// In fmt, slog and JSON a Key shows its prefix and id only; Reveal shows it all. A
// Key is immutable.
type Key struct {
	prefix, id string
	text       *string // which fmt does not follow, even in a field that is not exported
}

// Generate makes a new key from crypto/rand. The prefix tells people and secret
// scanners whose key it is, and is 1 to 32 letters and digits with single '_'
// between them, such as "acme_live"; any other is an error.
func Generate(prefix string) (Key, error) {
	if err := checkPrefix(prefix); err != nil {
		return Key{}, err
	}
	return newKey(prefix, randomText(idLength)), nil
}

// newKey makes a key with a new secret.
func newKey(prefix, id string) Key {
	text := prefix + "_" + id + "_" + randomText(secretLength)
	sum := checksum(text)
	text += string(sum[:])
	return Key{prefix, id, &text}
}

// Parse reads what [Key.Reveal] returns. It asks nobody whether the key exists.
// Its errors wrap [ErrMalformed], say what is wrong and show nothing of the text,
// which may be a secret of another kind.
func Parse(text string) (Key, error) {
	p, err := split(text)
	if err != nil {
		return Key{}, err
	}
	if !isPrefix(p.prefix) || !isAlphanumeric(p.secret) {
		return Key{}, errCharacters
	}
	text = strings.Clone(text)
	return Key{prefix: text[:len(p.prefix)], id: text[len(p.prefix)+1:][:idLength], text: &text}, nil
}

// Pattern returns a regular expression (RE2, PCRE) that finds the keys of a prefix
// in source code and logs, for secret scanners. A scanner that can compute the
// checksum has no false positives.
func Pattern(prefix string) (string, error) {
	if err := checkPrefix(prefix); err != nil {
		return "", err
	}
	return fmt.Sprintf(`\b%s_[0-9A-Za-z]{%d}_[0-9A-Za-z]{%d}\b`, prefix, idLength, secretLength+sumLength), nil
}

// Prefix returns the first part.
func (k Key) Prefix() string { return k.prefix }

// ID returns the part that names the key.
func (k Key) ID() string { return k.id }

// Reveal returns the whole key, to be shown once to the one who asked for it.
func (k Key) Reveal() string {
	if k.text == nil {
		return ""
	}
	return *k.text
}

// Hash returns what is kept of the secret.
func (k Key) Hash() Hash {
	p, err := split(k.Reveal())
	if err != nil {
		return Hash{}
	}
	return hashOf(p.secret)
}

// String shows the prefix and the id.
func (k Key) String() string {
	if k.text == nil {
		return "no API key"
	}
	return k.prefix + "_" + k.id + "_…"
}

// GoString is String, so that %#v shows no more.
func (k Key) GoString() string { return k.String() }

// LogValue is String.
func (k Key) LogValue() slog.Value { return slog.StringValue(k.String()) }

// MarshalText is String, so that a key is never stored by mistake.
func (k Key) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// Hash is the SHA-256 of a secret. A slow hash is for passwords: nobody guesses 256
// random bits. In fmt it shows nothing.
type Hash [sha256.Size]byte

// String shows nothing of the hash.
func (Hash) String() string { return "(hash)" }

// GoString is String.
func (h Hash) GoString() string { return h.String() }

func hashOf(secret string) Hash {
	var b [secretLength]byte
	return sha256.Sum256(b[:copy(b[:], secret)])
}

// parts are those of a key that is well formed.
type parts struct{ prefix, id, secret string }

// split reads the key from its end, since a prefix may have '_' in it. It leaves
// the characters of the prefix and the secret to Parse: where they are compared, no
// others can be equal.
func split(text string) (parts, error) {
	n := len(text) - tailLength
	if n < 1 || n > maxPrefix || text[n] != '_' || text[n+1+idLength] != '_' {
		return parts{}, errLength
	}
	p := parts{prefix: text[:n], id: text[n+1:][:idLength], secret: text[n+1+idLength+1:][:secretLength]}
	if !isAlphanumeric(p.id) {
		return parts{}, errCharacters
	}
	if sum := checksum(text[:len(text)-sumLength]); string(sum[:]) != text[len(text)-sumLength:] {
		if !isPrefix(p.prefix) || !isAlphanumeric(text[len(text)-secretLength-sumLength:]) {
			return parts{}, errCharacters
		}
		return parts{}, errChecksum
	}
	return p, nil
}

func checksum(text string) (sum [sumLength]byte) {
	// A conversion would be a copy on the heap, for what only reads.
	n := crc32.ChecksumIEEE(unsafe.Slice(unsafe.StringData(text), len(text)))
	for i := sumLength - 1; i >= 0; i-- {
		sum[i] = alphabet[n%uint32(len(alphabet))]
		n /= uint32(len(alphabet))
	}
	return sum
}

var errPrefix = errors.New("apikey: the prefix must be 1 to 32 letters and digits with single '_' between them")

func checkPrefix(prefix string) error {
	if len(prefix) > maxPrefix || !isPrefix(prefix) {
		return errPrefix
	}
	return nil
}

func isPrefix(s string) bool {
	word := false // the character before is a letter or digit
	for i := range len(s) {
		switch {
		case alphanumeric[s[i]]:
			word = true
		case s[i] == '_' && word:
			word = false
		default:
			return false
		}
	}
	return word
}

func isAlphanumeric(s string) bool {
	for i := range len(s) {
		if !alphanumeric[s[i]] {
			return false
		}
	}
	return s != ""
}

var alphanumeric = func() (set [256]bool) {
	for _, c := range alphabet {
		set[c] = true
	}
	return set
}()

// randomText returns n characters of the alphabet, each as likely as any other.
func randomText(n int) string {
	const fair = 256 - 256%len(alphabet)
	text := make([]byte, 0, n)
	var b [64]byte
	for {
		_, _ = rand.Read(b[:]) // never fails
		for _, c := range b {
			if len(text) == n {
				return string(text)
			}
			if int(c) < fair {
				text = append(text, alphabet[int(c)%len(alphabet)])
			}
		}
	}
}
