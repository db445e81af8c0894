package password_test

import (
	"context"
	"fmt"
	"runtime"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/authstar/authstar"
	"github.com/authstar/authstar/authenticators/password"
)

const (
	home      = "192.0.2.1:1234"
	elsewhere = "198.51.100.1:1234"
)

// oneGuess is a Limit that one wrong password reaches.
var oneGuess = password.Limit{Burst: 1, Every: 24 * time.Hour}

// wantRemembered guesses from elsewhere, after which only those get in at home who
// are remembered.
func wantRemembered(t *testing.T, v *password.Verifier, username, secret string, remembered bool) {
	t.Helper()
	wantWrong(t, from(v, elsewhere), username, "a wrong guess")
	if remembered {
		wantRight(t, from(v, home), username, secret)
	} else {
		wantRefused(t, from(v, home), username, secret, 429)
	}
}

// M01: the parts of a credential cannot be shifted.
func TestRememberedIsNotAmbiguous(t *testing.T) {
	u := newUsers("a", cheap("b:c"), "ab", cheap("c"), "x", cheap("y"), "xy", cheap("other"))
	v := newVerifier(t, password.Config{Lookup: u.lookup})
	for range 2 {
		wantRight(t, v.Check, "a", "b:c")
		wantRight(t, v.Check, "ab", "c")
		wantRight(t, v.Check, "x", "y")
		wantWrong(t, v.Check, "a:b", "c")
		wantWrong(t, v.Check, "a", "bc")
		wantWrong(t, v.Check, "xy", "y")
		wantWrong(t, v.Check, "x", "yy")
	}
	// With one hash for several names, nothing but the lengths tells them apart.
	shared := cheap("bc")
	u.set("a", shared)
	u.set("ab", shared)
	u.set("abc", shared)
	wantRight(t, v.Check, "a", "bc")
	wantWrong(t, v.Check, "ab", "c")
	wantRight(t, v.Check, "ab", "bc")
	wantWrong(t, v.Check, "abc", shared)
}

// M02: what one verifier remembers, another does not know.
func TestVerifiersDoNotShare(t *testing.T) {
	first := newVerifier(t, password.Config{Lookup: newUsers("bob", cheap("x")).lookup})
	second := newVerifier(t, password.Config{Lookup: newUsers("bob", cheap("y")).lookup})
	for range 2 {
		wantRight(t, first.Check, "bob", "x")
		wantWrong(t, second.Check, "bob", "x")
		wantRight(t, second.Check, "bob", "y")
		wantWrong(t, first.Check, "bob", "y")
	}
}

// M05: what changes in the directory counts at once, and so does Purge.
func TestRememberedEnds(t *testing.T) {
	c := newClock()
	const right, wrong, forgotten = "right", "wrong", "forgotten"
	for _, test := range []struct {
		name   string
		change func(*users, *password.Verifier)
		want   string
	}{
		{"nothing changes", func(*users, *password.Verifier) {}, right},
		{"M05 another password", func(u *users, _ *password.Verifier) { u.set("bob", cheap("y")) }, wrong},
		{"M05 the same password, hashed again", func(u *users, _ *password.Verifier) {
			u.set("bob", argon2id("x", "another salt", 8, 1, 1))
		}, forgotten},
		{"M05 the hash is taken away", func(u *users, _ *password.Verifier) { u.set("bob", "") }, wrong},
		{"M05 the user is gone", func(u *users, _ *password.Verifier) { u.change(func() { delete(u.hashes, "bob") }) }, wrong},
		{"M05 the user may not log in", func(u *users, _ *password.Verifier) { u.change(func() { u.disabled = true }) }, wrong},
		{"M05 Purge", func(_ *users, v *password.Verifier) { v.Purge() }, forgotten},
		{"59 s later", func(*users, *password.Verifier) { c.advance(59 * time.Second) }, right},
		{"M04 a minute later", func(*users, *password.Verifier) { c.advance(time.Minute) }, forgotten},
		{"used meanwhile", func(_ *users, v *password.Verifier) {
			c.advance(40 * time.Second)
			wantRight(t, from(v, home), "bob", "x")
			c.advance(40 * time.Second)
		}, right},
	} {
		t.Run(test.name, func(t *testing.T) {
			u := newUsers("bob", cheap("x"))
			v := newVerifier(t, password.Config{Lookup: u.lookup, PerAccount: oneGuess, Now: c.Now})
			wantRight(t, from(v, home), "bob", "x")
			test.change(u, v)
			if test.want == wrong {
				wantWrong(t, from(v, home), "bob", "x")
				return
			}
			wantRemembered(t, v, "bob", "x", test.want == right)
		})
	}
}

