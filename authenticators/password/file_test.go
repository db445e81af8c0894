package password_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/authstar/authstar"
	"github.com/authstar/authstar/authenticators/password"
)

// htpasswd is a file of users in the time of a clock.
type htpasswd struct {
	t        *testing.T
	path     string
	clock    *clock
	mu       sync.Mutex
	observed []string
}

func newHtpasswd(t *testing.T, lines ...string) *htpasswd {
	h := &htpasswd{t: t, path: filepath.Join(t.TempDir(), "htpasswd"), clock: newClock()}
	h.write(lines...)
	h.clock.advance(time.Minute)
	return h
}

// write makes a file of now, as an editor does that writes in place.
func (h *htpasswd) write(lines ...string) {
	h.t.Helper()
	if err := os.WriteFile(h.path, []byte(strings.Join(lines, "\n")), 0o600); err != nil {
		h.t.Fatal(err)
	}
	h.touch(h.clock.Now())
}

func (h *htpasswd) touch(at time.Time) {
	if err := os.Chtimes(h.path, at, at); err != nil {
		h.t.Fatal(err)
	}
}

func (h *htpasswd) open() *password.File {
	h.t.Helper()
	f, err := password.OpenFile(password.FileConfig{Path: h.path, Now: h.clock.Now, Observe: func(err error) {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.observed = append(h.observed, err.Error())
	}})
	if err != nil {
		h.t.Fatal(err)
	}
	return f
}

func wantUsers(t *testing.T, f *password.File, names ...string) {
	t.Helper()
	for _, name := range []string{"bob", "alice", "carol"} {
		hash, client, err := f.Lookup(context.Background(), name)
		if err != nil || hash == "" || (client != nil) != slices.Contains(names, name) || client != nil && client.ClientID() != name {
			t.Errorf("%s: %v, %v; want %q", name, client, err, names)
		}
	}
}

func TestFile(t *testing.T) {
	h := newHtpasswd(t, "# of the orders API", "", "bob:"+cheap(bobPassword)+"\r", "alice:"+bcryptOf(t, "y", 4)+":since 2020", "#carol:x")
	f := h.open()
	wantUsers(t, f, "bob", "alice")
	v := newVerifier(t, password.Config{Lookup: f.Lookup, PerAccount: unlimited})
	wantRight(t, v.Check, "bob", bobPassword)
	wantRight(t, v.Check, "alice", "y")
	for _, username := range []string{"bob", "alice", "carol", "#carol", "BOB", "bob ", "# of the orders API"} {
		wantWrong(t, v.Check, username, "x")
	}
	wantWrong(t, v.Check, "carol", bobPassword) // whose hash may be hers as well
	wantWrong(t, v.Check, "carol", "y")

	h.write("alice:"+cheap("z"), "carol:"+cheap("x"))
	wantRight(t, v.Check, "bob", bobPassword)
	h.clock.advance(time.Second)
	wantWrong(t, v.Check, "bob", bobPassword) // M05: though remembered
	wantWrong(t, v.Check, "alice", "y")
	wantRight(t, v.Check, "alice", "z")
	wantRight(t, v.Check, "carol", "x")
	if len(h.observed) > 0 {
		t.Errorf("observed %q", h.observed)
	}
}

// A byte order mark is no part of the first name, and a space within is one.
func TestFileFromAnEditor(t *testing.T) {
	h := newHtpasswd(t, "\ufeffbob:"+cheap(bobPassword)+"\r", "alice b:"+cheap("y"))
	f := h.open()
	wantUsers(t, f, "bob")
	v := newVerifier(t, password.Config{Lookup: f.Lookup})
	wantRight(t, v.Check, "bob", bobPassword)
	wantRight(t, v.Check, "alice b", "y")
	wantWrong(t, v.Check, "\ufeffbob", bobPassword)
}

func TestFileClients(t *testing.T) {
	h := newHtpasswd(t, "bob:"+cheap("x"), "alice:"+cheap("x"), "carol:"+cheap("x"))
	down := errors.New("down")
	f, err := password.OpenFile(password.FileConfig{Path: h.path, Client: func(_ context.Context, username string) (authstar.Client, error) {
		switch username {
		case "bob":
			return &authstar.Identity{ID: username, Scope: []string{"orders:read"}}, nil
		case "alice":
			return nil, nil
		}
		return nil, down
	}})
	if err != nil {
		t.Fatal(err)
	}
	v := newVerifier(t, password.Config{Lookup: f.Lookup})
	if client, err := v.Check(context.Background(), "bob", "x"); err != nil || client == nil || len(client.Scopes()) != 1 {
		t.Errorf("%v, %v", client, err)
	}
	wantWrong(t, v.Check, "alice", "x")
	if _, err := v.Check(context.Background(), "carol", "x"); !errors.Is(err, down) || !errors.Is(err, authstar.TemporarilyUnavailable) {
		t.Errorf("%v", err)
	}
}

