package claims_test

import (
	"encoding/json"
	"testing"

	"github.com/authstar/authstar/internal/claims"
)

// J23: numbers keep their digits, and are those of the standard library,
// wherever they are.
func TestNumbers(t *testing.T) {
	set := claims.New(`{"uid":9007199254740993,"deep":{"list":[1,{"n":2.50}]}}`)
	var v struct {
		UID  int64          `json:"uid"`
		Deep map[string]any `json:"deep"`
	}
	if err := set.Decode(&v); err != nil || v.UID != 9007199254740993 {
		t.Fatalf("%v %v", v.UID, err)
	}
	list := v.Deep["list"].([]any)
	if list[0] != json.Number("1") || list[1].(map[string]any)["n"] != json.Number("2.50") {
		t.Errorf("%#v", list)
	}
	if uid, ok := set.Lookup("uid"); !ok || uid != json.Number("9007199254740993") {
		t.Errorf("%#v", uid)
	}
}

// M11: what is returned belongs to nobody else.
func TestAnswersAreFresh(t *testing.T) {
	set := claims.New(`{"groups":["a","b"]}`)
	first, _ := set.Lookup("groups")
	first.([]any)[0] = "root"
	if again, _ := set.Lookup("groups"); again.([]any)[0] != "a" {
		t.Errorf("%v", again)
	}
}

func TestPaths(t *testing.T) {
	set := claims.New(`{"realm_access":{"roles":["r"]},"a.b":"literal","a":{"b":"nested","c":{"d.e":"f"}},"one":"x","mixed":["x",1]}`)
	for path, want := range map[string]string{"realm_access.roles": "r", "a.b": "literal", "a.c.d.e": "f", "one": "x", "mixed": "", "none": "", "a.c": ""} {
		got := ""
		if list := set.Strings(path); len(list) > 0 {
			got = list[0]
		}
		if got != want {
			t.Errorf("%s: %q, want %q", path, got, want)
		}
	}
}
