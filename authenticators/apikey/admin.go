package apikey

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/authstar/authstar"
)

// Action is what an administrator does to a key.
type Action string

// The actions of the [Admin] API.
const (
	ReadKey   Action = "read"
	CreateKey Action = "create"
	RotateKey Action = "rotate"
	RevokeKey Action = "revoke"
)

// AdminConfig is how [Keys.Admin] makes an Admin. The zero value is usable.
type AdminConfig struct {
	// Path is where the API is served, such as "/admin/api-keys"; "" is
	// "/api-keys". It has no trailing slash and no wildcard.
	Path string
	// Allow decides whether the client that the chain authenticated may do this to
	// the key; of a key that is to be created, the record has no id yet. It is
	// asked for every record of a list, and leaves out those that it refuses.
	// A plain error is 403; an *authstar.Error has the status of its code. It must
	// be safe for concurrent use.
	//
	// nil allows everything, except that who creates or rotates a key, and so
	// learns its secret, must have every scope of it.
	Allow func(ctx context.Context, admin authstar.Client, action Action, key Record) error
	// InsecureAnonymous serves requests without a client, for guards such as
	// security.Internal that let them pass. Allow is asked with a nil client.
	// Without it they are answered by 500, as by a guard outside of a chain.
	InsecureAnonymous bool
	// CrossOrigin decides about requests from other origins, which browsers may send
	// with what they know of the administrator, such as Basic credentials. nil
	// refuses them all but GET. For a page of another origin that manages keys, make
	// one with http.NewCrossOriginProtection, and name the origin with its
	// AddTrustedOrigin.
	CrossOrigin *http.CrossOriginProtection
}

// Admin is an HTTP API for people and programs that manage keys. It refuses nobody
// by itself, except requests without a client and those that a page of another
// origin made a browser send; put a guard around it:
//
//	admin, err := keys.Admin(apikey.AdminConfig{Path: "/admin/api-keys"})
//	admin.Register(mux, security.Scopes("keys:admin").Handler)
//
// Below Path, it serves
//
//	POST /              creates a key, 201; the body is {"name","owner","scopes","expires"}
//	GET  /              lists keys, in pages: ?owner=, ?after=, ?limit=
//	GET  /{id}          shows a key
//	POST /{id}/rotate   gives it a new secret; the body is {"overlap_seconds","expires"} or empty
//	POST /{id}/revoke   ends it
//
// where "/" is Path itself. Answers are JSON, never stored by caches, and never
// have a hash. A key is in the answers to create and rotate, and nowhere else.
// Errors are {"error","error_description"}: 400 for what is out of bounds, 403, 404,
// 409 (see [ErrConflict]), 413 for more than 64 KiB, 415 for a body that is not
// JSON, and 503 with Retry-After when the store failed, of which only
// Config.Observe learns more.
//
// It is immutable and safe for concurrent use.
type Admin struct {
	keys   *Keys
	config AdminConfig
	mux    *http.ServeMux
	routes []route
}

type route struct {
	pattern string
	handler http.Handler
}

// Admin makes the API to manage these keys. The error is about the path.
func (k *Keys) Admin(config AdminConfig) (*Admin, error) {
	if config.Path == "" {
		config.Path = "/api-keys"
	}
	if u, err := url.Parse(config.Path); err != nil || u.Path != config.Path || !isAdminPath(config.Path) {
		return nil, fmt.Errorf("apikey: the path %q must begin with a slash, not end with one, and have letters, digits, '-', '.', '_' and single slashes only", config.Path)
	}
	if config.Allow == nil {
		config.Allow = ownScopes
	}
	if config.CrossOrigin == nil {
		config.CrossOrigin = http.NewCrossOriginProtection()
	}
	a := &Admin{keys: k, config: config, mux: http.NewServeMux()}
	a.handle("POST "+config.Path, a.create)
	a.handle("GET "+config.Path, a.list)
	a.handle("GET "+config.Path+"/{id}", a.show)
	a.handle("POST "+config.Path+"/{id}/rotate", a.rotate)
	a.handle("POST "+config.Path+"/{id}/revoke", a.revoke)
	return a, nil
}

func isAdminPath(path string) bool {
	for segment := range strings.SplitSeq(strings.TrimPrefix(path, "/"), "/") {
		if segment == "" || segment == "." || segment == ".." || strings.ContainsFunc(segment, func(c rune) bool {
			return c > '~' || !alphanumeric[c] && c != '-' && c != '.' && c != '_'
		}) {
			return false
		}
	}
	return path[0] == '/'
}

func (a *Admin) handle(pattern string, f action) {
	h := &endpoint{admin: a, serve: f}
	a.mux.Handle(pattern, h)
	a.routes = append(a.routes, route{pattern, h})
}

// Register registers each route, behind the guard, with an *http.ServeMux, an
// openapi.Mux, or another router that takes the patterns of ServeMux. It panics
// without a guard, which is what keeps everybody from making keys.
func (a *Admin) Register(mux interface {
	Handle(pattern string, handler http.Handler)
}, guard func(http.Handler) http.Handler) {
	if guard == nil {
		panic("apikey: Register without a guard")
	}
	for _, r := range a.routes {
		mux.Handle(r.pattern, guard(r.handler))
	}
}

// ServeHTTP serves the API, for where Register does not fit. The path of the
// request must still have Path in it.
func (a *Admin) ServeHTTP(w http.ResponseWriter, r *http.Request) { a.mux.ServeHTTP(w, r) }

// Unwrap returns the router, so that documents are read off what serves.
func (a *Admin) Unwrap() http.Handler { return a.mux }