// What is remembered is bound to the address, and never helps to guess.
func TestRememberedWhileOthersGuess(t *testing.T) {
	v := newVerifier(t, password.Config{Lookup: newUsers("bob", cheap("x")).lookup, PerAccount: oneGuess,
		PerAddress: password.Limit{Burst: 3, Every: time.Hour}})
	wantRight(t, from(v, home), "bob", "x")
	wantRight(t, v.Check, "bob", "x")
	wantRemembered(t, v, "bob", "x", true)
	wantRight(t, from(v, "192.0.2.1:99"), "bob", "x")
	wantRefused(t, from(v, elsewhere), "bob", "x", 429)
	wantRefused(t, v.Check, "bob", "x", 429)
	wantRefused(t, from(v, home), "bob", "y", 429) // not even whether it is wrong
	for i := range 3 {
		wantWrong(t, from(v, home), fmt.Sprint("somebody", i), "y")
	}
	wantRefused(t, from(v, home), "bob", "x", 429)
}

func TestNothingIsRemembered(t *testing.T) {
	v := newVerifier(t, password.Config{Lookup: newUsers("bob", cheap("x")).lookup, Remember: -1, PerAccount: oneGuess})
	wantRight(t, from(v, home), "bob", "x")
	v.Purge()
	wantRight(t, from(v, home), "bob", "x")
	wantRemembered(t, v, "bob", "x", false)
}

// M11: each request gets the client that Lookup made for it.
func TestClientsAreNotShared(t *testing.T) {
	v := newVerifier(t, password.Config{Lookup: newUsers("bob", cheap("x")).lookup})
	for range 3 {
		client, err := v.Check(context.Background(), "bob", "x")
		if err != nil || len(client.Scopes()) != 1 {
			t.Fatalf("%v, %v: the scopes of another request", client, err)
		}
		identity := client.(*authstar.Identity)
		identity.Scope = append(identity.Scope, "admin")
		identity.ID = "eve"
	}
}

// M07: a user who is made after he was asked for is there at once, and a wrong
// password does not become a habit.
func TestWrongIsNotRemembered(t *testing.T) {
	u := newUsers()
	v := newVerifier(t, password.Config{Lookup: u.lookup})
	wantWrong(t, v.Check, "bob", "x")
	u.set("bob", cheap("x"))
	wantRight(t, v.Check, "bob", "x")
	wantWrong(t, v.Check, "bob", "y")
	u.set("bob", cheap("y"))
	wantRight(t, v.Check, "bob", "y")
	wantWrong(t, v.Check, "bob", "x")
}

// M06: at the same time, each gets its own verdict and its own client.
func TestVerdictsAreNotShared(t *testing.T) {
	rounds := 1000
	if testing.Short() {
		rounds = 100
	}
	u := newUsers("bob", cheap("x"), "alice", cheap("x"), "carol", cheap("y"))
	v := newVerifier(t, password.Config{Lookup: u.lookup, PerAccount: unlimited, PerAddress: unlimited, MaxWaiting: 10_000})
	guesses := []struct {
		username, secret string
		right            bool
	}{
		{"bob", "x", true}, {"bob", "x", true}, {"bob", "y", false}, {"alice", "x", true}, {"carol", "x", false}, {"nobody", "x", false},
	}
	for round := range rounds {
		if round%4 == 0 {
			v.Purge()
		}
		var wg sync.WaitGroup
		for _, guess := range guesses {
			wg.Go(func() {
				client, err := v.CheckFrom(context.Background(), "192.0.2.1:1", guess.username, guess.secret)
				if err != nil || (client != nil) != guess.right || client != nil && client.ClientID() != guess.username {
					t.Errorf("%s with %s: %v, %v", guess.username, guess.secret, client, err)
				}
			})
		}
		wg.Wait()
	}
}

// M09: memory is bounded by the number of entries; wrong passwords, which are not
// remembered at all, take none.
func TestMemoryIsBounded(t *testing.T) {
	const size, right = 500, 4000
	const most = 150*size + 64<<10 // of 600 kB that all of them would take
	passwords := make(map[string]string)
	lookup := func(_ context.Context, username string) (string, authstar.Client, error) {
		return passwords[username], &authstar.Identity{ID: username}, nil
	}
	hash := cheap("x")
	for i := range right {
		passwords[strconv.Itoa(i)] = hash
	}
	v := newVerifier(t, password.Config{Lookup: lookup, MaxRemembered: size, PerAccount: unlimited})
	wantRight(t, v.Check, "0", "x") // what the first check of the process allocates is not the verifier's
	v.Purge()
	before := heapInUse()
	for i := range right {
		wantRight(t, v.Check, strconv.Itoa(i), "x")
	}
	if grown := heapInUse() - before; grown > most {
		t.Errorf("the heap grew by %d bytes", grown)
	}
	for i := range 2000 {
		wantWrong(t, v.Check, "5", fmt.Sprint("guess ", i))
	}
	if grown := heapInUse() - before; grown > most {
		t.Errorf("after wrong passwords, the heap grew by %d bytes", grown)
	}
	runtime.KeepAlive(v)
}

func heapInUse() int64 {
	runtime.GC()
	runtime.GC() // what a pool holds takes two
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
