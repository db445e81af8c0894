package security_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/authstar/authstar"
	"github.com/authstar/authstar/security"
)

// dnf writes a requirement as "anonymous [internal] | read, write [mfa]".
func dnf(q security.Requirement) string {
	var any []string
	for _, a := range q.Any {
		s := "client"
		if a.Anonymous {
			s = "anonymous"
		}
		if len(a.Scopes) > 0 {
			s += " " + strings.Join(a.Scopes, ",")
		}
		if len(a.Checks) > 0 {
			s += " [" + strings.Join(a.Checks, ",") + "]"
		}
		any = append(any, s)
	}
	return strings.Join(any, " | ")
}

func mfa() security.Guard {
	return security.Require("mfa", func(*http.Request, authstar.Client) error { return nil })
}

func TestRequirement(t *testing.T) {
	var (
		read, write = security.Scopes("read"), security.Scopes("write")
		either      = security.Scopes("a", "b")
		docs        = security.Authenticated().Except("GET /docs/", "/{$}")
	)
	for _, row := range []struct {
		name  string
		guard security.Guard
		r     *http.Request
		want  string
	}{
		{"Authenticated", security.Authenticated(), nil, "client"},
		{"Optional", security.Optional(), nil, "anonymous | client"},
		{"Internal", security.Internal(), nil, "anonymous [internal]"},
		{"Scopes is any of them", security.Scopes("a", "b", "a"), nil, "client a | client b"},
		{"AllScopes is all of them", security.AllScopes("a", "b", "a"), nil, "client a,b"},
		{"Claim", security.Claim("tier"), nil, "client [claim tier]"},
		{"Claim with a value", security.Claim("tier", "gold"), nil, `client [claim tier = "gold"]`},
		{"Claim with values", security.Claim("tier", "gold", 2, nil), nil, `client [claim tier = "gold" or 2 or null]`},
		{"Require", mfa(), nil, "client [mfa]"},
		{"the zero Guard lets nothing pass", security.Guard{}, nil, ""},

		{"And joins", read.And(mfa(), security.Claim("tier")), nil, "client read [mfa,claim tier]"},
		{"And of an alternative multiplies", either.And(security.Scopes("c", "d")), nil, "client a,c | client a,d | client b,c | client b,d"},
		{"And with itself is itself", read.And(read), nil, "client read"},
		{"And of the same alternatives has no twins", either.And(either), nil, "client a | client a,b | client b"},
		{"And of anonymous and a client is a client", security.Internal().And(read), nil, "client read [internal]"},
		{"And of Optional and a client is a client", security.Optional().And(security.Authenticated()), nil, "client"},
		{"And of two anonymous is anonymous", security.Optional().And(security.Internal()), nil, "anonymous [internal] | client [internal]"},
		{"nested And is flat", read.And(write.And(mfa())), nil, "client read,write [mfa]"},

		{"AnyOf lists", security.AnyOf(security.Internal(), read.And(mfa())), nil, "anonymous [internal] | client read [mfa]"},
		{"AnyOf has no twins", security.AnyOf(read, either, read, security.Scopes("b")), nil, "client read | client a | client b"},
		{"AnyOf of one order of scopes and the other has no twins", security.AnyOf(read.And(write), write.And(read)), nil, "client read,write"},
		{"AnyOf of one is itself", security.AnyOf(read), nil, "client read"},
		{"AnyOf within And", security.AnyOf(read, write).And(mfa()), nil, "client read [mfa] | client write [mfa]"},

		{"Except on another path", docs, request("GET", "/me"), "client"},
		{"Except on its path", docs, request("GET", "/docs/a"), "anonymous"},
		{"Except on its path with another method", docs, request("POST", "/docs/a"), "client"},
		{"Except on its other path", docs, request("POST", "/"), "anonymous"},
		{"Except of no request", docs, nil, "client"},
		{"Except within And", docs.And(mfa()), request("GET", "/docs/a"), "client [mfa]"},
		{"Except around And", security.Authenticated().And(mfa()).Except("/docs/"), request("GET", "/docs/a"), "anonymous"},
		{"Except within AnyOf", security.AnyOf(read, docs), request("GET", "/docs/a"), "client read | anonymous"},
		{"Except of Except", docs.Except("/more/"), request("GET", "/more/"), "anonymous"},
		{"Except of Except keeps the first", docs.Except("/more/"), request("GET", "/docs/a"), "anonymous"},
	} {
		t.Run(row.name, func(t *testing.T) {
			if got := dnf(row.guard.Requirement(row.r)); got != row.want {
				t.Errorf("got  %s\nwant %s", got, row.want)
			}
			h := row.guard.Handler(http.NotFoundHandler())
			if got := dnf(h.(interface {
				Requirement(*http.Request) security.Requirement
			}).Requirement(row.r)); got != row.want {
				t.Errorf("the handler answers %s", got)
			}
		})
	}
}

func manyScopes(prefix string, n int) security.Guard {
	var names []string
	for i := range n {
		names = append(names, fmt.Sprint(prefix, i))
	}
	return security.Scopes(names[0], names[1:]...)
}

func TestRequirementHasAtMost64Alternatives(t *testing.T) {
	if n := len(manyScopes("a", 8).And(manyScopes("b", 8)).Requirement(nil).Any); n != 64 {
		t.Errorf("8 times 8 scopes are %d alternatives", n)
	}
	if n := len(manyScopes("a", 64).Requirement(nil).Any); n != 64 {
		t.Errorf("64 scopes are %d alternatives", n)
	}
	if n := len(security.AnyOf(manyScopes("a", 32), manyScopes("b", 32)).Requirement(nil).Any); n != 64 {
		t.Errorf("32 and 32 scopes are %d alternatives", n)
	}
	mustPanic(t, "And of 5 times 13 alternatives", func() { manyScopes("a", 5).And(manyScopes("b", 13)) })
	mustPanic(t, "And of 40 times 40 times 40 times 40 times 40 alternatives", func() {
		manyScopes("a", 40).And(manyScopes("b", 40), manyScopes("c", 40), manyScopes("d", 40), manyScopes("e", 40))
	})
	mustPanic(t, "AnyOf of 32 and 33 alternatives", func() { security.AnyOf(manyScopes("a", 32), manyScopes("b", 33)) })
	mustPanic(t, "Scopes of 65", func() { manyScopes("a", 65) })
}

// M11: what a reader does to a requirement changes no guard.
func TestRequirementIsACopy(t *testing.T) {
	g := security.Scopes("read", "write").And(mfa())
	q := g.Requirement(nil)
	q.Any[0].Scopes[0], q.Any[0].Checks[0] = "nothing", "nothing"
	_ = append(q.Any[:0], security.All{Anonymous: true})
	if got := dnf(g.Requirement(nil)); got != "client read [mfa] | client write [mfa]" {
		t.Errorf("the requirement became %s", got)
	}
	if err := g.Check(as(&authstar.Identity{ID: "x", Scope: []string{"nothing"}})); codeOf(err) != "insufficient_scope" {
		t.Errorf("the guard became another one: %v", err)
	}
}
