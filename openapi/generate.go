package openapi

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
)

// Info is what a document says about the whole API.
type Info struct {
	Title       string // "" is "API"
	Version     string // of the API; "" is "0"
	Description string // in CommonMark
	// Servers are the URLs below which the paths are; nil is "/", where the
	// document itself comes from. They are never made from a request.
	Servers []string
}

// Document describes the routes that are registered so far in a minimal OpenAPI
// 3.1 document: paths, methods, path parameters, and what [Mux.Describe] added.
// Its security is empty until [Annotate] or [Handler] has seen what is around
// the Mux. Routes that are hidden, and those that m itself guards for the
// internal network alone, are left out. Of routes that differ in their hosts
// alone, the first is described; paths that differ in the names of their
// parameters alone are one, with the names of the first. Routes that no request
// reaches, because the pattern around their Mux does not cover them, are left out
// too.
func (m *Mux) Document(info Info) []byte { return generate(m, m.routes(maxNesting), info) }

// Document describes the routes as [Mux.Document] does.
func (list Routes) Document(info Info) []byte { return generate(list, list.routes(maxNesting), info) }

func generate(root http.Handler, routes []Route, info Info) []byte {
	w := newWalker(root)
	var paths object
	var tags []string
	at := make(map[string]int) // by the path with its parameters filled in
	for _, route := range routes {
		if route.Operation.Hidden {
			continue
		}
		for _, method := range methodsOf(route) {
			if !w.shows(route, method, "") {
				continue
			}
			i, ok := at[fill(route.Path)]
			if !ok {
				i = len(paths)
				at[fill(route.Path)] = i
				paths = append(paths, pair{name: route.Path, value: object{}})
			}
			route.Path = paths[i].name
			item := paths[i].value.(object)
			if !slices.ContainsFunc(item, func(p pair) bool { return p.name == method }) {
				paths[i].value = append(item, pair{name: method, value: operationOf(method, route)})
				tags = appendNew(tags, route.Operation.Tags...)
			}
		}
	}
	doc := object{{name: "openapi", value: "3.1.0"}, {name: "info", value: infoOf(info)}, {name: "servers", value: serversOf(info)}}
	if tags != nil { // pages show them in this order
		doc = append(doc, pair{name: "tags", value: tagsOf(tags)})
	}
	b, err := json.MarshalIndent(append(doc, pair{name: "paths", value: append(object{}, paths...)}), "", "  ")
	if err != nil {
		panic(err) // strings and booleans always marshal
	}
	return append(b, '\n')
}

// shows reports whether documents mention the route for that method: requests
// reach it, and not from the internal network alone. A route without a handler
// stays, for Verify to find.
func (w *walker) shows(route Route, method, prefix string) bool {
	f := w.find(route.request(method, prefix))
	return (f.status != notRouted || route.Handler == nil) && !isInternal(f.requirement)
}

// methodsOf are the names of the operations, as far as OpenAPI has them.
func methodsOf(route Route) []string {
	list := []string{route.Method}
	if route.Method == "" {
		if list = route.Operation.Methods; list == nil {
			list = []string{http.MethodGet}
		}
	}
	var names []string
	for _, method := range list {
		if name := strings.ToLower(method); methods[name] != "" {
			names = append(names, name)
		}
	}
	return names
}

func infoOf(info Info) object {
	o := object{{name: "title", value: info.Title}, {name: "version", value: info.Version}}
	if info.Title == "" {
		o[0].value = "API"
	}
	if info.Version == "" {
		o[1].value = "0"
	}
	return addText(o, "description", info.Description)
}

func serversOf(info Info) []object {
	urls := info.Servers
	if len(urls) == 0 {
		urls = []string{"/"}
	}
	var list []object
	for _, url := range urls {
		list = append(list, object{{name: "url", value: url}})
	}
	return list
}

func tagsOf(names []string) []object {
	var list []object
	for _, name := range names {
		list = append(list, object{{name: "name", value: name}})
	}
	return list
}

func operationOf(method string, route Route) object {
	about := route.Operation
	o := object{}
	if len(about.Tags) > 0 {
		o = append(o, pair{name: "tags", value: about.Tags})
	}
	summary := about.Summary
	if summary == "" { // which linters miss
		summary = strings.ToUpper(method) + " " + route.Path
	}
	o = addText(o, "summary", summary)
	o = addText(o, "description", about.Description)
	o = addText(o, "operationId", about.ID)
	if about.Deprecated {
		o = append(o, pair{name: "deprecated", value: true})
	}
	if route.host != "" {
		o = append(o, pair{name: "servers", value: serversOf(Info{Servers: []string{"//" + route.host}})})
	}
	var parameters []object
	for _, name := range parametersOf(route.Path) {
		parameters = append(parameters, object{
			{name: "name", value: name}, {name: "in", value: "path"}, {name: "required", value: true},
			{name: "schema", value: object{{name: "type", value: "string"}}},
		})
	}
	if parameters != nil {
		o = append(o, pair{name: "parameters", value: parameters})
	}
	if len(about.Form) > 0 {
		o = append(o, pair{name: "requestBody", value: formOf(about.Form)})
	}
	return append(o, pair{name: "responses", value: object{{name: "default", value: object{{name: "description", value: "The answer"}}}}})
}

// formOf is a body with these fields.
func formOf(fields []string) object {
	var properties object
	for _, name := range fields {
		schema := object{{name: "type", value: "string"}}
		if name == "password" {
			schema = append(schema, pair{name: "format", value: "password"})
		}
		properties = append(properties, pair{name: name, value: schema})
	}
	schema := object{{name: "type", value: "object"}, {name: "required", value: fields}, {name: "properties", value: properties}}
	return object{{name: "required", value: true}, {name: "content", value: object{
		{name: "application/x-www-form-urlencoded", value: object{{name: "schema", value: schema}}},
	}}}
}

func addText(o object, name, text string) object {
	if text == "" {
		return o
	}
	return append(o, pair{name: name, value: text})
}

func parametersOf(path string) []string {
	var names []string
	for {
		_, rest, ok := strings.Cut(path, "{")
		if !ok {
			return names
		}
		var name string
		name, path, _ = strings.Cut(rest, "}")
		names = appendNew(names, name)
	}
}
