package main

import (
	"encoding/base64"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/authstar/authstar/authstartest"
)

func TestInspectWithoutAnIssuer(t *testing.T) {
	iss := authstartest.NewIssuer(t)
	token := iss.Token(map[string]any{"sub": "al\u009bice", "scope": "read", "exp": iss.Now().Add(-time.Hour)})
	for _, input := range []string{token, token + "\r\n", " Bearer " + token + "\n"} {
		r := execute(t, input, "token", "inspect")
		r.want(t, 0)
		for _, want := range []string{`"alg": "ES256"`, `"scope": "read"`, `"sub": "al\u009bice"`, "\nexp       20", "1h0m", " ago\n", "not verified: no -issuer\n"} {
			if !strings.Contains(r.out, want) {
				t.Errorf("%q is not in\n%s", want, r.out)
			}
		}
		if signature := token[strings.LastIndex(token, ".")+1:]; strings.Contains(r.out+r.err, signature) {
			t.Error("X13 the signature is shown, and with it the token")
		}
	}
}

func TestInspectWhatIsNoToken(t *testing.T) {
	encode := base64.RawURLEncoding.EncodeToString
	for name, test := range map[string]struct{ input, want string }{
		"nothing":          {"\n", "no token"},
		"opaque":           {"s3cret-of-mine", "1 parts"},
		"encrypted":        {"a.b.c.d.e", "encrypted"},
		"padded":           {encode([]byte("{}")) + "==." + encode([]byte("{}")) + ".", "header is not base64url"},
		"no JSON":          {encode([]byte("s3cret-of-mine")) + "." + encode([]byte("{}")) + ".", "header is not a JSON object"},
		"an array":         {encode([]byte("{}")) + "." + encode([]byte("[]")) + ".", "payload is not a JSON object"},
		"two values":       {encode([]byte("{}")) + "." + encode([]byte("{}{}")) + ".", "payload is not a JSON object"},
		"a line in it":     {encode([]byte("{}")) + "\n." + encode([]byte("{}")) + ".", "header is not base64url"},
		"a loose last bit": {encode([]byte("{}")) + "." + encode([]byte("{}")) + ".AB", "signature is not base64url"},
		"not UTF-8":        {encode([]byte("{}")) + "." + encode([]byte("{\"sub\":\"a\xff\"}")) + ".", "the claims are not UTF-8"},
		"a space before":   {encode([]byte("{}")) + "." + encode([]byte(" {}")) + ".", "there is space before the claims"},
		"a long token":     {encode([]byte("{}")) + "." + encode([]byte("{"+strings.Repeat(" ", 16<<10)+"}")) + ".", "it is longer than 16384 bytes"},
		"a claim twice":    {encode([]byte("{}")) + "." + encode([]byte(`{"sub":"a","sub":"b"}`)) + ".", `"sub" is twice in the claims`},
	} {
		t.Run(name, func(t *testing.T) {
			r := execute(t, test.input, "token", "inspect")
			r.want(t, statusNo, test.want)
			if strings.Contains(r.out+r.err, "s3cret") {
				t.Errorf("%q %q", r.out, r.err)
			}
		})
	}
}

