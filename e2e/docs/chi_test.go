package docs

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/authstar/authstar"
	"github.com/authstar/authstar/authenticators"
	"github.com/authstar/authstar/openapi"
	"github.com/authstar/authstar/security"
	"github.com/getkin/kin-openapi/openapi3"
	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"
)

// newRouter is a router with guards in all the places where chi has room for
// middlewares, some beside middlewares that cannot be looked into.
func newRouter(t *testing.T) chi.Router {
	t.Helper()
	chain, err := authstar.New(authenticators.NewAPIKey("X-API-Key", func(_ context.Context, key string) (authstar.Client, error) {
		if key != "reader" {
			return nil, nil
		}
		return &authstar.Identity{ID: "reader", Scope: []string{"read"}}, nil
	}))
	if err != nil {
		t.Fatal(err)
	}
	ok := func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusNoContent) }
	r := chi.NewRouter()
	r.Use(middleware.RequestID, middleware.Recoverer, chain.Handler)
	r.Get("/open", ok)
	r.With(security.Scopes("write").Handler).Post("/orders/{id:[0-9]+}", ok)
	r.Group(func(r chi.Router) {
		r.Use(middleware.NoCache, security.Authenticated().Handler)
		r.Get("/me", ok)
		r.With(middleware.StripSlashes, security.Scopes("read").Handler).Get("/me/orders", ok)
	})
	r.Route("/files", func(r chi.Router) {
		r.Use(security.Optional().Handler)
		r.Get("/*", ok)
	})
	admin := chi.NewRouter()
	admin.Use(security.Authenticated().Except("GET /admin/status").Handler)
	admin.Get("/status", ok)
	admin.With(security.AllScopes("admin", "keys").Handler).Delete("/{user}/keys/{key}", ok)
	admin.Method("PUT", "/{user}", security.Scopes("admin").HandlerFunc(ok))
	r.Mount("/admin", admin)
	return r
}

// routesOf lists the routes of a router of chi.
func routesOf(t *testing.T, r chi.Router) (list openapi.Routes) {
	t.Helper()
	err := chi.Walk(r, func(method, route string, h http.Handler, middlewares ...func(http.Handler) http.Handler) error {
		list = append(list, openapi.Route{Method: method, Path: route, Handler: openapi.Through(h, middlewares...)})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// chiOperations are the operations of newRouter: the path to call, and the
// scopes that the document asks for. "-" is open, and "?" too, though not for
// bad credentials.
var chiOperations = []struct{ method, path, call, scopes string }{
	{"GET", "/open", "/open", "-"},
	{"POST", "/orders/{orderId}", "/orders/7", "write"},
	{"GET", "/me", "/me", ""},
	{"GET", "/me/orders", "/me/orders", "read"},
	{"GET", "/files/{path}", "/files/a", "?"},
	{"GET", "/admin/status", "/admin/status", "-"},
	{"PUT", "/admin/{user}", "/admin/bob", "admin"},
	{"DELETE", "/admin/{user}/keys/{key}", "/admin/bob/keys/1", "admin keys"},
}

// newDocument describes them by hand, without their security.
func newDocument(t *testing.T, version string) []byte {
	t.Helper()
	paths := make(map[string]any)
	for _, o := range chiOperations {
		var parameters []any
		for _, segment := range strings.Split(o.path, "/") {
			if name, ok := strings.CutPrefix(segment, "{"); ok {
				parameters = append(parameters, map[string]any{"name": strings.TrimSuffix(name, "}"), "in": "path", "required": true, "schema": map[string]any{"type": "string"}})
			}
		}
		operation := map[string]any{"responses": map[string]any{"204": map[string]any{"description": "Done"}}}
		if parameters != nil {
			operation["parameters"] = parameters
		}
		paths[o.path] = map[string]any{strings.ToLower(o.method): operation}
	}
	doc, err := json.Marshal(map[string]any{"openapi": version, "info": map[string]any{"title": "chi", "version": "1"}, "paths": paths})
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

// A router of chi is walked, annotated and verified, and refuses where the
// document says so.
func TestChi(t *testing.T) {
	router := newRouter(t)
	routes := routesOf(t, router)
	open := []string{"-", "?"}
	for _, version := range []string{"3.0.3", "3.1.0"} {
		plain := newDocument(t, version)
		var fault *openapi.Fault
		if err := openapi.Verify(plain, routes); !errors.As(err, &fault) || strings.Count(err.Error(), "guarded, and documented as open") != 5 {
			t.Errorf("%s: before: %v", version, err)
		}
		annotated, err := openapi.Annotate(plain, routes)
		if err != nil {
			t.Fatal(err)
		}
		if err := openapi.Verify(annotated, routes); err != nil {
			t.Errorf("%s: after: %v", version, err)
		}
		read, err := openapi3.NewLoader().LoadFromData(annotated)
		if err != nil {
			t.Fatal(err)
		}
		if err := read.Validate(t.Context()); err != nil {
			t.Errorf("%s: kin-openapi: %v", version, err)
		}
		for _, o := range chiOperations {
			got := "-"
			if list := read.Paths.Value(o.path).GetOperation(o.method).Security; list != nil && len(*list) > 0 {
				got = strings.Join((*list)[0]["X-API-Key"], " ")
				if len((*list)[0]) == 0 {
					got = "?"
				}
			}
			want := o.scopes
			if version == "3.0.3" && !slices.Contains(open, want) {
				want = "" // it has room for scopes in OAuth 2.0 alone
			}
			if got != want {
				t.Errorf("%s: %s %s asks for %q, want %q", version, o.method, o.path, got, want)
			}
		}
	}
	for _, o := range chiOperations {
		for key, want := range map[string]int{"": http.StatusUnauthorized, "reader": http.StatusForbidden} {
			if slices.Contains(open, o.scopes) || key == "reader" && slices.Contains([]string{"", "read"}, o.scopes) {
				want = http.StatusNoContent
			}
			r := httptest.NewRequest(o.method, o.call, nil)
			r.Header.Set("X-API-Key", key)
			w := httptest.NewRecorder()
			router.ServeHTTP(w, r)
			if w.Code != want {
				t.Errorf("%s %s with key %q: %d, want %d", o.method, o.call, key, w.Code, want)
			}
		}
	}
}

// What a router of chi has and the document lacks is a fault, and the other way
// round.
func TestChiFaults(t *testing.T) {
	router := newRouter(t)
	router.With(security.Authenticated().Handler).Get("/new", func(http.ResponseWriter, *http.Request) {})
	annotated, err := openapi.Annotate(newDocument(t, "3.1.0"), routesOf(t, router))
	if err != nil {
		t.Fatal(err)
	}
	err = openapi.Verify([]byte(strings.Replace(string(annotated), `"/me":`, `"/mine":`, 1)), routesOf(t, router))
	want := []string{
		"openapi: GET /mine: it is documented, but not routed",
		"openapi: GET /me: it is routed, but not documented",
		"openapi: GET /new: it is routed, but not documented",
	}
	got := strings.Split(fmt.Sprint(err), "\n")
	if slices.Sort(got); !slices.Equal(got, slices.Sorted(slices.Values(want))) {
		t.Errorf("got\n%s", strings.Join(got, "\n"))
	}
}
