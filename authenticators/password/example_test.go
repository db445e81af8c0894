package password_test

import (
	"context"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"sync"

	"github.com/authstar/authstar"
	"github.com/authstar/authstar/authenticators/password"
	"github.com/authstar/authstar/security"
)

// accounts is what a table of users in a database would be.
type accounts struct {
	mu     sync.Mutex
	hashes map[string]string
}

// register is for the page where a user chooses a password.
func (a *accounts) register(username, chosen string) error {
	hash, err := password.Hash(chosen) // the text of the error is for the user
	if err != nil {
		return err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.hashes[username] = hash
	return nil
}

// find is a password.Config's Lookup.
func (a *accounts) find(_ context.Context, username string) (string, authstar.Client, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	hash, known := a.hashes[username]
	if !known {
		return "", nil, nil
	}
	return hash, &authstar.Identity{ID: username, Scope: []string{"orders:read"}}, nil
}

func Example() {
	users := &accounts{hashes: make(map[string]string)}
	if err := users.register("alice", "correct horse battery staple"); err != nil {
		log.Fatal(err)
	}
	fmt.Println(users.register("bob", ""))

	verifier, err := password.New(password.Config{Lookup: users.find})
	if err != nil {
		log.Fatal(err)
	}
	chain, err := authstar.New(verifier.Basic("orders"))
	if err != nil {
		log.Fatal(err)
	}
	orders := func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "[]") }
	api := chain.Handler(security.Scopes("orders:read").HandlerFunc(orders))

	for _, guess := range []string{"correct horse battery staple", "staple"} {
		r := httptest.NewRequest("GET", "/orders", nil)
		r.SetBasicAuth("alice", guess)
		w := httptest.NewRecorder()
		api.ServeHTTP(w, r)
		fmt.Println(w.Code)
	}
	// Output:
	// password: unusable password: it is empty
	// 200
	// 401
}
