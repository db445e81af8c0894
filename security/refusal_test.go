package security_test

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/authstar/authstar"
	"github.com/authstar/authstar/authenticators"
	"github.com/authstar/authstar/security"
)

var allChallenges = []string{`Bearer realm="api"`, `Basic realm="orders", charset="UTF-8"`, `ApiKey realm="api"`, `Cookie realm="api"`}

func withError(i int, challenge string) []string {
	list := slices.Clone(allChallenges)
	list[i] = challenge
	return list
}

func guardedMux() *http.ServeMux {
	mux := http.NewServeMux()
	mux.Handle("/me", security.Authenticated().HandlerFunc(whoami))
	mux.Handle("/write", security.Scopes("write", "manage").HandlerFunc(whoami))
	mux.Handle("/all", security.AllScopes("read", "write").And(security.Scopes("audit", "admin"), security.Scopes("read")).HandlerFunc(whoami))
	either := security.AnyOf(security.Scopes("write"), security.Scopes("admin"))
	mux.Handle("/either-first", either.And(security.Scopes("audit")).HandlerFunc(whoami))
	mux.Handle("/either-last", security.Scopes("audit").And(either).HandlerFunc(whoami))
	mux.Handle("/either-except", security.Scopes("audit").And(either.Except("/either-public"), security.Authenticated().And(security.Scopes("deep"))).HandlerFunc(whoami))
	mux.Handle("/either-public", security.Scopes("audit").And(either.Except("/either-public")).HandlerFunc(whoami))
	mux.Handle("/internal", security.Internal().HandlerFunc(whoami))
	mux.Handle("/internal-optional", security.Internal().And(security.Optional()).HandlerFunc(whoami))
	mux.Handle("/claim", security.Claim("tier", "gold").HandlerFunc(whoami))
	mux.Handle("/stepup", security.Require("mfa", func(*http.Request, authstar.Client) error {
		return &authstar.Error{Code: authstar.InsufficientUserAuthentication, Description: "a second factor is needed"}
	}).HandlerFunc(whoami))
	mux.Handle("/busy", security.Require("quota", func(*http.Request, authstar.Client) error {
		return &authstar.Error{Code: authstar.TemporarilyUnavailable, Description: "internal detail", RetryAfter: 1500 * time.Millisecond}
	}).HandlerFunc(whoami))
	return mux
}

const insufficient = `{"error":"insufficient_scope","error_description":"the client was not granted what this resource needs","scope":`

