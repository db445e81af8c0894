package openapi

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// Merge returns doc with the operations of other, so that one page shows an API
// and what it mounts, such as the admin API of package apikey:
//
//	admin.Register(mux, security.Scopes("keys:admin").Handler)
//	doc, err := openapi.Merge(mux.Document(info), "", admin.Document())
//
// The prefix, "" or that of [Mux.Mount], comes before the paths of other. An
// operation that both have is taken from other, since a [Mux] knows no more of
// it than its path. What operations refer to, components and tags, comes with
// them, and so do operations for the internal network alone. Nothing else of
// other is taken, neither its servers nor a security of the whole document, which
// [Annotate] and [Handler] read off the guards. The rest of doc stays byte for
// byte as it was, and merging twice changes nothing more.
//
// Both are JSON, of OpenAPI 3.0 or both of 3.1. The errors are: a document that
// Annotate cannot read either, or that is not UTF-8; components of one name that
// differ; an operationId that two operations have; paths that differ in the names
// of their parameters alone; and a path where doc has a member that other has
// not, if one of the documents says something about all operations there.
func Merge(doc []byte, prefix string, other []byte) ([]byte, error) {
	if prefix != "" && !isPrefix(prefix) {
		return nil, fmt.Errorf("openapi: prefix %q must begin with a slash, not end with one, and have no wildcards", prefix)
	}
	to, errTo := newPart(doc, "")
	from, errFrom := newPart(other, prefix)
	if errTo != nil || errFrom != nil {
		return nil, errors.Join(errTo, errFrom)
	}
	if to.version[:4] != from.version[:4] {
		return nil, fmt.Errorf("openapi: one document is of version %s, and the other of %s", to.version, from.version)
	}
	paths, errPaths := to.paths(from)
	components, errComponents := to.components(from)
	tags, errTags := to.tags(from)
	if err := errors.Join(errPaths, errComponents, errTags, to.names(from)); err != nil {
		return nil, err
	}
	var changes object
	if len(tags) > 0 {
		changes = append(changes, pair{"tags", tags, set})
	}
	if len(paths) > 0 {
		changes = append(changes, pair{"paths", paths, into})
	}
	if len(components) > 0 {
		changes = append(changes, pair{"components", components, into})
	}
	if err := to.mergeInto(to.root, to.top, "the document", changes); err != nil {
		return nil, err
	}
	return to.bytes(), nil
}

// part is one of the documents of Merge.
type part struct {
	*document
	version    string
	prefix     string
	operations []*operation
}

func newPart(text []byte, prefix string) (*part, error) {
	if !utf8.Valid(text) { // RFC 8259 section 8.1; names are written anew
		return nil, errors.New("openapi: the document is not UTF-8")
	}
	d, err := newDocument(text)
	if err != nil {
		return nil, err
	}
	p := &part{document: d, prefix: prefix}
	if p.version, _, p.operations, err = d.read(); err != nil {
		return nil, err
	}
	for _, o := range p.operations {
		o.path = prefix + o.path
	}
	return p, nil
}

// paths are the changes that bring the paths of from.
func (to *part) paths(from *part) (object, error) {
	ours, errOurs := to.child(to.top, "paths")
	theirs, errTheirs := from.child(from.top, "paths")
	errs := []error{errOurs, errTheirs}
	known := make(map[string]member) // by the path with its parameters filled in
	for _, item := range ours {
		known[fill(item.name)] = item
	}
	var changes object
	for _, item := range theirs {
		if !strings.HasPrefix(item.name, "/") { // an extension
			continue
		}
		name := from.prefix + item.name
		our, ok := known[fill(name)]
		switch {
		case !ok:
			changes = append(changes, pair{name, from.compact(item.span), set})
		case our.name != name:
			errs = append(errs, fmt.Errorf("openapi: the paths %s and %s are the same", our.name, name))
		default:
			change, err := to.samePath(our, from, item)
			changes, errs = append(changes, change), append(errs, err)
		}
	}
	return changes, errors.Join(errs...)
}

