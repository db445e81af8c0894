package authserver_test

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/authstar/authstar/authserver"
	"github.com/authstar/authstar/tokenendpoint"
)

func TestNewReportsAllThatIsMissing(t *testing.T) {
	_, err := authserver.New(authserver.Config{Signer: tokenendpoint.SignerConfig{Logger: slog.New(slog.DiscardHandler)}})
	if err == nil {
		t.Fatal("the zero value is no error")
	}
	for _, want := range []string{"Config.Issuer", "Config.Login: required", "Config.Client: required"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not in: %v", want, err)
		}
	}
}

// K01 O37
func TestNewRefuses(t *testing.T) {
	for name, row := range map[string]struct {
		change func(*authserver.Config)
		want   string // "" for nothing
	}{
		"what is good":            {func(*authserver.Config) {}, ""},
		"an issuer with a path":   {func(c *authserver.Config) { c.Issuer = "https://login.example/tenant" }, ""},
		"an issuer on loopback":   {func(c *authserver.Config) { c.Issuer = "http://127.0.0.1:8082" }, ""},
		"http":                    {func(c *authserver.Config) { c.Issuer = "http://login.example" }, "Issuer"},
		"an issuer with a query":  {func(c *authserver.Config) { c.Issuer = "https://login.example?x=1" }, "Issuer"},
		"a password":              {func(c *authserver.Config) { c.Issuer = "https://u:hidden@login.example" }, "Issuer"},
		"a fragment":              {func(c *authserver.Config) { c.Issuer = "https://login.example#x" }, "Issuer"},
		"a code for 11 minutes":   {func(c *authserver.Config) { c.CodeLifetime = 11 * time.Minute }, "CodeLifetime"},
		"AZ-18 a code for 10":     {func(c *authserver.Config) { c.CodeLifetime = 10 * time.Minute }, ""},
		"a negative lifetime":     {func(c *authserver.Config) { c.RefreshIdle = -1 }, "RefreshIdle"},
		"a refresh for ever":      {func(c *authserver.Config) { c.RefreshLifetime = 367 * 24 * time.Hour }, "RefreshLifetime"},
		"O21 a long grace":        {func(c *authserver.Config) { c.RefreshGrace = 61 * time.Second }, "RefreshGrace"},
		"O21 a grace of a minute": {func(c *authserver.Config) { c.RefreshGrace = time.Minute }, ""},
		"a session for a year":    {func(c *authserver.Config) { c.SessionLifetime = 365 * 24 * time.Hour }, "SessionLifetime"},
		"a key that is none":      {func(c *authserver.Config) { c.Signer.Keys = [][]byte{[]byte("{}")} }, "Signer"},
		"O37 a short secret": {func(c *authserver.Config) {
			c.Signer = tokenendpoint.SignerConfig{Algorithm: "HS256", Secret: []byte("secret")}
		}, "Signer"},
		"a scope that is none": {func(c *authserver.Config) { c.Scopes = map[string]string{"a b": ""} }, "Scopes"},
	} {
		t.Run(name, func(t *testing.T) {
			config := newFixture(t).config
			row.change(&config)
			s, err := authserver.New(config)
			if (err == nil) != (row.want == "") || err != nil && (!strings.Contains(err.Error(), row.want) || strings.Contains(err.Error(), "hidden")) {
				t.Fatalf("%v, want %q", err, row.want)
			}
			if err == nil {
				s.Handler()
			}
		})
	}
}

