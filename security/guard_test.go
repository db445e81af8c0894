package security_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"testing"

	"github.com/authstar/authstar"
	"github.com/authstar/authstar/security"
)

func client(scopes ...string) *authstar.Identity {
	return &authstar.Identity{ID: "alice", Scope: scopes}
}

func refusing(code authstar.Code) security.Guard {
	return security.Require(string(code), func(*http.Request, authstar.Client) error { return &authstar.Error{Code: code} })
}

func TestCheck(t *testing.T) {
	admin := security.Rules{Admin: func(c authstar.Client) bool { return c.ClientID() == "root" }}
	root := &authstar.Identity{ID: "root"}
	plain := func(err error) security.Guard {
		return security.Require("plain", func(*http.Request, authstar.Client) error { return err })
	}
	for _, row := range []struct {
		name   string
		guard  security.Guard
		client authstar.Client
		want   string
	}{
		{"G01 Authenticated passes a client", security.Authenticated(), client(), ""},
		{"G01 Authenticated refuses nobody", security.Authenticated(), nil, "no credentials"},
		{"G02 Scopes passes one of them", security.Scopes("a", "b"), client("b"), ""},
		{"G02 Scopes refuses none of them", security.Scopes("a", "b"), client("c"), "insufficient_scope"},
		{"G02 Scopes refuses nobody", security.Scopes("a"), nil, "no credentials"},
		{"G02 AllScopes refuses one of them", security.AllScopes("a", "b"), client("b"), "insufficient_scope"},
		{"G02 AllScopes passes all of them", security.AllScopes("a", "b"), client("b", "x", "a"), ""},
		{"G02 scopes are compared exactly", security.Scopes("read"), client("READ", "rea", "read "), "insufficient_scope"},
		{"G02 a client without HasScope is searched", security.Scopes("read"), plainClient("alice"), ""},
		{"G02 a client without HasScope is refused", security.Scopes("write"), plainClient("alice"), "insufficient_scope"},

		{"C16 an admin passes Scopes", admin.Scopes("write"), root, ""},
		{"C16 an admin passes AllScopes", admin.AllScopes("write", "more"), root, ""},
		{"C16 another client does not", admin.Scopes("write"), client(), "insufficient_scope"},
		{"C16 another client with the scope does", admin.Scopes("write"), client("write"), ""},
		{"C16 an admin without Rules does not", security.Scopes("write"), root, "insufficient_scope"},
		{"C16 nobody is no admin", security.Rules{Admin: func(authstar.Client) bool { return true }}.Scopes("write"), nil, "no credentials"},
		{"C16 an admin does not pass Claim", admin.Claim("tier"), root, "access_denied"},
		{"C16 an admin does not pass Require", admin.Require("no", func(*http.Request, authstar.Client) error { return io.EOF }), root, "access_denied"},
		{"C16 an admin does not pass another guard's Scopes", security.Scopes("write").And(admin.Scopes("write")), root, "insufficient_scope"},

		{"Optional passes nobody", security.Optional(), nil, ""},
		{"Optional passes a client", security.Optional(), client(), ""},

		{"Require passes on nil", plain(nil), client(), ""},
		{"Require refuses nobody without a call", plain(nil), nil, "no credentials"},
		{"Require makes a plain error 403", plain(io.EOF), client(), "access_denied"},
		{"Require takes an Error as it is", refusing(authstar.TemporarilyUnavailable), client(), "temporarily_unavailable"},
		{"Require takes a wrapped Error as it is", plain(errors.Join(io.EOF, &authstar.Error{Code: authstar.InvalidRequest})), client(), "invalid_request"},
		{"Require takes a Code alone as it is", plain(authstar.TemporarilyUnavailable), client(), "temporarily_unavailable"},
		{"Require takes a wrapped Code as it is", plain(fmt.Errorf("quota: %w", authstar.InvalidRequest)), client(), "invalid_request"},
		{"Require takes the Code of a fault as it is", plain(authstar.ServerError), client(), "server_error"},
		{"Require without a code is a fault", plain(&authstar.Error{}), client(), "server_error"},
		{"Require with a typed nil Error is a fault", plain((*authstar.Error)(nil)), client(), "server_error"},

		{"And passes when both pass", security.Scopes("a").And(security.Scopes("b")), client("a", "b"), ""},
		{"And refuses when the second refuses", security.Scopes("a").And(security.Scopes("b")), client("a"), "insufficient_scope"},
		{"And asks in order", refusing(authstar.AccessDenied).And(refusing(authstar.ServerError)), client(), "access_denied"},

		{"AnyOf passes when one passes", security.AnyOf(security.Scopes("a"), security.Scopes("b")), client("b"), ""},
		{"AnyOf passes nobody when one does", security.AnyOf(security.Scopes("a"), security.Optional()), nil, ""},
		{"AnyOf passes although another is at fault", security.AnyOf(refusing(authstar.ServerError), security.Authenticated()), client(), ""},
		{"AnyOf: the first of equals answers", security.AnyOf(refusing(authstar.AccessDenied), security.Scopes("a")), client(), "access_denied"},
		{"AnyOf: the first of equals answers, in the other order", security.AnyOf(security.Scopes("a"), refusing(authstar.AccessDenied)), client(), "insufficient_scope"},
		{"AnyOf: a bad credential outweighs a lack of rights", security.AnyOf(refusing(authstar.AccessDenied), refusing(authstar.InvalidToken)), client(), "invalid_token"},
		{"AnyOf: a missing credential outweighs a lack of rights", security.AnyOf(security.Internal(), security.Authenticated()), nil, "no credentials"},
		{"AnyOf: an outage outweighs a bad credential", security.AnyOf(refusing(authstar.InvalidToken), refusing(authstar.TemporarilyUnavailable)), client(), "temporarily_unavailable"},
		{"AnyOf: a fault outweighs an outage", security.AnyOf(refusing(authstar.TemporarilyUnavailable), refusing(authstar.ServerError)), client(), "server_error"},
		{"AnyOf: a fault outweighs an outage, in the other order", security.AnyOf(refusing(authstar.ServerError), refusing(authstar.TemporarilyUnavailable)), client(), "server_error"},

		{"X05 the zero Guard refuses a client", security.Guard{}, client("a"), "server_error"},
		{"X05 the zero Guard refuses nobody", security.Guard{}, nil, "server_error"},
	} {
		t.Run(row.name, func(t *testing.T) {
			r := as(row.client)
			r.RemoteAddr = "203.0.113.9:1"
			err := row.guard.Check(r)
			if codeOf(err) != row.want {
				t.Errorf("%v, want %q", err, row.want)
			}
			ran := false
			w := serve(row.guard.HandlerFunc(func(http.ResponseWriter, *http.Request) { ran = true }), r)
			if ran != (err == nil) || (w.Code == 200) != (err == nil) {
				t.Errorf("Check says %v, Handler answers %d and ran the handler: %v", err, w.Code, ran)
			}
		})
	}
}

