package authserver_test

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/authstar/authstar/authserver"
)

// O09 O10 O15 TK-18 TK-19 TK-20 TK-21 TK-28: redemptions of a fresh code of "spa".
func TestRedemption(t *testing.T) {
	otherVerifier := strings.Repeat("v", 43)
	f := newFixture(t)
	for name, row := range map[string]struct {
		who   string
		pairs []string
		want  string
	}{
		"TK-18 as it should be":                   {"spa", nil, "ok"},
		"TK-18 and a resource that was granted":   {"spa", []string{"resource", issuer}, "ok"},
		"TK-18 and parameters that nobody knows":  {"spa", []string{"scope", "admin", "x", "y"}, "ok"},
		"O15 another client":                      {"other:other-secret", nil, "invalid_grant"},
		"O15 another public client":               {"short", []string{"redirect_uri", "https://good.example/cb"}, "invalid_grant"},
		"O15 no client":                           {"", nil, "invalid_client"},
		"O15 another redirect URI":                {"spa", []string{"redirect_uri", "https://good.example/cb/"}, "invalid_grant"},
		"TK-20 no redirect URI":                   {"spa", []string{"redirect_uri", ""}, "invalid_grant"},
		"O09 TK-21 no verifier":                   {"spa", []string{"code_verifier", ""}, "invalid_grant"},
		"O10 another verifier":                    {"spa", []string{"code_verifier", otherVerifier}, "invalid_grant"},
		"O10 the challenge itself":                {"spa", []string{"code_verifier", challenge}, "invalid_grant"},
		"O10 a verifier of 42":                    {"spa", []string{"code_verifier", verifier[1:]}, "invalid_grant"},
		"O10 one more letter":                     {"spa", []string{"code_verifier", verifier + "a"}, "invalid_grant"},
		"TK-19 no code":                           {"spa", []string{"code", ""}, "invalid_request"},
		"TK-19 an unknown code":                   {"spa", []string{"code", strings.Repeat("x", 43)}, "invalid_grant"},
		"TK-19 a short code":                      {"spa", []string{"code", "x"}, "invalid_grant"},
		"TK-28 another resource":                  {"spa", []string{"resource", "https://other.example"}, "invalid_target"},
		"O24 a client with client_credentials":    {"machine:machine-secret", []string{"redirect_uri", "x"}, "unauthorized_client"},
		"TK-03 the grant type in another writing": {"spa", []string{"grant_type", "Authorization_Code"}, "unsupported_grant_type"},
		"AZ-19 passwords":                         {"spa", []string{"grant_type", "password"}, "unsupported_grant_type"},
	} {
		t.Run(name, func(t *testing.T) {
			form := params(url.Values{
				"grant_type": {"authorization_code"}, "code": {f.code(ask())}, "code_verifier": {verifier}, "redirect_uri": {"https://good.example/cb"},
			}, row.pairs...)
			if a := f.post("/oauth2/token", row.who, form); a.outcome() != row.want {
				t.Errorf("%d %s, want %s", a.status, a.text, row.want)
			}
		})
	}
}

// O10: the bounds of a verifier (RFC 7636 section 4.1).
func TestVerifierGrammar(t *testing.T) {
	f := newFixture(t)
	for text, ok := range map[string]bool{
		strings.Repeat("a", 43):            true,
		strings.Repeat("a", 128):           true,
		strings.Repeat("aZ09-._~", 6):      true,
		strings.Repeat("a", 42):            false,
		strings.Repeat("a", 129):           false,
		strings.Repeat("a", 42) + "+":      false,
		strings.Repeat("a", 42) + "=":      false,
		strings.Repeat("a", 42) + " ":      false,
		strings.Repeat("a", 42) + "é":      false,
		strings.Repeat("a", 42) + "\x00":   false,
		strings.Repeat("a", 42) + "\xffab": false,
	} {
		sum := sha256.Sum256([]byte(text))
		code := f.code(ask("code_challenge", base64.RawURLEncoding.EncodeToString(sum[:])))
		if a := f.redeem(code, "code_verifier", text); (a.status == http.StatusOK) != ok {
			t.Errorf("%q: %s", text, a.text)
		}
	}
}

// O14: a code with the verifier of another session, which spoils it.
func TestCodeInjection(t *testing.T) {
	f := newFixture(t)
	mine := strings.Repeat("m", 43)
	sum := sha256.Sum256([]byte(mine))
	stolen := f.code(ask())
	own := f.code(ask("code_challenge", base64.RawURLEncoding.EncodeToString(sum[:])))
	if a := f.redeem(stolen, "code_verifier", mine); a.get("error") != "invalid_grant" {
		t.Errorf("O14: %s", a.text)
	}
	if a := f.redeem(stolen); a.get("error") != "invalid_grant" {
		t.Errorf("O14: the code is still good: %s", a.text)
	}
	if a := f.redeem(own, "code_verifier", mine); a.status != http.StatusOK {
		t.Errorf("the session's own: %s", a.text)
	}
}