// B11, X12: what is wrong with a file is told by the number of the line, without
// any of its text.
func TestBadLines(t *testing.T) {
	good := "bob:" + cheap("x")
	const tail = "abcdEFGH0123./abcdEFGH0123./abcdEFGH0123./abcdEFGH012"
	for _, test := range []struct {
		name  string
		lines []string
		want  string
	}{
		{"nothing", nil, "no user"},
		{"only comments", []string{"# bob:x", ""}, "no user"},
		{"no colon", []string{good, "secret-word"}, "line 2: no colon"},
		{"no user name", []string{":" + cheap("secret-word")}, "line 1: unusable user name: it is empty"},
		{"a user name that is not UTF-8", []string{"b\xff:" + cheap("x")}, "line 1: unusable user name: it is not UTF-8"},
		{"a space before a user name", []string{good, " alice:" + cheap("x")}, "line 2: unusable user name: it has space around it"},
		{"a space after a user name", []string{good, "alice :" + cheap("x")}, "line 2: unusable user name: it has"},
		{"a space that does not break", []string{"alice\u00a0:" + cheap("x")}, "line 1: unusable user name: it has"},
		{"a byte order mark within", []string{good, "\ufeffalice:" + cheap("x")}, "line 2: unusable user name: it has"},
		{"two byte order marks", []string{"\ufeff\ufeffalice:" + cheap("x")}, "line 1: unusable user name: it has"},
		{"no hash", []string{good, "", "alice:"}, "line 3: an empty hash is not supported"},
		{"plain text", []string{good, "alice:secret-word"}, "line 2: a hash of unknown kind is not supported, only argon2id and bcrypt are"},
		{"apr1, the default of htpasswd", []string{"alice:$apr1$secretword$HqJZimcKQFAMYayBlzkrA/"}, "line 1: MD5 (apr1) is not supported"},
		{"SHA-1", []string{"alice:{SHA}secretwordPz8GgiULbPgzG37mj9g="}, "line 1: SHA-1 is not supported"},
		{"B11 bcrypt of cost 31", []string{good, "alice:$2y$31$" + tail}, "line 2: the cost of bcrypt is not 4 to 15"},
		{"B11 argon2id with 4 TiB", []string{"alice:" + strings.Replace(cheap("x"), "m=8", "m=4294967295", 1)}, "line 1: the memory of argon2id"},
		{"a user twice", []string{good, "alice:" + cheap("x"), good}, "line 3: the user of line 1 again"},
		{"all at once", []string{"x", good, "y"}, "line 1: no colon\nline 3: no colon"},
	} {
		t.Run(test.name, func(t *testing.T) {
			bad := newHtpasswd(t, test.lines...)
			_, err := password.OpenFile(password.FileConfig{Path: bad.path})
			if err == nil || !strings.HasPrefix(err.Error(), "password: "+bad.path+": "+test.want) {
				t.Fatalf("OpenFile() = %v", err)
			}
			wantSilent(t, err.Error(), "secret", tail, "alice")

			h := newHtpasswd(t, good)
			f := h.open()
			h.write(test.lines...)
			for range 3 { // told once, and the users stay
				h.clock.advance(time.Second)
				wantUsers(t, f, "bob")
			}
			if len(h.observed) != 1 || !strings.Contains(h.observed[0], test.want) {
				t.Fatalf("observed %q", h.observed)
			}
			h.write("carol:" + cheap("x"))
			h.clock.advance(time.Second)
			wantUsers(t, f, "carol")
			h.write(test.lines...)
			h.clock.advance(time.Second)
			wantUsers(t, f, "carol")
			if len(h.observed) != 2 {
				t.Errorf("observed %q", h.observed)
			}
		})
	}
	many := slices.Repeat([]string{"x"}, 1000)
	if _, err := password.OpenFile(password.FileConfig{Path: newHtpasswd(t, many...).path}); strings.Count(err.Error(), "line") != 10 {
		t.Errorf("1,000 bad lines: %v", err)
	}
}

