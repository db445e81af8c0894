package apikey_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/authstar/authstar"
	"github.com/authstar/authstar/authenticators/apikey"
)

func TestCreate(t *testing.T) {
	now := newClock()
	now.add(123 * time.Millisecond)
	keys := newKeys(t, apikey.Config{Now: now.Now})
	key, record, err := keys.Create(t.Context(), apikey.Spec{
		Name: "billing", Owner: "acme", Scopes: []string{"b", "a", "b"}, Expires: start.Add(time.Hour + time.Millisecond).In(time.FixedZone("", 3600)),
	})
	if err != nil {
		t.Fatal(err)
	}
	want := apikey.Record{
		ID: key.ID(), Name: "billing", Owner: "acme", Scopes: []string{"b", "a"}, Created: start, Expires: start.Add(time.Hour), Hash: key.Hash(), Version: 1,
	}
	wantSame(t, record, want)
	kept, err := keys.Record(t.Context(), key.ID())
	if err != nil {
		t.Fatal(err)
	}
	wantSame(t, kept, want)
}

// The bounds of a Spec, each with what is just within.
func TestSpecBounds(t *testing.T) {
	keys := newKeys(t, apikey.Config{Now: newClock().Now})
	scopes := func(n int) (list []string) {
		for i := range n {
			list = append(list, "scope:"+strings.Repeat("x", i))
		}
		return list
	}
	tests := []struct {
		name     string
		good     apikey.Spec
		bad      apikey.Spec
		describe string
	}{
		{"no name", apikey.Spec{Name: "a"}, apikey.Spec{}, "the name"},
		{"a long name", apikey.Spec{Name: strings.Repeat("世", 100)}, apikey.Spec{Name: strings.Repeat("世", 101)}, "the name"},
		{"a name with a line break", apikey.Spec{Name: "a b"}, apikey.Spec{Name: "a\nb"}, "the name"},
		{"a name with NUL", apikey.Spec{Name: "a0"}, apikey.Spec{Name: "a\x00"}, "the name"},
		{"a name that turns around", apikey.Spec{Name: "سلام"}, apikey.Spec{Name: "a\u202eb"}, "the name"},
		{"a name that is no UTF-8", apikey.Spec{Name: "é"}, apikey.Spec{Name: "\xff"}, "the name"},
		{"a long owner", apikey.Spec{Name: "a", Owner: strings.Repeat("o", 200)}, apikey.Spec{Name: "a", Owner: strings.Repeat("o", 201)}, "the owner"},
		{"an owner with a tab", apikey.Spec{Name: "a", Owner: "a b"}, apikey.Spec{Name: "a", Owner: "a\tb"}, "the owner"},
		{"an empty scope", apikey.Spec{Name: "a", Scopes: []string{"a"}}, apikey.Spec{Name: "a", Scopes: []string{"a", ""}}, "a scope"},
		{"a scope with a space", apikey.Spec{Name: "a", Scopes: []string{"a", "b"}}, apikey.Spec{Name: "a", Scopes: []string{"a b"}}, "a scope"},
		{"a scope with a quote", apikey.Spec{Name: "a", Scopes: []string{"a'b"}}, apikey.Spec{Name: "a", Scopes: []string{`a"b`}}, "a scope"},
		{"a long scope", apikey.Spec{Name: "a", Scopes: []string{strings.Repeat("s", 128)}}, apikey.Spec{Name: "a", Scopes: []string{strings.Repeat("s", 129)}}, "a scope"},
		{"many scopes", apikey.Spec{Name: "a", Scopes: append(scopes(64), scopes(64)...)}, apikey.Spec{Name: "a", Scopes: scopes(65)}, "64 scopes"},
		{"an expiry now", apikey.Spec{Name: "a", Expires: start.Add(time.Second)}, apikey.Spec{Name: "a", Expires: start}, "the expiry"},
		{"an expiry within the second", apikey.Spec{Name: "a"}, apikey.Spec{Name: "a", Expires: start.Add(time.Second - 1)}, "the expiry"},
		{"an expiry that is all but none", apikey.Spec{Name: "a"}, apikey.Spec{Name: "a", Expires: time.Time{}.Add(time.Second / 2)}, "the expiry"},
		{"an expiry far away", apikey.Spec{Name: "a", Expires: time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC)}, apikey.Spec{Name: "a", Expires: time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)}, "the expiry"},
		{"an expiry far away, in another zone", apikey.Spec{Name: "a", Expires: time.Date(10000, 1, 1, 9, 0, 0, 0, time.FixedZone("", 10*3600))},
			apikey.Spec{Name: "a", Expires: time.Date(9999, 12, 31, 23, 59, 59, 0, time.FixedZone("", -10*3600))}, "the expiry"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if _, _, err := keys.Create(t.Context(), test.good); err != nil {
				t.Errorf("what is within: %v", err)
			}
			_, _, err := keys.Create(t.Context(), test.bad)
			if !errors.Is(err, apikey.ErrInvalid) || !strings.Contains(err.Error(), test.describe) {
				t.Errorf("what is beyond: %v", err)
			}
		})
	}
	if records, err := keys.List(t.Context(), apikey.Query{}); err != nil || len(records) != len(tests) {
		t.Errorf("there are %d records, %v", len(records), err)
	}
}

