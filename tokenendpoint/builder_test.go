package tokenendpoint_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/authstar/authstar"
	"github.com/authstar/authstar/tokenendpoint"
)

func record(h http.Handler, r *http.Request) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// O32, TK-16: a fault of the builder is 500, without details, and complete JSON.
func TestFaultsOfTheBuilder(t *testing.T) {
	type response = tokenendpoint.Response
	for _, row := range []struct {
		name string
		res  *response
		err  error
	}{
		{"O32 a plain error", nil, errors.New("detail")},
		{"O32 a plain error beside a token", &response{AccessToken: "detail"}, errors.New("detail")},
		{"O32 a nil *Error", nil, (*authstar.Error)(nil)},
		{"O32 no credentials", nil, authstar.ErrNoCredentials},
		{"O32 neither a response nor an error", nil, nil},
		{"O32 an empty token", &response{}, nil},
		{"TK-27 a token with a space", &response{AccessToken: "detail x"}, nil},
		{"TK-27 a token with a quote", &response{AccessToken: `detail"x`}, nil},
		{"TK-27 a token with a line feed", &response{AccessToken: "detail\n"}, nil},
		{"TK-27 a token beyond ASCII", &response{AccessToken: "détail"}, nil},
		{"TK-27 a token of padding", &response{AccessToken: "=="}, nil},
		{"TK-27 a token with padding inside", &response{AccessToken: "a=b"}, nil},
		{"O32 a negative lifetime", &response{AccessToken: "t", ExpiresIn: -1}, nil},
		{"O32 a refresh token", &response{AccessToken: "t", RefreshToken: "detail"}, nil},
		{"O32 a member that is no JSON", &response{AccessToken: "t", Extra: map[string]any{"detail": func() {}}}, nil},
		{"O32 a member that is infinite", &response{AccessToken: "t", Extra: map[string]any{"detail": math.Inf(1)}}, nil},
	} {
		t.Run(row.name, func(t *testing.T) {
			observed := 0
			endpoint := newEndpoint(t, tokenendpoint.Config{
				Grants:  []tokenendpoint.Grant{tokenendpoint.ClientCredentials(func(context.Context, *tokenendpoint.Request) (*response, error) { return row.res, row.err })},
				Observe: func(_ context.Context, err *authstar.Error) { observed++ },
			})
			a := post(t, endpoint, asForm)
			if a.status != 500 || a.outcome() != "server_error" || strings.Contains(a.text, "detail") || observed != 1 {
				t.Errorf("%d %s, observed %d times", a.status, a.text, observed)
			}
		})
	}
}

// O32, X06.
func TestPanicsOfTheBuilder(t *testing.T) {
	for _, value := range []any{"detail", errors.New("detail"), 42, []int{1}, map[string]int{}, fmt.Errorf("x: %w", http.ErrAbortHandler), &runtime.PanicNilError{}} {
		var observed *authstar.Error
		panics := true
		endpoint := newEndpoint(t, tokenendpoint.Config{
			Grants: []tokenendpoint.Grant{tokenendpoint.ClientCredentials(func(ctx context.Context, req *tokenendpoint.Request) (*tokenendpoint.Response, error) {
				if panics {
					panic(value)
				}
				return build(ctx, req)
			})},
			Observe: func(_ context.Context, err *authstar.Error) { observed = err },
		})
		if a := post(t, endpoint, asForm); a.status != 500 || strings.Contains(a.text, "detail") || observed == nil || strings.Contains(observed.Error(), "detail") {
			t.Errorf("O32: a panic with %T: %d %s, observed %v", value, a.status, a.text, observed)
		}
		if panics = false; post(t, endpoint, asForm).status != 200 {
			t.Errorf("O32: no token after a panic with %T", value)
		}
	}
}

func TestAbortHandlerGoesOn(t *testing.T) {
	endpoint := withBuilder(t, func(context.Context, *tokenendpoint.Request) (*tokenendpoint.Response, error) {
		panic(http.ErrAbortHandler)
	})
	w := httptest.NewRecorder()
	defer func() {
		if p := recover(); p != http.ErrAbortHandler || w.Body.Len() > 0 {
			t.Errorf("O32: recovered %v, written %q", p, w.Body)
		}
	}()
	endpoint.ServeHTTP(w, newRequest("POST", "/", asForm))
	t.Error("O32: the request was not aborted")
}

