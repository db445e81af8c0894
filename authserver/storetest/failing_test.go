package storetest_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/authstar/authstar/authserver"
	"github.com/authstar/authstar/authserver/storetest"
)

func newStore(*testing.T) authserver.Store {
	return authserver.NewMemoryStore(authserver.MemoryConfig{})
}

// A store that does not fail yet is as good as the one behind it.
func TestFailingKeepsTheContract(t *testing.T) {
	storetest.Test(t, func(t *testing.T) authserver.Store {
		return storetest.Fail(newStore(t), 0, storetest.Before)
	})
}

// O31: every call of a sequence fails in its turn, with the effect that its fault says
// on the ones after it.
func TestFail(t *testing.T) {
	tests := []struct {
		name  string
		call  int
		fault storetest.Fault
		want  string // what add, swap, get and delete and once more get say
	}{
		{"none fails", 0, storetest.Before, "true true two gone none"},
		{"none fails, though the fault is for ever", 0, storetest.Since, "true true two gone none"},
		{"the addition fails before its effect", 1, storetest.Before, "error false none gone none"},
		{"the addition fails after its effect", 1, storetest.After, "error true two gone none"},
		{"the swap fails before its effect", 2, storetest.Before, "true error one gone none"},
		{"the swap fails after its effect", 2, storetest.After, "true error two gone none"},
		{"the read fails before its effect", 3, storetest.Before, "true true error gone none"},
		{"the read fails after its effect", 3, storetest.After, "true true error gone none"},
		{"the deletion fails before its effect", 4, storetest.Before, "true true two error two"},
		{"the deletion fails after its effect", 4, storetest.After, "true true two error none"},
		{"everything fails", 1, storetest.Since, "error error error error error"},
		{"everything fails from the swap on", 2, storetest.Since, "true error error error error"},
		{"a call that never comes fails nothing", 6, storetest.Since, "true true two gone none"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			behind := newStore(t)
			store := storetest.Fail(behind, test.call, test.fault)
			if got := sequence(t, store); got != test.want {
				t.Errorf("the calls say %q, want %q", got, test.want)
			}
			if store.Calls() != 5 || store.Failed() != (test.call >= 1 && test.call <= 5) {
				t.Errorf("Calls() = %d, Failed() = %v", store.Calls(), store.Failed())
			}
		})
	}
}

func sequence(t *testing.T, s authserver.Store) string {
	t.Helper()
	ctx, until := t.Context(), time.Now().Add(time.Hour)
	say := func(what any, ok bool, err error) any {
		if err != nil {
			if !errors.Is(err, storetest.ErrStore) || ok {
				t.Errorf("error %v with %v", err, ok)
			}
			return "error"
		}
		return what
	}
	get := func() any {
		value, ok, err := s.Get(ctx, "a")
		if !ok {
			return say("none", len(value) > 0, err)
		}
		return say(string(value), ok, err)
	}
	added, addErr := s.Add(ctx, "a", []byte("one"), until)
	swapped, swapErr := s.Swap(ctx, "a", []byte("one"), []byte("two"), until)
	first := get()
	deleteErr := s.Delete(ctx, "a")
	return fmt.Sprint(say(added, added, addErr), " ", say(swapped, swapped, swapErr), " ", first, " ", say("gone", false, deleteErr), " ", get())
}

// The error of the store behind it is passed on, and is none of ours.
func TestFailingPassesErrorsOn(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	store := storetest.Fail(newStore(t), 1, storetest.After)
	if _, _, err := store.Get(ctx, "a"); !errors.Is(err, context.Canceled) {
		t.Errorf("Get with a cancelled context: %v", err)
	}
}

func TestEveryFailure(t *testing.T) {
	var runs []string
	storetest.EveryFailure(t, newStore, func(t *testing.T, store *storetest.Failing) {
		runs = append(runs, sequence(t, store)+fmt.Sprint(" ", store.Failed()))
	})
	want := []string{
		"error false none gone none true",
		"true error one gone none true",
		"true true error gone none true",
		"true true two error two true",
		"true true two gone error true",
		"true true two gone none false",
		"error true two gone none true",
		"true error two gone none true",
		"true true error gone none true",
		"true true two error none true",
		"true true two gone error true",
		"true true two gone none false",
		"error error error error error true",
		"true error error error error true",
		"true true error error error true",
		"true true two error error true",
		"true true two gone error true",
		"true true two gone none false",
	}
	if !slices.Equal(runs, want) {
		t.Errorf("runs are %q, want %q", runs, want)
	}
}