// Every reason is told, not only the first.
func TestInspectTellsEveryReason(t *testing.T) {
	iss, other := authstartest.NewIssuer(t), authstartest.NewIssuer(t)
	at := iss.Now()
	tampered := func(token string) string {
		parts := strings.Split(token, ".")
		parts[1] = base64.RawURLEncoding.EncodeToString([]byte(strings.Replace(decoded(parts[1]), "alice", "admin", 1)))
		return strings.Join(parts, ".")
	}
	for _, test := range []struct {
		name, token string
		want        []string // of the reasons, in order; none is accepted
	}{
		{"a good token", iss.Token(nil), nil},
		{"a good token with an array for aud", iss.Token(map[string]any{"aud": []string{"b", "api"}}), nil},
		{"expired", iss.Token(map[string]any{"exp": at.Add(-time.Hour), "iat": at.Add(-2 * time.Hour)}), []string{"it has expired: exp is 20"}},
		{"not yet", iss.Token(map[string]any{"nbf": at.Add(time.Hour), "iat": at.Add(time.Hour)}), []string{"it is not valid yet", "it was issued in the future"}},
		{"another audience", iss.Token(map[string]any{"aud": "b"}), []string{`aud is ["b"], not "api"`}},
		{"no audience", iss.Token(map[string]any{"aud": nil}), []string{"aud is missing"}},
		{"an ID token", iss.Sign(map[string]any{"typ": "id+jwt"}, map[string]any{"iss": iss.URL(), "sub": "alice", "aud": "api", "exp": at.Add(time.Hour)}), []string{`typ "id+jwt"`}},
		{"bound to a key", iss.Token(map[string]any{"cnf": map[string]any{"jkt": "x"}}), []string{"cnf binds"}},
		{"tampered", tampered(iss.Token(nil)), []string{"the signature is not one of the issuer's key"}},
		{"critical", iss.Sign(map[string]any{"crit": []string{"exp"}}, map[string]any{"iss": iss.URL(), "sub": "alice", "aud": "api", "exp": at.Add(time.Hour)}), []string{"the header has crit"}},
		{"an unknown key", iss.Sign(map[string]any{"kid": "key-9"}, map[string]any{"iss": iss.URL(), "sub": "alice", "aud": "api", "exp": at.Add(time.Hour)}), []string{`no key "key-9" for ES256; it has ["key-1 ES256"]`}},
		{"of another issuer", other.Token(nil), []string{"the signature is not", `iss is "` + other.URL()}},
		{"unsigned", iss.Sign(map[string]any{"alg": "none"}, map[string]any{"iss": iss.URL(), "sub": "alice", "aud": "api", "exp": at.Add(time.Hour)}), []string{`alg is "none"`}},
		{"symmetric", iss.Sign(map[string]any{"alg": "HS256"}, map[string]any{"iss": iss.URL(), "sub": "alice", "aud": "api", "exp": at.Add(time.Hour)}), []string{`alg is "HS256"`}},
		{"wrong types", iss.Token(map[string]any{"exp": "tomorrow", "sub": 7, "jti": 7, "aud": 7}), []string{"sub is not a string", "jti is not a string", "aud is not a string or an array", "exp is not a number"}},
		{"all at once", iss.Sign(map[string]any{"alg": "none", "typ": "x", "crit": 1}, map[string]any{"iss": "x", "aud": "b", "exp": 1, "nbf": at.Add(time.Hour)}),
			[]string{`typ "x"`, "the header has crit", `alg is "none"`, `iss is "x"`, "sub is missing", `aud is ["b"]`, "it has expired", "it is not valid yet"}},
		{"null in aud, and expired", iss.Token(map[string]any{"aud": []any{"api", nil}, "exp": 5, "iat": 1}), []string{"aud is not a string or an array of strings", "it has expired"}},
		{"null in another aud", iss.Token(map[string]any{"aud": []any{"b", nil}}), []string{"aud is not a string or an array of strings", `aud is ["b"], not "api"`}},
		{"too long, and expired", iss.Token(map[string]any{"pad": strings.Repeat("x", 20_000), "exp": 5, "iat": 1}), []string{"it is longer than 16384 bytes", "it has expired"}},
		{"a long header", iss.Sign(map[string]any{"pad": strings.Repeat("x", 4<<10)}, map[string]any{"iss": iss.URL(), "sub": "alice", "aud": "api", "exp": at.Add(time.Hour)}), []string{"its header is longer than 4096 bytes"}},
		{"a header that is not too long", iss.Sign(map[string]any{"pad": strings.Repeat("x", 2<<10)}, map[string]any{"iss": iss.URL(), "sub": "alice", "aud": "api", "exp": at.Add(time.Hour)}), nil},
		{"a long kid", iss.Sign(map[string]any{"kid": strings.Repeat("k", 257)}, map[string]any{"iss": iss.URL(), "sub": "alice", "aud": "api", "exp": at.Add(-time.Hour)}), []string{"kid is longer than 256 bytes", "it has expired"}},
		{"a kid that is not too long", iss.Sign(map[string]any{"kid": strings.Repeat("k", 256)}, map[string]any{"iss": iss.URL(), "sub": "alice", "aud": "api", "exp": at.Add(time.Hour)}), []string{"the issuer has no key"}},
		{"a control character in sub, and expired", iss.Token(map[string]any{"sub": "a\u0085b", "exp": 5, "iat": 1}), []string{"sub is missing, or has characters", "it has expired"}},
		{"a line separator in sub", iss.Token(map[string]any{"sub": "a\u2028b"}), []string{"sub is missing, or has characters"}},
		{"many audiences, and expired", iss.Token(map[string]any{"aud": slices.Repeat([]string{"api"}, 257), "exp": 5, "iat": 1}), []string{"aud has more than 256 elements", "it has expired"}},
		{"many audiences", iss.Token(map[string]any{"aud": slices.Repeat([]string{"api"}, 256)}), nil},
		{"many scopes", iss.Token(map[string]any{"scp": slices.Repeat([]string{"a"}, 257)}), []string{"scp has more than 256 elements"}},
		{"what only the library finds", iss.Sign(map[string]any{"jwk": map[string]any{"kty": "x"}}, map[string]any{"iss": iss.URL(), "sub": "alice", "aud": "api", "exp": at.Add(time.Hour)}), []string{"invalid_token: the token is not valid"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := execute(t, test.token, "token", "inspect", "-issuer", iss.URL(), "-audience", "api")
			if test.want == nil {
				r.want(t, 0)
				if !strings.HasSuffix(r.out, "\naccepted\n") || r.err != "" {
					t.Errorf("%s%s", r.out, r.err)
				}
				return
			}
			r.want(t, statusNo)
			lines := strings.Split(strings.TrimSuffix(r.err, "\n"), "\n")
			if lines[0] != "authstar: the token is refused" || !slices.EqualFunc(lines[1:], test.want, strings.Contains) {
				t.Errorf("%q, want %q", lines, test.want)
			}
		})
	}
	r := execute(t, iss.Token(map[string]any{"aud": "b"}), "token", "inspect", "-issuer", iss.URL())
	r.want(t, 0)
	if !strings.Contains(r.out, "no -audience") {
		t.Error(r.out)
	}
}

