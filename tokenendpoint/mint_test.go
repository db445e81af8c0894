package tokenendpoint_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/authstar/authstar"
	"github.com/authstar/authstar/tokenendpoint"
)

func mintSigner(t *testing.T, now func() time.Time) *tokenendpoint.Signer {
	t.Helper()
	s, err := tokenendpoint.NewSigner(tokenendpoint.SignerConfig{
		Issuer: "https://a.example", Audiences: []string{"api"}, Lifetime: time.Minute, Now: now,
		Algorithm: "HS256", Secret: []byte(strings.Repeat("k", 32)),
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// O20: what the signer knows by itself cannot be claimed.
func TestMint(t *testing.T) {
	s := mintSigner(t, time.Now)
	res, err := s.Mint(tokenendpoint.AccessToken{
		Subject: "alice", ClientID: "spa", Audience: []string{"a", "b"}, Scopes: []string{"read"}, ID: "g.1",
		Claims: map[string]any{"role": "admin", "sub": "root", "exp": 1, "cnf": "x", "scope": "all"},
	})
	if err != nil {
		t.Fatal(err)
	}
	payload, err := s.Verify(res.AccessToken)
	if err != nil {
		t.Fatal(err)
	}
	var claims map[string]any
	if err := json.Unmarshal(payload, &claims); err != nil {
		t.Fatal(err)
	}
	if claims["sub"] != "alice" || claims["role"] != "admin" || claims["jti"] != "g.1" || claims["scope"] != "read" ||
		claims["cnf"] != nil || claims["exp"] == float64(1) || res.ExpiresIn != 60 {
		t.Errorf("%v %+v", claims, res)
	}
	for name, bad := range map[string]tokenendpoint.AccessToken{
		"no subject":  {ClientID: "spa", Audience: []string{"a"}},
		"no line":     {Subject: "alice\nbob", ClientID: "spa", Audience: []string{"a"}},
		"no UTF-8":    {Subject: "alice\xff", ClientID: "spa", Audience: []string{"a"}},
		"no end":      {Subject: "alice", ClientID: "spa", Audience: []string{"a"}, Claims: map[string]any{"x": strings.Repeat("x", 13<<10)}},
		"no client":   {Subject: "alice", Audience: []string{"a"}},
		"no audience": {Subject: "alice", ClientID: "spa"},
		"no JSON":     {Subject: "alice", ClientID: "spa", Audience: []string{"a"}, Claims: map[string]any{"f": func() {}}},
	} {
		if _, err := s.Mint(bad); err == nil {
			t.Errorf("%s: minted", name)
		}
	}
}

// J06 J07 J25 for the server that minted the token.
func TestVerifyRefuses(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	clock := func() time.Time { return now }
	s, stranger := mintSigner(t, clock), mintSigner(t, clock)
	token := tokenendpoint.AccessToken{Subject: "alice", ClientID: "spa", Audience: []string{"a"}}
	res, err := s.Mint(token)
	if err != nil {
		t.Fatal(err)
	}
	good := res.AccessToken
	parts := strings.Split(good, ".")
	for name, bad := range map[string]string{
		"nothing": "", "junk": "a.b.c", "no signature": parts[0] + "." + parts[1] + ".",
		"another payload": parts[0] + ".e30." + parts[2], "long": good + strings.Repeat("A", 20_000),
		"none": "eyJhbGciOiJub25lIn0." + parts[1] + ".",
	} {
		if _, err := s.Verify(bad); !errors.Is(err, authstar.InvalidToken) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := stranger.Verify(good); err != nil {
		t.Errorf("the same secret and issuer: %v", err)
	}
	now = now.Add(time.Minute)
	if _, err := s.Verify(good); !errors.Is(err, authstar.InvalidToken) {
		t.Errorf("at its expiry: %v", err)
	}
}

// TK-10 TK-17 O01 beside the token endpoint.
func TestClientHandler(t *testing.T) {
	endpoint := newEndpoint(t, tokenendpoint.Config{})
	h := endpoint.ClientHandler(func(_ context.Context, client authstar.Client, form tokenendpoint.Form) (any, error) {
		switch form.Get("token") {
		case "nothing":
			return nil, nil
		case "fault":
			return nil, errors.New("secret detail")
		case "down":
			return nil, &authstar.Error{Code: authstar.TemporarilyUnavailable}
		case "panic":
			panic("secret detail")
		}
		return map[string]string{"client": client.ClientID()}, nil
	})
	for name, tc := range map[string]struct {
		method, body, secret string
		want                 int
		text                 string
	}{
		"an answer":     {"POST", "token=x", "s3cret", 200, `{"client":"svc"}`},
		"no answer":     {"POST", "token=nothing", "s3cret", 200, ""},
		"a fault":       {"POST", "token=fault", "s3cret", 500, `{"error":"server_error"}`},
		"a panic":       {"POST", "token=panic", "s3cret", 500, `{"error":"server_error"}`},
		"an outage":     {"POST", "token=down", "s3cret", 503, `{"error":"temporarily_unavailable"}`},
		"wrong secret":  {"POST", "token=x", "wrong", 401, ""},
		"not a POST":    {"GET", "", "s3cret", 405, ""},
		"twice a token": {"POST", "token=x&token=y", "s3cret", 400, ""},
	} {
		r := httptest.NewRequest(tc.method, "/", strings.NewReader(tc.body))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.SetBasicAuth("svc", tc.secret)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if got := strings.TrimSpace(w.Body.String()); w.Code != tc.want || tc.text != "" && got != tc.text {
			t.Errorf("%s: %d %s", name, w.Code, got)
		}
		if w.Header().Get("Cache-Control") != "no-store" {
			t.Errorf("%s: may be stored", name)
		}
	}
}
