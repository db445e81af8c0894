package authserver_test

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
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
		"a relative path":         {func(c *authserver.Config) { c.Paths.Token = "token" }, "Paths"},
		"a pattern":               {func(c *authserver.Config) { c.Paths.Token = "/{token}" }, "Paths"},
		"one path for two":        {func(c *authserver.Config) { c.Paths.Token = "/authorize" }, "Paths"},
		"another path":            {func(c *authserver.Config) { c.Paths.Token = "/token" }, ""},
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

func TestClientValidate(t *testing.T) {
	weak, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	good := authserver.Client{ID: "c", RedirectURIs: []string{"https://good.example/"}, Grants: codes, Scope: []string{"read"}}
	for name, row := range map[string]struct {
		change func(*authserver.Client)
		ok     bool
	}{
		"a public client":              {func(*authserver.Client) {}, true},
		"a confidential client":        {func(c *authserver.Client) { c.SecretHashes = [][]byte{authserver.HashSecret("x")} }, true},
		"a public key":                 {func(c *authserver.Client) { c.Keys = []jose.JSONWebKey{{Key: weak.Public()}} }, true},
		"no id":                        {func(c *authserver.Client) { c.ID = "" }, false},
		"an unknown grant":             {func(c *authserver.Client) { c.Grants = []string{"password"} }, false},
		"codes without a redirect URI": {func(c *authserver.Client) { c.RedirectURIs = nil }, false},
		"O24 a public client that acts for itself": {func(c *authserver.Client) { c.Grants = []string{authserver.ClientCredentials} }, false},
		"a confidential one that does": {func(c *authserver.Client) {
			c.Grants, c.SecretHashes = []string{authserver.ClientCredentials}, [][]byte{authserver.HashSecret("x")}
		}, true},
		"two scopes in one":        {func(c *authserver.Client) { c.Scope = []string{"a b"} }, false},
		"an empty scope":           {func(c *authserver.Client) { c.Scope = []string{""} }, false},
		"a scope with a quote":     {func(c *authserver.Client) { c.Scope = []string{`a"`} }, false},
		"a secret that is no hash": {func(c *authserver.Client) { c.SecretHashes = [][]byte{[]byte("secret")} }, false},
		"a private key":            {func(c *authserver.Client) { c.Keys = []jose.JSONWebKey{{Key: weak}} }, false},
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
