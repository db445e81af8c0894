package authstar_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/authstar/authstar"
	"github.com/authstar/authstar/security"
)

func checkSilent(t *testing.T, where, text string) {
	t.Helper()
	for _, s := range secrets {
		if strings.Contains(text, s) {
			t.Errorf("%s has %q in it:\n%s", where, s, text)
		}
	}
}

// N04, N06: the table of the chain's rows, with everything logged that there is.
func TestLogsHaveNoSecrets(t *testing.T) {
	var logs bytes.Buffer
	log := slog.New(slog.NewJSONHandler(&logs, &slog.HandlerOptions{Level: slog.LevelDebug}))
	chain := mustNew(t, kinds(new(trace))...).WithObserver(func(ctx context.Context, res authstar.Result) {
		log.DebugContext(ctx, "authenticated", "result", res, "text", fmt.Sprintf("%v %+v %#v", res, res, res), "client", res.Client)
	})
	h := chain.Handler(routes(security.Rules{Observe: func(ctx context.Context, err *authstar.Error) {
		log.WarnContext(ctx, "refused", "err", err, "text", fmt.Sprintf("%v %+v", err, err))
	}}))
	for _, row := range chainRows {
		lines := bytes.Count(logs.Bytes(), []byte("\n"))
		w := serve(h, request(row.path, row.headers...))
		checkSilent(t, "the response to "+row.name, fmt.Sprint(w.Header(), w.Body))
		if got := bytes.Count(logs.Bytes(), []byte("\n")) - lines; got < 1 || row.status != 200 && got < 2 {
			t.Errorf("%s: %d lines in the log", row.name, got)
		}
	}
	checkSilent(t, "the log", logs.String())
	if !strings.Contains(logs.String(), cause) {
		t.Error("the log does not have the cause of an outage")
	}
}

// N06: a client learns the same about every bad credential of a kind.
func TestRefusalsHaveNoDetail(t *testing.T) {
	h := mustNew(t, kinds(new(trace))...).Handler(routes(security.Rules{}))
	same := func(name string, requests ...*http.Request) {
		t.Helper()
		first := serve(h, requests[0])
		if first.Code == 200 {
			t.Fatalf("%s: not refused", name)
		}
		for _, r := range requests[1:] {
			if w := serve(h, r); w.Code != first.Code || w.Body.String() != first.Body.String() || fmt.Sprint(w.Header()) != fmt.Sprint(first.Header()) {
				t.Errorf("%s: %d %v %s, and %d %v %s", name, first.Code, first.Header(), first.Body, w.Code, w.Header(), w.Body)
			}
		}
	}
	same("N06 an unknown user is a wrong password",
		request("/me", "Authorization", basicAuth("bob", "wrong-password")),
		request("/me", "Authorization", basicAuth("nobody", "wrong-password")),
		request("/me", "Authorization", basicAuth("bob", "")),
		request("/me", "Authorization", "Basic !!!"))
	same("N06 an unknown token is one without a client",
		request("/me", "Authorization", "Bearer "+badToken),
		request("/me", "Authorization", "Bearer "+nilToken),
		request("/me", "Authorization", "Bearer "+emptyToken),
		request("/me", "Authorization", "Bearer "+notMine))
}

// X13: values and their contexts, printed in every way.
func TestPrintedValuesHaveNoSecrets(t *testing.T) {
	claims := claimSet(`{"ssn":"` + aliceToken + `"}`)
	identity := (&authstar.Identity{ID: "alice", Issuer: "https://a.example", Scope: []string{"read"}}).WithClaims(claims)
	own := &user{Identity: *identity, Tenant: "acme"}
	value := bag{ID: "alice", Extra: map[string]string{"token": aliceToken}}
	chain := mustNew(t, kinds(new(trace))...)
	values := map[string]any{
		"*Identity": identity, "Identity": *identity, "*user": own, "user": *own,
		"a context":              authstar.WithClient(context.Background(), identity),
		"a context with a value": authstar.WithClient(context.Background(), value),
		"a derived context":      context.WithValue(authstar.WithClient(context.Background(), value), intKey(0), 1),
		"a chain":                chain,
		"a refusal":              chain.Authenticate(request("/", "Authorization", "Bearer "+badToken)).Err,
		"a client":               chain.Authenticate(request("/", "Authorization", "Bearer "+aliceToken)),
		"an outage":              chain.Authenticate(request("/", "Authorization", "Bearer "+downToken)),
	}
	res, _ := authstar.ResultFrom(authstar.WithClient(context.Background(), own))
	values["a result"] = res
	for name, v := range values {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q"} {
			checkSilent(t, verb+" of "+name, fmt.Sprintf(verb, v))
		}
		var b bytes.Buffer
		withoutTime(&b).Info("m", "v", v)
		slog.New(slog.NewJSONHandler(&b, nil)).Info("m", "v", v)
		checkSilent(t, "slog of "+name, b.String())
		if j, err := json.Marshal(v); err == nil {
			checkSilent(t, "JSON of "+name, string(j))
		}
	}
}

func TestIdentityPrintsItsName(t *testing.T) {
	identity := &authstar.Identity{ID: "alice", Issuer: "https://a.example", Scope: []string{"read"}}
	for _, row := range []struct{ verb, want string }{
		{"%v", `client "alice" of "https://a.example"`}, {"%+v", `client "alice" of "https://a.example"`}, {"%#v", `client "alice" of "https://a.example"`},
	} {
		if got := fmt.Sprintf(row.verb, identity); got != row.want {
			t.Errorf("%s is %s, want %s", row.verb, got, row.want)
		}
	}
	if got := fmt.Sprint(authstar.Identity{ID: "a\nb"}); got != `client "a\nb"` {
		t.Errorf("a hostile id prints as %s", got)
	}
	var b bytes.Buffer
	withoutTime(&b).Info("m", "c", &user{Identity: *identity, Tenant: "acme"})
	if want := "level=INFO msg=m c.client_id=alice c.issuer=https://a.example\n"; b.String() != want {
		t.Errorf("got  %swant %s", &b, want)
	}
}
