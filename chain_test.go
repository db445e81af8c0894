package authstar_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/authstar/authstar"
	"github.com/authstar/authstar/security"
)

// chainRow is one request to the fixture. With status 200, says is the client
// that the handler saw; else it is what one of the challenges begins with, or
// empty for a refusal without any.
type chainRow struct {
	name    string
	path    string
	headers []string
	status  int
	says    string
	ran     string
}

var chainRows = []chainRow{
	{"C01 a bad bearer does not fall through to the session", "/me", []string{"Authorization", "Bearer " + badToken, "Cookie", "sid=" + carolSID}, 401, `Bearer error="invalid_token"`, "bearer"},
	{"C01 a bad bearer does not fall through to the session's admin scope", "/admin", []string{"Authorization", "Bearer " + badToken, "Cookie", "sid=" + carolSID}, 401, `Bearer error="invalid_token"`, "bearer"},
	{"C01 the session alone opens the admin route", "/admin", []string{"Cookie", "sid=" + carolSID}, 200, "carol", "session"},
	{"C01 a good bearer alone is its client", "/me", []string{"Authorization", "Bearer " + aliceToken}, 200, "alice", "bearer"},

	{"C02 an opaque token of nobody is refused", "/me", []string{"Authorization", "Bearer opaque123", "Cookie", "sid=" + carolSID}, 401, `Bearer error="invalid_token"`, "bearer"},
	{"C02 an opaque token of nobody is anonymous on an open route", "/open", []string{"Authorization", "Bearer opaque123", "Cookie", "sid=" + carolSID}, 200, "-", "bearer"},
	{"C02 a verifier that says not mine does not let the chain go on", "/me", []string{"Authorization", "Bearer " + notMine, "Cookie", "sid=" + carolSID}, 401, `Bearer error="invalid_token"`, "bearer"},

	{"C03 a bad token is anonymous on an open route", "/open", []string{"Authorization", "Bearer " + badToken}, 200, "-", "bearer"},
	{"C03 a good token is its client on an open route", "/open", []string{"Authorization", "Bearer " + aliceToken}, 200, "alice", "bearer"},

	{"C04 a bad API key does not fall through to the session", "/me", []string{"X-API-Key", "wrong-key", "Cookie", "sid=" + carolSID}, 401, `ApiKey error="invalid_client"`, "apikey"},
	{"C04 a good API key beside a session is the key's client", "/me", []string{"X-API-Key", machineKey, "Cookie", "sid=" + carolSID}, 200, "machine", "apikey"},

	{"C05 a bad Basic does not fall through to the API key", "/me", []string{"Authorization", basicAuth("bob", "wrong-password"), "X-API-Key", machineKey}, 401, `Basic realm="orders", charset="UTF-8"`, "basic"},
	{"C05 a good Basic beside an API key is the user", "/me", []string{"Authorization", basicAuth("bob", bobPassword), "X-API-Key", machineKey}, 200, "bob", "basic"},

	{"C06 the first authenticator decides", "/me", []string{"Authorization", "Bearer " + aliceToken, "X-API-Key", machineKey, "Cookie", "sid=" + carolSID}, 200, "alice", "bearer"},
	{"C06 the order of the headers does not matter", "/me", []string{"Cookie", "sid=" + carolSID, "X-API-Key", machineKey, "Authorization", "Bearer " + aliceToken}, 200, "alice", "bearer"},
	{"C06 the scopes of several clients are not merged", "/admin", []string{"Authorization", "Bearer " + aliceToken, "Cookie", "sid=" + carolSID}, 403, `Bearer error="insufficient_scope"`, "bearer"},

	{"C08 Bearer with nothing is malformed", "/me", []string{"Authorization", "Bearer", "Cookie", "sid=" + carolSID}, 400, `Bearer error="invalid_request"`, ""},
	{"C08 Bearer with a space is malformed", "/me", []string{"Authorization", "Bearer ", "Cookie", "sid=" + carolSID}, 400, `Bearer error="invalid_request"`, ""},
	{"C08 Bearer with nothing leaves open routes open", "/open", []string{"Authorization", "Bearer"}, 200, "-", ""},
	{"C08 Basic with nothing is malformed", "/me", []string{"Authorization", "Basic", "Cookie", "sid=" + carolSID}, 400, `Basic realm="orders"`, ""},
	{"C08 an empty Authorization header is absent", "/me", []string{"Authorization", ""}, 401, `Bearer realm="api"`, ""},
	{"C08 an empty Authorization header lets the session decide", "/me", []string{"Authorization", "", "Cookie", "sid=" + carolSID}, 200, "carol", "session"},
	{"C08 an empty API key is absent", "/me", []string{"X-API-Key", ""}, 401, `Bearer realm="api"`, ""},
	{"C08 an empty API key lets the session decide", "/me", []string{"X-API-Key", "", "Cookie", "sid=" + carolSID}, 200, "carol", "session"},
	{"C08 an empty cookie is absent", "/me", []string{"Cookie", "sid="}, 401, `Bearer realm="api"`, ""},

	{"C09 no client and no error is an unknown token", "/me", []string{"Authorization", "Bearer " + badToken, "X-API-Key", machineKey}, 401, `Bearer error="invalid_token"`, "bearer"},
	{"C09 the next kind is asked when nothing of this kind was presented", "/me", []string{"X-API-Key", machineKey}, 200, "machine", "apikey"},

	{"C10 a verifier that fails is an outage, not the session's client", "/me", []string{"Authorization", "Bearer " + downToken, "Cookie", "sid=" + carolSID}, 503, "", "bearer"},
	{"C10 a verifier that fails leaves open routes open", "/open", []string{"Authorization", "Bearer " + downToken, "Cookie", "sid=" + carolSID}, 200, "-", "bearer"},

	{"C17 a client with an empty id is an unknown token", "/me", []string{"Authorization", "Bearer " + emptyToken, "Cookie", "sid=" + carolSID}, 401, `Bearer error="invalid_token"`, "bearer"},
	{"C17 a client with an empty id is nobody on an open route", "/open", []string{"Authorization", "Bearer " + emptyToken}, 200, "-", "bearer"},
	{"X04 a typed nil client is an unknown token", "/me", []string{"Authorization", "Bearer " + nilToken, "Cookie", "sid=" + carolSID}, 401, `Bearer error="invalid_token"`, "bearer"},

	{"C19 identity headers of proxies are not read", "/me", []string{"X-Remote-User", "root", "X-Forwarded-User", "root", "X-Authstar-Client", "root"}, 401, `Bearer realm="api"`, ""},
	{"C19 identity headers of proxies do not change the client", "/me", []string{"X-Remote-User", "root", "X-API-Key", machineKey}, 200, "machine", "apikey"},

	{"C20 a stale cookie leaves open routes open", "/open", []string{"Cookie", "sid=stale"}, 200, "-", "session"},
	{"C20 a stale cookie is no credential", "/me", []string{"Cookie", "sid=stale"}, 401, `Bearer realm="api"`, "session"},
	{"C20 a bad token is refused where the guard is Optional", "/optional", []string{"Authorization", "Bearer " + badToken}, 401, `Bearer error="invalid_token"`, "bearer"},
	{"C20 an anonymous request passes Optional", "/optional", nil, 200, "-", ""},
	{"C20 a good token passes Optional", "/optional", []string{"Authorization", "Bearer " + aliceToken}, 200, "alice", "bearer"},

	{"RS-05 two Authorization headers are ambiguous", "/me", []string{"Authorization", "Bearer " + aliceToken, "Authorization", "Bearer " + aliceToken}, 400, `Bearer error="invalid_request"`, ""},
}

