package authserver_test

import (
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/authstar/authstar/authserver"
)

const assertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

// assertion signs the claims of a good one, changed by change; nil removes.
func (f *fixture) assertion(key jose.SigningKey, change map[string]any, header map[jose.HeaderKey]any) string {
	f.Helper()
	claims := map[string]any{"iss": "signed", "sub": "signed", "aud": issuer, "exp": f.Now().Unix() + 60, "jti": rand.Text()}
	for name, value := range change {
		if claims[name] = value; value == nil {
			delete(claims, name)
		}
	}
	signer, err := jose.NewSigner(key, &jose.SignerOptions{ExtraHeaders: header})
	if err != nil {
		f.Fatal(err)
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		f.Fatal(err)
	}
	jws, err := signer.Sign(payload)
	if err != nil {
		f.Fatal(err)
	}
	text, err := jws.CompactSerialize()
	if err != nil {
		f.Fatal(err)
	}
	return text
}

func es256(key *ecdsa.PrivateKey, kid string) jose.SigningKey {
	return jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: key, KeyID: kid}}
}

func (f *fixture) good() string { return f.assertion(es256(clientKey(), "k1"), nil, nil) }

// present asks for a token with an assertion.
func (f *fixture) present(assertion string, pairs ...string) answer {
	f.Helper()
	return f.post("/oauth2/token", "", params(url.Values{
		"grant_type": {"client_credentials"}, "client_assertion": {assertion}, "client_assertion_type": {assertionType},
	}, pairs...))
}

// O30 TK-29
func TestAssertionClaims(t *testing.T) {
	f := newFixture(t)
	now := f.Now().Unix()
	long := strings.Repeat("x", 9000)
	for name, row := range map[string]struct {
		change map[string]any
		ok     bool
	}{
		"as it should be":                   {nil, true},
		"for the token endpoint":            {map[string]any{"aud": issuer + "/oauth2/token"}, true},
		"for both":                          {map[string]any{"aud": []string{issuer + "/oauth2/token", issuer}}, true},
		"for one in an array":               {map[string]any{"aud": []string{issuer}}, true},
		"with fractions of a second":        {map[string]any{"exp": float64(now) + 60.5, "nbf": float64(now) - .5}, true},
		"with claims that nobody knows":     {map[string]any{"iat": now, "x": map[string]any{"y": 1}}, true},
		"expired within the skew":           {map[string]any{"exp": now - 29}, true},
		"ten minutes ahead":                 {map[string]any{"exp": now + 600}, true},
		"for somebody else":                 {map[string]any{"aud": "https://other.example"}, false},
		"for us and somebody else":          {map[string]any{"aud": []string{issuer, "https://other.example"}}, false},
		"for nobody":                        {map[string]any{"aud": nil}, false},
		"for an empty list":                 {map[string]any{"aud": []string{}}, false},
		"for null in a list":                {map[string]any{"aud": []any{issuer, nil}}, false},
		"for a number":                      {map[string]any{"aud": 1}, false},
		"for the issuer with a slash":       {map[string]any{"aud": issuer + "/"}, false},
		"for the issuer in other letters":   {map[string]any{"aud": strings.ToUpper(issuer)}, false},
		"for the page":                      {map[string]any{"aud": issuer + "/authorize"}, false},
		"of one client about another":       {map[string]any{"sub": "web"}, false},
		"of another client about this":      {map[string]any{"iss": "web"}, false},
		"of another client":                 {map[string]any{"iss": "web", "sub": "web"}, false},
		"of an unknown client":              {map[string]any{"iss": "nobody", "sub": "nobody"}, false},
		"of nobody":                         {map[string]any{"iss": nil, "sub": nil}, false},
		"of an empty name":                  {map[string]any{"iss": "", "sub": ""}, false},
		"without sub":                       {map[string]any{"sub": nil}, false},
		"without exp":                       {map[string]any{"exp": nil}, false},
		"with exp as a string":              {map[string]any{"exp": "1893553505"}, false},
		"with exp as true":                  {map[string]any{"exp": true}, false},
		"with exp null":                     {map[string]any{"exp": json.RawMessage("null")}, false},
		"with an exp beyond all numbers":    {map[string]any{"exp": 1e300}, false},
		"with an exp below all numbers":     {map[string]any{"exp": -1e300}, false},
		"expired":                           {map[string]any{"exp": now - 30}, false},
		"ten minutes and two seconds ahead": {map[string]any{"exp": now + 602}, false},
		"ten years ahead":                   {map[string]any{"exp": now + 10*365*86400}, false},
		"not good yet":                      {map[string]any{"nbf": now + 60}, false},
		"never good":                        {map[string]any{"nbf": 1e300}, false},
		"without jti":                       {map[string]any{"jti": nil}, false},
		"with an empty jti":                 {map[string]any{"jti": ""}, false},
		"with jti as a number":              {map[string]any{"jti": 1}, false},
		"with claims in other letters":      {map[string]any{"jti": nil, "JTI": "x"}, false},
		"longer than 8 KiB":                 {map[string]any{"x": long}, false},
	} {
		t.Run(name, func(t *testing.T) {
			a := f.present(f.assertion(es256(clientKey(), "k1"), row.change, nil))
			if want := map[bool]string{true: "ok", false: "invalid_client"}[row.ok]; a.outcome() != want {
				t.Errorf("O30: %d %s, want %s", a.status, a.text, want)
			}
			if !row.ok && (a.status != http.StatusUnauthorized || a.header.Get("WWW-Authenticate") == "") {
				t.Errorf("TK-29: %d %v", a.status, a.header)
			}
		})
	}
}