func TestStatedErrorsOfTheBuilder(t *testing.T) {
	for _, row := range []struct {
		code   authstar.Code
		status int
	}{
		{tokenendpoint.InvalidGrant, 400}, {tokenendpoint.InvalidScope, 400}, {tokenendpoint.InvalidTarget, 400},
		{tokenendpoint.UnauthorizedClient, 400}, {tokenendpoint.UnsupportedGrantType, 400}, {authstar.InvalidRequest, 400},
		{authstar.AccessDenied, 400}, {authstar.InvalidClient, 401}, {authstar.TemporarilyUnavailable, 503},
		{authstar.ServerError, 500}, {authstar.InsufficientScope, 500}, {"made_up", 500},
	} {
		for _, err := range []error{
			&authstar.Error{Code: row.code, Description: "because \"é\\\n", Err: errors.New("detail")},
			fmt.Errorf("x: %w", &authstar.Error{Code: row.code, StatusCode: http.StatusTeapot}),
		} {
			a := post(t, withBuilder(t, func(context.Context, *tokenendpoint.Request) (*tokenendpoint.Response, error) { return nil, err }), asForm)
			if a.status != row.status || row.status != 500 && a.outcome() != string(row.code) || strings.Contains(a.text, "detail") {
				t.Errorf("%s: %d %s", row.code, a.status, a.text)
			}
			if description := a.get("error_description"); row.status < 500 && description != "" && description != "because ????" {
				t.Errorf("O34: %s: the description %q", row.code, description)
			}
		}
	}
}

func TestTokenTypes(t *testing.T) {
	for tokenType, status := range map[string]int{"": 200, "bearer": 200, "b\r\nx": 500, "b x": 500, "b\"x": 500, "é": 500} {
		a := post(t, withBuilder(t, func(context.Context, *tokenendpoint.Request) (*tokenendpoint.Response, error) {
			return &tokenendpoint.Response{AccessToken: "t", TokenType: tokenType}, nil
		}), asForm)
		if a.status != status {
			t.Errorf("O32 %q: %d %s", tokenType, a.status, a.text)
		}
	}
}

// O32: extra members stay beside those of the endpoint.
func TestExtraMembers(t *testing.T) {
	extra := map[string]any{
		"id_token": "i", "issued_token_type": "urn:x", "access_token": "other", "token_type": "mac", "expires_in": -1, "scope": "admin", "refresh_token": "r", "error": "no",
	}
	for _, row := range []struct {
		name, form string
		res        tokenendpoint.Response
		want       string
	}{
		{"all that there is", "", tokenendpoint.Response{AccessToken: "a.b-c_d~e+f/g==", TokenType: "bearer", ExpiresIn: 60},
			`{"access_token":"a.b-c_d~e+f/g==","expires_in":60,"scope":"read write","token_type":"bearer","id_token":"i","issued_token_type":"urn:x"}`},
		{"nothing that the endpoint leaves out", "", tokenendpoint.Response{AccessToken: "t", Scopes: []string{}},
			`{"access_token":"t","token_type":"Bearer","id_token":"i","issued_token_type":"urn:x"}`},
	} {
		t.Run("O32 "+row.name, func(t *testing.T) {
			row.res.Extra = extra
			before := len(extra)
			a := post(t, withBuilder(t, func(context.Context, *tokenendpoint.Request) (*tokenendpoint.Response, error) { return &row.res, nil }), asForm)
			if a.status != 200 || strings.TrimSpace(a.text) != row.want {
				t.Errorf("%d %s, want %s", a.status, a.text, row.want)
			}
			if len(extra) != before {
				t.Error("the builder's map was changed")
			}
		})
	}
}

