package authstar_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/authstar/authstar"
	"github.com/authstar/authstar/authenticators"
)

func nobody(*http.Request) (authstar.Client, error) { return nil, authstar.ErrNoCredentials }

func carrying(s authstar.Scheme) authstar.Authenticator { return authstar.AuthenticatorFunc(s, nobody) }

func anyKey(context.Context, string) (authstar.Client, error) { return nil, nil }

// C15, B12
func TestNewRefuses(t *testing.T) {
	good := authstar.Scheme{ID: "good"}
	for _, row := range []struct {
		name string
		give []authstar.Authenticator
		want []string // in the error's text; none for a chain
	}{
		{"no authenticator", nil, []string{"at least one authenticator"}},
		{"one authenticator is accepted", []authstar.Authenticator{carrying(good)}, nil},
		{"a nil authenticator", []authstar.Authenticator{nil}, []string{"authenticator 1 is nil"}},
		{"a typed nil authenticator", []authstar.Authenticator{carrying(good), (*authenticators.Bearer)(nil)}, []string{"authenticator 2 is nil"}},
		{"a nil function", []authstar.Authenticator{authstar.AuthenticatorFunc(good, nil)}, []string{"authenticator 1 (good)", "nil function"}},
		{"a nil callback", []authstar.Authenticator{authenticators.NewAPIKey("X-API-Key", nil)}, []string{"authenticator 1 (X-API-Key)", "nil function"}},
		{"a nil verifier", []authstar.Authenticator{authenticators.NewBearer(nil)}, []string{"authenticator 1 (bearer)", "token verifier 1"}},
		{"no id", []authstar.Authenticator{carrying(authstar.Scheme{})}, []string{`scheme id ""`}},
		{"an id with a space", []authstar.Authenticator{carrying(authstar.Scheme{ID: "a b"})}, []string{`scheme id "a b"`}},
		{"an unknown type", []authstar.Authenticator{carrying(authstar.Scheme{ID: "a", Type: "basic"})}, []string{`scheme type "basic"`}},
		{"an auth-scheme that is no token", []authstar.Authenticator{carrying(authstar.Scheme{ID: "a", AuthScheme: "Bearer x"})}, []string{`auth-scheme "Bearer x"`}},
		{"an API key without a place", []authstar.Authenticator{carrying(authstar.Scheme{ID: "a", Type: authstar.TypeAPIKey})}, []string{`"apiKey" needs In`}},
		{"an unknown place", []authstar.Authenticator{carrying(authstar.Scheme{ID: "a", In: "body", Name: "x"})}, []string{`scheme in "body"`}},
		{"a header name with an underscore", []authstar.Authenticator{authenticators.NewAPIKey("X_API_Key", anyKey)}, []string{`header name "X_API_Key"`}},
		{"H10 a header name with a dot", []authstar.Authenticator{authenticators.NewAPIKey("X.API.Key", anyKey)}, []string{`header name "X.API.Key"`}},
		{"a header that is HTTP's own", []authstar.Authenticator{carrying(authstar.Scheme{ID: "a", In: "header", Name: "cookie"})}, []string{`header name "cookie": is used by HTTP`}},
		{"no header name", []authstar.Authenticator{carrying(authstar.Scheme{ID: "a", In: "header"})}, []string{`header name ""`}},
		{"a cookie name with a semicolon", []authstar.Authenticator{carrying(authstar.Scheme{ID: "a", In: "cookie", Name: "a;b"})}, []string{`cookie name "a;b"`}},
		{"B12 a realm with CR LF", []authstar.Authenticator{carrying(authstar.Scheme{ID: "a", Realm: "x\r\nSet-Cookie: a=b"})}, []string{"control characters"}},
		{"B12 a realm with DEL", []authstar.Authenticator{carrying(authstar.Scheme{ID: "a", Realm: "x\x7f"})}, []string{"control characters"}},
		{"B12 a realm that is not UTF-8", []authstar.Authenticator{carrying(authstar.Scheme{ID: "a", Realm: "x\xff"})}, []string{"not UTF-8"}},
		{"B12 a realm with quotes is accepted", []authstar.Authenticator{carrying(authstar.Scheme{ID: "a", Realm: `x", charset="y`})}, nil},
		{"B12 resource metadata with CR LF", []authstar.Authenticator{carrying(authstar.Scheme{ID: "a", ResourceMetadata: "https://x/\n"})}, []string{"control characters"}},
		{"one id twice", []authstar.Authenticator{carrying(good), carrying(good)}, []string{`authenticator 2 (good): authenticator 1 has the scheme id "good" already`}},
		{"one header twice, in another spelling", []authstar.Authenticator{authenticators.NewAPIKey("X-API-Key", anyKey), authenticators.NewAPIKey("x-api-key", anyKey)}, []string{"authenticator 1 reads the header X-Api-Key already"}},
		{"two headers are accepted", []authstar.Authenticator{authenticators.NewAPIKey("X-API-Key", anyKey), authenticators.NewAPIKey("X-Other-Key", anyKey)}, nil},
		{"everything at once", []authstar.Authenticator{nil, carrying(authstar.Scheme{}), authstar.AuthenticatorFunc(authstar.Scheme{ID: "a", Type: "x", Realm: "\n"}, nil)},
			[]string{"authenticator 1 is nil", `scheme id ""`, `scheme type "x"`, "control characters", "nil function"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			chain, err := authstar.New(row.give...)
			if (err == nil) != (len(row.want) == 0) || (chain == nil) != (err != nil) {
				t.Fatalf("New returned %v and the error %v", chain, err)
			}
			for _, want := range row.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("the error does not say %q:\n%v", want, err)
				}
			}
		})
	}
}

