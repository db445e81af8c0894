package apikey_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/authstar/authstar"
	"github.com/authstar/authstar/authenticators"
	"github.com/authstar/authstar/authenticators/apikey"
	"github.com/authstar/authstar/security"
)

func TestNewReportsEveryFault(t *testing.T) {
	var none *apikey.MemoryStore
	_, err := apikey.New(apikey.Config{FormerPrefixes: []string{"ok", "a b"}, Store: none})
	if err == nil || strings.Count(err.Error(), "the prefix must be") != 2 || !strings.Contains(err.Error(), "nil pointer") {
		t.Errorf("%v", err)
	}
	former := []string{"old"}
	keys := newKeys(t, apikey.Config{FormerPrefixes: former})
	former[0] = "evil"
	wantVerdict(t, "a config that is changed afterwards", verdict(t, keys, generate(t, "evil").Reveal()), "a key of another prefix")
}

// Find answers for every state of a key. B10 and N06: all refusals look alike.
func TestFind(t *testing.T) {
	now := newClock()
	keys := newKeys(t, apikey.Config{Now: now.Now, Store: apikey.NewMemoryStore()})
	key, record := create(t, keys, apikey.Spec{Scopes: []string{"read", "write", "read"}, Expires: start.Add(time.Hour)})
	id := record.ID
	wantVerdict(t, "the key", verdict(t, keys, key.Reveal()), id)
	secret := strings.TrimPrefix(key.Reveal(), testPrefix+"_"+id+"_")[:43]
	other, _ := create(t, keys, apikey.Spec{})
	for name, text := range map[string]string{
		"a wrong secret":              sealed(testPrefix + "_" + id + "_" + swapped(secret[0]) + secret[1:]),
		"the end of the secret wrong": sealed(testPrefix + "_" + id + "_" + secret[:42] + swapped(secret[42])),
		"H09 a secret of any bytes":   sealed(testPrefix + "_" + id + "_" + "\x00\n" + secret[2:]),
		"another key's secret":        sealed(testPrefix + "_" + other.ID() + "_" + secret),
		"B09 the id in other case":    sealed(testPrefix + "_" + swapCase(id) + "_" + secret),
		"an unknown id":               generate(t, testPrefix).Reveal(),
		"another prefix":              sealed("acme_live_" + id + "_" + secret),
	} {
		want := map[string]string{"an unknown id": "no key has this id", "B09 the id in other case": "no key has this id", "another prefix": "a key of another prefix"}[name]
		if want == "" {
			want = "the secret is wrong"
		}
		wantVerdict(t, name, verdict(t, keys, text), want)
	}
	wantVerdict(t, "the key, sealed by hand", verdict(t, keys, sealed(testPrefix+"_"+id+"_"+secret)), id)
	now.add(time.Hour - time.Nanosecond)
	wantVerdict(t, "just before it expires", verdict(t, keys, key.Reveal()), id)
	now.add(time.Nanosecond)
	wantVerdict(t, "M05 when it expires", verdict(t, keys, key.Reveal()), "the key is expired")
}

func swapCase(s string) string {
	return strings.Map(func(c rune) rune {
		switch {
		case c >= 'a' && c <= 'z':
			return c - 'a' + 'A'
		case c >= 'A' && c <= 'Z':
			return c - 'A' + 'a'
		}
		return c
	}, s)
}

func TestFormerPrefixes(t *testing.T) {
	store := apikey.NewMemoryStore()
	old, _ := create(t, newKeys(t, apikey.Config{Prefix: "old", Store: store}), apikey.Spec{})
	keys := newKeys(t, apikey.Config{Prefix: "new", FormerPrefixes: []string{"old"}, Store: store})
	wantVerdict(t, "a key of a former prefix", verdict(t, keys, old.Reveal()), old.ID())
	fresh, _, err := keys.Rotate(t.Context(), old.ID(), apikey.Rotation{})
	if err != nil || fresh.Prefix() != "new" || fresh.ID() != old.ID() {
		t.Errorf("rotated to %v, %v", fresh, err)
	}
	wantVerdict(t, "its successor", verdict(t, keys, fresh.Reveal()), old.ID())
	without := newKeys(t, apikey.Config{Prefix: "new", Store: store})
	wantVerdict(t, "a prefix that is former no more", verdict(t, without, old.Reveal()), "a key of another prefix")
}

