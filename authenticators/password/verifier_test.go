package password_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/authstar/authstar"
	"github.com/authstar/authstar/authenticators"
	"github.com/authstar/authstar/authenticators/password"
	"github.com/authstar/authstar/tokenendpoint"
)

// A Verifier fits where passwords are checked.
var (
	_ authenticators.PasswordFunc = new(password.Verifier).Check
	_                             = tokenendpoint.Config{Authenticate: new(password.Verifier).Check}
	_ authstar.Authenticator      = new(password.Verifier).Basic("")
)

// B01 to B06, M03: through a chain, a guard and HTTP. Refusals are all the same.
func TestBasic(t *testing.T) {
	long := strings.Repeat("p", 1024)
	u := newUsers("bob", cheap(bobPassword), "long", cheap(long), "old", bcryptOf(t, strings.Repeat("x", 72), 4),
		"broken", "$2a$31$"+strings.Repeat("x", 53), "sso", "")
	u.decoy = ""
	h := newAPI(t, newVerifier(t, password.Config{Lookup: u.lookup, PerAccount: unlimited, PerAddress: unlimited}).Basic("orders"))
	for _, test := range []struct {
		name, credentials string
		status            int
		lookedUp          bool
	}{
		{"B01 colons and UTF-8 in the password", "bob:" + bobPassword, 200, true},
		{"B02 the password in Latin-1", "bob:pa:ss:w\xf6rd", 401, false},
		{"B03 no colon", "bob", 401, false},
		{"B04 no user name", ":" + bobPassword, 401, false},
		{"B04 no password", "bob:", 401, false},
		{"B05 NUL in the user name", "bob\x00:" + bobPassword, 401, false},
		{"B05 a line break in the password", "bob:" + bobPassword + "\n", 401, false},
		{"1,024 bytes", "long:" + long, 200, true},
		{"more than 1,024 bytes", "long:" + long + "p", 401, false},
		{"a user name of more than 1,024 bytes", long + "p:p", 401, false},
		{"B06 72 bytes", "old:" + strings.Repeat("x", 72), 200, true},
		{"B06 72 bytes and more", "old:" + strings.Repeat("x", 72) + "EVIL", 401, true},
		{"B07 a wrong password", "bob:wrong", 401, true},
		{"B07 an unknown user", "nobody:wrong", 401, true},
		{"B07 B11 a broken hash", "broken:wrong", 401, true},
		{"B07 no hash", "sso:wrong", 401, true},
		{"B10 a part of the password", "bob:" + bobPassword[:len(bobPassword)-1], 401, true},
		{"B10 the password and more", "bob:" + bobPassword + "x", 401, true},
		{"the hash is no password", "bob:" + cheap(bobPassword), 401, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			for range 2 { // not remembered, and perhaps remembered
				before := u.lookups()
				w := get(h, "/me", test.credentials)
				if w.Code != test.status || u.lookups() > before != test.lookedUp {
					t.Fatalf("%d after %d lookups", w.Code, u.lookups()-before)
				}
				if w.Code == 401 {
					want := get(h, "/me", "nobody:nothing")
					if w.Body.String() != want.Body.String() || fmt.Sprint(w.Header()) != fmt.Sprint(want.Header()) {
						t.Errorf("B07 %v %s, and for an unknown user %v %s", w.Header(), w.Body, want.Header(), want.Body)
					}
					if w.Header().Get("Cache-Control") != "no-store" || w.Header().Get("WWW-Authenticate") != `Basic realm="orders", charset="UTF-8"` {
						t.Errorf("M08 B02 %v", w.Header())
					}
				}
				if w := get(h, "/write", test.credentials); test.status == 200 && w.Code != 403 {
					t.Errorf("M03 %d without the scope", w.Code)
				}
			}
		})
	}
}

