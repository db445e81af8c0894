package tokenendpoint_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/authstar/authstar"
	"github.com/authstar/authstar/tokenendpoint"
)

// O23: what the builder grants for and what the client is told are the same.
func TestScopes(t *testing.T) {
	for _, row := range []struct{ name, scope, granted, err string }{
		{"O23 an allowed scope", "scope=read", "read", ""},
		{"O23 the order is that of the request", "scope=write+read", "write read", ""},
		{"O23 absent is all that the client may have", "", "read write", ""},
		{"O23 empty is absent", "scope=", "read write", ""},
		{"O23 a duplicate is one", "scope=read+write+read", "read write", ""},
		{"O23 spaces are spaces", "scope=++read++write+", "read write", ""},
		{"O23 another scope", "scope=admin", "", "invalid_scope"},
		{"O23 an allowed scope and another", "scope=read+admin", "", "invalid_scope"},
		{"O23 the case of a scope matters", "scope=Read", "", "invalid_scope"},
		{"O23 the beginning of a scope is no scope", "scope=rea", "", "invalid_scope"},
		{"TK-13 spaces alone", "scope=+++", "", "invalid_scope"},
		{"TK-13 a quote", "scope=read%22", "", "invalid_scope"},
		{"TK-13 a backslash", "scope=read+%5C", "", "invalid_scope"},
		{"TK-13 a tab is no space", "scope=read%09write", "", "invalid_scope"},
		{"TK-13 a line feed", "scope=read%0Awrite", "", "invalid_scope"},
		{"TK-13 a letter beyond ASCII", "scope=r%C3%A9ad", "", "invalid_scope"},
		{"TK-13 a space of Unicode", "scope=read%C2%A0write", "", "invalid_scope"},
		{"TK-13 NUL", "scope=read%00", "", "invalid_scope"},
		{"TK-13 bytes that are no UTF-8", "scope=%FF", "", "invalid_scope"},
	} {
		t.Run(row.name, func(t *testing.T) {
			var built []string
			endpoint := withBuilder(t, func(ctx context.Context, req *tokenendpoint.Request) (*tokenendpoint.Response, error) {
				built = append(built, strings.Join(req.Scopes, " "))
				return build(ctx, req)
			})
			a := post(t, endpoint, asForm+"&"+row.scope)
			if row.err != "" {
				if a.status != 400 || a.outcome() != row.err || built != nil {
					t.Errorf("%d %s, built for %q", a.status, a.text, built)
				}
			} else if a.status != 200 || a.get("scope") != row.granted || !slices.Equal(built, []string{row.granted}) {
				t.Errorf("%d %s, built for %q", a.status, a.text, built)
			}
		})
	}
}

// O23: a builder may grant fewer scopes.
func TestScopesOfTheBuilder(t *testing.T) {
	for _, row := range []struct {
		name, asked string
		granted     []string
		outcome     string
	}{
		{"nil is what was asked for", "&scope=read", nil, "ok read"},
		{"fewer", "", []string{"write"}, "ok write"},
		{"none where nothing was asked for", "", []string{}, "ok"},
		{"none where the parameter is empty", "&scope=", []string{}, "ok"},
		{"none of what was asked for", "&scope=read", []string{}, "invalid_scope"},
		{"all", "", []string{"write", "read"}, "ok write read"},
		{"O32 more than the client asked for", "&scope=read", []string{"read", "write"}, "server_error"},
		{"O32 more than the client has", "", []string{"admin"}, "server_error"},
		{"O32 two in one", "", []string{"read write"}, "server_error"},
		{"O32 an empty one", "", []string{""}, "server_error"},
	} {
		t.Run(row.name, func(t *testing.T) {
			endpoint := withBuilder(t, func(context.Context, *tokenendpoint.Request) (*tokenendpoint.Response, error) {
				return &tokenendpoint.Response{AccessToken: "t", Scopes: row.granted}, nil
			})
			if a := post(t, endpoint, asForm+row.asked); a.outcome() != row.outcome {
				t.Errorf("%d %s", a.status, a.text)
			}
		})
	}
}

