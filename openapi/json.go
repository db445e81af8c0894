package openapi

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// document is a JSON text and the changes to be made in it. Nothing is parsed
// that is not changed, so that the rest keeps its order, its white space and
// the spelling of its numbers.
type document struct {
	text     []byte
	source   string // text, of which names are parts
	root     span
	top      []member
	unit     string // one step of indentation; "" in a text on one line
	edits    []edit
	indented map[indented]string // what render did before
	added    map[added][]byte    // what rendered did before
	list     []member            // room for members
}

// indented is a text, known by where it is, and its indentation.
type indented struct {
	text   *byte
	indent string
}

// added are one or two members to add, known by where their texts are, and how
// they stand.
type added struct {
	texts  [2]*byte
	indent string
	lines  bool
}

type edit struct {
	span
	text []byte
}

// span is a value: text[from:to].
type span struct{ from, to int }

type member struct {
	name string
	span
}

// object is JSON to write, in order.
type object []pair

type pair struct {
	name  string
	value any
	mode  mode
}

// mode tells what becomes of a member that is there already.
type mode int

const (
	set    mode = iota // it is replaced
	into               // the value is an object, whose pairs are merged into it
	keep               // it stays
	update             // it is replaced, and not added where it is missing
)

func (o object) MarshalJSON() ([]byte, error) {
	b := []byte{'{'}
	for _, p := range o {
		if p.mode == update {
			continue
		}
		if len(b) > 1 {
			b = append(b, ',')
		}
		name, err := json.Marshal(p.name)
		if err != nil {
			return nil, err
		}
		value, err := json.Marshal(p.value)
		if err != nil {
			return nil, err
		}
		b = append(append(append(b, name...), ':'), value...)
	}
	return append(b, '}'), nil
}

func newDocument(text []byte) (*document, error) {
	if !json.Valid(text) {
		return nil, fmt.Errorf("openapi: the document is not JSON: %w", json.Unmarshal(text, new(json.RawMessage)))
	}
	d := &document{text: text, source: string(text), indented: make(map[indented]string), added: make(map[added][]byte)}
	d.root = span{d.space(0), len(bytes.TrimRight(text, " \t\r\n"))}
	var err error
	if d.top, err = d.members(d.root, "the document"); err != nil {
		return nil, err
	}
	d.unit, _ = d.indent(d.root)
	return d, nil
}

func (d *document) raw(v span) []byte { return d.text[v.from:v.to] }

// members lists the members of an object, whose name is in parts. One that
// occurs twice is an error, since readers disagree about which of them counts.
func (d *document) members(v span, name ...string) ([]member, error) {
	if d.text[v.from] != '{' {
		return nil, fmt.Errorf("openapi: %s is not an object", strings.Join(name, ""))
	}
	list := d.list[:0]
	for i := d.space(v.from + 1); d.text[i] != '}'; {
		end := d.skip(i)
		m := member{name: unquote(d.source[i:end])}
		m.from = d.space(d.space(end) + 1)
		m.to = d.skip(m.from)
		list = append(list, m)
		if i = d.space(m.to); d.text[i] == ',' {
			i = d.space(i + 1)
		}
	}
	if twice, ok := repeated(list); ok {
		return nil, fmt.Errorf("openapi: %s has %q twice", strings.Join(name, ""), twice)
	}
	d.list = list
	return slices.Clone(list), nil
}

// child lists the members of the object that is one of these, if it is there.
func (d *document) child(list []member, name string) ([]member, error) {
	v, ok := lookup(list, name)
	if !ok {
		return nil, nil
	}
	return d.members(v, name)
}

// compact is the value as json.Marshal writes it.
func (d *document) compact(v span) json.RawMessage {
	b, _ := json.Marshal(json.RawMessage(d.raw(v))) // it is valid
	return b
}

func repeated(list []member) (string, bool) {
	if len(list) < 10 { // as most objects, for which a map is too much
		for i, m := range list {
			if _, ok := lookup(list[:i], m.name); ok {
				return m.name, true
			}
		}
		return "", false
	}
	seen := make(map[string]bool, len(list))
	for _, m := range list {
		if seen[m.name] {
			return m.name, true
		}
		seen[m.name] = true
	}
	return "", false
}

func unquote(quoted string) string {
	if strings.IndexByte(quoted, '\\') < 0 {
		return quoted[1 : len(quoted)-1]
	}
	var s string
	_ = json.Unmarshal([]byte(quoted), &s) // it is valid
	return s
}

func lookup(list []member, name string) (span, bool) {
	i := slices.IndexFunc(list, func(m member) bool { return m.name == name })
	if i < 0 {
		return span{}, false
	}
	return list[i].span, true
}

func (d *document) space(i int) int {
	for d.text[i] == ' ' || d.text[i] == '\t' || d.text[i] == '\n' || d.text[i] == '\r' {
		i++
	}
	return i
}

// skip returns the end of the valid value that begins at i.
func (d *document) skip(i int) int {
	depth := 0
	for {
		switch d.text[i] {
		case '"':
			i = d.skipString(i)
		case '{', '[':
			depth++
			i++
		case '}', ']':
			depth--
			i++
		default: // a number, true, false or null
			for i < len(d.text) && !ends[d.text[i]] {
				i++
			}
		}
		if depth == 0 {
			return i
		}
		for !begins[d.text[i]] {
			i++
		}
	}
}

