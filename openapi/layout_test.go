package openapi_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/authstar/authstar/openapi"
	"github.com/authstar/authstar/security"
)

// What is added to operations with one guard stands as each of them stands.
func TestLayoutIsThatOfTheOperation(t *testing.T) {
	const doc = `{
  "openapi": "3.1.0",
  "paths": {
    "/a": {"get": {"responses": {"401": {}}}},
    "/b": {"get": {        "responses": {"401": {}}}},
    "/c": {
      "get": {
        "responses": {"401": {}}
      }
    },
    "/d": {
          "get": {
            "responses": {"401": {}}
          }
    }
  }
}`
	mux := http.NewServeMux()
	for _, path := range []string{"/a", "/b", "/c", "/d"} {
		mux.Handle("GET "+path, security.Authenticated().HandlerFunc(serve))
	}
	got := string(annotate(t, []byte(doc), chain(t, bearer()).Handler(mux)))
	lines := func(indent string) string {
		return strings.ReplaceAll(",\n\"security\": [\n  {\n    \"bearer\": []\n  }\n]\n", "\n", "\n"+indent)
	}
	for name, want := range map[string]string{
		"a line":                       `"/a": {"get": {"responses": {"401": {}},"security":[{"bearer":[]}]}},`,
		"a line with white space":      `"/b": {"get": {        "responses": {"401": {}},"security":[{"bearer":[]}]}},`,
		"lines":                        "        \"responses\": {\"401\": {}}" + strings.TrimSuffix(lines("        "), "  ") + "}",
		"lines of another indentation": "            \"responses\": {\"401\": {}}" + strings.TrimSuffix(lines("            "), "  ") + "}",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("%s: no\n%s\nin\n%s", name, want, got)
		}
	}
}

// Guards that look alike are told from each other.
func TestLikeGuardsDiffer(t *testing.T) {
	doc, mux := `{"openapi":"3.1.0","paths":{`, http.NewServeMux()
	want := map[string]string{}
	for path, guard := range map[string]security.Guard{
		`/a [{"scopes":["ab"]}]`:                      security.Scopes("ab"),
		`/b [{"scopes":["a","b"]}]`:                   security.AllScopes("a", "b"),
		`/c [{"scopes":["a"]},{"scopes":["b"]}]`:      security.Scopes("a", "b"),
		`/d [{"checks":["a"]}]`:                       security.Require("a", nobody),
		`/e [{"scopes":["a"]}]`:                       security.Scopes("a"),
		`/f [{"scopes":["1:a"]}]`:                     security.Scopes("1:a"),
		`/g [{"scopes":["a"],"checks":["b"]}]`:        security.Scopes("a").And(security.Require("b", nobody)),
		`/h [{"anonymous":true},{},{"scopes":["a"]}]`: security.AnyOf(security.Optional(), security.Scopes("a")),
	} {
		path, requirement, _ := strings.Cut(path, " ")
		mux.Handle("GET "+path, guard.HandlerFunc(serve))
		doc += `"` + path + `":{"get":{"responses":{"4XX":{}}}},`
		want[path] = requirement
	}
	got := string(annotate(t, []byte(strings.TrimSuffix(doc, ",")+"}}"), chain(t, bearer()).Handler(mux)))
	for path, requirement := range want {
		_, after, _ := strings.Cut(got, `"`+path+`":`)
		if _, after, _ = strings.Cut(after, `"x-authstar-requirement":`); !strings.HasPrefix(after, requirement+"}}") {
			t.Errorf("%s: want %s in\n%s", path, requirement, got)
		}
	}
}

// stutters is a guard of an application that says everything twice.
type stutters struct{ http.Handler }

func (stutters) Requirement(*http.Request) security.Requirement {
	a := security.All{Scopes: []string{"a", "a"}, Checks: []string{"b", "b"}}
	return security.Requirement{Any: []security.All{a, a}}
}

func (s stutters) Unwrap() http.Handler { return s.Handler }

func TestNothingIsSaidTwice(t *testing.T) {
	mux := http.NewServeMux()
	mux.Handle("GET /a", stutters{http.HandlerFunc(serve)})
	root := chain(t, bearer()).Handler(mux)
	got := string(annotate(t, one("3.1.0", "GET", "/a"), root))
	if want := `"security":[{"bearer":["a"]}],"x-authstar-requirement":[{"scopes":["a"],"checks":["b"]}]`; !strings.Contains(got, want) {
		t.Errorf("no %s in\n%s", want, got)
	}
	if err := openapi.Verify([]byte(got), root); err != nil {
		t.Error(err)
	}
}
