package authserver_test

import (
	"errors"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/authstar/authstar"
	"github.com/authstar/authstar/authserver"
	"github.com/authstar/authstar/authserver/storetest"
)

func (f *fixture) revoke(who, token string, pairs ...string) answer {
	f.Helper()
	return f.post("/oauth2/revoke", who, params(url.Values{"token": {token}}, pairs...))
}

// TK-30: what is answered with 200, and what it does.
func TestRevocation(t *testing.T) {
	for name, row := range map[string]struct {
		revoke          func(f *fixture, issued answer) answer
		access, refresh bool // are alive afterwards
	}{
		"the refresh token": {func(f *fixture, a answer) answer { return f.revoke("spa", a.get("refresh_token")) }, false, false},
		"a hint that is wrong": {func(f *fixture, a answer) answer {
			return f.revoke("spa", a.get("refresh_token"), "token_type_hint", "access_token")
		}, false, false},
		"the access token": {func(f *fixture, a answer) answer { return f.revoke("spa", a.get("access_token")) }, false, true},
		"an unknown token": {func(f *fixture, _ answer) answer { return f.revoke("spa", strings.Repeat("x", 65)) }, true, true},
		"garbage":          {func(f *fixture, _ answer) answer { return f.revoke("spa", "é\x00") }, true, true},
		"a changed refresh token": {func(f *fixture, a answer) answer {
			return f.revoke("spa", a.get("refresh_token")[:22]+strings.Repeat("x", 43))
		}, true, true},
		"a changed access token":         {func(f *fixture, a answer) answer { return f.revoke("spa", a.get("access_token")+"A") }, true, true},
		"another client's refresh token": {func(f *fixture, a answer) answer { return f.revoke("other:other-secret", a.get("refresh_token")) }, true, true},
		"another client's access token":  {func(f *fixture, a answer) answer { return f.revoke("other:other-secret", a.get("access_token")) }, true, true},
		"a resource server":              {func(f *fixture, a answer) answer { return f.revoke("machine:machine-secret", a.get("access_token")) }, true, true},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			issued := f.tokens("spa")
			for range 2 { // the second time is as the first
				if a := row.revoke(f, issued); a.status != http.StatusOK || a.text != "" {
					t.Errorf("TK-30: %d %s", a.status, a.text)
				}
			}
			if row.access {
				f.wantAlive("TK-30", issued.get("access_token"))
			} else {
				f.wantDead("TK-30", issued.get("access_token"))
			}
			if a := f.refresh("spa", issued.get("refresh_token")); (a.status == http.StatusOK) != row.refresh {
				t.Errorf("the refresh token: %s", a.text)
			}
		})
	}
}

// TK-30: the last spent token speaks for its login, too.
func TestRevocationWithASpentToken(t *testing.T) {
	f := newFixture(t)
	first := f.tokens("spa")
	second := f.refresh("spa", first.get("refresh_token"))
	f.revoke("spa", first.get("refresh_token"))
	f.wantDead("TK-30", second.get("access_token"))
	if a := f.refresh("spa", second.get("refresh_token")); a.get("error") != "invalid_grant" {
		t.Errorf("%s", a.text)
	}
}

// TK-30 TK-33 O28 O29: who asks, and how.
func TestRevokeAndIntrospectAreForClients(t *testing.T) {
	f := newFixture(t)
	token := f.tokens("spa").get("access_token")
	for _, path := range []string{"/oauth2/revoke", "/oauth2/introspect"} {
		want := func(what string, a answer, status int, code string) {
			if a.status != status || a.get("error") != code || a.header.Get("Cache-Control") != "no-store" {
				t.Errorf("%s: %s: %d %s, want %d %s", path, what, a.status, a.text, status, code)
			}
		}
		want("nobody", f.post(path, "", url.Values{"token": {token}}), 401, "invalid_client")
		want("a wrong secret", f.post(path, "machine:wrong", url.Values{"token": {token}}), 401, "invalid_client")
		want("a confidential client without a secret", f.post(path, "machine", url.Values{"token": {token}}), 401, "invalid_client")
		want("no token", f.post(path, "machine:machine-secret", url.Values{}), 400, "invalid_request")
		want("two tokens", f.post(path, "machine:machine-secret", url.Values{"token": {token, token}}), 400, "invalid_request")
		get := f.serve(httptest.NewRequest("GET", issuer+path+"?token="+token, nil))
		want("GET", get, 405, "invalid_request")
		if get.header.Get("Allow") != "POST" {
			t.Errorf("%s: Allow %q", path, get.header.Get("Allow"))
		}
		r := httptest.NewRequest("POST", issuer+path+"?token="+token, nil)
		r.SetBasicAuth("machine", "machine-secret")
		want("the URL", f.serve(r), 400, "invalid_request")
	}
	if a := f.introspectAs("spa", token); a.status != 401 || a.get("error") != "invalid_client" {
		t.Errorf("TK-33: a public client: %d %s", a.status, a.text)
	}
	f.wantAlive("after all", token)
}

