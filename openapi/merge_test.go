package openapi_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/authstar/authstar"
	"github.com/authstar/authstar/authenticators"
	"github.com/authstar/authstar/authenticators/apikey"
	"github.com/authstar/authstar/openapi"
	"github.com/authstar/authstar/security"
)

// whole is a document with these members after its version.
func whole(members string) []byte { return []byte(`{"openapi":"3.1.0",` + members + `}`) }

func TestMerge(t *testing.T) {
	for _, test := range []struct{ name, doc, prefix, other, want string }{
		{"a new path", `"paths":{"/a":{"get":{}}}`, "", `"paths":{"/b":{"parameters":[],"get":{"x":1.0}}}`, `"paths":{"/a":{"get":{}},"/b":{"parameters":[],"get":{"x":1.0}}}`},
		{"below a prefix", `"paths":{}`, "/v1", `"paths":{"/":{"get":{}},"/b":{"get":{}}}`, `"paths":{"/v1/":{"get":{}},"/v1/b":{"get":{}}}`},
		{"an operation of both", `"paths":{"/a":{"get":{"summary":"a"},"post":{}}}`, "", `"paths":{"/a":{"get":{"summary":"b"}}}`, `"paths":{"/a":{"get":{"summary":"b"},"post":{}}}`},
		{"more operations", `"paths":{"/a":{"get":{}}}`, "", `"paths":{"/a":{"post":{}}}`, `"paths":{"/a":{"get":{},"post":{}}}`},
		{"all operations of a path", `"paths":{"/a":{"parameters":[1],"get":{}}}`, "", `"paths":{"/a":{"parameters":[],"get":{},"post":{}}}`, `"paths":{"/a":{"parameters":[],"get":{},"post":{}}}`},
		{"all operations of a path of which nothing else is said", `"paths":{"/a":{"get":{}}}`, "", `"paths":{"/a":{"parameters":[],"get":{},"post":{}}}`, `"paths":{"/a":{"parameters":[],"get":{},"post":{}}}`},
		{"components", `"components":{"schemas":{"A":{"x":1}}}`, "", `"components":{"schemas":{"A":{ "x": 1 },"B":{}},"headers":{"H":{}},"x-more":1}`, `"components":{"schemas":{"A":{"x":1},"B":{}},"headers":{"H":{}}}`},
		{"the first components", `"paths":{}`, "", `"components":{"schemas":{"A":{}}}`, `"paths":{},"components":{"schemas":{"A":{}}}`},
		{"tags", `"tags":[{"name":"a","description":"ours"}]`, "", `"tags":[{"name":"a"},{"name":"b"}]`, `"tags":[{"name":"a","description":"ours"},{"name":"b"}]`},
		{"the rest of the other", `"info":{},"paths":{}`, "", `"info":{"title":"x"},"servers":[{"url":"/x"}],"security":[{"x":[]}],"webhooks":{},"paths":{"x-a":1}`, `"info":{},"paths":{}`},
		{"one id, of one operation", `"paths":{"/a":{"get":{"operationId":"a"}}}`, "", `"paths":{"/a":{"get":{"operationId":"a"}}}`, `"paths":{"/a":{"get":{"operationId":"a"}}}`},
		{"an id of an operation that goes", `"paths":{"/a":{"get":{"operationId":"a"}}}`, "", `"paths":{"/a":{"get":{"operationId":"b"}},"/b":{"get":{"operationId":"a"}}}`, `"paths":{"/a":{"get":{"operationId":"b"}},"/b":{"get":{"operationId":"a"}}}`},
	} {
		t.Run(test.name, func(t *testing.T) {
			doc, other := whole(test.doc), whole(test.other)
			got, err := openapi.Merge(doc, test.prefix, other)
			if err != nil || string(got) != string(whole(test.want)) {
				t.Fatalf("%v\n%s, want\n%s", err, got, whole(test.want))
			}
			if again, err := openapi.Merge(got, test.prefix, other); err != nil || !bytes.Equal(again, got) {
				t.Errorf("merging again: %v\n%s", err, again)
			}
			if string(doc) != string(whole(test.doc)) || string(other) != string(whole(test.other)) {
				t.Error("the arguments were changed")
			}
		})
	}
}

