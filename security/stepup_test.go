package security_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/authstar/authstar"
	"github.com/authstar/authstar/security"
)

// loggedIn is a client with claims of its own.
type loggedIn struct {
	authstar.Identity
	claims map[string]any
}

func (c *loggedIn) Claim(name string) (any, bool) { v, ok := c.claims[name]; return v, ok }

func stepUpRequest(claims map[string]any) *http.Request {
	r := httptest.NewRequest("GET", "/danger", nil)
	return r.WithContext(authstar.WithClient(r.Context(), &loggedIn{authstar.Identity{ID: "alice"}, claims}))
}

func TestStepUp(t *testing.T) {
	now := time.Unix(1_800_000_000, 900_000_000)
	rules := security.Rules{Now: func() time.Time { return now }}
	fresh := rules.MaxAge(5 * time.Minute)
	strong := security.ACR("phr", "phrh")
	tests := []struct {
		name   string
		guard  security.Guard
		claims map[string]any
		passes bool
	}{
		{"a login of just now", fresh, map[string]any{"auth_time": now.Unix()}, true},
		{"a login as old as may be", fresh, map[string]any{"auth_time": now.Add(-5 * time.Minute).Unix()}, true},
		{"a login one second older", fresh, map[string]any{"auth_time": now.Add(-5*time.Minute - time.Second).Unix()}, false},
		{"a session's login as old as may be", fresh, map[string]any{"auth_time": now.Add(-5*time.Minute - 100*time.Millisecond)}, true},
		{"a session's login that is older", fresh, map[string]any{"auth_time": now.Add(-5*time.Minute - time.Second)}, false},
		{"a session's login time", fresh, map[string]any{"auth_time": now.Add(-time.Minute)}, true},
		{"a login by a clock that is ahead", fresh, map[string]any{"auth_time": now.Add(time.Minute).Unix()}, true},
		{"a login in the future", fresh, map[string]any{"auth_time": now.Add(time.Minute + time.Second).Unix()}, false},
		{"a login time in milliseconds", fresh, map[string]any{"auth_time": json.Number("1800000000000")}, false},
		{"a login time as tokens have it", fresh, map[string]any{"auth_time": json.Number("1799999700.5")}, true},
		{"a login time that is too large", fresh, map[string]any{"auth_time": json.Number("1e300")}, false},
		{"a login time below zero", fresh, map[string]any{"auth_time": json.Number("-1")}, false},
		{"no login time", fresh, nil, false},
		{"a login time that is no number", fresh, map[string]any{"auth_time": "now"}, false},
		{"a class that will do", strong, map[string]any{"acr": "phrh"}, true},
		{"another class", strong, map[string]any{"acr": "pwd"}, false},
		{"no class", strong, nil, false},
		{"a class that is a list", strong, map[string]any{"acr": []any{"phr"}}, false},
		{"both", fresh.And(strong), map[string]any{"acr": "phr", "auth_time": now.Unix()}, true},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			err := tc.guard.Check(stepUpRequest(tc.claims))
			if tc.passes != (err == nil) || err != nil && !errors.Is(err, authstar.InsufficientUserAuthentication) {
				t.Error(err)
			}
		})
	}
}

// RFC 9470 section 3.
func TestStepUpChallenge(t *testing.T) {
	h := security.MaxAge(time.Hour).And(security.ACR("phr", "phrh"), security.MaxAge(90*time.Second)).HandlerFunc(handler)
	chain := chainOf(t, authstar.AuthenticatorFunc(authstar.Scheme{ID: "bearer", AuthScheme: "Bearer"}, func(*http.Request) (authstar.Client, error) {
		return &loggedIn{Identity: authstar.Identity{ID: "alice"}}, nil
	}))
	w := httptest.NewRecorder()
	chain.Handler(h).ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	want := []string{`Bearer error="insufficient_user_authentication", error_description="a more recent or a stronger login is required", max_age="90", acr_values="phr phrh"`}
	if got := w.Header().Values("WWW-Authenticate"); w.Code != 401 || !slices.Equal(got, want) {
		t.Errorf("%d %q", w.Code, got)
	}
}

func TestStepUpNeedsArguments(t *testing.T) {
	for name, f := range map[string]func(){
		"MaxAge of nothing": func() { security.MaxAge(0) },
		"MaxAge below zero": func() { security.MaxAge(-time.Hour) },
		"ACR of nothing":    func() { security.ACR() },
		"ACR of a space":    func() { security.ACR("a b") },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s does not panic", name)
				}
			}()
			f()
		}()
	}
}

// W08
func TestUntilExpiry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var cause error
		h := security.UntilExpiry(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			select {
			case <-r.Context().Done():
				cause = context.Cause(r.Context())
			case <-time.After(time.Hour):
				cause = nil
			}
		}))
		for name, tc := range map[string]struct {
			expires time.Time
			want    error
			after   time.Duration
		}{
			"a token for two seconds": {time.Now().Add(2 * time.Second), authstar.InvalidToken, 2 * time.Second},
			"no expiry":               {time.Time{}, nil, time.Hour},
		} {
			r := httptest.NewRequest("GET", "/events", nil)
			start := time.Now()
			id := &authstar.Identity{ID: "alice", Expires: tc.expires}
			if !tc.expires.IsZero() {
				id.Expires = start.Add(2 * time.Second)
			}
			h.ServeHTTP(httptest.NewRecorder(), r.WithContext(authstar.WithClient(r.Context(), id)))
			if took := time.Since(start); !errors.Is(cause, tc.want) || took != tc.after {
				t.Errorf("%s: %v after %v", name, cause, took)
			}
		}
		h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/events", nil))
		if cause != nil {
			t.Errorf("without a client: %v", cause)
		}
	})
}
