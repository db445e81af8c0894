package password_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/authstar/authstar/authenticators/password"
)

// Vectors of the reference implementation of Argon2 (src/test.c), and of
// crypt_blowfish (wrapper.c).
var vectors = []struct{ name, hash, secret string }{
	{"argon2id, 64 MiB, 2 passes", "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc", "password"},
	{"argon2id, 256 KiB, 2 lanes", "$argon2id$v=19$m=256,t=2,p=2$c29tZXNhbHQ$bQk8UB/VmZZF4Oo79iDXuL5/0ttZwg2f/5U52iv1cDc", "password"},
	{"bcrypt, cost 5", "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW", "U*U"},
}

func TestVectors(t *testing.T) {
	for _, vector := range vectors {
		t.Run(vector.name, func(t *testing.T) {
			if ok, err := password.Verify(vector.hash, vector.secret); !ok || err != nil {
				t.Errorf("Verify() = %v, %v", ok, err)
			}
			if ok, err := password.Verify(vector.hash, vector.secret+"s"); ok || err != nil {
				t.Errorf("another password: Verify() = %v, %v", ok, err)
			}
		})
	}
}

func TestHash(t *testing.T) {
	long := strings.Repeat("ö", 512)
	for _, secret := range []string{bobPassword, long, strings.Repeat("a", 73)} {
		hash, err := password.Hash(secret)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(hash, "$argon2id$v=19$m=19456,t=2,p=1$") {
			t.Errorf("not OWASP's parameters: %s", hash)
		}
		if ok, err := password.Verify(hash, secret); !ok || err != nil {
			t.Errorf("%q: Verify() = %v, %v", secret, ok, err)
		}
		if ok, err := password.Verify(hash, secret[:len(secret)-1]+"?"); ok || err != nil {
			t.Errorf("another password: Verify() = %v, %v", ok, err)
		}
		if password.NeedsRehash(hash) {
			t.Error("a new hash needs a rehash")
		}
		if again, _ := password.Hash(secret); again == hash {
			t.Error("two hashes have the same salt")
		}
	}
}

// B04, B05, B06, X12: what can never be presented is refused when it is chosen,
// without being shown.
func TestUnusablePasswords(t *testing.T) {
	for _, test := range []struct{ name, secret, want string }{
		{"B04 an empty password", "", "empty"},
		{"more than 1,024 bytes", strings.Repeat("ö", 512) + "x", "1024"},
		{"10 MB", strings.Repeat("x", 10<<20), "1024"},
		{"B02 Latin-1", "w\xf6rd", "UTF-8"},
		{"B06 NUL", "ab\x00ab", "control"},
		{"B05 a line break", "ab\nab", "control"},
		{"B05 DEL", "ab\x7f", "control"},
	} {
		t.Run(test.name, func(t *testing.T) {
			hash, err := password.Hash(test.secret)
			if hash != "" || !errors.Is(err, password.ErrPassword) || !strings.Contains(err.Error(), test.want) {
				t.Fatalf("Hash() = %q, %v; want ErrPassword and %q", hash, err, test.want)
			}
			wantSilent(t, err.Error(), test.secret)
			if ok, err := password.Verify(argon2id(test.secret, "somesalt", 8, 1, 1), test.secret); ok || err != nil {
				t.Errorf("Verify() = %v, %v", ok, err)
			}
		})
	}
}

// B06: what bcrypt does not read is not ignored.
func TestBcrypt(t *testing.T) {
	secret72 := strings.Repeat("x", 72)
	hash72, hashAB := bcryptOf(t, secret72, 4), bcryptOf(t, "ab", 4)
	variant := func(letter string) string { return "$2" + letter + hashAB[3:] }
	for _, test := range []struct {
		name, hash, secret string
		want               bool
	}{
		{"72 bytes", hash72, secret72, true},
		{"B06 72 bytes and more", hash72, secret72 + "EVIL", false},
		{"B06 72 bytes and a NUL", hash72, secret72 + "\x00", false},
		{"B06 71 bytes", hash72, secret72[:71], false},
		{"two bytes", hashAB, "ab", true},
		{"B06 two bytes, a NUL and the two bytes", hashAB, "ab\x00ab", false},
		{"B06 two bytes and a NUL", hashAB, "ab\x00", false},
		{"B06 the two bytes over and over", hashAB, strings.Repeat("ab", 36), false},
		{"the letter y", variant("y"), "ab", true},
		{"the letter b", variant("b"), "ab", true},
		{"the letter b, and another password", variant("b"), "ba", false},
	} {
		t.Run(test.name, func(t *testing.T) {
			if ok, err := password.Verify(test.hash, test.secret); ok != test.want || err != nil {
				t.Errorf("Verify() = %v, %v; want %v", ok, err, test.want)
			}
		})
	}
}

