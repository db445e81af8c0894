package openapi

import (
	"fmt"
	"slices"

	"github.com/authstar/authstar/security"
)

// open is the requirement where no guard stands.
var open = security.Requirement{Any: []security.All{{Anonymous: true}}}

// maxAlternatives is how many of them a requirement has at most, as in package
// security.
const maxAlternatives = 64

// both is the requirement of two guards, one inside the other.
func both(outer, inner security.Requirement) security.Requirement {
	if len(outer.Any) == 1 && equal(outer.Any[0], open.Any[0]) && distinct(inner) {
		return inner
	}
	var q security.Requirement
	for _, a := range outer.Any {
		for _, b := range inner.Any {
			all := security.All{
				Anonymous: a.Anonymous && b.Anonymous,
				Scopes:    appendNew(slices.Clone(a.Scopes), b.Scopes...),
				Checks:    appendNew(slices.Clone(a.Checks), b.Checks...),
			}
			if len(q.Any) <= maxAlternatives && !slices.ContainsFunc(q.Any, func(c security.All) bool { return equal(c, all) }) {
				q.Any = append(q.Any, all)
			}
		}
	}
	return q
}

// distinct reports whether a requirement says nothing twice.
func distinct(q security.Requirement) bool {
	for i, a := range q.Any {
		if repeats(a.Scopes) || repeats(a.Checks) || slices.ContainsFunc(q.Any[:i], func(b security.All) bool { return equal(a, b) }) {
			return false
		}
	}
	return len(q.Any) <= maxAlternatives
}

func repeats(list []string) bool {
	for i, s := range list {
		if slices.Contains(list[:i], s) {
			return true
		}
	}
	return false
}

func bounded(q security.Requirement) error {
	if len(q.Any) > maxAlternatives {
		return fmt.Errorf("the guards on the way combine to more than %d alternatives", maxAlternatives)
	}
	return nil
}

func equal(a, b security.All) bool {
	return a.Anonymous == b.Anonymous && sameSet(a.Scopes, b.Scopes) && sameSet(a.Checks, b.Checks)
}

// sameSet compares lists that hold nothing twice.
func sameSet(a, b []string) bool {
	return len(a) == len(b) && !slices.ContainsFunc(a, func(s string) bool { return !slices.Contains(b, s) })
}

// coincide reports whether each of the lists has all that the other has.
func coincide[T any](a, b []T, same func(a, b T) bool) bool {
	within := func(list, all []T) bool {
		return !slices.ContainsFunc(list, func(x T) bool {
			return !slices.ContainsFunc(all, func(y T) bool { return same(x, y) })
		})
	}
	return within(a, b) && within(b, a)
}

func appendNew(list []string, more ...string) []string {
	for _, s := range more {
		if !slices.Contains(list, s) {
			list = append(list, s)
		}
	}
	return list
}

// passesAnonymous reports whether requests without credentials may pass.
func passesAnonymous(q security.Requirement) bool {
	return slices.ContainsFunc(q.Any, func(a security.All) bool { return a.Anonymous })
}

// needsNobody reports whether credentials are not even looked at.
func needsNobody(q security.Requirement) bool {
	return len(q.Any) > 0 && !slices.ContainsFunc(q.Any, func(a security.All) bool { return !a.Anonymous })
}

// isInternal reports whether only the internal network gets through.
func isInternal(q security.Requirement) bool {
	return len(q.Any) > 0 && !slices.ContainsFunc(q.Any, func(a security.All) bool { return !slices.Contains(a.Checks, "internal") })
}

// saysMore reports whether the requirement has what a document's security does
// not show: checks, and scopes where schemes have no room for them.
func saysMore(q security.Requirement) bool {
	return len(q.Any) == 0 || slices.ContainsFunc(q.Any, func(a security.All) bool { return len(a.Scopes)+len(a.Checks) > 0 })
}

// securityOf renders the requirement as OpenAPI's security: alternatives, each
// of which is one scheme and what it must have been granted. A requirement that
// nothing meets asks for any of the schemes, since an empty list would read as
// open.
func securityOf(q security.Requirement, refs []ref) []map[string][]string {
	list := []map[string][]string{}
	if needsNobody(q) {
		return list
	}
	alternatives := q.Any
	if len(alternatives) == 0 {
		alternatives = []security.All{{}}
	}
	type key struct{ id, scopes string }
	seen := make(map[key]bool)
	add := func(id string, scopes []string) {
		k := key{id, fmt.Sprintf("%q", scopes)}
		if !seen[k] {
			seen[k] = true
			one := map[string][]string{}
			if id != "" {
				one[id] = scopes
			}
			list = append(list, one)
		}
	}
	for _, a := range alternatives {
		if a.Anonymous {
			add("", nil)
			continue
		}
		for _, r := range refs {
			scopes := []string{}
			if r.scopes {
				scopes = append(scopes, a.Scopes...)
			}
			add(r.name, scopes)
		}
	}
	return list
}

// extension is the name under which an operation has its exact requirement.
const extension = "x-authstar-requirement"

type alternative struct {
	Anonymous bool     `json:"anonymous,omitempty"`
	Scopes    []string `json:"scopes,omitempty"`
	Checks    []string `json:"checks,omitempty"`
}

func extensionOf(q security.Requirement) []alternative {
	list := []alternative{}
	for _, a := range q.Any {
		list = append(list, alternative(a))
	}
	return list
}
