package tokenendpoint

import (
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"reflect"
	"strings"

	"github.com/go-playground/form/v4"

	"github.com/authstar/authstar"
)

const (
	// maxBody is the length of the longest token request, in bytes.
	maxBody = 64 << 10
	// maxParameters is how many parameters a token request may have.
	maxParameters = 100
)

// Form has the parameters of a token request, each at most once, those without
// a value left out (RFC 6749 section 3.2). Parameters of the URL are not among
// them.
type Form struct {
	// parameters is a function, so that neither a Form nor a Request shows codes
	// and secrets when it is printed.
	parameters func() url.Values
	decoder    *form.Decoder
}

// Get returns the value of a parameter, "" when it is absent.
func (f Form) Get(name string) string { return f.values().Get(name) }

func (f Form) values() url.Values {
	if f.parameters == nil {
		return nil
	}
	return f.parameters()
}

// readForm reads the body. The checks come before any decoder sees a key,
// because decoders of forms make structures of brackets and dots, at great cost
// to whoever receives them.
func (e *Endpoint) readForm(w http.ResponseWriter, r *http.Request) (Form, *authstar.Error) {
	if t, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || t != "application/x-www-form-urlencoded" {
		return Form{}, refuse(authstar.InvalidRequest, "the content type must be application/x-www-form-urlencoded")
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	var tooLong *http.MaxBytesError
	if errors.As(err, &tooLong) {
		return Form{}, &authstar.Error{Code: authstar.InvalidRequest, Description: "the request is too long", StatusCode: http.StatusRequestEntityTooLarge}
	} else if err != nil {
		return Form{}, &authstar.Error{Code: authstar.InvalidRequest, Description: "the request cannot be read", Err: err}
	}
	if strings.Count(string(body), "&") >= maxParameters {
		return Form{}, refuse(authstar.InvalidRequest, "there are too many parameters")
	}
	values, err := url.ParseQuery(string(body))
	if err != nil {
		return Form{}, refuse(authstar.InvalidRequest, "the request is not well-formed")
	}
	for name, list := range values {
		switch {
		case len(list) > 1:
			return Form{}, refuse(authstar.InvalidRequest, "a parameter is repeated")
		case strings.ContainsAny(name, "[]."):
			return Form{}, refuse(authstar.InvalidRequest, "the name of a parameter has brackets or dots")
		case list[0] == "":
			delete(values, name)
		}
	}
	return Form{func() url.Values { return values }, e.decoder}, nil
}

// decode stores parameters in a struct of scalars.
func (f Form) decode(v any) error {
	t := reflect.TypeOf(v)
	if t == nil || t.Kind() != reflect.Pointer || t.Elem().Kind() != reflect.Struct || reflect.ValueOf(v).IsNil() {
		return fmt.Errorf("tokenendpoint: cannot decode parameters into %T: must be a pointer to a struct", v)
	}
	for i := range t.Elem().NumField() {
		switch f := t.Elem().Field(i); f.Type.Kind() {
		case reflect.String, reflect.Bool, reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
			reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Float32, reflect.Float64:
		default:
			return fmt.Errorf("tokenendpoint: field %s is not a scalar: parameters do not repeat or nest", f.Name)
		}
	}
	if err := f.decoder.Decode(v, f.values()); err != nil {
		return refuse(authstar.InvalidRequest, "a parameter has a malformed value")
	}
	return nil
}

// printable leaves what RFC 6749 section 5.2 allows in error_description.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' || r == '"' || r == '\\' {
			return '?'
		}
		return r
	}, s)
}