// B11: parameters are bounded before any work is done. Errors show nothing of the
// hash (X12).
func TestUnusableHashes(t *testing.T) {
	const salt, key = "c29tZXNhbHQ", "bQk8UB/VmZZF4Oo79iDXuL5/0ttZwg2f/5U52iv1cDc"
	bcryptTail := strings.Repeat("abcdEFGH0123./", 4)[:53]
	phc := func(params string) string { return "$argon2id$v=19$" + params + "$" + salt + "$" + key }
	for _, test := range []struct{ name, hash, want string }{
		{"empty", "", "empty"},
		{"B11 bcrypt of cost 31", "$2a$31$" + bcryptTail, "cost"},
		{"B11 bcrypt of cost 16", "$2a$16$" + bcryptTail, "cost"},
		{"bcrypt of cost 3", "$2a$03$" + bcryptTail, "cost"},
		{"bcrypt of cost 00", "$2a$00$" + bcryptTail, "cost"},
		{"bcrypt with a sign", "$2a$+9$" + bcryptTail, "malformed"},
		{"bcrypt, one short", "$2a$04$" + bcryptTail[1:], "malformed"},
		{"bcrypt, one long", "$2a$04$" + bcryptTail + "a", "malformed"},
		{"bcrypt with a foreign character", "$2a$04$" + bcryptTail[1:] + "+", "malformed"},
		{"bcrypt with the bug of 2011", "$2x$04$" + bcryptTail, "2011"},
		{"the first bcrypt", "$2$04$" + bcryptTail, "first version"},

		{"B11 4 TiB", phc("m=4294967295,t=2,p=1"), "memory"},
		{"B11 257 MiB", phc("m=262145,t=1,p=1"), "memory"},
		{"too little for the lanes", phc("m=15,t=1,p=2"), "memory"},
		{"no memory", phc("m=0,t=1,p=1"), "memory"},
		{"B11 passes without end", phc("m=8,t=4294967295,p=1"), "passes"},
		{"no pass", phc("m=8,t=0,p=1"), "passes"},
		{"B11 much memory many times", phc("m=262144,t=5,p=1"), "memory times"},
		{"B11 255 lanes", phc("m=4096,t=1,p=255"), "parallelism"},
		{"no lane", phc("m=8,t=1,p=0"), "parallelism"},
		{"lanes beyond a byte", phc("m=8,t=1,p=257"), "malformed"},
		{"a number beyond 32 bits", phc("m=4294967304,t=1,p=1"), "malformed"},
		{"a leading zero", phc("m=08,t=1,p=1"), "malformed"},
		{"a plus", phc("m=+8,t=1,p=1"), "malformed"},
		{"another order", phc("t=1,m=8,p=1"), "malformed"},
		{"a parameter missing", phc("m=8,t=1"), "malformed"},
		{"a parameter too many", phc("m=8,t=1,p=1,keyid=AAAA"), "malformed"},
		{"the version before", "$argon2id$v=16$m=8,t=1,p=1$" + salt + "$" + key, "version"},
		{"no version", "$argon2id$m=8,t=1,p=1$" + salt + "$" + key, "malformed"},
		{"no key", "$argon2id$v=19$m=8,t=1,p=1$" + salt, "malformed"},
		{"B10 a key of 15 bytes", "$argon2id$v=19$m=8,t=1,p=1$" + salt + "$" + key[:20], "key"},
		{"B10 an empty key", "$argon2id$v=19$m=8,t=1,p=1$" + salt + "$", "key"},
		{"B11 a key of 66 bytes", "$argon2id$v=19$m=8,t=1,p=1$" + salt + "$" + strings.Repeat("AAAA", 22), "key"},
		{"a salt of 6 bytes", "$argon2id$v=19$m=8,t=1,p=1$c29tZXNh$" + key, "salt"},
		{"B11 a salt of 66 bytes", "$argon2id$v=19$m=8,t=1,p=1$" + strings.Repeat("AAAA", 22) + "$" + key, "salt"},
		{"padding", phc("m=8,t=1,p=1") + "=", "malformed"},
		{"bits that are not used", phc("m=8,t=1,p=1")[:len(phc("m=8,t=1,p=1"))-1] + "d", "malformed"},
		{"base64 for URLs", strings.ReplaceAll(phc("m=8,t=1,p=1"), "/", "_"), "malformed"},
		{"a line break", phc("m=8,t=1,p=1") + "\n", "malformed"},
		{"1 MB", phc("m=8,t=1,p=1") + strings.Repeat("A", 1<<20), "long"},

		{"argon2i", strings.Replace(phc("m=8,t=1,p=1"), "2id", "2i", 1), "argon2i is not"},
		{"apr1", "$apr1$r31.....$HqJZimcKQFAMYayBlzkrA/", "MD5"},
		{"SHA-1", "{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=", "SHA-1"},
		{"SHA-512-crypt", "$6$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjlO", "SHA-512-crypt"},
		{"plain text", "opensesame", "unknown kind"},
	} {
		t.Run(test.name, func(t *testing.T) {
			ok, err := password.Verify(test.hash, "password")
			if ok || !errors.Is(err, password.ErrHash) || !strings.Contains(err.Error(), test.want) {
				t.Fatalf("Verify() = %v, %v; want ErrHash and %q", ok, err, test.want)
			}
			wantSilent(t, err.Error(), test.hash, bcryptTail, key[:20], "opensesame")
			if !password.NeedsRehash(test.hash) {
				t.Error("it needs no rehash")
			}
		})
	}
	if ok, err := password.Verify(argon2id("password", "somesalt", 8, 1, 1), "password"); !ok || err != nil {
		t.Errorf("the least that is accepted: %v, %v", ok, err)
	}
}

