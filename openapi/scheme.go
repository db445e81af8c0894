package openapi

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/authstar/authstar"
)

// APIKey is a key in the request header of that name. Its ID is the name.
func APIKey(header string) authstar.Scheme {
	return authstar.Scheme{ID: header, Type: authstar.TypeAPIKey, In: "header", Name: header}
}

// HTTPBasic is user name and password (RFC 7617), with the ID "basic".
func HTTPBasic(realm string) authstar.Scheme {
	return authstar.Scheme{ID: "basic", Type: authstar.TypeHTTP, AuthScheme: "Basic", Realm: realm}
}

// HTTPBearer is a token in the Authorization header (RFC 6750), with the ID
// "bearer". The format is a hint for readers, such as "JWT", or empty.
func HTTPBearer(format string) authstar.Scheme {
	return authstar.Scheme{ID: "bearer", Type: authstar.TypeHTTP, AuthScheme: "Bearer", BearerFormat: format}
}

// OAuth2ClientCredentials is a bearer token which a program gets for itself
// (RFC 6749 section 4.4), with the ID "oauth2-clientCredentials". The scopes
// are all that may be asked for, with a description each.
func OAuth2ClientCredentials(tokenURL string, scopes map[string]string) authstar.Scheme {
	return oauth2("oauth2-clientCredentials", authstar.Flow{Type: "clientCredentials", TokenURL: tokenURL, Scopes: scopes})
}

// OAuth2AuthorizationCode is a bearer token which a person lets a program have
// (RFC 6749 section 4.1), with the ID "oauth2-authorizationCode". The scopes
// are all that may be asked for, with a description each.
func OAuth2AuthorizationCode(authorizationURL, tokenURL string, scopes map[string]string) authstar.Scheme {
	return oauth2("oauth2-authorizationCode", authstar.Flow{Type: "authorizationCode", AuthorizationURL: authorizationURL, TokenURL: tokenURL, Scopes: scopes})
}

// OAuth2 makes one scheme of each flow, such as those of a token endpoint's
// Flows method. A flow that is alone has the id as it is, others have theirs
// after it: "id-clientCredentials". User interfaces keep authorizations by
// scheme, and would show two flows of one scheme as authorized when one of
// them is.
func OAuth2(id string, flows ...authstar.Flow) []authstar.Scheme {
	return split(oauth2(id, flows...))
}

// OpenIDConnect is a bearer token of the provider whose discovery document is
// at the URL, with the ID "openIdConnect".
func OpenIDConnect(url string) authstar.Scheme {
	return authstar.Scheme{ID: "openIdConnect", Type: authstar.TypeOpenIDConnect, AuthScheme: "Bearer", OpenIDConnectURL: url}
}

func oauth2(id string, flows ...authstar.Flow) authstar.Scheme {
	return authstar.Scheme{ID: id, Type: authstar.TypeOAuth2, AuthScheme: "Bearer", Flows: flows}
}

// split makes one scheme of each flow.
func split(s authstar.Scheme) []authstar.Scheme {
	if s.Type != authstar.TypeOAuth2 || len(s.Flows) == 1 {
		return []authstar.Scheme{s}
	}
	var list []authstar.Scheme
	for _, f := range s.Flows {
		one := s
		one.ID, one.Flows = s.ID+"-"+f.Type, []authstar.Flow{f}
		list = append(list, one)
	}
	return list
}

// isBearer reports whether the scheme's credential is a token in the
// Authorization header, which is what OAuth 2.0 and OpenID Connect are about.
func isBearer(s authstar.Scheme) bool {
	return s.Type == authstar.TypeHTTP && strings.EqualFold(s.AuthScheme, "Bearer") || getsToken(s)
}

func getsToken(s authstar.Scheme) bool {
	return s.Type == authstar.TypeOAuth2 || s.Type == authstar.TypeOpenIDConnect
}

