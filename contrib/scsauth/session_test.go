package scsauth_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/alexedwards/scs/v2"

	"github.com/authstar/authstar"
	"github.com/authstar/authstar/contrib/scsauth"
)

func TestS01FixationOfAnIDThatNobodyMade(t *testing.T) {
	a := newApp(t, scsauth.Config[*user]{})
	b := a.withCookie("attacker")
	b.login()
	if b.cookie() == "attacker" || b.cookie() == "" {
		t.Errorf("S01 the id after the login is %q", b.cookie())
	}
	b.want(200, carolSeen, "GET", "/me")
	a.withCookie("attacker").want(401, "", "GET", "/me")
}

func TestS01FixationOfAnAnonymousSession(t *testing.T) {
	a := newApp(t, scsauth.Config[*user]{})
	attacker := a.browser()
	attacker.want(200, "", "POST", "/cart")
	victim := a.withCookie(attacker.cookie())
	victim.login()
	if victim.cookie() == attacker.cookie() {
		t.Fatal("S01 the id did not change")
	}
	victim.want(200, carolSeen, "GET", "/me")
	victim.want(200, "tea", "GET", "/cart") // what was in it goes along
	attacker.want(401, "", "GET", "/me")
	attacker.want(200, "", "GET", "/cart")
	if n := len(a.store.tokens()); n != 1 {
		t.Errorf("S01 the store has %d sessions, want the new one alone", n)
	}
}

func TestS01LoginOfTheSameAndOfAnother(t *testing.T) {
	a := newApp(t, scsauth.Config[*user]{})
	a.mux.HandleFunc("POST /login/dave", func(w http.ResponseWriter, r *http.Request) {
		answer(w, a.sessions.Login(r.Context(), &user{Identity: authstar.Identity{ID: "dave"}}))
	})
	b := a.browser()
	b.login()
	b.want(200, "", "POST", "/cart")
	old := b.cookie()
	b.login()
	b.want(200, "tea", "GET", "/cart")
	a.withCookie(old).want(401, "", "GET", "/me")
	b.want(200, "", "POST", "/login/dave")
	b.want(200, "dave of : ", "GET", "/me")
	if w := b.do("GET", "/cart"); w.Body.String() != "" {
		t.Errorf("dave has the cart of carol: %q", w.Body)
	}
}

// S01, J12: a user is an id of an issuer.
func TestS01LoginOfAnotherIssuersNamesake(t *testing.T) {
	a := newApp(t, scsauth.Config[*user]{})
	a.mux.HandleFunc("POST /login/{issuer}", func(w http.ResponseWriter, r *http.Request) {
		answer(w, a.sessions.Login(r.Context(), &user{Identity: authstar.Identity{ID: "dave", Issuer: r.PathValue("issuer")}}))
	})
	b := a.browser()
	b.want(200, "", "POST", "/login/one")
	b.want(200, "", "POST", "/cart")
	b.want(200, "", "POST", "/login/one")
	b.want(200, "tea", "GET", "/cart")
	b.want(200, "", "POST", "/login/two")
	if w := b.do("GET", "/cart"); w.Body.String() != "" {
		t.Errorf("one's dave left his cart to two's: %q", w.Body)
	}
}

func TestS02ForgedCookies(t *testing.T) {
	a := newApp(t, scsauth.Config[*user]{})
	b := a.browser()
	b.login()
	good := b.cookie()
	for i := range len(good) {
		forged := []byte(good)
		forged[i] ^= 1
		a.withCookie(string(forged)).want(401, "", "GET", "/me")
	}
	for _, forged := range []string{good[:len(good)-1], good + "A", strings.ToUpper(good), a.store.tokens()[0],
		base64.StdEncoding.EncodeToString([]byte(`{"client_id":"carol","scopes":["admin"],"is_authenticated":true}`))} {
		a.withCookie(forged).want(401, "", "GET", "/me")
		a.withCookie(forged).want(200, "-", "GET", "/open")
	}
	a.withCookie(good).want(200, carolSeen, "GET", "/me")
}

