package authserver_test

import (
	"net/http"
	"net/url"
	"testing"

	"github.com/authstar/authstar/authserver"
)

// O01 O02 O24: who is a client, and by what.
func TestClientAuthentication(t *testing.T) {
	f := newFixture(t)
	const grant = "client_credentials"
	for name, row := range map[string]struct {
		who   string
		pairs []string
		want  string
	}{
		"Basic":                               {"machine:machine-secret", nil, "ok"},
		"the form":                            {"machine", []string{"client_secret", "machine-secret"}, "ok"},
		"a wrong secret":                      {"machine:wrong", nil, "invalid_client"},
		"a wrong secret in the form":          {"machine", []string{"client_secret", "wrong"}, "invalid_client"},
		"a part of the secret":                {"machine:machine-secre", nil, "invalid_client"},
		"an unknown client":                   {"nobody:machine-secret", nil, "invalid_client"},
		"no secret":                           {"machine", nil, "invalid_client"},
		"an empty secret":                     {"machine:", nil, "invalid_client"},
		"nobody":                              {"", nil, "invalid_client"},
		"O02 both":                            {"machine:machine-secret", []string{"client_id", "machine", "client_secret", "machine-secret"}, "invalid_request"},
		"another client in the form":          {"machine:machine-secret", []string{"client_id", "web"}, "invalid_request"},
		"the hash as the secret":              {"machine", []string{"client_secret", string(authserver.HashSecret("machine-secret"))}, "invalid_client"},
		"a public client with a secret":       {"spa:x", nil, "invalid_client"},
		"O24 a public client, for itself":     {"spa", nil, "unauthorized_client"},
		"O24 a client with other grants":      {"web:web-secret", nil, "unauthorized_client"},
		"a client with keys and without them": {"signed", nil, "invalid_client"},
		"O23 a scope that it has":             {"machine:machine-secret", []string{"scope", "read"}, "ok"},
		"O23 a scope that it has not":         {"machine:machine-secret", []string{"scope", "read admin"}, "invalid_scope"},
		"TK-28 a resource that is none":       {"machine:machine-secret", []string{"resource", "https://other.example"}, "invalid_target"},
	} {
		a := f.post("/oauth2/token", row.who, params(url.Values{"grant_type": {grant}}, row.pairs...))
		if a.outcome() != row.want {
			t.Errorf("%s: %d %s, want %s", name, a.status, a.text, row.want)
		}
		if a.body["refresh_token"] != nil {
			t.Errorf("TK-01: %s: %s", name, a.text)
		}
	}
}

// O35 TK-04: what a guess learns.
func TestSecretsAreNotToldApart(t *testing.T) {
	f := newFixture(t)
	form := url.Values{"grant_type": {"client_credentials"}}
	known, unknown := f.post("/oauth2/token", "machine:wrong", form), f.post("/oauth2/token", "nobody:wrong", form)
	if known.text != unknown.text || known.status != unknown.status || !sameHeaders(known.header, unknown.header) {
		t.Errorf("TK-04: %v and %v", known, unknown)
	}
}

func sameHeaders(x, y http.Header) bool {
	if len(x) != len(y) {
		return false
	}
	for name := range x {
		if x.Get(name) != y.Get(name) && name != "Set-Cookie" {
			return false
		}
	}
	return true
}

// Two secrets overlap while one replaces the other.
func TestTwoSecrets(t *testing.T) {
	f := newFixture(t)
	try := func(secret string) int {
		return f.introspectAs("web:"+secret, "x").status
	}
	if x, y, z := try("web-secret"), try("web-next-secret"), try("web-secretweb-next-secret"); x != 200 || y != 200 || z != 401 {
		t.Errorf("both at once: %d %d, and neither: %d", x, y, z)
	}
	f.replace("web", func(c *authserver.Client) { c.SecretHashes = c.SecretHashes[1:] })
	if x, y := try("web-secret"), try("web-next-secret"); x != 401 || y != 200 {
		t.Errorf("afterwards: %d %d", x, y)
	}
}

// O15: a confidential client redeems a code with its secret or not at all, and
// trying without it does not spend the code.
func TestConfidentialClientNeedsItsSecret(t *testing.T) {
	f := newFixture(t)
	code := f.code(f.askFor("web"))
	for _, who := range []string{"web", "web:wrong"} {
		if a := f.redeemAs(who, code); a.get("error") != "invalid_client" {
			t.Errorf("%s: %s", who, a.text)
		}
	}
	a := f.redeemAs("web:web-secret", code)
	if a.status != http.StatusOK {
		t.Fatalf("%s", a.text)
	}
	if a := f.refresh("web", a.get("refresh_token")); a.get("error") != "invalid_client" {
		t.Errorf("%s", a.text)
	}
}
