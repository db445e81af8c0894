package openapi_test

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"github.com/authstar/authstar/openapi"
	"github.com/authstar/authstar/security"
)

// parse keeps the spelling of numbers.
func parse(t *testing.T, doc []byte) map[string]any {
	t.Helper()
	var v map[string]any
	d := json.NewDecoder(bytes.NewReader(doc))
	d.UseNumber()
	if err := d.Decode(&v); err != nil {
		t.Fatalf("%v in %s", err, doc)
	}
	return v
}

// forget removes what Annotate adds.
func forget(doc map[string]any) {
	paths, _ := doc["paths"].(map[string]any)
	for _, item := range paths {
		methods, _ := item.(map[string]any)
		for _, o := range methods {
			if o, ok := o.(map[string]any); ok {
				delete(o, "security")
				delete(o, "x-authstar-requirement")
				if responses, ok := o["responses"].(map[string]any); ok {
					delete(responses, "401")
					delete(responses, "403")
					forgetEmpty(o, "responses")
				}
			}
		}
	}
	if components, ok := doc["components"].(map[string]any); ok {
		delete(components, "securitySchemes")
		if responses, ok := components["responses"].(map[string]any); ok {
			delete(responses, "Unauthorized")
			delete(responses, "Forbidden")
			forgetEmpty(components, "responses")
		}
		forgetEmpty(doc, "components")
	}
}

func forgetEmpty(parent map[string]any, name string) {
	if len(parent[name].(map[string]any)) == 0 {
		delete(parent, name)
	}
}

// An annotated document without its security is the document, and annotating it
// again changes nothing.
func FuzzAnnotate(f *testing.F) {
	for _, name := range []string{"petstore.json", "huma.json", "swag.json"} {
		f.Add(read(f, name))
	}
	for _, doc := range []string{
		drifted,
		string(one("3.0.0", "GET", "/a")),
		`{"openapi":"3.1.0","paths":{"/a":{"get":{},"servers":[{"url":"{x}","variables":{"x":{"default":"//h/p"}}}]},"/b":{"post":{"security":[]}}}}`,
		"{\n\t\"openapi\": \"3.0.0\",\n\t\"components\": {},\n\t\"paths\": {\n\t\t\"/a\": {\n\t\t\t\"get\": {}\n\t\t}\n\t}\n}",
		"{\n \"openapi\": \"3.0.0\", \"paths\": {\"/a\":\n{\"get\": {\n}}}}",
		`{"openapi":"3.0.0","paths":{"/a":{"get":{"x-authstar-requirement":0}},"/{":{"get":{}},"/%zz":{"get":{}},"/a//b/..":{"get":{}}}}`,
	} {
		f.Add([]byte(doc))
	}
	mux := new(openapi.Mux)
	mux.Handle("/", security.Authenticated().HandlerFunc(serve))
	mux.Handle("GET /a", security.Scopes("a", "b").HandlerFunc(serve))
	mux.Handle("POST /b/{b}", security.Internal().HandlerFunc(serve))
	mux.Mount("/p", security.Authenticated().Handler(mux))
	root := chain(f, bearer(), apiKey()).Handler(mux)
	f.Fuzz(func(t *testing.T, doc []byte) {
		original := bytes.Clone(doc)
		out, err := openapi.Annotate(doc, root)
		if !bytes.Equal(doc, original) {
			t.Fatal("the argument was changed")
		}
		if _ = openapi.Verify(doc, root); err != nil {
			return
		}
		again, err := openapi.Annotate(out, root)
		if err != nil || !bytes.Equal(again, out) {
			t.Fatalf("annotating again: %v\n%s\n%s", err, out, again)
		}
		before, after := parse(t, doc), parse(t, out)
		forget(before)
		forget(after)
		if !reflect.DeepEqual(before, after) {
			t.Fatalf("the rest has changed\n%s\n%s", doc, out)
		}
	})
}

// A merged document has every operation of the other, and those of the first
// that the other has not; the rest is the first's. Merging again changes nothing.
func FuzzMerge(f *testing.F) {
	for _, seed := range [][3]string{
		{`"paths":{"/a":{"get":{"x":1}}},"x-a":1`, "", `"paths":{"/a":{"get":{"x":2},"post":{}},"/b/{c}":{"parameters":[],"get":{}}},"info":{}`},
		{`"components":{"schemas":{"A":{}}},"tags":[{"name":"a"}]`, "/p", `"paths":{"/":{"get":{}}},"components":{"schemas":{"B":{}},"headers":{}},"tags":[{"name":"b"}]`},
		{`"paths":{"/a":{"x-a":1,"parameters":[],"get":{}}}`, "", `"paths":{"/a":{"parameters":[1],"get":{},"post":{}}}`},
		{`"paths":{}`, "", `"paths":{"/\u0061":{"get":{"operationId":"<"}}}`},
	} {
		f.Add(whole(seed[0]), seed[1], whole(seed[2]))
	}
	f.Add(read(f, "mux.golden.json"), "/v1", read(f, "huma.json"))
	f.Fuzz(func(t *testing.T, doc []byte, prefix string, other []byte) {
		out, err := openapi.Merge(doc, prefix, other)
		if err != nil {
			return
		}
		if again, err := openapi.Merge(out, prefix, other); err != nil || !bytes.Equal(again, out) {
			t.Fatalf("merging again: %v\n%s\n%s", err, out, again)
		}
		before, after := parse(t, doc), parse(t, out)
		want := operations(before, "")
		for key, operation := range operations(parse(t, other), prefix) {
			want[key] = operation
		}
		if got := operations(after, ""); !reflect.DeepEqual(got, want) {
			t.Fatalf("the operations are\n%v, want\n%v", got, want)
		}
		for path, item := range paths(before) {
			for name := range item {
				if _, ok := paths(after)[path][name]; !ok {
					t.Fatalf("%s of %s is gone from\n%s\n%s", name, path, doc, out)
				}
			}
		}
		for _, name := range []string{"paths", "components", "tags"} {
			delete(before, name)
			delete(after, name)
		}
		if !reflect.DeepEqual(before, after) {
			t.Fatalf("the rest has changed\n%s\n%s", doc, out)
		}
	})
}

// operations are those of a document by path and method.
func operations(doc map[string]any, prefix string) map[[2]string]any {
	list := make(map[[2]string]any)
	for path, item := range paths(doc) {
		for _, method := range []string{"get", "put", "post", "delete", "options", "head", "patch", "trace"} {
			if o, ok := item[method]; ok {
				list[[2]string{prefix + path, method}] = o
			}
		}
	}
	return list
}

// paths are the path items of a document.
func paths(doc map[string]any) map[string]map[string]any {
	list := make(map[string]map[string]any)
	all, _ := doc["paths"].(map[string]any)
	for path, item := range all {
		if item, ok := item.(map[string]any); ok && strings.HasPrefix(path, "/") {
			list[path] = item
		}
	}
	return list
}
