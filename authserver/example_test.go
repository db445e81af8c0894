package authserver_test

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"

	"github.com/authstar/authstar"
	"github.com/authstar/authstar/authenticators"
	"github.com/authstar/authstar/authserver"
	"github.com/authstar/authstar/security"
	"github.com/authstar/authstar/tokenendpoint"
)

// checkLogin stands for a look into the application's database. Passwords there
// are hashed slowly; authenticators/password does that.
func checkLogin(_ context.Context, username, password string) (authserver.Login, error) {
	want, got := sha256.Sum256([]byte("wonderland")), sha256.Sum256([]byte(password))
	if subtle.ConstantTimeCompare(want[:], got[:]) == 0 || username != "alice" {
		return authserver.Login{}, nil
	}
	return authserver.Login{Subject: "user-1", Scopes: []string{"orders:read"}, Claims: map[string]any{"role": "admin"}}, nil
}

func findClient(_ context.Context, id string) (*authserver.Client, error) {
	if id != "spa" {
		return nil, nil
	}
	return &authserver.Client{
		ID:           "spa",
		Name:         "The page",
		RedirectURIs: []string{"https://app.example/callback"},
		Grants:       []string{authserver.AuthorizationCode, authserver.RefreshToken},
		Scope:        []string{"orders:read", authserver.OfflineAccess},
	}, nil
}

// newService is an authorization server, and an API that accepts its tokens and
// knows which of them were revoked.
func newService(issuer string) (http.Handler, error) {
	server, err := authserver.New(authserver.Config{
		Issuer: issuer,
		Login:  checkLogin,
		Client: findClient,
		Scopes: map[string]string{"orders:read": "See your orders"},
		Signer: tokenendpoint.SignerConfig{
			Logger: slog.New(slog.DiscardHandler), // would tell that the key is generated; Keys takes JWK and PEM files
		},
	})
	if err != nil {
		return nil, err
	}
	chain, err := authstar.New(authenticators.NewBearer(server))
	if err != nil {
		return nil, err
	}
	orders := func(w http.ResponseWriter, r *http.Request) {
		client, _ := authstar.ClientAs[*authstar.Identity](r.Context())
		role, _ := client.Claim("role")
		fmt.Fprintf(w, "orders for %s, who is %v", client.ClientID(), role)
	}
	root := http.NewServeMux()
	root.Handle("/orders", chain.Handler(security.Scopes("orders:read").HandlerFunc(orders)))
	root.Handle("/", server.Handler())
	return root, nil
}

// A user logs in with a browser, a client gets tokens for it, and the API accepts
// them until they are revoked.
func Example() {
	server := httptest.NewUnstartedServer(nil)
	issuer := "http://" + server.Listener.Addr().String()
	handler, err := newService(issuer)
	if err != nil {
		fmt.Println(err)
		return
	}
	server.Config.Handler = handler
	server.Start()
	defer server.Close()

	// The client sends the browser to the server, with the hash of a secret.
	secret := "made-of-43-to-128-letters-at-random-each-time"
	hash := sha256.Sum256([]byte(secret))
	back := logIn(issuer + "/authorize?" + url.Values{
		"response_type": {"code"}, "client_id": {"spa"}, "redirect_uri": {"https://app.example/callback"}, "scope": {"orders:read offline_access"},
		"state": {"of the client"}, "code_challenge": {base64.RawURLEncoding.EncodeToString(hash[:])}, "code_challenge_method": {"S256"},
	}.Encode())
	fmt.Println("sent back to", back.Host, "with the state", back.Query().Get("state"))

	// It comes back with a code, for which the client gets tokens.
	tokens := post(issuer+"/oauth2/token", url.Values{
		"grant_type": {"authorization_code"}, "client_id": {"spa"}, "code": {back.Query().Get("code")},
		"redirect_uri": {"https://app.example/callback"}, "code_verifier": {secret},
	})
	fmt.Println("granted", tokens["scope"])
	fmt.Println(call(issuer+"/orders", tokens["access_token"]))

	// The next ones come without the user, until somebody logs out.
	tokens = post(issuer+"/oauth2/token", url.Values{"grant_type": {"refresh_token"}, "client_id": {"spa"}, "refresh_token": {tokens["refresh_token"].(string)}})
	fmt.Println(call(issuer+"/orders", tokens["access_token"]))
	post(issuer+"/oauth2/revoke", url.Values{"client_id": {"spa"}, "token": {tokens["refresh_token"].(string)}})
	fmt.Println(call(issuer+"/orders", tokens["access_token"]))

	// Output:
	// sent back to app.example with the state of the client
	// granted orders:read offline_access
	// 200 orders for user-1, who is admin
	// 200 orders for user-1, who is admin
	// 401 {"error":"invalid_token","error_description":"the token is not valid"}
}

// logIn is what the user does in the browser.
func logIn(page string) *url.URL {
	jar, _ := cookiejar.New(nil)
	browser := &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := browser.Get(page)
	if err != nil {
		panic(err)
	}
	html, _ := io.ReadAll(res.Body)
	res.Body.Close()
	form := url.Values{"username": {"alice"}, "password": {"wonderland"}}
	for _, field := range regexp.MustCompile(`name="([^"]*)" value="([^"]+)"`).FindAllStringSubmatch(string(html), -1) {
		form.Set(field[1], field[2])
	}
	res, err = browser.PostForm(page, form)
	if err != nil {
		panic(err)
	}
	res.Body.Close()
	back, _ := res.Location()
	return back
}

func post(endpoint string, form url.Values) (answer map[string]any) {
	res, err := http.PostForm(endpoint, form)
	if err != nil {
		panic(err)
	}
	defer res.Body.Close()
	_ = json.NewDecoder(res.Body).Decode(&answer)
	return answer
}

func call(url string, token any) string {
	req, _ := http.NewRequest("GET", url, nil)
	req.Header.Set("Authorization", fmt.Sprint("Bearer ", token))
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		panic(err)
	}
	defer res.Body.Close()
	body, _ := io.ReadAll(res.Body)
	return strings.TrimSpace(fmt.Sprint(res.StatusCode, " ", string(body)))
}
