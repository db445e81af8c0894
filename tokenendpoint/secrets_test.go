package tokenendpoint_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/authstar/authstar"
	"github.com/authstar/authstar/tokenendpoint"
)

const hmacSecret = "a-secret-of-more-than-32-bytes-of-which-nobody-knows"

// checkSilent prints the values in every way and looks for the secrets.
func checkSilent(t *testing.T, what string, v any, hidden ...string) {
	t.Helper()
	var b bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x"} {
		fmt.Fprintf(&b, verb+"\n", v)
	}
	slog.New(slog.NewTextHandler(&b, nil)).Info("m", "v", v)
	slog.New(slog.NewJSONHandler(&b, nil)).Info("m", "v", v)
	if j, err := json.Marshal(v); err == nil {
		b.Write(j)
	}
	for _, secret := range hidden {
		spellings := []string{secret, fmt.Sprintf("%x", secret), strings.Trim(fmt.Sprint([]byte(secret)), "[]"), base64.StdEncoding.EncodeToString([]byte(secret))}
		for _, s := range spellings {
			if strings.Contains(b.String(), s) {
				t.Errorf("X13: %s shows %q:\n%s", what, s, b.String())
				return
			}
		}
	}
}

// X12, X13, N04: a request, its errors and its answers in every log.
func TestRequestsHaveNoSecretsInLogs(t *testing.T) {
	secrets := []string{svcSecret, wrongSecret, "topsecret-code", basic("svc", svcSecret)[len("Authorization: Basic "):]}
	endpoint := newEndpoint(t, tokenendpoint.Config{
		Observe: func(_ context.Context, err *authstar.Error) { checkSilent(t, "a refusal", err, secrets...) },
		Grants: []tokenendpoint.Grant{tokenendpoint.ClientCredentials(func(ctx context.Context, req *tokenendpoint.Request) (*tokenendpoint.Response, error) {
			checkSilent(t, "a request", req, secrets...)
			checkSilent(t, "the value of a request", *req, secrets...)
			if req.Parameter("fail") != "" {
				return nil, errors.New("failed")
			}
			return build(ctx, req)
		})},
	})
	checkSilent(t, "an endpoint", endpoint, secrets...)
	for _, a := range []answer{
		post(t, endpoint, asForm+"&code=topsecret-code"),
		post(t, endpoint, ask+"&code=topsecret-code", svc...),
		post(t, endpoint, asForm+"&fail=1&code=topsecret-code"),
		post(t, endpoint, ask+"&client_id=svc&client_secret="+wrongSecret),
		post(t, endpoint, ask, basic("svc", wrongSecret)),
		post(t, endpoint, asForm+"&client_secret="+wrongSecret),
		post(t, endpoint, asForm, svc...),
		post(t, endpoint, asForm+"&%zz="+wrongSecret),
	} {
		checkSilent(t, "an answer", fmt.Sprint(a.status, a.header, a.text), secrets...)
	}
}

// printing is a method of the application's own that logs what it gets.
type printing struct {
	t *testing.T
	tokenendpoint.ClientMethod
}

func (p printing) Presented(r *http.Request, form tokenendpoint.Form) bool {
	checkSilent(p.t, "a form", form, svcSecret)
	checkSilent(p.t, "a pointer to a form", &form, svcSecret)
	return p.ClientMethod.Presented(r, form)
}

func TestFormsHaveNoSecretsInLogs(t *testing.T) {
	method := printing{t, tokenendpoint.ClientSecretPost(new(trace).authenticate)}
	endpoint := newEndpoint(t, tokenendpoint.Config{Methods: []tokenendpoint.ClientMethod{method}})
	if a := post(t, endpoint, asForm); a.status != 200 {
		t.Errorf("%d %s", a.status, a.text)
	}
}

func TestSignersHaveNoSecretsInLogs(t *testing.T) {
	config := signerConfig()
	config.Algorithm, config.Keys, config.Secret = "HS256", nil, []byte(hmacSecret)
	checkSilent(t, "a configuration with a secret", config, hmacSecret)
	checkSilent(t, "a pointer to one", &config, hmacSecret)
	checkSilent(t, "an HS256 signer", newSigner(t, config), hmacSecret)
	for alg, keys := range privateKeys() {
		for form, key := range keys {
			config := signerConfig()
			config.Algorithm, config.Keys = alg, [][]byte{key}
			checkSilent(t, "a configuration with a key as "+form, config, keyMaterial(t, alg)...)
			checkSilent(t, "a signer of "+alg, newSigner(t, config), keyMaterial(t, alg)...)
		}
	}
}
