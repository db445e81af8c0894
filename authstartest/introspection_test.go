package authstartest_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/authstar/authstar"
	"github.com/authstar/authstar/authenticators"
	"github.com/authstar/authstar/authstartest"
)

// post sends a form, with HTTP Basic unless id is "".
func post(t *testing.T, endpoint, id, secret string, form url.Values) (int, map[string]any) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), "POST", endpoint, strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if id != "" {
		r.SetBasicAuth(id, secret)
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	var answer map[string]any
	if err := json.NewDecoder(res.Body).Decode(&answer); err != nil {
		t.Fatal(err)
	}
	if res.StatusCode == 401 && res.Header.Get("WWW-Authenticate") == "" {
		t.Error("a 401 without a challenge")
	}
	return res.StatusCode, answer
}

func TestIntrospectionAnswers(t *testing.T) {
	iss := authstartest.NewIssuer(t)
	active := func(token string) bool {
		t.Helper()
		status, answer := post(t, iss.IntrospectionURL(), authstartest.ClientID, authstartest.ClientSecret, url.Values{"token": {token}})
		if active, ok := answer["active"].(bool); !ok || status != 200 || !active && len(answer) > 1 || active && answer["sub"] != "alice" {
			t.Errorf("answer: %d %v", status, answer)
		}
		return answer["active"] == true
	}
	opaque, jwt := iss.OpaqueToken(nil), iss.Token(nil)
	early := iss.OpaqueToken(map[string]any{"nbf": iss.Now().Add(time.Minute)})
	if strings.Contains(opaque, ".") || !active(opaque) || !active(jwt) || active(early) || active("unknown") || active("") {
		t.Error("not what was expected of fresh tokens")
	}
	iss.Advance(time.Minute)
	iss.Revoke(opaque)
	if active(opaque) || !active(jwt) || !active(early) {
		t.Error("not what was expected after a revocation")
	}
	iss.Advance(time.Hour)
	if active(jwt) || !active(iss.OpaqueToken(map[string]any{"exp": nil})) {
		t.Error("not what was expected after an hour")
	}
	if iss.Introspections() != 10 {
		t.Errorf("%d introspections", iss.Introspections())
	}
}

func TestEndpointsKnowTheirClient(t *testing.T) {
	iss := authstartest.NewIssuer(t)
	const id, secret = authstartest.ClientID, authstartest.ClientSecret
	for _, test := range []struct {
		name, basicID, basicSecret string
		form                       url.Values
		want                       int
	}{
		{"Basic", id, secret, url.Values{}, 200},
		{"Basic that is form-encoded", strings.ReplaceAll(id, "-", "%2D"), secret, url.Values{}, 200},
		{"Basic with another secret", id, "wrong", url.Values{}, 401},
		{"Basic with another name", "wrong", secret, url.Values{}, 401},
		{"the form", "", "", url.Values{"client_id": {id}, "client_secret": {secret}}, 200},
		{"the form with another secret", "", "", url.Values{"client_id": {id}, "client_secret": {"wrong"}}, 401},
		{"nothing", "", "", url.Values{}, 401},
	} {
		for _, endpoint := range []string{iss.IntrospectionURL(), iss.TokenURL()} {
			test.form.Set("token", "x")
			test.form.Set("grant_type", "client_credentials")
			if got, answer := post(t, endpoint, test.basicID, test.basicSecret, test.form); got != test.want {
				t.Errorf("%s at %s: %d %v, want %d", test.name, endpoint, got, answer, test.want)
			}
		}
	}
}

func TestTokenEndpoint(t *testing.T) {
	iss := authstartest.NewIssuer(t)
	ask := func(form url.Values) (int, map[string]any) {
		t.Helper()
		return post(t, iss.TokenURL(), authstartest.ClientID, authstartest.ClientSecret, form)
	}
	if status, answer := ask(url.Values{"grant_type": {"password"}}); status != 400 || answer["error"] != "unsupported_grant_type" {
		t.Errorf("another grant: %d %v", status, answer)
	}
	status, answer := ask(url.Values{"grant_type": {"client_credentials"}, "scope": {"a b"}})
	token, _ := answer["access_token"].(string)
	if status != 200 || answer["token_type"] != "Bearer" || answer["expires_in"] != 3600.0 || answer["scope"] != "a b" {
		t.Errorf("answer: %d %v", status, answer)
	}
	if claims := part(t, token, 1); claims["scope"] != "a b" || claims["sub"] != authstartest.ClientID || claims["aud"] != "api" {
		t.Errorf("claims: %v", claims)
	}
	newAPI(t, iss).serve(t, token, 200)
	_, answer = ask(url.Values{"grant_type": {"client_credentials"}, "resource": {"https://other.example"}})
	if claims := part(t, answer["access_token"].(string), 1); claims["aud"] != "https://other.example" || claims["scope"] != nil {
		t.Errorf("claims: %v", claims)
	}
}

