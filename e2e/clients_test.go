package e2e

import (
	"encoding/json"
	"errors"
	"net/url"
	"slices"
	"strings"
	"testing"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"
)

var styles = map[string]oauth2.AuthStyle{
	"header": oauth2.AuthStyleInHeader,
	"params": oauth2.AuthStyleInParams,
	"detect": oauth2.AuthStyleAutoDetect,
}

// TK-01, TK-04, TK-05, TK-08: x/oauth2 gets a token in each of its styles and
// calls a guarded route with it.
func TestOAuth2(t *testing.T) {
	i := newIssuer(t, "ES256")
	config := func(id, secret string, style oauth2.AuthStyle) *clientcredentials.Config {
		return &clientcredentials.Config{ClientID: id, ClientSecret: secret, TokenURL: i.tokenURL(), AuthStyle: style, Scopes: []string{"write"}}
	}
	for name, style := range styles {
		for id, secret := range secrets {
			t.Run(name+"/"+id, func(t *testing.T) {
				client := config(id, secret, style).Client(t.Context())
				for path, want := range map[string]int{"/write": 200, "/admin": 403} {
					res, err := client.Get(i.url + path)
					if err != nil {
						t.Fatal(err)
					}
					res.Body.Close()
					if res.StatusCode != want || want == 200 && res.Header.Get("X-Client") != id {
						t.Errorf("%s: status is %d, client %q", path, res.StatusCode, res.Header.Get("X-Client"))
					}
				}
			})
		}
		t.Run(name+"/a wrong secret", func(t *testing.T) {
			_, err := config("demo", secrets["demo"]+"x", style).Token(t.Context())
			var refused *oauth2.RetrieveError
			if !errors.As(err, &refused) || refused.ErrorCode != "invalid_client" || refused.Response.StatusCode != 401 {
				t.Errorf("error is %v", err)
			}
		})
		t.Run(name+"/TK-13 a scope that the client may not have", func(t *testing.T) {
			c := config("demo", secrets["demo"], style)
			c.Scopes = []string{"admin"}
			_, err := c.Token(t.Context())
			var refused *oauth2.RetrieveError
			if !errors.As(err, &refused) || refused.ErrorCode != "invalid_scope" {
				t.Errorf("error is %v", err)
			}
		})
	}
}

// TK-01, TK-04, TK-05, TK-08: so does oauth4webapi.
func TestOAuth4WebAPI(t *testing.T) {
	i := newIssuer(t, "ES256")
	client := node(t, "client.mjs")
	type reply struct {
		Error, Scope, Challenge string
		Status                  int
		TokenType               string `json:"token_type"`
		Body                    struct {
			ID string `json:"client_id"`
		}
	}
	for _, method := range []string{"client_secret_basic", "client_secret_post"} {
		ask := func(id, secret string) (r reply) {
			client.ask(t, map[string]string{
				"issuer": i.url, "token_endpoint": i.tokenURL(), "client_id": id, "client_secret": secret,
				"method": method, "scope": "read", "resource": i.url + "/me",
			}, &r)
			return r
		}
		for id, secret := range secrets {
			t.Run(method+"/"+id, func(t *testing.T) {
				if r := ask(id, secret); r.Status != 200 || r.Body.ID != id || r.Scope != "read" || r.TokenType != "bearer" {
					t.Errorf("%+v", r)
				}
			})
		}
		t.Run(method+"/a wrong secret", func(t *testing.T) {
			r := ask("demo", "demo-secretx")
			if r.Status != 401 || r.Challenge != "basic" {
				t.Errorf("%+v", r)
			}
		})
	}
}

// TK-06, TK-07, TK-08, TK-09: curl spells Basic as RFC 7617 does, without form
// encoding; people who read RFC 6749 encode by hand.
func TestCurlTokens(t *testing.T) {
	curl := program(t, "curl")
	i := newIssuer(t, "ES256")
	encode := url.QueryEscape
	type row struct {
		name   string
		args   []string
		status int
		answer string // the client, or the error
	}
	tests := []row{
		{"TK-06 no secret", []string{"-d", "client_id=demo"}, 401, "invalid_client"},
		{"TK-07 both ways", []string{"-u", "demo:demo-secret", "-d", "client_secret=demo-secret"}, 400, "invalid_request"},
		{"TK-04 a wrong secret by Basic", []string{"-u", "demo:demo-secre"}, 401, "invalid_client"},
		{"TK-05 a wrong secret in the form", []string{"-d", "client_id=demo&client_secret=demo-secre"}, 401, "invalid_client"},
		{"TK-09 credentials in the query", []string{"--url-query", "client_id=demo&client_secret=demo-secret"}, 401, "invalid_client"},
		{"TK-08 a plus is not a space", []string{"-u", "söme id:pä:ss w%C3%B6rd é"}, 401, "invalid_client"},
	}
	for id, secret := range secrets {
		if !strings.Contains(id, ":") {
			tests = append(tests, row{"TK-08 raw: " + id, []string{"-u", id + ":" + secret}, 200, id})
		}
		tests = append(tests,
			row{"TK-08 encoded: " + id, []string{"-u", encode(id) + ":" + encode(secret)}, 200, id},
			row{"TK-08 in the form: " + id, []string{"--data-urlencode", "client_id=" + id, "--data-urlencode", "client_secret=" + secret}, 200, id})
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			res, body := runCurl(t, curl, i.tokenURL(), append([]string{"-d", "grant_type=client_credentials"}, test.args...)...)
			var answer struct {
				Token string `json:"access_token"`
				Error string
			}
			if err := json.Unmarshal([]byte(body), &answer); err != nil {
				t.Fatalf("%v: %s", err, body)
			}
			if res.StatusCode != test.status || res.Header.Get("Cache-Control") != "no-store" {
				t.Fatalf("status is %d, want %d; %s", res.StatusCode, test.status, res.Header)
			}
			if test.status != 200 {
				challenged := slices.Equal(res.Header["Www-Authenticate"], []string{`Basic realm="token", charset="UTF-8"`})
				if answer.Error != test.answer || challenged != (test.status == 401) {
					t.Errorf("error is %q, challenges are %q", answer.Error, res.Header["Www-Authenticate"])
				}
				return
			}
			res, _ = runCurl(t, curl, i.url+"/me", "--oauth2-bearer", answer.Token)
			if res.StatusCode != 200 || res.Header.Get("X-Client") != test.answer {
				t.Errorf("the token is worth %d to %q", res.StatusCode, res.Header.Get("X-Client"))
			}
		})
	}
}