// An id that is taken is not given again.
func TestCreateFindsAFreeID(t *testing.T) {
	store := &taken{Store: apikey.NewMemoryStore(), times: 3}
	keys := newKeys(t, apikey.Config{Store: store})
	key, _ := create(t, keys, apikey.Spec{})
	wantVerdict(t, "the key", verdict(t, keys, key.Reveal()), key.ID())
	store.times = 1000
	if _, _, err := keys.Create(t.Context(), apikey.Spec{Name: "a"}); err == nil {
		t.Error("a store that has every id")
	}
}

// taken says that ids are taken so many times.
type taken struct {
	apikey.Store
	times int
}

func (s *taken) Add(ctx context.Context, r apikey.Record) (bool, error) {
	if s.times--; s.times >= 0 {
		return false, nil
	}
	return s.Store.Add(ctx, r)
}

func TestList(t *testing.T) {
	keys := newKeys(t, apikey.Config{})
	for i := range 150 {
		create(t, keys, apikey.Spec{Owner: []string{"a", "b", ""}[i%3]})
	}
	for _, test := range []struct {
		query apikey.Query
		want  int
	}{{apikey.Query{}, 100}, {apikey.Query{Limit: 1000}, 150}, {apikey.Query{Owner: "b"}, 50}, {apikey.Query{Owner: "c"}, 0}, {apikey.Query{Limit: 1}, 1}, {apikey.Query{After: "zzzz"}, 0}} {
		if records, err := keys.List(t.Context(), test.query); err != nil || len(records) != test.want {
			t.Errorf("List(%+v) has %d records, %v; want %d", test.query, len(records), err, test.want)
		}
	}
	for _, query := range []apikey.Query{{Limit: -1}, {Limit: 1001}, {After: "a b"}, {After: strings.Repeat("a", 65)}, {Owner: "\x00"}} {
		if _, err := keys.List(t.Context(), query); !errors.Is(err, apikey.ErrInvalid) {
			t.Errorf("List(%+v): %v", query, err)
		}
	}
}

