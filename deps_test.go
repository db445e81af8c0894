package authstar_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"
)

const modulePath = "github.com/authstar/authstar"

// rooms says what the non-test files of each package may import beyond the
// standard library: packages of this module by their folder, with "." for the
// root, and modules that thirdParty names. An arrow that is not here is a
// mistake or a change of the design; so is a package without a line.
var rooms = map[string]string{
	".":                                "",
	"security":                         ". internal/response internal/websocket",
	"authenticators":                   ". authenticators/jwks internal/claims internal/endpointurl internal/websocket go-jose x/crypto x/sync x/time",
	"authenticators/apikey":            ". authenticators internal/response",
	"authenticators/apikey/apikeytest": "authenticators/apikey",
	"authenticators/jwks":              "internal/endpointurl go-jose x/crypto x/sync x/time",
	"authenticators/password":          ". authenticators internal/throttle x/crypto x/sync",
	"tokenendpoint":                    ". internal/response go-jose form x/crypto x/sync x/time",
	"authserver":                       ". tokenendpoint internal/claims internal/endpointurl internal/response internal/throttle go-jose x/crypto x/sync x/time",
	"authserver/storetest":             "authserver",
	"openapi":                          ". security",
	"openapi/docs":                     "openapi",
	"authstartest":                     ". authenticators/jwks tokenendpoint go-jose",
	"internal/claims":                  "go-jose",
	"internal/endpointurl":             "",
	"internal/response":                "",
	"internal/throttle":                "x/time",
	"internal/websocket":               "",
}

// programs are folders of commands, which may import every package of this
// module but each other, and which nothing imports.
var programs = map[string]string{
	"examples": "",
	"cmd":      "x/term",
}

// thirdParty are the modules that the root module may require.
var thirdParty = map[string]string{
	"go-jose":  "github.com/go-jose/go-jose/v4",
	"x/crypto": "golang.org/x/crypto",
	"x/sync":   "golang.org/x/sync",
	"x/time":   "golang.org/x/time",
	"x/term":   "golang.org/x/term",
	"form":     "github.com/go-playground/form/v4",
}

// forTests are packages of the standard library that belong in tests, and in
// packages for tests, whose names end with "test".
var forTests = []string{"testing", "net/http/httptest"}

func TestDependencies(t *testing.T) {
	for _, fault := range arrowFaults(t, os.DirFS(".")) {
		t.Error(fault)
	}
}

// A table that allows too much is silent: each of these trees breaks one rule.
func TestDependenciesFindFaults(t *testing.T) {
	tests := []struct {
		name, file, source, want string
	}{
		{"the root imports go-jose", "key.go", `package authstar; import "github.com/go-jose/go-jose/v4"`, ". imports github.com/go-jose/go-jose/v4"},
		{"the root imports a room", "guard.go", `package authstar; import "github.com/authstar/authstar/security"`, ". imports security"},
		{"a file for another system counts", "net_plan9.go", "//go:build plan9\n\npackage authstar; import \"golang.org/x/sys/plan9\"", ". imports golang.org/x/sys/plan9"},
		{"security knows a credential", "security/a.go", `package security; import _ "github.com/authstar/authstar/authenticators"`, "security imports authenticators"},
		{"the token endpoint verifies", "tokenendpoint/a.go", `package tokenendpoint; import "github.com/authstar/authstar/authenticators/jwks"`, "tokenendpoint imports authenticators/jwks"},
		{"keys know requests", "authenticators/jwks/a.go", `package jwks; import "github.com/authstar/authstar"`, "authenticators/jwks imports ."},
		{"a new package", "gadget/a.go", "package gadget", "gadget is in no line of rooms"},
		{"an internal package for one", "internal/websocket/a.go", "package websocket", "internal/websocket is imported by 0 packages, fewer than two"},
		{"an example imports the test kit", "examples/a/main.go", `package main; import "github.com/authstar/authstar/authstartest"`, "examples/a imports authstartest"},
		{"a room imports an example", "openapi/a.go", `package openapi; import "github.com/authstar/authstar/examples/a"`, "openapi imports examples/a"},
		{"a mock outside of tests", "authenticators/a.go", `package authenticators; import "net/http/httptest"`, "authenticators imports net/http/httptest"},
		{"cgo", "security/a.go", `package security; import "C"`, "security imports C"},
		{"init", "security/a.go", "package security; func init() {}", "security/a.go has an init function"},
		{"a requirement", "go.mod", "require (\n\tgithub.com/stretchr/testify v1.10.0\n\texample.com/x v1.0.0 // indirect\n)", "go.mod requires github.com/stretchr/testify"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			tree := fstest.MapFS{
				"go.mod":                   {Data: []byte("module " + modulePath)},
				"authstar.go":              {Data: []byte("package authstar")},
				"security/guard.go":        {Data: []byte("package security; import _ \"" + modulePath + "\"\nfunc (g Guard) init() {}")},
				"security/guard_test.go":   {Data: []byte(`package security_test; import "testing"; func init() {}`)},
				"authenticators/jwks/a.go": {Data: []byte(`package jwks; import "github.com/go-jose/go-jose/v4/jwt"`)},
				"authstartest/a.go":        {Data: []byte(`package authstartest; import "net/http/httptest"`)},
				"examples/b/main.go":       {Data: []byte(`package main; import "github.com/authstar/authstar/security"`)},
				"contrib/redis/go.mod":     {Data: []byte("module " + modulePath + "/contrib/redis")},
				"contrib/redis/redis.go":   {Data: []byte(`package redis; import "github.com/redis/go-redis/v9"`)},
				"testdata/x.go":            {Data: []byte(`package x; import "example.com/x"`)},
			}
			if got := arrowFaults(t, tree); len(got) > 0 {
				t.Fatalf("the tree without a fault has %q", got)
			}
			tree[test.file] = &fstest.MapFile{Data: []byte(test.source)}
			if got := arrowFaults(t, tree); !slices.Equal(got, []string{test.want}) {
				t.Errorf("faults are %q, want %q alone", got, test.want)
			}
		})
	}
}

