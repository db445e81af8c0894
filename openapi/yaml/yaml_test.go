package yaml_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/authstar/authstar/openapi/yaml"
)

func ExampleToJSON() {
	doc, err := yaml.ToJSON([]byte(`
openapi: 3.0.3
info: {title: Orders, version: "1.0"}
paths:
  /orders: # all of them
    get:
      responses:
        200: {description: The orders}
`))
	fmt.Printf("%s%v\n", doc, err)
	// Output:
	// {
	//   "openapi": "3.0.3",
	//   "info": {
	//     "title": "Orders",
	//     "version": "1.0"
	//   },
	//   "paths": {
	//     "/orders": {
	//       "get": {
	//         "responses": {
	//           "200": {
	//             "description": "The orders"
	//           }
	//         }
	//       }
	//     }
	//   }
	// }
	// <nil>
}

func TestToJSON(t *testing.T) {
	bomb := "a0: &a0 [x]\n"
	for i := range 9 {
		bomb += fmt.Sprintf("a%d: &a%d [%s]\n", i+1, i+1, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*a%d,", i), 10), ","))
	}
	for _, test := range []struct {
		name, source, want string // an error if it does not begin with a bracket
	}{
		{"order and numbers", "z: 1.50\na: 12345678901234567890\nm: [1e3, -0, 1.0]", `{"z":1.50,"a":12345678901234567890,"m":[1e3,-0,1.0]}`},
		{"numbers of YAML alone", "a: [0x1F, +5, .5]", `{"a":[31,5,0.5]}`},
		{"text", "a: [2024-01-02, '3', \"\\u00e9\", yes, </script>]\nb: |\n  two\n  lines\n", `{"a":["2024-01-02","3","é","yes","\u003c/script\u003e"],"b":"two\nlines\n"}`},
		{"null and truth", "a: [~, null, true, false]\nb:", `{"a":[null,null,true,false],"b":null}`},
		{"aliases", "a: &x {k: 1}\nb: *x", `{"a":{"k":1},"b":{"k":1}}`},
		{"JSON", `{"a": [1, {"b": "c"}]}`, `{"a":[1,{"b":"c"}]}`},
		{"keys are text", "true: 1\n200: 2\nnull: 3", `{"true":1,"200":2,"null":3}`},
		{"no YAML", "a: [", "yaml:"},
		{"nothing", "", "EOF"},
		{"two documents", "a: 1\n---\nb: 2", "more than one document"},
		{"a key twice", "a: 1\na: 2", "twice"},
		{"a key that is a list", "? [a]\n: 1", "scalar"},
		{"a merge", "a: &x {k: 1}\nb: {<<: *x}", "merge"},
		{"infinity", "a: .inf", "no number in JSON"},
		{"a tag", "a: !mine 1", "tag"},
		{"a bomb", bomb, "too many"},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := yaml.ToJSON([]byte(test.source))
			if !strings.HasPrefix(test.want, "{") {
				if err == nil || !strings.Contains(err.Error(), test.want) {
					t.Errorf("%s, %v", got, err)
				}
				return
			}
			var b bytes.Buffer
			if err != nil || json.Compact(&b, got) != nil || b.String() != test.want {
				t.Errorf("%s, %v", b.String(), err)
			}
		})
	}
}

// What comes out is JSON, and the same when it goes in again.
func FuzzToJSON(f *testing.F) {
	f.Add([]byte("a: &x [1, 0x2, .5]\nb: {c: *x}\n"))
	f.Add([]byte("? a\n: !!str 1\n"))
	f.Fuzz(func(t *testing.T, source []byte) {
		doc, err := yaml.ToJSON(source)
		if err != nil {
			return
		}
		if !json.Valid(doc) {
			t.Fatalf("%q becomes %q", source, doc)
		}
		again, err := yaml.ToJSON(doc)
		if err != nil || !bytes.Equal(again, doc) {
			t.Fatalf("%q becomes %q, %v", doc, again, err)
		}
	})
}