func (f *fixture) introspectAs(who, token string) answer {
	f.Helper()
	return f.post("/oauth2/introspect", who, url.Values{"token": {token}})
}

// TK-32
func TestIntrospection(t *testing.T) {
	f := newFixture(t)
	issued := f.tokens(confidential)
	machine := f.post("/oauth2/token", "machine:machine-secret", url.Values{"grant_type": {"client_credentials"}})
	access, refresh := issued.get("access_token"), issued.get("refresh_token")
	const dead = "{\"active\":false}\n"
	for name, a := range map[string]answer{
		"unknown":                                f.introspect("x"),
		"invented":                               f.introspect(strings.Repeat("x", 65)),
		"changed":                                f.introspect(access[:len(access)-4] + "AAAA"),
		"another client's":                       f.introspectAs("other:other-secret", access),
		"another client's refresh token":         f.introspectAs("other:other-secret", refresh),
		"a refresh token, for a resource server": f.introspect(refresh),
		"a refresh token with another secret":    f.introspectAs(confidential, refresh[:22]+strings.Repeat("x", 43)),
	} {
		if a.status != http.StatusOK || a.text != dead {
			t.Errorf("TK-32: %s: %d %s", name, a.status, a.text)
		}
	}
	a := f.introspect(access)
	want := map[string]any{
		"active": true, "scope": "read write offline_access", "client_id": "web", "token_type": "Bearer", "sub": "user-1", "iss": issuer,
		"iat": float64(f.Now().Unix()), "exp": float64(f.Now().Unix() + 600), "jti": claims(t, access)["jti"],
	}
	if aud, _ := a.body["aud"].([]any); len(aud) != 1 || aud[0] != issuer {
		t.Errorf("aud is %v", a.body["aud"])
	}
	delete(a.body, "aud")
	if !maps.Equal(a.body, want) {
		t.Errorf("introspection says %v, want %v", a.body, want)
	}
	for name, a := range map[string]answer{
		"its own":               f.introspectAs(confidential, access),
		"its own refresh token": f.introspectAs(confidential, refresh),
		"a client's token":      f.introspect(machine.get("access_token")),
	} {
		if a.body["active"] != true {
			t.Errorf("%s: %s", name, a.text)
		}
	}
	f.advance(10 * time.Minute)
	f.wantDead("TK-32 expired", access)
	if a := f.introspectAs(confidential, refresh); a.body["active"] != true {
		t.Errorf("the refresh token: %s", a.text)
	}
	f.refresh(confidential, refresh)
	if a := f.introspectAs(confidential, refresh); a.text != dead {
		t.Errorf("TK-32: a spent refresh token: %s", a.text)
	}
}

