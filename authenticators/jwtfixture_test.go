package authenticators_test

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/authstar/authstar"
	"github.com/authstar/authstar/authenticators"
	"github.com/authstar/authstar/security"
)

const (
	jwtIssuerA = "https://a.example" // RS256, kid k1
	jwtIssuerB = "https://b.example" // ES256, kid k1 too
	jwtIssuerC = "https://c.example" // PS256, EdDSA and ES384
	jwtIssuerD = "https://d.example" // HS256
)

// jwtNow is what the clock of the fixture shows.
var jwtNow = time.Unix(1_800_000_000, 0)

// jwtClaims are those of a good token of alice.
func jwtClaims(issuer string) jwtObject {
	return jwtObject{
		{"iss", strconv.Quote(issuer)}, {"sub", `"alice"`}, {"aud", `"api"`},
		{"iat", jwtSeconds(-60)}, {"exp", jwtSeconds(600)},
		{"client_id", `"app"`}, {"jti", `"j-1"`}, {"scope", `"read write"`},
	}
}

// jwtSeconds is a NumericDate that many seconds from now.
func jwtSeconds(n int) string { return strconv.FormatInt(jwtNow.Unix()+int64(n), 10) }

// Tokens with a usual header and these claims, signed by the key of their
// issuer.
func jwtOfA(claims jwtObject) string {
	return jwtToken(jwtKeyA, "RS256", jwtKeyA.header("RS256"), claims.String())
}

func jwtOfB(claims jwtObject) string {
	return jwtToken(jwtKeyB, "ES256", jwtKeyB.header("ES256"), claims.String())
}

// jwtWithHeader is a good token of A but for its header.
func jwtWithHeader(header string) string {
	return jwtToken(jwtKeyA, "RS256", header, jwtClaims(jwtIssuerA).String())
}

// jwtVerifier completes the configuration: issuer A, its keys, audience "api",
// the clock of the fixture.
func jwtVerifier(t testing.TB, config authenticators.JWTConfig) *authenticators.JWT {
	t.Helper()
	if config.Issuer == "" {
		config.Issuer = jwtIssuerA
	}
	if config.Keys == nil {
		config.Keys = jwtKeys(t, jwtKeyA)
	}
	if config.Audiences == nil {
		config.Audiences = []string{"api"}
	}
	if config.Now == nil {
		config.Now = func() time.Time { return jwtNow }
	}
	j, err := authenticators.NewJWT(config)
	if err != nil {
		t.Fatal(err)
	}
	return j
}

func jwtVerifierB(t testing.TB) *authenticators.JWT {
	return jwtVerifier(t, authenticators.JWTConfig{Issuer: jwtIssuerB, Keys: jwtKeys(t, jwtKeyB)})
}

func jwtVerifierC(t testing.TB) *authenticators.JWT {
	return jwtVerifier(t, authenticators.JWTConfig{Issuer: jwtIssuerC, Keys: jwtKeys(t, jwtKeyPS, jwtKeyEd, jwtKey384)})
}

func jwtVerifierD(t testing.TB) *authenticators.JWT {
	return jwtVerifier(t, authenticators.JWTConfig{Issuer: jwtIssuerD, Keys: jwtKeys(t, jwtKeyD), Algorithms: []string{"HS256"}})
}

// jwtSplit returns what is signed, and the signature.
func jwtSplit(token string) (input string, signature []byte) {
	dot := strings.LastIndexByte(token, '.')
	signature, err := base64.RawURLEncoding.DecodeString(token[dot+1:])
	if err != nil {
		panic(err)
	}
	return token[:dot], signature
}

// jwtAPI guards /me with a chain, and keeps what a log would show of it.
type jwtAPI struct {
	http.Handler
	log strings.Builder
}

func newJWTAPI(t testing.TB, verifiers ...authenticators.TokenVerifier) *jwtAPI {
	t.Helper()
	api := new(jwtAPI)
	chain := newChain(t, authenticators.NewBearer(verifiers...)).WithObserver(func(_ context.Context, res authstar.Result) {
		logger := slog.New(slog.NewTextHandler(&api.log, nil))
		logger.Info("asked", "result", res, "client", res.Client, "error", res.Err)
		fmt.Fprintf(&api.log, "%v %+v %#v\n", res, res, res)
	})
	api.Handler = chain.Handler(security.Authenticated().HandlerFunc(whoAmI))
	return api
}

// jwtCase is a token that is alice's, or bad.
type jwtCase struct {
	name, token string
	good        bool
}

var jwtB64Token = regexp.MustCompile(`^[A-Za-z0-9._~+/-]+=*$`)

// check presents the token to its verifier and to the API.
func (c jwtCase) check(t *testing.T, j *authenticators.JWT, api *jwtAPI) {
	t.Helper()
	client, err := j.VerifyToken(t.Context(), c.token)
	switch {
	case c.good && (err != nil || client.ClientID() != "alice"):
		t.Errorf("VerifyToken: %v, %v, want alice", client, err)
	case !c.good && (client != nil || !errors.Is(err, authstar.InvalidToken)):
		t.Errorf("VerifyToken: %v, %v, want invalid_token", client, err)
	}
	api.log.Reset()
	r := request("GET", "/me")
	r.Header.Set("Authorization", "Bearer "+c.token)
	res := serve(api, r)
	challenge := res.Header.Get("WWW-Authenticate")
	status, answer := read(t, res)
	want, code := 401, "invalid_token"
	switch {
	case c.good:
		want, code = 200, "alice"
	case !jwtB64Token.MatchString(c.token):
		want, code = 400, "invalid_request" // RFC 6750 section 3.1
	}
	if status != want || answer != code {
		t.Errorf("answer: %d %q, want %d %q", status, answer, want, code)
	}
	if !c.good && !strings.Contains(challenge, `error="`+code+`"`) {
		t.Errorf("challenge: %s", challenge)
	}
	c.checkLog(t, api.log.String())
}

// checkLog looks for parts of the token, and for lines that it forged (N04).
func (c jwtCase) checkLog(t *testing.T, log string) {
	t.Helper()
	for part := range strings.SplitSeq(c.token, ".") {
		if len(part) > 20 && strings.Contains(log, part) {
			t.Errorf("N04: a log shows a part of the token: %s", log)
		}
	}
	if strings.Contains(log, "\nforged") || strings.Contains(log, "\rforged") {
		t.Errorf("J11: a token forged a line of the log: %s", log)
	}
}

// jwtCheck runs the cases beside B's verifier, so that tokens are routed.
func jwtCheck(t *testing.T, j *authenticators.JWT, cases ...jwtCase) {
	t.Helper()
	var other authenticators.TokenVerifier = jwtVerifierB(t)
	if j.AcceptsIssuer(jwtIssuerB) {
		other = jwtVerifier(t, authenticators.JWTConfig{})
	}
	api := newJWTAPI(t, j, other)
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) { c.check(t, j, api) })
	}
}
