package authenticators_test

import (
	"context"
	"encoding/base64"
	"slices"
	"strings"
	"testing"

	"github.com/authstar/authstar"
	"github.com/authstar/authstar/authenticators"
)

const (
	issuerA = "https://a.example"
	issuerB = "https://b.example"
)

// provider takes the tokens of one issuer and finds each of them good, but for
// those that have expired.
type provider struct {
	t      *testing.T
	issuer string
	calls  *calls
}

func (p provider) AcceptsIssuer(iss string) bool { return iss == p.issuer }

func (p provider) VerifyToken(_ context.Context, token string) (authstar.Client, error) {
	p.calls.add(p.issuer)
	if token == expired(p.issuer) {
		return nil, &authstar.Error{Code: authstar.InvalidToken, Description: "the token has expired"}
	}
	return &authstar.Identity{ID: "alice", Issuer: p.issuer}, nil
}

// unsigned is a token whose verifier is a fake.
func unsigned(payload string) string {
	encode := base64.RawURLEncoding.EncodeToString
	return encode([]byte(`{"alg":"RS256","kid":"k1"}`)) + "." + encode([]byte(payload)) + "." + encode([]byte("signature"))
}

func of(issuer string) string      { return unsigned(`{"iss":"` + issuer + `","sub":"alice"}`) }
func expired(issuer string) string { return unsigned(`{"iss":"` + issuer + `","exp":1}`) }

var routes = []struct {
	name, token string
	status      int
	called      string // the provider; "" is the verifier of the rest
}{
	{"C12 a token of A", of(issuerA), 200, issuerA},
	{"C12 a token of B", of(issuerB), 200, issuerB},
	{"C12 an issuer that is written with escapes", unsigned(`{"iss":"https:\/\/a.ex\u0061mple"}`), 200, issuerA},
	{"C12 an issuer after other claims", unsigned(`{"sub":"iss","x":{"iss":"` + issuerB + `"},"iss":"` + issuerA + `"}`), 200, issuerA},
	{"C13 an expired token of A", expired(issuerA), 401, issuerA},
	{"C13 A's claims behind white space", unsigned(" \t\r\n" + `{"iss":"` + issuerA + `"}`), 200, issuerA},
	{"C13 A's claims that are not UTF-8", unsigned(`{"iss":"` + issuerA + `","x":"` + "\xff" + `"}`), 200, issuerA},
	{"C13 a token of A with a header of more than 4 KiB", strings.Repeat("A", 5<<10) + of(issuerA), 200, issuerA},
	{"C13 a token of A with padding", of(issuerA) + "=", 200, issuerA},
	{"C13 a token of A with other bits at the end of its header", strings.Replace(of(issuerA), "In0.", "In1.", 1), 200, issuerA},
	{"C13 a token of A with a character too many in its claims", strings.Replace(unsigned(`{"iss":"`+issuerA+`"}`), ".c2ln", "A.c2ln", 1), 200, issuerA},
	{"C13 a token of A in base64 of RFC 4648 section 4", strings.ReplaceAll(unsigned(`{"sub":"a?>>","iss":"`+issuerA+`"}`), "_", "/") + "+", 200, issuerA},
	{"C13 a token of A without a header", of(issuerA)[strings.Index(of(issuerA), "."):], 200, issuerA},
	{"C13 a token of A without a signature", strings.TrimSuffix(of(issuerA), "c2lnbmF0dXJl"), 200, issuerA},
	{"C02 a token of nobody with a header of more than 4 KiB", strings.Repeat("A", 5<<10) + of("https://evil.example"), 200, ""},
	{"C02 an issuer that nobody knows", of("https://evil.example"), 200, ""},
	{"C12 an issuer with a slash", of(issuerA + "/"), 200, ""},
	{"C12 an issuer in another case", of("https://A.example"), 200, ""},
	{"C12 no issuer", unsigned(`{"sub":"alice"}`), 200, ""},
	{"C12 the issuer of an inner object", unsigned(`{"x":{"iss":"` + issuerA + `"}}`), 200, ""},
	{"C12 the name of the claim in another case", unsigned(`{"ISS":"` + issuerA + `"}`), 200, ""},
	{"C12 two issuers are no way to the verifier of the rest", unsigned(`{"iss":"` + issuerA + `","iss":"` + issuerB + `"}`), 200, issuerA},
	{"C12 an issuer twice", unsigned(`{"iss":"` + issuerA + `","iss":"` + issuerA + `"}`), 200, issuerA},
	{"C12 a list of issuers", unsigned(`{"iss":["` + issuerA + `"]}`), 200, ""},
	{"C12 an issuer that is null", unsigned(`{"iss":null}`), 200, ""},
	{"C12 an issuer that is a number", unsigned(`{"iss":1}`), 200, ""},
	{"C12 an empty issuer", unsigned(`{"iss":""}`), 200, ""},
	{"C12 something after the claims", unsigned(`{"iss":"` + issuerA + `"} {}`), 200, ""},
	{"C12 claims that are cut off", unsigned(`{"iss":"` + issuerA + `"`), 200, ""},
	{"C12 claims that are a list", unsigned(`["iss","` + issuerA + `"]`), 200, ""},
	{"C12 two parts", of(issuerA)[:len(of(issuerA))-len(".c2lnbmF0dXJl")], 200, ""},
	{"C12 four parts", of(issuerA) + ".a", 200, ""},
	{"C12 five parts", of(issuerA) + ".a.a", 200, ""},
	{"C12 a part before the header", "a." + of(issuerA), 200, ""},
	{"C13 an opaque token with two dots", "aaa.bbb.ccc", 200, ""},
	{"C13 an opaque token of two dots", "..", 200, ""},
	{"C13 an opaque token", "opaque123", 200, ""},
}