type besides struct {
	authstar.Authenticator
	seen *[]string
	name string
}

func (b besides) Beside(schemes []authstar.Scheme) authstar.Authenticator {
	for _, s := range schemes {
		*b.seen = append(*b.seen, s.ID)
	}
	b.name = "replaced"
	return b
}

func (b besides) Authenticate(*http.Request) (authstar.Client, error) {
	return &authstar.Identity{ID: b.name}, nil
}

// strict embeds an authenticator to check more.
type strict struct{ besides }

func (strict) Authenticate(*http.Request) (authstar.Client, error) {
	return nil, authstar.InvalidToken
}

func TestNewTellsAuthenticatorsWhatIsBesideThem(t *testing.T) {
	var seen []string
	chain := mustNew(t, besides{carrying(authstar.Scheme{ID: "a"}), &seen, "first"}, carrying(authstar.Scheme{ID: "b"}))
	if !slices.Equal(seen, []string{"a", "b"}) {
		t.Errorf("Beside got %q, want a and b", seen)
	}
	if res := chain.Authenticate(request("/")); res.Client == nil || res.Client.ClientID() != "replaced" {
		t.Errorf("%v: what Beside returned is not used", res)
	}
	chain = mustNew(t, strict{besides{carrying(authstar.Scheme{ID: "a"}), &seen, "first"}})
	if res := chain.Authenticate(request("/")); res.Client != nil || res.Err == nil {
		t.Errorf("%v: Beside of what is embedded takes the place of what embeds it", res)
	}
}

// sharing is an authenticator that hands out its own scheme.
type sharing struct{ scheme authstar.Scheme }

func (s sharing) Authenticate(*http.Request) (authstar.Client, error) { return nobody(nil) }
func (s sharing) Scheme() authstar.Scheme                             { return s.scheme }

// M11
func TestSchemesAreCopies(t *testing.T) {
	flows := []authstar.Flow{{Type: "clientCredentials", Scopes: map[string]string{"read": "to read"}}}
	chain := mustNew(t, sharing{authstar.Scheme{ID: "a", Flows: flows}})
	flows[0].Type, flows[0].Scopes["read"] = "changed", "changed"
	schemes := chain.Schemes()
	schemes[0].ID, schemes[0].Flows[0].Scopes["read"] = "changed", "changed"
	s := chain.Schemes()[0]
	if s.ID != "a" || s.Flows[0].Type != "clientCredentials" || s.Flows[0].Scopes["read"] != "to read" {
		t.Errorf("the chain's scheme changed from outside: %+v", s)
	}
}

