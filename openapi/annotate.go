package openapi

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/authstar/authstar"
)

// Annotate returns the OpenAPI document doc (JSON, version 3.0 or 3.1) with the
// security that root enforces. root is what the server serves: a chain's
// handler, an *http.ServeMux, a [Mux], a guarded handler, [Routes], or any of
// these inside each other and inside handlers that answer Unwrap() http.Handler.
//
// In the result,
//
//   - components.securitySchemes has the schemes of the chains on the way, and
//     extra. A scheme that the document describes already, under its ID or
//     under another name, stays as it is and keeps that name; of those with
//     flows or a discovery document, which only the program knows, the
//     program's description is taken. Where the document has something else
//     under the ID, that stays as well, since operations that are not routed may
//     mean it, and the program's scheme gets a number after its ID: "bearer-2".
//   - every operation's security is what the guards on the way to its handler
//     ask for, all of them together, by the schemes of the chains around the
//     first of them that asks for a client: it refuses before a chain inside
//     looks. Where no guard stands, it is empty.
//   - x-authstar-requirement has that once more where security cannot say it
//     all: an array of alternatives, each an object with the members anonymous,
//     scopes (all of which are needed) and checks, as in security.All. Checks
//     stand nowhere else, and an OpenAPI 3.0 document has no room for scopes
//     beside API keys and the like.
//   - operations whose guard refuses with 401 or 403 refer to
//     components.responses.Unauthorized and Forbidden, where they do not
//     describe these answers themselves. Those two stay as they are if the
//     document has them.
//
// Everything else stays byte for byte as it was, and so does an operation that
// is not routed, or whose handler cannot be seen; [Verify] finds these.
//
// A scheme in extra with the ID of one in the chain describes that one instead.
// An OAuth 2.0 or OpenID Connect scheme in extra is a way to get the token that
// the chain reads from the Authorization header, so it stands beside that
// scheme wherever it is accepted. Other schemes in extra are only described.
// If root has no chain, because it is what the chain is around, extra stands
// for the chain: pass chain.Schemes()... there.
//
// The paths of the document are looked for below the paths of its servers, and
// then as they are. Requests are made up to ask the routers; none is served.
//
// The error has all faults: a document that is not JSON, of another version or
// with a member twice, schemes that cannot be described, and guarded operations
// for which there is no scheme. Annotating twice changes nothing more.
func Annotate(doc []byte, root http.Handler, extra ...authstar.Scheme) ([]byte, error) {
	s, err := newSurvey(doc, root, extra)
	if err != nil {
		return nil, err
	}
	if err := s.annotate(); err != nil {
		return nil, err
	}
	return s.doc.bytes(), nil
}

// survey is a document beside what serves it.
type survey struct {
	doc        *document
	walker     *walker
	catalog    *catalog
	security   []byte // of the whole document
	operations []*operation
	refs       map[string]any // to the refusals, by status
}

func newSurvey(doc []byte, root http.Handler, extra []authstar.Scheme) (*survey, error) {
	d, err := newDocument(doc)
	if err != nil {
		return nil, err
	}
	s := &survey{doc: d, walker: newWalker(root), refs: make(map[string]any)}
	for _, r := range refusals {
		s.refs[r.status] = json.RawMessage(`{"$ref":"#/components/responses/` + r.name + `"}`)
	}
	var version string
	if version, s.security, s.operations, err = d.read(); err != nil {
		return nil, err
	}
	existing, err := d.securitySchemes()
	if err != nil {
		return nil, err
	}
	s.catalog = &catalog{v30: strings.HasPrefix(version, "3.0."), existing: existing, text: d.raw, names: make(map[string]entry)}
	for _, e := range extra {
		s.catalog.extra = append(s.catalog.extra, split(e)...)
	}
	_, err = s.catalog.refs(s.walker.top.schemes)
	errs := []error{err}
	for _, o := range s.operations {
		if err := s.locate(o); err != nil {
			errs = append(errs, &Fault{o.method, o.path, err.Error()})
		}
	}
	for _, e := range s.catalog.extra {
		_, err := s.catalog.add(e)
		errs = append(errs, err)
	}
	if err := joined(errs); err != nil {
		return nil, err
	}
	return s, nil
}

// joined is errors.Join without repetition.
func joined(errs []error) error {
	seen := make(map[string]bool)
	return errors.Join(slices.DeleteFunc(errs, func(err error) bool {
		if err == nil || seen[err.Error()] {
			return true
		}
		seen[err.Error()] = true
		return false
	})...)
}

func (d *document) securitySchemes() ([]member, error) {
	components, err := d.child(d.top, "components")
	if err != nil {
		return nil, err
	}
	return d.child(components, "securitySchemes")
}

// locate finds what serves the operation. The first request that ends at a
// handler which can be seen is the operation's.
func (s *survey) locate(o *operation) error {
	if o.status == hidden {
		return nil
	}
	for r := range o.requests {
		f := s.walker.find(r)
		if f.status > o.status {
			o.finding = f
		}
	}
	if o.status != found {
		return nil
	}
	if err := bounded(o.requirement); err != nil {
		return err
	}
	var err error
	if o.refs, err = s.catalog.refs(o.schemes); err != nil {
		return err
	}
	if len(o.refs) == 0 && !needsNobody(o.requirement) {
		return errors.New("it is guarded, and there is no scheme for it that this version of OpenAPI has words for: root needs the chain's handler, or extra the chain's schemes")
	}
	return nil
}

