package tokenendpoint_test

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/authstar/authstar"
	"github.com/authstar/authstar/tokenendpoint"
)

const (
	svcSecret   = "s3cret"
	wrongSecret = "wr0ng-secret"
	ask         = "grant_type=client_credentials"
	asForm      = ask + "&client_id=svc&client_secret=" + svcSecret
)

// app is a client that may use certain grants only.
type app struct {
	authstar.Identity
	grants []string
}

func (a *app) GrantTypes() []string { return a.grants }

// secrets are those of the clients of the fixture, all of which have the scopes
// read and write.
var secrets = map[string]string{
	"svc": svcSecret, "a-b": "c-d", "colon:id": "co:lon", "per%cent": "1%2B1", "pl+us": "a+b", "sp ace": "a b", "bjørn": "pässwörd-✓",
	"anything": "any", "codes": "codes", "none": "none",
}

// trace has what reached the callbacks, such as "svc s3cret".
type trace struct {
	mu   sync.Mutex
	seen []string
}

func (tr *trace) add(words ...string) {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	tr.seen = append(tr.seen, strings.Join(words, " "))
}

func (tr *trace) take() []string {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	seen := tr.seen
	tr.seen = nil
	return seen
}

func (tr *trace) authenticate(_ context.Context, id, secret string) (authstar.Client, error) {
	tr.add(id, secret)
	x, y := sha256.Sum256([]byte(secrets[id])), sha256.Sum256([]byte(secret))
	if subtle.ConstantTimeCompare(x[:], y[:]) != 1 {
		return nil, nil
	}
	identity := authstar.Identity{ID: id, Scope: []string{"read", "write"}}
	switch id {
	case "anything":
		return &app{identity, []string{"other", "client_credentials"}}, nil
	case "codes":
		return &app{identity, []string{"authorization_code"}}, nil
	case "none":
		return &app{identity, nil}, nil
	}
	return &identity, nil
}

func build(_ context.Context, req *tokenendpoint.Request) (*tokenendpoint.Response, error) {
	return &tokenendpoint.Response{AccessToken: "token-of-" + base64.RawURLEncoding.EncodeToString([]byte(req.Client.ClientID())), ExpiresIn: 600}, nil
}

func newEndpoint(t testing.TB, config tokenendpoint.Config) *tokenendpoint.Endpoint {
	t.Helper()
	if config.Authenticate == nil && config.Methods == nil {
		config.Authenticate = new(trace).authenticate
	}
	if config.Grants == nil {
		config.Grants = []tokenendpoint.Grant{tokenendpoint.ClientCredentials(build)}
	}
	endpoint, err := tokenendpoint.New(config)
	if err != nil {
		t.Fatal(err)
	}
	return endpoint
}

func withBuilder(t testing.TB, b tokenendpoint.Builder) *tokenendpoint.Endpoint {
	t.Helper()
	return newEndpoint(t, tokenendpoint.Config{Grants: []tokenendpoint.Grant{tokenendpoint.ClientCredentials(b)}})
}

// basic is the header line of the pair, as it is.
func basic(id, secret string) string {
	return "Authorization: Basic " + base64.StdEncoding.EncodeToString([]byte(id+":"+secret))
}

// newRequest takes header lines as in HTTP/1; the content type is that of a form
// unless a line says otherwise, and absent when it says nothing.
func newRequest(method, target, body string, lines ...string) *http.Request {
	r, err := http.NewRequest(method, target, strings.NewReader(body))
	if err != nil {
		panic(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	for _, line := range lines {
		name, value, _ := strings.Cut(line, ":")
		if value = strings.TrimSpace(value); name == "Content-Type" {
			r.Header.Del(name)
			if value == "" {
				continue
			}
		}
		r.Header.Add(name, value)
	}
	return r
}

// answer is a response of the endpoint, read.
type answer struct {
	status int
	header http.Header
	text   string
	body   map[string]any
}

func (a answer) get(name string) string { s, _ := a.body[name].(string); return s }

// outcome is the error, or "ok" and the scope.
func (a answer) outcome() string {
	if a.status == http.StatusOK {
		return strings.TrimSpace("ok " + a.get("scope"))
	}
	return a.get("error")
}

func post(t testing.TB, h http.Handler, body string, lines ...string) answer {
	t.Helper()
	return serve(t, h, newRequest(http.MethodPost, "/oauth2/token", body, lines...))
}

func serve(t testing.TB, h http.Handler, r *http.Request) answer {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return read(t, w.Result())
}

// read checks what every answer has in common: O33, TK-15, and that a success is
// nothing else than a token.
func read(t testing.TB, res *http.Response) answer {
	t.Helper()
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	a := answer{status: res.StatusCode, header: res.Header, text: string(text)}
	for name, want := range map[string]string{
		"Content-Type": "application/json", "Cache-Control": "no-store", "Pragma": "no-cache", "X-Content-Type-Options": "nosniff",
	} {
		if got := res.Header.Values(name); !slices.Equal(got, []string{want}) {
			t.Errorf("O33: %d has the header %s: %q, want %q", a.status, name, got, want)
		}
	}
	if res.Request != nil && res.Request.Method == http.MethodHead {
		return a
	}
	if err := json.Unmarshal(text, &a.body); err != nil {
		t.Errorf("O33: the body %q: %v", text, err)
	}
	if a.status == http.StatusOK {
		if a.get("access_token") == "" || !strings.EqualFold(a.get("token_type"), "Bearer") || a.body["error"] != nil || a.body["refresh_token"] != nil {
			t.Errorf("a success that is none: %s", text)
		}
	} else {
		a.checkRefusal(t)
	}
	return a
}

// registry has the status of each error that a token endpoint answers.
var registry = map[string][]int{
	"invalid_request": {400, 405, 413}, "invalid_client": {401}, "invalid_grant": {400}, "unauthorized_client": {400},
	"unsupported_grant_type": {400}, "invalid_scope": {400}, "invalid_target": {400}, "access_denied": {400},
	"server_error": {500}, "temporarily_unavailable": {503},
}

func (a answer) checkRefusal(t testing.TB) {
	t.Helper()
	if !slices.Contains(registry[a.get("error")], a.status) {
		t.Errorf("TK-15: %d with error %q", a.status, a.get("error"))
	}
	for name, value := range a.body {
		s, ok := value.(string)
		if !ok || name != "error" && name != "error_description" {
			t.Errorf("TK-15: the refusal has %s: %v", name, value)
		}
		if strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r > '~' || r == '"' || r == '\\' }) {
			t.Errorf("TK-15: %s has characters that it may not: %q", name, s)
		}
	}
	if challenge := a.header.Values("WWW-Authenticate"); a.status != 401 && len(challenge) > 0 ||
		a.status == 401 && (len(challenge) != 1 || !strings.HasPrefix(challenge[0], "Basic realm=")) {
		t.Errorf("TK-04: %d with the challenges %q", a.status, challenge)
	}
	if a.status >= 500 && a.body["error_description"] != nil {
		t.Errorf("TK-16: %d has details: %s", a.status, a.text)
	}
}