// render is the security scheme object, or nil where the version of OpenAPI has
// no words for the scheme.
func render(s authstar.Scheme, v30 bool) (object, error) {
	if s.Type == "" || s.Type == authstar.TypeMutualTLS && v30 {
		return nil, nil
	}
	var errs []error
	if !isName(s.ID) {
		errs = append(errs, errors.New("the ID must be letters, digits, '.', '-' and '_'"))
	}
	o := object{{name: "type", value: s.Type}}
	add := func(name, value string, required bool) {
		if value != "" {
			o = append(o, pair{name: name, value: value})
		} else if required {
			errs = append(errs, fmt.Errorf("%s is missing", name))
		}
	}
	switch s.Type {
	case authstar.TypeHTTP:
		add("scheme", strings.ToLower(httpScheme(s)), true)
		add("bearerFormat", s.BearerFormat, false)
	case authstar.TypeAPIKey:
		add("in", s.In, true)
		add("name", s.Name, true)
	case authstar.TypeOpenIDConnect:
		add("openIdConnectUrl", s.OpenIDConnectURL, true)
	case authstar.TypeOAuth2:
		if len(s.Flows) != 1 {
			errs = append(errs, errors.New("it has no flow"))
			break
		}
		f, err := renderFlow(s.Flows[0])
		o, errs = append(o, pair{name: "flows", value: f}), append(errs, err)
	case authstar.TypeMutualTLS:
	default:
		errs = append(errs, fmt.Errorf("type %q is unknown", s.Type))
	}
	add("description", s.Description, false)
	if err := errors.Join(errs...); err != nil {
		return nil, fmt.Errorf("openapi: scheme %q: %w", s.ID, err)
	}
	return o, nil
}

func renderFlow(f authstar.Flow) (object, error) {
	var authorization, token bool
	switch f.Type {
	case "clientCredentials", "password":
		token = true
	case "authorizationCode":
		authorization, token = true, true
	case "implicit":
		authorization = true
	default:
		return nil, fmt.Errorf("flow type %q is unknown", f.Type)
	}
	if authorization != (f.AuthorizationURL != "") || token != (f.TokenURL != "") {
		return nil, fmt.Errorf("flow %s: its URLs are not those that it needs", f.Type)
	}
	o := object{}
	for _, p := range []struct{ name, value string }{{"authorizationUrl", f.AuthorizationURL}, {"tokenUrl", f.TokenURL}, {"refreshUrl", f.RefreshURL}} {
		if p.value != "" {
			o = append(o, pair{name: p.name, value: p.value})
		}
	}
	scopes := f.Scopes
	if scopes == nil { // which is required
		scopes = map[string]string{}
	}
	return object{{name: f.Type, value: append(o, pair{name: "scopes", value: scopes})}}, nil
}

// httpScheme is the name of the scheme in a challenge.
func httpScheme(s authstar.Scheme) string {
	if s.AuthScheme == "" {
		return s.ID
	}
	return s.AuthScheme
}

func isName(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '.' || r == '-' || r == '_')
	})
}

// ref is how an operation refers to a scheme.
type ref struct {
	name   string
	scopes bool // the version of OpenAPI lets it list scopes, or roles
}

// catalog is components.securitySchemes.
type catalog struct {
	v30      bool
	existing []member // of the document
	text     func(span) []byte
	extra    []authstar.Scheme
	entries  object
	names    map[string]entry // by the scheme's ID

	asked []authstar.Scheme // by the last call of refs, and what it answered
	said  []ref
}

type entry struct {
	ref
	rendered []byte
	scheme   authstar.Scheme
}

// refs are the ways to authenticate where requests pass these chains: their
// schemes, as extra describes those, and beside every bearer token the extra
// ways to get one. Without a chain, extra stands for it.
func (c *catalog) refs(chains []authstar.Scheme) ([]ref, error) {
	if c.said != nil && same(c.asked, chains) {
		return c.said, nil
	}
	list, err := c.find(chains)
	if err == nil {
		c.asked, c.said = chains, list
	}
	return list, err
}

// same reports whether the lists are equal, which most often are one.
func same(a, b []authstar.Scheme) bool {
	return len(a) == len(b) && (len(a) == 0 || &a[0] == &b[0] || reflect.DeepEqual(a, b))
}