func decoded(part string) string {
	b, _ := base64.RawURLEncoding.DecodeString(part)
	return string(b)
}

func TestInspectWithEachAlgorithm(t *testing.T) {
	iss := authstartest.NewIssuer(t)
	for _, alg := range []string{"RS256", "RS512", "PS256", "PS384", "ES256", "ES384", "ES512", "EdDSA"} {
		iss.RotateTo(alg)
		token := iss.Token(nil)
		execute(t, token, "token", "inspect", "-issuer", iss.URL(), "-audience", "api").want(t, 0)
		parts := strings.Split(token, ".")
		signature, _ := base64.RawURLEncoding.DecodeString(parts[2])
		signature[len(signature)/2] ^= 1
		parts[2] = base64.RawURLEncoding.EncodeToString(signature)
		execute(t, strings.Join(parts, "."), "token", "inspect", "-issuer", iss.URL()).want(t, statusNo, "the signature is not")
	}
}

func TestInspectWithoutAnAnswer(t *testing.T) {
	iss := authstartest.NewIssuer(t)
	token := iss.Token(nil)
	iss.Down()
	r := execute(t, token, "token", "inspect", "-issuer", iss.URL())
	r.want(t, statusFailed)
	if !strings.Contains(r.out, `"sub": "alice"`) || strings.Contains(r.out, "accepted") {
		t.Errorf("%q", r.out)
	}
	execute(t, token, "token", "inspect", "-issuer", "http://idp.test").want(t, statusUsage, "https")
	execute(t, token, "token", "inspect", "-audience", "api").want(t, statusUsage, "-issuer")
}
