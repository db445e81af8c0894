package authenticators

import (
	stdjson "encoding/json"

	"github.com/go-jose/go-jose/v4/json"
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

// names are those of an object's members. The few that most objects have are
// found without a map.
type names struct {
	few  [32]string
	n    int
	many map[string]struct{}
}

// add reports whether the name is new.
func (s *names) add(name string) bool {
	for _, known := range s.few[:s.n] {
		if known == name {
			return false
		}
	}
	if s.n < len(s.few) {
		s.few[s.n] = name
		s.n++
		return true
	}
	if s.many == nil {
		s.many = make(map[string]struct{})
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
