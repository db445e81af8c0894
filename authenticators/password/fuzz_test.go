package password_test

import (
	"regexp"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/crypto/bcrypt"

	"github.com/authstar/authstar/authenticators/password"
)

// grammar is what a hash looks like, written down once more.
var grammar = regexp.MustCompile(`^(?:\$argon2id\$v=19\$m=([1-9][0-9]{0,5}),t=([1-9][0-9]?),p=([1-9][0-9]?)` +
	`\$([A-Za-z0-9+/]{11,86})\$([A-Za-z0-9+/]{22,86})|\$2[aby]\$(0[4-9]|1[0-5])\$[./A-Za-z0-9]{53})$`)

// The law: a string is a hash if and only if the grammar has it and its numbers
// are within bounds, and printing it gives the string.
func FuzzPHC(f *testing.F) {
	for _, vector := range vectors {
		f.Add(vector.hash)
	}
	phc := vectors[1].hash
	for _, params := range []string{"m=8,t=1,p=1", "m=262144,t=4,p=16", "m=262144,t=5,p=1", "m=127,t=64,p=16", "m=262145,t=1,p=1", "m=08,t=1,p=1", "t=1,m=8,p=1"} {
		f.Add(strings.Replace(phc, "m=256,t=2,p=2", params, 1))
	}
	for _, s := range []string{"", "$", "$argon2id$", phc + "=", phc + "A", phc[:len(phc)-1] + "d", "$2a$31$" + vectors[2].hash[7:], "$2x$" + vectors[2].hash[4:]} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		text, cost, err := password.Reformat(s)
		if err == nil && text != s {
			t.Fatalf("%q is printed as %q", s, text)
		}
		if m := grammar.FindStringSubmatch(s); (err == nil) != (m != nil && inBounds(m[1:])) {
			t.Fatalf("%q: %v", s, err)
		}
		if err != nil {
			if len(s) > 12 && strings.Contains(err.Error(), s) {
				t.Fatalf("the error shows the hash: %v", err)
			}
			return
		}
		if uint64(cost.Memory)*uint64(cost.Time) > 1<<20 || cost.Memory > 256<<10 || cost.Time > 64 || cost.Parallelism > 16 || cost.Bcrypt > 15 {
			t.Fatalf("%q costs %+v", s, cost)
		}
		if n, err := bcrypt.Cost([]byte(s)); cost.Bcrypt > 0 && (err != nil || n != cost.Bcrypt) {
			t.Fatalf("%q: %d, %v", s, n, err)
		}
	})
}

// inBounds judges the submatches of grammar.
func inBounds(m []string) bool {
	if m[0] == "" {
		return true
	}
	var n [3]int
	for i := range n {
		n[i], _ = strconv.Atoi(m[i])
	}
	memory, time, lanes := n[0], n[1], n[2]
	if memory > 262_144 || time > 64 || lanes > 16 || memory < 8*lanes || memory*time > 1_048_576 {
		return false
	}
	return canonical(m[3]) && canonical(m[4])
}

// canonical reports whether base64 without padding has no bits that are lost.
func canonical(s string) bool {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
	last := strings.IndexByte(alphabet, s[len(s)-1])
	switch len(s) % 4 {
	case 0:
		return true
	case 1:
		return false
	case 2:
		return last%16 == 0
	}
	return last%4 == 0
}
