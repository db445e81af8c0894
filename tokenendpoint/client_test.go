package tokenendpoint_test

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/authstar/authstar"
	"github.com/authstar/authstar/tokenendpoint"
)

func TestClientAuthentication(t *testing.T) {
	form := "&client_id=svc&client_secret=" + svcSecret
	wrong := []string{"svc " + wrongSecret}
	run(t, []row{
		{"TK-04 a wrong secret by Basic", []string{basic("svc", wrongSecret)}, ask, 401, denied, wrong},
		{"TK-04 an unknown client by Basic", []string{basic("nobody", svcSecret)}, ask, 401, denied, []string{"nobody s3cret"}},
		{"TK-05 a wrong secret by form", nil, ask + "&client_id=svc&client_secret=" + wrongSecret, 401, denied, wrong},
		{"TK-05 an unknown client by form", nil, ask + "&client_id=nobody&client_secret=x", 401, denied, []string{"nobody x"}},
		{"TK-06 no client authentication", nil, ask, 401, denied, nil},
		{"TK-06 an id alone is no authentication", nil, ask + "&client_id=svc", 401, denied, nil},
		{"TK-06 an empty secret is none", nil, ask + "&client_id=svc&client_secret=", 401, denied, nil},
		{"TK-06 a secret without an id", nil, ask + "&client_secret=" + svcSecret, 400, badForm, nil},

		{"O01 a bearer token is no client", []string{"Authorization: Bearer VA"}, ask, 401, denied, nil},
		{"O01 an API key is no client", []string{"X-API-Key: key1"}, ask, 401, denied, nil},
		{"O01 a session is no client", []string{"Cookie: sid=S1"}, ask, 401, denied, nil},
		{"O01 all of them are no client", []string{"Authorization: Bearer VA", "X-API-Key: key1", "Cookie: sid=S1"}, ask, 401, denied, nil},
		{"O01 a bearer token does no harm to a client", []string{"Authorization: Bearer VA"}, ask + form, 200, "ok read write", once},

		{"O02 TK-07 Basic and the same secret in the form", svc, ask + form, 400, badForm, nil},
		{"O02 TK-07 Basic and another client in the form", svc, ask + "&client_id=a-b&client_secret=c-d", 400, badForm, nil},
		{"O02 TK-07 Basic and a wrong secret in the form", svc, ask + "&client_id=svc&client_secret=" + wrongSecret, 400, badForm, nil},
		{"O02 TK-07 Basic and a secret without an id", svc, ask + "&client_secret=" + svcSecret, 400, badForm, nil},
		{"O02 Basic and its own id in the form", svc, ask + "&client_id=svc", 200, "ok read write", once},
		{"O02 Basic and another id in the form", svc, ask + "&client_id=a-b", 400, badForm, nil},
		{"O02 Basic and empty parameters", svc, ask + "&client_id=&client_secret=", 200, "ok read write", once},
		{"O02 two Authorization headers", []string{svc[0], svc[0]}, ask, 400, badForm, nil},
		{"O02 a bearer token before Basic", []string{"Authorization: Bearer VA", svc[0]}, ask, 400, badForm, nil},

		{"O03 a wrong secret by Basic, a good form", []string{basic("svc", wrongSecret)}, ask + form, 400, badForm, nil},
		{"O03 malformed Basic, a good form", []string{"Authorization: Basic !!!"}, ask + form, 400, badForm, nil},
		{"O03 a bare Basic, a good form", []string{"Authorization: Basic"}, ask + form, 400, badForm, nil},
		{"O03 a tab behind Basic, a good form", []string{"Authorization: Basic\t!!!"}, ask + form, 400, badForm, nil},
		{"O03 malformed Basic, an id in the form", []string{"Authorization: Basic !!!"}, ask + "&client_id=svc", 401, denied, nil},
		{"O03 a bare Basic", []string{"Authorization: Basic"}, ask, 401, denied, nil},
		{"O03 Basic without a colon", []string{"Authorization: Basic c3Zj"}, ask, 401, denied, nil},
		{"O03 Basic without an id", []string{basic("", svcSecret)}, ask, 401, denied, nil},
		{"O37 Basic without a secret", []string{basic("svc", "")}, ask, 401, denied, nil},
		{"O03 Basic with unused bits", []string{"Authorization: Basic c3ZjOnMzY3JldB=="}, ask, 401, denied, nil},
		{"O03 Basic of 12 KiB", []string{basic("svc", strings.Repeat("a", 9<<10))}, ask, 401, denied, nil},
		{"O03 the case of Basic does not matter", []string{strings.Replace(svc[0], "Basic ", "bAsIC  ", 1)}, ask, 200, "ok read write", once},
	})
}