// O06 TK-24
func TestReplay(t *testing.T) {
	for name, replay := range map[string]func(f *fixture, code string) answer{
		"the same request":   func(f *fixture, code string) answer { return f.redeem(code) },
		"a wrong verifier":   func(f *fixture, code string) answer { return f.redeem(code, "code_verifier", "") },
		"by somebody else":   func(f *fixture, code string) answer { return f.redeemAs("other:other-secret", code) },
		"when it is expired": func(f *fixture, code string) answer { f.advance(9 * time.Minute); return f.redeem(code) },
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			code := f.code(ask())
			first := f.redeem(code)
			f.wantAlive("before", first.get("access_token"))
			if a := replay(f, code); a.get("error") != "invalid_grant" {
				t.Errorf("TK-24: %s", a.text)
			}
			f.wantDead("TK-24", first.get("access_token"))
			if a := f.refresh("spa", first.get("refresh_token")); a.get("error") != "invalid_grant" {
				t.Errorf("TK-24: the refresh token got %s", a.text)
			}
		})
	}
}

// O06 TK-24: a replay long after the code and the access token have ended still
// ends the refresh tokens, and whatever access token there is; another code does
// not.
func TestLateReplay(t *testing.T) {
	for name, row := range map[string]struct {
		months int
		replay func(f *fixture, code string) answer
		dead   bool
	}{
		"after an hour":              {0, func(f *fixture, code string) answer { return f.redeem(code) }, true},
		"after two months":           {2, func(f *fixture, code string) answer { return f.redeem(code) }, true},
		"by somebody else":           {1, func(f *fixture, code string) answer { return f.redeemAs("other:other-secret", code) }, true},
		"with a wrong verifier":      {1, func(f *fixture, code string) answer { return f.redeem(code, "code_verifier", "") }, true},
		"a code that nobody has":     {1, func(f *fixture, code string) answer { return f.redeem(code[1:] + "A") }, false},
		"the code of another login":  {1, func(f *fixture, _ string) answer { other := f.code(ask()); f.redeem(other); return f.redeem(other) }, false},
		"without authenticating":     {1, func(f *fixture, code string) answer { return f.redeemAs("web:wrong", code) }, false},
		"the code in another letter": {1, func(f *fixture, code string) answer { return f.redeem(strings.ToUpper(code)) }, false},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			code := f.code(ask())
			last := f.redeem(code)
			f.advance(time.Hour)
			for range 3 * row.months {
				last = f.refresh("spa", last.get("refresh_token"))
				f.advance(10 * 24 * time.Hour)
			}
			last = f.refresh("spa", last.get("refresh_token"))
			f.wantAlive("before", last.get("access_token"))
			if a := row.replay(f, code); a.status == http.StatusOK {
				t.Errorf("TK-24: %s", a.text)
			}
			if a := f.refresh("spa", last.get("refresh_token")); (a.get("error") == "invalid_grant") != row.dead {
				t.Errorf("TK-24: the refresh token got %s", a.text)
			}
			if row.dead {
				f.wantDead("TK-24", last.get("access_token"))
			} else {
				f.wantAlive("TK-24", last.get("access_token"))
			}
		})
	}
}

// D14: codes that never were leave nothing in the store.
func TestInventedCodesStoreNothing(t *testing.T) {
	store := newSpy()
	f := newFixture(t, func(c *authserver.Config) { c.Store = store })
	writes := 0
	store.before = func(string) { writes++ }
	for i := range 100 {
		if a := f.redeem(fmt.Sprintf("%043d", i)); a.get("error") != "invalid_grant" {
			t.Errorf("%s", a.text)
		}
	}
	if writes != 0 {
		t.Errorf("D14: %d writes", writes)
	}
	f.redeem(f.code(ask()))
	if writes != 3 {
		t.Errorf("a code that was: %d writes instead of 3", writes)
	}
}

// O06: a replay that comes before the code is used, and one that comes when it is
// and its tokens are not there yet.
func TestReplayInBetween(t *testing.T) {
	for _, call := range []string{"swap code:", "add family:"} {
		store := newSpy()
		f := newFixture(t, func(c *authserver.Config) { c.Store = store })
		code := f.code(ask())
		var other answer
		store.before = func(now string) {
			if strings.HasPrefix(now, call) {
				other = f.redeem(code)
			}
		}
		mine := f.redeem(code)
		store.before = nil
		first, second := mine, other
		if call == "swap code:" {
			first, second = other, mine
		}
		if first.status != http.StatusOK || second.get("error") != "invalid_grant" {
			t.Fatalf("O06: %s: %s and %s", call, first.text, second.text)
		}
		f.wantDead("O06", first.get("access_token"))
		if _, ok, _ := store.Get(t.Context(), "family:"+first.get("refresh_token")[:22]); ok {
			t.Errorf("O06: %s: the refresh token outlives the replay", call)
		}
	}
}