// ownScopes lets administrators hand out what they have.
func ownScopes(_ context.Context, admin authstar.Client, action Action, key Record) error {
	if action != CreateKey && action != RotateKey {
		return nil
	}
	var missing []string
	for _, scope := range key.Scopes {
		if admin == nil || !hasScope(admin, scope) {
			missing = append(missing, scope)
		}
	}
	if missing != nil {
		return &authstar.Error{Code: authstar.InsufficientScope, Description: "the key has scopes that the client has not", Scope: missing}
	}
	return nil
}

// hasScope asks as guards do.
func hasScope(client authstar.Client, scope string) bool {
	if h, ok := client.(interface{ HasScope(string) bool }); ok {
		return h.HasScope(scope)
	}
	return slices.Contains(client.Scopes(), scope)
}

// shown is a record with its key.
type shown struct {
	Key string `json:"key"`
	Record
}

// expiry is a time in a body, null for never. The zero time is an error: for
// programs that send it, it is what was not filled in.
type expiry struct{ time.Time }

func (e *expiry) UnmarshalJSON(text []byte) error {
	if err := e.Time.UnmarshalJSON(text); err != nil {
		return err
	}
	if e.IsZero() && string(text) != "null" {
		return errors.New("the expiry is the zero time; null is never")
	}
	return nil
}

// action answers a request with a status and a body.
type action func(w http.ResponseWriter, r *http.Request, admin authstar.Client) (status int, body any, err error)

func (a *Admin) create(w http.ResponseWriter, r *http.Request, admin authstar.Client) (int, any, error) {
	var asked struct {
		Name    string   `json:"name"`
		Owner   string   `json:"owner"`
		Scopes  []string `json:"scopes"`
		Expires expiry   `json:"expires"`
	}
	if err := readBody(w, r, &asked, true); err != nil {
		return 0, nil, err
	}
	spec := Spec{asked.Name, asked.Owner, asked.Scopes, asked.Expires.Time}
	record, err := spec.record(a.keys.now())
	if err != nil {
		return 0, nil, err
	}
	if err := a.allow(r, admin, CreateKey, record); err != nil {
		return 0, nil, err
	}
	key, record, err := a.keys.add(r.Context(), record)
	if err != nil {
		return 0, nil, err
	}
	w.Header().Set("Location", a.config.Path+"/"+record.ID)
	return http.StatusCreated, shown{key.Reveal(), complete(record)}, nil
}

func (a *Admin) list(_ http.ResponseWriter, r *http.Request, admin authstar.Client) (int, any, error) {
	values := r.URL.Query()
	query := Query{Owner: values.Get("owner"), After: values.Get("after"), Limit: defaultLimit}
	if limit := values.Get("limit"); limit != "" {
		n, err := strconv.Atoi(limit)
		if err != nil || n == 0 {
			n = -1
		}
		query.Limit = n
	}
	records, err := a.keys.List(r.Context(), query)
	if err != nil {
		return 0, nil, err
	}
	var page struct {
		Keys []Record `json:"keys"`
		Next string   `json:"next,omitempty"`
	}
	page.Keys = []Record{}
	if len(records) == query.Limit {
		page.Next = records[len(records)-1].ID
	}
	for _, record := range records {
		switch err := a.allow(r, admin, ReadKey, record); {
		case err == nil:
			page.Keys = append(page.Keys, complete(record))
		case err.Status() >= http.StatusInternalServerError:
			return 0, nil, err
		}
	}
	return http.StatusOK, page, nil
}

// find returns the record of the path, if the client may do that to it.
func (a *Admin) find(r *http.Request, admin authstar.Client, action Action) (Record, error) {
	record, err := a.keys.Record(r.Context(), r.PathValue("id"))
	if err != nil {
		return Record{}, err
	}
	if err := a.allow(r, admin, action, record); err != nil {
		return Record{}, err
	}
	return record, nil
}

func (a *Admin) show(_ http.ResponseWriter, r *http.Request, admin authstar.Client) (int, any, error) {
	record, err := a.find(r, admin, ReadKey)
	return http.StatusOK, complete(record), err
}

func (a *Admin) rotate(w http.ResponseWriter, r *http.Request, admin authstar.Client) (int, any, error) {
	var asked struct {
		Overlap int64  `json:"overlap_seconds"`
		Expires expiry `json:"expires"`
	}
	if err := readBody(w, r, &asked, false); err != nil {
		return 0, nil, err
	}
	record, err := a.find(r, admin, RotateKey)
	if err != nil {
		return 0, nil, err
	}
	overlap := time.Duration(min(max(asked.Overlap, -1), int64(maxOverlap/time.Second)+1)) * time.Second
	key, record, err := a.keys.rotate(r.Context(), record, Rotation{Overlap: overlap, Expires: asked.Expires.Time})
	if err != nil {
		return 0, nil, err
	}
	return http.StatusOK, shown{key.Reveal(), complete(record)}, nil
}

func (a *Admin) revoke(_ http.ResponseWriter, r *http.Request, admin authstar.Client) (int, any, error) {
	record, err := a.find(r, admin, RevokeKey)
	if err != nil {
		return 0, nil, err
	}
	record, err = a.keys.Revoke(r.Context(), record.ID)
	return http.StatusOK, complete(record), err
}

// allow asks the application.
func (a *Admin) allow(r *http.Request, admin authstar.Client, action Action, record Record) *authstar.Error {
	record.Scopes = slices.Clone(record.Scopes)
	err := a.config.Allow(r.Context(), admin, action, record)
	if err == nil {
		return nil
	}
	var stated *authstar.Error
	if errors.As(err, &stated) && stated != nil {
		return stated
	}
	return &authstar.Error{Code: authstar.AccessDenied, Description: "the client may not do this to the key", Err: err}
}

// complete gives JSON an empty array for no scopes.
func complete(r Record) Record {
	if r.Scopes == nil {
		r.Scopes = []string{}
	}
	return r
}
