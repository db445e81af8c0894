package authenticators_test

import (
	"context"
	"encoding/base64"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/authstar/authstar"
	"github.com/authstar/authstar/authenticators"
)

func TestBasic(t *testing.T) {
	c := new(calls)
	basic := func(credentials string) []string { return []string{"Authorization: Basic " + credentials} }
	bobCalled := []string{"basic bob " + bobPassword}
	// The two alphabets of base64 differ for this pair.
	standard := encodeBasic("bob:ÿÿ?>")
	urlSafe := base64.URLEncoding.EncodeToString([]byte("bob:ÿÿ?>"))
	if standard == urlSafe {
		t.Fatal("the alphabets do not differ")
	}
	unpadded := strings.TrimRight(encodeBasic("bob:pass"), "=")
	long := strings.Repeat("p", 6<<10-len("bob:")) // 8 KiB as base64
	rows := []row{
		{"B01 RS-15 colons and UTF-8 in the password", basic(bobBasic), 200, "bob", bobCalled, false},
		{"B01 the scheme in lower case and two spaces", []string{"Authorization: basic  " + bobBasic}, 200, "bob", bobCalled, false},
		{"RS-16 a colon in the user name belongs to the password", basic(encodeBasic("bo:b:" + bobPassword)), 401, "invalid_client", []string{"basic bo b:" + bobPassword}, false},
		{"RS-17 a wrong password", basic(encodeBasic("bob:bad")), 401, "invalid_client", []string{"basic bob bad"}, false},
		{"B02 the password in Latin-1", basic(encodeBasic("bob:pa:ss:w\xf6rd")), 401, "invalid_client", nil, false},

		{"B03 no colon", basic(encodeBasic("bob")), 401, "invalid_client", nil, false},
		{"B03 no base64", basic("bob:" + bobPassword), 401, "invalid_client", nil, false},
		{"B03 the standard alphabet", basic(standard), 401, "invalid_client", []string{"basic bob ÿÿ?>"}, false},
		{"B03 the alphabet for URLs", basic(urlSafe), 401, "invalid_client", nil, false},
		{"B03 with its padding", basic(encodeBasic("bob:pass")), 401, "invalid_client", []string{"basic bob pass"}, false},
		{"B03 without its padding", basic(unpadded), 401, "invalid_client", nil, false},
		{"B03 the unused bits are zero", basic("Ym9iOnA6cQ=="), 401, "invalid_client", []string{"basic bob p:q"}, false},
		{"B03 the unused bits are not zero", basic("Ym9iOnA6cR=="), 401, "invalid_client", nil, false},
		{"B03 data after the padding", basic(encodeBasic("bob:pass") + "AAAA"), 401, "invalid_client", nil, false},
		{"B03 two credentials", basic(bobBasic + " " + bobBasic), 401, "invalid_client", nil, false},
		{"B03 two credentials with a comma", basic(bobBasic + ", Basic " + bobBasic), 401, "invalid_client", nil, false},
		{"B03 a line break in the base64", basic(bobBasic[:4] + "\r\n" + bobBasic[4:]), 401, "invalid_client", nil, false},
		{"B03 8 KiB", basic(encodeBasic("bob:" + long)), 401, "invalid_client", []string{"basic bob " + long}, false},
		{"B03 more than 8 KiB", basic(encodeBasic("bob:p" + long)), 401, "invalid_client", nil, false},
		{"B03 1 MB", basic(strings.Repeat("QUFB", 250_000)), 401, "invalid_client", nil, false},

		{"B04 no user", basic(encodeBasic(":pw")), 401, "invalid_client", nil, false},
		{"B04 no password", basic(encodeBasic("bob:")), 401, "invalid_client", nil, false},
		{"B04 neither", basic(encodeBasic(":")), 401, "invalid_client", nil, false},

		{"B05 NUL in the password", basic(encodeBasic("bob:p\x00w")), 401, "invalid_client", nil, false},
		{"B05 RS-16 NUL in the user name", basic(encodeBasic("b\x00b:pw")), 401, "invalid_client", nil, false},
		{"B05 CR in the password", basic(encodeBasic("bob:p\rw")), 401, "invalid_client", nil, false},
		{"B05 LF in the password", basic(encodeBasic("bob:pw\n")), 401, "invalid_client", nil, false},
		{"B05 DEL in the user name", basic(encodeBasic("bob\x7f:pw")), 401, "invalid_client", nil, false},
		{"B05 a space in both", basic(encodeBasic("bo b:p w")), 401, "invalid_client", []string{"basic bo b p w"}, false},
	}

	h := newAPI(t, c.basic())
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			res := serve(h, request("GET", "/me", row.lines...))
			row.check(t, res, c)
			want := []string{`Basic realm="orders", charset="UTF-8"`}
			if row.status == 401 && !slices.Equal(res.Header["Www-Authenticate"], want) {
				t.Errorf("RS-17 B02 challenge: %q", res.Header["Www-Authenticate"])
			}
		})
	}
}

