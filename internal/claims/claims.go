// Package claims decodes the claims of verified tokens: names are compared
// exactly, members may not repeat, and numbers keep their digits.
package claims

import (
	stdjson "encoding/json"
	"errors"
	"reflect"
	"strings"
	"sync"

	"github.com/go-jose/go-jose/v4/json"
)

// Set implements authstar.ClaimSet over the payload of a verified token. It
// decodes anew at every call, so that nobody shares what is returned.
type Set struct {
	payload string
	once    sync.Once
	members map[string]json.RawMessage
}

// New makes a Set of a JSON object.
func New(payload string) *Set { return &Set{payload: payload} }

// Decode implements authstar.ClaimSet.
func (s *Set) Decode(v any) error {
	if err := decode(s.payload, v); err != nil {
		return errors.New("authstar: claims: " + strings.TrimPrefix(err.Error(), "json: "))
	}
	return nil
}

// Lookup implements authstar.ClaimSet.
func (s *Set) Lookup(name string) (any, bool) {
	s.once.Do(func() { _ = json.Unmarshal([]byte(s.payload), &s.members) })
	raw, ok := s.members[name]
	if !ok {
		return nil, false
	}
	var v any
	if unmarshal(string(raw), &v) != nil {
		return nil, false
	}
	standardNumbers(reflect.ValueOf(&v), v)
	return v, true
}

// Path finds a claim by its name or by the path to it. Names may have dots, so
// every way to cut the path is tried.
func (s *Set) Path(name string) any {
	if v, ok := s.Lookup(name); ok {
		return v
	}
	for i := range len(name) {
		if name[i] != '.' {
			continue
		}
		if v, ok := s.Lookup(name[:i]); ok {
			if v = descend(v, name[i+1:]); v != nil {
				return v
			}
		}
	}
	return nil
}

func descend(v any, name string) any {
	object, ok := v.(map[string]any)
	if !ok {
		return nil
	}
	if v, ok := object[name]; ok {
		return v
	}
	for i := range len(name) {
		if name[i] == '.' {
			if v := descend(object[name[:i]], name[i+1:]); v != nil {
				return v
			}
		}
	}
	return nil
}

// Strings reads a claim that is a string or an array of strings.
func (s *Set) Strings(name string) []string {
	switch v := s.Path(name).(type) {
	case string:
		return []string{v}
	case []any:
		var list []string
		for _, e := range v {
			text, ok := e.(string)
			if !ok {
				return nil
			}
			list = append(list, text)
		}
		return list
	}
	return nil
}

// decode is json.Unmarshal with exact numbers, of the standard library's type.
func decode(data string, v any) error {
	if err := unmarshal(data, v); err != nil || !holdsAny(reflect.TypeOf(v), map[reflect.Type]bool{}) {
		return err
	}
	d := stdjson.NewDecoder(strings.NewReader(data))
	d.UseNumber()
	var decoded any
	if err := d.Decode(&decoded); err != nil {
		return err
	}
	standardNumbers(reflect.ValueOf(v), decoded)
	return nil
}

// unmarshal leaves go-jose's numbers.
func unmarshal(data string, v any) error {
	d := json.NewDecoder(strings.NewReader(data))
	d.SetNumberType(json.UnmarshalJSONNumber)
	return d.Decode(v)
}