func TestChain(t *testing.T) {
	for _, row := range chainRows {
		t.Run(row.name, func(t *testing.T) {
			ran := new(trace)
			w := serve(mustNew(t, kinds(ran)...).Handler(routes(security.Rules{})), request(row.path, row.headers...))
			if w.Code != row.status || ran.String() != row.ran {
				t.Fatalf("status %d after callbacks %q, want %d after %q", w.Code, ran, row.status, row.ran)
			}
			body, challenges := w.Body.String(), w.Header().Values("WWW-Authenticate")
			switch {
			case row.status == 200:
				if body != row.says {
					t.Errorf("client %q, want %q", body, row.says)
				}
				return
			case row.says == "" && len(challenges) > 0:
				t.Errorf("challenges %q, want none", challenges)
			case row.says != "" && !slices.ContainsFunc(challenges, func(c string) bool { return strings.HasPrefix(c, row.says) }):
				t.Errorf("challenges %q, none begins with %q", challenges, row.says)
			}
			if strings.Contains(body, cause) {
				t.Errorf("the body has the cause of the failure: %s", body) // C10
			}
		})
	}
}

// C20: around the whole mux, Optional is the strict mode.
func TestStrictMode(t *testing.T) {
	mux := routes(security.Rules{})
	mux.HandleFunc("/oauth2/token", whoami)
	strict := security.Optional().Except("/oauth2/token").Handler(mux)
	for _, row := range []struct {
		name, path, token string
		status            int
	}{
		{"a bad token is refused on an open route", "/open", badToken, 401},
		{"a good token passes on an open route", "/open", aliceToken, 200},
		{"no token passes on an open route", "/open", "", 200},
		{"an exception stays reachable with a bad token", "/oauth2/token", badToken, 200},
	} {
		t.Run(row.name, func(t *testing.T) {
			r := request(row.path)
			if row.token != "" {
				r.Header.Set("Authorization", "Bearer "+row.token)
			}
			if w := serve(mustNew(t, kinds(new(trace))...).Handler(strict), r); w.Code != row.status {
				t.Errorf("status %d, want %d", w.Code, row.status)
			}
		})
	}
}

