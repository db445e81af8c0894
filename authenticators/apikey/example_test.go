package apikey_test

import (
	"context"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"time"

	"github.com/authstar/authstar"
	"github.com/authstar/authstar/authenticators"
	"github.com/authstar/authstar/authenticators/apikey"
	"github.com/authstar/authstar/security"
)

func Example() {
	folder, err := os.MkdirTemp("", "apikey")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(folder)
	store, err := apikey.OpenFile(filepath.Join(folder, "keys.json"))
	if err != nil {
		log.Fatal(err)
	}
	keys, err := apikey.New(apikey.Config{Prefix: "acme_live", Store: store})
	if err != nil {
		log.Fatal(err)
	}
	chain, err := authstar.New(authenticators.NewAPIKey("X-API-Key", keys.Find))
	if err != nil {
		log.Fatal(err)
	}
	api := chain.Handler(security.Scopes("orders:read").HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintln(w, "orders")
	}))
	ask := func(key string) {
		r := httptest.NewRequest("GET", "/orders", nil)
		r.Header.Set("X-API-Key", key)
		w := httptest.NewRecorder()
		api.ServeHTTP(w, r)
		fmt.Print(w.Code, " ", w.Body)
	}

	ctx := context.Background()
	key, record, err := keys.Create(ctx, apikey.Spec{Name: "billing", Owner: "customer 7", Scopes: []string{"orders:read"}})
	if err != nil {
		log.Fatal(err)
	}
	ask(key.Reveal()) // the only time that it can be shown
	ask("acme_live_mistyped")
	if _, err := keys.Revoke(ctx, record.ID); err != nil {
		log.Fatal(err)
	}
	ask(key.Reveal())

	if err := keys.Flush(ctx); err != nil { // when the server is shut down
		log.Fatal(err)
	}
	if err := store.Close(); err != nil {
		log.Fatal(err)
	}
	// Output:
	// 200 orders
	// 401 {"error":"invalid_client","error_description":"the API key is not known"}
	// 401 {"error":"invalid_client","error_description":"the API key is not known"}
}

// Customer is the application's own client.
type Customer struct {
	authstar.Identity
	Name string
}

func ExampleConfig_client() {
	keys, err := apikey.New(apikey.Config{
		Prefix: "acme",
		Client: func(_ context.Context, r apikey.Record) (authstar.Client, error) {
			// Here the customer may be looked up; nil is 401, an error 503.
			return &Customer{authstar.Identity{ID: r.Owner, Scope: r.Scopes, Expires: r.Expires}, "Customer " + r.Owner}, nil
		},
	})
	if err != nil {
		log.Fatal(err)
	}
	key, _, err := keys.Create(context.Background(), apikey.Spec{Name: "billing", Owner: "7"})
	if err != nil {
		log.Fatal(err)
	}
	client, err := keys.Find(context.Background(), key.Reveal())
	fmt.Println(client.(*Customer).Name, err)
	// Output: Customer 7 <nil>
}

func ExampleKeys_Rotate() {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	keys, err := apikey.New(apikey.Config{Prefix: "acme", Now: func() time.Time { return now }})
	if err != nil {
		log.Fatal(err)
	}
	ctx := context.Background()
	old, record, err := keys.Create(ctx, apikey.Spec{Name: "billing"})
	if err != nil {
		log.Fatal(err)
	}
	fresh, record, err := keys.Rotate(ctx, record.ID, apikey.Rotation{Overlap: 24 * time.Hour})
	if err != nil {
		log.Fatal(err)
	}
	works := func(key apikey.Key) bool {
		_, err := keys.Find(ctx, key.Reveal())
		return err == nil
	}
	fmt.Println(works(old), works(fresh), record.PreviousUntil)
	now = now.Add(24 * time.Hour)
	fmt.Println(works(old), works(fresh))
	// Output:
	// true true 2026-01-03 03:04:05 +0000 UTC
	// false true
}

func ExampleKeys_Admin() {
	keys, err := apikey.New(apikey.Config{Prefix: "acme"})
	if err != nil {
		log.Fatal(err)
	}
	admin, err := keys.Admin(apikey.AdminConfig{Path: "/admin/api-keys"})
	if err != nil {
		log.Fatal(err)
	}
	mux := http.NewServeMux()
	admin.Register(mux, security.Scopes("keys:admin").Handler)
	chain, err := authstar.New(authenticators.NewAPIKey("X-API-Key", keys.Find))
	if err != nil {
		log.Fatal(err)
	}
	api := chain.Handler(mux)

	// The first key is made by the program, and those of others with it.
	first, _, err := keys.Create(context.Background(), apikey.Spec{Name: "first", Scopes: []string{"keys:admin"}})
	if err != nil {
		log.Fatal(err)
	}
	for _, key := range []string{first.Reveal(), "a guess"} {
		r := httptest.NewRequest("GET", "/admin/api-keys?owner=nobody", nil)
		r.Header.Set("X-API-Key", key)
		w := httptest.NewRecorder()
		api.ServeHTTP(w, r)
		fmt.Print(w.Code, " ", w.Body)
	}
	// Output:
	// 200 {"keys":[]}
	// 401 {"error":"invalid_client","error_description":"the API key is not known"}
}

func ExamplePattern() {
	pattern, err := apikey.Pattern("acme_live")
	fmt.Println(pattern, err)
	// Output: \bacme_live_[0-9A-Za-z]{12}_[0-9A-Za-z]{49}\b <nil>
}