// G04
func TestGuardWithoutChain(t *testing.T) {
	for name, g := range map[string]security.Guard{
		"Authenticated": security.Authenticated(), "Scopes": security.Scopes("a"), "AllScopes": security.AllScopes("a"), "Optional": security.Optional(),
		"Claim": security.Claim("a"), "Require": mfa(), "And": security.Authenticated().And(mfa()), "AnyOf": security.AnyOf(security.Scopes("a"), mfa()),
		"Except on another path": security.Authenticated().Except("/public/"),
	} {
		w := serve(g.HandlerFunc(unreachable(t)), request("GET", "/", "Authorization", "Bearer reader"))
		if w.Code != 500 || w.Body.String() != `{"error":"server_error"}`+"\n" || w.Header().Get("WWW-Authenticate") != "" {
			t.Errorf("%s: status %d, %v, %s", name, w.Code, w.Header(), w.Body)
		}
	}
}

// G03, X05
func TestImpossibleArgumentsPanic(t *testing.T) {
	next := http.NotFoundHandler()
	always := func(*http.Request, authstar.Client) error { return nil }
	for what, f := range map[string]func(){
		"Scopes with an empty scope":           func() { security.Scopes("") },
		"Scopes with a second empty scope":     func() { security.Scopes("a", "") },
		"Scopes with a space":                  func() { security.Scopes("a b") },
		"AllScopes with a quote":               func() { security.AllScopes(`a"`) },
		"Scopes with a backslash":              func() { security.Scopes(`a\b`) },
		"Scopes with a line break":             func() { security.Scopes("a\n") },
		"Scopes with UTF-8":                    func() { security.Scopes("ä") },
		"Claim without a name":                 func() { security.Claim("") },
		"Claim with a function":                func() { security.Claim("a", func() {}) },
		"Require without a name":               func() { security.Require("", always) },
		"Require without a check":              func() { security.Require("a", nil) },
		"AnyOf nothing":                        func() { security.AnyOf() },
		"AnyOf nothing under rules":            func() { security.Rules{}.AnyOf() },
		"AnyOf with a zero Guard":              func() { security.AnyOf(security.Authenticated(), security.Guard{}) },
		"And with a zero Guard":                func() { security.Authenticated().And(security.Guard{}) },
		"And of a zero Guard":                  func() { security.Guard{}.And(security.Authenticated()) },
		"Except of a zero Guard":               func() { security.Guard{}.Except("/a") },
		"Handler of nil":                       func() { security.Authenticated().Handler(nil) },
		"Handler of a nil mux":                 func() { security.Authenticated().Handler((*http.ServeMux)(nil)) },
		"UntilExpiry of a nil mux":             func() { security.UntilExpiry((*http.ServeMux)(nil)) },
		"HandlerFunc of nil":                   func() { security.Authenticated().HandlerFunc(nil) },
		"HandlerFor of nil":                    func() { security.HandlerFor[*authstar.Identity](security.Authenticated(), nil) },
		"HandlerFor of a zero Guard":           func() { security.HandlerFor(security.Guard{}, forIdentity) },
		"NoCredentials of 200":                 func() { security.Rules{NoCredentials: 200}.Authenticated() },
		"NoCredentials of 399":                 func() { security.Rules{NoCredentials: 399}.Scopes("a") },
		"NoCredentials of 500":                 func() { security.Rules{NoCredentials: 500}.Internal() },
		"Rules that are impossible for AnyOf":  func() { security.Rules{NoCredentials: 1}.AnyOf(security.Authenticated()) },
		"Rules that are impossible for Claim":  func() { security.Rules{NoCredentials: -1}.Claim("a") },
		"Rules that are impossible, Optional":  func() { security.Rules{NoCredentials: 302}.Optional() },
		"Rules that are impossible, Require":   func() { security.Rules{NoCredentials: 302}.Require("a", always) },
		"Rules that are impossible, AllScopes": func() { security.Rules{NoCredentials: 302}.AllScopes("a") },
	} {
		mustPanic(t, what, f)
	}
	security.Rules{NoCredentials: 400}.Authenticated().Handler(next)
	security.Rules{NoCredentials: 499}.Authenticated().Handler(next)
	security.Scopes("orders:read", "https://x.example/a.b!#~").Handler(next)
}

