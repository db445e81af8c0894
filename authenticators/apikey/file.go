package apikey

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// ErrLocked is wrapped by the error about a file that another process, or another
// FileStore of this one, has open.
const ErrLocked = constError("apikey: the file is in use")

// FileStore is a [Store] in a file of one machine, for one process at a time. All
// records are in memory as well, as in a [MemoryStore], so only changes touch the
// disk. Each writes the whole file anew, which takes about 20 ms for 10,000 keys
// beside what the disk needs; a batch of last uses is one change.
//
// The file is JSON with one record on a line, its permissions are 0600, and it has
// hashes and no secret. A change is written to a new file (path + ".new"), synced,
// renamed over the old one, and the folder is synced, so that a process that is
// killed at any moment, or a machine that loses its power, leaves either the old
// state or the new one. A change that fails is not in memory either, and the next
// one writes the state without it. A file that is no good is never overwritten.
//
// It is safe for concurrent use.
type FileStore struct {
	path string
	lock io.Closer

	mu     sync.Mutex // held by a change
	memory *MemoryStore
	closed atomic.Bool
}

var errClosed = fmt.Errorf("apikey: the file store: %w", os.ErrClosed)

// OpenFile opens the store in a file, which it makes, with its first change, if
// there is none; its folder must be there. The error wraps [ErrLocked] when the
// store is open elsewhere: the lock is on path + ".lock", ends with the process, and
// is there on Linux, macOS, the BSDs and Windows; elsewhere two processes must not
// use one file. Any other error is about the file: what is wrong with it and in
// which record, that everybody may write it, or what the system says.
func OpenFile(path string) (*FileStore, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("apikey: %w", err)
	}
	path = behindLinks(path) // a rename would replace a link
	lock, err := lockFile(path + ".lock")
	if err != nil {
		return nil, err
	}
	s := &FileStore{path: path, lock: lock, memory: NewMemoryStore()}
	if err := s.load(); err != nil {
		_ = lock.Close()
		return nil, err
	}
	return s, nil
}

// behindLinks follows symbolic links, also where there is no file yet.
func behindLinks(path string) string {
	target, err := filepath.EvalSymlinks(path)
	if err == nil {
		return target
	}
	folder, name := filepath.Split(path)
	folder, folderErr := filepath.EvalSymlinks(folder)
	if folderErr != nil || !errors.Is(err, fs.ErrNotExist) {
		return path
	}
	path = filepath.Join(folder, name)
	if target, err = os.Readlink(path); err != nil {
		return path
	}
	if !filepath.IsAbs(target) {
		target = folder + string(filepath.Separator) + target
	}
	return behindLinks(target)
}

// Close gives the file free. Every later call is an error that wraps os.ErrClosed.
// It writes nothing: call [Keys.Flush] before.
func (s *FileStore) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed.Swap(true) {
		return errClosed
	}
	return s.lock.Close()
}

// Find implements [Store].
func (s *FileStore) Find(ctx context.Context, id string) (Record, bool, error) {
	if s.closed.Load() {
		return Record{}, false, errClosed
	}
	return s.memory.Find(ctx, id)
}

// List implements [Store].
func (s *FileStore) List(ctx context.Context, query Query) ([]Record, error) {
	if s.closed.Load() {
		return nil, errClosed
	}
	return s.memory.List(ctx, query)
}

// Add implements [Store].
func (s *FileStore) Add(ctx context.Context, record Record) (bool, error) {
	if err := fits(record); err != nil {
		return false, err
	}
	return s.change(ctx, func(find func(string) *entry) map[string]*entry {
		if find(record.ID) != nil {
			return nil
		}
		return map[string]*entry{record.ID: newEntry(record)}
	})
}

// Update implements [Store].
func (s *FileStore) Update(ctx context.Context, record Record) (bool, error) {
	if err := fits(record); err != nil {
		return false, err
	}
	return s.change(ctx, func(find func(string) *entry) map[string]*entry {
		next, ok := find(record.ID).updated(record)
		if !ok {
			return nil
		}
		return map[string]*entry{record.ID: next}
	})
}