// The old secret is good for the overlap, and not a moment longer.
func TestRotate(t *testing.T) {
	now := newClock()
	keys := newKeys(t, apikey.Config{Now: now.Now})
	first, record := create(t, keys, apikey.Spec{Expires: start.Add(48 * time.Hour), Scopes: []string{"read"}})
	second, rotated, err := keys.Rotate(t.Context(), record.ID, apikey.Rotation{Overlap: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	if second.ID() != first.ID() || second.Reveal() == first.Reveal() {
		t.Errorf("rotated to %v", second)
	}
	want := record
	want.Hash, want.Previous, want.PreviousUntil, want.Version = second.Hash(), first.Hash(), start.Add(time.Hour), 2
	wantSame(t, rotated, want)
	client, err := keys.Find(t.Context(), first.Reveal())
	if err != nil || !client.(*authstar.Identity).Expires.Equal(start.Add(time.Hour)) {
		t.Errorf("the client of the old secret: %v, %v", client, err)
	}
	client, err = keys.Find(t.Context(), second.Reveal())
	if err != nil || !client.(*authstar.Identity).Expires.Equal(start.Add(48*time.Hour)) {
		t.Errorf("the client of the new secret: %v, %v", client, err)
	}
	now.add(time.Hour - 1)
	wantVerdict(t, "the old secret, just before", verdict(t, keys, first.Reveal()), record.ID)
	now.add(1)
	wantVerdict(t, "M05 the old secret, after the overlap", verdict(t, keys, first.Reveal()), "the secret was replaced by a rotation")
	wantVerdict(t, "the new secret", verdict(t, keys, second.Reveal()), record.ID)
	third, _, err := keys.Rotate(t.Context(), record.ID, apikey.Rotation{})
	if err != nil {
		t.Fatal(err)
	}
	wantVerdict(t, "M05 the second, without an overlap", verdict(t, keys, second.Reveal()), "the secret was replaced by a rotation")
	wantVerdict(t, "the first, which is forgotten", verdict(t, keys, first.Reveal()), "the secret is wrong")
	wantVerdict(t, "the third", verdict(t, keys, third.Reveal()), record.ID)
}

// A rotation can prolong the key, but never the old secret.
func TestRotationAndExpiry(t *testing.T) {
	now := newClock()
	keys := newKeys(t, apikey.Config{Now: now.Now})
	first, record := create(t, keys, apikey.Spec{Expires: start.Add(time.Hour)})
	second, rotated, err := keys.Rotate(t.Context(), record.ID, apikey.Rotation{Overlap: 24 * time.Hour, Expires: start.Add(48 * time.Hour)})
	if err != nil || !rotated.PreviousUntil.Equal(start.Add(time.Hour)) || !rotated.Expires.Equal(start.Add(48*time.Hour)) {
		t.Fatalf("%+v, %v", rotated, err)
	}
	now.add(time.Hour)
	wantVerdict(t, "the old secret at its expiry", verdict(t, keys, first.Reveal()), "the secret was replaced by a rotation")
	wantVerdict(t, "the new secret", verdict(t, keys, second.Reveal()), record.ID)
	now.add(47 * time.Hour)
	wantVerdict(t, "the new secret at its expiry", verdict(t, keys, second.Reveal()), "the key is expired")
}

// A rotation can shorten the key, and the old secret with it.
func TestRotationThatShortens(t *testing.T) {
	keys := newKeys(t, apikey.Config{Now: newClock().Now})
	first, record := create(t, keys, apikey.Spec{Expires: start.Add(time.Hour)})
	if _, _, err := keys.Rotate(t.Context(), record.ID, apikey.Rotation{Overlap: 24 * time.Hour, Expires: start.Add(time.Minute)}); err != nil {
		t.Fatal(err)
	}
	client, err := keys.Find(t.Context(), first.Reveal())
	if err != nil || !client.(*authstar.Identity).Expires.Equal(start.Add(time.Minute)) {
		t.Errorf("the client of the old secret: %v, %v", client, err)
	}
}

func TestRotateRefuses(t *testing.T) {
	now := newClock()
	keys := newKeys(t, apikey.Config{Now: now.Now})
	_, record := create(t, keys, apikey.Spec{})
	_, short := create(t, keys, apikey.Spec{Expires: start.Add(time.Minute)})
	_, revoked := create(t, keys, apikey.Spec{})
	if _, err := keys.Revoke(t.Context(), revoked.ID); err != nil {
		t.Fatal(err)
	}
	now.add(time.Minute)
	for _, test := range []struct {
		name, id string
		rotation apikey.Rotation
		want     error
	}{
		{"an overlap of 90 days", record.ID, apikey.Rotation{Overlap: 90 * 24 * time.Hour}, nil},
		{"a longer overlap", record.ID, apikey.Rotation{Overlap: 90*24*time.Hour + 1}, apikey.ErrInvalid},
		{"a negative overlap", record.ID, apikey.Rotation{Overlap: -1}, apikey.ErrInvalid},
		{"an expiry in the past", record.ID, apikey.Rotation{Expires: start}, apikey.ErrInvalid},
		{"an expiry that is all but none", record.ID, apikey.Rotation{Expires: time.Time{}.Add(time.Second / 2)}, apikey.ErrInvalid},
		{"an unknown key", "unknown", apikey.Rotation{}, apikey.ErrNotFound},
		{"an id that is none", "'; --", apikey.Rotation{}, apikey.ErrNotFound},
		{"an expired key", short.ID, apikey.Rotation{Expires: start.Add(time.Hour)}, apikey.ErrConflict},
		{"a revoked key", revoked.ID, apikey.Rotation{}, apikey.ErrConflict},
	} {
		t.Run(test.name, func(t *testing.T) {
			key, _, err := keys.Rotate(t.Context(), test.id, test.rotation)
			if !errors.Is(err, test.want) || (err == nil) != (key.Reveal() != "") {
				t.Errorf("%v, %v; want %v", key, err, test.want)
			}
		})
	}
}

// Of many rotations at once, those that succeed give keys of which the last is good;
// a revocation among them is never undone.
func TestRotationsAtOnce(t *testing.T) {
	keys := newKeys(t, apikey.Config{})
	_, record := create(t, keys, apikey.Spec{})
	var mu sync.Mutex
	var issued []apikey.Key
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			key, _, err := keys.Rotate(t.Context(), record.ID, apikey.Rotation{})
			switch {
			case err == nil:
				mu.Lock()
				defer mu.Unlock()
				issued = append(issued, key)
			case !errors.Is(err, apikey.ErrConflict):
				t.Error(err)
			}
		})
	}
	wg.Wait()
	good := 0
	for _, key := range issued {
		if verdict(t, keys, key.Reveal()) == record.ID {
			good++
		}
	}
	if good != 1 {
		t.Errorf("%d of %d keys are good, want 1", good, len(issued))
	}
	for range 10 {
		wg.Go(func() { _, _, _ = keys.Rotate(t.Context(), record.ID, apikey.Rotation{Overlap: time.Hour}) })
	}
	for {
		if _, err := keys.Revoke(t.Context(), record.ID); err == nil {
			break
		}
	}
	wg.Wait()
	if kept, err := keys.Record(t.Context(), record.ID); err != nil || kept.Revoked.IsZero() {
		t.Errorf("M05 the revocation is lost: %+v, %v", kept, err)
	}
}