func forIdentity(w http.ResponseWriter, _ *http.Request, c *authstar.Identity) {
	_, _ = w.Write([]byte(c.ID))
}

type user struct {
	authstar.Identity
	Tenant string
}

func TestHandlerFor(t *testing.T) {
	own := &user{authstar.Identity{ID: "alice", Scope: []string{"read"}}, "acme"}
	tenant := func(w http.ResponseWriter, _ *http.Request, u *user) { _, _ = w.Write([]byte(u.Tenant)) }
	for _, row := range []struct {
		name   string
		h      http.Handler
		client authstar.Client
		status int
		body   string
	}{
		{"the application's own type", security.HandlerFor(security.Authenticated(), tenant), own, 200, "acme"},
		{"another type", security.HandlerFor(security.Authenticated(), tenant), client(), 403, ""},
		{"no client", security.HandlerFor(security.Authenticated(), tenant), nil, 401, ""},
		{"no client where that is optional", security.HandlerFor(security.Optional(), tenant), nil, 403, ""},
		{"a client where that is optional", security.HandlerFor(security.Optional(), tenant), own, 200, "acme"},
		{"no client where that is an exception", security.HandlerFor(security.Authenticated().Except("/{$}"), tenant), nil, 403, ""},
		{"a client who lacks a scope", security.HandlerFor(security.Scopes("write"), tenant), own, 403, ""},
		{"any type of client", security.HandlerFor(security.Authenticated(), func(w http.ResponseWriter, _ *http.Request, c authstar.Client) {
			_, _ = w.Write([]byte(c.ClientID()))
		}), client(), 200, "alice"},
	} {
		t.Run(row.name, func(t *testing.T) {
			if w := serve(row.h, as(row.client)); w.Code != row.status || row.body != "" && w.Body.String() != row.body {
				t.Errorf("status %d, body %s", w.Code, w.Body)
			}
		})
	}
	q := security.HandlerFor(security.Optional(), tenant).(interface {
		Requirement(*http.Request) security.Requirement
	}).Requirement(nil)
	if dnf(q) != "client" {
		t.Errorf("the requirement is %s", dnf(q))
	}
	// What a guard does not ask about is refused for what it is.
	for line, status := range map[string]int{"Bearer nobody": 401, "Bearer down": 503, "Bearer a b": 400, "Bearer reader": 403, "": 403} {
		r := request("GET", "/")
		if r.RemoteAddr = "127.0.0.1:1"; line != "" {
			r.Header.Set("Authorization", line)
		}
		h := security.HandlerFor(security.Internal(), tenant)
		if w := serve(newChain(t).Handler(h), r); w.Code != status {
			t.Errorf("%q behind Internal: %d, want %d", line, w.Code, status)
		}
		if w := serve(h, r); w.Code != 500 {
			t.Errorf("%q without a chain: %d", line, w.Code)
		}
	}
	custom := security.HandlerFor(security.Rules{NoCredentials: 404}.Authenticated(), tenant)
	if w := serve(custom, as(nil)); w.Code != 404 {
		t.Errorf("HandlerFor forgets the Rules: status %d", w.Code)
	}
}

// M11: a refusal that its reader changes leaves the guard as it is.
func TestRefusalsAreCopies(t *testing.T) {
	for name, g := range map[string]security.Guard{
		"Scopes": security.Scopes("a", "b"), "AllScopes": security.AllScopes("a", "b"), "And": security.Scopes("a", "b").And(security.AllScopes("c", "d")),
	} {
		var e *authstar.Error
		if !errors.As(g.Check(as(client())), &e) {
			t.Fatal("not refused")
		}
		e.Scope[0] = "mine"
		_ = append(e.Scope[:1], "mine", "mine", "mine")
		if err := g.Check(as(client("mine"))); codeOf(err) != "insufficient_scope" {
			t.Errorf("%s: %v", name, err)
		}
	}
}
