package password

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"io/fs"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/authstar/authstar"
)

const (
	maxFile = 16 << 20
	// checkEvery is how often a change of the file is looked for.
	checkEvery = time.Second
	// settles is after how long another change of a file changes its time, on
	// every file system.
	settles = 2 * time.Second
	// maxReported is how many bad lines one error reports.
	maxReported = 10
	// byteOrderMark is what some editors begin a file with, and nobody sees.
	byteOrderMark = "\ufeff"
)

// FileConfig is the configuration of a [File]. Path is required.
type FileConfig struct {
	// Path is where the file is.
	Path string
	// Client makes the client that a user of the file is, with the scopes that he
	// has. It may return no client for a user who may not log in, and an error as
	// [Config].Lookup may. nil is an authstar.Identity with the user's name as its
	// ID.
	Client func(ctx context.Context, username string) (authstar.Client, error)
	// Observe is told why a changed file is not used, once for every reason. nil
	// tells nobody.
	Observe func(error)
	// Now is the clock. nil is time.Now.
	Now func() time.Time
}

// File looks users up in a file as Apache's htpasswd makes it (htpasswd -B), with
// a user name, a colon and a hash on every line. Hashes are bcrypt or argon2id;
// others are refused, and so are names with space around them. Empty lines, lines
// that begin with "#", what follows a second colon, and a byte order mark at the
// beginning of the file are ignored.
//
// A file that has changed, by its time or size or since another one took its
// place, is read again by the request that finds out, which is looked for once a
// second at most. If it cannot be read, has a line that is bad, no user or one
// twice, the users remain who they were, and Observe is told.
//
// A File is safe for concurrent use and starts no goroutine.
type File struct {
	config  FileConfig
	seed    maphash.Seed
	started time.Time
	checked atomic.Int64 // since started
	users   atomic.Pointer[users]

	mu       sync.Mutex
	info     fs.FileInfo // of what was read last
	settled  bool        // no later change has the same time
	reported string
}

// users are those of a file.
type users struct {
	hashes map[string]string
	names  []string
}

// OpenFile reads the file, which may have 16 MiB. It fails when the file cannot
// be read, and with the numbers of the lines that are bad; no error shows any
// part of a line.
func OpenFile(config FileConfig) (*File, error) {
	if config.Path == "" {
		return nil, errors.New("password: FileConfig.Path: required")
	}
	if config.Client == nil {
		config.Client = func(_ context.Context, username string) (authstar.Client, error) {
			return &authstar.Identity{ID: username}, nil
		}
	}
	if config.Now == nil {
		config.Now = time.Now
	}
	f := &File{config: config, seed: maphash.MakeSeed(), started: config.Now()}
	if err := f.read(f.started); err != nil {
		return nil, err
	}
	return f, nil
}

// Lookup finds a user by the name as it is in the file, letter by letter. It is a
// [Config].Lookup. For an unknown user it returns the hash of another one, the
// same for the same name, and no client.
func (f *File) Lookup(ctx context.Context, username string) (hash string, client authstar.Client, err error) {
	f.refresh()
	u := f.users.Load()
	hash, known := u.hashes[username]
	if !known {
		other := maphash.String(f.seed, username) % uint64(len(u.names))
		return u.hashes[u.names[other]], nil, nil
	}
	client, err = f.config.Client(ctx, username)
	return hash, client, err
}

// refresh reads the file again if it has changed and nobody is doing so.
func (f *File) refresh() {
	now := f.config.Now()
	since := now.Sub(f.started)
	if since-time.Duration(f.checked.Load()) < checkEvery || !f.mu.TryLock() {
		return
	}
	defer f.mu.Unlock()
	f.checked.Store(int64(since))
	if info, err := os.Stat(f.config.Path); err == nil && f.settled && f.info != nil && os.SameFile(info, f.info) &&
		info.ModTime().Equal(f.info.ModTime()) && info.Size() == f.info.Size() {
		return
	}
	err := f.read(now)
	if err == nil {
		f.reported = ""
		return
	}
	if text := err.Error(); text != f.reported {
		f.reported = text
		if f.config.Observe != nil {
			f.config.Observe(err)
		}
	}
}

// read replaces the users by those of the file, or leaves them.
func (f *File) read(now time.Time) error {
	f.info = nil
	if info, err := os.Stat(f.config.Path); err != nil {
		return fmt.Errorf("password: %w", err)
	} else if !info.Mode().IsRegular() { // opening a pipe may never return
		return fmt.Errorf("password: %s: not a regular file", f.config.Path)
	}
	file, err := os.Open(f.config.Path)
	if err != nil {
		return fmt.Errorf("password: %w", err)
	}
	defer func() { _ = file.Close() }()
	info, err := file.Stat() // before it is read, so that a change meanwhile shows
	if err != nil {
		return fmt.Errorf("password: %w", err)
	}
	text, err := io.ReadAll(io.LimitReader(file, maxFile+1))
	if err != nil {
		return fmt.Errorf("password: %w", err)
	}
	f.info, f.settled = info, now.Sub(info.ModTime()) > settles
	if len(text) > maxFile {
		return fmt.Errorf("password: %s: longer than %d bytes", f.config.Path, maxFile)
	}
	u, err := parseUsers(text)
	if err != nil {
		return fmt.Errorf("password: %s: %w", f.config.Path, err)
	}
	f.users.Store(u)
	return nil
}

func parseUsers(text []byte) (*users, error) {
	u := &users{hashes: make(map[string]string)}
	lines := make(map[string]int) // by user
	var errs []error
	number := 0
	text = bytes.TrimPrefix(text, []byte(byteOrderMark))
	for line := range bytes.Lines(text) {
		number++
		s := strings.TrimRight(string(line), "\r\n")
		if s == "" || s[0] == '#' {
			continue
		}
		name, hash, err := parseUser(s)
		if first := lines[name]; err == nil && first > 0 {
			err = fmt.Errorf("the user of line %d again", first)
		}
		if err != nil {
			if errs = append(errs, fmt.Errorf("line %d: %w", number, err)); len(errs) == maxReported {
				break
			}
			continue
		}
		lines[name] = number
		u.hashes[name] = hash
		u.names = append(u.names, name)
	}
	if len(errs) == 0 && len(u.names) == 0 {
		errs = append(errs, errors.New("no user"))
	}
	return u, errors.Join(errs...)
}

func parseUser(line string) (name, hash string, err error) {
	name, rest, found := strings.Cut(line, ":")
	if !found {
		return "", "", errors.New("no colon")
	}
	hash, _, _ = strings.Cut(rest, ":")
	if err := usable(name); err != nil {
		return "", "", fmt.Errorf("unusable user name: %w", err)
	}
	if strings.TrimSpace(strings.Trim(name, byteOrderMark)) != name {
		return "", "", errors.New("unusable user name: it has space around it")
	}
	if _, err := parse(hash); err != nil {
		return "", "", err
	}
	return name, hash, nil
}