// The client is the request's own, with what guards look for.
func TestClient(t *testing.T) {
	keys := newKeys(t, apikey.Config{Issuer: "https://a.example"})
	expires := time.Now().Add(time.Hour).Truncate(time.Second)
	key, record := create(t, keys, apikey.Spec{Scopes: []string{"read", "write"}, Expires: expires})
	for range 2 {
		client, err := keys.Find(t.Context(), key.Reveal())
		if err != nil {
			t.Fatal(err)
		}
		identity := client.(*authstar.Identity)
		if identity.ID != record.ID || identity.Issuer != "https://a.example" || !identity.Expires.Equal(expires) || !identity.HasScope("write") || identity.HasScope("admin") {
			t.Errorf("M11 %v with scopes %v until %v", identity, identity.Scope, identity.Expires)
		}
		identity.Scope[0], identity.Scope[1] = "admin", "admin"
	}
}

type customer struct {
	authstar.Identity
	Name string
}

func TestOwnClient(t *testing.T) {
	down := errors.New("customers-db: connection refused")
	records := make(map[string]apikey.Record)
	keys := newKeys(t, apikey.Config{Client: func(_ context.Context, r apikey.Record) (authstar.Client, error) {
		records[r.Owner] = r
		switch r.Owner {
		case "nil":
			return nil, nil
		case "typed nil":
			return (*customer)(nil), nil
		case "empty":
			return &customer{}, nil
		case "next":
			return nil, authstar.ErrNoCredentials
		case "down":
			return nil, down
		case "denied":
			return nil, &authstar.Error{Code: authstar.AccessDenied, Description: "the customer has not paid"}
		}
		return &customer{Identity: authstar.Identity{ID: r.Owner, Scope: r.Scopes}, Name: r.Name}, nil
	}})
	status := func(owner string, a func(*apikey.Keys) authstar.Authenticator, set func(*http.Request, string)) int {
		key, _ := create(t, keys, apikey.Spec{Owner: owner})
		h := newChain(t, a(keys), authstar.AuthenticatorFunc(authstar.Scheme{ID: "anybody"}, func(*http.Request) (authstar.Client, error) {
			return &authstar.Identity{ID: "anybody"}, nil
		})).Handler(security.Authenticated().HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if c, ok := authstar.ClientAs[*customer](r.Context()); !ok || c.ID != owner || c.Name != "a key" {
				t.Errorf("%q: the client is %v", owner, c)
			}
		}))
		r := request("GET", "/", "")
		set(r, key.Reveal())
		return serve(h, r).Code
	}
	for owner, want := range map[string]int{"acme": 200, "nil": 401, "typed nil": 401, "empty": 401, "next": 401, "down": 503, "denied": 403} {
		header := status(owner, func(k *apikey.Keys) authstar.Authenticator { return authenticators.NewAPIKey("X-API-Key", k.Find) },
			func(r *http.Request, key string) { r.Header.Set("X-API-Key", key) })
		cookie := status(owner, func(k *apikey.Keys) authstar.Authenticator { return k.InsecureCookie("key") },
			func(r *http.Request, key string) { r.AddCookie(&http.Cookie{Name: "key", Value: key}) })
		query := status(owner, func(k *apikey.Keys) authstar.Authenticator { return k.InsecureQuery("key") },
			func(r *http.Request, key string) { r.URL.RawQuery = "key=" + key })
		if header != want || cookie != want || query != want {
			t.Errorf("C03 client %q: status %d, by cookie %d, by query %d, want %d", owner, header, cookie, query, want)
		}
	}
	if r := records["acme"]; r.Name != "a key" || r.Created.IsZero() {
		t.Errorf("the record is %+v", r)
	}
}