// annotate makes the changes in the document.
func (s *survey) annotate() error {
	responses := make(map[string]bool)
	texts := make(map[string]*rendering)
	var key []byte
	for _, o := range s.operations {
		if o.status != found {
			continue
		}
		key = appendKey(key[:0], o)
		text := texts[string(key)]
		if text == nil {
			var err error
			if text, err = newRendering(o); err != nil {
				return err
			}
			texts[string(key)] = text
		}
		if err := s.change(o, text, responses); err != nil {
			return err
		}
	}
	var components object
	if len(s.catalog.entries) > 0 {
		components = append(components, pair{"securitySchemes", s.catalog.entries, into})
	}
	var described object
	for _, r := range refusals {
		if responses[r.status] {
			described = append(described, r.component())
		}
	}
	if described != nil {
		components = append(components, pair{"responses", described, into})
	}
	if len(components) == 0 {
		return nil
	}
	return s.doc.mergeInto(s.doc.root, s.doc.top, "the document", object{{"components", components, into}})
}

// change writes the text into the operation, and notes to which responses it
// refers then.
func (s *survey) change(o *operation, text *rendering, responses map[string]bool) error {
	changes := append(make(object, 0, 3), text.changes[:]...)
	at, ok := lookup(o.members, "responses")
	var have []member
	if ok {
		var err error
		if have, err = s.doc.members(at, o.method, " ", o.path, ".responses"); err != nil {
			return err
		}
	}
	missing := s.missing(o, have)
	for _, p := range missing {
		responses[p.name] = true
	}
	if ok && missing != nil {
		if err := s.doc.mergeInto(at, have, "responses", missing); err != nil {
			return err
		}
	} else if missing != nil {
		changes = append(changes, pair{"responses", missing, set})
	}
	return s.doc.mergeInto(o.span, o.members, o.path, changes)
}

// rendering is what operations with one requirement share: their security, and
// the extension.
type rendering struct{ changes [2]pair }

// appendKey appends what is the same for operations that have one rendering.
func appendKey(b []byte, o *operation) []byte {
	for _, a := range o.requirement.Any {
		b = strconv.AppendBool(append(b, '|'), a.Anonymous)
		for _, list := range [][]string{a.Scopes, a.Checks} {
			b = append(b, '|')
			for _, s := range list {
				b = appendText(b, s)
			}
		}
	}
	for _, r := range o.refs {
		b = appendText(b, r.name)
	}
	return b
}

func appendText(b []byte, s string) []byte {
	return append(append(strconv.AppendInt(b, int64(len(s)), 10), ':'), s...)
}

func newRendering(o *operation) (*rendering, error) {
	security, err := json.Marshal(securityOf(o.requirement, o.refs))
	if err != nil {
		return nil, fmt.Errorf("openapi: %w", err)
	}
	exact, err := json.Marshal(extensionOf(o.requirement))
	if err != nil {
		return nil, fmt.Errorf("openapi: %w", err)
	}
	r := &rendering{[2]pair{{"security", json.RawMessage(security), set}, {extension, json.RawMessage(exact), set}}}
	if !saysMore(o.requirement) {
		r.changes[1].mode = update
	}
	return r, nil
}

// missing are the responses of a guard that are not among those that the
// operation describes.
func (s *survey) missing(o *operation, have []member) object {
	if _, ok := lookup(have, "4XX"); ok {
		return nil
	}
	var list object
	for _, r := range refusals {
		if _, ok := lookup(have, r.status); !ok && r.happens(o) {
			if list == nil {
				list = make(object, 0, len(refusals))
			}
			list = append(list, pair{name: r.status, value: s.refs[r.status]})
		}
	}
	return list
}

// hasCookie reports whether a browser sends one of the credentials by itself,
// so that a request of another site is refused with 403.
func hasCookie(schemes []authstar.Scheme) bool {
	return slices.ContainsFunc(schemes, func(s authstar.Scheme) bool { return s.In == "cookie" })
}

// refusal is a response that operations refer to.
type refusal struct{ status, name, description, challenge string }

var refusals = [...]refusal{
	{"401", "Unauthorized", "There are no credentials, or none that are accepted.", "How to authenticate: a challenge for each way (RFC 9110 section 11.6.1)."},
	{"403", "Forbidden", "This client may not do this.", "The challenge of the scheme in use, with the scopes that are missing (RFC 6750 section 3)."},
}

func (r refusal) happens(o *operation) bool {
	credentials := !needsNobody(o.requirement)
	if r.status == "401" {
		return credentials
	}
	return saysMore(o.requirement) || credentials && hasCookie(o.schemes)
}

// component has no content, because security.Rules may write any.
func (r refusal) component() pair {
	return pair{r.name, object{
		{name: "description", value: r.description},
		{name: "headers", value: object{{name: "WWW-Authenticate", value: object{
			{name: "description", value: r.challenge},
			{name: "schema", value: map[string]string{"type": "string"}},
		}}}},
	}, keep}
}
