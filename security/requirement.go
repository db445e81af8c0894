package security

import (
	"fmt"
	"net/http"
	"slices"
)

// Requirement is what a guard asks for, in disjunctive normal form: at least
// one of the alternatives, each with all that it lists. Without any alternative
// nothing passes.
type Requirement struct {
	Any []All
}

// All is one alternative. The zero All asks for an authenticated client and
// nothing more.
type All struct {
	// Anonymous means that no client is needed.
	Anonymous bool
	// Scopes are the scopes that the client needs, all of them.
	Scopes []string
	// Checks name what else is looked at: "internal", claims and the names
	// given to Require.
	Checks []string
}

// maxAlternatives bounds a Requirement. Combining guards multiplies
// alternatives, and what nobody can read in a document nobody understands in
// the code either.
const maxAlternatives = 64

func (q Requirement) bounded() {
	if len(q.Any) > maxAlternatives {
		panic(fmt.Sprintf("security: the guards combine to %d alternatives, more than %d", len(q.Any), maxAlternatives))
	}
}

func (q Requirement) or(other Requirement) Requirement {
	any := slices.Clone(q.Any)
	for _, a := range other.Any {
		any = appendAll(any, a)
	}
	return Requirement{Any: any}
}

func (q Requirement) and(other Requirement) Requirement {
	var any []All
	for _, a := range q.Any {
		for _, b := range other.Any {
			any = appendAll(any, All{
				Anonymous: a.Anonymous && b.Anonymous,
				Scopes:    appendNew(slices.Clone(a.Scopes), b.Scopes...),
				Checks:    appendNew(slices.Clone(a.Checks), b.Checks...),
			})
		}
	}
	return Requirement{Any: any}
}

func appendAll(any []All, a All) []All {
	if slices.ContainsFunc(any, func(b All) bool {
		return a.Anonymous == b.Anonymous && sameSet(a.Scopes, b.Scopes) && sameSet(a.Checks, b.Checks)
	}) {
		return any
	}
	return append(any, a)
}

// sameSet compares lists that hold nothing twice.
func sameSet(a, b []string) bool {
	return len(a) == len(b) && !slices.ContainsFunc(a, func(s string) bool { return !slices.Contains(b, s) })
}

func appendNew(list []string, more ...string) []string {
	for _, s := range more {
		if !slices.Contains(list, s) {
			list = append(list, s)
		}
	}
	return list
}

// requirer is what a guarded handler answers.
type requirer interface {
	Requirement(*http.Request) Requirement
}

var _ requirer = (*guarded)(nil)
