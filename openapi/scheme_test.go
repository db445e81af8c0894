package openapi_test

import (
	"encoding/json"
	"net/http"
	"testing"

	"github.com/authstar/authstar"
	"github.com/authstar/authstar/openapi"
	"github.com/authstar/authstar/security"
)

func TestSchemes(t *testing.T) {
	custom := func(s authstar.Scheme) authstar.Authenticator {
		return authstar.AuthenticatorFunc(s, func(*http.Request) (authstar.Client, error) { return nil, authstar.ErrNoCredentials })
	}
	scopes := map[string]string{"a": "read <it>"}
	code := openapi.OAuth2AuthorizationCode("https://id.example/authorize", "https://id.example/token", scopes)
	inPlace := code
	inPlace.ID = "bearer"
	described := openapi.HTTPBearer("JWT")
	described.Description = "of our provider"
	cert := custom(authstar.Scheme{ID: "cert", Type: authstar.TypeMutualTLS})
	for _, test := range []struct {
		name     string
		version  string
		chain    []authstar.Authenticator
		extra    []authstar.Scheme
		security string
		schemes  string
	}{
		{"every kind", "3.1.0", []authstar.Authenticator{bearer().Cookie("token"), basic(), bearer().InsecureQuery(), cert, bearer().Subprotocol("x")}, nil,
			`[{"token":["a"]},{"basic":["a"]},{"access_token":["a"]},{"cert":["a"]}]`,
			`{"token":{"type":"apiKey","in":"cookie","name":"token"},"basic":{"type":"http","scheme":"basic"},"access_token":{"type":"apiKey","in":"query","name":"access_token"},"cert":{"type":"mutualTLS"}}`},
		{"mutualTLS is new in 3.1", "3.0.3", []authstar.Authenticator{cert, basic()}, nil, `[{"basic":[]}]`, `{"basic":{"type":"http","scheme":"basic"}}`},
		{"a flow beside the bearer token", "3.0.3", []authstar.Authenticator{bearer(), basic()}, []authstar.Scheme{code},
			`[{"bearer":[]},{"oauth2-authorizationCode":["a"]},{"basic":[]}]`,
			`{"bearer":{"type":"http","scheme":"bearer"},"oauth2-authorizationCode":{"type":"oauth2","flows":{"authorizationCode":{"authorizationUrl":"https://id.example/authorize","tokenUrl":"https://id.example/token","scopes":{"a":"read \u003cit\u003e"}}}},"basic":{"type":"http","scheme":"basic"}}`},
		{"a flow in its place", "3.0.3", []authstar.Authenticator{bearer()}, []authstar.Scheme{inPlace},
			`[{"bearer":["a"]}]`,
			`{"bearer":{"type":"oauth2","flows":{"authorizationCode":{"authorizationUrl":"https://id.example/authorize","tokenUrl":"https://id.example/token","scopes":{"a":"read \u003cit\u003e"}}}}}`},
		{"a better description", "3.0.3", []authstar.Authenticator{bearer()}, []authstar.Scheme{described},
			`[{"bearer":[]}]`, `{"bearer":{"type":"http","scheme":"bearer","bearerFormat":"JWT","description":"of our provider"}}`},
		{"no flow without a bearer token", "3.0.3", []authstar.Authenticator{basic()}, []authstar.Scheme{openapi.OpenIDConnect("https://id.example/.well-known/openid-configuration")},
			`[{"basic":[]}]`, `{"basic":{"type":"http","scheme":"basic"},"openIdConnect":{"type":"openIdConnect","openIdConnectUrl":"https://id.example/.well-known/openid-configuration"}}`},
		{"a key that the chain does not know", "3.0.3", []authstar.Authenticator{basic()}, []authstar.Scheme{openapi.APIKey("X-Other")},
			`[{"basic":[]}]`, `{"basic":{"type":"http","scheme":"basic"},"X-Other":{"type":"apiKey","in":"header","name":"X-Other"}}`},
		{"extra stands for a chain outside", "3.0.3", nil, []authstar.Scheme{openapi.HTTPBearer(""), openapi.HTTPBasic("r")},
			`[{"bearer":[]},{"basic":[]}]`, `{"bearer":{"type":"http","scheme":"bearer"},"basic":{"type":"http","scheme":"basic"}}`},
		{"one scheme for each flow", "3.0.3", []authstar.Authenticator{bearer()},
			openapi.OAuth2("oauth2", authstar.Flow{Type: "clientCredentials", TokenURL: "/t"}, authstar.Flow{Type: "authorizationCode", AuthorizationURL: "/a", TokenURL: "/t", RefreshURL: "/r"}),
			`[{"bearer":[]},{"oauth2-clientCredentials":["a"]},{"oauth2-authorizationCode":["a"]}]`,
			`{"bearer":{"type":"http","scheme":"bearer"},"oauth2-clientCredentials":{"type":"oauth2","flows":{"clientCredentials":{"tokenUrl":"/t","scopes":{}}}},"oauth2-authorizationCode":{"type":"oauth2","flows":{"authorizationCode":{"authorizationUrl":"/a","tokenUrl":"/t","refreshUrl":"/r","scopes":{}}}}}`},
	} {
		t.Run(test.name, func(t *testing.T) {
			root := guardedBy(t, test.chain)
			out := annotate(t, one(test.version, "GET", "/x"), root, test.extra...)
			if got := securityIn(t, out, "GET", "/x"); got != test.security {
				t.Errorf("security\n%s, want\n%s", got, test.security)
			}
			var d struct {
				Components struct{ SecuritySchemes json.RawMessage }
			}
			if err := json.Unmarshal(out, &d); err != nil {
				t.Fatal(err)
			}
			if got := string(d.Components.SecuritySchemes); got != test.schemes {
				t.Errorf("schemes\n%s, want\n%s", got, test.schemes)
			}
		})
	}
}

