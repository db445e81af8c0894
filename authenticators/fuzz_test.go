package authenticators_test

import (
	"context"
	"encoding/base64"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/authstar/authstar"
	"github.com/authstar/authstar/authenticators"
)

// seenToken is a Bearer that knows every token and keeps the last.
func seenToken(seen *string) *authenticators.Bearer {
	return authenticators.NewBearer(authenticators.TokenVerifierFunc(func(_ context.Context, token string) (authstar.Client, error) {
		*seen = token
		return &authstar.Identity{ID: "somebody"}, nil
	}))
}

// bearerGrammar is RFC 9110 section 11.4 with the b64token of RFC 6750 section
// 2.1, in the optional white space of a header.
var bearerGrammar = regexp.MustCompile(`^[ \t]*[Bb][Ee][Aa][Rr][Ee][Rr] +([A-Za-z0-9._~+/-]+=*)[ \t]*$`)

// X16, the law: a header authenticates if and only if the grammar has it, with the
// token that the grammar finds.
func FuzzAuthorizationHeader(f *testing.F) {
	for _, row := range authorizationRows {
		for _, line := range row.lines {
			if value, ok := strings.CutPrefix(line, "Authorization:"); ok {
				f.Add(value)
			}
		}
	}
	for _, value := range []string{"", " ", "Bearer", "bearer \t a", "Bearer a=", "Bearer =a", "Basic YTpi", "Bearer a\r\n b", "ſearer a", "Bearer a\n"} {
		f.Add(value)
	}
	var seen string
	chain := newChain(f, seenToken(&seen))
	f.Fuzz(func(t *testing.T, value string) {
		seen = ""
		res := chain.Authenticate(&http.Request{Header: http.Header{"Authorization": {value}}})
		want := ""
		if m := bearerGrammar.FindStringSubmatch(value); m != nil && len(m[1]) <= 16<<10 {
			want = m[1]
		}
		if seen != want || (res.Client != nil) != (want != "") {
			t.Errorf("%q: the verifier saw %q, the grammar %q: %v", value, seen, want, res)
		}
		if res.Err != nil && res.Err.Code != authstar.InvalidRequest && res.Err.Code != authstar.InvalidToken {
			t.Errorf("%q: %v", value, res.Err)
		}
	})
}

// X16, the law: what is accepted is the one spelling of its user name and password,
// and every pair that RFC 7617 allows is accepted in its spelling.
func FuzzBasic(f *testing.F) {
	for _, s := range []string{bobBasic, "bob:" + bobPassword, "dGVzdDoxMjPCow==", "test:123£", "Ym9iOnA6cR==", "YTpi\r\n", "YTpi YTpi", "", ":", "a:", ":a", "a:\x00", "a:\xf6", "a:b:c", "a:\u0085", "a:\uFFFD"} {
		f.Add(s)
	}
	var username, password string
	chain := newChain(f, authenticators.NewBasic("", func(_ context.Context, u, p string) (authstar.Client, error) {
		username, password = u, p
		return &authstar.Identity{ID: "somebody"}, nil
	}))
	ask := func(credentials string) bool {
		username, password = "", ""
		return chain.Authenticate(&http.Request{Header: http.Header{"Authorization": {"Basic " + credentials}}}).Client != nil
	}
	f.Fuzz(func(t *testing.T, s string) {
		if accepted := ask(s); accepted != (username != "") {
			t.Errorf("%q: accepted is %v, and the callback saw %q", s, accepted, username)
		} else if accepted && encodeBasic(username+":"+password) != strings.TrimLeft(strings.Trim(s, " \t"), " ") {
			t.Errorf("%q is not the spelling of %q and %q", s, username, password)
		}
		at := strings.IndexByte(s, ':')
		allowed := at > 0 && at < len(s)-1 && utf8.ValidString(s) && !strings.ContainsFunc(s, unicode.IsControl) && len(encodeBasic(s)) <= 8<<10
		if accepted := ask(encodeBasic(s)); accepted != allowed {
			t.Errorf("%q encoded: accepted is %v, allowed %v", s, accepted, allowed)
		} else if accepted && (username != s[:at] || password != s[at+1:]) {
			t.Errorf("%q encoded is %q and %q", s, username, password)
		}
	})
}

// The law: a token that is accepted was offered once, in its one spelling,
// beside a subprotocol that the server can choose; and no choice is a token, not
// even one with a misspelled prefix.
func FuzzSubprotocol(f *testing.F) {
	for _, s := range []string{"chat, " + subprotocol("test", "abc"), subprotocol("test", "abc"), "a,b", "", ",,", "base64url.bearer.test.YR, a",
		"base64url.bearer.test.Y\nQ, a", "base64url.bearer.test., a", "base64url.bearer.other.YQ, base64url.bearer.test.YQ", "BASE64url.Bearer.test.YQ, a", "a,base64url.bearer.test.YQ\t,base64url.bearer.test.YQ"} {
		f.Add(s)
	}
	var seen string
	chain := newChain(f, seenToken(&seen).Subprotocol("test"))
	token := regexp.MustCompile(`^base64url\.bearer\.test\.`)
	anyToken := regexp.MustCompile(`^(?i:base64url\.bearer\.)`)
	comma := regexp.MustCompile(`[ \t]*,[ \t]*`)
	b64token := regexp.MustCompile(`^[A-Za-z0-9._~+/-]+=*$`)
	f.Fuzz(func(t *testing.T, value string) {
		seen = ""
		r := &http.Request{Method: "GET", Header: http.Header{"Connection": {"Upgrade"}, "Upgrade": {"websocket"}, "Sec-Websocket-Protocol": {value}}}
		res := chain.Authenticate(r)
		var choices, tokens []string
		for _, p := range comma.Split(strings.Trim(value, " \t"), -1) {
			switch {
			case token.MatchString(p):
				tokens = append(tokens, token.ReplaceAllString(p, ""))
			case p != "" && !anyToken.MatchString(p):
				choices = append(choices, p)
			}
		}
		if got := authenticators.Subprotocols(r); !slices.Equal(got, choices) {
			t.Errorf("%q: the choices are %q, want %q", value, got, choices)
		}
		want := ""
		if len(tokens) == 1 && len(choices) > 0 {
			b, _ := base64.RawURLEncoding.DecodeString(tokens[0])
			if base64.RawURLEncoding.EncodeToString(b) == tokens[0] && b64token.Match(b) && len(b) <= 16<<10 {
				want = string(b)
			}
		}
		if seen != want || (res.Client != nil) != (want != "") || (res.Err == nil) != (want != "" || len(tokens) == 0) {
			t.Errorf("%q: the verifier saw %q, want %q: %v", value, seen, want, res)
		}
	})
}
