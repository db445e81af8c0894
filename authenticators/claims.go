package authenticators

import (
	"bytes"
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

// registered are the claims that decide about a token, decoded in one pass.
// A claim that is null is absent; one of another type than it should have makes
// the token bad, as do duplicate members.
type registered struct {
	Issuer       string      `json:"iss"`
	Subject      string      `json:"sub"`
	Audience     audience    `json:"aud"`
	Expires      numericDate `json:"exp"`
	NotBefore    numericDate `json:"nbf"`
	IssuedAt     numericDate `json:"iat"`
	ID           string      `json:"jti"`
	ClientID     string      `json:"client_id"`
	Scope        scopeClaim  `json:"scope"`
	SCP          scopeClaim  `json:"scp"`
	Confirmation presence    `json:"cnf"`
}

func (c *registered) parse(payload []byte) error {
	if len(payload) == 0 || payload[0] != '{' || !utf8.Valid(payload) {
		return errors.New("the claims are not a JSON object in UTF-8")
	}
	if err := json.Unmarshal(payload, c); err != nil {
		return errors.New("the claims are malformed")
	}
	return nil
}

// audience is a string or an array of strings (RFC 7519 section 4.1.3).
type audience []string

func (a *audience) UnmarshalJSON(b []byte) error {
	var one string
	if len(b) > 0 && b[0] == '"' {
		if err := json.Unmarshal(b, &one); err != nil {
			return err
		}
		*a = audience{one}
		return nil
	}
	var many []*string
	if err := json.Unmarshal(b, &many); err != nil {
		return err
	}
	for _, s := range many {
		if s == nil {
			return errors.New("null in an array of strings")
		}
		*a = append(*a, *s)
	}
	return nil
}

// numericDate is a number of seconds, possibly with a fraction (RFC 7519
// section 2), up to the year 9999.
type numericDate struct{ time.Time }

var errNumericDate = errors.New("not a NumericDate")

func (d *numericDate) UnmarshalJSON(b []byte) error {
	const year10000 = 253402300800
	s := string(b)
	if s == "null" {
		return nil
	}
	if n, err := strconv.ParseInt(s, 10, 64); err == nil && n >= 0 && n < year10000 {
		d.Time = time.Unix(n, 0)
		return nil
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil || !(f >= 0 && f < year10000) {
		return errNumericDate
	}
	whole, fraction := math.Modf(f)
	d.Time = time.Unix(int64(whole), int64(fraction*1e9))
	return nil
}

// scopeClaim is a string with scopes or an array of them. What is neither has no
// scopes.
type scopeClaim []string

func (c *scopeClaim) UnmarshalJSON(b []byte) error {
	var v any
	if err := json.Unmarshal(b, &v); err != nil {
		return err
	}
	*c = scopesOf(v)
	return nil
}

// presence is set by any value but null.
type presence []byte

func (p *presence) UnmarshalJSON(b []byte) error {
	if string(b) != "null" {
		*p = presence("x")
	}
	return nil
}

// claimSet implements authstar.ClaimSet over the payload of a verified token.
// It decodes anew at every call, so that nobody shares what is returned.
type claimSet struct {
	payload []byte
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
	s.once.Do(func() { _ = json.Unmarshal(s.payload, &s.members) })
	raw, ok := s.members[name]
	if !ok {
		return nil, false
	}
	var v any
	if decode(raw, &v) != nil {
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
func decode(data []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(data))
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