// A scheme of the document keeps its name and its meaning.
func TestSchemesOfTheDocument(t *testing.T) {
	const token, key = `{"type":"http","scheme":"bearer"}`, `{"type":"apiKey","in":"header","name":"Authorization","description":"my words"}`
	flow := openapi.OAuth2ClientCredentials("/t", nil)
	inPlace := flow
	inPlace.ID = "bearer"
	const described = `{"type":"oauth2","flows":{"clientCredentials":{"tokenUrl":"/t","scopes":{}}}}`
	custom := authstar.AuthenticatorFunc(authstar.Scheme{ID: "Custom", Type: authstar.TypeHTTP}, func(*http.Request) (authstar.Client, error) { return nil, authstar.ErrNoCredentials })
	for _, test := range []struct {
		name     string
		existing string
		chain    authstar.Authenticator
		extra    []authstar.Scheme
		security string
		schemes  string
	}{
		{"one that means the same", `"JWT":` + token, bearer(), nil, `[{"JWT":[]}]`, `"JWT":` + token},
		{"the first of two that mean the same", `"JWT":` + token + `,"Token":` + token, bearer(), nil, `[{"JWT":[]}]`, `"JWT":` + token + `,"Token":` + token},
		{"of those that mean the same, the one with the ID", `"JWT":` + token + `,"bearer":` + token + `,"Token":` + token, bearer(), nil, `[{"bearer":[]}]`, `"JWT":` + token + `,"bearer":` + token + `,"Token":` + token},
		{"one that means something else", `"bearer":` + key, bearer(), nil, `[{"bearer-2":[]}]`, `"bearer":` + key + `,"bearer-2":` + token},
		{"two that mean something else", `"bearer":` + key + `,"bearer-2":` + key, bearer(), nil, `[{"bearer-3":[]}]`, `"bearer":` + key + `,"bearer-2":` + key + `,"bearer-3":` + token},
		{"a reference, whose meaning is not read", `"bearer":{"$ref":"#/x"}`, bearer(), nil, `[{"bearer-2":[]}]`, `"bearer":{"$ref":"#/x"},"bearer-2":` + token},
		{"one whose ID is the name in the challenge", `"Custom":{"type":"http","scheme":"custom","x":1}`, custom, nil, `[{"Custom":[]}]`, `"Custom":{"type":"http","scheme":"custom","x":1}`},
		{"a flow that is out of date", `"oauth2-clientCredentials":{"type":"oauth2","flows":{}}`, bearer(), []authstar.Scheme{flow}, `[{"bearer":[]},{"oauth2-clientCredentials":[]}]`, `"oauth2-clientCredentials":` + described + `,"bearer":` + token},
		{"a flow in the place of the token", `"bearer":` + token, bearer(), []authstar.Scheme{inPlace}, `[{"bearer":[]}]`, `"bearer":` + described},
		{"a flow where the token would be", `"bearer":{"type":"oauth2","flows":{}}`, bearer(), nil, `[{"bearer-2":[]}]`, `"bearer":{"type":"oauth2","flows":{}},"bearer-2":` + token},
		{"a key where the flow would be", `"bearer":` + key, bearer(), []authstar.Scheme{inPlace}, `[{"bearer-2":[]}]`, `"bearer":` + key + `,"bearer-2":` + described},
		{"the token under the ID of the flow", `"oauth2-clientCredentials":` + token, bearer(), []authstar.Scheme{flow}, `[{"oauth2-clientCredentials":[]},{"oauth2-clientCredentials-2":[]}]`, `"oauth2-clientCredentials":` + token + `,"oauth2-clientCredentials-2":` + described},
	} {
		t.Run(test.name, func(t *testing.T) {
			mux := http.NewServeMux()
			mux.Handle("GET /x", security.Authenticated().HandlerFunc(serve))
			root := chain(t, test.chain).Handler(mux)
			doc := annotate(t, []byte(`{"openapi":"3.0.3","paths":{"/x":{"get":{"responses":{"4XX":{}}}}},"components":{"securitySchemes":{`+test.existing+`}}}`), root, test.extra...)
			want := `{"openapi":"3.0.3","paths":{"/x":{"get":{"responses":{"4XX":{}},"security":` + test.security + `}}},"components":{"securitySchemes":{` + test.schemes + `}}}`
			if string(doc) != want {
				t.Errorf("got\n%s\nwant\n%s", doc, want)
			}
			if again := annotate(t, doc, root, test.extra...); string(again) != string(doc) {
				t.Errorf("annotating again changes it to\n%s", again)
			}
		})
	}
}

// guardedBy serves GET /x for the scope a, behind a chain if there are authenticators.
func guardedBy(t *testing.T, list []authstar.Authenticator) http.Handler {
	t.Helper()
	mux := http.NewServeMux()
	mux.Handle("GET /x", security.Scopes("a").HandlerFunc(serve))
	if list == nil {
		return mux
	}
	return chain(t, list...).Handler(mux)
}