// rest takes what has no issuer that a provider knows.
func rest(c *calls) authenticators.TokenVerifier {
	return authenticators.TokenVerifierFunc(func(context.Context, string) (authstar.Client, error) {
		c.add("rest")
		return &authstar.Identity{ID: "rest"}, nil
	})
}

func TestRoutingByIssuer(t *testing.T) {
	c := new(calls)
	a, b, others := provider{t, issuerA, c}, provider{t, issuerB, c}, rest(c)
	orders := map[string][]authenticators.TokenVerifier{
		"A, B, rest": {a, b, others}, "B, A, rest": {b, a, others},
		"rest, A, B": {others, a, b}, "B, rest, A": {b, others, a},
	}
	for order, verifiers := range orders {
		h := newAPI(t, authenticators.NewBearer(verifiers...), c.session())
		for _, test := range routes {
			t.Run(test.name+", "+order, func(t *testing.T) {
				want := row{status: test.status, answer: "alice", calls: []string{test.called}}
				switch {
				case test.called == "":
					want.answer, want.calls = "rest", []string{"rest"}
				case test.status == 401:
					want.answer = "invalid_token"
				}
				want.check(t, serve(h, request("GET", "/me", "Authorization: Bearer "+test.token, sessionCookie)), c)
			})
		}
	}
}

// C02: without a verifier of the rest, what is nobody's is refused, and no
// session is looked up.
func TestRoutingWithoutARest(t *testing.T) {
	c := new(calls)
	a, b := provider{t, issuerA, c}, provider{t, issuerB, c}
	for order, verifiers := range map[string][]authenticators.TokenVerifier{"A, B": {a, b}, "B, A": {b, a}} {
		h := newAPI(t, authenticators.NewBearer(verifiers...), c.session())
		for _, test := range routes {
			t.Run(test.name+", "+order, func(t *testing.T) {
				want := row{status: 401, answer: "invalid_token"}
				if test.called != "" {
					want.calls = []string{test.called}
				}
				if test.called != "" && test.status == 200 {
					want.status, want.answer = 200, "alice"
				}
				want.check(t, serve(h, request("GET", "/me", "Authorization: Bearer "+test.token, sessionCookie)), c)
				if want.status == 401 {
					row{status: 200, answer: "-", calls: want.calls}.check(t, serve(h, request("GET", "/open", "Authorization: Bearer "+test.token, sessionCookie)), c)
					row{status: 401, answer: "invalid_token", calls: want.calls}.check(t, serve(h, request("GET", "/optional", "Authorization: Bearer "+test.token, sessionCookie)), c)
				}
			})
		}
	}
}

// C12: whatever the carrier, the same verifier is asked.
func TestRoutingOfOtherCarriers(t *testing.T) {
	c := new(calls)
	bearer := authenticators.NewBearer(provider{t, issuerA, c}, provider{t, issuerB, c}, rest(c))
	h := newAPI(t, bearer, bearer.Cookie("token"), bearer.InsecureQuery(), bearer.Subprotocol("test"))
	for _, issuer := range []string{issuerA, issuerB} {
		for carrier, r := range map[string][]string{
			"header":      {"/me", "Authorization: Bearer " + of(issuer)},
			"cookie":      {"/me", "Cookie: token=" + of(issuer)},
			"query":       {"/me?access_token=" + of(issuer)},
			"subprotocol": append([]string{"/me", "Sec-WebSocket-Protocol: chat, " + subprotocol("test", of(issuer))}, handshake...),
		} {
			t.Run("C12 "+issuer+" by "+carrier, func(t *testing.T) {
				row{status: 200, answer: "alice", calls: []string{issuer}}.check(t, serve(h, request("GET", r[0], r[1:]...)), c)
			})
		}
	}
}

// J12: two clients of one name at two issuers can be told apart.
func TestClientsOfTwoIssuers(t *testing.T) {
	c := new(calls)
	chain := newChain(t, authenticators.NewBearer(provider{t, issuerA, c}, provider{t, issuerB, c}))
	var issuers []string
	for _, issuer := range []string{issuerA, issuerB} {
		res := chain.Authenticate(request("GET", "/", "Authorization: Bearer "+of(issuer)))
		client, ok := res.Client.(*authstar.Identity)
		if !ok || client.ID != "alice" {
			t.Fatalf("%v", res)
		}
		issuers = append(issuers, client.Issuer)
	}
	if !slices.Equal(issuers, []string{issuerA, issuerB}) {
		t.Errorf("J12 issuers %q", issuers)
	}
}
