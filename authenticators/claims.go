package authenticators

import (
	stdjson "encoding/json"
	"errors"
	"math"
	"reflect"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/go-jose/go-jose/v4/json"
)

// registered are the claims that decide about a token, decoded in one pass. A
// claim that is null is absent; one of another type than it should have makes
// the token bad, as do duplicate members.
type registered struct {
	Issuer, Subject, ID, ClientID string
	Audience                      []string
	Expires, NotBefore, IssuedAt  time.Time
	Scope, SCP                    []string
	Confirmation                  bool
}

// parse reads what it can even where it returns an error.
func (c *registered) parse(payload string) error {
	if payload == "" || payload[0] != '{' || !utf8.ValidString(payload) {
		return errors.New("the claims are not a JSON object in UTF-8")
	}
	var seen names
	bad := !eachMember(payload, func(name, value string) bool {
		return seen.add(name) && c.set(name, value) == nil
	})
	if bad {
		return errors.New("the claims are malformed")
	}
	return nil
}

func (c *registered) set(name, value string) (err error) {
	switch name {
	case "iss":
		c.Issuer, err = stringOf(value)
	case "sub":
		c.Subject, err = stringOf(value)
	case "jti":
		c.ID, err = stringOf(value)
	case "client_id":
		c.ClientID, err = stringOf(value)
	case "aud":
		c.Audience, err = audienceOf(value)
	case "exp":
		c.Expires, err = numericDate(value)
	case "nbf":
		c.NotBefore, err = numericDate(value)
	case "iat":
		c.IssuedAt, err = numericDate(value)
	case "scope":
		c.Scope, err = scopeClaim(value)
	case "scp":
		c.SCP, err = scopeClaim(value)
	case "cnf":
		c.Confirmation = value != "null"
	}
	return err
}

// stringOf decodes a JSON string, or null as "".
func stringOf(value string) (string, error) {
	if value[0] == '"' && strings.IndexByte(value, '\\') < 0 {
		return value[1 : len(value)-1], nil
	}
	var s string
	err := json.Unmarshal([]byte(value), &s)
	return s, err
}

// audienceOf decodes a string or an array of strings (RFC 7519 section 4.1.3).
func audienceOf(value string) ([]string, error) {
	if value[0] == '"' {
		one, err := stringOf(value)
		return []string{one}, err
	}
	var many []*string
	if err := json.Unmarshal([]byte(value), &many); err != nil {
		return nil, err
	}
	var list []string
	for _, s := range many {
		if s == nil {
			return nil, errors.New("null in an array of strings")
		}
		list = append(list, *s)
	}
	return list, nil
}

var errNumericDate = errors.New("not a NumericDate")

// numericDate decodes a number of seconds, possibly with a fraction (RFC 7519
// section 2), up to the year 9999.
func numericDate(value string) (time.Time, error) {
	const year10000 = 253402300800
	if value == "null" {
		return time.Time{}, nil
	}
	if n, err := strconv.ParseInt(value, 10, 64); err == nil && n >= 0 && n < year10000 {
		return time.Unix(n, 0), nil
	}
	f, err := strconv.ParseFloat(value, 64)
	if err != nil || !(f >= 0 && f < year10000) {
		return time.Time{}, errNumericDate
	}
	whole, fraction := math.Modf(f)
	return time.Unix(int64(whole), int64(fraction*1e9)), nil
}

// scopeClaim decodes a string with scopes or an array of them. What is neither
// has no scopes.
func scopeClaim(value string) ([]string, error) {
	if value[0] == '"' {
		s, err := stringOf(value)
		return splitScopes(s), err
	}
	var v any
	err := json.Unmarshal([]byte(value), &v)
	return scopesOf(v), err
}

// claimSet implements authstar.ClaimSet over the payload of a verified token.
// It decodes anew at every call, so that nobody shares what is returned.
type claimSet struct {
	payload string
	once    sync.Once
	members map[string]json.RawMessage
}

// Decode implements authstar.ClaimSet.
func (s *claimSet) Decode(v any) error {
	if err := decode(s.payload, v); err != nil {
		return errors.New("authenticators: claims: " + strings.TrimPrefix(err.Error(), "json: "))
	}
	return nil
}

// Lookup implements authstar.ClaimSet.
func (s *claimSet) Lookup(name string) (any, bool) {
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

// path finds a claim by its name or by the path to it. Names may have dots, so
// every way to cut the path is tried.
func (s *claimSet) path(name string) any {
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

// strings reads a claim that is a string or an array of strings.
func (s *claimSet) strings(name string) []string {
	switch v := s.path(name).(type) {
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
