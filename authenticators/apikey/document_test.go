package apikey_test

import (
	"encoding/json"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/authstar/authstar/authenticators"
	"github.com/authstar/authstar/authenticators/apikey"
	"github.com/authstar/authstar/openapi"
	"github.com/authstar/authstar/security"
)

// The document has every route and no other, whichever way the API is mounted, and
// package openapi adds the guard.
func TestDocumentMatchesRoutes(t *testing.T) {
	keys := newKeys(t, apikey.Config{})
	admin, err := keys.Admin(apikey.AdminConfig{Path: adminPath})
	if err != nil {
		t.Fatal(err)
	}
	guard := security.Scopes("keys:admin")
	registered := new(openapi.Mux)
	admin.Register(registered, guard.Handler)
	plain := http.NewServeMux()
	admin.Register(plain, guard.Handler)
	mounted := http.NewServeMux()
	mounted.Handle(adminPath, guard.Handler(admin))
	mounted.Handle(adminPath+"/", guard.Handler(admin))
	for name, mux := range map[string]http.Handler{"openapi.Mux": registered, "ServeMux": plain, "mounted": mounted} {
		root := newChain(t, authenticators.NewAPIKey("X-API-Key", keys.Find)).Handler(mux)
		doc, err := openapi.Annotate(admin.Document(), root)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if err := openapi.Verify(doc, root); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if got := strings.Count(string(doc), `"keys:admin"`); got < 5 {
			t.Errorf("%s: %d of 5 operations are guarded", name, got)
		}
	}
}

// document is the part of OpenAPI that the tests look at.
type document struct {
	Paths map[string]map[string]struct {
		OperationID string `json:"operationId"`
		Responses   map[string]any
	}
	Components struct {
		Schemas map[string]struct {
			Required   []string
			Properties map[string]any
		}
	}
}

func readDocument(t *testing.T, path string) document {
	t.Helper()
	admin, err := newKeys(t, apikey.Config{}).Admin(apikey.AdminConfig{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	var doc document
	if err := json.Unmarshal(admin.Document(), &doc); err != nil {
		t.Fatal(err)
	}
	return doc
}

// N02: what the API answers has the members that the document says, and no hash.
func TestDocumentMatchesAnswers(t *testing.T) {
	doc := readDocument(t, adminPath)
	now := newClock()
	a := newAPI(t, apikey.Config{Now: now.Now}, apikey.AdminConfig{})
	members := func(name string, object map[string]any) {
		t.Helper()
		schema := doc.Components.Schemas[name]
		for member := range object {
			if schema.Properties[member] == nil {
				t.Errorf("%s has no member %q", name, member)
			}
		}
		for _, required := range schema.Required {
			if object[required] == nil {
				t.Errorf("%s lacks %q in %v", name, required, object)
			}
		}
	}
	key, created := a.issue("", `{"name":"a","owner":"us","scopes":["orders:read"],"expires":"2027-01-01T00:00:00Z"}`, 201)
	verdict(t, a.keys, key.Reveal())
	if err := a.keys.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	_, rotated := a.issue("/"+key.ID()+"/rotate", `{"overlap_seconds":1,"expires":"2028-01-01T00:00:00Z"}`, 200)
	revoked := a.call("POST", "/"+key.ID()+"/revoke", "").object(200)
	page := a.call("GET", "?limit=1", "").object(200)
	members("APIKeyIssued", created)
	members("APIKeyIssued", rotated)
	members("APIKeyRecord", revoked)
	members("APIKeyPage", page)
	members("APIKeyError", a.call("GET", "/unknown", "").object(404))
	if got, want := len(revoked), len(doc.Components.Schemas["APIKeyRecord"].Properties); got != want {
		t.Errorf("a record with everything has %d members, and the document %d", got, want)
	}
	for name, schema := range doc.Components.Schemas {
		for member := range schema.Properties {
			if strings.Contains(member, "hash") || member == "previous" || member == "version" {
				t.Errorf("N02 %s has the member %q", name, member)
			}
		}
	}
}

func TestDocumentHasThePath(t *testing.T) {
	for path, want := range map[string]string{"": "/api-keys", "/v1/keys": "/v1/keys"} {
		doc := readDocument(t, path)
		got := slices.Sorted(maps.Keys(doc.Paths))
		if !reflect.DeepEqual(got, []string{want, want + "/{id}", want + "/{id}/revoke", want + "/{id}/rotate"}) {
			t.Errorf("paths are %q", got)
		}
		for _, item := range doc.Paths {
			for method, o := range item {
				if !strings.HasSuffix(o.OperationID, "APIKey") && !strings.HasSuffix(o.OperationID, "APIKeys") {
					t.Errorf("%s has the id %q", method, o.OperationID)
				}
			}
		}
	}
}
