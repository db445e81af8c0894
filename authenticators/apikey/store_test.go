package apikey_test

import (
	"path/filepath"
	"slices"
	"strings"
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

// A scope that is longer than the contract has it is refused, and not cut.
func TestLongScopes(t *testing.T) {
	for name, store := range map[string]apikey.Store{
		"memory": apikey.NewMemoryStore(), "file": openFile(t, filepath.Join(t.TempDir(), "keys.json")),
	} {
		longest, longer := strings.Repeat("s", 128), strings.Repeat("s", 129)
		record := apikey.Record{ID: "abc", Name: "n", Scopes: []string{longest, "a"}, Version: 1}
		if added, err := store.Add(t.Context(), record); !added || err != nil {
			t.Errorf("%s: %v, %v", name, added, err)
		}
		bad := record
		bad.Scopes = []string{longer, "a"}
		if updated, err := store.Update(t.Context(), bad); updated || err == nil {
			t.Errorf("%s: updated: %v, %v", name, updated, err)
		}
		bad.ID = "abd"
		if added, err := store.Add(t.Context(), bad); added || err == nil {
			t.Errorf("%s: added: %v, %v", name, added, err)
		}
		if got, ok, err := store.Find(t.Context(), "abc"); !ok || err != nil || !slices.Equal(got.Scopes, record.Scopes) {
			t.Errorf("%s: %v, %v, %v", name, got, ok, err)
		}
	}
}
