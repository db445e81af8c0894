package main

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/authstar/authstar"
	"github.com/authstar/authstar/authenticators"
	"github.com/authstar/authstar/authenticators/jwks"
	"github.com/authstar/authstar/security"
)

// authstarVerify verifies every token anew.
var authstarVerify = contender{"authstar", func(_ *issuer, keysURL, _ string) (verifier, error) {
	return openAuthstar(keysURL, -1)
}}

// authstarCached asks the cache first, which is the default.
var authstarCached = contender{"authstar, through its cache", func(_ *issuer, keysURL, _ string) (verifier, error) {
	return openAuthstar(keysURL, 0)
}}

func openAuthstar(keysURL string, cacheSize int) (verifier, error) {
	j, err := newJWT(authenticators.JWTConfig{CacheSize: cacheSize}, jwks.RemoteConfig{URL: keysURL})
	if err != nil {
		return nil, err
	}
	return func(token string) (who, error) {
		client, err := j.VerifyToken(context.Background(), token)
		if err != nil {
			return who{}, err
		}
		id := client.(*authstar.Identity)
		return who{id.ID, id.Scope}, nil
	}, nil
}

func newJWT(config authenticators.JWTConfig, keys jwks.RemoteConfig) (*authenticators.JWT, error) {
	keys.Logger = slog.New(slog.DiscardHandler)
	remote, err := jwks.NewRemote(keys)
	if err != nil {
		return nil, err
	}
	config.Issuer, config.Audiences, config.Keys = issuerURL, []string{audience}, remote
	return authenticators.NewJWT(config)
}

// guarded is a chain and a guard around next.
func guarded(j *authenticators.JWT, next http.HandlerFunc) (http.Handler, error) {
	chain, err := authstar.New(authenticators.NewBearer(j))
	if err != nil {
		return nil, err
	}
	return chain.Handler(security.Scopes("orders:read").HandlerFunc(next)), nil
}

// api is an API in memory, as its callers see it.
type api struct {
	handler http.Handler
}

func newAPI(config authenticators.JWTConfig, keys jwks.RemoteConfig) (*api, error) {
	j, err := newJWT(config, keys)
	if err != nil {
		return nil, err
	}
	h, err := guarded(j, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	return &api{h}, err
}

// ask sends a request with the token.
func (a *api) ask(token string) (status int, took time.Duration) {
	r := newRequest()
	r.Header["Authorization"] = []string{"Bearer " + token}
	w := answer{header: make(http.Header)}
	start := time.Now()
	a.handler.ServeHTTP(&w, r)
	return w.status, time.Since(start)
}