// arrowFaults reads every Go file of the module in tree, whatever its build tags,
// and go.mod.
func arrowFaults(t *testing.T, tree fs.FS) (list []string) {
	t.Helper()
	fail := func(format string, args ...any) { list = append(list, fmt.Sprintf(format, args...)) }
	imports := make(map[string][]string) // of each package, without repetition
	err := fs.WalkDir(tree, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		base := path.Base(name)
		if entry.IsDir() && name != "." {
			nested, _ := fs.Glob(tree, path.Join(name, "go.mod"))
			if len(nested) > 0 || base == "testdata" || base == "node_modules" || base[0] == '.' || base[0] == '_' {
				return fs.SkipDir
			}
		}
		if entry.IsDir() || !strings.HasSuffix(base, ".go") || strings.HasSuffix(base, "_test.go") {
			return nil
		}
		source, err := fs.ReadFile(tree, name)
		if err != nil {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, source, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		pkg := path.Dir(name)
		imports[pkg] = append(imports[pkg], importsOf(file)...)
		for _, decl := range file.Decls {
			if f, ok := decl.(*ast.FuncDecl); ok && f.Recv == nil && f.Name.Name == "init" {
				fail("%s has an init function", name)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}

	importers := make(map[string]int)
	for pkg, list := range imports {
		slices.Sort(list)
		allowed, known := allowedFor(pkg)
		if !known {
			fail("%s is in no line of rooms", pkg)
			continue
		}
		for _, imported := range slices.Compact(list) {
			folder := path.Clean(imported)
			importers[folder]++
			if !allowed(imported) {
				fail("%s imports %s", pkg, folder)
			}
		}
	}
	for pkg := range imports {
		if strings.HasPrefix(pkg, "internal/") && importers[pkg] < 2 {
			fail("%s is imported by %d packages, fewer than two", pkg, importers[pkg])
		}
	}
	for _, required := range requirements(t, tree) {
		if !slices.Contains(slices.Collect(maps.Values(thirdParty)), required) {
			fail("go.mod requires %s", required)
		}
	}
	slices.Sort(list)
	return list
}

// importsOf lists packages of this module as "./" and their folder.
func importsOf(file *ast.File) []string {
	var list []string
	for _, spec := range file.Imports {
		name, _ := strconv.Unquote(spec.Path.Value)
		if name == modulePath || strings.HasPrefix(name, modulePath+"/") {
			name = "." + strings.TrimPrefix(name, modulePath)
		}
		list = append(list, name)
	}
	return list
}

// allowedFor answers for the package in that folder.
func allowedFor(pkg string) (allowed func(imported string) bool, known bool) {
	line, known := rooms[pkg]
	program := false
	if !known {
		top, _, _ := strings.Cut(pkg, "/")
		line, known = programs[top]
		program = known
	}
	words := strings.Fields(line)
	return func(imported string) bool {
		first, _, _ := strings.Cut(imported, "/")
		switch {
		case first == ".":
			folder := path.Clean(imported)
			_, room := rooms[folder]
			return slices.Contains(words, folder) || program && room && folder != "authstartest"
		case slices.Contains(forTests, imported):
			return strings.HasSuffix(pkg, "test")
		case !strings.Contains(first, "."): // the standard library
			return imported != "C"
		}
		return slices.ContainsFunc(words, func(word string) bool {
			m, ok := thirdParty[word]
			return ok && (imported == m || strings.HasPrefix(imported, m+"/"))
		})
	}, known
}

// requirements lists the modules that go.mod requires directly.
func requirements(t *testing.T, tree fs.FS) []string {
	t.Helper()
	source, err := fs.ReadFile(tree, "go.mod")
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	block := false
	for line := range strings.Lines(string(source)) {
		words := strings.Fields(line)
		switch {
		case len(words) == 0:
		case words[0] == "require" && len(words) > 1 && words[1] == "(":
			block = true
		case words[0] == ")":
			block = false
		case block && !strings.Contains(line, "// indirect"):
			list = append(list, words[0])
		case words[0] == "require" && !strings.Contains(line, "// indirect"):
			list = append(list, words[1])
		}
	}
	return list
}