// S02: what the store has is not believed blindly.
func TestS02StoredRecords(t *testing.T) {
	const recordKey = "github.com/authstar/authstar client"
	now := time.Now().UTC().Format(time.RFC3339)
	good := fmt.Sprintf(`{"type":"github.com/authstar/authstar/contrib/scsauth_test.user","auth_time":%q,"started":%[1]q,"refreshed":%[1]q,`+
		`"client":{"client_id":"carol","scopes":["admin"],"tenant":"north"}}`, now)
	for _, test := range []struct {
		name   string
		stored any
		passes bool
	}{
		{"S02 as Login stores it", good, true},
		{"S02 another type", strings.Replace(good, "_test.user", "_test.admin", 1), false},
		{"S02 without a type", strings.Replace(good, "type", "kind", 1), false},
		{"S02 without an id", strings.Replace(good, `"client_id":"carol",`, "", 1), false},
		{"S02 authenticated, without an id", strings.Replace(good, `"client_id":"carol"`, `"is_authenticated":true`, 1), false},
		{"S02 an id of another type", strings.Replace(good, `"carol"`, "7", 1), false},
		{"S02 no client", strings.Replace(good, `"client":`, `"clients":`, 1), false},
		{"S02 a client that is null", good[:strings.Index(good, `{"client_id"`)] + "null}", false},
		{"S02 a part of it", good[:len(good)-2], false},
		{"S02 empty", "", false},
		{"S02 bytes", []byte(good), false},
		{"S02 a number", 7, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			a := newApp(t, scsauth.Config[*user]{})
			ctx, _ := a.manager.Load(t.Context(), "")
			a.manager.Put(ctx, recordKey, test.stored)
			token, _, err := a.manager.Commit(ctx)
			if err != nil {
				t.Fatal(err)
			}
			b := a.withCookie(token)
			if test.passes {
				b.want(200, carolSeen, "GET", "/me")
				return
			}
			b.want(200, "-", "GET", "/open")
			b.want(401, "", "GET", "/me")
			b.login()
			b.want(200, carolSeen, "GET", "/me")
		})
	}
}

func TestS02DataThatIsNoSession(t *testing.T) {
	a := newApp(t, scsauth.Config[*user]{})
	b := a.browser()
	b.login()
	name := a.store.tokens()[0]
	_ = a.store.Commit(name, []byte("garbage"), time.Now().Add(time.Hour))
	b.want(401, "", "GET", "/me")
	b.want(200, "-", "GET", "/open")
	if _, found, _ := a.store.Find(name); !found {
		t.Error("S02 what another version of the program may know was deleted")
	}
	b.login()
	b.want(200, carolSeen, "GET", "/me")
}

func TestS05CookieOfALogin(t *testing.T) {
	a := newApp(t, scsauth.Config[*user]{})
	w := a.browser().do("POST", "/login")
	lines := w.Result().Header["Set-Cookie"]
	if len(lines) != 1 {
		t.Fatalf("S05 %q", lines)
	}
	c, err := http.ParseSetCookie(lines[0])
	if err != nil {
		t.Fatal(err)
	}
	if c.Name != "__Host-session" || !c.Secure || !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || c.Path != "/" || c.Domain != "" || len(lines[0]) >= 4096 {
		t.Errorf("S05 %s", lines[0])
	}
	if c.MaxAge <= 0 || c.MaxAge > 1801 {
		t.Errorf("S05 the cookie lives for %d s", c.MaxAge)
	}
}

func TestS06Logout(t *testing.T) {
	a := newApp(t, scsauth.Config[*user]{})
	b := a.browser()
	b.login()
	stale := b.cookie()
	w := b.do("POST", "/logout")
	c := w.Result().Cookies()
	if len(c) != 1 || c[0].Value != "" || c[0].MaxAge >= 0 {
		t.Errorf("S06 the cookie was not deleted: %v", c)
	}
	if tokens := a.store.tokens(); len(tokens) != 0 {
		t.Errorf("S06 the store still has %q", tokens)
	}
	dead := a.withCookie(stale)
	dead.want(401, "", "GET", "/me")
	dead.want(200, "-", "GET", "/open")
	dead.login() // is not in the way
	dead.want(200, carolSeen, "GET", "/me")
}

