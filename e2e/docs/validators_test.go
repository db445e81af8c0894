package docs

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/authstar/authstar/e2e/internal/process"
	"github.com/getkin/kin-openapi/openapi3"
)

// verdict is what the validators say about a document.
type verdict struct {
	Schema string   // of the OpenAPI Initiative
	Lint   []string // Redocly's recommended rules that are broken
	kin    string
}

// What the documents of others bring with them: huma writes no servers, and swag
// an empty URL.
var inherited = map[string]verdict{
	"huma.golden.json": {Lint: []string{"no-empty-servers"}},
	"swag.golden.json": {kin: "invalid external docs: url is required"},
}

// What package openapi has written, in OpenAPI 3.0 and 3.1, is a valid document
// for three validators of others.
func TestDocumentsAreValid(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob(filepath.Join("..", "..", "openapi", "testdata", "*.golden.json"))
	if err != nil || len(files) < 4 {
		t.Fatalf("the golden files: %q, %v", files, err)
	}
	for _, name := range []string{"quickstart", "pkce"} {
		_, body := do(t, newRequest(t, "GET", process.Example(t, name)+"/openapi.json"))
		files = append(files, write(t, name+".json", body))
	}
	for i, v := range validate(t, files) {
		base := filepath.Base(files[i])
		want := inherited[base]
		if v.Schema != want.Schema || !slices.Equal(v.Lint, want.Lint) || v.kin != want.kin {
			t.Errorf("%s: %+v, want %+v", base, v, want)
		}
	}
}

// The control of TestDocumentsAreValid: the validators look at what package
// openapi writes.
func TestValidatorsFindFaults(t *testing.T) {
	t.Parallel()
	good, err := os.ReadFile(filepath.Join("..", "..", "openapi", "testdata", "petstore.golden.json"))
	if err != nil {
		t.Fatal(err)
	}
	spoil := func(name, old, new string) string {
		if !bytes.Contains(good, []byte(old)) {
			t.Fatalf("no %s in the document", old)
		}
		return write(t, name, bytes.Replace(good, []byte(old), []byte(new), 1))
	}
	found := validate(t, []string{
		spoil("type.json", `"type": "apiKey"`, `"type": "apikey"`),
		spoil("response.json", `"#/components/responses/Unauthorized"`, `"#/components/responses/Unknown"`),
		spoil("scheme.json", `"bearer": []`, `"unknown": []`),
	})
	if v := found[0]; v.Schema == "" || len(v.Lint) == 0 || v.kin == "" {
		t.Errorf("an unknown type of scheme passes: %+v", v)
	}
	if v := found[1]; len(v.Lint) == 0 || v.kin == "" {
		t.Errorf("a response that is nowhere passes: %+v", v)
	}
	if v := found[2]; len(v.Lint) == 0 {
		t.Errorf("a scheme that is nowhere passes: %+v", v)
	}
}

func write(t *testing.T, name string, doc []byte) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(file, doc, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func validate(t *testing.T, files []string) (found []verdict) {
	t.Helper()
	process.Node(t, filepath.Join("testdata", "validate.mjs")).Ask(t, files, &found)
	for i, file := range files {
		if err := load(t, file); err != nil {
			found[i].kin = err.Error()
		}
	}
	return found
}

// load returns all that kin-openapi finds.
func load(t *testing.T, file string) error {
	t.Helper()
	doc, err := openapi3.NewLoader().LoadFromFile(file)
	if err != nil {
		return err
	}
	return doc.Validate(t.Context(), openapi3.EnableMultiError())
}
