package authenticators_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/authstar/authstar"
	"github.com/authstar/authstar/authenticators"
)

var (
	someKey      = func(context.Context, string) (authstar.Client, error) { return nil, nil }
	somePassword = func(context.Context, string, string) (authstar.Client, error) { return nil, nil }
	someSession  = func(*http.Request) (authstar.Client, error) { return nil, nil }
	someToken    = authenticators.TokenVerifierFunc(someKey)
)

// unusable is a verifier with something wrong in its own configuration.
type unusable struct{ provider }

func (unusable) Validate() error { return errors.New("no audience") }

func TestWhatNewReports(t *testing.T) {
	bearer := authenticators.NewBearer
	good, someProvider := bearer(someToken), provider{t, issuerA, nil}
	for _, test := range []struct {
		name string
		a    authstar.Authenticator
		want string // "" for what is usable
	}{
		{"a bearer", good, ""},
		{"a bearer with two providers and one for the rest", bearer(someProvider, provider{t, issuerB, nil}, someToken), ""},
		{"C15 a bearer without a verifier", bearer(), "no token verifier"},
		{"C15 a nil verifier", bearer(nil), "token verifier 1: is nil"},
		{"C15 a typed nil verifier", bearer(someToken, (*provider)(nil)), "token verifier 2: is nil"},
		{"C15 a nil function as a verifier", bearer(authenticators.TokenVerifierFunc(nil)), "token verifier 1: is nil"},
		{"C12 two verifiers that take the rest", bearer(someToken, someProvider, someToken), "token verifier 3: has no method AcceptsIssuer"},
		{"a verifier that is not usable itself", bearer(unusable{}), "token verifier 1: no audience"},
		{"B12 a realm with a line break", good.WithRealm("a\r\nb"), "control characters"},
		{"B12 a realm with quotes", good.WithRealm(`a"b`), ""},

		{"a cookie", good.Cookie("__Host-token"), ""},
		{"C15 a cookie without a verifier", bearer().Cookie("token"), "no token verifier"},
		{"a cookie without a name", good.Cookie(""), `cookie name ""`},
		{"a cookie with a space in its name", good.Cookie("my token"), `cookie name "my token"`},
		{"a cookie with = in its name", good.Cookie("a=b"), `cookie name "a=b"`},
		{"a cookie with ; in its name", good.Cookie("a;b"), `cookie name "a;b"`},
		{"a cookie with a name that is not ASCII", good.Cookie("tökén"), `cookie name "tökén"`},
		{"a cookie with special characters in its name", good.Cookie("a!b~c"), ""},
		{"a cookie without a CrossOriginProtection", good.WithCrossOrigin(nil).Cookie("token"), "nil http.CrossOriginProtection"},
		{"the header alone needs no CrossOriginProtection", good.WithCrossOrigin(nil), ""},

		{"a query", good.InsecureQuery(), ""},
		{"C15 a query without a verifier", bearer().InsecureQuery(), "no token verifier"},
		{"a subprotocol", good.Subprotocol("authorization.example.com"), ""},
		{"C15 a subprotocol without a verifier", bearer().Subprotocol("name"), "no token verifier"},
		{"a subprotocol without a name", good.Subprotocol(""), "must be a token"},
		{"a subprotocol with a comma in its name", good.Subprotocol("a,b"), "must be a token"},
		{"a subprotocol with a name that is not ASCII", good.Subprotocol("naïve"), "must be a token"},
		{"a subprotocol with a character that wraps to a letter", good.Subprotocol("\u0161"), "must be a token"},

		{"a Basic", authenticators.NewBasic("api", somePassword), ""},
		{"C15 a Basic without a function", authenticators.NewBasic("api", nil), "nil function to check passwords with"},
		{"C15 the same without a challenge", authenticators.NewBasic("api", nil).WithoutChallenge(), "nil function to check passwords with"},
		{"B12 a Basic with a line break in its realm", authenticators.NewBasic("a\nb", somePassword), "control characters"},

		{"a session", authenticators.NewSession("sid", someSession), ""},
		{"C15 a session without a function", authenticators.NewSession("sid", nil), "nil function to load sessions with"},
		{"a session without a CrossOriginProtection", authenticators.NewSession("sid", someSession).WithCrossOrigin(nil), "nil http.CrossOriginProtection"},
		{"a session without a name", authenticators.NewSession("", someSession), `cookie name ""`},
		{"a session with a space in its name", authenticators.NewSession("s id", someSession), `cookie name "s id"`},

		{"an API key", authenticators.NewAPIKey("X-API-Key", someKey), ""},
		{"H10 an API key in lower case", authenticators.NewAPIKey("x-api-key", someKey), ""},
		{"C15 an API key without a function", authenticators.NewAPIKey("X-API-Key", nil), "nil function to find API keys with"},
	} {
		t.Run(test.name, func(t *testing.T) { wantErrors(t, test.want, test.a) })
	}
	for _, name := range []string{"", "X_API_KEY", "X-API-Key:", "X API Key", "X-API-Key\r\nHost", "X-Kéy",
		"Authorization", "authorization", "Proxy-Authorization", "Cookie", "COOKIE", "Set-Cookie", "Host", "host",
		"Content-Length", "Transfer-Encoding", "Connection", "Upgrade", "Trailer", "TE"} {
		t.Run(fmt.Sprintf("H10 an API key in %q", name), func(t *testing.T) {
			wantErrors(t, fmt.Sprintf("header name %q", name), authenticators.NewAPIKey(name, someKey))
		})
	}
}