// X15: the same on every architecture.
func TestLargeLifetimes(t *testing.T) {
	for _, seconds := range []int64{1, math.MaxInt32, math.MaxInt32 + 1, 1 << 40, math.MaxInt64} {
		a := post(t, withBuilder(t, func(context.Context, *tokenendpoint.Request) (*tokenendpoint.Response, error) {
			return &tokenendpoint.Response{AccessToken: "t", ExpiresIn: seconds}, nil
		}), asForm)
		var got struct {
			ExpiresIn int64 `json:"expires_in"`
		}
		if err := json.Unmarshal([]byte(a.text), &got); err != nil || got.ExpiresIn != seconds {
			t.Errorf("X15: %d: %s", seconds, a.text)
		}
	}
}

// unwritten fails the test when something is written to it.
type unwritten struct {
	t *testing.T
	h http.Header
}

func (w unwritten) Header() http.Header         { return w.h }
func (w unwritten) Write(b []byte) (int, error) { w.t.Errorf("written: %s", b); return len(b), nil }
func (w unwritten) WriteHeader(status int)      { w.t.Errorf("written: status %d", status) }

func TestCancelledRequest(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	fails := func(ctx context.Context) error { return fmt.Errorf("the database: %w", ctx.Err()) }
	var observed []error
	observe := func(_ context.Context, err *authstar.Error) { observed = append(observed, err) }
	endpoints := map[string]*tokenendpoint.Endpoint{
		"the check of the client fails": newEndpoint(t, tokenendpoint.Config{Observe: observe, Authenticate: func(ctx context.Context, _, _ string) (authstar.Client, error) { return nil, fails(ctx) }}),
		"the builder fails": newEndpoint(t, tokenendpoint.Config{Observe: observe, Grants: []tokenendpoint.Grant{
			tokenendpoint.ClientCredentials(func(ctx context.Context, _ *tokenendpoint.Request) (*tokenendpoint.Response, error) {
				return nil, fails(ctx)
			})}}),
	}
	for name, endpoint := range endpoints {
		t.Run(name+" since nobody waits", func(t *testing.T) {
			endpoint.ServeHTTP(unwritten{t, http.Header{}}, newRequest("POST", "/", asForm).WithContext(ctx))
			if len(observed) > 0 {
				t.Errorf("observed: %v", observed)
			}
		})
		t.Run(name+" while somebody waits", func(t *testing.T) {
			ctx, cancel := context.WithTimeout(context.Background(), 0)
			defer cancel()
			observed = nil
			a := serve(t, endpoint, newRequest("POST", "/", asForm).WithContext(ctx))
			if a.status < 500 || len(observed) != 1 || !errors.Is(observed[0], context.DeadlineExceeded) {
				t.Errorf("%d, observed %v", a.status, observed)
			}
			observed = nil
		})
	}
}

// D13: the context of the request reaches both callbacks, and what they get is
// what was sent.
func TestWhatTheBuilderGets(t *testing.T) {
	type key struct{}
	ctx := context.WithValue(context.Background(), key{}, "mine")
	endpoint := newEndpoint(t, tokenendpoint.Config{
		Authenticate: func(ctx context.Context, id, secret string) (authstar.Client, error) {
			if ctx.Value(key{}) != "mine" {
				t.Error("D13: another context")
			}
			return new(trace).authenticate(ctx, id, secret)
		},
		Grants: []tokenendpoint.Grant{tokenendpoint.ClientCredentials(func(ctx context.Context, req *tokenendpoint.Request) (*tokenendpoint.Response, error) {
			if ctx.Value(key{}) != "mine" || req.Client.ClientID() != "svc" || req.GrantType != "client_credentials" || req.Resource != "https://api.example" ||
				!slices.Equal(req.Scopes, []string{"read"}) || req.Parameter("colour") != "a=b&c" || req.Parameter("query") != "" || req.Parameter("absent") != "" {
				t.Errorf("%v: %v", ctx, req)
			}
			return build(ctx, req)
		})},
	})
	r := newRequest("POST", "/?query=1", asForm+"&scope=read&resource=https://api.example&colour=a%3Db%26c").WithContext(ctx)
	if a := serve(t, endpoint, r); a.status != 200 {
		t.Errorf("%d %s", a.status, a.text)
	}
}
