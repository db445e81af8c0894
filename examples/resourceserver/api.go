package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/authstar/authstar"
	"github.com/authstar/authstar/authenticators"
	"github.com/authstar/authstar/authenticators/jwks"
	"github.com/authstar/authstar/security"
)

// apiConfig says whose tokens the API accepts.
type apiConfig struct {
	providers []provider
	logger    *slog.Logger     // nil: slog.Default()
	now       func() time.Time // nil: time.Now
}

// provider is an identity provider, and what it calls this API.
type provider struct{ issuer, audience string }

// newAPI is a chain around guarded routes.
func newAPI(config apiConfig) (http.Handler, error) {
	logger := cmp.Or(config.logger, slog.Default())
	health := make(health)
	var verifiers []authenticators.TokenVerifier
	var errs []error
	for i, p := range config.providers {
		keys, err := jwks.NewRemote(jwks.RemoteConfig{Issuer: p.issuer, Logger: config.logger, Now: config.now})
		if err != nil {
			errs = append(errs, fmt.Errorf("provider %d: %w", i+1, err))
			continue
		}
		jwt, err := authenticators.NewJWT(authenticators.JWTConfig{
			Issuer: p.issuer, Audiences: []string{p.audience}, Keys: keys, Now: config.now,
		})
		if err != nil {
			errs = append(errs, fmt.Errorf("provider %d: %w", i+1, err))
			continue
		}
		health[p.issuer] = keys
		verifiers = append(verifiers, jwt)
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	chain, err := authstar.New(authenticators.NewBearer(verifiers...))
	if err != nil {
		return nil, err
	}

	rules := security.Rules{Observe: logRefusals(logger)}
	mux := http.NewServeMux()
	mux.Handle("GET /me", rules.Authenticated().HandlerFunc(me))
	mux.Handle("GET /orders", rules.Scopes("orders:read").HandlerFunc(orders))
	mux.Handle("GET /admin", rules.Scopes("admin").HandlerFunc(admin))
	mux.Handle("GET /healthz", rules.Internal().Handler(health))
	return chain.Handler(mux), nil
}

// logRefusals logs what was refused, and why: more than the client is told.
func logRefusals(logger *slog.Logger) func(context.Context, *authstar.Error) {
	return func(ctx context.Context, err *authstar.Error) {
		level := slog.LevelInfo
		if err.Status() >= 500 {
			level = slog.LevelWarn
		}
		result, _ := authstar.ResultFrom(ctx)
		logger.Log(ctx, level, "request refused", "error", err, "result", result)
	}
}

func me(w http.ResponseWriter, r *http.Request) {
	client, _ := authstar.ClientFrom(r.Context())
	answer := struct {
		ID     string   `json:"client_id"`
		Scopes []string `json:"scopes"`
		Issuer string   `json:"issuer"`
	}{client.ClientID(), client.Scopes(), ""}
	if answer.Scopes == nil {
		answer.Scopes = []string{}
	}
	if i, ok := client.(interface{ ClientIssuer() string }); ok {
		answer.Issuer = i.ClientIssuer()
	}
	writeJSON(w, http.StatusOK, answer)
}

func orders(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusOK, []map[string]any{{"id": 1, "item": "tea"}})
}

func admin(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusOK, map[string]any{"admin": true})
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v)
}