// S06: a request that was under way during the logout does not bring the session
// back, although scs writes it when the request is answered.
func TestS06LogoutDuringARequest(t *testing.T) {
	a := newApp(t, scsauth.Config[*user]{})
	started, finish := make(chan bool), make(chan bool)
	a.mux.HandleFunc("/slow", func(w http.ResponseWriter, r *http.Request) {
		close(started)
		<-finish
	})
	b := a.browser()
	b.login()
	id := b.cookie()
	done := make(chan bool)
	go func() {
		defer close(done)
		a.withCookie(id).do("GET", "/slow")
	}()
	<-started
	b.want(200, "", "POST", "/logout")
	close(finish)
	<-done
	a.withCookie(id).want(401, "", "GET", "/me")
	if tokens := a.store.tokens(); len(tokens) != 0 {
		t.Errorf("S06 the store has %q", tokens)
	}
}

// S06: what happens while the store is down.
func TestS06StoreDown(t *testing.T) {
	log := new(bytes.Buffer)
	a := newApp(t, scsauth.Config[*user]{Logger: slog.New(slog.NewTextHandler(log, nil))})
	b := a.browser()
	b.login()
	a.store.fail(errDown)
	b.want(503, "", "GET", "/me")
	b.want(200, "-", "GET", "/open")
	b.want(503, "", "POST", "/logout")
	b.want(503, "", "POST", "/login")
	a.browser().want(503, "", "POST", "/login")
	a.browser().want(200, "-", "GET", "/open")
	if w := b.do("GET", "/me"); w.Header().Get("Retry-After") == "" || strings.Contains(w.Body.String(), "down") {
		t.Errorf("C11 %v %s", w.Header(), w.Body)
	}
	a.store.fail(nil)
	b.want(200, carolSeen, "GET", "/me") // the logout failed, and said so

	a.mux.HandleFunc("/fails", func(w http.ResponseWriter, r *http.Request) {
		a.store.fail(errDown)
		fmt.Fprint(w, "fine")
	})
	log.Reset()
	if w := b.do("GET", "/fails"); w.Code != 200 || w.Body.String() != "fine" || w.Header()["Set-Cookie"] != nil {
		t.Errorf("X10 a session that cannot be written: %d %q %v", w.Code, w.Body, w.Header())
	}
	if !strings.Contains(log.String(), errDown.Error()) || strings.Contains(log.String(), b.cookie()) {
		t.Errorf("N04 logged: %s", log)
	}
}

func TestS10TheIDInTheURL(t *testing.T) {
	a := newApp(t, scsauth.Config[*user]{})
	b := a.browser()
	b.login()
	stranger := a.browser()
	for _, target := range []string{"/me?__Host-session=", "/me?sid=", "/open;jsessionid=", "/open?session="} {
		if w := stranger.do("GET", target+b.cookie()); strings.Contains(w.Body.String(), "carol") {
			t.Errorf("S10 %s: %d %s", target, w.Code, w.Body)
		}
	}
	stranger.want(401, "", "GET", "/me", "X-Session: "+b.cookie())
	b.want(200, carolSeen, "GET", "/me")
}

// The chain decides between a session and what stands beside it.
func TestS04BadTokenBesideASession(t *testing.T) {
	a := newApp(t, scsauth.Config[*user]{})
	b := a.browser()
	b.login()
	b.want(401, "", "GET", "/me", "Authorization: Bearer bad")
	b.want(200, carolSeen, "GET", "/me")
}

func TestLoginOfNobody(t *testing.T) {
	a := newApp(t, scsauth.Config[*user]{})
	for _, test := range []struct {
		name   string
		client *user
		at     time.Time
	}{
		{"nil", nil, time.Now()},
		{"without an id", &user{Tenant: "north"}, time.Now()},
		{"no JSON", &user{Identity: authstar.Identity{ID: "carol", Expires: time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)}}, time.Now()},
		{"in the future", carol(), time.Now().Add(time.Hour)},
		{"at no time", carol(), time.Time{}},
	} {
		t.Run(test.name, func(t *testing.T) {
			a.mux.HandleFunc("/"+strings.ReplaceAll(test.name, " ", "-"), func(w http.ResponseWriter, r *http.Request) {
				answer(w, a.sessions.LoginAt(r.Context(), test.client, test.at))
			})
			b := a.browser()
			b.want(503, "", "POST", "/"+strings.ReplaceAll(test.name, " ", "-"))
			b.want(401, "", "GET", "/me")
		})
	}
}

