package main

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"html"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"
)

// visitor is a browser without a screen, at a server whose clock stands still.
type visitor struct {
	t       *testing.T
	handler http.Handler
	cookies map[string]string
}

const testSite = "http://127.0.0.1:8083"

func (v *visitor) do(method, target string, form url.Values, header http.Header) *httptest.ResponseRecorder {
	v.t.Helper()
	r := httptest.NewRequest(method, target, strings.NewReader(form.Encode()))
	for name, values := range header {
		r.Header[name] = values
	}
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for name, value := range v.cookies {
		r.AddCookie(&http.Cookie{Name: name, Value: value})
	}
	w := httptest.NewRecorder()
	v.handler.ServeHTTP(w, r)
	for _, c := range w.Result().Cookies() {
		v.cookies[c.Name] = c.Value
	}
	return w
}

var hidden = regexp.MustCompile(`<input type="hidden" name="([^"]*)" value="([^"]*)">`)

// logIn gets a token, and reports whether the password was asked for.
func (v *visitor) logIn(demands ...string) (token string, asked bool) {
	v.t.Helper()
	verifier := strings.Repeat("v", 43)
	sum := sha256.Sum256([]byte(verifier))
	query := url.Values{
		"response_type": {"code"}, "client_id": {"page"}, "redirect_uri": {testSite + "/callback"}, "state": {"s"},
		"code_challenge": {base64.RawURLEncoding.EncodeToString(sum[:])}, "code_challenge_method": {"S256"}, "scope": {"offline_access"},
	}
	for i := 0; i < len(demands); i += 2 {
		query.Set(demands[i], demands[i+1])
	}
	w := v.do("GET", testSite+"/authorize?"+query.Encode(), nil, nil)
	if w.Code == http.StatusOK {
		asked = true
		form := url.Values{"username": {"alice"}, "password": {"wonderland"}, "stay_signed_in": {"1"}}
		for _, field := range hidden.FindAllStringSubmatch(w.Body.String(), -1) {
			form.Set(field[1], html.UnescapeString(field[2]))
		}
		w = v.do("POST", testSite+"/authorize", form, nil)
	}
	back, err := url.Parse(w.Header().Get("Location"))
	if err != nil || back.Query().Get("code") == "" {
		v.t.Fatalf("%d %v %s", w.Code, w.Header(), w.Body)
	}
	w = v.do("POST", testSite+"/oauth2/token", url.Values{
		"grant_type": {"authorization_code"}, "client_id": {"page"}, "code": {back.Query().Get("code")},
		"redirect_uri": {testSite + "/callback"}, "code_verifier": {verifier},
	}, nil)
	var answer struct {
		Token string `json:"access_token"`
	}
	if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil || answer.Token == "" {
		v.t.Fatalf("%d %s", w.Code, w.Body)
	}
	return answer.Token, asked
}

func (v *visitor) remove(token string) *httptest.ResponseRecorder {
	v.t.Helper()
	return v.do("DELETE", testSite+"/api/everything", nil, http.Header{"Authorization": {"Bearer " + token}})
}

// RFC 9470: the challenge of the API is what the authorization server answers to.
func TestStepUpLoop(t *testing.T) {
	now := time.Unix(1_800_000_000, 900_000_000)
	site, _, err := newServers(settings{
		origin: testSite, second: "http://127.0.0.1:8084", lifetime: time.Minute, maxAge: 5 * time.Second,
		now: func() time.Time { return now },
	})
	if err != nil {
		t.Fatal(err)
	}
	v := &visitor{t, site, make(map[string]string)}
	first, asked := v.logIn()
	if w := v.remove(first); w.Code != 200 || !asked {
		t.Fatalf("just after the login: %d %s", w.Code, w.Body)
	}
	now = now.Add(5900 * time.Millisecond)
	challenge := v.remove(first).Header().Get("WWW-Authenticate")
	if !strings.Contains(challenge, `error="insufficient_user_authentication"`) || !strings.Contains(challenge, `max_age="5"`) {
		t.Fatalf("six seconds later: %s", challenge)
	}
	if w := v.do("GET", testSite+"/api/me", nil, http.Header{"Authorization": {"Bearer " + first}}); w.Code != 200 {
		t.Errorf("the token is no longer good for other things: %d", w.Code)
	}
	silent, asked := v.logIn()
	if w := v.remove(silent); w.Code != 401 || asked {
		t.Errorf("a new token of the same login: %d, asked: %v", w.Code, asked)
	}
	again, asked := v.logIn("max_age", "5")
	if w := v.remove(again); w.Code != 200 || !asked {
		t.Errorf("a token of a new login: %d, asked: %v", w.Code, asked)
	}
}

// The guard and the authorization server agree on how old a login is: where one
// refuses it, the other asks for a new one.
func TestStepUpAgrees(t *testing.T) {
	login := time.Unix(1_800_000_000, 900_000_000)
	now := login
	site, _, err := newServers(settings{
		origin: testSite, second: "http://127.0.0.1:8084", lifetime: time.Minute, maxAge: 5 * time.Second,
		now: func() time.Time { return now },
	})
	if err != nil {
		t.Fatal(err)
	}
	for after := 4 * time.Second; after <= 7*time.Second; after += 100 * time.Millisecond {
		now = login
		v := &visitor{t, site, make(map[string]string)}
		token, _ := v.logIn()
		now = login.Add(after)
		refused := v.remove(token).Code == 401
		if _, asked := v.logIn("max_age", "5"); asked != refused {
			t.Errorf("after %v: refused %v, asked %v", after, refused, asked)
		}
	}
}