// O23: an answer without scopes is one with those that were asked for (RFC 6749
// section 5.1).
func TestScopesOfOtherGrants(t *testing.T) {
	minted, err := newSigner(t, signerConfig()).Mint(tokenendpoint.AccessToken{Subject: "alice", ClientID: "svc", Audience: []string{audience}})
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct {
		name, asked string
		res         *tokenendpoint.Response
		outcome     string
	}{
		{"what was asked for", "&scope=read", &tokenendpoint.Response{AccessToken: "t"}, "ok"},
		{"fewer than were asked for", "&scope=read+write", &tokenendpoint.Response{AccessToken: "t", Scopes: []string{"read"}}, "ok read"},
		{"none where nothing was asked for", "", &tokenendpoint.Response{AccessToken: "t", Scopes: []string{}}, "ok"},
		{"none of what was asked for", "&scope=read", &tokenendpoint.Response{AccessToken: "t", Scopes: []string{}}, "invalid_scope"},
		{"a minted token without scopes where nothing was asked for", "", minted, "ok"},
		{"a minted token without scopes where one was asked for", "&scope=read", minted, "invalid_scope"},
	} {
		t.Run("O23 "+row.name, func(t *testing.T) {
			endpoint := newEndpoint(t, tokenendpoint.Config{Grants: []tokenendpoint.Grant{fixed{row.res}}})
			if a := post(t, endpoint, "client_id=svc&client_secret="+svcSecret+"&grant_type=fixed"+row.asked); a.outcome() != row.outcome {
				t.Errorf("%d %s", a.status, a.text)
			}
		})
	}
}

// fixed is a grant with one answer.
type fixed struct{ res *tokenendpoint.Response }

func (fixed) Type() string { return "fixed" }

func (g fixed) Token(context.Context, *tokenendpoint.Request) (*tokenendpoint.Response, error) {
	return g.res, nil
}

// O23, TK-13: what the application calls a scope is one, before anybody builds for
// it.
func TestScopesOfTheClient(t *testing.T) {
	for _, row := range []struct {
		name, asked string
		scopes      []string
		outcome     string
	}{
		{"scopes", "", []string{"read", "urn:x/y#z", "!~"}, "ok read urn:x/y#z !~"},
		{"no scopes", "", nil, "ok"},
		{"two in one", "", []string{"read admin"}, "server_error"},
		{"two in one, of which one is asked for", "&scope=admin", []string{"read admin"}, "server_error"},
		{"a quote beside a scope", "", []string{`x"y`, "z"}, "server_error"},
		{"a quote beside the scope that is asked for", "&scope=z", []string{`x"y`, "z"}, "server_error"},
		{"a backslash", "", []string{`x\y`}, "server_error"},
		{"an empty one", "", []string{""}, "server_error"},
		{"an empty one beside a scope", "", []string{"read", ""}, "server_error"},
		{"a letter beyond ASCII", "", []string{"é"}, "server_error"},
		{"bytes that are no UTF-8", "", []string{"\xff"}, "server_error"},
		{"a line feed", "", []string{"a\nb"}, "server_error"},
	} {
		t.Run("O23 TK-13 "+row.name, func(t *testing.T) {
			built := false
			endpoint := newEndpoint(t, tokenendpoint.Config{
				Authenticate: func(context.Context, string, string) (authstar.Client, error) {
					return &authstar.Identity{ID: "svc", Scope: row.scopes}, nil
				},
				Grants: []tokenendpoint.Grant{tokenendpoint.ClientCredentials(func(ctx context.Context, req *tokenendpoint.Request) (*tokenendpoint.Response, error) {
					built = true
					return build(ctx, req)
				})},
			})
			if a := post(t, endpoint, asForm+row.asked); a.outcome() != row.outcome || built != (a.status == 200) {
				t.Errorf("%d %s, built: %v", a.status, a.text, built)
			}
		})
	}
}