// C11, M07: a store that is down is 503 and not remembered; what it says stays here.
func TestStoreIsDown(t *testing.T) {
	store := &down{Store: apikey.NewMemoryStore()}
	keys := newKeys(t, apikey.Config{Store: store})
	key, record := create(t, keys, apikey.Spec{})
	h := newChain(t, authenticators.NewAPIKey("X-API-Key", keys.Find)).Handler(security.Authenticated().HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	r := request("GET", "/", "", "X-API-Key: "+key.Reveal())
	store.err = errors.New("keys-db: connection refused")
	if w := serve(h, r); w.Code != 503 || w.Header().Get("Retry-After") == "" || strings.Contains(w.Body.String(), "keys-db") {
		t.Errorf("C11 %d %v %s", w.Code, w.Header(), w.Body)
	}
	store.err = authstar.ErrNoCredentials
	wantVerdict(t, "C03 a store cannot let the chain go on", verdict(t, keys, key.Reveal()), "the key has no client")
	store.err = nil
	if w := serve(h, r); w.Code != 200 {
		t.Errorf("M07 after the outage: %d", w.Code)
	}
	wantVerdict(t, "after the outage", verdict(t, keys, key.Reveal()), record.ID)
}

// M05 M07: what was refused or known before does not matter.
func TestNothingIsRemembered(t *testing.T) {
	store := apikey.NewMemoryStore()
	donor, keys := newKeys(t, apikey.Config{}), newKeys(t, apikey.Config{Store: store})
	key, record := create(t, donor, apikey.Spec{})
	wantVerdict(t, "M07 before it is there", verdict(t, keys, key.Reveal()), "no key has this id")
	if _, err := store.Add(t.Context(), record); err != nil {
		t.Fatal(err)
	}
	wantVerdict(t, "M07 once it is there", verdict(t, keys, key.Reveal()), record.ID)
	if err := keys.Delete(t.Context(), record.ID); err != nil {
		t.Fatal(err)
	}
	wantVerdict(t, "M05 once it is deleted", verdict(t, keys, key.Reveal()), "no key has this id")
	if _, err := store.Add(t.Context(), record); err != nil {
		t.Fatal(err)
	}
	if _, err := keys.Revoke(t.Context(), record.ID); err != nil {
		t.Fatal(err)
	}
	wantVerdict(t, "M05 once it is revoked", verdict(t, keys, key.Reveal()), "the key is revoked")
}

// M09: 50,000 bad keys leave nothing behind.
func TestBadKeysTakeNoMemory(t *testing.T) {
	keys := newKeys(t, apikey.Config{})
	base := generate(t, testPrefix).Reveal()
	size := func() uint64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before := size()
	for i := range 50_000 {
		text := sealed(base[:30] + fmt.Sprintf("%010d", i) + base[40:len(base)-6])
		if i%2 == 0 {
			text = base[:30] + fmt.Sprintf("%010d", i) + base[40:]
		}
		if _, err := keys.Find(t.Context(), text); err == nil {
			t.Fatal("not refused")
		}
	}
	if after := size(); after > before+1<<20 {
		t.Errorf("M09 the heap grew from %d to %d bytes", before, after)
	}
	runtime.KeepAlive(keys)
}

// A database that compares without case must not take one key for another.
func TestStoreThatFoldsCase(t *testing.T) {
	memory := apikey.NewMemoryStore()
	keys := newKeys(t, apikey.Config{Store: folding{memory}})
	var key apikey.Key
	for {
		if key, _ = create(t, keys, apikey.Spec{}); swapCase(key.ID()) != key.ID() {
			break
		}
	}
	secret := key.Reveal()[len(key.Reveal())-49:][:43]
	wantVerdict(t, "the key", verdict(t, keys, key.Reveal()), key.ID())
	wantVerdict(t, "B09 the id in other case", verdict(t, keys, sealed(testPrefix+"_"+swapCase(key.ID())+"_"+secret)), "no key has this id")
	if _, err := keys.Record(t.Context(), swapCase(key.ID())); !errors.Is(err, apikey.ErrNotFound) {
		t.Errorf("Record: %v", err)
	}
}

type folding struct{ *apikey.MemoryStore }

func (s folding) Find(ctx context.Context, id string) (apikey.Record, bool, error) {
	if r, ok, err := s.MemoryStore.Find(ctx, id); ok || err != nil {
		return r, ok, err
	}
	return s.MemoryStore.Find(ctx, swapCase(id))
}
