package authenticators

import (
	"errors"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
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
	object := strings.TrimLeft(payload, " \t\r\n")
	var seen names
	bad := !eachMember(object, func(name, value string) bool {
		return seen.add(name) && c.set(name, value) == nil
	})
	switch {
	case object == "" || object[0] != '{' || len(object) < len(payload) || !utf8.ValidString(payload):
		return errors.New("the claims are not a JSON object in UTF-8")
	case bad:
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
	if value == "null" {
		return "", nil
	}
	if value[0] != '"' {
		return "", errors.New("not a string")
	}
	return unquote(value), nil
}

// audienceOf decodes a string or an array of strings (RFC 7519 section 4.1.3).
func audienceOf(value string) ([]string, error) {
	if value == "null" {
		return nil, nil
	}
	if value[0] == '"' {
		return []string{unquote(value)}, nil
	}
	var list []string
	ok := eachElement(value, func(e string) bool {
		if e[0] != '"' {
			return false
		}
		list = append(list, unquote(e))
		return true
	})
	if !ok {
		return nil, errors.New("not an array of strings, or too many")
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
	switch value[0] {
	case '"':
		return splitScopes(unquote(value)), nil
	case '[':
		return scopeArray(value)
	}
	return nil, nil
}

// scopeArray leaves out what is no scope.
func scopeArray(value string) ([]string, error) {
	var list []string
	ok := eachElement(value, func(e string) bool {
		if e[0] != '"' {
			return true
		}
		if s := unquote(e); isScope(s) {
			list = append(list, s)
		}
		return true
	})
	if !ok {
		return nil, errors.New("too many scopes")
	}
	return list, nil
}
