package security

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/authstar/authstar"
)

// MaxAge passes clients whose user logged in at most that long ago, by the claim
// "auth_time" (OpenID Connect Core section 2, in seconds). Others, and clients
// without the claim, are asked to log in again: 401
// insufficient_user_authentication with max_age (RFC 9470 section 3). So are
// those whose login is more than a minute ahead of the clock. The duration is at
// least one second and counts in whole seconds, rounded down; so do the ages of
// logins, as with authorization servers.
//
// A client that is no [authstar.Identity] has a method Claim(string) (any, bool)
// for "auth_time"; for a session that is the time of its login.
func MaxAge(d time.Duration) Guard { return Rules{}.MaxAge(d) }

// ACR passes clients whose login satisfied one of the authentication context
// classes, by the claim "acr". Others are asked to log in in that way: 401
// insufficient_user_authentication with acr_values (RFC 9470 section 3).
func ACR(values ...string) Guard { return Rules{}.ACR(values...) }

// MaxAge is the function [MaxAge] under these rules.
func (s Rules) MaxAge(d time.Duration) Guard {
	if d < time.Second {
		panic(fmt.Sprintf("security: MaxAge(%v): must be at least one second", d))
	}
	now := s.Now
	if now == nil {
		now = time.Now
	}
	return s.guard(&maxAge{most: d.Truncate(time.Second), now: now})
}

// ACR is the function [ACR] under these rules.
func (s Rules) ACR(values ...string) Guard {
	if len(values) == 0 || slices.ContainsFunc(values, func(v string) bool { return !isScope(v) }) {
		panic(fmt.Sprintf("security: ACR(%q): needs values without spaces, quotes and control characters", values))
	}
	return s.guard(&acr{values: slices.Clone(values)})
}

// stepUp asks the user to log in again. The token is good for other things.
func stepUp(maxAge time.Duration, values []string) *authstar.Error {
	return &authstar.Error{
		Code:        authstar.InsufficientUserAuthentication,
		Description: "a more recent or a stronger login is required",
		MaxAge:      maxAge, ACRValues: values,
	}
}

func claimOf(client authstar.Client, name string) any {
	c, ok := client.(interface{ Claim(string) (any, bool) })
	if !ok {
		return nil
	}
	v, _ := c.Claim(name)
	return v
}

// clockSkew is how many seconds the clock of an issuer may be ahead of ours. A
// time further ahead, such as one in milliseconds, would make a login that never
// ages.
const clockSkew = 60

type maxAge struct {
	most time.Duration
	now  func() time.Time
}

func (p *maxAge) requirement(*http.Request) Requirement {
	return Requirement{Any: []All{{Checks: []string{"login at most " + p.most.String() + " ago"}}}}
}

func (p *maxAge) check(r *http.Request) *authstar.Error {
	client, err := who(r)
	if err != nil {
		return err
	}
	if at, ok := seconds(claimOf(client, "auth_time")); ok {
		age := p.now().Unix() - at.Unix()
		if age <= int64(p.most/time.Second) && age >= -clockSkew {
			return nil
		}
	}
	return stepUp(p.most, nil)
}

// seconds reads a NumericDate, of a token or of the application's own client.
func seconds(v any) (time.Time, bool) {
	switch v := v.(type) {
	case time.Time:
		return v, !v.IsZero()
	case json.Number:
		n, err := v.Int64()
		if err != nil {
			f, err := v.Float64()
			return time.Unix(int64(f), 0), err == nil && f > 0 && f < 1<<40
		}
		return time.Unix(n, 0), n > 0
	case int64:
		return time.Unix(v, 0), v > 0
	case int:
		return time.Unix(int64(v), 0), v > 0
	case float64:
		return time.Unix(int64(v), 0), v > 0 && v < 1<<40
	}
	return time.Time{}, false
}

type acr struct{ values []string }

func (p *acr) requirement(*http.Request) Requirement {
	return Requirement{Any: []All{{Checks: []string{"acr " + strings.Join(p.values, " or ")}}}}
}

func (p *acr) check(r *http.Request) *authstar.Error {
	client, err := who(r)
	if err != nil {
		return err
	}
	if value, ok := claimOf(client, "acr").(string); ok && slices.Contains(p.values, value) {
		return nil
	}
	return stepUp(0, slices.Clone(p.values))
}

// UntilExpiry ends the context of a request when the credential of its client
// expires, so that event streams, long polls and WebSockets that watch it end
// too; context.Cause is then [authstar.InvalidToken]. A client without an expiry
// is not limited. It belongs inside the guard:
//
//	mux.Handle("GET /events", security.Authenticated().Handler(security.UntilExpiry(stream)))
//
// The handler must watch the context; nothing is taken from under it.
func UntilExpiry(next http.Handler) http.Handler {
	notNil(next)
	return &untilExpiry{next}
}

type untilExpiry struct{ next http.Handler }

func (h *untilExpiry) Unwrap() http.Handler { return h.next }

func (h *untilExpiry) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	client, _ := authstar.ClientFrom(r.Context())
	c, ok := client.(interface{ ExpiresAt() time.Time })
	if !ok || c.ExpiresAt().IsZero() {
		h.next.ServeHTTP(w, r)
		return
	}
	ctx, cancel := context.WithDeadlineCause(r.Context(), c.ExpiresAt(), authstar.InvalidToken)
	defer cancel()
	h.next.ServeHTTP(w, r.WithContext(ctx))
}