func (d *document) skipString(i int) int {
	for i++; ; i++ {
		i += bytes.IndexByte(d.text[i:], '"')
		escapes := 0
		for d.text[i-1-escapes] == '\\' {
			escapes++
		}
		if escapes%2 == 0 {
			return i + 1
		}
	}
}

// ends are what comes after a number, and begins what matters at depth.
var (
	ends   = [256]bool{',': true, ']': true, '}': true, ' ': true, '\t': true, '\r': true, '\n': true}
	begins = [256]bool{'"': true, '{': true, '[': true, '}': true, ']': true}
)

// merge makes the changes in the object v.
func (d *document) merge(v span, name string, changes object) error {
	list, err := d.members(v, name)
	if err != nil {
		return err
	}
	return d.mergeInto(v, list, name, changes)
}

// mergeInto is merge for an object whose members are known.
func (d *document) mergeInto(v span, list []member, name string, changes object) error {
	find := func(name string) (span, bool) { return lookup(list, name) }
	if len(changes) > 10 { // a search for each would be quadratic
		find = index(list)
	}
	var missing object
	for _, p := range changes {
		at, ok := find(p.name)
		switch {
		case !ok && p.mode != update:
			if missing == nil {
				missing = make(object, 0, len(changes))
			}
			missing = append(missing, p)
		case !ok || p.mode == keep:
		case p.mode == into:
			if err := d.merge(at, name+"."+p.name, p.value.(object)); err != nil {
				return err
			}
		default:
			indent, lines := d.indent(v)
			if err := d.replace(at, p.value, indent, lines); err != nil {
				return err
			}
		}
	}
	if len(missing) == 0 {
		return nil
	}
	return d.insert(v, list, missing)
}

// insert adds members at the end of the object v.
func (d *document) insert(v span, list []member, missing object) error {
	indent, lines := d.indent(v)
	if len(list) == 0 {
		return d.replace(v, missing, strings.TrimSuffix(indent, d.unit), lines)
	}
	end := list[len(list)-1].to
	text, err := d.rendered(missing, indent, lines)
	d.edits = append(d.edits, edit{span{end, end}, text})
	return err
}

// rendered are members to add, which most often were added elsewhere before.
func (d *document) rendered(missing object, indent string, lines bool) ([]byte, error) {
	key := added{indent: indent, lines: lines}
	for i, p := range missing {
		text, ok := p.value.(json.RawMessage)
		if ok = ok && i < len(key.texts); !ok {
			key.texts[0] = nil
			break
		}
		key.texts[i] = &text[0]
	}
	if again, ok := d.added[key]; ok {
		return again, nil
	}
	var b bytes.Buffer
	for _, p := range missing {
		b.WriteByte(',')
		if lines {
			b.WriteString("\n" + indent)
		}
		name, err := json.Marshal(p.name)
		if err != nil {
			return nil, err
		}
		b.Write(name)
		b.WriteByte(':')
		if lines {
			b.WriteByte(' ')
		}
		if err := d.render(&b, p.value, indent, lines); err != nil {
			return nil, err
		}
	}
	if key.texts[0] != nil {
		d.added[key] = b.Bytes()
	}
	return b.Bytes(), nil
}

func (d *document) replace(v span, value any, indent string, lines bool) error {
	var old, b bytes.Buffer
	if err := d.render(&b, value, "", false); err != nil {
		return err
	}
	if err := json.Compact(&old, d.raw(v)); err != nil || bytes.Equal(old.Bytes(), b.Bytes()) {
		return err
	}
	if lines {
		b.Reset()
		if err := d.render(&b, value, indent, lines); err != nil {
			return err
		}
	}
	d.edits = append(d.edits, edit{v, b.Bytes()})
	return nil
}

func (d *document) render(b *bytes.Buffer, value any, indent string, lines bool) error {
	text, ok := value.(json.RawMessage) // compact, because Marshal made it
	if !ok {
		var err error
		if text, err = json.Marshal(value); err != nil {
			return fmt.Errorf("openapi: %w", err)
		}
	}
	if !lines {
		b.Write(text)
		return nil
	}
	key := indented{&text[0], indent}
	if again, ok := d.indented[key]; ok {
		b.WriteString(again)
		return nil
	}
	start := b.Len()
	if err := json.Indent(b, text, indent, d.unit); err != nil {
		return fmt.Errorf("openapi: %w", err)
	}
	d.indented[key] = string(b.Bytes()[start:])
	return nil
}

// indent returns what stands before the members of the object v, and whether
// each has a line of its own.
func (d *document) indent(v span) (indent string, lines bool) {
	first := d.space(v.from + 1)
	before := d.text[v.from+1 : first]
	if d.text[first] != '}' {
		i := bytes.LastIndexByte(before, '\n')
		return d.source[v.from+1 : first][i+1:], i >= 0
	}
	start := bytes.LastIndexByte(d.text[:v.from], '\n') + 1
	if d.unit == "" || start == 0 {
		return "", false
	}
	return string(d.text[start:d.space(start)]) + d.unit, true
}

// bytes is the text with all changes.
func (d *document) bytes() []byte {
	slices.SortStableFunc(d.edits, func(a, b edit) int { return a.from - b.from })
	size := len(d.text)
	for _, e := range d.edits {
		size += len(e.text)
	}
	out, at := make([]byte, 0, size), 0
	for _, e := range d.edits {
		out = append(append(out, d.text[at:e.from]...), e.text...)
		at = e.to
	}
	return append(out, d.text[at:]...)
}
