package e2e

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// C12, K13: examples/resourceserver accepts the tokens of two real providers, and
// goes on while one of them is down.
func TestResourceServer(t *testing.T) {
	oidc, fosite := startOIDC(t, newKey(t, "k1")), startFosite(t)
	api := startResourceServer(t, "-issuer", oidc.issuer, "-audience", jwtAPI, "-issuer", fosite.issuer, "-audience", otherJWT)
	good := map[string]string{oidc.issuer: oidc.token(t, jwtAPI), fosite.issuer: fosite.token(t, otherJWT)}

	known := func(t *testing.T) {
		t.Helper()
		for issuer, token := range good {
			res, body := do(t, nil, "GET", api+"/me", bearer(token))
			var me struct {
				ID     string `json:"client_id"`
				Scopes []string
				Issuer string
			}
			if err := json.Unmarshal([]byte(body), &me); res.StatusCode != 200 || err != nil {
				t.Fatalf("status is %d (%v): %s", res.StatusCode, err, body)
			}
			if me.ID != "shop" || me.Issuer != issuer || !slices.Equal(me.Scopes, []string{"orders:read"}) {
				t.Errorf("client is %+v", me)
			}
		}
	}
	known(t)
	for _, test := range []struct {
		name, path string
		header     http.Header
		status     int
		challenge  string
	}{
		{"RS-01 no token", "/me", nil, 401, `Bearer realm=`},
		{"a scope that is there", "/orders", bearer(good[oidc.issuer]), 200, ""},
		{"RS-04 JW-17 a scope that is missing", "/admin", bearer(good[oidc.issuer]), 403, `scope="admin"`},
		{"TK-34 JW-17 the audience of the other provider's tokens", "/me", bearer(oidc.token(t, otherJWT)), 401, `error="invalid_token"`},
		{"TK-34 the other way round", "/me", bearer(fosite.token(t, jwtAPI)), 401, `error="invalid_token"`},
		{"C02 an unknown issuer", "/me", bearer(forged(t, "https://evil.test", "k1")), 401, `error="invalid_token"`},
		{"C12 an issuer with the key id of the other", "/me", bearer(forged(t, oidc.issuer, fosite.kid)), 401, `error="invalid_token"`},
		{"an opaque token", "/me", bearer(oidc.token(t, "")), 401, `error="invalid_token"`},
		{"health, from loopback", "/healthz", nil, 200, ""},
		{"G05 health, through a proxy", "/healthz", http.Header{"X-Forwarded-For": {"10.0.0.1"}}, 403, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			res, body := do(t, nil, "GET", api+test.path, test.header)
			if got := res.Header.Get("WWW-Authenticate"); res.StatusCode != test.status || !strings.Contains(got, test.challenge) {
				t.Errorf("status is %d, challenge %q, body %s", res.StatusCode, got, body)
			}
		})
	}

	oidc.kill()
	known(t)
	if res, body := do(t, nil, "GET", api+"/healthz", nil); res.StatusCode != 200 {
		t.Errorf("health with keys in memory: %d %s", res.StatusCode, body)
	}
}

// RS-23: it starts without the provider.
func TestResourceServerColdStart(t *testing.T) {
	p := startOIDC(t, newKey(t, "k1"))
	token := p.token(t, jwtAPI)
	p.kill()
	api := startResourceServer(t, "-issuer", p.issuer, "-audience", jwtAPI)
	for _, path := range []string{"/me", "/orders"} {
		if res, _ := do(t, nil, "GET", api+path, bearer(token)); res.StatusCode != 503 || res.Header.Get("Retry-After") == "" {
			t.Errorf("%s: status is %d, Retry-After %q", path, res.StatusCode, res.Header.Get("Retry-After"))
		}
	}
	if res, _ := do(t, nil, "GET", api+"/healthz", nil); res.StatusCode != 503 {
		t.Errorf("health: %d", res.StatusCode)
	}
}

func startResourceServer(t *testing.T, args ...string) (url string) {
	t.Helper()
	bin := build(t, "..", "./examples/resourceserver")
	p := start(t, "resourceserver", bin, append(args, "-addr", "127.0.0.1:0")...)
	line, err := p.out.ReadString('\n')
	if err != nil {
		p.fail(t, err)
	}
	_, url, _ = strings.Cut(strings.TrimSpace(line), " on ")
	return url
}