func TestBasicSchemes(t *testing.T) {
	v := newVerifier(t, password.Config{Lookup: newUsers().lookup})
	for _, test := range []struct {
		name  string
		basic *password.Basic
		want  string
	}{
		{"without a realm", v.Basic(""), `Basic realm="api", charset="UTF-8"`},
		{"B12 a realm that would add a parameter", v.Basic(`x", charset="y`), `Basic realm="x\", charset=\"y", charset="UTF-8"`},
		{"without the dialog of browsers", v.Basic("orders").WithoutChallenge(), `xBasic realm="orders", charset="UTF-8"`},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := get(newAPI(t, test.basic), "/me", "bob:wrong").Header().Get("WWW-Authenticate"); got != test.want {
				t.Errorf("%s, want %s", got, test.want)
			}
		})
	}
	for name, basic := range map[string]*password.Basic{
		"B12 a realm with a line break": v.Basic("x\r\ny"),
		"X05 nil":                       (*password.Verifier)(nil).Basic("orders"),
	} {
		if _, err := authstar.New(basic); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestConfig(t *testing.T) {
	lookup := newUsers().lookup
	for _, test := range []struct {
		name   string
		config password.Config
		want   []string
	}{
		{"the least", password.Config{Lookup: lookup}, nil},
		{"the most", password.Config{Lookup: lookup, MaxConcurrent: 1024, MaxWaiting: 10_000, Remember: time.Hour,
			PerAccount: password.Limit{Burst: 10_000, Every: 24 * time.Hour}}, nil},
		{"less than nothing", password.Config{Lookup: lookup, MaxWaiting: -1, Remember: -1}, nil},
		{"X05 nothing", password.Config{}, []string{"Lookup"}},
		{"all at once", password.Config{MaxConcurrent: -1, MaxWaiting: 10_001, Remember: 61 * time.Minute, MaxRemembered: -1,
			PerAccount: password.Limit{Burst: 1}, PerAddress: password.Limit{Every: 1}},
			[]string{"Lookup", "MaxConcurrent", "MaxWaiting", "Remember:", "MaxRemembered", "PerAccount", "PerAddress"}},
		{"more than the most", password.Config{Lookup: lookup, MaxConcurrent: 1025, PerAccount: password.Limit{Burst: 10_001, Every: 1},
			PerAddress: password.Limit{Burst: 1, Every: 25 * time.Hour}}, []string{"MaxConcurrent", "PerAccount", "PerAddress"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			v, err := password.New(test.config)
			if (err == nil) != (len(test.want) == 0) || (v == nil) != (err != nil) {
				t.Fatalf("New() = %v, %v", v, err)
			}
			for _, want := range test.want {
				if !strings.Contains(err.Error(), "password: Config."+want) {
					t.Errorf("%q is not in %q", want, err)
				}
			}
		})
	}
}

// X04: whoever may not log in is nobody, with the right password too.
func TestNobody(t *testing.T) {
	for _, test := range []struct {
		name   string
		client authstar.Client
	}{
		{"nil", nil},
		{"X04 a nil pointer", (*authstar.Identity)(nil)},
		{"X04 an empty id", &authstar.Identity{}},
	} {
		for _, hash := range []string{cheap("x"), ""} {
			t.Run(fmt.Sprintf("%s, hash %t", test.name, hash != ""), func(t *testing.T) {
				v := newVerifier(t, password.Config{Lookup: func(context.Context, string) (string, authstar.Client, error) {
					return hash, test.client, nil
				}})
				wantWrong(t, v.Check, "bob", "x")
				wantWrong(t, v.Check, "bob", "x")
			})
		}
	}
}

func TestLookupErrors(t *testing.T) {
	down := errors.New("the database is down")
	disabled := &authstar.Error{Code: authstar.AccessDenied, Description: "come to the desk"}
	for _, test := range []struct {
		name string
		err  error
		want error // nil: a wrong password
	}{
		{"a plain error is an outage", down, authstar.TemporarilyUnavailable},
		{"an *authstar.Error is taken as it is", fmt.Errorf("lookup: %w", disabled), disabled},
		{"B07 invalid_client is an unknown user", &authstar.Error{Code: authstar.InvalidClient, Description: "no such user"}, nil},
		{"B07 no credentials is an unknown user", authstar.ErrNoCredentials, nil},
		{"a cancelled request is an outage", context.Canceled, authstar.TemporarilyUnavailable},
	} {
		t.Run(test.name, func(t *testing.T) {
			u := newUsers("bob", cheap("x"))
			u.err = test.err
			v := newVerifier(t, password.Config{Lookup: u.lookup, PerAccount: password.Limit{Burst: 1, Every: time.Hour}})
			client, err := v.Check(context.Background(), "bob", "x")
			if client != nil || !errors.Is(err, test.want) || test.want != nil && !errors.Is(err, test.err) {
				t.Fatalf("Check() = %v, %v; want %v", client, err, test.want)
			}
			u.change(func() { u.err = nil })
			if test.want == nil { // a guess, which is counted
				wantRefused(t, v.Check, "bob", "x", 429)
				return
			}
			wantRight(t, v.Check, "bob", "x") // M07: errors are not cached
		})
	}
}

// M12: a panic of Lookup leaves nothing locked.
func TestPanicOfLookup(t *testing.T) {
	u := newUsers("bob", cheap("x"))
	v := newVerifier(t, password.Config{Lookup: u.lookup, MaxConcurrent: 1, MaxWaiting: -1})
	h := newAPI(t, v.Basic(""))
	for range 3 {
		u.change(func() { u.panics = true })
		if w := get(h, "/me", "bob:x"); w.Code != 500 {
			t.Fatalf("%d, want 500", w.Code)
		}
		u.change(func() { u.panics = false })
		if w := get(h, "/me", "bob:x"); w.Code != 200 {
			t.Fatalf("%d, want 200", w.Code)
		}
	}
}

// An unusable hash is a wrong password for the client, and an error for the
// operator, which shows neither hash nor password (X12).
func TestObserve(t *testing.T) {
	broken := "$2a$31$" + strings.Repeat("abc", 17) + "de"
	var seen []error
	u := newUsers("bob\u2028", broken, "sso", "", "alice", cheap("x"))
	v := newVerifier(t, password.Config{Lookup: u.lookup, Observe: func(_ context.Context, err error) { seen = append(seen, err) }})
	for _, name := range []string{"sso", "alice", "nobody"} {
		wantWrong(t, v.Check, name, "guess")
	}
	if len(seen) > 0 {
		t.Fatalf("observed %v", seen)
	}
	wantWrong(t, v.Check, "bob\u2028", "guess")
	if len(seen) != 1 || !errors.Is(seen[0], password.ErrHash) || !strings.Contains(seen[0].Error(), `"bob\u2028"`) {
		t.Fatalf("observed %v", seen)
	}
	wantSilent(t, seen[0].Error(), broken, broken[7:20], "guess")
}

// X13, M10: what is printed of a Verifier that remembers.
func TestPrintedVerifier(t *testing.T) {
	hash := cheap(bobPassword)
	v := newVerifier(t, password.Config{Lookup: newUsers("bob", hash).lookup})
	wantRight(t, v.Check, "bob", bobPassword)
	wantWrong(t, v.Check, "bob", "a wrong guess")
	text := fmt.Sprintf("%v %+v %#v %s", v, v, v, v.LogValue())
	wantSilent(t, text, "bob", bobPassword, "a wrong guess", hash)
	deep := new(strings.Builder)
	dump(deep, reflect.ValueOf(v).Elem(), 0)
	wantSilent(t, deep.String(), bobPassword, "a wrong guess", hash, hash[len(hash)-20:])
	if !strings.Contains(deep.String(), "16") { // of the shards at least
		t.Error("nothing was dumped")
	}
}

// dump writes all that can be reached from a value, unexported or not.
func dump(b *strings.Builder, v reflect.Value, depth int) {
	if depth > 20 {
		return
	}
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		if !v.IsNil() {
			dump(b, v.Elem(), depth+1)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			dump(b, v.Field(i), depth+1)
		}
	case reflect.Map:
		for iter := v.MapRange(); iter.Next(); {
			dump(b, iter.Key(), depth+1)
			dump(b, iter.Value(), depth+1)
		}
	case reflect.Slice, reflect.Array:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			for i := range v.Len() {
				b.WriteByte(byte(v.Index(i).Uint()))
			}
			return
		}
		fmt.Fprint(b, v.Len(), " ")
		for i := range v.Len() {
			dump(b, v.Index(i), depth+1)
		}
	case reflect.String:
		b.WriteString(v.String() + " ")
	}
}
