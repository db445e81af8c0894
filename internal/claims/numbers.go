package claims

import (
	"cmp"
	stdjson "encoding/json"
	"reflect"
	"slices"
	"strings"

	"github.com/go-jose/go-jose/v4/json"
)

var unmarshaler = reflect.TypeFor[json.Unmarshaler]()

// standardNumbers makes the numbers of go-jose's JSON package, in every any that
// was decoded into v, those of encoding/json. It goes where the JSON went, and no
// further: what else is in v may be shared, or lead back to v.
func standardNumbers(v reflect.Value, decoded any) {
	if decoded == nil || decodesItself(v.Type()) {
		return
	}
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			standardNumbers(v.Elem(), decoded)
		}
	case reflect.Interface:
		if v.IsNil() {
			return
		}
		if n, ok := v.Interface().(json.Number); ok && v.CanSet() {
			v.Set(reflect.ValueOf(stdjson.Number(n)))
			return
		}
		standardNumbers(v.Elem(), decoded)
	case reflect.Slice, reflect.Array:
		list, _ := decoded.([]any)
		for i := range min(v.Len(), len(list)) {
			standardNumbers(v.Index(i), list[i])
		}
	case reflect.Map:
		if members, ok := decoded.(map[string]any); ok && v.Type().Key().Kind() == reflect.String {
			numbersInMap(v, members)
		}
	case reflect.Struct:
		members, _ := decoded.(map[string]any)
		numbersInStruct(v, members)
	}
}

// numbersInMap puts elements back, since those of a map cannot be changed.
func numbersInMap(v reflect.Value, members map[string]any) {
	for name, member := range members {
		key := reflect.ValueOf(name).Convert(v.Type().Key())
		if value := v.MapIndex(key); value.IsValid() {
			element := reflect.New(v.Type().Elem()).Elem()
			element.Set(value)
			standardNumbers(element, member)
			v.SetMapIndex(key, element)
		}
	}
}

// numbersInStruct has a list of its own for embedded structs, each type once as in
// decoding, since one may embed a pointer to itself.
func numbersInStruct(v reflect.Value, members map[string]any) {
	types := []reflect.Type{v.Type()}
	for embedded := []reflect.Value{v}; len(embedded) > 0; embedded = embedded[1:] {
		for field, value := range embedded[0].Fields() {
			tag := field.Tag.Get("json")
			name, _, _ := strings.Cut(tag, ",")
			inner := reflect.Indirect(value)
			isEmbedded := field.Anonymous && inner.Kind() == reflect.Struct
			switch {
			case tag == "-" || !field.IsExported() && !isEmbedded:
			case !isEmbedded || name != "":
				standardNumbers(value, members[cmp.Or(name, field.Name)])
			case !slices.Contains(types, inner.Type()):
				types, embedded = append(types, inner.Type()), append(embedded, inner)
			}
		}
	}
}

// decodesItself reports whether decoding leaves a value of that type to its own
// method.
func decodesItself(t reflect.Type) bool {
	return t.Kind() == reflect.Pointer && t.Implements(unmarshaler) ||
		t.Name() != "" && reflect.PointerTo(t).Implements(unmarshaler)
}

// holdsAny reports whether a value of that type can have an any in it.
func holdsAny(t reflect.Type, seen map[reflect.Type]bool) bool {
	if seen[t] {
		return false
	}
	seen[t] = true
	switch t.Kind() {
	case reflect.Interface:
		return true
	case reflect.Pointer, reflect.Slice, reflect.Array, reflect.Map:
		return holdsAny(t.Elem(), seen)
	case reflect.Struct:
		for field := range t.Fields() {
			if holdsAny(field.Type, seen) {
				return true
			}
		}
	}
	return false
}
