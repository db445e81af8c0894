package authenticators_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/authstar/authstar"
)

const withSession = "Cookie: sid=" + carolSession

var (
	carolCalled = []string{"session " + carolSession}
	keyCalled   = []string{"key key1"}
)

// C08: what is empty reaches no callback. A scheme without credentials is
// malformed; an empty header or cookie is absent.
var emptyRows = []row{
	{"C08 Bearer with nothing after it", []string{"Authorization: Bearer"}, 400, "invalid_request", nil, false},
	{"C08 Bearer and a space", []string{"Authorization: Bearer "}, 400, "invalid_request", nil, false},
	{"C08 Basic with nothing after it", []string{"Authorization: Basic"}, 400, "invalid_request", nil, false},
	{"C08 an empty Authorization header", []string{"Authorization:"}, 401, "unauthorized", nil, false},
	{"C08 an empty API key", []string{"X-API-Key:"}, 401, "unauthorized", nil, false},
	{"C08 an empty cookie", []string{"Cookie: sid="}, 401, "unauthorized", nil, false},

	{"C08 Bearer with nothing after it beside a session", []string{"Authorization: Bearer", withSession}, 400, "invalid_request", nil, false},
	{"C08 Bearer and a space beside a session", []string{"Authorization: Bearer ", withSession}, 400, "invalid_request", nil, false},
	{"C08 Basic with nothing after it beside a session", []string{"Authorization: Basic", withSession}, 400, "invalid_request", nil, false},
	{"C08 an empty Authorization header beside a session", []string{"Authorization:", withSession}, 200, "carol", carolCalled, false},
	{"C08 an empty API key beside a session", []string{"X-API-Key: ", withSession}, 200, "carol", carolCalled, false},
	{"C08 H11 an empty cookie beside a session", []string{"Cookie: sid=; sid=" + carolSession}, 401, "invalid_token", nil, false},
	{"C08 an empty cookie beside an API key", []string{"Cookie: sid=", "X-API-Key: key1"}, 200, "machine", keyCalled, false},
	{"C08 a quoted empty cookie", []string{`Cookie: sid=""`}, 401, "unauthorized", nil, false},
}

func TestEmptyCredentialsOnAnOpenRoute(t *testing.T) {
	c := new(calls)
	h := newAPI(t, c.bearer(), c.basic(), c.apiKey(), c.session())
	for _, row := range emptyRows[:6] {
		t.Run(row.name, func(t *testing.T) {
			row.status, row.answer = 200, "-"
			row.check(t, serve(h, request("GET", "/open", row.lines...)), c)
		})
	}
}

func TestBadCredentialsBesideGoodOnes(t *testing.T) {
	bad := encodeBasic("bob:bad")
	badCalled := []string{"basic bob bad"}
	rows := []row{
		{"C05 bad Basic does not fall through to the API key", []string{"Authorization: Basic " + bad, "X-API-Key: key1"}, 401, "invalid_client", badCalled, false},
		{"C05 malformed Basic does not fall through to the API key", []string{"Authorization: Basic !", "X-API-Key: key1"}, 401, "invalid_client", nil, false},
		{"C05 without Basic the API key is asked", []string{"X-API-Key: key1"}, 200, "machine", keyCalled, false},
		{"C05 good Basic beside the API key", []string{"Authorization: Basic " + bobBasic, "X-API-Key: key1"}, 200, "bob", []string{"basic bob " + bobPassword}, false},
		{"C02 a stranger's token does not fall through to the session", []string{"Authorization: Bearer " + strangerToken, withSession}, 401, "invalid_token", []string{"bearer " + strangerToken}, false},
	}
	c := new(calls)
	h := newAPI(t, c.bearer(), c.basic(), c.apiKey(), c.session())
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			res := serve(h, request("GET", "/me", row.lines...))
			row.check(t, res, c)
			if row.status == 401 && !slices.Contains(res.Header["Www-Authenticate"], `Basic realm="orders", charset="UTF-8"`) {
				t.Errorf("RS-17 challenges: %q", res.Header["Www-Authenticate"])
			}
		})
	}
}

// C07: what no authenticator of the chain knows is not a credential here.
func TestUnclaimedSchemes(t *testing.T) {
	c := new(calls)
	withBearer := newAPI(t, c.bearer(), c.basic(), c.apiKey(), c.session())
	withoutBearer := newAPI(t, c.basic(), c.apiKey(), c.session())
	tests := []struct {
		name, line string
		bearer     bool
	}{
		{"Digest", `Authorization: Digest username="bob"`, true},
		{"Negotiate", "Authorization: Negotiate x", true},
		{"DPoP", "Authorization: DPoP " + aliceToken, true},
		{"a scheme that begins like Bearer", "Authorization: Bearer2 " + aliceToken, true},
		{"Bearer where there is no bearer authenticator", "Authorization: Bearer " + aliceToken, false},
	}
	for _, test := range tests {
		h, challenges := withoutBearer, 3
		if test.bearer {
			h, challenges = withBearer, 4
		}
		t.Run("C07 "+test.name, func(t *testing.T) {
			res := serve(h, request("GET", "/me", test.line))
			row{status: 401, answer: "unauthorized"}.check(t, res, c)
			list := res.Header["Www-Authenticate"]
			if len(list) != challenges || strings.Contains(strings.Join(list, " "), "error=") {
				t.Errorf("challenges: %q, want %d without an error", list, challenges)
			}
			row{status: 200, answer: "-"}.check(t, serve(h, request("GET", "/open", test.line)), c)
			row{status: 200, answer: "-"}.check(t, serve(h, request("GET", "/optional", test.line)), c)
			row{status: 200, answer: "carol", calls: carolCalled}.check(t, serve(h, request("GET", "/me", test.line, withSession)), c)
		})
	}
}

// The order of authenticators decides, that of headers does not.
func TestOrderOfAuthenticators(t *testing.T) {
	c := new(calls)
	bearer, key := "Authorization: Bearer "+aliceToken, "X-API-Key: key1"
	for _, test := range []struct {
		name   string
		chain  []authstar.Authenticator
		answer string
	}{
		{"C06 bearer first", []authstar.Authenticator{c.bearer(), c.apiKey()}, "alice"},
		{"C06 API key first", []authstar.Authenticator{c.apiKey(), c.bearer()}, "machine"},
	} {
		t.Run(test.name, func(t *testing.T) {
			h := newAPI(t, test.chain...)
			for _, lines := range [][]string{{bearer, key}, {key, bearer}} {
				if _, answer := read(t, serve(h, request("GET", "/me", lines...))); answer != test.answer {
					t.Errorf("%s, want %s", answer, test.answer)
				}
				if n := len(c.take()); n != 1 {
					t.Errorf("%d callbacks, want 1", n)
				}
			}
		})
	}
}
