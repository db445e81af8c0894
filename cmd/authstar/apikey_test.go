package main

import (
	"bytes"
	"encoding/hex"
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/authstar/authstar/authenticators/apikey"
)

func TestNewAPIKey(t *testing.T) {
	r := execute(t, "", "apikey", "new", "-prefix", "acme_live")
	r.want(t, 0)
	key, err := apikey.Parse(strings.TrimSuffix(r.out, "\n"))
	if err != nil || key.Prefix() != "acme_live" {
		t.Fatalf("%v %v", key, err)
	}
	hash := key.Hash()
	if want := "id " + key.ID() + ", sha256 " + hex.EncodeToString(hash[:]) + "\n"; r.err != want {
		t.Errorf("told %q, want %q", r.err, want)
	}

	shown := execute(t, r.out, "apikey", "show")
	shown.want(t, 0)
	if want := "prefix    acme_live\nid        " + key.ID() + "\nchecksum  fits\n"; shown.out != want || shown.err != "" {
		t.Errorf("shown %q %q, want %q", shown.out, shown.err, want)
	}
}

func TestNewAPIKeyInAFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keys.json")
	r := execute(t, "", "apikey", "new", "-prefix", "acme", "-file", path, "-name", "CI", "-owner", "ops",
		"-scope", "orders:read", "-scope", "orders:write", "-expires", "24h")
	r.want(t, 0, "orders:read", "expires")
	secret := strings.TrimSpace(r.out)
	if strings.Contains(r.err, secret) {
		t.Error("the key is shown twice")
	}
	store, err := apikey.OpenFile(path)
	if err != nil {
		t.Fatal(err)
	}
	keys, err := apikey.New(apikey.Config{Prefix: "acme", Store: store})
	if err != nil {
		t.Fatal(err)
	}
	client, err := keys.Find(t.Context(), secret)
	if err != nil || client == nil || strings.Join(client.Scopes(), " ") != "orders:read orders:write" {
		t.Errorf("%v %v", client, err)
	}
	key, _ := apikey.Parse(secret)
	record, _, _ := store.Find(t.Context(), key.ID())
	if record.Name != "CI" || record.Owner != "ops" || time.Until(record.Expires).Round(time.Hour) != 24*time.Hour {
		t.Errorf("%+v", record)
	}

	r = execute(t, "", "apikey", "new", "-prefix", "acme", "-file", path, "-name", "other")
	r.want(t, statusFailed, errors.Unwrap(apikeyLocked(path)).Error())
	if r.out != "" {
		t.Errorf("a key that is in no store was shown: %q", r.out)
	}
	_ = store.Close()
}

// full is a disk without space.
type full struct{}

var errFull = errors.New("no space left on device")

func (full) Write([]byte) (int, error) { return 0, errFull }

// A key that could not be shown is in no store.
func TestNewAPIKeyThatNobodySees(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keys.json")
	execute(t, "", "apikey", "new", "-prefix", "acme", "-file", path, "-name", "seen").want(t, 0)
	var told bytes.Buffer
	c := &console{in: strings.NewReader(""), out: full{}, err: &told}
	status := run(t.Context(), c, []string{"apikey", "new", "-prefix", "acme", "-file", path, "-name", "unseen"})
	result{"", told.String(), status}.want(t, statusFailed, errFull.Error())
	store, err := apikey.OpenFile(path)
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	if records, err := store.List(t.Context(), apikey.Query{Limit: 10}); err != nil || len(records) != 1 || records[0].Name != "seen" {
		t.Errorf("the store has %+v, %v", records, err)
	}
	if strings.Contains(told.String(), "id ") {
		t.Errorf("told %q", &told)
	}
}

// apikeyLocked is what opening the file says while it is open.
func apikeyLocked(path string) error {
	_, err := apikey.OpenFile(path)
	return err
}

func TestNewAPIKeyMisused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keys.json")
	for _, args := range [][]string{
		nil, {"-prefix", "_"}, {"-prefix", "acme", "-name", "CI"}, {"-prefix", "acme", "-scope", "a"}, {"-prefix", "acme", "-expires", "1h"},
		{"-prefix", "acme", "-file", path}, {"-prefix", "acme", "-file", path, "-name", "CI", "-scope", "a b"},
		{"-prefix", "-", "-file", path, "-name", "CI"}, {"-prefix", "acme", "-file", path, "-name", "CI", "-expires", "-1h"},
	} {
		r := execute(t, "", append([]string{"apikey", "new"}, args...)...)
		r.want(t, statusUsage)
		if r.out != "" {
			t.Errorf("%v: %q", args, r.out)
		}
	}
}

func TestShowWhatIsNoAPIKey(t *testing.T) {
	good := strings.TrimSpace(execute(t, "", "apikey", "new", "-prefix", "acme").out)
	changed := strings.Replace(good, good[20:21], map[bool]string{true: "b", false: "a"}[good[20] == 'a'], 1)
	for name, input := range map[string]string{
		"nothing": "", "another kind": "s3cret-of-mine", "mistyped": changed, "cut off": good[:len(good)-1], "one more": good + "x", "two": good + "\n" + good,
	} {
		t.Run(name, func(t *testing.T) {
			r := execute(t, input, "apikey", "show")
			r.want(t, statusNo, "not an API key")
			if r.out != "" || strings.Contains(r.err, "s3cret") || strings.Contains(r.err, good[:20]) {
				t.Errorf("%q %q", r.out, r.err)
			}
		})
	}
	execute(t, "  "+good+"\r\n", "apikey", "show").want(t, 0)
}