// TK-32: a refresh token is told to end when it does, unused or not.
func TestIntrospectedEnd(t *testing.T) {
	const day = 24 * time.Hour
	for name, row := range map[string]struct{ idle, lifetime, used, want time.Duration }{
		"TK-32 a new one, when nobody uses it":   {14 * day, 90 * day, 0, 14 * day},
		"TK-32 one that was used, from then on":  {14 * day, 90 * day, day, 15 * day},
		"TK-32 one of a login that ends earlier": {14 * day, 20 * day, 10 * day, 20 * day},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t, func(c *authserver.Config) { c.RefreshIdle, c.RefreshLifetime = row.idle, row.lifetime })
			begin := f.Now()
			token := f.tokens(confidential).get("refresh_token")
			if f.advance(row.used); row.used > 0 {
				token = f.refresh(confidential, token).get("refresh_token")
			}
			end, _ := f.introspectAs(confidential, token).body["exp"].(float64)
			if want := begin.Add(row.want).Unix(); int64(end) != want {
				t.Fatalf("exp is %v, want %d", end, want)
			}
			f.advance(time.Unix(int64(end), 0).Sub(f.Now()))
			if a := f.introspectAs(confidential, token); a.body["active"] != true {
				t.Errorf("at its end: %s", a.text)
			}
			f.advance(time.Second)
			if a := f.introspectAs(confidential, token); a.body["active"] != false {
				t.Errorf("after its end: %s", a.text)
			}
			if a := f.refresh(confidential, token); a.get("error") != "invalid_grant" {
				t.Errorf("after its end: %s", a.text)
			}
		})
	}
}

// TK-31: a store that is down.
func TestStoreIsDown(t *testing.T) {
	var store *storetest.Failing
	f := newFixture(t, func(c *authserver.Config) {
		c.Store = authserver.NewMemoryStore(authserver.MemoryConfig{Now: newClock().Now})
	})
	issued := f.tokens("spa")
	store = storetest.Fail(f.config.Store, 1, storetest.Since)
	down := newFixture(t, func(c *authserver.Config) { c.Store = store })
	for _, token := range []string{issued.get("access_token"), issued.get("refresh_token")} {
		for _, a := range []answer{down.revoke("spa", token), down.introspect(token)} {
			if a.status != http.StatusServiceUnavailable || a.header.Get("Retry-After") == "" || strings.Contains(a.text, "10.0.0.7") {
				t.Errorf("TK-31: %d %v %s", a.status, a.header, a.text)
			}
		}
	}
	_, err := down.VerifyToken(t.Context(), issued.get("access_token"))
	if !errors.Is(err, authstar.TemporarilyUnavailable) {
		t.Errorf("VerifyToken: %v", err)
	}
	if _, err = down.VerifyToken(t.Context(), "x"); !errors.Is(err, authstar.InvalidToken) {
		t.Errorf("VerifyToken of what is no token: %v", err)
	}
}

// TK-34 TK-28: a token is for the resource that was asked for, and no other.
func TestAudiences(t *testing.T) {
	const other = "https://api.example"
	f := newFixture(t, func(c *authserver.Config) { c.Resources = []string{other} })
	here, there := f.tokens("spa"), f.tokens("spa", "resource", other)
	if got := claims(t, there.get("access_token"))["aud"]; got != other {
		t.Errorf("TK-34: aud is %v", got)
	}
	if _, err := f.VerifyToken(t.Context(), there.get("access_token")); !errors.Is(err, authstar.InvalidToken) {
		t.Errorf("TK-34: accepted here: %v", err)
	}
	f.wantAlive("the default", here.get("access_token"))
	next := f.refresh("spa", there.get("refresh_token"), "resource", other)
	if got := claims(t, next.get("access_token"))["aud"]; got != other {
		t.Errorf("TK-34: refreshed, aud is %v", got)
	}
	if a := f.refresh("spa", here.get("refresh_token"), "resource", other); a.get("error") != "invalid_target" {
		t.Errorf("TK-28: %s", a.text)
	}
	if a := f.redeem(f.code(ask("resource", other)), "resource", issuer); a.get("error") != "invalid_target" {
		t.Errorf("TK-28: %s", a.text)
	}
	if a := f.redeem(f.code(ask("resource", other)), "resource", other); a.status != http.StatusOK {
		t.Errorf("the resource that was granted: %s", a.text)
	}
}