// MD-02 K01: where the endpoints may be. What New takes can be served, and every
// endpoint is where the metadata says.
func TestPlaces(t *testing.T) {
	place := func(issuer, token string) func(*authserver.Config) {
		return func(c *authserver.Config) { c.Issuer, c.Paths.Token = issuer, token }
	}
	for name, row := range map[string]struct {
		change func(*authserver.Config)
		want   string // in the error
	}{
		"the usual ones":                        {place(issuer, ""), ""},
		"another path":                          {place(issuer, "/token"), ""},
		"another path, with marks":              {place(issuer, "/v1.0/~o-auth_2/token;x=1,2@a:b"), ""},
		"an issuer with a slash":                {place(issuer+"/", "/token"), ""},
		"an issuer with a path":                 {place(issuer+"/tenant/a", "/token"), ""},
		"an issuer with a path and a slash":     {place(issuer+"/tenant/", "/token"), ""},
		"MD-02 a relative path":                 {place(issuer, "token"), "Paths"},
		"MD-02 the root, which is a subtree":    {place(issuer, "/"), "Paths"},
		"MD-02 a subtree":                       {place(issuer, "/token/"), "Paths"},
		"MD-02 a pattern":                       {place(issuer, "/{token}"), "Paths"},
		"MD-02 a method":                        {place(issuer, "POST /token"), "Paths"},
		"MD-02 an empty element":                {place(issuer, "//token"), "Paths"},
		"MD-02 two dots":                        {place(issuer, "/oauth2/../token"), "Paths"},
		"MD-02 one dot":                         {place(issuer, "/oauth2/./token"), "Paths"},
		"MD-02 a tabulator":                     {place(issuer, "/a\tb"), "Paths"},
		"MD-02 a NUL":                           {place(issuer, "/a\x00"), "Paths"},
		"MD-02 a query":                         {place(issuer, "/token?x=1"), "Paths"},
		"MD-02 a fragment":                      {place(issuer, "/token#x"), "Paths"},
		"MD-02 an escape":                       {place(issuer, "/a%20b"), "Paths"},
		"MD-02 a letter that URLs do not have":  {place(issuer, "/é"), "Paths"},
		"MD-02 one path for two":                {place(issuer, "/authorize"), "Paths"},
		"MD-02 the metadata's path":             {place(issuer, "/.well-known/oauth-authorization-server"), "Paths"},
		"MD-02 the metadata's path, of OpenID":  {place(issuer, "/.well-known/openid-configuration"), "Paths"},
		"K01 an issuer with a space":            {place(issuer+"/b c", ""), "Issuer"},
		"K01 an issuer with an escaped space":   {place(issuer+"/a%20b", ""), "Issuer"},
		"K01 an issuer with an escaped slash":   {place(issuer+"/a%2Fb", ""), "Issuer"},
		"K01 an issuer with a pattern":          {place(issuer+"/{tenant}", ""), "Issuer"},
		"K01 an issuer with an escaped pattern": {place(issuer+"/%7Btenant%7D", ""), "Issuer"},
		"K01 an issuer with two slashes":        {place(issuer+"//x", ""), "Issuer"},
		"K01 an issuer with two slashes alone":  {place(issuer+"//", ""), "Issuer"},
		"K01 an issuer with two dots":           {place(issuer+"/x/../y", ""), "Issuer"},
		"K01 an issuer with escaped dots":       {place(issuer+"/%2e%2e/x", ""), "Issuer"},
	} {
		t.Run(name, func(t *testing.T) {
			config := newFixture(t).config
			row.change(&config)
			if _, err := authserver.New(config); err != nil {
				if row.want == "" || !strings.Contains(err.Error(), "Config."+row.want) {
					t.Errorf("%v, want %q", err, row.want)
				}
				return
			}
			if row.want != "" {
				t.Fatal("New takes it")
			}
			f := newFixture(t, row.change)
			base := strings.TrimSuffix(config.Issuer, "/")
			document := f.serve(httptest.NewRequest("GET", base+"/.well-known/openid-configuration", nil))
			for name, want := range map[string]int{
				"authorization_endpoint": 400, "token_endpoint": 405, "revocation_endpoint": 405, "introspection_endpoint": 405, "jwks_uri": 200,
			} {
				if a := f.serve(httptest.NewRequest("GET", document.get(name), nil)); a.status != want {
					t.Errorf("MD-02: %s is %q: %d", name, document.get(name), a.status)
				}
			}
		})
	}
}