// C14: of two chains around one handler.
func TestNestedChains(t *testing.T) {
	ran := new(trace)
	all := kinds(ran)
	for _, row := range []struct {
		name         string
		outer, inner []authstar.Authenticator
		headers      []string
		status       int
		client       string
	}{
		{"C14 the same chain twice finds the same client", all, all, []string{"Authorization", "Bearer " + aliceToken}, 200, "alice"},
		{"C14 an inner chain without credentials leaves the outer client", all[:1], all[2:], []string{"Authorization", "Bearer " + aliceToken}, 200, "alice"},
		{"C14 an inner chain without credentials leaves the outer refusal", all[:1], all[2:], []string{"Authorization", "Bearer " + badToken}, 401, ""},
		{"C14 an inner chain that authenticates replaces the outer client", all[:1], all[3:], []string{"Authorization", "Bearer " + aliceToken, "Cookie", "sid=" + carolSID}, 200, "carol"},
		{"C14 an inner chain that refuses replaces the outer client", all[3:], all[:1], []string{"Authorization", "Bearer " + badToken, "Cookie", "sid=" + carolSID}, 401, ""},
		{"C14 two chains without credentials are anonymous", all[:1], all[2:], nil, 401, ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			h := mustNew(t, row.outer...).Handler(mustNew(t, row.inner...).Handler(routes(security.Rules{})))
			w := serve(h, request("/me", row.headers...))
			if w.Code != row.status || row.status == 200 && w.Body.String() != row.client {
				t.Errorf("status %d, body %q; want %d, %q", w.Code, w.Body, row.status, row.client)
			}
		})
	}
}

// C14, RS-01, M08: of two chains, the client learns how it may come, caches learn
// what the answer depends on, and logs which chain decided.
func TestNestedChainsTellOfBoth(t *testing.T) {
	all := kinds(new(trace))
	var explained string
	h := mustNew(t, all[2]).Handler(mustNew(t, all[0], all[3]).Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		res, _ := authstar.ResultFrom(r.Context())
		explained = res.Explain()
		routes(security.Rules{}).ServeHTTP(w, r)
	})))
	for _, row := range []struct {
		name       string
		headers    []string
		status     int
		challenges string
		explained  string
	}{
		{"nobody", nil, 401, `ApiKey realm="api"; Bearer realm="api"; Cookie realm="api"`,
			"X-API-Key: no credentials; bearer: no credentials; sid: no credentials"},
		{"a client of the outer one", []string{"X-API-Key", machineKey}, 200, "", `X-API-Key: authenticated "machine"`},
		{"a client of the inner one", []string{"Authorization", "Bearer " + aliceToken}, 200, "", `bearer: authenticated "alice"; sid: not asked`},
		{"a bad credential of the outer one", []string{"X-API-Key", "x"}, 401,
			`ApiKey error="invalid_client", error_description="the API key is not known"; Bearer realm="api"; Cookie realm="api"`,
			"X-API-Key: invalid_client: the API key is not known"},
		{"what the inner one misses is told", []string{"Authorization", "Bearer " + notMine}, 401,
			`ApiKey realm="api"; Bearer error="invalid_token", error_description="the token is not valid"; Cookie realm="api"`,
			"bearer: invalid_token: the token is not valid; sid: not asked"},
	} {
		t.Run(row.name, func(t *testing.T) {
			for range 2 {
				w := serve(h, request("/me", row.headers...))
				if got := strings.Join(w.Header().Values("WWW-Authenticate"), "; "); w.Code != row.status || got != row.challenges {
					t.Errorf("C14 %d %s", w.Code, got)
				}
				if row.status == 200 && w.Header().Get("Vary") != "X-API-Key, Cookie" {
					t.Errorf("M08 Vary %q", w.Header().Values("Vary"))
				}
				if explained != row.explained {
					t.Errorf("%s", explained)
				}
			}
		})
	}
}

