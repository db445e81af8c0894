package authenticators

import (
	stdjson "encoding/json"
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/go-jose/go-jose/v4/json"
)

const (
	// maxElements is how many elements an array may have that is among the claims
	// that decide about a token.
	maxElements = 256
	// maxHeaderValues is how many members and elements a token header may have, at
	// all depths together.
	maxHeaderValues = 32
)

// eachMember calls f for each member of a JSON object, in order, with the text
// of its value. It reports whether the text is one object and f was always
// true; an f that is false does not end it. It is for the claims that decide
// about a token, whose names are compared exactly and may not repeat: what
// decodes into a struct allocates more than the rest of verifying.
func eachMember(object string, f func(name, value string) bool) bool {
	if object == "" || object[0] != '{' || !stdjson.Valid([]byte(object)) {
		return false
	}
	ok := true
	for i := skipSpace(object, 1); object[i] != '}'; {
		end := valueEnd(object, i)
		name, err := stringOf(object[i:end])
		i = skipSpace(object, skipSpace(object, end)+1) // the colon
		end = valueEnd(object, i)
		ok = err == nil && f(name, object[i:end]) && ok
		if i = skipSpace(object, end); object[i] == ',' {
			i = skipSpace(object, i+1)
		}
	}
	return ok
}

// eachElement calls f for each element of a JSON array, until f is false. It
// reports whether the text, which is known to be valid JSON, is an array of no more
// than maxElements, and f was always true.
func eachElement(array string, f func(value string) bool) bool {
	if array[0] != '[' {
		return false
	}
	for i, n := skipSpace(array, 1), 0; array[i] != ']'; n++ {
		end := valueEnd(array, i)
		if n == maxElements || !f(array[i:end]) {
			return false
		}
		if i = skipSpace(array, end); array[i] == ',' {
			i = skipSpace(array, i+1)
		}
	}
	return true
}

// isSmall reports whether a JSON text has no more than maxHeaderValues members and
// elements in all, where an empty array or object counts as having one. Of what is
// not JSON it may say either.
func isSmall(text []byte) bool {
	n, quoted := 0, false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '"':
			quoted = !quoted
		case quoted && c == '\\':
			i++
		case !quoted && (c == ',' || c == '{' || c == '['):
			n++
		}
	}
	return n <= maxHeaderValues
}

func skipSpace(s string, i int) int {
	for s[i] == ' ' || s[i] == '\t' || s[i] == '\r' || s[i] == '\n' {
		i++
	}
	return i
}

// valueEnd is the index after the value that begins at i, in JSON that is known
// to be valid.
func valueEnd(s string, i int) int {
	depth := 0
	for {
		switch s[i] {
		case '"':
			i = stringEnd(s, i)
		case '{', '[':
			depth++
			i++
			continue
		case '}', ']':
			if depth == 0 { // behind a number, true, false or null
				return i
			}
			depth--
			i++
		case ',', ' ', '\t', '\r', '\n':
			if depth == 0 {
				return i
			}
			i++
			continue
		default:
			i++
			continue
		}
		if depth == 0 {
			return i
		}
	}
}

func stringEnd(s string, i int) int {
	for i++; s[i] != '"'; i++ {
		if s[i] == '\\' {
			i++
		}
	}
	return i + 1
}

// unquote decodes a JSON string that is known to be valid. It takes half of a
// surrogate pair for U+FFFD, as decoders do.
func unquote(s string) string {
	s = s[1 : len(s)-1]
	i := strings.IndexByte(s, '\\')
	if i < 0 {
		return s
	}
	b := make([]byte, 0, len(s))
	for ; i >= 0; i = strings.IndexByte(s, '\\') {
		r, n := escaped(s[i:])
		b, s = utf8.AppendRune(append(b, s[:i]...), r), s[i+n:]
	}
	return string(append(b, s...))
}

// escaped decodes the escape sequence that s begins with, of n bytes.
func escaped(s string) (r rune, n int) {
	if s[1] != 'u' {
		if i := strings.IndexByte("bfnrt", s[1]); i >= 0 {
			return rune("\b\f\n\r\t"[i]), 2
		}
		return rune(s[1]), 2
	}
	r = codeUnit(s[2:6])
	if len(s) >= 12 && s[6:8] == `\u` {
		if pair := utf16.DecodeRune(r, codeUnit(s[8:12])); pair != utf8.RuneError {
			return pair, 12
		}
	}
	return r, 6
}

func codeUnit(hex string) rune {
	n, _ := strconv.ParseUint(hex, 16, 16)
	return rune(n)
}

// names are those of an object's members. The few that most objects have are
// found without a map.
type names struct {
	few  [32]string
	n    int
	many map[string]struct{}
}

// add reports whether the name is new.
func (s *names) add(name string) bool {
	if s.many == nil {
		if slices.Contains(s.few[:s.n], name) {
			return false
		}
		if s.n < len(s.few) {
			s.few[s.n] = name
			s.n++
			return true
		}
		s.many = make(map[string]struct{}, 2*len(s.few))
		for _, known := range s.few {
			s.many[known] = struct{}{}
		}
	}
	_, known := s.many[name]
	s.many[name] = struct{}{}
	return !known
}

// hasMember reports whether an object has a member of that name, however it is
// spelled, or is not an object.
func hasMember(object []byte, name string) bool {
	var members map[string]json.RawMessage
	if json.Unmarshal(object, &members) != nil {
		return true
	}
	_, ok := members[name]
	return ok
}