// RS-18 is the example of RFC 7617 section 2.1.
func TestBasicVectors(t *testing.T) {
	for credentials, want := range map[string][2]string{
		"QWxhZGRpbjpvcGVuIHNlc2FtZQ==": {"Aladdin", "open sesame"},
		"dGVzdDoxMjPCow==":             {"test", "123£"},
	} {
		chain := newChain(t, authenticators.NewBasic("", func(_ context.Context, username, password string) (authstar.Client, error) {
			return identityIf(username == want[0] && password == want[1], "vector")
		}))
		if res := chain.Authenticate(request("GET", "/", "Authorization: Basic "+credentials)); res.Client == nil {
			t.Errorf("RS-18 %q: %v", want, res)
		}
	}
}

func TestBasicChallenges(t *testing.T) {
	c := new(calls)
	withoutRealm := authenticators.NewBasic("", func(context.Context, string, string) (authstar.Client, error) { return nil, nil })
	for _, test := range []struct {
		name, want string
		basic      *authenticators.Basic
	}{
		{"RS-17 with a realm", `Basic realm="orders", charset="UTF-8"`, c.basic()},
		{"RS-17 without a realm", `Basic realm="api", charset="UTF-8"`, withoutRealm},
		{"without the dialog of browsers", `xBasic realm="orders", charset="UTF-8"`, c.basic().WithoutChallenge()},
	} {
		t.Run(test.name, func(t *testing.T) {
			h := newAPI(t, test.basic)
			for _, lines := range [][]string{nil, {"Authorization: Basic !"}} {
				res := serve(h, request("GET", "/me", lines...))
				if got := res.Header["Www-Authenticate"]; res.StatusCode != 401 || !slices.Equal(got, []string{test.want}) {
					t.Errorf("%d %q, want %s", res.StatusCode, got, test.want)
				}
			}
		})
	}
	row{status: 200, answer: "bob", calls: []string{"basic bob " + bobPassword}}.check(t,
		serve(newAPI(t, c.basic().WithoutChallenge()), request("GET", "/me", "Authorization: Basic "+bobBasic)), c)
}

// B10: a key is all of it.
func TestPartsOfAKey(t *testing.T) {
	c := new(calls)
	h := newAPI(t, c.apiKey())
	for _, key := range []string{"k", "ke", "key", "key1x", "key11", "xkey1", "ey1"} {
		t.Run("B10 "+key, func(t *testing.T) {
			row{status: 401, answer: "invalid_client", calls: []string{"key " + key}}.check(t, serve(h, request("GET", "/me", "X-API-Key: "+key)), c)
		})
	}
	t.Run("B10 the whole key", func(t *testing.T) {
		row{status: 200, answer: "machine", calls: keyCalled}.check(t, serve(h, request("GET", "/me", "X-API-Key: key1")), c)
	})
}

// H09: what HTTP itself would not deliver is refused all the same.
func TestKeyThatIsNotVisibleASCII(t *testing.T) {
	c := new(calls)
	h := newAPI(t, c.apiKey())
	for _, key := range []string{"key1\x7f", "key1\x00", "\nkey1", "key1\r\n", "key1\xff", strings.Repeat("k", 1<<20)} {
		r := request("GET", "/me")
		r.Header = http.Header{"X-Api-Key": {key}}
		row{status: 401, answer: "invalid_client"}.check(t, serve(h, r), c)
	}
}
