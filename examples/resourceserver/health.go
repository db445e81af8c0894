package main

import (
	"context"
	"net/http"
	"time"

	"github.com/authstar/authstar/authenticators/jwks"
)

// health answers with the state of the key sets by issuer: 200 when tokens of
// all of them can be verified, 503 otherwise.
type health map[string]*jwks.Remote

// patience is how long a probe waits for keys.
const patience = time.Second

type keyHealth struct {
	Ready      bool      `json:"ready"`
	Keys       int       `json:"keys"`
	Fetched    time.Time `json:"fetched,omitzero"`
	Expires    time.Time `json:"expires,omitzero"`
	StaleUntil time.Time `json:"stale_until,omitzero"`
	Error      string    `json:"error,omitempty"`
}

// ServeHTTP asks for the keys as a token would, so that a server without any
// traffic becomes ready, and is again after an outage.
func (h health) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), patience)
	defer cancel()
	status := http.StatusOK
	answer := make(map[string]keyHealth)
	for issuer, keys := range h {
		_, _ = keys.Keys(ctx, "") // Status has the error
		s := keys.Status()
		k := keyHealth{Ready: s.Ready, Keys: s.Keys, Fetched: s.Fetched, Expires: s.Expires, StaleUntil: s.StaleUntil}
		if s.Err != nil {
			k.Error = s.Err.Error()
		}
		if !s.Ready {
			status = http.StatusServiceUnavailable
		}
		answer[issuer] = k
	}
	w.Header().Set("Cache-Control", "no-store")
	writeJSON(w, status, answer)
}
