package gorilla_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/gorilla/sessions"

	"github.com/authstar/authstar"
	"github.com/authstar/authstar/authenticators"
	"github.com/authstar/authstar/examples/sessions/gorilla"
)

func carol() *gorilla.User {
	return &gorilla.User{Identity: authstar.Identity{ID: "carol"}}
}

// request has the cookies of the answers.
func request(answers ...*httptest.ResponseRecorder) *http.Request {
	r := httptest.NewRequest("GET", "https://app.test/", nil)
	for _, w := range answers {
		for _, c := range w.Result().Cookies() {
			r.AddCookie(c)
		}
	}
	return r
}

func login(t *testing.T, store sessions.Store, r *http.Request) *httptest.ResponseRecorder {
	t.Helper()
	w := httptest.NewRecorder()
	if err := gorilla.Login(store, w, r, carol()); err != nil {
		t.Fatal(err)
	}
	return w
}

func who(t *testing.T, store sessions.Store, r *http.Request) authstar.Result {
	t.Helper()
	chain, err := authstar.New(authenticators.NewSession(gorilla.CookieName, gorilla.Load(store)))
	if err != nil {
		t.Fatal(err)
	}
	return chain.Authenticate(r)
}

func TestS02ForgedCookies(t *testing.T) {
	store := gorilla.NewStore(random(), random())
	w := login(t, store, request())
	good := w.Result().Cookies()[0].Value
	for i := range len(good) - 2 { // the last bits of base64 mean nothing
		r := request()
		forged := good[:i] + string(good[i]^1) + good[i+1:]
		r.AddCookie(&http.Cookie{Name: gorilla.CookieName, Value: forged})
		if res := who(t, store, r); res.Client != nil {
			t.Fatalf("S02 byte %d changed: %v", i, res)
		}
	}
	if res := who(t, gorilla.NewStore(random(), random()), request(w)); res.Client != nil || res.Err != nil {
		t.Errorf("S02 the keys of another: %v", res)
	}
	if res := who(t, store, request(w)); res.Client == nil {
		t.Errorf("S02 as it came: %v", res)
	}
}

func TestS05Cookie(t *testing.T) {
	line := login(t, gorilla.NewStore(random(), random()), request()).Header().Get("Set-Cookie")
	for _, want := range []string{gorilla.CookieName + "=", "; Path=/;", "; Max-Age=43200;", "; HttpOnly", "; Secure", "; SameSite=Lax"} {
		if !strings.Contains(line, want) {
			t.Errorf("S05 %s is not in %s", want, line)
		}
	}
}

// S01: a session that an attacker has does not become the victim's.
func TestS01StoreOnTheServer(t *testing.T) {
	store := sessions.NewFilesystemStore(t.TempDir(), random())
	planted := login(t, store, request())
	victim := login(t, store, request(planted))
	if planted.Result().Cookies()[0].Value == victim.Result().Cookies()[0].Value {
		t.Error("S01 the session kept its id")
	}
	if res := who(t, store, request(victim)); res.Client == nil {
		t.Errorf("%v", res)
	}
}

// down is a store that cannot be asked.
type down struct{ sessions.Store }

func (down) New(*http.Request, string) (*sessions.Session, error) { return nil, errors.New("down") }

func TestStoreDown(t *testing.T) {
	w := login(t, gorilla.NewStore(random(), random()), request())
	if res := who(t, down{}, request(w)); !errors.Is(res.Err, authstar.TemporarilyUnavailable) {
		t.Errorf("%v", res)
	}
}
