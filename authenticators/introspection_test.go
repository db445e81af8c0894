package authenticators_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/authstar/authstar"
	"github.com/authstar/authstar/authenticators"
)

// introspectionOf completes the configuration for the provider.
func introspectionOf(p *idp, config authenticators.IntrospectionConfig) *authenticators.Introspection {
	if config.URL == "" {
		config.URL = p.URL + "/introspect"
	}
	config.ClientID, config.ClientSecret = "orders api", "s3cret:+%ä"
	if config.Issuer == "" {
		config.Issuer = jwtIssuerA
	}
	if config.Audiences == nil && !config.InsecureSkipAudience {
		config.Audiences = []string{"api"}
	}
	config.Now = p.time
	return authenticators.NewIntrospection(config)
}

// introspects answers every question with this.
func introspects(status int, contentType, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", contentType)
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

func introspectsJSON(body string) http.HandlerFunc { return introspects(200, "application/json", body) }

// introspectionAnswer is that of a good token of alice.
func introspectionAnswer() jwtObject {
	return jwtObject{{"active", "true"}, {"sub", `"alice"`}, {"client_id", `"app"`}, {"aud", `"api"`}, {"scope", `"read write"`}, {"exp", jwtSeconds(600)}}
}

func TestIntrospectionConfig(t *testing.T) {
	good := authenticators.IntrospectionConfig{URL: "https://a.example/introspect", ClientID: "api", ClientSecret: "secret", Issuer: jwtIssuerA, Audiences: []string{"api"}}
	for _, row := range []struct {
		name   string
		change func(*authenticators.IntrospectionConfig)
		want   string
	}{
		{"what is required", func(*authenticators.IntrospectionConfig) {}, ""},
		{"on loopback", func(c *authenticators.IntrospectionConfig) { c.URL = "http://localhost/introspect" }, ""},
		{"no audience, on purpose", func(c *authenticators.IntrospectionConfig) { c.Audiences, c.InsecureSkipAudience = nil, true }, ""},
		{"no URL", func(c *authenticators.IntrospectionConfig) { c.URL = "" }, "URL"},
		{"http", func(c *authenticators.IntrospectionConfig) { c.URL = "http://a.example/introspect" }, "URL"},
		{"no client", func(c *authenticators.IntrospectionConfig) { c.ClientID = "" }, "ClientID"},
		{"no secret", func(c *authenticators.IntrospectionConfig) { c.ClientSecret = "" }, "ClientSecret"},
		{"no issuer", func(c *authenticators.IntrospectionConfig) { c.Issuer = "" }, "Issuer"},
		{"no audience", func(c *authenticators.IntrospectionConfig) { c.Audiences = nil }, "Audiences"},
		{"an empty audience", func(c *authenticators.IntrospectionConfig) { c.Audiences = []string{"api", ""} }, "Audiences"},
		{"audiences that are not looked at", func(c *authenticators.IntrospectionConfig) { c.InsecureSkipAudience = true }, "Audiences"},
		{"a negative timeout", func(c *authenticators.IntrospectionConfig) { c.Timeout = -1 }, "Timeout"},
		{"a leeway of an hour", func(c *authenticators.IntrospectionConfig) { c.Leeway = time.Hour }, "Leeway"},
		{"answers for a day", func(c *authenticators.IntrospectionConfig) { c.CacheTTL = 24 * time.Hour }, "CacheTTL"},
		{"refusals for an hour", func(c *authenticators.IntrospectionConfig) { c.NegativeTTL = time.Hour }, "NegativeTTL"},
	} {
		t.Run("K01 "+row.name, func(t *testing.T) {
			config := good
			row.change(&config)
			_, err := authstar.New(authenticators.NewBearer(authenticators.NewIntrospection(config)))
			if (err == nil) != (row.want == "") || err != nil && !strings.Contains(err.Error(), row.want) {
				t.Errorf("%v, want %q", err, row.want)
			}
		})
	}
	withPassword := good
	withPassword.URL = "https://api:pa55@a.example/introspect"
	if err := authenticators.NewIntrospection(withPassword).Validate(); err == nil || strings.Contains(err.Error(), "pa55") || !strings.Contains(err.Error(), "a.example/introspect") {
		t.Errorf("M10 a URL with a password: %v", err)
	}
	err := authenticators.NewIntrospection(authenticators.IntrospectionConfig{Timeout: -1}).Validate()
	for _, name := range []string{"URL", "ClientID", "Issuer", "Audiences", "Timeout"} {
		if err == nil || !strings.Contains(err.Error(), "IntrospectionConfig."+name) {
			t.Errorf("K01 %s is not named: %v", name, err)
		}
	}
}

// What the endpoint sees: the token, this API's credentials in one place, and
// nothing of the request or of another answer (K22).
func TestIntrospectionRequest(t *testing.T) {
	for name, inForm := range map[string]bool{"Basic, form-encoded": false, "the form": true} {
		t.Run(name, func(t *testing.T) {
			p := newIDP(t)
			var header http.Header
			var form url.Values
			p.serve(func(w http.ResponseWriter, r *http.Request) {
				_ = r.ParseForm()
				header, form = r.Header, r.PostForm
				http.SetCookie(w, &http.Cookie{Name: "sid", Value: "1"})
				introspectsJSON(introspectionAnswer().String())(w, r)
			})
			jar, err := cookiejar.New(nil)
			if err != nil {
				t.Fatal(err)
			}
			i := introspectionOf(p, authenticators.IntrospectionConfig{SecretInForm: inForm, CacheSize: -1, HTTPClient: &http.Client{Jar: jar}})
			for range 2 {
				if _, err := i.VerifyToken(t.Context(), "opaque+/="); err != nil {
					t.Fatal(err)
				}
			}
			if p.requests() != 2 {
				t.Errorf("%d questions, want one for each request", p.requests())
			}
			want := url.Values{"token": {"opaque+/="}, "token_type_hint": {"access_token"}}
			basic := "Basic " + encodeBasic("orders+api:s3cret%3A%2B%25%C3%A4")
			if inForm {
				want["client_id"], want["client_secret"], basic = []string{"orders api"}, []string{"s3cret:+%ä"}, ""
			}
			if form.Encode() != want.Encode() || header.Get("Authorization") != basic || header.Get("Cookie") != "" {
				t.Errorf("form %v, Authorization %q, Cookie %q", form, header.Get("Authorization"), header.Get("Cookie"))
			}
		})
	}
}

func TestIntrospectionAnswers(t *testing.T) {
	answer := introspectionAnswer
	json := func(o jwtObject) http.HandlerFunc { return introspectsJSON(o.String()) }
	for _, row := range []struct {
		name   string
		answer http.HandlerFunc
		config authenticators.IntrospectionConfig
		status int
	}{
		{"active", json(answer()), authenticators.IntrospectionConfig{}, 200},
		{"active, with a charset", introspects(200, "application/json;charset=UTF-8", answer().String()), authenticators.IntrospectionConfig{}, 200},
		{"active, without exp", json(answer().without("exp")), authenticators.IntrospectionConfig{}, 200},
		{"active, of our issuer", json(answer().also("iss", `"https://a.example"`)), authenticators.IntrospectionConfig{}, 200},
		{"active, for several", json(answer().with("aud", `["other","api"]`)), authenticators.IntrospectionConfig{}, 200},
		{"active, without aud where that is allowed", json(answer().without("aud")), authenticators.IntrospectionConfig{InsecureSkipAudience: true}, 200},
		{"active, a bearer token", json(answer().also("token_type", `"bearer"`)), authenticators.IntrospectionConfig{}, 200},
		{"active, an access token", json(answer().also("token_type", `"access_token"`)), authenticators.IntrospectionConfig{}, 200},
		{"active, with white space around", introspectsJSON(" \r\n\t" + answer().String() + "\n "), authenticators.IntrospectionConfig{}, 200},
		{"active, with a token type of null", json(answer().also("token_type", "null")), authenticators.IntrospectionConfig{}, 200},
		{"J22 a refresh token", json(answer().also("token_type", `"refresh_token"`)), authenticators.IntrospectionConfig{}, 401},
		{"J22 a token that needs a proof", json(answer().also("token_type", `"DPoP"`)), authenticators.IntrospectionConfig{}, 401},
		{"a token type that is no string", json(answer().also("token_type", "1")), authenticators.IntrospectionConfig{}, 401},
		{"other space around", introspectsJSON("\u00a0" + answer().String()), authenticators.IntrospectionConfig{}, 503},
		{"inactive", introspectsJSON(`{"active":false}`), authenticators.IntrospectionConfig{}, 401},
		{"inactive, with more", json(answer().with("active", "false")), authenticators.IntrospectionConfig{}, 401},
		{"of another issuer", json(answer().also("iss", `"https://a.example/"`)), authenticators.IntrospectionConfig{}, 401},
		{"for another audience", json(answer().with("aud", `"other"`)), authenticators.IntrospectionConfig{}, 401},
		{"without aud", json(answer().without("aud")), authenticators.IntrospectionConfig{}, 401},
		{"without sub and client_id", json(answer().without("sub").without("client_id")), authenticators.IntrospectionConfig{}, 401},
		{"J12 a user without sub", json(answer().without("sub").also("username", `"alice"`)), authenticators.IntrospectionConfig{}, 401},
		{"J12 a user without sub, whose name is no string", json(answer().without("sub").also("username", "1")), authenticators.IntrospectionConfig{}, 401},
		{"a subject with a line break", json(answer().with("sub", `"a\nb"`)), authenticators.IntrospectionConfig{}, 401},
		{"J22 RS-21 bound to a key", json(answer().also("cnf", `{"jkt":"x"}`)), authenticators.IntrospectionConfig{}, 401},
		{"M04 expired", json(answer().with("exp", jwtSeconds(0))), authenticators.IntrospectionConfig{}, 401},
		{"M04 expired within the leeway", json(answer().with("exp", jwtSeconds(0))), authenticators.IntrospectionConfig{Leeway: time.Second}, 200},
		{"not valid yet", json(answer().also("nbf", jwtSeconds(1))), authenticators.IntrospectionConfig{}, 401},
		{"active as a string", json(answer().with("active", `"true"`)), authenticators.IntrospectionConfig{}, 503},
		{"active as a number", json(answer().with("active", "1")), authenticators.IntrospectionConfig{}, 503},
		{"no active", json(answer().without("active")), authenticators.IntrospectionConfig{}, 503},
		{"Active", json(answer().without("active").also("Active", "true")), authenticators.IntrospectionConfig{}, 503},
		{"active twice", json(answer().also("active", "false")), authenticators.IntrospectionConfig{}, 503},
		{"sub twice", json(answer().also("sub", `"mallory"`)), authenticators.IntrospectionConfig{}, 503},
		{"exp as a string", json(answer().with("exp", `"never"`)), authenticators.IntrospectionConfig{}, 503},
		{"null", introspectsJSON(`null`), authenticators.IntrospectionConfig{}, 503},
		{"an empty object", introspectsJSON(`{}`), authenticators.IntrospectionConfig{}, 503},
		{"nothing", introspectsJSON(``), authenticators.IntrospectionConfig{}, 503},
		{"cut off", introspectsJSON(`{"active":true`), authenticators.IntrospectionConfig{}, 503},
		{"something behind it", introspectsJSON(answer().String() + "{}"), authenticators.IntrospectionConfig{}, 503},
		{"more than 64 KiB", introspectsJSON(answer().also("x", `"`+strings.Repeat("x", 64<<10)+`"`).String()), authenticators.IntrospectionConfig{}, 503},
		{"HTML", introspects(200, "text/html", answer().String()), authenticators.IntrospectionConfig{}, 503},
		{"a signed answer", introspects(200, "application/token-introspection+jwt", "e30.e30.e30"), authenticators.IntrospectionConfig{}, 503},
		{"another status of success", introspects(201, "application/json", answer().String()), authenticators.IntrospectionConfig{}, 503},
		{"RS-23 our credentials are refused", introspects(401, "application/json", `{"error":"invalid_client"}`), authenticators.IntrospectionConfig{}, 503},
		{"C11 a token that the server does not introspect", introspects(400, "application/json", `{"error":"unsupported_token_type"}`), authenticators.IntrospectionConfig{}, 401},
		{"RS-23 401 in the words of a token that the server does not introspect", introspects(401, "application/json", `{"error":"unsupported_token_type"}`), authenticators.IntrospectionConfig{}, 503},
		{"RS-23 500 in these words", introspects(500, "application/json", `{"error":"unsupported_token_type"}`), authenticators.IntrospectionConfig{}, 503},
		{"RS-23 another 400", introspects(400, "application/json", `{"error":"invalid_request"}`), authenticators.IntrospectionConfig{}, 503},
		{"RS-23 403", introspects(403, "application/json", `{"active":false}`), authenticators.IntrospectionConfig{}, 503},
		{"RS-23 500", introspects(500, "application/json", answer().String()), authenticators.IntrospectionConfig{}, 503},
		{"K04 a redirect", http.RedirectHandler("/elsewhere", http.StatusTemporaryRedirect).ServeHTTP, authenticators.IntrospectionConfig{}, 503},
		{"a connection that is cut", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, authenticators.IntrospectionConfig{}, 503},
	} {
		t.Run(row.name, func(t *testing.T) {
			p := newIDP(t)
			p.serve(row.answer)
			api := newIDPAPI(t, introspectionOf(p, row.config))
			api.wants(t, "first", "opaque", row.status)
			api.wants(t, "again", "opaque", row.status)
			want := 1
			if row.status == 503 {
				want = 2 // an outage is not remembered
			}
			if p.requests() != want {
				t.Errorf("M07 %d questions, want %d", p.requests(), want)
			}
		})
	}
}

func TestIntrospectionClient(t *testing.T) {
	for _, row := range []struct {
		name   string
		answer jwtObject
		config authenticators.IntrospectionConfig
		id     string
		scopes []string
	}{
		{"sub", introspectionAnswer(), authenticators.IntrospectionConfig{}, "alice", []string{"read", "write"}},
		{"client_id where there is no sub", introspectionAnswer().without("sub"), authenticators.IntrospectionConfig{}, "app", []string{"read", "write"}},
		{"J12 sub of a user with a name", introspectionAnswer().also("username", `"al"`), authenticators.IntrospectionConfig{}, "alice", []string{"read", "write"}},
		{"J12 client_id where username is null", introspectionAnswer().without("sub").also("username", "null"), authenticators.IntrospectionConfig{}, "app", []string{"read", "write"}},
		{"J12 client_id where username is empty", introspectionAnswer().without("sub").also("username", `""`), authenticators.IntrospectionConfig{}, "app", []string{"read", "write"}},
		{"no scope", introspectionAnswer().without("scope"), authenticators.IntrospectionConfig{}, "alice", nil},
		{"a scope with a quote", introspectionAnswer().with("scope", `"read a\"b"`), authenticators.IntrospectionConfig{}, "alice", nil},
		{"scopes elsewhere", introspectionAnswer().also("realm_access", `{"roles":["admin"]}`), authenticators.IntrospectionConfig{ScopeClaims: []string{"realm_access.roles"}}, "alice", []string{"admin"}},
		{"a client of the application", introspectionAnswer(), authenticators.IntrospectionConfig{Client: introspectionTenant}, "alice@app", []string{"read", "write"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			p := newIDP(t)
			p.serve(introspectsJSON(row.answer.String()))
			i := introspectionOf(p, row.config)
			for range 3 { // M11: asked, and remembered
				client, err := i.VerifyToken(t.Context(), "opaque")
				if err != nil {
					t.Fatal(err)
				}
				id := client.(*authstar.Identity)
				if id.ID != row.id || !slices.Equal(id.Scope, row.scopes) || id.Issuer != jwtIssuerA {
					t.Fatalf("%+v of %q with %q", id, id.Issuer, id.Scope)
				}
				id.ID = "mallory"
				for n := range id.Scope {
					id.Scope[n] = "admin"
				}
			}
		})
	}
}

// introspectionTenant does to its Token what it should not (M11).
func introspectionTenant(_ context.Context, t *authenticators.Token) (authstar.Client, error) {
	id := &authstar.Identity{ID: t.Subject + "@" + t.ClientID, Issuer: t.Issuer, Scope: slices.Clone(t.Scopes)}
	t.Subject, t.Scopes[0] = "mallory", "admin"
	return id, nil
}

// M12: a transport of the application that panics is an outage.
func TestIntrospectionTransportPanics(t *testing.T) {
	p := newIDP(t)
	i := introspectionOf(p, authenticators.IntrospectionConfig{HTTPClient: &http.Client{Transport: introspectionPanic{}}})
	for range 2 {
		if client, err := i.VerifyToken(t.Context(), "opaque"); !errors.Is(err, authstar.TemporarilyUnavailable) || strings.Contains(err.Error(), "secret") {
			t.Errorf("M12 %v, %v", client, err)
		}
	}
}

type introspectionPanic struct{}

func (introspectionPanic) RoundTrip(*http.Request) (*http.Response, error) { panic("secret") }

// M10: neither the configuration nor what is made of it shows the secret, nor one in
// a URL that is refused.
func TestIntrospectionShowsNoSecret(t *testing.T) {
	for name, url := range map[string]string{"a URL": "https://a.example/introspect", "a URL with a password": "https://api:s3cret@a.example/introspect"} {
		t.Run("M10 "+name, func(t *testing.T) { introspectionShowsNoSecret(t, url) })
	}
}

func introspectionShowsNoSecret(t *testing.T, url string) {
	config := authenticators.IntrospectionConfig{URL: url, ClientID: "api", ClientSecret: "s3cret-of-the-api"}
	var log bytes.Buffer
	for _, v := range []any{config, &config, authenticators.NewIntrospection(config), authenticators.NewBearer(authenticators.NewIntrospection(config))} {
		fmt.Fprintf(&log, "%v %+v %#v %s\n", v, v, v, v)
		slog.New(slog.NewTextHandler(&log, nil)).Info("made", "of", v)
		slog.New(slog.NewJSONHandler(&log, nil)).Info("made", "of", v)
	}
	if strings.Contains(log.String(), "s3cret") || !strings.Contains(log.String(), "a.example/introspect") {
		t.Errorf("M10 %s", log.String())
	}
}
