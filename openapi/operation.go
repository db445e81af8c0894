package openapi

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// anyValue stands for the value of a path parameter. It is no literal segment
// of any pattern.
const anyValue = "any-value-of-a-path-parameter"

// methods are the operations of a path item.
var methods = map[string]string{
	"get": http.MethodGet, "put": http.MethodPut, "post": http.MethodPost, "delete": http.MethodDelete,
	"options": http.MethodOptions, "head": http.MethodHead, "patch": http.MethodPatch, "trace": http.MethodTrace,
}

// operation is one of the document's.
type operation struct {
	method, path string
	span
	members []member
	bases   []base
	finding
	refs []ref
}

func (o *operation) String() string { return o.method + " " + o.path }

// base is where a server of the document serves its paths.
type base struct{ host, path string }

// read lists what of the document matters here. A path item that is a
// reference has operations that belong to more than one path, so it is listed
// as an operation that hides what it is.
func (d *document) read() (version string, security []byte, list []*operation, err error) {
	if version, err = d.version(); err != nil {
		return "", nil, nil, err
	}
	if v, ok := lookup(d.top, "security"); ok {
		security = d.raw(v)
	}
	bases := d.bases(d.top, nil)
	paths, ok := lookup(d.top, "paths")
	if !ok {
		return version, security, nil, nil
	}
	items, err := d.members(paths, "paths")
	if err != nil {
		return "", nil, nil, err
	}
	var errs []error
	for _, item := range items {
		if !strings.HasPrefix(item.name, "/") { // an extension
			continue
		}
		list, err = d.item(list, item, bases)
		errs = append(errs, err)
	}
	return version, security, list, errors.Join(errs...)
}

func (d *document) version() (string, error) {
	v, ok := lookup(d.top, "openapi")
	if _, old := lookup(d.top, "swagger"); !ok && old {
		return "", errors.New("openapi: the document is Swagger 2.0, which has no words for most schemes; convert it to OpenAPI 3")
	}
	var version string
	if !ok || json.Unmarshal(d.raw(v), &version) != nil {
		return "", errors.New(`openapi: the document has no member "openapi" with its version`)
	}
	if !strings.HasPrefix(version, "3.0.") && !strings.HasPrefix(version, "3.1.") {
		return "", fmt.Errorf("openapi: version %q is neither 3.0 nor 3.1", version)
	}
	return version, nil
}

// item adds the operations of a path to the list.
func (d *document) item(operations []*operation, item member, bases []base) ([]*operation, error) {
	list, err := d.members(item.span, "paths.", item.name)
	if err != nil {
		return operations, err
	}
	bases = d.bases(list, bases)
	if _, ok := lookup(list, "$ref"); ok {
		o := &operation{path: item.name, method: "*"}
		o.status, o.why = hidden, "the path item is a $ref, which paths with other guards may share"
		return append(operations, o), nil
	}
	var errs []error
	for _, m := range list {
		method := methods[m.name]
		if method == "" {
			continue
		}
		o := &operation{method: method, path: item.name, span: m.span}
		if o.members, err = d.members(m.span, method, " ", item.name); err != nil {
			errs = append(errs, err)
			continue
		}
		o.bases = d.bases(o.members, bases)
		operations = append(operations, o)
	}
	return operations, errors.Join(errs...)
}

// maxServers bounds how many servers of a document are looked at.
const maxServers = 16

// bases reads the member servers, if there is one and it makes sense. A relative
// URL is relative to the document's, which is taken to be at the root.
func (d *document) bases(list []member, outer []base) []base {
	v, ok := lookup(list, "servers")
	if !ok {
		return outer
	}
	var servers []struct {
		URL       string
		Variables map[string]struct{ Default string }
	}
	if json.Unmarshal(d.raw(v), &servers) != nil || len(servers) == 0 {
		return outer
	}
	var bases []base
	for _, s := range servers[:min(len(servers), maxServers)] {
		for name, variable := range s.Variables {
			s.URL = strings.ReplaceAll(s.URL, "{"+name+"}", variable.Default)
		}
		if u, err := (&url.URL{Path: "/"}).Parse(s.URL); err == nil {
			bases = append(bases, base{u.Host, strings.TrimSuffix(u.EscapedPath(), "/")})
		}
	}
	return bases
}

// requests are those that the operation may be about, the likeliest first:
// below the path of each server, and as it stands, for an API behind a proxy
// that strips that path.
func (o *operation) requests(yield func(*http.Request) bool) {
	path := fill(o.path)
	plain := false
	for _, b := range o.bases {
		if !yield(newRequest(o.method, b.host, b.path+path)) {
			return
		}
		plain = plain || b == base{}
	}
	if !plain {
		yield(newRequest(o.method, "", path))
	}
}

func newRequest(method, host, path string) *http.Request {
	var made struct { // in one allocation
		http.Request
		url url.URL
	}
	made.url.Path, made.url.RawPath = unescape(path), path
	made.Request = http.Request{Method: method, URL: &made.url, Host: host, Header: make(http.Header), Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1}
	return &made.Request
}

// unescape is the path as a URL has it, which ignores escapes that are none.
func unescape(path string) string {
	if p, err := url.PathUnescape(path); err == nil {
		return p
	}
	return path
}

// fill puts a value in the place of each {parameter}, which may hold braces as
// chi's {id:[0-9]{3}} does.
func fill(template string) string {
	if strings.IndexByte(template, '{') < 0 {
		return template
	}
	var b strings.Builder
	b.Grow(len(template) + len(anyValue))
	depth := 0
	for i := range len(template) {
		switch c := template[i]; {
		case c == '{':
			if depth == 0 {
				b.WriteString(anyValue)
			}
			depth++
		case c == '}' && depth > 0:
			depth--
		case depth == 0:
			b.WriteByte(c)
		}
	}
	return b.String()
}