func TestParams(t *testing.T) {
	for _, test := range []struct {
		name   string
		params password.Params
		want   string // of the error, or of the hash with "$"
	}{
		{"none", password.Params{}, "$m=19456,t=2,p=1$"},
		{"OWASP's first", password.Params{Memory: 47_104, Time: 1}, "$m=47104,t=1,p=1$"},
		{"OWASP's last", password.Params{Memory: 7168, Time: 5}, "$m=7168,t=5,p=1$"},
		{"four lanes", password.Params{Memory: 9216, Time: 4, Parallelism: 4}, "$m=9216,t=4,p=4$"},
		{"less memory", password.Params{Memory: 19_455}, "weaker"},
		{"one pass", password.Params{Time: 1}, "weaker"},
		{"B11 more than 256 MiB", password.Params{Memory: 1 << 20}, "memory"},
		{"B11 65 passes", password.Params{Time: 65}, "passes"},
		{"B11 17 lanes", password.Params{Parallelism: 17}, "parallelism"},
	} {
		t.Run(test.name, func(t *testing.T) {
			hash, err := test.params.Hash("password")
			if want, ok := strings.CutPrefix(test.want, "$"); !ok {
				if err == nil || !strings.Contains(err.Error(), test.want) {
					t.Errorf("Hash() = %q, %v; want %q", hash, err, test.want)
				}
			} else if err != nil || !strings.Contains(hash, want) || test.params.NeedsRehash(hash) {
				t.Errorf("Hash() = %q, %v; want %q", hash, err, want)
			}
		})
	}
}

func TestNeedsRehash(t *testing.T) {
	strong := password.Params{Memory: 32_768, Time: 3}
	tail := strings.TrimPrefix(argon2id("x", "a salt of 16 byt", 8, 1, 1), "$argon2id$v=19$m=8,t=1,p=1")
	phc := func(params string) string { return "$argon2id$v=19$" + params + tail }
	for _, test := range []struct {
		name, hash    string
		usual, strong bool
	}{
		{"the usual parameters", phc("m=19456,t=2,p=1"), false, true},
		{"stronger ones", phc("m=32768,t=3,p=1"), false, false},
		{"more lanes", phc("m=19456,t=2,p=4"), false, true},
		{"less memory", phc("m=19455,t=2,p=1"), true, true},
		{"fewer passes", phc("m=47104,t=1,p=1"), true, true},
		{"a short salt", strings.Replace(phc("m=19456,t=2,p=1"), tail[:23], "$c29tZXNhbHQ", 1), true, true},
		{"bcrypt", vectors[2].hash, true, true},
		{"nonsense", "x", true, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := password.NeedsRehash(test.hash); got != test.usual {
				t.Errorf("NeedsRehash() = %v", got)
			}
			if got := strong.NeedsRehash(test.hash); got != test.strong {
				t.Errorf("Params.NeedsRehash() = %v", got)
			}
		})
	}
}