func TestRevoke(t *testing.T) {
	now := newClock()
	keys := newKeys(t, apikey.Config{Now: now.Now})
	first, record := create(t, keys, apikey.Spec{})
	second, _, err := keys.Rotate(t.Context(), record.ID, apikey.Rotation{Overlap: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	revoked, err := keys.Revoke(t.Context(), record.ID)
	if err != nil || !revoked.Revoked.Equal(start) || revoked.Version != 3 {
		t.Errorf("%+v, %v", revoked, err)
	}
	wantVerdict(t, "M05 the new secret", verdict(t, keys, second.Reveal()), "the key is revoked")
	wantVerdict(t, "M05 the old secret", verdict(t, keys, first.Reveal()), "the key is revoked")
	now.add(time.Hour)
	if again, err := keys.Revoke(t.Context(), record.ID); err != nil || !again.Revoked.Equal(start) {
		t.Errorf("again: %+v, %v", again, err)
	}
	for _, id := range []string{"unknown", "", "a b", strings.Repeat("a", 65)} {
		if _, err := keys.Revoke(t.Context(), id); !errors.Is(err, apikey.ErrNotFound) {
			t.Errorf("Revoke(%q): %v", id, err)
		}
	}
	if err := keys.Delete(t.Context(), "unknown"); err != nil {
		t.Errorf("Delete: %v", err)
	}
}

// X12: a store's errors can be told, and name no key.
func TestStoreErrors(t *testing.T) {
	cause := errors.New("keys-db: connection refused")
	keys := newKeys(t, apikey.Config{Store: &down{Store: apikey.NewMemoryStore(), err: cause}})
	_, errRecord := keys.Record(t.Context(), "abc")
	_, _, errRotate := keys.Rotate(t.Context(), "abc", apikey.Rotation{})
	_, errRevoke := keys.Revoke(t.Context(), "abc")
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	working := newKeys(t, apikey.Config{})
	_, _, errCreate := working.Create(cancelled, apikey.Spec{Name: "a"})
	_, errList := working.List(cancelled, apikey.Query{})
	for name, err := range map[string]error{"Record": errRecord, "Rotate": errRotate, "Revoke": errRevoke} {
		if !errors.Is(err, cause) || !strings.HasPrefix(err.Error(), "apikey: ") {
			t.Errorf("X12 %s: %v", name, err)
		}
	}
	for name, err := range map[string]error{"Create": errCreate, "List": errList, "Delete": working.Delete(cancelled, "a")} {
		if !errors.Is(err, context.Canceled) || !strings.HasPrefix(err.Error(), "apikey: ") {
			t.Errorf("X12 %s: %v", name, err)
		}
	}
}
