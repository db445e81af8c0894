package security

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/authstar/authstar"
)

// scopes passes clients with all of the scopes, or with any of them.
type scopes struct {
	names []string
	all   bool
	admin func(authstar.Client) bool
}

func newScopes(rules Rules, all bool, names []string) *scopes {
	for _, s := range names {
		if !isScope(s) {
			panic(fmt.Sprintf("security: %q is not a scope (RFC 6749 section 3.3)", s))
		}
	}
	p := &scopes{names: appendNew(nil, names...), all: all, admin: rules.Admin}
	p.requirement(nil).bounded()
	return p
}

func (p *scopes) requirement(*http.Request) Requirement {
	if p.all {
		return Requirement{Any: []All{{Scopes: slices.Clone(p.names)}}}
	}
	var q Requirement
	for _, s := range p.names {
		q.Any = append(q.Any, All{Scopes: []string{s}})
	}
	return q
}

func (p *scopes) check(r *http.Request) *authstar.Error {
	client, err := who(r)
	if err != nil {
		return err
	}
	if p.granted(client) || p.admin != nil && p.admin(client) {
		return nil
	}
	missing := slices.Clone(p.names[:1])
	if p.all {
		missing = slices.DeleteFunc(slices.Clone(p.names), func(s string) bool { return hasScope(client, s) })
	}
	return &authstar.Error{
		Code:        authstar.InsufficientScope,
		Description: "the client was not granted what this resource needs",
		Scope:       missing,
	}
}

func (p *scopes) granted(client authstar.Client) bool {
	for _, s := range p.names {
		if hasScope(client, s) != p.all {
			return !p.all
		}
	}
	return p.all
}

// isScope is the grammar of RFC 6749 section 3.3, which acr values share.
func isScope(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r > '~' || r == '"' || r == '\\' })
}

func hasScope(client authstar.Client, scope string) bool {
	if h, ok := client.(interface{ HasScope(string) bool }); ok {
		return h.HasScope(scope)
	}
	return slices.Contains(client.Scopes(), scope)
}