func TestChainHandlerIsReadable(t *testing.T) {
	next := http.NewServeMux()
	h := mustNew(t, carrying(authstar.Scheme{ID: "a"})).Handler(next)
	if u, ok := h.(interface{ Unwrap() http.Handler }); !ok || u.Unwrap() != http.Handler(next) {
		t.Error("Unwrap does not answer the next handler")
	}
	if s, ok := h.(interface{ Schemes() []authstar.Scheme }); !ok || len(s.Schemes()) != 1 {
		t.Error("Schemes does not answer the chain's schemes")
	}
}

// X05
func TestNilHandlerPanics(t *testing.T) {
	chain := mustNew(t, carrying(authstar.Scheme{ID: "a"}))
	for name, next := range map[string]http.Handler{"nil": nil, "typed nil": http.HandlerFunc(nil)} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Error("Handler did not panic")
				}
			}()
			chain.Handler(next)
		})
	}
}

func TestFourOutcomes(t *testing.T) {
	refusal := &authstar.Error{Code: authstar.AccessDenied}
	for _, row := range []struct {
		name   string
		client authstar.Client
		err    error
		want   authstar.Code // "" for a client, or for going on
		goesOn bool
	}{
		{"a client", &authstar.Identity{ID: "x"}, nil, "", false},
		{"no credentials", nil, authstar.ErrNoCredentials, "", true},
		{"wrapped no credentials", nil, errors.Join(errors.New("no header"), authstar.ErrNoCredentials), "", true},
		{"no credentials beside a client", &authstar.Identity{ID: "x"}, authstar.ErrNoCredentials, "", true},
		{"a refusal", nil, refusal, authstar.AccessDenied, false},
		{"a wrapped refusal", nil, errors.Join(errors.New("why"), refusal), authstar.AccessDenied, false},
		{"a refusal beside a client", &authstar.Identity{ID: "x"}, refusal, authstar.AccessDenied, false},
		{"what a guard says of nobody", nil, &authstar.Error{Err: authstar.ErrNoCredentials}, "", true},
		{"an error without a code", nil, &authstar.Error{Err: errors.New("x")}, authstar.ServerError, false},
		{"a code alone", nil, authstar.InvalidClient, authstar.InvalidClient, false},
		{"a code alone, wrapped", nil, fmt.Errorf("store: %w", authstar.TemporarilyUnavailable), authstar.TemporarilyUnavailable, false},
		{"a code alone that nobody knows", nil, authstar.Code("x"), authstar.ServerError, false},
		{"a refusal that wraps no credentials", nil, &authstar.Error{Code: authstar.InvalidToken, Err: authstar.ErrNoCredentials}, authstar.InvalidToken, false},
		{"an outage", nil, &authstar.Error{Code: authstar.TemporarilyUnavailable}, authstar.TemporarilyUnavailable, false},
		{"neither client nor error", nil, nil, authstar.ServerError, false},
		{"a typed nil client", (*authstar.Identity)(nil), nil, authstar.ServerError, false},
		{"a client without an id", &authstar.Identity{}, nil, authstar.ServerError, false},
		{"another error", nil, errors.New("broken"), authstar.ServerError, false},
		{"a refusal without a code", nil, &authstar.Error{}, authstar.ServerError, false},
		{"a refusal with an unknown code", nil, &authstar.Error{Code: "teapot"}, authstar.ServerError, false},
		{"a typed nil refusal", nil, (*authstar.Error)(nil), authstar.ServerError, false},
	} {
		t.Run(row.name, func(t *testing.T) {
			asked := false
			res := mustNew(t,
				authstar.AuthenticatorFunc(authstar.Scheme{ID: "first"}, func(*http.Request) (authstar.Client, error) { return row.client, row.err }),
				authstar.AuthenticatorFunc(authstar.Scheme{ID: "second"}, func(*http.Request) (authstar.Client, error) {
					asked = true
					return nil, authstar.ErrNoCredentials
				}),
			).Authenticate(request("/"))
			if asked != row.goesOn {
				t.Errorf("second authenticator asked: %v, want %v", asked, row.goesOn)
			}
			switch {
			case row.want != "":
				if res.Client != nil || !errors.Is(res.Err, row.want) {
					t.Errorf("%v, want %s", res, row.want)
				}
			case res.Err != nil || (res.Client == nil) != row.goesOn:
				t.Errorf("client %v, error %v", res.Client, res.Err)
			}
			if id := res.Scheme.ID; (id == "first") == row.goesOn {
				t.Errorf("decided by %q", id)
			}
		})
	}
}