func TestClientWithoutScopes(t *testing.T) {
	endpoint := newEndpoint(t, tokenendpoint.Config{Authenticate: func(context.Context, string, string) (authstar.Client, error) {
		return &authstar.Identity{ID: "svc"}, nil
	}})
	if a := post(t, endpoint, asForm); a.status != 200 || a.body["scope"] != nil {
		t.Errorf("O23: %d %s", a.status, a.text)
	}
	if a := post(t, endpoint, asForm+"&scope=read"); a.outcome() != "invalid_scope" {
		t.Errorf("O23: %d %s", a.status, a.text)
	}
}

func TestGrantTypesOfTheClient(t *testing.T) {
	run(t, []row{
		{"O24 a client without a list may use any grant", svc, ask, 200, "ok read write", once},
		{"O24 a client with the grant in its list", []string{basic("anything", "any")}, ask, 200, "ok read write", []string{"anything any"}},
		{"O24 TK-14 a client with another grant in its list", []string{basic("codes", "codes")}, ask, 400, "unauthorized_client", []string{"codes codes"}},
		{"O24 TK-14 a client with an empty list", []string{basic("none", "none")}, ask, 400, "unauthorized_client", []string{"none none"}},
		{"O24 a public client", nil, ask + "&client_id=anything", 401, denied, nil},
		{"O24 a grant of its list that the endpoint has not", []string{basic("anything", "any")}, "grant_type=other", 400, "unsupported_grant_type", []string{"anything any"}},
	})
}

// exchange is a grant of the application's own, which reads scopes itself.
type exchange struct{ refresh string }

func (exchange) Type() string { return "urn:ietf:params:oauth:grant-type:token-exchange" }

func (g exchange) Token(_ context.Context, req *tokenendpoint.Request) (*tokenendpoint.Response, error) {
	if req.Scopes != nil || req.GrantType != g.Type() {
		return nil, errors.New("a request of another grant")
	}
	if req.Parameter("subject_token") == "" {
		return nil, &authstar.Error{Code: tokenendpoint.InvalidGrant, Description: "subject_token is missing"}
	}
	return &tokenendpoint.Response{AccessToken: "t", TokenType: "DPoP", Scopes: []string{req.Parameter("scope")}, RefreshToken: g.refresh}, nil
}

func TestOtherGrant(t *testing.T) {
	const form = "client_id=svc&client_secret=" + svcSecret + "&grant_type=urn:ietf:params:oauth:grant-type:token-exchange&scope=profile"
	endpoint := func(refresh string) *tokenendpoint.Endpoint {
		return newEndpoint(t, tokenendpoint.Config{Grants: []tokenendpoint.Grant{tokenendpoint.ClientCredentials(build), exchange{refresh}}})
	}
	if a := post(t, endpoint(""), form); a.status != 400 || a.outcome() != "invalid_grant" {
		t.Errorf("without its parameter: %d %s", a.status, a.text)
	}
	if a := post(t, endpoint(""), asForm); a.outcome() != "ok read write" {
		t.Errorf("the grant beside it: %d %s", a.status, a.text)
	}
	for refresh, status := range map[string]int{"r~ !": 200, "": 200, "réfresh": 500, "r\n": 500, "r\x7f": 500} {
		w := record(endpoint(refresh), newRequest("POST", "/", form+"&subject_token=x"))
		if w.Code != status || strings.Contains(w.Body.String(), `"refresh_token"`) != (status == 200 && refresh != "") {
			t.Errorf("TK-27: the refresh token %q: %d %s", refresh, w.Code, w.Body)
		}
		if status == 200 && (!strings.Contains(w.Body.String(), `"token_type":"DPoP"`) || !strings.Contains(w.Body.String(), `"scope":"profile"`)) {
			t.Errorf("the response of the grant: %s", w.Body)
		}
	}
}