// Of three chains, the one that decided is explained.
func TestDeeplyNestedChainsExplain(t *testing.T) {
	all := kinds(new(trace))
	var explained string
	h := mustNew(t, all[0], all[1]).Handler(mustNew(t, all[2]).Handler(mustNew(t, all[3]).Handler(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		res, _ := authstar.ResultFrom(r.Context())
		explained = res.Explain()
	}))))
	for want, headers := range map[string][]string{
		`bearer: authenticated "alice"; basic: not asked`: {"Authorization", "Bearer " + aliceToken},
		`X-API-Key: authenticated "machine"`:              {"X-API-Key", machineKey},
		`sid: authenticated "carol"`:                      {"Cookie", "sid=" + carolSID},
		"bearer: no credentials; basic: no credentials; X-API-Key: no credentials; sid: no credentials": nil,
	} {
		if serve(h, request("/", headers...)); explained != want {
			t.Errorf("%s, want %s", explained, want)
		}
	}
}

// Two misses of two chains are told apart.
func TestNestedChainsExplainMisses(t *testing.T) {
	miss := func(id string) authstar.Authenticator {
		return authstar.AuthenticatorFunc(authstar.Scheme{ID: id}, func(*http.Request) (authstar.Client, error) {
			return nil, fmt.Errorf("no %s: %w", id, authstar.ErrNoCredentials)
		})
	}
	var explained string
	inner := mustNew(t, miss("b"), miss("c")).Handler(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		res, _ := authstar.ResultFrom(r.Context())
		explained = res.Explain()
	}))
	serve(mustNew(t, miss("a")).Handler(inner), request("/"))
	if want := "a: no a: authstar: no credentials; b: no b: authstar: no credentials; c: no c: authstar: no credentials"; explained != want {
		t.Errorf("%s", explained)
	}
	serve(mustNew(t, miss("x"), miss("y")).Handler(inner), request("/"))
	if !strings.HasPrefix(explained, "x: no x") || !strings.Contains(explained, "c: no c") || strings.Contains(explained, "a: ") {
		t.Errorf("inside another chain: %s", explained)
	}
}

// C18: the request that outer middleware sees is not touched, and credentials
// stay on the one that the handler sees.
func TestRequestIsNotModified(t *testing.T) {
	r := request("/me", "Authorization", "Bearer "+aliceToken, "X-API-Key", machineKey, "Sec-WebSocket-Protocol", "chat")
	header, ctx := r.Header.Clone(), r.Context()
	h := mustNew(t, kinds(new(trace))...).Handler(security.Authenticated().HandlerFunc(func(w http.ResponseWriter, inner *http.Request) {
		if inner == r {
			t.Error("the handler got the caller's request")
		}
		for name, want := range header {
			if got := inner.Header[name]; !slices.Equal(got, want) {
				t.Errorf("the handler sees %s %q, want %q", name, got, want)
			}
		}
		whoami(w, inner)
	}))
	if w := serve(h, r); w.Body.String() != "alice" {
		t.Fatalf("client %q, want alice", w.Body)
	}
	if r.Context() != ctx || len(r.Header) != len(header) {
		t.Error("the caller's request was modified")
	}
	if _, ok := authstar.ClientFrom(r.Context()); ok {
		t.Error("the caller's context has a client")
	}
}
