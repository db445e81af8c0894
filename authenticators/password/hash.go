package password

import (
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/crypto/argon2"
	"golang.org/x/crypto/bcrypt"
)

// kind is what the cost of a hash depends on.
type kind struct {
	bcrypt bool
	cost   int // of bcrypt

	memory, time uint32 // of argon2id, in KiB and passes
	parallelism  uint8
	saltLength   int // in bytes
	keyLength    int
}

// The bounds of the package comment.
const (
	maxMemory      = 256 << 10
	maxTime        = 64
	maxWork        = 1 << 20
	maxParallelism = 16
	minCost        = 4
	maxCost        = 15
	maxHash        = 256 // the length of the string
)

func (k kind) check() error {
	switch {
	case k.bcrypt:
		if k.cost < minCost || k.cost > maxCost {
			return fmt.Errorf("the cost of bcrypt is not %d to %d", minCost, maxCost)
		}
	case k.parallelism < 1 || k.parallelism > maxParallelism:
		return fmt.Errorf("the parallelism of argon2id is not 1 to %d", maxParallelism)
	case k.memory < 8*uint32(k.parallelism) || k.memory > maxMemory:
		return fmt.Errorf("the memory of argon2id is not 8 KiB per lane to %d KiB", maxMemory)
	case k.time < 1 || k.time > maxTime:
		return fmt.Errorf("the passes of argon2id are not 1 to %d", maxTime)
	case uint64(k.memory)*uint64(k.time) > maxWork:
		return fmt.Errorf("the memory times the passes of argon2id is more than %d KiB", maxWork)
	case k.saltLength < 8 || k.saltLength > 64:
		return errors.New("the salt of argon2id does not have 8 to 64 bytes")
	case k.keyLength < 16 || k.keyLength > 64:
		return errors.New("the key of argon2id does not have 16 to 64 bytes")
	}
	return nil
}

// lanes is how many CPUs the hash takes.
func (k kind) lanes() int64 {
	if k.bcrypt {
		return 1
	}
	return int64(k.parallelism)
}

// parsed is a hash within bounds.
type parsed struct {
	kind
	salt, key []byte // of argon2id
	text      string // of bcrypt, all of it
}

// parse accepts what String prints, and nothing else. Its errors show no part of
// the hash.
func parse(s string) (*parsed, error) {
	var h *parsed
	if len(s) > maxHash {
		return nil, errors.New("it is too long")
	}
	var err error
	switch {
	case strings.HasPrefix(s, "$argon2id$"):
		h, err = parseArgon2id(s)
	case strings.HasPrefix(s, "$2a$"), strings.HasPrefix(s, "$2b$"), strings.HasPrefix(s, "$2y$"):
		h, err = parseBcrypt(s)
	default:
		err = fmt.Errorf("%s is not supported, only argon2id and bcrypt are", nameOf(s))
	}
	if err != nil {
		return nil, err
	}
	return h, h.check()
}

var errMalformed = errors.New("it is malformed")

// PHC strings have base64 without padding.
var phc = base64.RawStdEncoding.Strict()

func parseArgon2id(s string) (*parsed, error) {
	fields := strings.Split(s, "$")
	if len(fields) != 6 {
		return nil, errMalformed
	}
	if fields[2] != "v=19" { // RFC 9106 section 3.1
		return nil, errors.New("the version of argon2id is not 19")
	}
	h := new(parsed)
	for i, param := range strings.Split(fields[3], ",") {
		name, value, _ := strings.Cut(param, "=")
		n, err := strconv.ParseUint(value, 10, 32)
		if err != nil {
			return nil, errMalformed
		}
		switch {
		case i == 0 && name == "m":
			h.memory = uint32(n)
		case i == 1 && name == "t":
			h.time = uint32(n)
		case i == 2 && name == "p":
			h.parallelism = uint8(min(n, 255))
		default:
			return nil, errMalformed
		}
	}
	var err1, err2 error
	h.salt, err1 = phc.DecodeString(fields[4])
	h.key, err2 = phc.DecodeString(fields[5])
	h.saltLength, h.keyLength = len(h.salt), len(h.key)
	if err1 != nil || err2 != nil || h.String() != s {
		return nil, errMalformed
	}
	return h, nil
}

// parseBcrypt reads two digits of cost, 22 characters of salt and 31 of hash.
func parseBcrypt(s string) (*parsed, error) {
	const length, digits = 60, "0123456789"
	if len(s) != length || strings.Trim(s[4:6], digits) != "" || s[6] != '$' || strings.ContainsFunc(s[7:], notBcrypt) {
		return nil, errMalformed
	}
	cost, _ := strconv.Atoi(s[4:6])
	return &parsed{kind: kind{bcrypt: true, cost: cost}, text: s}, nil
}

func notBcrypt(r rune) bool {
	return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '.' || r == '/')
}

// String is the form in which hashes are stored.
func (h *parsed) String() string {
	if h.bcrypt {
		return h.text
	}
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, h.memory, h.time, h.parallelism,
		phc.EncodeToString(h.salt), phc.EncodeToString(h.key))
}

// matches takes the same time for every password.
func (h *parsed) matches(password string) bool {
	if h.bcrypt {
		const read = 72
		whole := len(password) <= read && !strings.Contains(password, "\x00")
		err := bcrypt.CompareHashAndPassword([]byte(h.text), []byte(password[:min(len(password), read)]))
		return whole && err == nil
	}
	key := argon2.IDKey([]byte(password), h.salt, h.time, h.memory, h.parallelism, uint32(h.keyLength))
	return subtle.ConstantTimeCompare(key, h.key) == 1
}

// nameOf is the name of what is not supported.
func nameOf(s string) string {
	for _, known := range []struct{ prefix, name string }{
		{"$argon2i$", "argon2i"}, {"$argon2d$", "argon2d"},
		{"$2x$", "bcrypt with the bug of 2011"}, {"$2$", "the first version of bcrypt"},
		{"$apr1$", "MD5 (apr1)"}, {"$1$", "MD5-crypt"}, {"$5$", "SHA-256-crypt"}, {"$6$", "SHA-512-crypt"},
		{"$y$", "yescrypt"}, {"$gy$", "yescrypt"}, {"$7$", "scrypt"}, {"$scrypt$", "scrypt"}, {"$pbkdf2", "PBKDF2"},
		{"{SHA}", "SHA-1"}, {"{SSHA}", "salted SHA-1"}, {"{PLAIN}", "plain text"},
	} {
		if strings.HasPrefix(s, known.prefix) {
			return known.name
		}
	}
	if s == "" {
		return "an empty hash"
	}
	return "a hash of unknown kind"
}