// find is refs for other chains than the last time.
func (c *catalog) find(chains []authstar.Scheme) ([]ref, error) {
	schemes := chains
	if len(chains) == 0 {
		schemes = c.extra
	}
	var list []ref
	var errs []error
	add := func(s authstar.Scheme) {
		refs, err := c.add(s)
		for _, r := range refs {
			if !slices.Contains(list, r) {
				list = append(list, r)
			}
		}
		errs = append(errs, err)
	}
	isExtra := func(id string) int {
		return slices.IndexFunc(c.extra, func(e authstar.Scheme) bool { return e.ID == id })
	}
	for _, s := range schemes {
		if i := isExtra(s.ID); i >= 0 {
			add(c.extra[i])
		} else {
			add(s)
		}
		for _, e := range c.extra {
			if isBearer(s) && getsToken(e) && !slices.ContainsFunc(schemes, func(s authstar.Scheme) bool { return s.ID == e.ID }) {
				add(e)
			}
		}
	}
	return list, errors.Join(errs...)
}

// add describes the scheme in the document, unless that does so already, with
// its own name for it perhaps, and words of its own.
func (c *catalog) add(s authstar.Scheme) ([]ref, error) {
	var list []ref
	for _, one := range split(s) {
		o, err := render(one, c.v30)
		if err != nil {
			return nil, err
		}
		if o == nil {
			continue
		}
		rendered, err := json.Marshal(o)
		if err != nil {
			return nil, fmt.Errorf("openapi: scheme %q: %w", one.ID, err)
		}
		e, ok := c.names[one.ID]
		if ok && !bytes.Equal(e.rendered, rendered) {
			return nil, fmt.Errorf("openapi: there are two different schemes with the ID %q", one.ID)
		}
		if !ok {
			e = entry{ref{one.ID, !c.v30 || getsToken(one)}, rendered, one}
			if name := c.known(one); name != "" {
				e.name = name
			} else {
				e.name = c.free(one)
				c.entries = append(c.entries, pair{name: e.name, value: json.RawMessage(rendered)})
			}
			c.names[one.ID] = e
		}
		list = append(list, e.ref)
	}
	return list, nil
}

// known returns the document's name for a scheme that means the same.
func (c *catalog) known(s authstar.Scheme) string {
	name := ""
	for _, m := range c.existing {
		if isName(m.name) && c.read(m).means(s) && (name == "" || m.name == s.ID) {
			name = m.name
		}
	}
	return name
}

// described is a scheme of the document, as far as it is read.
type described struct{ Type, Scheme, In, Name string }

// read is empty for what is no scheme, as a reference to one is.
func (c *catalog) read(m member) (d described) {
	if json.Unmarshal(c.text(m.span), &d) != nil {
		return described{}
	}
	return d
}

func (d described) means(s authstar.Scheme) bool {
	switch {
	case d.Type != s.Type:
		return false
	case s.Type == authstar.TypeHTTP:
		return strings.EqualFold(d.Scheme, httpScheme(s))
	case s.Type == authstar.TypeAPIKey:
		return d.In == s.In && (d.Name == s.Name || s.In == "header" && strings.EqualFold(d.Name, s.Name))
	}
	return s.Type == authstar.TypeMutualTLS
}

// free returns a name for a scheme that the document does not describe: the ID,
// or, where the document has something else under it, the ID and a number.
// Operations that are not routed may refer to what is there.
func (c *catalog) free(s authstar.Scheme) string {
	name := s.ID
	for n := 2; !c.isFree(name, s); n++ {
		name = fmt.Sprint(s.ID, "-", n)
	}
	return name
}

// isFree reports whether the scheme may have that name. Where both are ways to a
// token, what the document has there is out of date.
func (c *catalog) isFree(name string, s authstar.Scheme) bool {
	for _, e := range c.names {
		if e.name == name {
			return false
		}
	}
	for _, m := range c.existing {
		if m.name == name {
			have := c.read(m)
			return getsToken(s) && isBearer(authstar.Scheme{Type: have.Type, AuthScheme: have.Scheme})
		}
	}
	return true
}