func TestAPIIntrospects(t *testing.T) {
	iss := authstartest.NewIssuer(t)
	a := protect(t, authenticators.NewIntrospection(authenticators.IntrospectionConfig{
		URL: iss.IntrospectionURL(), ClientID: authstartest.ClientID, ClientSecret: authstartest.ClientSecret,
		Issuer: iss.URL(), Audiences: []string{authstartest.Audience}, CacheTTL: time.Minute, Now: iss.Now,
	}))
	token := iss.OpaqueToken(nil)
	wantStatus(t, a, token, 200)
	iss.Down()
	wantStatus(t, a, token, 200)
	wantStatus(t, a, iss.OpaqueToken(nil), 503)
	iss.Up()
	iss.Revoke(token)
	wantStatus(t, a, token, 200)
	iss.Advance(time.Minute)
	wantStatus(t, a, token, 401)
	wantStatus(t, a, iss.OpaqueToken(map[string]any{"aud": "other"}), 401)
}

func TestMisuseFailsTheTest(t *testing.T) {
	for name, misuse := range map[string]func(*authstartest.Issuer){
		"a clock that goes back":    func(i *authstartest.Issuer) { i.Advance(-1) },
		"an unknown algorithm":      func(i *authstartest.Issuer) { i.RotateTo("HS256") },
		"a key that is not there":   func(i *authstartest.Issuer) { i.RemoveKey("key-7") },
		"a negative delay":          func(i *authstartest.Issuer) { i.Delay(-1) },
		"a status that is none":     func(i *authstartest.Issuer) { i.AnswerWith(42, "", "") },
		"a token that is not there": func(i *authstartest.Issuer) { i.Revoke("x") },
		"a claim that is not JSON":  func(i *authstartest.Issuer) { i.Token(map[string]any{"f": func() {}}) },
		"an opaque one as well":     func(i *authstartest.Issuer) { i.OpaqueToken(map[string]any{"f": func() {}}) },
		"a header that is not JSON": func(i *authstartest.Issuer) { i.Sign(map[string]any{"f": func() {}}, nil) },
	} {
		rec := new(recorder)
		iss := authstartest.NewIssuer(rec)
		misuse(iss)
		if len(rec.errors) != 1 || !strings.HasPrefix(rec.errors[0], "authstartest: ") {
			t.Errorf("%s: errors %q", name, rec.errors)
		}
		newAPI(t, iss).serve(t, iss.Token(nil), 200)
		rec.end()
	}
}

func TestConcurrentUse(t *testing.T) {
	iss := authstartest.NewIssuer(t)
	other := authstartest.NewIssuer(t)
	a := newAPI(t, iss)
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for range 5 {
				iss.Rotate()
				iss.PublishUnknownKey()
				iss.Advance(time.Minute)
				iss.ShareClock(other)
				iss.CacheControl("max-age=60")
				iss.Delay(time.Microsecond)
				iss.Revoke(iss.OpaqueToken(nil))
				iss.Up()
				get(a, iss.Token(nil))
				_, _, _ = iss.Fetches(), iss.Discoveries(), iss.Introspections()
				_ = iss.FetchHeader()
				iss.RemoveOldKeys()
			}
		})
	}
	all.Wait()
}

func TestWithClient(t *testing.T) {
	r := httptest.NewRequest("GET", "/", nil)
	with := authstartest.WithClient(r, &authstar.Identity{ID: "alice"})
	if client, ok := authstar.ClientFrom(with.Context()); !ok || client.ClientID() != "alice" {
		t.Errorf("the client is %v", client)
	}
	if _, ok := authstar.ClientFrom(r.Context()); ok {
		t.Error("the request that was given has a client")
	}
	iss := authstartest.NewIssuer(t)
	w := httptest.NewRecorder()
	if newAPI(t, iss).ServeHTTP(w, with); w.Code != 401 {
		t.Errorf("a chain believes it: %d", w.Code)
	}
}