func TestRefusal(t *testing.T) {
	bearer := func(token string) []string { return []string{"Authorization", "Bearer " + token} }
	basic := func(credentials string) []string { return []string{"Authorization", "Basic " + credentials} }
	needs := func(scope string) []string {
		return []string{`Bearer error="insufficient_scope", error_description="the client was not granted what this resource needs", scope="` + scope + `"`}
	}
	const internalOnly = `{"error":"access_denied","error_description":"this resource is for the internal network"}`
	for _, row := range []struct {
		name       string
		path       string
		headers    []string
		status     int
		challenges []string
		body       string
	}{
		{"RS-01 nothing presented challenges every scheme without an error", "/me", nil, 401, allChallenges, `{"error":"unauthorized","error_description":"authentication is required"}`},
		{"RS-01 a client passes", "/me", bearer("reader"), 200, nil, ""},
		{"RS-02 a bad token is invalid_token", "/me", bearer("bad"), 401, withError(0, `Bearer error="invalid_token", error_description="the token is not valid"`), `{"error":"invalid_token","error_description":"the token is not valid"}`},
		{"RS-02 a bad key is invalid_client", "/me", []string{"X-API-Key", "bad"}, 401, withError(2, `ApiKey error="invalid_client", error_description="the API key is not known"`), `{"error":"invalid_client","error_description":"the API key is not known"}`},
		{"RS-17 a bad password", "/me", basic("Ym9iOmJhZA=="), 401, allChallenges, `{"error":"invalid_client","error_description":"the user name or the password is wrong"}`},
		{"RS-17 a good password passes", "/me", basic("Ym9iOnNlY3JldA=="), 200, nil, ""},
		{"RS-04 a 403 challenges the scheme that was used, with the scope", "/write", bearer("reader"), 403, []string{`Bearer error="insufficient_scope", error_description="the client was not granted what this resource needs", scope="write"`}, insufficient + `"write"}`},
		{"RS-04 a 403 challenges the scheme that was used, Basic", "/write", basic("Ym9iOnNlY3JldA=="), 403, allChallenges[1:2], insufficient + `"write"}`},
		{"RS-04 a 403 challenges the scheme that was used, an API key", "/write", []string{"X-API-Key", "key1"}, 403, []string{`ApiKey error="insufficient_scope", error_description="the client was not granted what this resource needs", scope="write"`}, insufficient + `"write"}`},
		{"RS-04 the scope passes", "/write", bearer("writer"), 200, nil, ""},
		{"RS-04 all missing scopes are named", "/all", bearer("reader"), 403, []string{`Bearer error="insufficient_scope", error_description="the client was not granted what this resource needs", scope="write audit"`}, insufficient + `"write audit"}`},
		{"RS-04 all scopes are named once", "/all", bearer("nothing"), 403, []string{`Bearer error="insufficient_scope", error_description="the client was not granted what this resource needs", scope="read write audit"`}, insufficient + `"read write audit"}`},
		{"RS-04 the first alternative's scopes are named, of a guard before", "/either-first", bearer("reader"), 403, needs("write audit"), insufficient + `"write audit"}`},
		{"RS-04 the first alternative's scopes are named, of a guard behind", "/either-last", bearer("reader"), 403, needs("audit write"), insufficient + `"audit write"}`},
		{"RS-04 those of a guard with an exception too", "/either-except", bearer("reader"), 403, needs("audit write deep"), insufficient + `"audit write deep"}`},
		{"RS-04 those of a guard that is not asked are not", "/either-public", bearer("reader"), 403, needs("audit"), insufficient + `"audit"}`},
		{"a 403 that does not depend on the credential challenges nobody", "/internal", bearer("bad"), 403, nil, internalOnly},
		{"nor does one beside Optional", "/internal-optional", bearer("bad"), 403, nil, internalOnly},
		{"a client outside is challenged by its scheme", "/internal", bearer("reader"), 403, []string{`Bearer error="access_denied", error_description="this resource is for the internal network"`}, internalOnly},
		{"G01 a missing claim is access_denied", "/claim", bearer("reader"), 403, []string{`Bearer error="access_denied", error_description="a claim of the client is missing or has another value"`}, `{"error":"access_denied","error_description":"a claim of the client is missing or has another value"}`},
		{"RS-05 two Authorization headers", "/me", []string{"Authorization", "Bearer reader", "Authorization", "Bearer writer"}, 400, []string{`Bearer error="invalid_request", error_description="there is more than one Authorization header"`}, `{"error":"invalid_request","error_description":"there is more than one Authorization header"}`},
		{"a step-up challenges the scheme that was used", "/stepup", bearer("reader"), 401, withError(0, `Bearer error="insufficient_user_authentication", error_description="a second factor is needed"`), `{"error":"insufficient_user_authentication","error_description":"a second factor is needed"}`},
		{"N06 an outage has no detail and no challenge", "/me", bearer("down"), 503, nil, `{"error":"temporarily_unavailable"}`},
		{"N06 an outage of a check neither", "/busy", bearer("reader"), 503, nil, `{"error":"temporarily_unavailable"}`},
	} {
		t.Run(row.name, func(t *testing.T) {
			w := serve(newChain(t).Handler(guardedMux()), request("GET", row.path, row.headers...))
			if w.Code != row.status {
				t.Fatalf("status %d, want %d", w.Code, row.status)
			}
			if got := w.Header().Values("WWW-Authenticate"); !slices.Equal(got, row.challenges) {
				t.Errorf("challenges\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(row.challenges, "\n"))
			}
			if row.status == 200 {
				return
			}
			if got := w.Body.String(); got != row.body+"\n" {
				t.Errorf("body %swant %s", got, row.body)
			}
			h := w.Header()
			if h.Get("Cache-Control") != "no-store" || h.Get("Content-Type") != "application/json" || h.Get("X-Content-Type-Options") != "nosniff" {
				t.Errorf("headers %v", h) // RS-14
			}
			if (h.Get("Retry-After") != "") != (row.status == 503) {
				t.Errorf("Retry-After %q", h.Get("Retry-After"))
			}
		})
	}
}

func TestRetryAfter(t *testing.T) {
	for d, want := range map[time.Duration]string{0: "1", -time.Hour: "1", time.Nanosecond: "1", time.Second: "1", 1500 * time.Millisecond: "2", time.Minute: "60"} {
		g := security.Require("busy", func(*http.Request, authstar.Client) error {
			return &authstar.Error{Code: authstar.TemporarilyUnavailable, RetryAfter: d}
		})
		if got := serve(g.HandlerFunc(unreachable(t)), as(client())).Header().Get("Retry-After"); got != want {
			t.Errorf("%v is sent as %q, want %q", d, got, want)
		}
	}
}

// M08, RS-14
func TestCachingOfPassedRequests(t *testing.T) {
	for _, row := range []struct {
		name    string
		headers []string
		handler func(http.Header)
		vary    []string
		cache   string
	}{
		{"M08 Vary lists what the chain reads", []string{"X-API-Key", "key1"}, nil, []string{"X-API-Key, Cookie"}, ""},
		{"M08 Vary is the same for another credential", []string{"Authorization", "Bearer reader"}, nil, []string{"X-API-Key, Cookie"}, ""},
		{"M08 the handler adds to Vary", []string{"X-API-Key", "key1"}, func(h http.Header) { h.Add("Vary", "Accept") }, []string{"X-API-Key, Cookie", "Accept"}, ""},
		{"M08 the handler decides on Cache-Control", []string{"X-API-Key", "key1"}, func(h http.Header) { h.Set("Cache-Control", "max-age=60") }, []string{"X-API-Key, Cookie"}, "max-age=60"},
	} {
		t.Run(row.name, func(t *testing.T) {
			inner := security.Authenticated().HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				if row.handler != nil {
					row.handler(w.Header())
				}
			})
			w := serve(newChain(t).Handler(security.Optional().Handler(inner)), request("GET", "/", row.headers...))
			if got := w.Header().Values("Vary"); w.Code != 200 || !slices.Equal(got, row.vary) || w.Header().Get("Cache-Control") != row.cache {
				t.Errorf("status %d, headers %v", w.Code, w.Header())
			}
		})
	}
}