// encodeAll writes every byte that is no letter or digit as %XX, as
// oauth4webapi does.
func encodeAll(s string) string {
	var b strings.Builder
	for _, c := range []byte(s) {
		if c >= '0' && c <= '9' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z' {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}

func asIs(s string) string { return s }

// TK-08: half of the clients form-encode inside of Basic, and half do not.
func TestSpellingsOfBasic(t *testing.T) {
	tr := new(trace)
	endpoint := newEndpoint(t, tokenendpoint.Config{Authenticate: tr.authenticate})
	for id, secret := range secrets {
		for spelling, encode := range map[string]func(string) string{"encoded": url.QueryEscape, "encoded altogether": encodeAll, "as it is": asIs} {
			if id == "codes" || id == "none" || encode("x:") == "x:" && strings.Contains(id, ":") {
				continue // RFC 7617 section 2: an id with a colon cannot be sent as it is
			}
			t.Run("TK-08 "+id+" "+spelling, func(t *testing.T) {
				a := post(t, endpoint, ask, basic(encode(id), encode(secret)))
				if a.status != 200 {
					t.Errorf("%d %s", a.status, a.text)
				}
				calls := tr.take()
				if last := calls[len(calls)-1]; last != id+" "+secret || len(calls) > 2 {
					t.Errorf("checked: %q", calls)
				}
				if a := post(t, endpoint, ask, basic(encode(id), encode(secret)+"x")); a.status != 401 {
					t.Errorf("with an x at its end: %d %s", a.status, a.text)
				}
				tr.take()
				if a := post(t, endpoint, ask+"&client_id="+url.QueryEscape(id), basic(encode(id), encode(secret))); a.status != 200 {
					t.Errorf("with its id in the form: %d %s", a.status, a.text)
				}
				tr.take()
			})
		}
	}
}

// O02: the client is the one that the form names beside Basic.
func TestBasicIsTheClientOfTheForm(t *testing.T) {
	tr := new(trace)
	endpoint := newEndpoint(t, tokenendpoint.Config{Authenticate: tr.authenticate})
	for named, want := range map[string][]string{
		"":    {"sv c " + wrongSecret, "sv+c " + wrongSecret},
		"svc": nil, "sv c": {"sv c " + wrongSecret}, "sv+c": {"sv+c " + wrongSecret},
	} {
		a := post(t, endpoint, ask+"&client_id="+url.QueryEscape(named), basic("sv+c", wrongSecret))
		if calls := tr.take(); !slices.Equal(calls, want) || (a.status == 400) != (want == nil) {
			t.Errorf("O02 %q: %d, checked %q, want %q", named, a.status, calls, want)
		}
	}
}

func TestWrongSecretsAreCheckedOncePerSpelling(t *testing.T) {
	tr := new(trace)
	endpoint := newEndpoint(t, tokenendpoint.Config{Authenticate: tr.authenticate})
	for _, row := range []struct {
		name, secret string
		calls        []string
	}{
		{"TK-08 letters have one spelling", "wrong", []string{"svc wrong"}},
		{"TK-08 a plus has two", "a+b", []string{"svc a b", "svc a+b"}},
		{"TK-08 an escape has two", "a%2Bb", []string{"svc a+b", "svc a%2Bb"}},
		{"TK-08 a percent sign alone has one", "100%", []string{"svc 100%"}},
		{"TK-08 an escape that is none has one", "%zz", []string{"svc %zz"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			if a := post(t, endpoint, ask, basic("svc", row.secret)); a.status != 401 {
				t.Errorf("%d %s", a.status, a.text)
			}
			if calls := tr.take(); !slices.Equal(calls, row.calls) {
				t.Errorf("checked: %q, want %q", calls, row.calls)
			}
		})
	}
}

// O35, TK-04: an unknown client is the same to the eye, and to the callback, as
// a wrong secret.
func TestUnknownClientLooksLikeWrongSecret(t *testing.T) {
	tr := new(trace)
	endpoint := newEndpoint(t, tokenendpoint.Config{Authenticate: tr.authenticate})
	for _, secret := range []string{wrongSecret, "wr+ong", "wr%2Bong"} {
		var texts, headers []string
		var calls []int
		for _, id := range []string{"svc", "nobody"} {
			for _, a := range []answer{
				post(t, endpoint, ask, basic(id, secret)),
				post(t, endpoint, ask+"&client_id="+id+"&client_secret="+url.QueryEscape(secret)),
			} {
				texts, headers = append(texts, a.text), append(headers, fmt.Sprint(a.status, a.header))
			}
			calls = append(calls, len(tr.take()))
		}
		if len(slices.Compact(texts)) != 1 || len(slices.Compact(headers)) != 1 || calls[0] != calls[1] {
			t.Errorf("O35: %s: %q %q, calls: %d", secret, texts, headers, calls)
		}
	}
}

type nilable struct{ authstar.Identity }

func TestOutcomesOfTheCallback(t *testing.T) {
	identity := &authstar.Identity{ID: "svc"}
	outage := errors.New("the database is down")
	for _, row := range []struct {
		name    string
		client  authstar.Client
		err     error
		status  int
		outcome string
	}{
		{"a client", identity, nil, 200, "ok"},
		{"C17 nil is an unknown client", nil, nil, 401, denied},
		{"X04 a nil pointer is an unknown client", (*nilable)(nil), nil, 401, denied},
		{"an empty id is an unknown client", &authstar.Identity{}, nil, 401, denied},
		{"no credentials are an unknown client", nil, authstar.ErrNoCredentials, 401, denied},
		{"wrapped no credentials are an unknown client", nil, fmt.Errorf("x: %w", authstar.ErrNoCredentials), 401, denied},
		{"a plain error is an outage", nil, outage, 503, "temporarily_unavailable"},
		{"a plain error beside a client is an outage", identity, outage, 503, "temporarily_unavailable"},
		{"a deadline is an outage", nil, context.DeadlineExceeded, 503, "temporarily_unavailable"},
		{"a nil *Error is an outage", nil, (*authstar.Error)(nil), 503, "temporarily_unavailable"},
		{"an *Error is taken as it is", nil, &authstar.Error{Code: authstar.AccessDenied, Description: "locked"}, 400, "access_denied"},
		{"a wrapped *Error is taken as it is", nil, fmt.Errorf("x: %w", &authstar.Error{Code: authstar.InvalidClient}), 401, denied},
		{"an *Error beside a client refuses it", identity, &authstar.Error{Code: authstar.InvalidClient}, 401, denied},
		{"a code that is not the endpoint's is a fault", nil, &authstar.Error{Code: authstar.InvalidToken, Description: "secret"}, 500, "server_error"},
		{"an *Error without a code is a fault", nil, &authstar.Error{Description: "secret"}, 500, "server_error"},
	} {
		t.Run(row.name, func(t *testing.T) {
			endpoint := newEndpoint(t, tokenendpoint.Config{Authenticate: func(context.Context, string, string) (authstar.Client, error) {
				return row.client, row.err
			}})
			for _, a := range []answer{post(t, endpoint, asForm), post(t, endpoint, ask, svc...)} {
				if a.status != row.status || a.outcome() != row.outcome {
					t.Errorf("%d %s, want %d %s", a.status, a.text, row.status, row.outcome)
				}
				if a.status == 503 && a.header.Get("Retry-After") != "1" {
					t.Errorf("Retry-After: %q", a.header.Get("Retry-After"))
				}
			}
		})
	}
}

func TestRetryAfterIsRoundedUp(t *testing.T) {
	for after, want := range map[time.Duration]string{-time.Hour: "1", 0: "1", time.Second: "1", 1500 * time.Millisecond: "2", time.Hour: "3600"} {
		endpoint := newEndpoint(t, tokenendpoint.Config{Authenticate: func(context.Context, string, string) (authstar.Client, error) {
			return nil, &authstar.Error{Code: authstar.TemporarilyUnavailable, RetryAfter: after}
		}})
		if a := post(t, endpoint, asForm); a.header.Get("Retry-After") != want {
			t.Errorf("%v: Retry-After: %q, want %q", after, a.header.Get("Retry-After"), want)
		}
	}
}

// TK-08: an application may state its refusals.
func TestStatedRefusalLeavesTheOtherSpelling(t *testing.T) {
	for _, refusal := range []error{&authstar.Error{Code: authstar.InvalidClient}, authstar.ErrNoCredentials} {
		tr := new(trace)
		endpoint := newEndpoint(t, tokenendpoint.Config{Authenticate: func(ctx context.Context, id, secret string) (authstar.Client, error) {
			if client, _ := tr.authenticate(ctx, id, secret); client != nil {
				return client, nil
			}
			return nil, refusal
		}})
		if a := post(t, endpoint, ask, basic("svc", wrongSecret+"+")); a.status != 401 {
			t.Errorf("%v: a wrong secret: %d %s", refusal, a.status, a.text)
		}
		if a := post(t, endpoint, ask, basic("pl+us", "a+b")); a.status != 200 {
			t.Errorf("%v: a secret as it is: %d %s", refusal, a.status, a.text)
		}
	}
	tr := new(trace)
	endpoint := newEndpoint(t, tokenendpoint.Config{Authenticate: func(ctx context.Context, id, secret string) (authstar.Client, error) {
		tr.add(id, secret)
		return nil, errors.New("the database is down")
	}})
	if a := post(t, endpoint, ask, basic("pl+us", "a+b")); a.status != 503 || len(tr.take()) != 1 {
		t.Errorf("an outage is asked again, or hidden: %d %s", a.status, a.text)
	}
}
