package authstar_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/authstar/authstar"
	"github.com/authstar/authstar/security"
)

type intKey int

// X02
func TestContextKeyIsPrivate(t *testing.T) {
	forged := &authstar.Identity{ID: "mallory"}
	ctx := context.Background()
	for _, key := range []any{"authstar.client", "client", intKey(0), 0, struct{}{}} {
		ctx = context.WithValue(ctx, key, forged)
	}
	if c, ok := authstar.ClientFrom(ctx); ok {
		t.Errorf("a forged value is the client %v", c)
	}
	ctx = authstar.WithClient(ctx, &authstar.Identity{ID: "alice"})
	for _, key := range []any{"authstar.client", "client", intKey(0), 0, struct{}{}} {
		if ctx.Value(key) != forged {
			t.Errorf("the value of %#v is hidden", key)
		}
	}
	if c, ok := authstar.ClientFrom(context.WithValue(ctx, intKey(1), 1)); !ok || c.ClientID() != "alice" {
		t.Errorf("the client of a derived context is %v", c)
	}
}

// X03
func TestClientBeforeTheChainIsIgnored(t *testing.T) {
	h := mustNew(t, kinds(new(trace))...).Handler(routes(security.Rules{}))
	for _, row := range []struct {
		name, path string
		headers    []string
		status     int
		client     string
	}{
		{"X03 a client from before the chain is not believed", "/me", nil, 401, ""},
		{"X03 a client from before the chain is not shown", "/open", nil, 200, "-"},
		{"X03 a client from before the chain is replaced", "/me", []string{"X-API-Key", machineKey}, 200, "machine"},
		{"X03 a client from before the chain does not survive a bad credential", "/me", []string{"X-API-Key", "wrong-key"}, 401, ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			r := request(row.path, row.headers...)
			r = r.WithContext(authstar.WithClient(r.Context(), &authstar.Identity{ID: "root", Scope: []string{"admin"}}))
			w := serve(h, r)
			if w.Code != row.status || row.status == 200 && w.Body.String() != row.client {
				t.Errorf("status %d, body %q; want %d, %q", w.Code, w.Body, row.status, row.client)
			}
		})
	}
}

// X05, C15: the zero Chain passes nobody on, not even as anonymous.
func TestZeroChain(t *testing.T) {
	if res := new(authstar.Chain).Authenticate(request("/me")); !errors.Is(res.Err, authstar.ServerError) || res.Client != nil {
		t.Errorf("%v", res)
	}
	defer func() {
		if recover() == nil {
			t.Error("X05 Handler does not panic")
		}
	}()
	new(authstar.Chain).Handler(routes(security.Rules{}))
}

// X11
func TestClientNeedNotBeComparable(t *testing.T) {
	chain := mustNew(t, authstar.AuthenticatorFunc(authstar.Scheme{ID: "bag"}, func(*http.Request) (authstar.Client, error) {
		return bag{ID: "alice", Extra: map[string]string{"read": "yes"}}, nil
	}))
	guard := security.AnyOf(security.Scopes("read"), security.Optional()).And(security.Authenticated())
	w := serve(chain.Handler(security.HandlerFor(guard, func(w http.ResponseWriter, r *http.Request, c bag) {
		whoami(w, r)
	})), request("/"))
	if w.Code != 200 || w.Body.String() != "alice" {
		t.Errorf("status %d, client %q", w.Code, w.Body)
	}
}

// X08: what a callback or a handler started may use the context later.
func TestContextOutlivesTheRequest(t *testing.T) {
	after, done := make(chan struct{}), make(chan string)
	h := mustNew(t, kinds(new(trace))...).Handler(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		ctx := context.WithoutCancel(r.Context())
		go func() {
			<-after
			c, _ := authstar.ClientFrom(ctx)
			done <- c.ClientID()
		}()
	}))
	serve(h, request("/", "Authorization", "Bearer "+aliceToken))
	serve(h, request("/", "X-API-Key", machineKey))
	close(after)
	for range 2 {
		if id := <-done; id != "alice" && id != "machine" {
			t.Errorf("the client is %q", id)
		}
	}
}

func waiting(f func(context.Context) (authstar.Client, error)) authstar.Authenticator {
	return authstar.AuthenticatorFunc(authstar.Scheme{ID: "waiting"}, func(r *http.Request) (authstar.Client, error) { return f(r.Context()) })
}

