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
	if decode(string(raw), &v) != nil {
		return nil, false
	}
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
	d := json.NewDecoder(strings.NewReader(data))
	d.SetNumberType(json.UnmarshalJSONNumber)
	if err := d.Decode(v); err != nil {
		return err
	}
	standardNumbers(reflect.ValueOf(v))
	return nil
}

// standardNumbers replaces, in every any below v, the numbers of go-jose's JSON
// package by those of encoding/json.
func standardNumbers(v reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			standardNumbers(v.Elem())
		}
	case reflect.Interface:
		if v.IsNil() {
			return
		}
		if n, ok := v.Interface().(json.Number); ok {
			if v.CanSet() {
				v.Set(reflect.ValueOf(stdjson.Number(n)))
			}
			return
		}
		standardNumbers(v.Elem())
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				standardNumbers(v.Field(i))
			}
		}
	case reflect.Slice, reflect.Array:
		for i := range v.Len() {
			standardNumbers(v.Index(i))
		}
	case reflect.Map:
		for _, key := range v.MapKeys() {
			value := v.MapIndex(key)
			if n, ok := value.Interface().(json.Number); ok {
				if v.Type().Elem().Kind() == reflect.Interface {
					v.SetMapIndex(key, reflect.ValueOf(stdjson.Number(n)))
				}
				continue
			}
			standardNumbers(value)
		}
	}
}