func TestMergeRefuses(t *testing.T) {
	for _, test := range []struct{ name, doc, prefix, other, want string }{
		{"no JSON", `"paths":{}`, "", `"paths":`, "not JSON"},
		{"no UTF-8", `"paths":{}`, "", "\"paths\":{\"/\xff\":{}}", "not UTF-8"},
		{"a prefix without UTF-8", `"paths":{}`, "/\xff", `"paths":{}`, "prefix"},
		{"a prefix", `"paths":{}`, "/a/", `"paths":{}`, `prefix "/a/"`},
		{"a member twice", `"paths":{}`, "", `"paths":{},"paths":{}`, `"paths" twice`},
		{"components that differ", `"components":{"schemas":{"A":{"x":1}}}`, "", `"components":{"schemas":{"A":{"x":2}}}`, "components.schemas.A differs"},
		{"components that are none", `"paths":{}`, "", `"components":[]`, "components is not an object"},
		{"names of parameters", `"paths":{"/a/{b}":{"get":{}}}`, "", `"paths":{"/a/{c}":{"get":{}}}`, "the paths /a/{b} and /a/{c} are the same"},
		{"words about all operations", `"paths":{"/a":{"get":{}}}`, "", `"paths":{"/a":{"parameters":[],"post":{}}}`, "path /a: "},
		{"words about all of ours, which the other does without", `"paths":{"/a":{"summary":"a","get":{}}}`, "", `"paths":{"/a":{"get":{}}}`, "path /a: "},
		{"members of ours, which the other does without", `"paths":{"/a":{"x-keep":1,"get":{}}}`, "", `"paths":{"/a":{"parameters":[],"get":{}}}`, "path /a: "},
		{"words about all of ours", `"paths":{"/a":{"parameters":[],"get":{}}}`, "", `"paths":{"/a":{"post":{}}}`, "path /a: "},
		{"an id twice", `"paths":{"/a":{"get":{"operationId":"a"}}}`, "", `"paths":{"/b":{"post":{"operationId":"a"}}}`, `GET /a and POST /b have the operationId "a"`},
		{"an id twice by the prefix", `"paths":{"/a":{"get":{"operationId":"a"}}}`, "/b", `"paths":{"/a":{"get":{"operationId":"a"}}}`, `GET /a and GET /b/a have the operationId "a"`},
		{"tags that are none", `"tags":{}`, "", `"paths":{}`, "tags is not an array"},
		{"a tag that is none", `"paths":{}`, "", `"tags":[1]`, "a tag is not an object"},
	} {
		if got, err := openapi.Merge(whole(test.doc), test.prefix, whole(test.other)); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v\n%s", test.name, err, got)
		}
	}
	_, err := openapi.Merge([]byte(`{"openapi":"3.0.3"}`), "", []byte(`{"openapi":"3.1.0"}`))
	if err == nil || !strings.Contains(err.Error(), "version 3.0.3, and the other of 3.1.0") {
		t.Errorf("two versions: %v", err)
	}
	_, err = openapi.Merge([]byte(`[]`), "", []byte(`{"openapi":"2"}`))
	if text := fmt.Sprint(err); !strings.Contains(text, "not an object") || !strings.Contains(text, `version "2"`) {
		t.Errorf("both documents have faults, and the error is %v", err)
	}
}

// N01: what is mounted has its guard's security in the merged document, and
// Verify finds nothing.
func TestN01MergedDocumentIsAnnotated(t *testing.T) {
	inner := http.NewServeMux()
	inner.Handle("GET /things/{id}", security.Scopes("things").HandlerFunc(serve))
	mux := new(openapi.Mux)
	mux.HandleFunc("GET /open", serve)
	mux.Mount("/v1", security.Authenticated().Handler(inner))
	mux.Describe("/v1/", openapi.Operation{Hidden: true})
	root := chain(t, bearer()).Handler(mux)
	merged, err := openapi.Merge(mux.Document(openapi.Info{}), "/v1", whole(`"paths":{"/things/{id}":{"get":{"responses":{}}}}`))
	if err != nil {
		t.Fatal(err)
	}
	doc := annotate(t, merged, root)
	if err := openapi.Verify(doc, root); err != nil {
		t.Error(err)
	}
	doc = []byte(compact(t, doc))
	if got := securityIn(t, doc, "GET", "/v1/things/{id}"); got != `[{"bearer":["things"]}]` {
		t.Errorf("security is %s in\n%s", got, doc)
	}
}

// An API and the admin API of its keys, in one document.
func ExampleMerge() {
	keys, err := apikey.New(apikey.Config{Prefix: "acme"})
	if err != nil {
		fmt.Println(err)
		return
	}
	admin, err := keys.Admin(apikey.AdminConfig{Path: "/admin/api-keys"})
	if err != nil {
		fmt.Println(err)
		return
	}
	mux := new(openapi.Mux)
	mux.Handle("GET /orders", security.Scopes("orders:read").HandlerFunc(listOrders))
	admin.Register(mux, security.Scopes("keys:admin").Handler)
	doc, err := openapi.Merge(mux.Document(openapi.Info{Title: "Orders"}), "", admin.Document())
	if err != nil {
		fmt.Println(err)
		return
	}
	chain, err := authstar.New(authenticators.NewAPIKey("X-API-Key", keys.Find))
	if err != nil {
		fmt.Println(err)
		return
	}
	doc, err = openapi.Annotate(doc, chain.Handler(mux)) // or openapi.Handler
	if err != nil {
		fmt.Println(err)
		return
	}
	var d struct {
		Paths map[string]map[string]struct {
			Summary               string
			Security, RequestBody json.RawMessage
		}
	}
	if err := json.Unmarshal(doc, &d); err != nil {
		fmt.Println(err)
		return
	}
	create := d.Paths["/admin/api-keys"]["post"]
	var body, security bytes.Buffer
	_ = json.Compact(&body, create.RequestBody)
	_ = json.Compact(&security, create.Security)
	fmt.Println(create.Summary, &security)
	fmt.Println(&body)
	fmt.Println(d.Paths["/orders"]["get"].Summary)
	// Output:
	// Create a key [{"X-API-Key":["keys:admin"]}]
	// {"required":true,"content":{"application/json":{"schema":{"$ref":"#/components/schemas/APIKeyCreate"}}}}
	// GET /orders
}