// O30: keys, algorithms and headers.
func TestAssertionSignature(t *testing.T) {
	f := newFixture(t)
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	f.replace("signed", func(c *authserver.Client) {
		c.Keys = append(c.Keys, jose.JSONWebKey{Key: rsaKey.Public(), KeyID: "k2", Algorithm: "PS256"},
			jose.JSONWebKey{Key: newECKey().Public(), KeyID: "k3"}, jose.JSONWebKey{Key: signingPublic(), KeyID: "k4", Use: "enc"})
	})
	public, err := x509.MarshalPKIXPublicKey(clientKey().Public())
	if err != nil {
		t.Fatal(err)
	}
	jwk, err := json.Marshal(jose.JSONWebKey{Key: clientKey().Public(), KeyID: "k1"})
	if err != nil {
		t.Fatal(err)
	}
	good := f.good()
	parts := strings.Split(good, ".")
	none := func(alg string) string { return encode(`{"alg":"`+alg+`"}`) + "." + parts[1] + "." }
	rs := func(alg jose.SignatureAlgorithm) jose.SigningKey {
		return jose.SigningKey{Algorithm: alg, Key: jose.JSONWebKey{Key: rsaKey, KeyID: "k2"}}
	}
	hs := func(key []byte) jose.SigningKey { return jose.SigningKey{Algorithm: jose.HS256, Key: key} }
	for name, row := range map[string]struct {
		assertion string
		ok        bool
	}{
		"ES256":                              {f.assertion(es256(clientKey(), "k1"), nil, nil), true},
		"no kid":                             {f.assertion(es256(clientKey(), ""), nil, nil), true},
		"PS256":                              {f.assertion(rs(jose.PS256), nil, nil), true},
		"RS256 with a key for PS256":         {f.assertion(rs(jose.RS256), nil, nil), false},
		"another kid":                        {f.assertion(es256(clientKey(), "k3"), nil, nil), false},
		"an unknown kid":                     {f.assertion(es256(clientKey(), "k9"), nil, nil), false},
		"a stranger's key":                   {f.assertion(es256(newECKey(), "k1"), nil, nil), false},
		"a key for encryption":               {f.assertion(es256(signingPrivate(), "k4"), nil, nil), false},
		"alg none":                           {none("none"), false},
		"alg NONE":                           {none("NONE"), false},
		"alg none with a signature":          {none("none") + parts[2], false},
		"HS256 with the public key":          {f.assertion(hs(public), nil, nil), false},
		"HS256 with the JWK":                 {f.assertion(hs(jwk), nil, nil), false},
		"a changed signature":                {parts[0] + "." + parts[1] + "." + strings.Repeat("A", len(parts[2])), false},
		"no signature":                       {parts[0] + "." + parts[1] + ".", false},
		"a changed payload":                  {parts[0] + "." + encode(`{"iss":"signed","sub":"signed"}`) + "." + parts[2], false},
		"crit":                               {f.assertion(es256(clientKey(), "k1"), nil, map[jose.HeaderKey]any{"crit": []string{"exp"}, "exp": 1}), false},
		"b64":                                {f.assertion(es256(clientKey(), "k1"), nil, map[jose.HeaderKey]any{"b64": true}), false},
		"an access token of this server":     {f.tokens("spa").get("access_token"), false},
		"no token at all":                    {"x", false},
		"a JSON serialisation":               {`{"payload":"","signatures":[]}`, false},
		"and the first again: it is a twin,": {f.good(), true},
	} {
		t.Run(name, func(t *testing.T) {
			if a := f.present(row.assertion); (a.status == http.StatusOK) != row.ok || !row.ok && a.get("error") != "invalid_client" {
				t.Errorf("O30: %d %s", a.status, a.text)
			}
		})
	}
}

