package authenticators_test

import (
	"bytes"
	"io"
	"mime/multipart"
	"net/http"
	"strings"
	"testing"

	"github.com/authstar/authstar"
)

func TestQueryToken(t *testing.T) {
	bearerLine := []string{"Authorization: Bearer " + aliceToken}
	aliceCalled := []string{"bearer " + aliceToken}
	refused := row{status: 400, answer: "invalid_request"}
	nobody := row{status: 401, answer: "unauthorized"}
	alice := row{status: 200, answer: "alice", calls: aliceCalled}
	tests := []struct {
		name, query string
		lines       []string
		on, off     row // with and without InsecureQuery in the chain
	}{
		{"H03 RS-10 W06 a token in the query", "access_token=" + aliceToken, nil, alice, nobody},
		{"RS-10 a bad token in the query", "access_token=" + strangerToken, nil,
			row{status: 401, answer: "invalid_token", calls: []string{"bearer " + strangerToken}}, nobody},
		{"RS-10 a token that is no b64token", "access_token=a%20b", nil, row{status: 401, answer: "invalid_token"}, nobody},
		{"RS-10 a token with escapes", "x=1&access_token=%74oken-of-alice", nil, alice, nobody},
		{"H02 RS-05 a token in both places", "access_token=" + aliceToken, bearerLine, refused, alice},
		{"H02 a bad token in the query", "access_token=" + strangerToken, bearerLine, refused, alice},
		{"H02 an empty token in the query", "access_token=", bearerLine, refused, alice},
		{"H02 the name with an escape", "access%5Ftoken=x", bearerLine, refused, alice},
		{"H02 nothing after Bearer", "access_token=" + aliceToken, []string{"Authorization: Bearer"}, refused, refused},
		{"H02 a malformed header", "access_token=" + aliceToken, []string{"Authorization: Bearer a b"}, refused, refused},
		{"H02 H01 two headers", "access_token=" + aliceToken, append([]string{"Authorization: Digest x"}, bearerLine...), refused, refused},
		{"H02 a header of another scheme", "access_token=" + aliceToken, []string{"Authorization: Digest x"}, alice, nobody},
		{"H02 another parameter", "token=" + aliceToken, bearerLine, alice, alice},
		{"H02 two tokens in the query", "access_token=" + aliceToken + "&access_token=" + aliceToken, nil, refused, nobody},
		{"C08 an empty token", "access_token=", nil, nobody, nobody},
		{"C06 a parameter of another authenticator", "sig=abc", bearerLine, alice, alice},
		{"H02 another case of the name", "Access_Token=" + aliceToken, nil, nobody, nobody},
		{"H02 a name that ends alike", "my_access_token=" + aliceToken, nil, nobody, nobody},
		{"D17 a query that cannot be read", "access_token=%zz", nil, nobody, nobody},
	}
	c := new(calls)
	signature := authstar.AuthenticatorFunc(authstar.Scheme{ID: "sig", Type: authstar.TypeAPIKey, In: "query", Name: "sig"},
		func(*http.Request) (authstar.Client, error) { return nil, authstar.ErrNoCredentials })
	chains := map[string]http.Handler{
		"header first":         newAPI(t, c.bearer(), c.bearer().InsecureQuery()),
		"query first":          newAPI(t, c.bearer().InsecureQuery(), c.bearer()),
		"another query behind": newAPI(t, c.bearer(), c.bearer().InsecureQuery(), signature),
	}
	off := newAPI(t, c.bearer(), c.session(), signature)
	for _, test := range tests {
		target := "/me?" + test.query
		for order, h := range chains {
			t.Run(test.name+", "+order, func(t *testing.T) {
				res := serve(h, request("GET", target, test.lines...))
				if usesQuery := res.StatusCode == 200 && strings.Contains(test.query, "access_token"); usesQuery && res.Header.Get("Cache-Control") != "private" {
					t.Errorf("RS-10 Cache-Control %q", res.Header.Get("Cache-Control"))
				}
				test.on.check(t, res, c)
			})
		}
		t.Run(test.name+", off", func(t *testing.T) {
			res := serve(off, request("GET", target, test.lines...))
			if cache := res.Header.Get("Cache-Control"); cache == "private" {
				t.Errorf("Cache-Control %q", cache)
			}
			test.off.check(t, res, c)
		})
	}
}

// Cache-Control is private for those who used the query, and for nobody else.
func TestQueryTokenAndCaches(t *testing.T) {
	c := new(calls)
	h := newAPI(t, c.bearer(), c.bearer().InsecureQuery())
	if got := serve(h, request("GET", "/me", "Authorization: Bearer "+aliceToken)).Header.Get("Cache-Control"); got != "" {
		t.Errorf("RS-10 Cache-Control with the header: %q", got)
	}
	if got := serve(h, request("GET", "/me?access_token="+aliceToken)).Header.Get("Cache-Control"); got != "private" {
		t.Errorf("RS-10 Cache-Control with the query: %q", got)
	}
}

// H04 H02: no body is read for a token.
func TestFormTokensAreIgnored(t *testing.T) {
	var form bytes.Buffer
	w := multipart.NewWriter(&form)
	if err := w.WriteField("access_token", aliceToken); err != nil {
		t.Fatal(err)
	}
	w.Close()
	bodies := []struct{ name, contentType, body string }{
		{"H04 a form", "application/x-www-form-urlencoded", "access_token=" + aliceToken},
		{"H04 a multipart form", w.FormDataContentType(), form.String()},
		{"H04 JSON", "application/json", `{"access_token":"` + aliceToken + `"}`},
	}
	c := new(calls)
	chain := newChain(t, c.bearer(), c.bearer().InsecureQuery())
	for _, test := range bodies {
		for _, method := range []string{"POST", "GET"} {
			t.Run(test.name+" in a "+method, func(t *testing.T) {
				r := request(method, "/me", "Content-Type: "+test.contentType)
				r.Body = io.NopCloser(strings.NewReader(test.body))
				if res := chain.Authenticate(r); res.Client != nil || res.Err != nil {
					t.Errorf("H04 %v", res)
				}
				r.Header.Set("Authorization", "Bearer "+aliceToken)
				if res := chain.Authenticate(r); res.Client == nil {
					t.Errorf("H02 %v", res)
				}
				if body, _ := io.ReadAll(r.Body); string(body) != test.body || r.Form != nil {
					t.Errorf("H04 the body was read")
				}
			})
		}
	}
}

// Bearer beside a query parameter of another authenticator is another matter
// than Bearer alone, and one value of Bearer serves both.
func TestBearerInTwoChains(t *testing.T) {
	c := new(calls)
	bearer := c.bearer()
	with, without := newChain(t, bearer, bearer.InsecureQuery()), newChain(t, bearer)
	r := request("GET", "/me?access_token=x", "Authorization: Bearer "+aliceToken)
	if res := with.Authenticate(r); res.Err == nil || res.Err.Code != authstar.InvalidRequest {
		t.Errorf("H02 with the query: %v", res)
	}
	if res := without.Authenticate(r); res.Client == nil {
		t.Errorf("H02 without the query: %v", res)
	}
}