// D13
func TestCancelledRequest(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	var seen authstar.Result
	chain := mustNew(t, waiting(func(ctx context.Context) (authstar.Client, error) {
		cancel()
		<-ctx.Done()
		return nil, ctx.Err()
	})).WithObserver(func(_ context.Context, res authstar.Result) { seen = res })
	rules := security.Rules{Refuse: func(http.ResponseWriter, *http.Request, *authstar.Error) {
		t.Error("a cancelled request was answered")
	}}
	w := serve(chain.Handler(rules.Authenticated().HandlerFunc(unreachable(t))), request("/").WithContext(ctx))
	if len(w.Header()) > 0 || w.Body.Len() > 0 {
		t.Errorf("written: %v %s", w.Header(), w.Body)
	}
	if !errors.Is(seen.Err, context.Canceled) || errors.Is(seen.Err, authstar.ServerError) {
		t.Errorf("the observer saw %v", seen.Err)
	}
}

// D13
func TestDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, row := range []struct {
			name   string
			after  time.Duration
			status int
		}{
			{"a credential that takes longer than the request may is an outage", 2 * time.Second, 503},
			{"a credential that is checked in time is its client", time.Millisecond, 200},
		} {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			h := mustNew(t, waiting(func(ctx context.Context) (authstar.Client, error) {
				select {
				case <-time.After(row.after):
					return &authstar.Identity{ID: "slow"}, nil
				case <-ctx.Done():
					return nil, ctx.Err()
				}
			})).Handler(routes(security.Rules{}))
			w := serve(h, request("/me").WithContext(ctx))
			cancel()
			if w.Code != row.status || (w.Header().Get("Retry-After") == "1") != (row.status == 503) {
				t.Errorf("%s: status %d, headers %v", row.name, w.Code, w.Header())
			}
		}
	})
}

func unreachable(t *testing.T) http.HandlerFunc {
	return func(_ http.ResponseWriter, r *http.Request) {
		t.Errorf("the guarded handler ran for %s %s", r.Method, r.URL)
	}
}

// X06
func TestPanickingAuthenticator(t *testing.T) {
	secret := "panic with " + aliceToken
	for _, row := range []struct {
		name  string
		cause func()
		says  string
	}{
		{"X06 a string", func() { panic(secret) }, "panic (string)"},
		{"X06 an error", func() { panic(errors.New(secret)) }, "panic (*errors.errorString)"},
		{"X06 a refusal", func() { panic(&authstar.Error{Code: authstar.InvalidToken}) }, "panic (*authstar.Error)"},
		{"X06 nil", func() { panic(nil) }, "panic called with nil argument"},
		{"X06 an index out of range", func() { _ = []int{}[len(secret)] }, "index out of range"},
		{"X06 a nil pointer", func() { _ = *(*int)(nil) }, "nil pointer dereference"},
		{"X11 a value that cannot be compared", func() { panic([]string{secret}) }, "panic ([]string)"},
	} {
		t.Run(row.name, func(t *testing.T) {
			broken := true
			var seen authstar.Result
			h := mustNew(t, waiting(func(context.Context) (authstar.Client, error) {
				if broken {
					row.cause()
				}
				return &authstar.Identity{ID: "alice"}, nil
			})).WithObserver(func(_ context.Context, res authstar.Result) { seen = res }).Handler(routes(security.Rules{}))
			w := serve(h, request("/me"))
			if w.Code != 500 || w.Body.String() != `{"error":"server_error"}`+"\n" {
				t.Errorf("status %d, body %s", w.Code, w.Body)
			}
			if text := seen.Err.Error(); seen.Client != nil || !strings.Contains(text, row.says) || !strings.Contains(text, "context_test.go:") || strings.Contains(text, aliceToken) {
				t.Errorf("the observer saw %v, %s", seen.Client, text)
			}
			if w := serve(h, request("/open")); w.Body.String() != "-" {
				t.Errorf("an open route shows %q", w.Body)
			}
			broken = false
			if w := serve(h, request("/me")); w.Body.String() != "alice" {
				t.Errorf("the next request is %d %q", w.Code, w.Body)
			}
		})
	}
}

// X06
func TestAbortHandlerIsPassedOn(t *testing.T) {
	h := mustNew(t, waiting(func(context.Context) (authstar.Client, error) { panic(http.ErrAbortHandler) })).Handler(routes(security.Rules{}))
	defer func() {
		if p := recover(); p != http.ErrAbortHandler {
			t.Errorf("recovered %v", p)
		}
	}()
	serve(h, request("/open"))
	t.Error("the panic was swallowed")
}

// X07
func TestPanickingHandler(t *testing.T) {
	h := mustNew(t, kinds(new(trace))...).Handler(security.Authenticated().HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("mine") }))
	defer func() {
		if p := recover(); p != "mine" {
			t.Errorf("recovered %v", p)
		}
	}()
	serve(h, request("/", "X-API-Key", machineKey))
	t.Error("the panic was swallowed")
}