// O30: one assertion works once, in whichever place and spelling.
func TestAssertionReplay(t *testing.T) {
	f := newFixture(t)
	text := f.good()
	if a := f.present(text); a.status != http.StatusOK {
		t.Fatalf("%d %s", a.status, a.text)
	}
	if a := f.present(text); a.get("error") != "invalid_client" {
		t.Errorf("O30: %s", a.text)
	}
	f.advance(89 * time.Second) // expired, but for the skew
	if a := f.present(text); a.get("error") != "invalid_client" {
		t.Errorf("O30: %s", a.text)
	}
	if a := f.post("/oauth2/revoke", "", url.Values{"token": {"x"}, "client_assertion": {text}, "client_assertion_type": {assertionType}}); a.get("error") != "invalid_client" {
		t.Errorf("O30: at another endpoint: %s", a.text)
	}
	f.replace("machine", func(c *authserver.Client) { c.SecretHashes, c.Keys = nil, f.clients["signed"].Keys })
	for _, client := range []string{"signed", "machine"} { // whose ids are its own
		for _, want := range []string{"ok", "invalid_client"} {
			a := f.present(f.assertion(es256(clientKey(), "k1"), map[string]any{"iss": client, "sub": client, "jti": "both"}, nil))
			if a.outcome() != want {
				t.Errorf("O30: of %s: %s, want %s", client, a.text, want)
			}
		}
	}
	id := map[string]any{"jti": "one"}
	results := make(map[string]int)
	for _, a := range together(20, func() answer { return f.present(f.assertion(es256(clientKey(), "k1"), id, nil)) }) {
		results[a.outcome()]++
	}
	if !maps.Equal(results, map[string]int{"ok": 1, "invalid_client": 19}) {
		t.Errorf("O30: one jti at once: %v", results)
	}
}

// O30 O02: the assertion and what stands beside it.
func TestAssertionAndOthers(t *testing.T) {
	f := newFixture(t)
	for name, row := range map[string]struct {
		pairs []string
		want  string
	}{
		"the client's id":   {[]string{"client_id", "signed"}, "ok"},
		"another client's":  {[]string{"client_id", "web"}, "invalid_client"},
		"a secret":          {[]string{"client_id", "signed", "client_secret", "x"}, "invalid_request"},
		"another type":      {[]string{"client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:saml2-bearer"}, "invalid_client"},
		"no type":           {[]string{"client_assertion_type", ""}, "invalid_client"},
		"a type alone":      {[]string{"client_assertion", "", "client_id", "signed"}, "invalid_client"},
		"a type for public": {[]string{"client_assertion", "", "client_id", "spa"}, "invalid_client"},
	} {
		if a := f.present(f.good(), row.pairs...); a.outcome() != row.want {
			t.Errorf("%s: %d %s, want %s", name, a.status, a.text, row.want)
		}
	}
	if a := f.post("/oauth2/token", "machine:machine-secret", url.Values{"grant_type": {"client_credentials"}, "client_assertion": {f.good()}, "client_assertion_type": {assertionType}}); a.get("error") != "invalid_request" {
		t.Errorf("O02: with Basic: %s", a.text)
	}
	code := f.code(f.askFor("signed"))
	a := f.redeemAs("signed", code, "client_assertion", f.good(), "client_assertion_type", assertionType)
	if a.status != http.StatusOK {
		t.Fatalf("a code: %s", a.text)
	}
	if a := f.refresh("", a.get("refresh_token"), "client_assertion", f.good(), "client_assertion_type", assertionType); a.status != http.StatusOK {
		t.Errorf("a refresh: %s", a.text)
	}
}
