package readme_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/authstar/authstar"
	"github.com/authstar/authstar/authenticators"
	"github.com/authstar/authstar/authenticators/apikey"
	"github.com/authstar/authstar/authenticators/password"
	"github.com/authstar/authstar/security"
	"github.com/authstar/authstar/tokenendpoint"
)

func newcomer() (http.Handler, error) {
	jwt, err := authenticators.NewJWT(authenticators.JWTConfig{
		Issuer:    "https://login.example.com", // its keys are found by discovery
		Audiences: []string{"https://api.example.com"},
	})
	if err != nil {
		return nil, err
	}
	chain, err := authstar.New(
		authenticators.NewBearer(jwt),
		authenticators.NewBasic("orders", checkPassword),
		authenticators.NewAPIKey("X-API-Key", findKey),
		authenticators.NewSession("sid", loadSession),
	)
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.Handle("GET /me", security.Authenticated().HandlerFunc(me))
	mux.Handle("GET /orders", security.Scopes("orders:read").HandlerFunc(me))
	mux.Handle("GET /healthz", security.Internal().HandlerFunc(health))
	return chain.Handler(mux), nil
}

func me(w http.ResponseWriter, r *http.Request) {
	client, _ := authstar.ClientFrom(r.Context()) // the guard has seen to it
	fmt.Fprintln(w, "hello", client.ClientID())
}

func withBuilder() (*tokenendpoint.Endpoint, error) {
	return tokenendpoint.New(tokenendpoint.Config{
		Authenticate: checkClient,
		Grants: []tokenendpoint.Grant{tokenendpoint.ClientCredentials(
			func(ctx context.Context, req *tokenendpoint.Request) (*tokenendpoint.Response, error) {
				token, err := saveToken(ctx, req.Client.ClientID(), req.Scopes)
				return &tokenendpoint.Response{AccessToken: token, ExpiresIn: 3600}, err
			})},
	})
}

func withSigner(root *http.ServeMux, api http.Handler) error {
	signer, err := tokenendpoint.NewSigner(tokenendpoint.SignerConfig{
		Issuer:    "https://api.example.com",
		Audiences: []string{"https://api.example.com"},
	})
	if err != nil {
		return err
	}
	endpoint, err := tokenendpoint.New(tokenendpoint.Config{
		Authenticate: checkClient,
		Grants:       []tokenendpoint.Grant{tokenendpoint.ClientCredentials(signer.Build)},
	})
	if err != nil {
		return err
	}
	root.Handle("/oauth2/token", endpoint) // outside of the chain
	root.Handle("/.well-known/jwks.json", signer.JWKS())
	root.Handle("/", api)
	return nil
}

func withOwnCredentials(mux *http.ServeMux, file string) (http.Handler, error) {
	users, err := password.New(password.Config{Lookup: findUser}) // its hash, and who it is
	if err != nil {
		return nil, err
	}
	store, err := apikey.OpenFile(file)
	if err != nil {
		return nil, err
	}
	keys, err := apikey.New(apikey.Config{Prefix: "acme", Store: store})
	if err != nil {
		return nil, err
	}
	admin, err := keys.Admin(apikey.AdminConfig{Path: "/admin/keys"})
	if err != nil {
		return nil, err
	}
	admin.Register(mux, security.Scopes("keys:admin").Handler)
	chain, err := authstar.New(
		users.Basic("orders"),
		authenticators.NewAPIKey("X-API-Key", keys.Find),
	)
	if err != nil {
		return nil, err
	}
	return chain.Handler(mux), nil
}

// The README's example: what a newcomer copies.
func Example_newcomer() {
	api, err := newcomer()
	if err != nil {
		log.Fatal(err)
	}
	r := httptest.NewRequest("GET", "/me", nil)
	w := httptest.NewRecorder()
	api.ServeHTTP(w, r)
	fmt.Println(w.Code, strings.Join(w.Header().Values("WWW-Authenticate"), "; "))

	r.Header.Set("X-API-Key", "key1")
	w = httptest.NewRecorder()
	api.ServeHTTP(w, r)
	fmt.Print(w.Code, " ", w.Body)
	// Output:
	// 401 Bearer realm="api"; Basic realm="orders", charset="UTF-8"; ApiKey realm="api"; Cookie realm="api"
	// 200 hello robot
}

// The README's token endpoint, with tokens of the application's own and with
// signed ones.
func Example_tokenEndpoint() {
	endpoint, err := withBuilder()
	if err != nil {
		log.Fatal(err)
	}
	root := http.NewServeMux()
	if err := withSigner(root, http.NotFoundHandler()); err != nil {
		log.Fatal(err)
	}
	for _, h := range []http.Handler{endpoint, root} {
		r := httptest.NewRequest("POST", "/oauth2/token", strings.NewReader("grant_type=client_credentials"))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.SetBasicAuth("svc", "s3cret")
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		fmt.Println(w.Code, strings.Contains(w.Body.String(), `"token_type":"Bearer"`))
	}
	// Output:
	// 200 true
	// 200 true
}

// The README's passwords and API keys: a key that an administrator makes is good.
func Example_ownCredentials() {
	folder, err := os.MkdirTemp("", "authstar")
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = os.RemoveAll(folder) }()
	mux := http.NewServeMux()
	mux.Handle("GET /me", security.Authenticated().HandlerFunc(me))
	api, err := withOwnCredentials(mux, filepath.Join(folder, "keys.json"))
	if err != nil {
		log.Fatal(err)
	}
	r := httptest.NewRequest("POST", "/admin/keys", strings.NewReader(`{"name":"the robot","scopes":["keys:admin"]}`))
	r.Header.Set("Content-Type", "application/json")
	r.SetBasicAuth("alice", "correct horse battery staple")
	w := httptest.NewRecorder()
	api.ServeHTTP(w, r)
	var made struct{ Key, ID string }
	fmt.Println(w.Code, json.Unmarshal(w.Body.Bytes(), &made))

	r = httptest.NewRequest("GET", "/me", nil)
	r.Header.Set("X-API-Key", made.Key)
	w = httptest.NewRecorder()
	api.ServeHTTP(w, r)
	fmt.Println(w.Code, w.Body.String() == "hello "+made.ID+"\n")
	// Output:
	// 201 <nil>
	// 200 true
}

var aliceHash = sync.OnceValues(func() (string, error) { return password.Hash("correct horse battery staple") })

func findUser(_ context.Context, username string) (string, authstar.Client, error) {
	if username != "alice" {
		return "", nil, nil
	}
	hash, err := aliceHash()
	return hash, &authstar.Identity{ID: username, Scope: []string{"keys:admin"}}, err
}

func checkPassword(context.Context, string, string) (authstar.Client, error) { return nil, nil }

func findKey(_ context.Context, key string) (authstar.Client, error) {
	if key != "key1" {
		return nil, nil
	}
	return &authstar.Identity{ID: "robot"}, nil
}

func loadSession(*http.Request) (authstar.Client, error) { return nil, nil }

func checkClient(_ context.Context, id, secret string) (authstar.Client, error) {
	if id != "svc" || secret != "s3cret" {
		return nil, nil
	}
	return &authstar.Identity{ID: id, Scope: []string{"orders:read"}}, nil
}

func saveToken(context.Context, string, []string) (string, error) { return "opaque", nil }

func health(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") }
