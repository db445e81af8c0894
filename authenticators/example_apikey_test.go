package authenticators_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"

	"github.com/authstar/authstar"
	"github.com/authstar/authstar/authenticators"
	"github.com/authstar/authstar/security"
)

// keyStore has API keys by their SHA-256: a lookup by the hash tells nothing
// about the key by its time, and who reads the store finds no key.
type keyStore struct {
	keys map[[sha256.Size]byte]string
	down bool
}

var errKeyStore = errors.New("keys-3: connection refused")

func (s *keyStore) find(_ context.Context, key string) (authstar.Client, error) {
	if s.down {
		return nil, errKeyStore // 503; the text stays on the server
	}
	id, ok := s.keys[sha256.Sum256([]byte(key))]
	if !ok {
		return nil, nil // 401
	}
	return &authstar.Identity{ID: id}, nil
}

func ExampleNewAPIKey() {
	store := &keyStore{keys: map[[sha256.Size]byte]string{sha256.Sum256([]byte("k-8d2f")): "billing"}}
	chain, err := authstar.New(authenticators.NewAPIKey("X-API-Key", store.find))
	if err != nil {
		log.Fatal(err)
	}
	hello := func(w http.ResponseWriter, r *http.Request) {
		client, _ := authstar.ClientFrom(r.Context())
		fmt.Fprintln(w, "hello", client.ClientID())
	}
	api := chain.Handler(security.Authenticated().HandlerFunc(hello))

	ask := func(key string) {
		r := httptest.NewRequest("GET", "/", nil)
		r.Header.Set("X-API-Key", key)
		w := httptest.NewRecorder()
		api.ServeHTTP(w, r)
		fmt.Print(w.Code, " ", w.Body)
	}
	ask("k-8d2f")
	ask("k-8d2")
	store.down = true
	ask("k-8d2f")
	// Output:
	// 200 hello billing
	// 401 {"error":"invalid_client","error_description":"the API key is not known"}
	// 503 {"error":"temporarily_unavailable"}
}