// TK-34: so is one of a client that acts for itself, and without a resource it is
// for the configured audience alone.
func TestConfiguredAudience(t *testing.T) {
	const other = "https://billing.example"
	for name, row := range map[string]struct{ audience, resource, want string }{
		"TK-34 the issuer, which is the default": {"", "", issuer},
		"TK-34 the configured one":               {"urn:api", "", "urn:api"},
		"the configured one, asked for":          {"urn:api", "urn:api", "urn:api"},
		"another resource, asked for":            {"urn:api", other, other},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t, func(c *authserver.Config) {
				c.Audience, c.Resources = row.audience, []string{other, "https://admin.example"}
			})
			for who, a := range map[string]answer{
				"the user":    f.tokens("spa", "resource", row.resource),
				"the machine": f.post("/oauth2/token", "machine:machine-secret", params(url.Values{"grant_type": {"client_credentials"}}, "resource", row.resource)),
			} {
				token := a.get("access_token")
				if got := claims(t, token)["aud"]; got != row.want {
					t.Errorf("%s: aud is %v, want %s", who, got, row.want)
				}
				if _, err := f.VerifyToken(t.Context(), token); (err == nil) != (row.want != other) {
					t.Errorf("%s: VerifyToken says %v", who, err)
				}
			}
		})
	}
}

// VerifyToken says who, as any verifier does.
func TestVerifiedClient(t *testing.T) {
	f := newFixture(t)
	client, err := f.VerifyToken(t.Context(), f.tokens("spa", "scope", "read").get("access_token"))
	if err != nil {
		t.Fatal(err)
	}
	id := client.(*authstar.Identity)
	role, _ := id.Claim("role")
	if id.ID != "user-1" || id.Issuer != issuer || !slices.Equal(id.Scope, []string{"read"}) || role != "admin" || !id.Expires.Equal(f.Now().Truncate(time.Second).Add(10*time.Minute)) {
		t.Errorf("%+v, role %v", *id, role)
	}
	if !f.AcceptsIssuer(issuer) || f.AcceptsIssuer(issuer+"/") {
		t.Error("AcceptsIssuer does not compare")
	}
}

// O20: neither what the server says of a token, nor what it reads from one.
func TestReservedClaims(t *testing.T) {
	evil := map[string]any{}
	for _, name := range []string{"iss", "sub", "aud", "exp", "nbf", "iat", "jti", "client_id", "scope", "scp", "cnf", "auth_time", "acr"} {
		evil[name] = "evil"
		evil[strings.ToUpper(name[:1])+name[1:]] = "evil"
	}
	evil["\u017fcope"], evil["\u017fub"], evil["number"] = "admin", "root", int64(9007199254740993)
	f := newFixture(t)
	f.users["eve x"] = authserver.Login{Subject: "user-3", Claims: evil, Scopes: []string{"read"}}
	for _, scope := range []string{"read offline_access", "offline_access"} {
		issued := f.redeem(f.codeFor("eve x", ask("scope", scope)))
		for _, a := range []answer{issued, f.refresh("spa", issued.get("refresh_token"))} {
			got := claims(t, a.get("access_token"))
			for name, want := range map[string]any{"iss": issuer, "sub": "user-3", "aud": issuer, "client_id": "spa", "scope": scope, "nbf": nil, "scp": nil, "cnf": nil, "acr": nil} {
				if got[name] != want {
					t.Errorf("O20: %s is %v, want %v", name, got[name], want)
				}
			}
			if got["jti"] == "evil" || got["exp"] == "evil" || got["iat"] == "evil" || got["auth_time"] == "evil" {
				t.Errorf("O20: %v", got)
			}
		}
	}
}

// O20: a claim whose name only looks like one of the server's is not read as one.
func TestClaimsThatLookReserved(t *testing.T) {
	f := newFixture(t)
	f.users["eve x"] = authserver.Login{Subject: "user-3", Claims: map[string]any{"Scope": "admin", "\u017fcope": "admin", "\u017fub": "root", "Client_ID": "web", "number": int64(9007199254740993)}}
	token := f.redeem(f.codeFor("eve x", ask("scope", "offline_access"))).get("access_token")
	client, err := f.VerifyToken(t.Context(), token)
	if err != nil {
		t.Fatal(err)
	}
	if client.ClientID() != "user-3" || !slices.Equal(client.Scopes(), []string{"offline_access"}) {
		t.Errorf("O20: %v %v", client.ClientID(), client.Scopes())
	}
	if a := f.introspect(token); a.get("scope") != "offline_access" || a.get("sub") != "user-3" || a.get("client_id") != "spa" {
		t.Errorf("O20: %s", a.text)
	}
	if number, _ := client.(*authstar.Identity).Claim("number"); number.(interface{ String() string }).String() != "9007199254740993" {
		t.Errorf("J23: %v", number)
	}
}