func TestClientValidate(t *testing.T) {
	key := func(bits int) *rsa.PrivateKey {
		k, err := rsa.GenerateKey(rand.Reader, bits)
		if err != nil {
			t.Fatal(err)
		}
		return k
	}
	least := key(2048)
	good := authserver.Client{ID: "c", RedirectURIs: []string{"https://good.example/"}, Grants: codes, Scope: []string{"read"}}
	for name, row := range map[string]struct {
		change func(*authserver.Client)
		ok     bool
	}{
		"a public client":                          {func(*authserver.Client) {}, true},
		"a confidential client":                    {func(c *authserver.Client) { c.SecretHashes = [][]byte{authserver.HashSecret("x")} }, true},
		"a public key":                             {func(c *authserver.Client) { c.Keys = []jose.JSONWebKey{{Key: least.Public()}} }, true},
		"O30 a public key of 1024 bits":            {func(c *authserver.Client) { c.Keys = []jose.JSONWebKey{{Key: key(1024).Public()}} }, false},
		"O30 a public key of 2047 bits":            {func(c *authserver.Client) { c.Keys = []jose.JSONWebKey{{Key: key(2047).Public()}} }, false},
		"no id":                                    {func(c *authserver.Client) { c.ID = "" }, false},
		"an unknown grant":                         {func(c *authserver.Client) { c.Grants = []string{"password"} }, false},
		"codes without a redirect URI":             {func(c *authserver.Client) { c.RedirectURIs = nil }, false},
		"O24 a public client that acts for itself": {func(c *authserver.Client) { c.Grants = []string{authserver.ClientCredentials} }, false},
		"a confidential one that does": {func(c *authserver.Client) {
			c.Grants, c.SecretHashes = []string{authserver.ClientCredentials}, [][]byte{authserver.HashSecret("x")}
		}, true},
		"two scopes in one":        {func(c *authserver.Client) { c.Scope = []string{"a b"} }, false},
		"an empty scope":           {func(c *authserver.Client) { c.Scope = []string{""} }, false},
		"a scope with a quote":     {func(c *authserver.Client) { c.Scope = []string{`a"`} }, false},
		"a secret that is no hash": {func(c *authserver.Client) { c.SecretHashes = [][]byte{[]byte("secret")} }, false},
		"a private key":            {func(c *authserver.Client) { c.Keys = []jose.JSONWebKey{{Key: least}} }, false},
		"a secret as a key":        {func(c *authserver.Client) { c.Keys = []jose.JSONWebKey{{Key: []byte(strings.Repeat("k", 32))}} }, false},
		"a key that is none":       {func(c *authserver.Client) { c.Keys = []jose.JSONWebKey{{}} }, false},
	} {
		c := good
		row.change(&c)
		if err := c.Validate(); (err == nil) != row.ok {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// X13
func TestClientHidesItsHashes(t *testing.T) {
	c := newClients()["web"]
	for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
		if got := fmt.Sprintf(verb, c); got != `client "web"` {
			t.Errorf("%s: %s", verb, got)
		}
	}
}

// What the application answers for a client, at both endpoints.
func TestClientCallback(t *testing.T) {
	for name, row := range map[string]struct {
		client func() (*authserver.Client, error)
		page   int
		token  int
	}{
		"nobody":                 {func() (*authserver.Client, error) { return nil, nil }, 400, 401},
		"an outage":              {func() (*authserver.Client, error) { return nil, errors.New("10.0.0.7 is down") }, 503, 503},
		"another client":         {func() (*authserver.Client, error) { return newClients()["web"], nil }, 500, 500},
		"a client that is wrong": {func() (*authserver.Client, error) { return &authserver.Client{ID: "spa", Grants: codes}, nil }, 500, 500},
		"the client":             {func() (*authserver.Client, error) { return newClients()["spa"], nil }, 200, 400},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t, func(c *authserver.Config) {
				c.Client = func(_ context.Context, id string) (*authserver.Client, error) {
					if id == "" {
						t.Error("C08: asked for no id")
					}
					return row.client()
				}
			})
			page, token := f.browser().authorize(ask()), f.redeem("x")
			if page.status != row.page || token.status != row.token || page.header.Get("Location") != "" {
				t.Errorf("the page %d, want %d; the token %d, want %d", page.status, row.page, token.status, row.token)
			}
			if strings.Contains(page.text+token.text, "10.0.0.7") || (page.status == 503) != (page.header.Get("Retry-After") != "") {
				t.Errorf("N06: %s %s %v", page.text, token.text, page.header)
			}
			if a := f.browser().authorize(ask("client_id", "")); a.status != http.StatusBadRequest {
				t.Errorf("no client: %d", a.status)
			}
		})
	}
}
