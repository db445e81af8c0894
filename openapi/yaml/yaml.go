// Package yaml turns an OpenAPI document in YAML into the JSON that package
// openapi reads:
//
//	doc, err := yaml.ToJSON(source)
//	root.Handle("GET /openapi.json", openapi.Handler(doc, api))
//
// It is a module of its own, so that only those who need it have a YAML parser.
package yaml

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"go.yaml.in/yaml/v4"
)

// maxNodes bounds what aliases multiply.
const maxNodes = 1_000_000

// maxDepth bounds nesting, and ends an alias within its own anchor.
const maxDepth = 1000

// ToJSON returns the document as indented JSON. The order of members stays, and
// so does the spelling of numbers that are numbers in JSON too. Comments are
// lost. Keys are text, whatever they look like: a response 200 is "200".
//
// Errors: what is not YAML, more than one document, a key that is no scalar or
// occurs twice, merge keys ("<<"), numbers that JSON has not (.inf, .nan), tags
// of one's own, and aliases that multiply beyond a million values.
func ToJSON(source []byte) ([]byte, error) {
	decoder := yaml.NewDecoder(bytes.NewReader(source))
	var doc yaml.Node
	if err := decoder.Decode(&doc); err != nil {
		return nil, fmt.Errorf("yaml: %w", err)
	}
	if err := decoder.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		return nil, errors.New("yaml: there is more than one document")
	}
	w := new(writer)
	if err := w.node(&doc, 0); err != nil {
		return nil, err
	}
	var out bytes.Buffer
	if err := json.Indent(&out, w.out.Bytes(), "", "  "); err != nil {
		return nil, fmt.Errorf("yaml: %w", err)
	}
	out.WriteByte('\n')
	return out.Bytes(), nil
}

type writer struct {
	out   bytes.Buffer
	nodes int
}

func fail(n *yaml.Node, format string, args ...any) error {
	return fmt.Errorf("yaml: line %d: %s", n.Line, fmt.Sprintf(format, args...))
}

func (w *writer) node(n *yaml.Node, depth int) error {
	if w.nodes++; w.nodes > maxNodes || depth > maxDepth {
		return fail(n, "there are too many values, or they are nested too deeply")
	}
	switch n.Kind {
	case yaml.DocumentNode:
		return w.node(n.Content[0], depth+1)
	case yaml.AliasNode:
		return w.node(n.Alias, depth+1)
	case yaml.SequenceNode:
		w.out.WriteByte('[')
		for i, item := range n.Content {
			if i > 0 {
				w.out.WriteByte(',')
			}
			if err := w.node(item, depth+1); err != nil {
				return err
			}
		}
		w.out.WriteByte(']')
		return nil
	case yaml.MappingNode:
		return w.mapping(n, depth)
	case yaml.ScalarNode:
		return w.scalar(n)
	}
	return fail(n, "there is no value")
}

func (w *writer) mapping(n *yaml.Node, depth int) error {
	seen := make(map[string]bool)
	w.out.WriteByte('{')
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := n.Content[i]
		if key.Kind == yaml.AliasNode {
			key = key.Alias
		}
		switch {
		case key.Kind != yaml.ScalarNode:
			return fail(key, "a key is no scalar")
		case key.ShortTag() == "!!merge":
			return fail(key, "merge keys are not part of YAML 1.2")
		case seen[key.Value]:
			return fail(key, "the key %q occurs twice", key.Value)
		}
		seen[key.Value] = true
		if i > 0 {
			w.out.WriteByte(',')
		}
		if err := w.text(key); err != nil {
			return err
		}
		w.out.WriteByte(':')
		if err := w.node(n.Content[i+1], depth+1); err != nil {
			return err
		}
	}
	w.out.WriteByte('}')
	return nil
}

func (w *writer) text(n *yaml.Node) error {
	b, err := json.Marshal(n.Value)
	if err != nil {
		return fail(n, "%v", err)
	}
	w.out.Write(b)
	return nil
}

func (w *writer) scalar(n *yaml.Node) error {
	switch n.ShortTag() {
	case "!!null":
		w.out.WriteString("null")
		return nil
	case "!!str", "!!timestamp", "!!binary":
		return w.text(n)
	case "!!bool":
		var b bool
		if err := n.Decode(&b); err != nil {
			return fail(n, "%q is neither true nor false", n.Value)
		}
		fmt.Fprint(&w.out, b)
		return nil
	case "!!int", "!!float":
		if json.Valid([]byte(n.Value)) {
			w.out.WriteString(n.Value)
			return nil
		}
		var number any
		if err := n.Decode(&number); err != nil {
			return fail(n, "%q is no number", n.Value)
		}
		b, err := json.Marshal(number)
		if err != nil {
			return fail(n, "%q is no number in JSON", n.Value)
		}
		w.out.Write(b)
		return nil
	}
	return fail(n, "the tag %s has no meaning in JSON", n.Tag)
}
