package oauth

import (
	"errors"
	"net/url"
	"testing"
	"time"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"

	"github.com/authstar/authstar/e2e/internal/process"
)

// x/oauth2, in each of its styles of client authentication and without.
func TestXOAuth2(t *testing.T) {
	issuer := process.Example(t, "pkce")
	for name, config := range map[string]oauth2.Config{
		"public": {ClientID: "spa", Endpoint: oauth2.Endpoint{AuthStyle: oauth2.AuthStyleInParams}},
		"header": {ClientID: "web", ClientSecret: "web-secret", Endpoint: oauth2.Endpoint{AuthStyle: oauth2.AuthStyleInHeader}},
		"params": {ClientID: "web", ClientSecret: "web-secret", Endpoint: oauth2.Endpoint{AuthStyle: oauth2.AuthStyleInParams}},
		"detect": {ClientID: "web", ClientSecret: "web-secret"},
		// It tries the header first, which no public client has.
		"detect, public": {ClientID: "spa"},
	} {
		config.Endpoint.AuthURL, config.Endpoint.TokenURL = issuer+"/authorize", issuer+"/oauth2/token"
		config.RedirectURL, config.Scopes = elsewhere, []string{"orders:read", "offline_access"}
		t.Run(name, func(t *testing.T) { testConfig(t, &config, issuer+"/api/orders") })
	}
	t.Run("machine", func(t *testing.T) {
		config := clientcredentials.Config{ClientID: "machine", ClientSecret: "machine-secret", TokenURL: issuer + "/oauth2/token", Scopes: []string{"orders:read"}}
		res, err := config.Client(t.Context()).Get(issuer + "/api/orders")
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if res.StatusCode != 200 {
			t.Errorf("status is %d", res.StatusCode)
		}
		config.ClientSecret += "x"
		_, err = config.Token(t.Context())
		wantRefused(t, err, "invalid_client", 401)
	})
}

// authorize is the way to a code.
func authorize(t *testing.T, config *oauth2.Config, options ...oauth2.AuthCodeOption) url.Values {
	t.Helper()
	answer := logIn(t, config.AuthCodeURL("a state", options...)).Query()
	if answer.Get("state") != "a state" {
		t.Fatalf("the answer is %v", answer)
	}
	return answer
}

func testConfig(t *testing.T, config *oauth2.Config, api string) {
	verifier := oauth2.GenerateVerifier()
	challenge, answerTo := oauth2.S256ChallengeOption(verifier), oauth2.VerifierOption(verifier)
	exchange := func(t *testing.T) (code string, token *oauth2.Token) {
		t.Helper()
		code = authorize(t, config, challenge).Get("code")
		token, err := config.Exchange(t.Context(), code, answerTo)
		if err != nil {
			t.Fatal(err)
		}
		return code, token
	}

	t.Run("a client that refreshes by itself", func(t *testing.T) {
		_, first := exchange(t)
		if first.TokenType != "Bearer" || first.Extra("scope") != offline || time.Until(first.Expiry) < time.Minute {
			t.Fatalf("type %s, scope %v, expiry %v", first.TokenType, first.Extra("scope"), first.Expiry)
		}
		late := *first
		late.Expiry = time.Now().Add(-time.Second)
		source := config.TokenSource(t.Context(), &late)
		second, err := source.Token()
		if err != nil {
			t.Fatal(err)
		}
		if second.AccessToken == first.AccessToken || second.RefreshToken == first.RefreshToken {
			t.Error("nothing was refreshed")
		}
		res, err := oauth2.NewClient(t.Context(), source).Get(api)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if res.StatusCode != 200 {
			t.Errorf("the token is worth %d", res.StatusCode)
		}

		_, err = config.TokenSource(t.Context(), &late).Token() // with the spent one
		wantRefused(t, err, "invalid_grant", 400)
		if got := status(t, api, second.AccessToken); got != 401 {
			t.Errorf("after the reuse the token is worth %d", got)
		}
	})
	t.Run("a replayed code", func(t *testing.T) {
		code, token := exchange(t)
		_, err := config.Exchange(t.Context(), code, answerTo)
		wantRefused(t, err, "invalid_grant", 400)
		if got := status(t, api, token.AccessToken); got != 401 {
			t.Errorf("the token is worth %d", got)
		}
	})
	t.Run("another verifier", func(t *testing.T) {
		_, err := config.Exchange(t.Context(), authorize(t, config, challenge).Get("code"), oauth2.VerifierOption(oauth2.GenerateVerifier()))
		wantRefused(t, err, "invalid_grant", 400)
	})
	t.Run("no verifier", func(t *testing.T) {
		_, err := config.Exchange(t.Context(), authorize(t, config, challenge).Get("code"))
		wantRefused(t, err, "invalid_grant", 400)
	})
	t.Run("no challenge", func(t *testing.T) {
		if answer := authorize(t, config); answer.Get("error") != "invalid_request" || answer.Has("code") {
			t.Errorf("the answer is %v", answer)
		}
	})
	if config.ClientSecret != "" {
		t.Run("a wrong secret, which spends no code", func(t *testing.T) {
			code := authorize(t, config, challenge).Get("code")
			wrong := *config
			wrong.ClientSecret += "x"
			_, err := wrong.Exchange(t.Context(), code, answerTo)
			wantRefused(t, err, "invalid_client", 401)
			if _, err := config.Exchange(t.Context(), code, answerTo); err != nil {
				t.Error(err)
			}
		})
	}
}

func wantRefused(t *testing.T, err error, code string, status int) {
	t.Helper()
	var refused *oauth2.RetrieveError
	if !errors.As(err, &refused) || refused.ErrorCode != code || refused.Response.StatusCode != status {
		t.Errorf("error is %v, want %s (%d)", err, code, status)
	}
}