// wantErrors makes a chain, whose error must have every line of want.
func wantErrors(t *testing.T, want string, list ...authstar.Authenticator) {
	t.Helper()
	_, err := authstar.New(list...)
	if want == "" {
		if err != nil {
			t.Error(err)
		}
		return
	}
	if err == nil {
		t.Fatalf("no error, want %q", want)
	}
	for line := range strings.SplitSeq(want, "\n") {
		if !strings.Contains(err.Error(), line) {
			t.Errorf("errors are\n%v\nwithout %q", err, line)
		}
	}
}

// One start of a program shows everything that is wrong with it.
func TestNewReportsEverythingAtOnce(t *testing.T) {
	bearer := authenticators.NewBearer(nil, someToken, someToken)
	wantErrors(t, strings.Join([]string{
		"authenticator 1 (bearer)", "token verifier 1: is nil", "token verifier 3: has no method AcceptsIssuer",
		"authenticator 2 (token)", "nil http.CrossOriginProtection",
		"authenticator 3 (basic)", "nil function to check passwords with",
		"authenticator 4 (Host)", `header name "Host"`, "nil function to find API keys with",
		"authenticator 5 (sid)", "nil function to load sessions with",
		"authenticator 6 is nil", "authenticator 7 is nil",
		"authenticator 8 (sid)", "authenticator 5 has the scheme id",
		"authenticator 9 (x-key)", "authenticator 10 (X-Key)", "authenticator 9 reads the header X-Key already",
	}, "\n"),
		bearer,
		bearer.WithCrossOrigin(nil).Cookie("token"),
		authenticators.NewBasic("", nil),
		authenticators.NewAPIKey("Host", nil),
		authenticators.NewSession("sid", nil).WithCrossOrigin(nil),
		nil,
		(*authenticators.Session)(nil),
		authenticators.NewBearer(someToken).Cookie("sid"),
		authenticators.NewAPIKey("x-key", nil),
		authenticators.NewAPIKey("X-Key", someKey),
	)
}

// What WithRealm, WithCrossOrigin and WithoutChallenge return are copies.
func TestVariationsAreCopies(t *testing.T) {
	bearer := authenticators.NewBearer(someToken)
	if bearer.WithRealm("other").Scheme().Realm != "other" || bearer.Scheme().Realm != "" {
		t.Error("WithRealm changed the original, or nothing")
	}
	basic := authenticators.NewBasic("api", somePassword)
	if !basic.WithoutChallenge().Scheme().NoChallenge || basic.Scheme().NoChallenge {
		t.Error("WithoutChallenge changed the original, or nothing")
	}
	session := authenticators.NewSession("sid", someSession)
	if session.WithCrossOrigin(nil).Validate() == nil || session.Validate() != nil {
		t.Error("WithCrossOrigin changed the original, or nothing")
	}
	if bearer.WithCrossOrigin(nil).Cookie("a").(interface{ Validate() error }).Validate() == nil {
		t.Error("WithCrossOrigin changed nothing")
	}
	wantErrors(t, "", bearer.Cookie("a"))
}
