package security

import (
	"fmt"
	"net/http"
	"path"
	"strings"

	"github.com/authstar/authstar"
)

// Except returns a guard that does not look at requests which match one of the
// patterns. Patterns are those of http.ServeMux ("GET /docs/{$}", "/public/")
// and mean the same here, with two differences on the safe side: a path that a
// ServeMux would first redirect, such as /public for the pattern /public/, is
// guarded, and so is a path that is not clean, such as /public/%2e%2e/admin. A
// path with an encoded slash must match both as it was sent, as ServeMux reads it,
// and decoded, as file servers do.
//
// "/" stands for every path there is, and so do its likes with a method, a host
// or a trailing wildcard; they are refused with a panic, since the front page
// alone, "/{$}", is what their writers mean.
//
// Inside http.StripPrefix the patterns are relative to the stripped prefix.
func (g Guard) Except(patterns ...string) Guard {
	if g.policy == nil {
		panic("security: Except of a zero Guard")
	}
	if len(patterns) == 0 {
		panic("security: Except needs a pattern")
	}
	p := &except{policy: g.policy}
	for _, pattern := range patterns {
		p.add(pattern)
	}
	return Guard{policy: p, rules: g.rules}
}

type except struct {
	policy
	// public has more than one mux only where patterns overlap in a way that
	// one mux would refuse as ambiguous, which does not matter here.
	public []*http.ServeMux
}

type publicHandler struct{}

func (publicHandler) ServeHTTP(http.ResponseWriter, *http.Request) {}

func (p *except) add(pattern string) {
	rest := pattern[strings.IndexByte(pattern, '/')+1:]
	if rest == "" || strings.HasPrefix(rest, "{") && strings.HasSuffix(rest, "...}") && !strings.Contains(rest, "/") {
		panic(fmt.Sprintf(`security: Except(%q) would open every path; the front page alone is "/{$}"`, pattern))
	}
	new(http.ServeMux).Handle(pattern, publicHandler{}) // panics when it is not a pattern
	for _, mux := range p.public {
		if register(mux, pattern) {
			return
		}
	}
	mux := new(http.ServeMux)
	mux.Handle(pattern, publicHandler{})
	p.public = append(p.public, mux)
}

func register(mux *http.ServeMux, pattern string) (ok bool) {
	defer func() { ok = recover() == nil }()
	mux.Handle(pattern, publicHandler{})
	return true
}

func (p *except) matches(r *http.Request) bool {
	if r == nil || r.URL == nil || !isClean(r.URL.Path) || !p.lists(r) {
		return false
	}
	if r.URL.RawPath == "" {
		return true
	}
	decoded, u := *r, *r.URL
	decoded.URL, u.RawPath = &u, ""
	return p.lists(&decoded)
}

func (p *except) lists(r *http.Request) bool {
	for _, mux := range p.public {
		if h, _ := mux.Handler(r); h == (publicHandler{}) {
			return true
		}
	}
	return false
}

// isClean reports whether routers, file servers and proxies all understand the
// path in the same way.
func isClean(p string) bool {
	if !strings.HasPrefix(p, "/") || strings.ContainsAny(p, "\\\x00") {
		return false
	}
	clean := path.Clean(p)
	return clean == p || clean != "/" && clean+"/" == p
}

func (p *except) check(r *http.Request) *authstar.Error {
	if p.matches(r) {
		return nil
	}
	return p.policy.check(r)
}

func (p *except) requirement(r *http.Request) Requirement {
	if p.matches(r) {
		return Requirement{Any: []All{{Anonymous: true}}}
	}
	return p.policy.requirement(r)
}
