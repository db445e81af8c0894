package apikey_test

import (
	"path/filepath"
	"testing"

	"github.com/authstar/authstar/authenticators/apikey"
	"github.com/authstar/authstar/authenticators/apikey/apikeytest"
)

func TestMemoryStore(t *testing.T) {
	apikeytest.Test(t, func(*testing.T) apikey.Store { return apikey.NewMemoryStore() })
}

// What the tests of the kit leave behind is the same when the file is read again.
func TestFileStore(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keys.json")
	store := openFile(t, path)
	apikeytest.Test(t, func(*testing.T) apikey.Store { return store })
	before, err := store.List(t.Context(), apikey.Query{Limit: 1000})
	if err != nil || len(before) < 20 {
		t.Fatalf("%d records, %v", len(before), err)
	}
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	after, err := openFile(t, path).List(t.Context(), apikey.Query{Limit: 1000})
	if err != nil {
		t.Fatal(err)
	}
	wantSame(t, after, before)
}
