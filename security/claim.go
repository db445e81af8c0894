package security

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/authstar/authstar"
)

type claim struct {
	name    string
	allowed []any
	label   string
}

func newClaim(name string, allowed []any) *claim {
	if name == "" {
		panic("security: Claim needs a name")
	}
	p := &claim{name: name, label: "claim " + name}
	for i, v := range allowed {
		value, text, err := asJSON(v)
		if err != nil {
			panic(fmt.Sprintf("security: a value of claim %q is not JSON: %v", name, err))
		}
		p.allowed = append(p.allowed, value)
		p.label += []string{" = ", " or "}[min(i, 1)] + text
	}
	return p
}

func (p *claim) requirement(*http.Request) Requirement {
	return Requirement{Any: []All{{Checks: []string{p.label}}}}
}

func (p *claim) check(r *http.Request) *authstar.Error {
	client, err := who(r)
	if err != nil {
		return err
	}
	denied := &authstar.Error{Code: authstar.AccessDenied, Description: "a claim of the client is missing or has another value"}
	c, ok := client.(interface{ Claim(string) (any, bool) })
	if !ok {
		denied.Err = fmt.Errorf("%T has no method Claim", client)
		return denied
	}
	raw, ok := c.Claim(p.name)
	if !ok || raw == nil {
		denied.Err = fmt.Errorf("claim %q is absent", p.name)
		return denied
	}
	if len(p.allowed) == 0 {
		return nil
	}
	value, _, jsonErr := asJSON(raw)
	if jsonErr != nil {
		return &authstar.Error{Code: authstar.ServerError, Err: fmt.Errorf("claim %q: %w", p.name, jsonErr)}
	}
	for _, want := range p.allowed {
		if equal(value, want) {
			return nil
		}
		if list, ok := value.([]any); ok && slices.ContainsFunc(list, func(v any) bool { return equal(v, want) }) {
			return nil
		}
	}
	denied.Err = fmt.Errorf("claim %q has another value", p.name)
	return denied
}

// asJSON turns any value into what encoding/json decodes with UseNumber.
func asJSON(v any) (value any, text string, err error) {
	switch v := v.(type) {
	case string:
		return v, strconv.Quote(v), nil
	case bool:
		return v, strconv.FormatBool(v), nil
	case json.Number:
		return v, v.String(), nil
	}
	b, err := json.Marshal(v)
	if err != nil {
		return nil, "", err
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	err = d.Decode(&value)
	return value, string(b), err
}

// equal compares JSON values.
func equal(a, b any) bool {
	switch a := a.(type) {
	case json.Number:
		b, ok := b.(json.Number)
		return ok && sameNumber(string(a), string(b))
	case []any:
		b, ok := b.([]any)
		return ok && slices.EqualFunc(a, b, equal)
	case map[string]any:
		b, ok := b.(map[string]any)
		if !ok || len(a) != len(b) {
			return false
		}
		for k, v := range a {
			if w, ok := b[k]; !ok || !equal(v, w) {
				return false
			}
		}
		return true
	case string, bool, nil:
		return a == b
	}
	return false
}

// sameNumber compares two JSON numbers exactly, in time linear in their length.
func sameNumber(a, b string) bool {
	if a == b {
		return true
	}
	sa, da, ea, oka := decimal(a)
	sb, db, eb, okb := decimal(b)
	return oka && okb && da == db && (da == "" || sa == sb && ea == eb)
}

// maxExponent leaves room in an int for what the digits add to the exponent. A
// number beyond equals only one of the same spelling.
const maxExponent = 1 << 30

// decimal takes a JSON number apart into a sign, its digits without zeros at
// either end, and the power of ten of the last digit.
func decimal(s string) (negative bool, digits string, exp int, ok bool) {
	s, negative = strings.CutPrefix(s, "-")
	mantissa := s
	if i := strings.IndexAny(s, "eE"); i >= 0 {
		var err error
		if exp, err = strconv.Atoi(s[i+1:]); err != nil || exp > maxExponent || exp < -maxExponent {
			return false, "", 0, false
		}
		mantissa = s[:i]
	}
	whole, fraction, _ := strings.Cut(mantissa, ".")
	exp -= len(fraction)
	digits = strings.TrimLeft(whole+fraction, "0")
	trimmed := strings.TrimRight(digits, "0")
	return negative, trimmed, exp + len(digits) - len(trimmed), true
}
