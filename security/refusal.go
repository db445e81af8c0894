package security

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/authstar/authstar"
	"github.com/authstar/authstar/internal/response"
	"github.com/authstar/authstar/internal/websocket"
)

// guarded enforces a guard.
type guarded struct {
	guard Guard
	next  http.Handler
}

func (h *guarded) Unwrap() http.Handler                    { return h.next }
func (h *guarded) Requirement(r *http.Request) Requirement { return h.guard.Requirement(r) }
func (h *guarded) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if isPreflight(r) {
		p := h.rules(r).Preflight
		if p == nil && h.guard.rules != nil {
			p = h.guard.rules.Preflight
		}
		if p != nil {
			p.ServeHTTP(w, r)
			return
		}
	}
	err := h.guard.check(r)
	if err == nil {
		if res, ok := authstar.ResultFrom(r.Context()); ok {
			addVary(w.Header(), res.Vary())
			if res.Scheme.In == "query" { // RFC 6750 section 2.3
				w.Header().Set("Cache-Control", "private")
			}
		}
		if h.guard.rules != nil && outermost(r.Context()) == nil {
			r = r.WithContext(&rulesContext{Context: r.Context(), rules: h.guard.rules})
		}
		h.next.ServeHTTP(w, r)
		return
	}
	h.rules(r).refuse(w, r, err)
}

// rules are those that speak for the guard.
func (h *guarded) rules(r *http.Request) *Rules {
	if rules := outermost(r.Context()); rules != nil {
		return rules
	}
	if h.guard.rules != nil {
		return h.guard.rules
	}
	return new(Rules)
}

// rulesContext hands the outermost guard's rules to the guards inside.
type rulesContext struct {
	context.Context
	rules *Rules
}

type rulesKey struct{}

func (c *rulesContext) Value(key any) any {
	if key == (rulesKey{}) {
		return c.rules
	}
	return c.Context.Value(key)
}

func outermost(ctx context.Context) *Rules {
	rules, _ := ctx.Value(rulesKey{}).(*Rules)
	return rules
}

func addVary(h http.Header, value string) {
	if value == "" {
		return
	}
	have := h["Vary"]
	if len(have) > 0 && slices.Contains(have, value) {
		return
	}
	h["Vary"] = append(have, value)
}

func (s *Rules) refuse(w http.ResponseWriter, r *http.Request, err *authstar.Error) {
	// The client of a cancelled request is gone, and its 5xx are nobody's fault.
	if err.Status() >= 500 && errors.Is(r.Context().Err(), context.Canceled) {
		response.Abandon(r)
		return
	}
	if s.NoCredentials != 0 && err.Code == "" && errors.Is(err.Err, authstar.ErrNoCredentials) {
		changed := *err
		changed.StatusCode = s.NoCredentials
		err = &changed
	}
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	if c := challenges(r, err); len(c) > 0 {
		h["Www-Authenticate"] = c
	}
	if err.Code == authstar.TemporarilyUnavailable {
		h.Set("Retry-After", response.RetryAfter(err.RetryAfter))
	}
	if s.Observe != nil || s.Refuse != nil || s.WebSocketRefuse != nil {
		own := *err // err may be that of all requests, and the application may change it
		err = &own
	}
	if s.Observe != nil {
		s.Observe(r.Context(), err)
	}
	switch {
	case s.WebSocketRefuse != nil && websocket.IsHandshake(r):
		s.WebSocketRefuse(w, r, err)
	case s.Refuse != nil:
		s.Refuse(w, r, err)
	default:
		write(w, err)
	}
}

// challenges renders one challenge per scheme for a client that has to come
// with other credentials, and that of the scheme in use for one whose
// credentials were understood.
func challenges(r *http.Request, err *authstar.Error) []string {
	res, _ := authstar.ResultFrom(r.Context())
	status := err.Status()
	again := status == http.StatusUnauthorized || err.Code == ""
	if !again {
		decided := res.Client != nil || res.Err == err // else the guard did not ask who it is
		if res.Scheme.ID == "" || !decided || status != http.StatusBadRequest && status != http.StatusForbidden {
			return nil
		}
		return []string{res.Scheme.Challenge(err)}
	}
	var list []string
	plain := res.Scheme.Challenge(nil)
	for i := range res.Schemes {
		s := &res.Schemes[i]
		c := s.Challenge(nil)
		switch {
		case res.Scheme.ID == "" || c != plain:
		case s.ID == res.Scheme.ID:
			c = s.Challenge(err)
		default: // the same, in another place of the request
			continue
		}
		if !slices.Contains(list, c) {
			list = append(list, c)
		}
	}
	if len(list) == 0 { // RFC 9110 section 15.5.2: a 401 has a challenge
		list = []string{authstar.Scheme{AuthScheme: "Bearer"}.Challenge(err)}
	}
	return list
}

// write is the body that a refusal has unless Rules say otherwise. What went
// wrong inside the program stays there.
func write(w http.ResponseWriter, err *authstar.Error) {
	body := struct {
		Error       string `json:"error"`
		Description string `json:"error_description,omitempty"`
		Scope       string `json:"scope,omitempty"`
	}{Error: string(err.Code)}
	if body.Error == "" {
		body.Error = "unauthorized"
	}
	status := err.Status()
	if status < 500 {
		body.Description, body.Scope = err.Description, strings.Join(err.Scope, " ")
	}
	b, _ := json.Marshal(body)
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_, _ = w.Write(append(b, '\n'))
}
