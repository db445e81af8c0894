package authenticators_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/authstar/authstar"
	"github.com/authstar/authstar/authenticators"
)

// outcome is what a callback of the application returns, and what comes of it.
type outcome struct {
	name   string
	client authstar.Client
	err    error
	status int
	answer string // "" is the code of the carrier for an unknown credential
	retry  string // Retry-After
}

var errStore = errors.New("store-7 is down")

var outcomes = []outcome{
	{"a client", &authstar.Identity{ID: "dora"}, nil, 200, "dora", ""},
	{"C09 nil", nil, nil, 401, "", ""},
	{"C15 a typed nil", (*authstar.Identity)(nil), nil, 401, "", ""},
	{"C17 an empty id", &authstar.Identity{Scope: []string{"admin"}}, nil, 401, "", ""},
	{"C17 an empty id of a client that is no pointer", plainClient(""), nil, 401, "", ""},
	{"a client that is no pointer", plainClient("dora"), nil, 200, "dora", ""},
	{"C10 a plain error", nil, errStore, 503, "temporarily_unavailable", "1"},
	{"C10 a client and an error", &authstar.Identity{ID: "dora"}, errStore, 503, "temporarily_unavailable", "1"},
	{"a refusal", nil, &authstar.Error{Code: authstar.InvalidToken, Description: "it is revoked"}, 401, "invalid_token", ""},
	{"a wrapped refusal", nil, fmt.Errorf("store-7: %w", &authstar.Error{Code: authstar.AccessDenied}), 403, "access_denied", ""},
	{"an outage that says when to come back", nil, &authstar.Error{Code: authstar.TemporarilyUnavailable, RetryAfter: 1500 * time.Millisecond}, 503, "temporarily_unavailable", "2"},
	{"a refusal because of no credentials", nil, &authstar.Error{Code: authstar.InvalidToken, Err: authstar.ErrNoCredentials}, 401, "invalid_token", ""},
	{"a code alone", nil, authstar.AccessDenied, 403, "access_denied", ""},
	{"a code alone, wrapped", nil, fmt.Errorf("store-7: %w", authstar.InvalidToken), 401, "invalid_token", ""},
	{"a code alone that nobody knows", nil, authstar.Code("nonsense"), 500, "server_error", ""},
	{"an error without a code", nil, &authstar.Error{Err: errStore}, 500, "server_error", ""},
	{"what a guard says of nobody", nil, &authstar.Error{Err: authstar.ErrNoCredentials}, 401, "", ""},
	{"a nil refusal", nil, (*authstar.Error)(nil), 500, "server_error", ""},
	{"no credentials", nil, authstar.ErrNoCredentials, 401, "", ""},
	{"no credentials, wrapped", nil, fmt.Errorf("store-7: %w", authstar.ErrNoCredentials), 401, "", ""},
}

type plainClient string

func (c plainClient) ClientID() string { return string(c) }
func (plainClient) Scopes() []string   { return nil }

// carrier is an authenticator around a callback with that outcome, and a
// request that reaches it.
type carrier struct {
	name    string
	make    func(outcome) authstar.Authenticator
	target  string
	lines   []string
	unknown string // the code for an unknown credential
	scheme  string // of the challenge
}

var carriers = []carrier{
	{"Bearer", func(o outcome) authstar.Authenticator { return o.bearer() },
		"/me", []string{"Authorization: Bearer abc"}, "invalid_token", "Bearer "},
	{"Bearer.Cookie", func(o outcome) authstar.Authenticator { return o.bearer().Cookie("token") },
		"/me", []string{"Cookie: token=abc"}, "invalid_token", "Bearer "},
	{"Bearer.InsecureQuery", func(o outcome) authstar.Authenticator { return o.bearer().InsecureQuery() },
		"/me?access_token=abc", nil, "invalid_token", "Bearer "},
	{"Bearer.Subprotocol", func(o outcome) authstar.Authenticator { return o.bearer().Subprotocol("test") },
		"/me", append([]string{"Sec-WebSocket-Protocol: base64url.bearer.test.YWJj, chat"}, handshake...), "invalid_token", "Bearer "},
	{"Basic", func(o outcome) authstar.Authenticator {
		return authenticators.NewBasic("", func(context.Context, string, string) (authstar.Client, error) { return o.client, o.err })
	}, "/me", []string{"Authorization: Basic " + bobBasic}, "invalid_client", "Basic "},
	{"APIKey", func(o outcome) authstar.Authenticator {
		return authenticators.NewAPIKey("X-API-Key", func(context.Context, string) (authstar.Client, error) { return o.client, o.err })
	}, "/me", []string{"X-API-Key: abc"}, "invalid_client", "ApiKey "},
	{"Session", func(o outcome) authstar.Authenticator {
		return authenticators.NewSession("sid", func(*http.Request) (authstar.Client, error) { return o.client, o.err })
	}, "/me", []string{"Cookie: sid=abc"}, "invalid_token", "Cookie "},
}

func (o outcome) bearer() *authenticators.Bearer {
	return authenticators.NewBearer(authenticators.TokenVerifierFunc(func(context.Context, string) (authstar.Client, error) { return o.client, o.err }))
}

