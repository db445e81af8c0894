package authstar_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"testing"

	"github.com/authstar/authstar"
	"github.com/authstar/authstar/authenticators"
)

func TestExplain(t *testing.T) {
	chain := mustNew(t, kinds(new(trace))...)
	for _, row := range []struct {
		name    string
		headers []string
		want    string
	}{
		{"nothing", nil, `bearer: no credentials; basic: no credentials; X-API-Key: no credentials; sid: no credentials`},
		{"a client", []string{"X-API-Key", machineKey}, `bearer: no credentials; basic: no credentials; X-API-Key: authenticated "machine"; sid: not asked`},
		{"a bad credential", []string{"Authorization", "Bearer " + badToken}, `bearer: invalid_token: the token is not valid; basic: not asked; X-API-Key: not asked; sid: not asked`},
		{"a malformed credential", []string{"Authorization", "Basic"}, `bearer: no credentials; basic: invalid_request: the Authorization header is malformed; X-API-Key: not asked; sid: not asked`},
		{"an outage", []string{"Authorization", "Bearer " + downToken}, `bearer: temporarily_unavailable: ` + cause + `; basic: not asked; X-API-Key: not asked; sid: not asked`},
	} {
		t.Run(row.name, func(t *testing.T) {
			res := chain.Authenticate(request("/", row.headers...))
			for _, got := range []string{res.Explain(), fmt.Sprintf("%v", res), fmt.Sprintf("%#v", res)} {
				if got != row.want {
					t.Errorf("got  %s\nwant %s", got, row.want)
				}
			}
		})
	}
}

func TestExplainOfOtherOutcomes(t *testing.T) {
	one := func(f func(*http.Request) (authstar.Client, error)) authstar.Result {
		return mustNew(t, authstar.AuthenticatorFunc(authstar.Scheme{ID: "one"}, f), carrying(authstar.Scheme{ID: "two"})).Authenticate(request("/"))
	}
	given, _ := authstar.ResultFrom(authstar.WithClient(context.Background(), &authstar.Identity{ID: "x"}))
	anonymous, _ := authstar.ResultFrom(authstar.WithClient(context.Background(), nil))
	for _, row := range []struct {
		name string
		res  authstar.Result
		want string
	}{
		{"a reason to go on", one(func(*http.Request) (authstar.Client, error) {
			return nil, fmt.Errorf("no certificate\n: %w", authstar.ErrNoCredentials)
		}), `one: no certificate\n: authstar: no credentials; two: no credentials`},
		{"a fault", one(func(*http.Request) (authstar.Client, error) { return nil, nil }), "one: server_error: neither a client nor an error; two: not asked"},
		{"a client with a hostile id", one(func(*http.Request) (authstar.Client, error) { return &authstar.Identity{ID: "a\nb"}, nil }), `one: authenticated "a\nb"; two: not asked`},
		{"WithClient", given, "given by WithClient"},
		{"WithClient without a client", anonymous, "anonymous, without a chain"},
		{"the zero result", authstar.Result{}, "anonymous, without a chain"},
	} {
		t.Run(row.name, func(t *testing.T) {
			if got := row.res.Explain(); got != row.want {
				t.Errorf("got  %s\nwant %s", got, row.want)
			}
		})
	}
}

func TestResultInLogs(t *testing.T) {
	chain := mustNew(t, kinds(new(trace))...)
	for _, row := range []struct {
		name    string
		headers []string
		want    string
	}{
		{"a client", []string{"Authorization", "Bearer " + aliceToken}, `level=INFO msg=m res.client_id=alice res.issuer=https://a.example res.scheme=bearer res.explain="bearer: authenticated \"alice\"; basic: not asked; X-API-Key: not asked; sid: not asked"` + "\n"},
		{"an outage", []string{"Authorization", "Bearer " + downToken}, `level=INFO msg=m res.scheme=bearer res.error.status=503 res.error.code=temporarily_unavailable res.error.cause="` + cause + `" res.explain="bearer: temporarily_unavailable: ` + cause + `; basic: not asked; X-API-Key: not asked; sid: not asked"` + "\n"},
	} {
		t.Run(row.name, func(t *testing.T) {
			var b bytes.Buffer
			withoutTime(&b).Info("m", "res", chain.Authenticate(request("/", row.headers...)))
			if b.String() != row.want {
				t.Errorf("got  %s\nwant %s", &b, row.want)
			}
		})
	}
}

func withoutTime(b *bytes.Buffer) *slog.Logger {
	return slog.New(slog.NewTextHandler(b, &slog.HandlerOptions{Level: slog.LevelDebug, ReplaceAttr: func(groups []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey && len(groups) == 0 {
			return slog.Attr{}
		}
		return a
	}}))
}

func TestVary(t *testing.T) {
	all := kinds(new(trace))
	for _, row := range []struct {
		name  string
		chain []authstar.Authenticator
		want  string
	}{
		{"M08 Authorization is private by itself", all[:2], ""},
		{"M08 API keys and cookies are not", all, "X-API-Key, Cookie"},
		{"M08 two cookies are one header", append(all[3:4:4], authenticators.NewSession("other", nobody)), "Cookie"},
	} {
		t.Run(row.name, func(t *testing.T) {
			if got := mustNew(t, row.chain...).Authenticate(request("/")).Vary(); got != row.want {
				t.Errorf("Vary %q, want %q", got, row.want)
			}
		})
	}
}

func TestResultFrom(t *testing.T) {
	if _, ok := authstar.ResultFrom(context.Background()); ok {
		t.Error("there is a result without a chain")
	}
	var calls int
	chain := mustNew(t, kinds(new(trace))...).WithObserver(func(_ context.Context, res authstar.Result) {
		calls++
		if res.Scheme.ID != "bearer" || res.Err == nil {
			t.Errorf("the observer got %v", res)
		}
	})
	serve(chain.Handler(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if calls != 1 {
			t.Errorf("the observer was called %d times before the handler, want 1", calls)
		}
		res, ok := authstar.ResultFrom(r.Context())
		if !ok || res.Client != nil || res.Err == nil || res.Scheme.ID != "bearer" || len(res.Schemes) != 4 {
			t.Errorf("the handler got %v", res)
		}
	})), request("/", "Authorization", "Bearer "+badToken))
	chain.Authenticate(request("/", "Authorization", "Bearer "+badToken))
	if calls != 2 {
		t.Errorf("the observer was called %d times, want 2", calls)
	}
}
