package tokenendpoint_test

import (
	"encoding/base64"
	"math/rand/v2"
	"net/url"
	"strings"
	"testing"

	"github.com/authstar/authstar/tokenendpoint"
)

// X16: whatever is sent, the order of the parameters decides nothing, a repeated one
// is refused, nothing is a fault, and who gets a token sent the right secret, in
// one way, with the right grant type and scopes of the client's.
func FuzzTokenForm(f *testing.F) {
	for _, body := range []string{
		asForm, ask, "", "&", "=", "&&=&", asForm + "&scope=read", asForm + "&scope=admin", asForm + "&scope=read&scope=read", asForm + "&scope=&%73cope=",
		asForm + "&a[=1", asForm + "&a]=1", asForm + "&a.b=1", asForm + "&x=1;y=2", asForm + "&%zz", asForm + "&scope=%22", asForm + "&resource=x&resource=x",
		"grant_type=password&client_id=svc&client_secret=s3cret", ask + "&client_id=svc&client_secret=wrong", ask + "&client_id=svc", ask + "&client_id=a-b",
		ask + "&client_id=bj%C3%B8rn&client_secret=p%C3%A4ssw%C3%B6rd-%E2%9C%93", asForm + strings.Repeat("&x", 99),
	} {
		for _, line := range []string{"", basic("svc", svcSecret), basic("svc", wrongSecret), basic("pl%2Bus", "a%2Bb"), basic("pl+us", "a+b"), "Authorization: Basic !", "Authorization: Bearer x"} {
			f.Add(body, strings.TrimPrefix(line, "Authorization: "), uint64(7))
		}
	}
	endpoint := newEndpoint(f, tokenendpoint.Config{})
	f.Fuzz(func(t *testing.T, body, authorization string, seed uint64) {
		send := func(body string) answer {
			r := newRequest("POST", "/oauth2/token", body)
			if authorization != "" {
				r.Header["Authorization"] = []string{authorization}
			}
			return serve(t, endpoint, r)
		}
		a := send(body)
		if a.status >= 500 {
			t.Errorf("a fault: %d %s", a.status, a.text)
		}
		shuffled := shuffle(body, seed)
		if b := send(shuffled); a.status != b.status || a.outcome() != b.outcome() {
			t.Errorf("%q is %d %s, %q is %d %s", body, a.status, a.text, shuffled, b.status, b.text)
		}
		if repeats(body) && (a.outcome() != badForm || a.status != 400 && a.status != 413) {
			t.Errorf("a parameter is repeated in %q: %d %s", body, a.status, a.text)
		}
		if a.status == 200 && !deserved(body, authorization, a.get("scope")) {
			t.Errorf("%q with %q gets %s", body, authorization, a.text)
		}
	})
}

func shuffle(body string, seed uint64) string {
	pairs := strings.Split(body, "&")
	rand.New(rand.NewPCG(seed, 0)).Shuffle(len(pairs), func(i, j int) { pairs[i], pairs[j] = pairs[j], pairs[i] })
	return strings.Join(pairs, "&")
}

// repeats reads the body from the left, without net/url's map.
func repeats(body string) bool {
	seen := make(map[string]bool)
	for pair := range strings.SplitSeq(body, "&") {
		name, _, _ := strings.Cut(pair, "=")
		name, err := url.QueryUnescape(name)
		if pair == "" || err != nil || strings.Contains(pair, ";") {
			continue
		}
		if seen[name] {
			return true
		}
		seen[name] = true
	}
	return false
}

// deserved is a slow and independent reading of a request that got a token.
func deserved(body, authorization, scope string) bool {
	values, err := url.ParseQuery(body)
	if err != nil || values.Get("grant_type") != "client_credentials" {
		return false
	}
	for s := range strings.SplitSeq(scope, " ") {
		if s != "read" && s != "write" || values.Get("scope") != "" && !strings.Contains(values.Get("scope"), s) {
			return false
		}
	}
	right := func(id, secret string) bool { return secret != "" && secrets[id] == secret }
	id, secret := values.Get("client_id"), values.Get("client_secret")
	words := strings.Fields(authorization)
	if len(words) == 0 || !strings.EqualFold(words[0], "Basic") {
		return right(id, secret)
	}
	pair, err := base64.StdEncoding.DecodeString(strings.Join(words[1:], ""))
	if err != nil || secret != "" {
		return false
	}
	rawID, rawSecret, _ := strings.Cut(string(pair), ":")
	plainID, _ := url.QueryUnescape(rawID)
	plainSecret, _ := url.QueryUnescape(rawSecret)
	return (right(rawID, rawSecret) || right(plainID, plainSecret)) && (id == "" || id == rawID || id == plainID)
}