// next is the authenticator behind; it must not be reached unless the one in
// front has nothing.
func next(t *testing.T, may bool) authstar.Authenticator {
	return authstar.AuthenticatorFunc(authstar.Scheme{ID: "next"}, func(*http.Request) (authstar.Client, error) {
		if !may {
			t.Error("the chain went on")
		}
		return &authstar.Identity{ID: "next"}, nil
	})
}

func TestCallbacks(t *testing.T) {
	for _, c := range carriers {
		for _, o := range outcomes {
			t.Run(c.name+" "+o.name, func(t *testing.T) {
				goesOn := c.name == "Session" && o.hasNoSession()
				switch {
				case goesOn:
					o.status, o.answer = 200, "next"
				case o.answer == "":
					o.answer = c.unknown
				}
				h := newAPI(t, c.make(o), next(t, goesOn))
				o.check(t, c, serve(h, request("GET", c.target, c.lines...)))

				open, _ := strings.CutPrefix(c.target, "/me")
				want := "-"
				if o.status == 200 {
					want = o.answer
				}
				if status, answer := read(t, serve(h, request("GET", "/open"+open, c.lines...))); status != 200 || answer != want {
					t.Errorf("the open route: %d %q, want %q", status, answer, want)
				}
			})
		}
	}
}

// hasNoSession is the one exception: a session that is gone is no credential.
func (o outcome) hasNoSession() bool {
	return slices.Contains([]string{"C09 nil", "C15 a typed nil", "no credentials", "no credentials, wrapped"}, o.name)
}

func (o outcome) check(t *testing.T, c carrier, res *http.Response) {
	t.Helper()
	challenges := res.Header["Www-Authenticate"]
	status, answer := read(t, res)
	if status != o.status || answer != o.answer {
		t.Errorf("%d %q, want %d %q", status, answer, o.status, o.answer)
	}
	if got := res.Header.Get("Retry-After"); got != o.retry {
		t.Errorf("Retry-After %q, want %q", got, o.retry)
	}
	if challenged := status == 401 || status == 403; challenged != (len(challenges) > 0) {
		t.Errorf("%d with challenges %q", status, challenges)
	} else if challenged && !strings.HasPrefix(challenges[0], c.scheme) {
		t.Errorf("challenges %q, want %q first", challenges, c.scheme)
	}
	if challenge := strings.Join(challenges, ""); strings.Contains(challenge, "store-7") {
		t.Errorf("the cause shows in %q", challenge)
	}
}

// N06 C10: what happened inside stays inside.
func TestBodiesOfRefusals(t *testing.T) {
	for _, test := range []struct {
		name, want string
		outcome
	}{
		{"C10 an outage", `{"error":"temporarily_unavailable"}`, outcome{err: errStore}},
		{"N06 an unknown token", `{"error":"invalid_token","error_description":"the token is not valid"}`, outcome{}},
		{"a refusal with a description", `{"error":"invalid_token","error_description":"it is revoked"}`,
			outcome{err: fmt.Errorf("store-7: %w", &authstar.Error{Code: authstar.InvalidToken, Description: "it is revoked", Err: errStore})}},
	} {
		t.Run(test.name, func(t *testing.T) {
			res := serve(newAPI(t, test.bearer()), request("GET", "/me", "Authorization: Bearer abc"))
			body := new(strings.Builder)
			if err := res.Write(body); err != nil {
				t.Fatal(err)
			}
			if _, got, _ := strings.Cut(body.String(), "\r\n\r\n"); got != test.want+"\n" {
				t.Errorf("body %s, want %s", got, test.want)
			}
			if strings.Contains(body.String(), "store-7") {
				t.Errorf("the response shows the cause: %s", body)
			}
		})
	}
}

// D13: callbacks get the context of the request.
func TestCallbacksGetTheContextOfTheRequest(t *testing.T) {
	type key struct{}
	ctx, cancel := context.WithCancel(context.WithValue(t.Context(), key{}, "value"))
	cancel()
	asked := 0
	look := func(ctx context.Context) (authstar.Client, error) {
		asked++
		if ctx.Value(key{}) != "value" || ctx.Err() == nil {
			t.Error("another context")
		}
		return nil, ctx.Err()
	}
	chains := map[string]authstar.Authenticator{
		"Authorization: Bearer abc": authenticators.NewBearer(authenticators.TokenVerifierFunc(func(ctx context.Context, _ string) (authstar.Client, error) { return look(ctx) })),
		"Authorization: Basic YTpi": authenticators.NewBasic("", func(ctx context.Context, _, _ string) (authstar.Client, error) { return look(ctx) }),
		"X-API-Key: abc":            authenticators.NewAPIKey("X-API-Key", func(ctx context.Context, _ string) (authstar.Client, error) { return look(ctx) }),
		"Cookie: sid=abc":           authenticators.NewSession("sid", func(r *http.Request) (authstar.Client, error) { return look(r.Context()) }),
	}
	for line, a := range chains {
		r := request("GET", "/me", line).WithContext(ctx)
		if res := newChain(t, a).Authenticate(r); !errors.Is(res.Err, authstar.TemporarilyUnavailable) || !errors.Is(res.Err, context.Canceled) {
			t.Errorf("D13 %s: %v", line, res)
		}
	}
	if asked != len(chains) {
		t.Errorf("%d callbacks, want %d", asked, len(chains))
	}
}