// Touch implements [Store].
func (s *FileStore) Touch(ctx context.Context, used map[string]time.Time) error {
	_, err := s.change(ctx, func(find func(string) *entry) map[string]*entry {
		changed := make(map[string]*entry)
		for id, at := range used {
			if old := find(id); old.touched(at) != old {
				changed[id] = old.touched(at)
			}
		}
		return changed
	})
	return err
}

// Delete implements [Store].
func (s *FileStore) Delete(ctx context.Context, id string) error {
	_, err := s.change(ctx, func(find func(string) *entry) map[string]*entry {
		if find(id) == nil {
			return nil
		}
		return map[string]*entry{id: nil}
	})
	return err
}

// change writes what f changes, where nil removes, and then shows it to readers; it
// reports whether there was anything to write.
func (s *FileStore) change(ctx context.Context, f func(find func(string) *entry) map[string]*entry) (bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed.Load() {
		return false, errClosed
	}
	if err := ctx.Err(); err != nil {
		return false, err
	}
	changed := f(s.memory.find)
	if len(changed) == 0 {
		return false, nil
	}
	if err := s.write(s.with(changed)); err != nil {
		return false, fmt.Errorf("apikey: %s is not written: %w", s.path, err)
	}
	for id, e := range changed {
		s.memory.change(id, func(*entry) *entry { return e })
	}
	return true, nil
}

// with lists what the file will have, in the order of ids.
func (s *FileStore) with(changed map[string]*entry) []*entry {
	all := maps.Clone(changed)
	for i := range s.memory.shards {
		s.memory.shards[i].each(func(e *entry) {
			if _, ok := changed[e.id()]; !ok {
				all[e.id()] = e
			}
		})
	}
	list := make([]*entry, 0, len(all))
	for _, id := range slices.Sorted(maps.Keys(all)) {
		if all[id] != nil {
			list = append(list, all[id])
		}
	}
	return list
}

// write replaces the file. Nobody else uses the name of the new one, since it is
// locked; what a killed process left there is removed.
func (s *FileStore) write(entries []*entry) error {
	name := s.path + ".new"
	if err := os.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	file, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	err = encode(file, entries)
	if err == nil {
		err = file.Sync()
	}
	if e := file.Close(); err == nil {
		err = e
	}
	if err == nil {
		err = os.Rename(name, s.path)
	}
	if err != nil {
		_ = os.Remove(name)
		return err
	}
	return syncFolder(filepath.Dir(s.path))
}

// syncFolder makes a rename last. Windows has no such call.
func syncFolder(path string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	folder, err := os.Open(path)
	if err != nil {
		return err
	}
	defer func() { _ = folder.Close() }()
	return folder.Sync()
}

// load reads the file, if there is one.
func (s *FileStore) load() error {
	file, err := os.Open(s.path)
	if errors.Is(err, fs.ErrNotExist) {
		_, err = os.Stat(filepath.Dir(s.path))
		if err == nil {
			return nil
		}
	}
	if err != nil {
		return fmt.Errorf("apikey: %w", err)
	}
	defer func() { _ = file.Close() }()
	fail := func(err error) error { return fmt.Errorf("apikey: %s is not used: %w", s.path, err) }
	info, err := file.Stat()
	switch {
	case err != nil:
		return fail(err)
	case !info.Mode().IsRegular():
		return fail(errors.New("it is no regular file"))
	case info.Mode().Perm()&0o002 != 0 && runtime.GOOS != "windows":
		return fail(errors.New("everybody may write it, and so make keys"))
	}
	text, err := io.ReadAll(file)
	if err != nil {
		return fail(err)
	}
	records, err := decode(text)
	if err != nil {
		return fail(err)
	}
	for _, r := range records {
		s.memory.change(r.ID, func(*entry) *entry { return newEntry(r) })
	}
	return nil
}