func TestOutsideOfHandler(t *testing.T) {
	a := newApp(t, scsauth.Config[*user]{})
	if err := a.sessions.Login(t.Context(), carol()); !errors.Is(err, authstar.ServerError) {
		t.Errorf("Login: %v", err)
	}
	if err := a.sessions.Logout(t.Context()); !errors.Is(err, authstar.ServerError) {
		t.Errorf("Logout: %v", err)
	}
	chain, _ := authstar.New(a.sessions.Authenticator())
	r := httptest.NewRequest("GET", site+"/me", nil)
	r.AddCookie(&http.Cookie{Name: "__Host-session", Value: "S1"})
	if res := chain.Authenticate(r); !errors.Is(res.Err, authstar.ServerError) {
		t.Errorf("the chain: %v", res)
	}
}

// heedful is a store that heeds the context, as most databases do.
type heedful struct{ scs.Store }

func (h heedful) FindCtx(ctx context.Context, token string) ([]byte, bool, error) {
	if err := ctx.Err(); err != nil {
		return nil, false, err
	}
	return h.Find(token)
}

func (h heedful) CommitCtx(ctx context.Context, token string, b []byte, expiry time.Time) error {
	return errors.Join(ctx.Err(), h.Commit(token, b, expiry))
}

func (h heedful) DeleteCtx(ctx context.Context, token string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return h.Delete(token)
}

func TestS06LogoutWhoseClientIsGone(t *testing.T) {
	a := newApp(t, scsauth.Config[*user]{})
	a.manager.Store = heedful{a.store}
	a.build(scsauth.Config[*user]{})
	b := a.browser()
	b.login()
	b.want(200, carolSeen, "GET", "/me")
	a.mux.HandleFunc("/gone", func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithCancel(r.Context())
		cancel()
		answer(w, a.sessions.Logout(ctx))
	})
	b.want(200, "", "POST", "/gone")
	if tokens := a.store.tokens(); len(tokens) != 0 {
		t.Errorf("S06 the store has %q", tokens)
	}
}

func TestClaimsOfASession(t *testing.T) {
	a := newApp(t, scsauth.Config[*user]{})
	at := time.Now().Add(-time.Hour).Truncate(time.Second)
	a.mux.HandleFunc("/oidc", func(w http.ResponseWriter, r *http.Request) {
		answer(w, a.sessions.LoginAt(r.Context(), carol(), at))
	})
	var got *user
	a.mux.HandleFunc("/who", func(w http.ResponseWriter, r *http.Request) { got, _ = authstar.ClientAs[*user](r.Context()) })
	b := a.browser()
	b.want(200, "", "POST", "/oidc")
	b.do("GET", "/who")
	if got == nil {
		t.Fatal("no client")
	}
	var claims struct {
		At    int64 `json:"auth_time"`
		Other int64 `json:"AUTH_TIME"`
	}
	if err := got.Claims(&claims); err != nil || claims.At != at.Unix() || claims.Other != 0 {
		t.Errorf("%+v, %v", claims, err)
	}
	if v, ok := got.Claim("auth_time"); !ok || v != json.Number(fmt.Sprint(at.Unix())) {
		t.Errorf("auth_time is %v", v)
	}
	if _, ok := got.Claim("sub"); ok {
		t.Error("a claim that nobody made")
	}
	if left := time.Until(got.Expires); left < 11*time.Hour || left > 12*time.Hour {
		t.Errorf("ends in %v", left)
	}
	if !slices.Equal(got.Scopes(), []string{"admin"}) || got.Tenant != "north" {
		t.Errorf("%+v", got)
	}
	b.want(401, "", "GET", "/recent")
	b.login()
	b.want(200, carolSeen, "GET", "/recent")
}