// RS-12: of two schemes with one ID, that of the chain that refused has the error.
func TestChallengesOfNestedChains(t *testing.T) {
	named := func(realm string, verify authenticators.TokenVerifierFunc) *authstar.Chain {
		return chainOf(t, authenticators.NewBearer(verify).WithRealm(realm))
	}
	outer := named("outer", func(context.Context, string) (authstar.Client, error) { return client(), nil })
	inner := named("inner", func(context.Context, string) (authstar.Client, error) { return nil, nil })
	w := serve(outer.Handler(inner.Handler(security.Authenticated().HandlerFunc(unreachable(t)))), request("GET", "/", "Authorization", "Bearer x"))
	want := []string{`Bearer realm="outer"`, `Bearer realm="inner", error="invalid_token", error_description="the token is not valid"`}
	if got := w.Header().Values("WWW-Authenticate"); w.Code != 401 || !slices.Equal(got, want) {
		t.Errorf("status %d, challenges %q", w.Code, got)
	}
}

// RS-12: a WithClient context has no schemes, and its 401 a challenge all the
// same (RFC 9110 section 15.5.2).
func TestChallengeWithoutSchemes(t *testing.T) {
	w := serve(security.Authenticated().HandlerFunc(unreachable(t)), as(nil))
	if got := w.Header().Values("WWW-Authenticate"); w.Code != 401 || !slices.Equal(got, []string{`Bearer realm="api"`}) {
		t.Errorf("status %d, challenges %q", w.Code, got)
	}
}

// X10: what was written stays written, and the handler does not run.
func TestGuardAfterTheFirstWrite(t *testing.T) {
	guarded := security.Authenticated().HandlerFunc(unreachable(t))
	w := serve(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(202)
		guarded.ServeHTTP(w, as(nil))
	}), request("GET", "/"))
	if w.Code != 202 {
		t.Errorf("status %d", w.Code)
	}
}
