package apikey_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/authstar/authstar/authenticators/apikey"
)

func readFile(tb testing.TB, path string) string {
	tb.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		tb.Fatal(err)
	}
	return string(text)
}

// A file that is no good is reported, and left as it is.
func TestBadFiles(t *testing.T) {
	const head, tail = `{"version":1,"keys":[`, "\n]}\n"
	line := func(id string) string {
		return `{"id":"` + id + `","name":"n","scopes":["a"],"created":"2026-01-02T03:04:05Z","hash":"` + strings.Repeat("0f", 32) + `","version":1}`
	}
	good := line("abc")
	tests := []struct{ name, text, want string }{
		{"empty", "", "EOF"},
		{"cut off", head + good, "EOF"},
		{"cut off in a record", head + good[:40], "EOF"},
		{"something else", "version: 1\nkeys: []\n", "invalid"},
		{"of another version", `{"version":2,"keys":[]}`, "version 2"},
		{"without keys", `{"version":1}`, "version 1"},
		{"something behind it", head + good + tail + "{}", "something follows"},
		{"an unknown member", `{"version":1,"keys":[],"owners":[]}`, `unknown field "owners"`},
		{"an unknown member of a record", head + good + "," + strings.Replace(line("abd"), `"name"`, `"limit":5,"name"`, 1) + tail, `record 2 (id "abd"): json: unknown field "limit"`},
		{"an id twice", head + good + ",\n" + line("abd") + ",\n" + good + tail, `record 3 (id "abc"): there is another`},
		{"no id", head + line("") + tail, "record 1"},
		{"an id of other characters", head + line("a b") + tail, "letters and digits"},
		{"no hash", head + strings.Replace(good, "0f", "", 32) + tail, "hash"},
		{"a short hash", head + strings.Replace(good, "0f", "", 1) + tail, "hash"},
		{"a hash of other characters", head + strings.Replace(good, "0f", "xy", 1) + tail, "hash"},
		{"a previous hash that is none", head + strings.Replace(good, `"hash"`, `"previous":"00","hash"`, 1) + tail, "hash"},
		{"a scope of two", head + strings.Replace(good, `"a"`, `"a b"`, 1) + tail, "scope"},
		{"a time that is none", head + strings.Replace(good, `2026-01-02T`, `2026-13-02T`, 1) + tail, "record 1"},
		{"a time with a fraction", head + strings.Replace(good, `"hash"`, `"revoked":"0001-01-01T00:00:00.5Z","hash"`, 1) + tail, "whole seconds"},
		{"a member twice", `{"version":1,"keys":[],"keys":[]}`, `"keys" is there twice`},
		{"a member of a record twice", head + strings.Replace(good, `"hash"`, `"revoked":"2020-01-01T00:00:00Z","revoked":null,"hash"`, 1) + tail, `"revoked" is there twice`},
		{"a member in another case", head + strings.Replace(good, `"hash"`, `"revoked":"2020-01-01T00:00:00Z","REVOKED":"0001-01-01T00:00:00Z","hash"`, 1) + tail, `unknown field "REVOKED"`},
		{"a member with a letter that folds", head + strings.Replace(good, `"hash"`, `"expire\u017f":null,"hash"`, 1) + tail, "unknown field"},
		{"null for a record", head + "null" + tail, "no JSON object"},
		{"no version", head + strings.Replace(good, `"version":1`, `"version":0`, 1) + tail, "version"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "keys.json")
			writeFile(t, path, test.text)
			store, err := apikey.OpenFile(path)
			if err == nil {
				_ = store.Close()
				t.Fatal("it is accepted")
			}
			if !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), path) || strings.Contains(err.Error(), "0f0f0f") {
				t.Errorf("%v; want %q", err, test.want)
			}
			if readFile(t, path) != test.text {
				t.Error("the file is changed")
			}
			writeFile(t, path, head+good+","+line("abd")+tail) // which also needs the lock
			if _, ok, err := openFile(t, path).Find(t.Context(), "abd"); !ok || err != nil {
				t.Errorf("once it is mended: %v, %v", ok, err)
			}
		})
	}
}

func TestFilesThatAreNone(t *testing.T) {
	folder := t.TempDir()
	if _, err := apikey.OpenFile(folder); err == nil || !strings.Contains(err.Error(), "regular") {
		t.Errorf("a folder: %v", err)
	}
	if _, err := apikey.OpenFile(filepath.Join(folder, "none", "keys.json")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no folder: %v", err)
	}
	store := openFile(t, filepath.Join(folder, "keys.json"))
	if _, err := os.Stat(filepath.Join(folder, "keys.json")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a file without a change: %v", err)
	}
	if records, err := store.List(t.Context(), apikey.Query{Limit: 10}); err != nil || len(records) != 0 {
		t.Errorf("%v, %v", records, err)
	}
}

