package tokenendpoint_test

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"

	"github.com/authstar/authstar"
	"github.com/authstar/authstar/tokenendpoint"
)

// clients have the SHA-256 of their secrets, which are long and random, and so
// need no slower hash.
var clients = map[string]struct {
	secret [sha256.Size]byte
	scopes []string
}{
	"billing": {sha256.Sum256([]byte("Vq3xJ0cT8dYb5nKw")), []string{"orders:read", "orders:write"}},
}

// checkClient takes as long for a client that nobody knows as for a wrong secret.
func checkClient(_ context.Context, id, secret string) (authstar.Client, error) {
	client, known := clients[id]
	sum := sha256.Sum256([]byte(secret))
	if subtle.ConstantTimeCompare(sum[:], client.secret[:]) != 1 || !known {
		return nil, nil
	}
	return &authstar.Identity{ID: id, Scope: client.scopes}, nil
}

// mintOpaque would store the token together with the client and its scopes.
func mintOpaque(_ context.Context, req *tokenendpoint.Request) (*tokenendpoint.Response, error) {
	return &tokenendpoint.Response{
		AccessToken: "opaque-token-of-" + req.Client.ClientID(),
		ExpiresIn:   3600,
		Extra:       map[string]any{"tenant": "acme"},
	}, nil
}

// A token endpoint whose tokens the application makes itself.
func Example() {
	endpoint, err := tokenendpoint.New(tokenendpoint.Config{
		Authenticate: checkClient,
		Grants:       []tokenendpoint.Grant{tokenendpoint.ClientCredentials(mintOpaque)},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	mux := http.NewServeMux()
	mux.Handle("/oauth2/token", endpoint)

	for _, scope := range []string{"orders:read", "users:delete"} {
		form := url.Values{"grant_type": {"client_credentials"}, "scope": {scope}}
		r := httptest.NewRequest(http.MethodPost, "/oauth2/token", strings.NewReader(form.Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.SetBasicAuth("billing", "Vq3xJ0cT8dYb5nKw")
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, r)
		fmt.Print(w.Code, " ", w.Body)
	}
	// Output:
	// 200 {"access_token":"opaque-token-of-billing","expires_in":3600,"scope":"orders:read","token_type":"Bearer","tenant":"acme"}
	// 400 {"error":"invalid_scope","error_description":"the client may not have a scope that it asks for"}
}