// samePath is the change of a path that both have.
func (to *part) samePath(our member, from *part, their member) (pair, error) {
	ours, errOurs := to.members(our.span, our.name)
	theirs, errTheirs := from.members(their.span, our.name)
	if err := errors.Join(errOurs, errTheirs); err != nil {
		return pair{}, err
	}
	more, shared := false, false
	for _, m := range ours {
		_, ok := lookup(theirs, m.name)
		more, shared = more || !ok, shared || methods[m.name] == ""
	}
	if !more {
		return pair{our.name, from.compact(their.span), set}, nil
	}
	var operations object
	for _, m := range theirs {
		shared = shared || methods[m.name] == ""
		operations = append(operations, pair{m.name, from.compact(m.span), set})
	}
	if shared {
		return pair{}, fmt.Errorf("openapi: path %s: the documents have different members there, and one says something about all operations", our.name)
	}
	return pair{our.name, operations, into}, nil
}

// index is lookup for many names.
func index(list []member) func(name string) (span, bool) {
	at := make(map[string]span, len(list))
	for _, m := range list {
		at[m.name] = m.span
	}
	return func(name string) (span, bool) {
		v, ok := at[name]
		return v, ok
	}
}

// components are the changes that bring those of from.
func (to *part) components(from *part) (object, error) {
	ours, errOurs := to.child(to.top, "components")
	theirs, errTheirs := from.child(from.top, "components")
	errs := []error{errOurs, errTheirs}
	var changes object
	for _, section := range theirs {
		if strings.HasPrefix(section.name, "x-") {
			continue
		}
		have, errHave := to.child(ours, section.name)
		find := index(have)
		entries, errEntries := from.members(section.span, "components."+section.name)
		errs = append(errs, errHave, errEntries)
		var missing object
		for _, e := range entries {
			value := from.compact(e.span)
			our, ok := find(e.name)
			if ok && !bytes.Equal(to.compact(our), value) {
				errs = append(errs, fmt.Errorf("openapi: components.%s.%s differs between the documents", section.name, e.name))
			} else if !ok {
				missing = append(missing, pair{e.name, value, set})
			}
		}
		if missing != nil {
			changes = append(changes, pair{section.name, missing, into})
		}
	}
	return changes, errors.Join(errs...)
}

// tags are all of them, if from has others than to.
func (to *part) tags(from *part) ([]json.RawMessage, error) {
	ours, errOurs := to.tagList()
	theirs, errTheirs := from.tagList()
	if err := errors.Join(errOurs, errTheirs); err != nil {
		return nil, err
	}
	all := ours
	for _, tag := range theirs {
		if !slices.ContainsFunc(ours, func(our tagged) bool { return our.Name == tag.Name }) {
			all = append(all, tag)
		}
	}
	if len(all) == len(ours) {
		return nil, nil
	}
	var list []json.RawMessage
	for _, tag := range all {
		list = append(list, tag.text)
	}
	return list, nil
}

// tagged is a tag of a document.
type tagged struct {
	Name string
	text json.RawMessage
}

func (p *part) tagList() (list []tagged, err error) {
	v, ok := lookup(p.top, "tags")
	if !ok {
		return nil, nil
	}
	var texts []json.RawMessage
	if json.Unmarshal(p.raw(v), &texts) != nil {
		return nil, errors.New("openapi: tags is not an array")
	}
	for _, text := range texts {
		tag := tagged{text: text}
		if json.Unmarshal(text, &tag) != nil {
			return nil, errors.New("openapi: a tag is not an object with a name")
		}
		list = append(list, tag)
	}
	return list, nil
}

// names reports an operationId that would be there twice.
func (to *part) names(from *part) error {
	var errs []error
	replaced := make(map[string]bool)
	for _, o := range from.operations {
		replaced[o.String()] = true
	}
	of := make(map[string]string)
	for _, o := range to.operations {
		if id := to.operationID(o); !replaced[o.String()] {
			of[id] = o.String()
		}
	}
	for _, o := range from.operations {
		if id := from.operationID(o); id != "" && of[id] != "" {
			errs = append(errs, fmt.Errorf("openapi: %s and %s have the operationId %q", of[id], o, id))
		}
	}
	return errors.Join(errs...)
}

func (p *part) operationID(o *operation) (id string) {
	if v, ok := lookup(o.members, "operationId"); ok {
		_ = json.Unmarshal(p.raw(v), &id)
	}
	return id
}