// O06: of 50 at once one gets tokens, which are worth nothing.
func TestConcurrentRedemptions(t *testing.T) {
	for range 5 {
		f := newFixture(t)
		code := f.code(ask())
		var won atomic.Int64
		var tokens sync.Map
		start := make(chan struct{})
		var wg sync.WaitGroup
		for range 50 {
			wg.Go(func() {
				<-start
				switch a := f.redeem(code); a.outcome() {
				case "ok":
					won.Add(1)
					tokens.Store(a.get("access_token"), a.get("refresh_token"))
				case "invalid_grant":
				default:
					t.Errorf("%d %s", a.status, a.text)
				}
			})
		}
		close(start)
		wg.Wait()
		if won.Load() != 1 {
			t.Fatalf("O06: %d of 50 redemptions succeeded", won.Load())
		}
		tokens.Range(func(access, refresh any) bool {
			f.wantDead("O06", access.(string))
			if a := f.refresh("spa", refresh.(string)); a.get("error") != "invalid_grant" {
				t.Errorf("O06: the refresh token got %s", a.text)
			}
			return true
		})
	}
}

// AZ-18 TK-19
func TestCodesExpire(t *testing.T) {
	f := newFixture(t)
	for age, ok := range map[time.Duration]bool{59 * time.Second: true, 60 * time.Second: false, 61 * time.Second: false, 601 * time.Second: false} {
		code := f.code(ask())
		f.advance(age)
		if a := f.redeem(code); (a.status == http.StatusOK) != ok {
			t.Errorf("after %v: %s", age, a.text)
		}
	}
	late := newFixture(t, func(c *authserver.Config) { c.Store = newSpy() }) // which keeps values longer
	code := late.code(ask())
	late.advance(61 * time.Second)
	if a := late.redeem(code); a.get("error") != "invalid_grant" {
		t.Errorf("AZ-18: %s", a.text)
	}
	for begin := time.Duration(0); begin < time.Second; begin += 45 * time.Millisecond {
		brief := newFixture(t, func(c *authserver.Config) { c.CodeLifetime, c.Store = time.Second, newSpy() })
		brief.advance(begin)
		for age, want := range map[time.Duration]string{13 * time.Millisecond: "ok", 990 * time.Millisecond: "ok", time.Second: "invalid_grant"} {
			code := brief.code(ask())
			brief.advance(age)
			if got := brief.redeem(code).outcome(); got != want {
				t.Errorf("AZ-18: a code for a second, begun after %v, after %v: %s", begin, age, got)
			}
		}
	}
	long := newFixture(t, func(c *authserver.Config) { c.CodeLifetime = 10 * time.Minute })
	code = long.code(ask())
	long.advance(9*time.Minute + 59*time.Second)
	if a := long.redeem(code); a.status != http.StatusOK {
		t.Errorf("a code for ten minutes after less: %s", a.text)
	}
}

// RFC 6749 section 4.1.3: who named no redirect URI need not name it again.
func TestRedirectURIThatWasNotGiven(t *testing.T) {
	f := newFixture(t)
	for _, uri := range []string{"", "https://good.example/cb"} {
		if a := f.redeem(f.code(ask("redirect_uri", "")), "redirect_uri", uri); a.status != http.StatusOK {
			t.Errorf("%q: %s", uri, a.text)
		}
	}
	if a := f.redeem(f.code(ask("redirect_uri", "")), "redirect_uri", "https://evil.example/"); a.get("error") != "invalid_grant" {
		t.Errorf("O15: %s", a.text)
	}
}

// O19 S09: nothing that a client or a browser holds is in the store.
func TestStoreHoldsNoSecret(t *testing.T) {
	store := newSpy()
	f := newFixture(t, func(c *authserver.Config) { c.Store = store })
	b := f.browser()
	_, values := f.sentBack(b.logIn(b.authorize(ask()), "stay_signed_in", "1"))
	secrets := map[string]string{"code": values.Get("code"), "verifier": verifier}
	for name, value := range b.cookies {
		secrets[name] = value
	}
	a := f.redeem(values.Get("code"))
	next := f.refresh("spa", a.get("refresh_token"))
	f.post("/oauth2/revoke", "spa", url.Values{"token": {next.get("access_token")}})
	secrets["access token"] = next.get("access_token")
	for i, token := range []string{a.get("refresh_token"), next.get("refresh_token")} {
		secrets["refresh token "+string(rune('1'+i))] = token[22:]
	}
	if len(secrets) != 7 {
		t.Fatalf("%d secrets", len(secrets))
	}
	if len(store.written()) < 5 {
		t.Fatalf("the store got %q", store.written())
	}
	for _, text := range store.written() {
		for name, secret := range secrets {
			raw, _ := base64.RawURLEncoding.DecodeString(secret)
			for _, form := range []string{secret, string(raw), hex.EncodeToString(raw), base64.StdEncoding.EncodeToString(raw)} {
				if form != "" && strings.Contains(text, form) {
					t.Errorf("O19: the store holds the %s: %.200q", name, text)
				}
			}
		}
	}
}