func TestFilePermissions(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows has no permission bits, which are what is tested")
	}
	folder := t.TempDir()
	path := filepath.Join(folder, "keys.json")
	writeFile(t, path, `{"version":1,"keys":[]}`)
	if err := os.Chmod(path, 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err := apikey.OpenFile(path); err == nil || !strings.Contains(err.Error(), "everybody may write") {
		t.Errorf("a file that everybody may write: %v", err)
	}
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	create(t, newKeys(t, apikey.Config{Store: openFile(t, path)}), apikey.Spec{})
	entries, err := os.ReadDir(folder)
	if err != nil || len(entries) != 2 {
		t.Errorf("the folder has %v, %v", entries, err)
	}
	for _, entry := range entries {
		if info, err := entry.Info(); err != nil || info.Mode() != 0o600 {
			t.Errorf("%s has mode %v, %v", entry.Name(), info.Mode(), err)
		}
	}
}

// M10: the file has no secret, and one record on a line.
func TestFileHasNoSecrets(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keys.json")
	keys := newKeys(t, apikey.Config{Store: openFile(t, path)})
	first, record := create(t, keys, apikey.Spec{})
	second, _, err := keys.Rotate(t.Context(), record.ID, apikey.Rotation{Overlap: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	create(t, keys, apikey.Spec{})
	text := readFile(t, path)
	wantSilent(t, text, first.Reveal())
	wantSilent(t, text, second.Reveal())
	if got := strings.Count(text, "\n"); got != 4 {
		t.Errorf("%d lines:\n%s", got, text)
	}
}

func TestFileIsLocked(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keys.json")
	store := openFile(t, path)
	if _, err := apikey.OpenFile(path); !errors.Is(err, apikey.ErrLocked) {
		t.Errorf("opened twice: %v", err)
	}
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	openFile(t, path)
	if err := store.Close(); !errors.Is(err, os.ErrClosed) {
		t.Errorf("closed twice: %v", err)
	}
}

// M05: a store that gave its file free knows no more what is in it.
func TestClosedFile(t *testing.T) {
	store := openFile(t, filepath.Join(t.TempDir(), "keys.json"))
	keys := newKeys(t, apikey.Config{Store: store})
	key, record := create(t, keys, apikey.Spec{})
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	if got := verdict(t, keys, key.Reveal()); !strings.HasPrefix(got, "outage: ") {
		t.Errorf("M05 Find: %s", got)
	}
	_, _, errCreate := keys.Create(t.Context(), apikey.Spec{Name: "a"})
	_, errRevoke := keys.Revoke(t.Context(), record.ID)
	_, errList := keys.List(t.Context(), apikey.Query{})
	for _, err := range []error{errCreate, errRevoke, errList, keys.Delete(t.Context(), record.ID), store.Touch(t.Context(), nil)} {
		if !errors.Is(err, os.ErrClosed) {
			t.Errorf("%v", err)
		}
	}
}

// A change that cannot be written is an error and is not seen, and the next one that
// can be does not bring it back.
func TestFileThatCannotBeWritten(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keys.json")
	store := openFile(t, path)
	keys := newKeys(t, apikey.Config{Store: store})
	key, record := create(t, keys, apikey.Spec{})
	before := readFile(t, path)
	inTheWay := filepath.Join(path+".new", "folder")
	if err := os.MkdirAll(inTheWay, 0o700); err != nil {
		t.Fatal(err)
	}
	_, errRevoke := keys.Revoke(t.Context(), record.ID)
	_, _, errCreate := keys.Create(t.Context(), apikey.Spec{Name: "lost"})
	errDelete := keys.Delete(t.Context(), record.ID)
	errTouch := store.Touch(t.Context(), map[string]time.Time{record.ID: start})
	for _, err := range []error{errRevoke, errCreate, errDelete, errTouch} {
		if err == nil || !strings.Contains(err.Error(), "is not written") {
			t.Errorf("%v", err)
		}
	}
	if readFile(t, path) != before {
		t.Error("the file is changed")
	}
	wantVerdict(t, "the key that was not revoked", verdict(t, keys, key.Reveal()), record.ID)
	if err := os.RemoveAll(path + ".new"); err != nil {
		t.Fatal(err)
	}
	if _, err := keys.Revoke(t.Context(), record.ID); err != nil {
		t.Fatal(err)
	}
	if records, err := keys.List(t.Context(), apikey.Query{}); err != nil || len(records) != 1 || records[0].Revoked.IsZero() {
		t.Errorf("%+v, %v", records, err)
	}
}

// What changes nothing is not written.
func TestFileIsWrittenForChangesOnly(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keys.json")
	store := openFile(t, path)
	keys := newKeys(t, apikey.Config{Store: store})
	_, record := create(t, keys, apikey.Spec{})
	if err := store.Touch(t.Context(), map[string]time.Time{record.ID: start}); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	_, errAdd := store.Add(t.Context(), record)
	_, errUpdate := store.Update(t.Context(), apikey.Record{ID: "none", Version: 1})
	errTouch := store.Touch(t.Context(), map[string]time.Time{record.ID: start, "none": start})
	if err := errors.Join(errAdd, errUpdate, errTouch, store.Delete(t.Context(), "none")); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the file is there again: %v", err)
	}
}

// The file is where the link says, also before it is there.
func TestFileBehindADanglingLink(t *testing.T) {
	folder := t.TempDir()
	if err := os.MkdirAll(filepath.Join(folder, "a", "b"), 0o700); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(folder, "keys.json")
	for link, target := range map[string]string{
		"plain": path, "relative": "keys.json", "a/b/up": "../../keys.json", "a/b/second": "up", "through": "folder/../../keys.json", "folder": "a/b",
	} {
		if err := os.Symlink(filepath.FromSlash(target), filepath.Join(folder, filepath.FromSlash(link))); err != nil {
			t.Skip(err) // Windows wants a privilege for links
		}
	}
	for _, link := range []string{"plain", "relative", "a/b/up", "a/b/second", "through", "folder/up"} {
		t.Run(link, func(t *testing.T) {
			link := filepath.Join(folder, filepath.FromSlash(link))
			store := openFile(t, link)
			if _, err := apikey.OpenFile(path); !errors.Is(err, apikey.ErrLocked) {
				t.Errorf("opened by both names: %v", err)
			}
			_, record := create(t, newKeys(t, apikey.Config{Store: store}), apikey.Spec{})
			if info, err := os.Lstat(link); err != nil || info.Mode()&os.ModeSymlink == 0 {
				t.Errorf("the link is %v, %v", info.Mode(), err)
			}
			if !strings.Contains(readFile(t, path), record.ID) {
				t.Error("the file behind the link is not written")
			}
			if err := errors.Join(store.Close(), os.Remove(path)); err != nil {
				t.Fatal(err)
			}
		})
	}
	if err := os.Symlink("loop", filepath.Join(folder, "loop")); err != nil {
		t.Fatal(err)
	}
	if _, err := apikey.OpenFile(filepath.Join(folder, "loop")); err == nil {
		t.Error("a link to itself was opened")
	}
	if _, err := apikey.OpenFile(filepath.Join(folder, "none", "keys.json")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no folder: %v", err)
	}
}

func TestFileBehindALink(t *testing.T) {
	folder := t.TempDir()
	path, link := filepath.Join(folder, "keys.json"), filepath.Join(folder, "link.json")
	writeFile(t, path, `{"version":1,"keys":[]}`)
	if err := os.Symlink(path, link); err != nil {
		t.Skip(err) // Windows wants a privilege for links
	}
	store := openFile(t, link)
	if _, err := apikey.OpenFile(path); !errors.Is(err, apikey.ErrLocked) {
		t.Errorf("opened by both names: %v", err)
	}
	_, record := create(t, newKeys(t, apikey.Config{Store: store}), apikey.Spec{})
	if info, err := os.Lstat(link); err != nil || info.Mode()&os.ModeSymlink == 0 {
		t.Errorf("the link is %v, %v", info.Mode(), err)
	}
	if !strings.Contains(readFile(t, path), record.ID) {
		t.Error("the file behind the link is not written")
	}
}

// What a killed process leaves beside the file does not matter.
func TestLeftovers(t *testing.T) {
	path := filledFile(t, 3)
	for i, left := range []string{"", `{"version":1,"keys":[`, readFile(t, path)} {
		writeFile(t, path+".new", left)
		store := openFile(t, path)
		create(t, newKeys(t, apikey.Config{Store: store}), apikey.Spec{Name: fmt.Sprint("a", i)})
		if records, err := store.List(t.Context(), apikey.Query{Limit: 100}); err != nil || len(records) != 4+i {
			t.Errorf("%d records, %v", len(records), err)
		}
		if _, err := os.Stat(path + ".new"); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("the leftover is there: %v", err)
		}
		if err := store.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
