package claims_test

import (
	"encoding/json"
	"reflect"
	"testing"

	josejson "github.com/go-jose/go-jose/v4/json"

	"github.com/authstar/authstar/internal/claims"
)

type (
	numberName string
	numberBox  struct {
		N any `json:"n"`
	}
	numberPlain  struct{ N any }
	numberOuter  struct{ numberBox }
	numberRef    struct{ *numberBox }
	NumberMap    map[string]any
	numberMap    map[string]any
	numberNested struct {
		numberBox `json:"box"`
		NumberMap
	}
	numberInner struct {
		N *numberBox     `json:"n"`
		M map[string]any `json:"m"`
		I map[int]any    `json:"i"`
		S any            `json:"s"`
	}
	numberHidden struct {
		numberMap
		numberInner
		n any
		N any            `json:"n"`
		M map[string]any `json:"m"`
		I map[string]any `json:"i"`
		S any            `json:"s"`
	}
	// numberOwn decodes itself, and wants no help.
	numberOwn struct {
		N any `json:"n"`
	}
)

func (o *numberOwn) UnmarshalJSON([]byte) error {
	o.N = josejson.Number("1")
	return nil
}

// numbersHidden has something in the fields that are never decoded.
func numbersHidden(visible map[string]any) *numberHidden {
	inner := numberInner{I: map[int]any{1: josejson.Number("1")}, S: numberBox{josejson.Number("1")}}
	h := &numberHidden{numberMap: numberMap{"n": 5}, numberInner: inner, n: 5}
	if visible != nil {
		h.N, h.M, h.I, h.S = visible, visible, visible, visible
	}
	return h
}

const one, two = json.Number("1"), json.Number("2")

// J23: a number in an any is the standard library's, wherever the any is.
func TestNumbersInEveryTarget(t *testing.T) {
	pointer, box := new(any), &numberBox{N: two}
	*pointer = one
	for _, test := range []struct {
		name, payload string
		target, want  any
	}{
		{"an any", `{"n":[1,{"n":2}]}`, new(any), map[string]any{"n": []any{one, map[string]any{"n": two}}}},
		{"a map", `{"n":1,"a":null}`, new(map[string]any), map[string]any{"n": one, "a": nil}},
		{"a map with a type for its names", `{"n":1}`, new(map[numberName]any), map[numberName]any{"n": one}},
		{"a map that had something", `{"n":1}`, &map[string]any{"m": two}, map[string]any{"m": two, "n": one}},
		{"a map of structs", `{"k":{"n":1}}`, new(map[string]numberBox), map[string]numberBox{"k": {one}}},
		{"a map of pointers", `{"k":{"n":1}}`, new(map[string]*numberBox), map[string]*numberBox{"k": {one}}},
		{"a map of arrays", `{"k":[1,2]}`, new(map[string][2]any), map[string][2]any{"k": {one, two}}},
		{"a map of maps of lists", `{"k":{"l":[1]}}`, new(map[string]map[string][]any), map[string]map[string][]any{"k": {"l": {one}}}},
		{"a list of maps", `{"l":[{"n":1},{"n":2}]}`, new(struct {
			L []map[string]any `json:"l"`
		}), struct {
			L []map[string]any `json:"l"`
		}{[]map[string]any{{"n": one}, {"n": two}}}},
		{"arrays of other lengths", `{"short":[1,2],"long":[1]}`, new(struct {
			Short [1]any `json:"short"`
			Long  [2]any `json:"long"`
		}), struct {
			Short [1]any `json:"short"`
			Long  [2]any `json:"long"`
		}{[1]any{one}, [2]any{one, nil}}},
		{"a field without a tag", `{"N":1}`, new(numberPlain), numberPlain{one}},
		{"a field that had something", `{"n":1}`, &numberBox{N: two}, numberBox{one}},
		{"a pointer to an any", `{"n":1}`, new(struct {
			N *any `json:"n"`
		}), struct {
			N *any `json:"n"`
		}{pointer}},
		{"a pointer in an any", `{"n":{"n":2}}`, &numberBox{N: new(numberBox)}, numberBox{box}},
		{"an embedded struct", `{"n":2}`, new(numberOuter), numberOuter{*box}},
		{"a pointer to an embedded struct", `{"n":2}`, &numberRef{new(numberBox)}, numberRef{box}},
		{"embedded under names", `{"box":{"n":2},"NumberMap":{"n":1}}`, new(numberNested), numberNested{*box, NumberMap{"n": one}}},
		{"fields in front of others", `{"n":{"n":1},"m":{"n":1},"i":{"n":1},"s":{"n":1},"numberMap":{"n":1}}`, numbersHidden(nil), *numbersHidden(map[string]any{"n": one})},
		{"what decodes itself", `{"k":{"n":2}}`, new(map[string]numberOwn), map[string]numberOwn{"k": {josejson.Number("1")}}},
		{"a pointer to what decodes itself", `{"n":2}`, new(*numberOwn), &numberOwn{josejson.Number("1")}},
	} {
		t.Run("J23 "+test.name, func(t *testing.T) {
			err := claims.New(test.payload).Decode(test.target)
			if got := reflect.ValueOf(test.target).Elem().Interface(); err != nil || !reflect.DeepEqual(got, test.want) {
				t.Errorf("%v, %#v, want %#v", err, got, test.want)
			}
		})
	}
}

type numberNode struct {
	*numberNode
	Hidden *numberNode `json:"-"`
	Parent *numberNode `json:"parent"`
	Any    any         `json:"any"`
	Sub    string      `json:"sub"`
	N      any         `json:"n"`
}

// J23: a target that leads back to itself, as models of a database do, is decoded
// like any other.
func TestTargetThatLeadsBack(t *testing.T) {
	n := new(numberNode)
	n.numberNode, n.Hidden, n.Parent, n.Any = n, n, n, []any{n}
	if err := claims.New(`{"sub":"alice","n":1}`).Decode(n); err != nil || n.Sub != "alice" || n.N != one {
		t.Errorf("%v, %q, %#v", err, n.Sub, n.N)
	}
	if err := claims.New(`{"parent":{"parent":{"n":2}}}`).Decode(n); err != nil || n.N != two {
		t.Errorf("%v, %#v", err, n.N)
	}
}

// J23: what was in a target and is not among the claims stays as it is.
func TestRestOfTheTargetIsLeftAlone(t *testing.T) {
	theirs := josejson.Number("1")
	shared := map[string]any{"n": theirs}
	target := struct {
		Ignored any            `json:"-"`
		Absent  any            `json:"absent"`
		Null    *any           `json:"null"`
		Map     map[string]any `json:"map"`
		List    []any          `json:"list"`
		N       any            `json:"n"`
	}{shared, shared, new(any), map[string]any{"kept": theirs}, append(make([]any, 0, 2), theirs, theirs), nil}
	list := target.List
	err := claims.New(`{"n":1,"Ignored":{"n":1},"-":{"n":1},"null":null,"map":{"n":1},"list":[2]}`).Decode(&target)
	if err != nil || target.N != one || target.Null != nil {
		t.Errorf("%v, %+v", err, target)
	}
	if shared["n"] != theirs || !reflect.DeepEqual(target.Map, map[string]any{"kept": theirs, "n": one}) || !reflect.DeepEqual(list, []any{two, theirs}) {
		t.Errorf("%v, %#v, %#v", shared, target.Map, list)
	}
}