func TestFileChanges(t *testing.T) {
	bob, eve := "bob:"+cheap("x"), "eve:"+cheap("x") // of one length
	for _, test := range []struct {
		name   string
		change func(*htpasswd)
		want   string // who is in the file then
	}{
		{"nothing", func(*htpasswd) {}, "bob"},
		{"another time", func(h *htpasswd) { h.write(eve) }, "eve"},
		{"another size", func(h *htpasswd) {
			at := h.clock.Now().Add(-time.Minute)
			h.write(eve, "")
			h.touch(at)
		}, "eve"},
		{"another file of the same time and size", func(h *htpasswd) {
			at := h.clock.Now().Add(-time.Minute)
			old := h.path
			h.path += ".new"
			h.write(eve)
			h.touch(at)
			if err := os.Rename(h.path, old); err != nil {
				h.t.Fatal(err)
			}
			h.path = old
		}, "eve"},
		{"not there any more", func(h *htpasswd) { _ = os.Remove(h.path) }, "bob"},
		{"a folder", func(h *htpasswd) { _, _ = os.Remove(h.path), os.Mkdir(h.path, 0o700) }, "bob"},
	} {
		t.Run(test.name, func(t *testing.T) {
			h := newHtpasswd(t, bob)
			f := h.open()
			test.change(h)
			h.clock.advance(999 * time.Millisecond)
			if _, client, _ := f.Lookup(context.Background(), "bob"); client == nil {
				t.Error("changed within a second")
			}
			h.clock.advance(time.Millisecond)
			if _, client, _ := f.Lookup(context.Background(), test.want); client == nil {
				t.Errorf("%s is not known", test.want)
			}
			if _, err := os.ReadFile(h.path); (err != nil) != (len(h.observed) == 1) {
				t.Errorf("%v, observed %q", err, h.observed)
			}
		})
	}
}

func TestFileIsLookedAtOnceASecond(t *testing.T) {
	h := newHtpasswd(t, "bob:"+cheap("x"))
	f := h.open()
	h.clock.advance(time.Second)
	wantUsers(t, f, "bob")
	h.write("carol:" + cheap("x"))
	h.clock.advance(999 * time.Millisecond)
	wantUsers(t, f, "bob")
	h.clock.advance(time.Millisecond)
	wantUsers(t, f, "carol")
}

// A file that was written a moment ago may be written again without a change of
// its time and size.
func TestFileOfJustNow(t *testing.T) {
	h := newHtpasswd(t, "bob:"+cheap("x"))
	h.touch(h.clock.Now())
	f := h.open()
	at := h.clock.Now()
	h.write("eve:" + cheap("x"))
	h.touch(at)
	h.clock.advance(time.Second)
	if _, client, _ := f.Lookup(context.Background(), "eve"); client == nil {
		t.Error("the second write was not seen")
	}
}

func TestOpenFileErrors(t *testing.T) {
	folder := t.TempDir()
	big := filepath.Join(folder, "big")
	if err := os.WriteFile(big, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(big, 16<<20+1); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		"":                                 "FileConfig.Path: required",
		filepath.Join(folder, "not there"): "not there",
		folder:                             "not a regular file",
		big:                                "longer than",
	} {
		f, err := password.OpenFile(password.FileConfig{Path: path})
		if f != nil || err == nil || !strings.HasPrefix(err.Error(), "password: ") || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", path, err)
		}
	}
	if runtime.GOOS == "windows" {
		return
	}
	if err := errors.Unwrap(func() error {
		_, err := password.OpenFile(password.FileConfig{Path: filepath.Join(folder, "not there")})
		return err
	}()); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%v", err)
	}
}

func TestFileInParallel(t *testing.T) {
	h := newHtpasswd(t, "bob:"+cheap("x"))
	f := h.open()
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for i := range 200 {
				if _, client, err := f.Lookup(context.Background(), "bob"); client == nil || err != nil {
					t.Errorf("%v, %v", client, err)
				}
				if i%10 == 0 {
					h.clock.advance(time.Second)
				}
			}
		})
	}
	for i := range 20 {
		h.write("bob:"+cheap("x"), fmt.Sprintf("user%d:%s", i, cheap("x")))
	}
	wg.Wait()
}
