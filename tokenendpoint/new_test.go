package tokenendpoint_test

import (
	"context"
	"errors"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/authstar/authstar"
	"github.com/authstar/authstar/tokenendpoint"
)

// All that is wrong is reported at once (X05).
func TestNewReportsAllFaults(t *testing.T) {
	check := new(trace).authenticate
	good := []tokenendpoint.Grant{tokenendpoint.ClientCredentials(build)}
	for _, row := range []struct {
		name   string
		config tokenendpoint.Config
		want   []string
	}{
		{"the zero value", tokenendpoint.Config{}, []string{"Authenticate: required", "Grants: at least one"}},
		{"a client check alone", tokenendpoint.Config{Authenticate: check}, []string{"Grants: at least one"}},
		{"grants alone", tokenendpoint.Config{Grants: good}, []string{"Authenticate: required"}},
		{"an empty list of methods", tokenendpoint.Config{Grants: good, Authenticate: check, Methods: []tokenendpoint.ClientMethod{}}, []string{"Methods: at least one"}},
		{"bad methods", tokenendpoint.Config{Grants: good, Methods: []tokenendpoint.ClientMethod{nil}}, []string{"Methods: at least one, none of them nil"}},
		{"methods without a check", tokenendpoint.Config{Grants: good, Methods: []tokenendpoint.ClientMethod{tokenendpoint.ClientSecretBasic(nil), tokenendpoint.ClientSecretPost(nil)}},
			[]string{"Methods: client_secret_basic: nil", "Methods: client_secret_post: nil"}},
		{"bad grants", tokenendpoint.Config{Authenticate: check, Grants: []tokenendpoint.Grant{nil, good[0], good[0], tokenendpoint.ClientCredentials(nil), unnamed{}}},
			[]string{"grant 1 is nil", "grant 3 has the type", "grant 4 has the type", "grant 5 has the type"}},
		{"a nil builder", tokenendpoint.Config{Authenticate: check, Grants: []tokenendpoint.Grant{tokenendpoint.ClientCredentials(nil)}}, []string{"client_credentials: nil Builder"}},
		{"bad scopes", tokenendpoint.Config{Authenticate: check, Grants: good, Scopes: map[string]string{"": "", "a": "", `"`: "", "é": "", "a b": ""}},
			[]string{`"" is not a scope`, `"\"" is not a scope`, `"é" is not a scope`, `"a b" is not a scope`}},
	} {
		t.Run(row.name, func(t *testing.T) {
			endpoint, err := tokenendpoint.New(row.config)
			if endpoint != nil || err == nil {
				t.Fatalf("%v %v", endpoint, err)
			}
			lines := strings.Split(err.Error(), "\n")
			if len(lines) != len(row.want) {
				t.Errorf("%d faults, want %d:\n%v", len(lines), len(row.want), err)
			}
			for _, line := range lines {
				if !strings.HasPrefix(line, "tokenendpoint: Config.") || !slices.ContainsFunc(row.want, func(w string) bool { return strings.Contains(line, w) }) {
					t.Errorf("unexpected: %s", line)
				}
			}
		})
	}
}

type unnamed struct{}

func (unnamed) Type() string { return "" }
func (unnamed) Token(context.Context, *tokenendpoint.Request) (*tokenendpoint.Response, error) {
	return nil, nil
}

func TestNewClonesItsConfiguration(t *testing.T) {
	config := tokenendpoint.Config{
		Methods: []tokenendpoint.ClientMethod{tokenendpoint.ClientSecretPost(new(trace).authenticate)},
		Grants:  []tokenendpoint.Grant{tokenendpoint.ClientCredentials(build)},
		URL:     "https://api.example/oauth2/token", Scopes: map[string]string{"read": "Read."},
	}
	endpoint := newEndpoint(t, config)
	config.Methods[0], config.Grants[0] = nil, nil
	maps.Copy(config.Scopes, map[string]string{"admin": "All."})
	endpoint.Flows()[0].Scopes["admin"] = "All."
	want := []authstar.Flow{{Type: "clientCredentials", TokenURL: "https://api.example/oauth2/token", Scopes: map[string]string{"read": "Read."}}}
	if got := endpoint.Flows(); !reflect.DeepEqual(got, want) {
		t.Errorf("flows: %+v, want %+v", got, want)
	}
	if a := post(t, endpoint, asForm); a.status != 200 {
		t.Errorf("%d %s", a.status, a.text)
	}
	if a := post(t, endpoint, ask, svc...); a.status != 401 {
		t.Errorf("a method that is not in the list: %d %s", a.status, a.text)
	}
	if flows := newEndpoint(t, tokenendpoint.Config{}).Flows(); len(flows) > 0 {
		t.Errorf("flows without a URL: %v", flows)
	}
}

func TestRealm(t *testing.T) {
	for realm, want := range map[string]string{"": `Basic realm="token", charset="UTF-8"`, `a"b`: `Basic realm="a\"b", charset="UTF-8"`} {
		if got := post(t, newEndpoint(t, tokenendpoint.Config{Realm: realm}), ask).header.Get("WWW-Authenticate"); got != want {
			t.Errorf("the realm %q: %s, want %s", realm, got, want)
		}
	}
}

func TestObserverIsToldBeforeTheAnswer(t *testing.T) {
	var seen []authstar.Code
	endpoint := newEndpoint(t, tokenendpoint.Config{Observe: func(_ context.Context, err *authstar.Error) { seen = append(seen, err.Code) }})
	post(t, endpoint, asForm)
	post(t, endpoint, ask)
	serve(t, endpoint, newRequest("GET", "/", ""))
	post(t, endpoint, asForm+"&scope=admin")
	if want := []authstar.Code{authstar.InvalidClient, authstar.InvalidRequest, tokenendpoint.InvalidScope}; !slices.Equal(seen, want) {
		t.Errorf("observed %q, want %q", seen, want)
	}
}

// The log has the status that is on the wire, and the cause.
func TestObserverIsToldTheStatus(t *testing.T) {
	cause := errors.New("the cause")
	states := func(code authstar.Code) *authstar.Error { return &authstar.Error{Code: code, Err: cause} }
	for _, row := range []struct {
		name   string
		err    error
		status int
		code   authstar.Code
	}{
		{"an error of the RFC", states(tokenendpoint.InvalidGrant), 400, tokenendpoint.InvalidGrant},
		{"a denial, which is 403 elsewhere", states(authstar.AccessDenied), 400, authstar.AccessDenied},
		{"a wrong client", states(authstar.InvalidClient), 401, authstar.InvalidClient},
		{"an outage", states(authstar.TemporarilyUnavailable), 503, authstar.TemporarilyUnavailable},
		{"a plain error", cause, 500, authstar.ServerError},
		{"a code that no token endpoint answers", states(authstar.InsufficientScope), 500, authstar.InsufficientScope},
		{"a status that nobody writes", &authstar.Error{Code: tokenendpoint.InvalidGrant, StatusCode: 418, Err: cause}, 400, tokenendpoint.InvalidGrant},
		{"a request that is too long", &authstar.Error{Code: authstar.InvalidRequest, StatusCode: 413, Err: cause}, 413, authstar.InvalidRequest},
	} {
		t.Run(row.name, func(t *testing.T) {
			var seen *authstar.Error
			endpoint := newEndpoint(t, tokenendpoint.Config{
				Observe: func(_ context.Context, err *authstar.Error) { seen = err },
				Grants: []tokenendpoint.Grant{tokenendpoint.ClientCredentials(func(context.Context, *tokenendpoint.Request) (*tokenendpoint.Response, error) {
					return nil, row.err
				})},
			})
			var before authstar.Error
			stated, _ := row.err.(*authstar.Error)
			if stated != nil {
				before = *stated
			}
			a := post(t, endpoint, asForm)
			if a.status != row.status || seen == nil || seen.Status() != row.status || seen.Code != row.code || !errors.Is(seen, cause) {
				t.Errorf("%d %s, observed %+v", a.status, a.text, seen)
			}
			if stated != nil && !reflect.DeepEqual(*stated, before) {
				t.Errorf("the error of the grant became %+v", stated)
			}
		})
	}
	seen := 0
	endpoint := newEndpoint(t, tokenendpoint.Config{Observe: func(_ context.Context, err *authstar.Error) { seen = err.Status() }})
	if serve(t, endpoint, newRequest("GET", "/", "")); seen != 405 {
		t.Errorf("a GET: observed %d", seen)
	}
}
