package security_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/authstar/authstar"
	"github.com/authstar/authstar/security"
)

// teller is Rules whose refusals begin with a name.
func teller(name string) security.Rules {
	return security.Rules{Refuse: func(w http.ResponseWriter, _ *http.Request, err *authstar.Error) {
		w.WriteHeader(err.Status())
		fmt.Fprintf(w, "%s: %d", name, err.Status())
	}}
}

func TestNoCredentials(t *testing.T) {
	for _, row := range []struct {
		name   string
		status int
		token  string
		want   int
	}{
		{"0 is 401", 0, "", 401},
		{"another status for nothing", 403, "", 403},
		{"a bad token stays 401", 403, "bad", 401},
		{"a missing scope stays 403", 404, "nothing", 403},
		{"an outage stays 503", 404, "down", 503},
		{"a client passes", 404, "reader", 200},
	} {
		t.Run(row.name, func(t *testing.T) {
			g := security.Rules{NoCredentials: row.status}.Scopes("read")
			r := request("GET", "/")
			if row.token != "" {
				r.Header.Set("Authorization", "Bearer "+row.token)
			}
			w := serve(newChain(t).Handler(g.HandlerFunc(whoami)), r)
			if w.Code != row.want || row.token == "" && len(w.Header().Values("WWW-Authenticate")) != 4 {
				t.Errorf("status %d, headers %v", w.Code, w.Header())
			}
			if row.token == "" && !errors.Is(g.Check(as(nil)), authstar.ErrNoCredentials) {
				t.Error("Check does not say ErrNoCredentials")
			}
		})
	}
}

func TestRefuseWritesInPlaceOfTheGuard(t *testing.T) {
	var order []string
	rules := security.Rules{
		Refuse: func(w http.ResponseWriter, r *http.Request, err *authstar.Error) {
			order = append(order, "refuse")
			if len(w.Header()["Www-Authenticate"]) != 1 || w.Header().Get("Cache-Control") != "no-store" {
				t.Errorf("headers %v", w.Header())
			}
			http.Error(w, "no: "+err.Description, err.Status())
		},
		Observe: func(ctx context.Context, err *authstar.Error) {
			order = append(order, "observe")
			if c, ok := authstar.ClientFrom(ctx); !ok || c.ClientID() != "reader" || !errors.Is(err, authstar.InsufficientScope) {
				t.Errorf("observed %v of %v", err, c)
			}
		},
	}
	h := newChain(t).Handler(rules.Scopes("write").HandlerFunc(whoami))
	w := serve(h, request("GET", "/", "Authorization", "Bearer reader"))
	if w.Code != 403 || !strings.HasPrefix(w.Body.String(), "no: the client was not granted") || fmt.Sprint(order) != "[observe refuse]" {
		t.Errorf("status %d, body %s, order %v", w.Code, w.Body, order)
	}
	if w := serve(h, request("GET", "/", "Authorization", "Bearer writer")); w.Code != 200 || len(order) != 2 {
		t.Errorf("status %d, order %v", w.Code, order)
	}
}

func TestOutermostRulesWrite(t *testing.T) {
	inner, outer := teller("inner"), teller("outer")
	mux := http.NewServeMux()
	mux.Handle("/inner", inner.Scopes("write").HandlerFunc(whoami))
	mux.Handle("/plain", security.Scopes("write").HandlerFunc(whoami))
	mux.Handle("/first", inner.Authenticated().And(outer.Scopes("write")).HandlerFunc(whoami))
	mux.Handle("/anyof", security.AnyOf(inner.Scopes("write"), outer.Scopes("admin")).HandlerFunc(whoami))
	mux.Handle("/named", outer.AnyOf(inner.Scopes("write"), inner.Scopes("admin")).HandlerFunc(whoami))
	mux.Handle("/except", inner.Scopes("write").Except("/other").HandlerFunc(whoami))
	mux.Handle("/deep", inner.Authenticated().Handler(teller("innermost").Scopes("write").HandlerFunc(whoami)))
	for _, row := range []struct {
		name, path string
		around     security.Guard
		token      string
		want       string
	}{
		{"a guard's own rules", "/inner", security.Guard{}, "reader", "inner: 403"},
		{"a guard without rules around does not count", "/inner", security.Optional(), "reader", "inner: 403"},
		{"the outermost rules write for a guard inside", "/inner", outer.Optional(), "reader", "outer: 403"},
		{"the outermost rules write for a guard without rules", "/plain", outer.Optional(), "reader", "outer: 403"},
		{"the outermost rules write for themselves", "/inner", outer.Optional(), "bad", "outer: 401"},
		{"of three, the outermost rules write", "/deep", outer.Optional(), "reader", "outer: 403"},
		{"of two, the outer rules write", "/deep", security.Guard{}, "reader", "inner: 403"},
		{"rules around change no decision", "/inner", outer.Optional(), "writer", "writer"},
		{"of And, the first one's rules", "/first", security.Guard{}, "reader", "inner: 403"},
		{"of AnyOf, the first one's rules", "/anyof", security.Guard{}, "reader", "inner: 403"},
		{"of Rules.AnyOf, these rules", "/named", security.Guard{}, "reader", "outer: 403"},
		{"Except keeps the rules", "/except", security.Guard{}, "reader", "inner: 403"},
	} {
		t.Run(row.name, func(t *testing.T) {
			h := http.Handler(mux)
			if row.around.Requirement(nil).Any != nil {
				h = row.around.Handler(mux)
			}
			w := serve(newChain(t).Handler(h), request("GET", row.path, "Authorization", "Bearer "+row.token))
			if w.Body.String() != row.want {
				t.Errorf("got %q, want %q", w.Body, row.want)
			}
		})
	}
}

func handshake(path string) *http.Request {
	return request("GET", path, "Connection", "keep-alive, Upgrade", "Upgrade", "WebSocket", "Sec-WebSocket-Version", "13", "Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")
}

// RS-22
func TestWebSocketRefuse(t *testing.T) {
	both := teller("plain")
	both.WebSocketRefuse = func(w http.ResponseWriter, _ *http.Request, err *authstar.Error) {
		w.WriteHeader(err.Status())
		fmt.Fprint(w, "websocket")
	}
	for _, row := range []struct {
		name  string
		rules security.Rules
		r     *http.Request
		want  string
	}{
		{"a handshake", both, handshake("/"), "websocket"},
		{"another request", both, request("GET", "/"), "plain: 401"},
		{"a POST that looks like one", both, func() *http.Request { r := handshake("/"); r.Method = "POST"; return r }(), "plain: 401"},
		{"a handshake without a rule of its own", teller("plain"), handshake("/"), "plain: 401"},
		{"a handshake without rules", security.Rules{}, handshake("/"), `{"error":"unauthorized","error_description":"authentication is required"}` + "\n"},
	} {
		t.Run(row.name, func(t *testing.T) {
			w := serve(newChain(t).Handler(row.rules.Authenticated().HandlerFunc(unreachable(t))), row.r)
			if w.Code != 401 || w.Body.String() != row.want {
				t.Errorf("status %d, body %q, want %q", w.Code, w.Body, row.want)
			}
		})
	}
}

// P11
func TestPreflight(t *testing.T) {
	cors := security.Rules{Preflight: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Access-Control-Allow-Origin", "https://app.example")
		w.WriteHeader(204)
	})}
	guards := map[string]func(security.Rules) security.Guard{
		"Authenticated": security.Rules.Authenticated,
		"Scopes":        func(s security.Rules) security.Guard { return s.Scopes("read") },
		"AllScopes":     func(s security.Rules) security.Guard { return s.AllScopes("read") },
		"Internal":      security.Rules.Internal,
		"Optional":      security.Rules.Optional,
		"Claim":         func(s security.Rules) security.Guard { return s.Claim("a") },
		"Require": func(s security.Rules) security.Guard {
			return s.Require("a", func(*http.Request, authstar.Client) error { return nil })
		},
		"And":    func(s security.Rules) security.Guard { return s.Authenticated().And(s.Internal()) },
		"AnyOf":  func(s security.Rules) security.Guard { return s.AnyOf(s.Authenticated(), s.Internal(), s.Optional()) },
		"Except": func(s security.Rules) security.Guard { return s.Optional().Except("/public/") },
	}
	for name, guard := range guards {
		for _, headers := range [][]string{nil, {"Authorization", "Bearer reader"}} {
			r := preflight("/", headers...)
			r.RemoteAddr = "127.0.0.1:1"
			w := serve(newChain(t).Handler(guard(security.Rules{}).HandlerFunc(unreachable(t))), r)
			if w.Code != 401 || len(w.Header().Values("WWW-Authenticate")) != 4 {
				t.Errorf("P11 %s refuses a preflight with %d %v", name, w.Code, w.Header())
			}
			w = serve(newChain(t).Handler(guard(cors).HandlerFunc(unreachable(t))), r)
			if w.Code != 204 || w.Header().Get("WWW-Authenticate") != "" {
				t.Errorf("P11 %s with Preflight answers %d %v", name, w.Code, w.Header())
			}
		}
	}
	public := newChain(t).Handler(cors.Authenticated().Except("/public/").HandlerFunc(whoami))
	if w := serve(public, preflight("/public/x")); w.Code != 204 {
		t.Errorf("P11 Preflight does not answer for an exception: %d", w.Code)
	}
	if w := serve(newChain(t).Handler(security.Authenticated().Except("/public/").HandlerFunc(whoami)), preflight("/public/x")); w.Code != 200 {
		t.Errorf("P11 an exception is guarded without Preflight: %d", w.Code)
	}
	h := newChain(t).Handler(cors.Authenticated().HandlerFunc(whoami))
	for _, row := range []struct {
		name   string
		r      *http.Request
		status int
	}{
		{"P11 a plain OPTIONS is guarded", request("OPTIONS", "/"), 401},
		{"P11 OPTIONS with an Origin alone is guarded", request("OPTIONS", "/", "Origin", "https://app.example"), 401},
		{"P11 OPTIONS with a method alone is guarded", request("OPTIONS", "/", "Access-Control-Request-Method", "GET"), 401},
		{"P11 a plain OPTIONS with a client passes", request("OPTIONS", "/", "Authorization", "Bearer reader"), 200},
		{"P11 a GET with a preflight's headers is guarded", request("GET", "/", "Origin", "https://app.example", "Access-Control-Request-Method", "GET"), 401},
		{"P11 a preflight is answered by the rules", preflight("/"), 204},
	} {
		t.Run(row.name, func(t *testing.T) {
			if w := serve(h, row.r); w.Code != row.status {
				t.Errorf("status %d, want %d", w.Code, row.status)
			}
		})
	}
}

// P13: the CORS headers of a layer outside survive a refusal.
func TestRefusalKeepsOtherHeaders(t *testing.T) {
	h := newChain(t).Handler(security.Authenticated().HandlerFunc(unreachable(t)))
	w := serve(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Access-Control-Allow-Origin", "https://app.example")
		h.ServeHTTP(w, r)
	}), request("GET", "/"))
	if w.Code != 401 || w.Header().Get("Access-Control-Allow-Origin") != "https://app.example" {
		t.Errorf("status %d, headers %v", w.Code, w.Header())
	}
}

// Rules that only observe are told of every refusal.
func TestObserveAlone(t *testing.T) {
	var seen []string
	rules := security.Rules{Observe: func(_ context.Context, err *authstar.Error) { seen = append(seen, string(err.Code)) }}
	h := newChain(t).Handler(rules.Scopes("write").HandlerFunc(whoami))
	for _, token := range []string{"bad", "reader", "writer", "down"} {
		serve(h, request("GET", "/", "Authorization", "Bearer "+token))
	}
	if got := strings.Join(seen, " "); got != "invalid_token insufficient_scope temporarily_unavailable" {
		t.Errorf("observed %q", got)
	}
}

// A request whose time is over still gets its answer; only one whose client is
// gone does not.
func TestRequestWhoseTimeIsOver(t *testing.T) {
	ctx, cancel := context.WithDeadline(t.Context(), time.Now().Add(-time.Second))
	defer cancel()
	w := serve(newChain(t).Handler(security.Authenticated().HandlerFunc(unreachable(t))), request("GET", "/", "Authorization", "Bearer down").WithContext(ctx))
	if w.Code != 503 || w.Header().Get("Retry-After") == "" {
		t.Errorf("status %d, headers %v", w.Code, w.Header())
	}
}

// The error that a callback gets is that request's own.
func TestCallbacksMayChangeTheirError(t *testing.T) {
	change := func(err *authstar.Error) { err.StatusCode, err.Description, err.Code = 404, "not here", "gone" }
	for name, rules := range map[string]security.Rules{
		"Refuse": {Refuse: func(w http.ResponseWriter, _ *http.Request, err *authstar.Error) {
			change(err)
			w.WriteHeader(err.Status())
		}},
		"Observe": {Observe: func(_ context.Context, err *authstar.Error) { change(err) }},
		"WebSocketRefuse": {WebSocketRefuse: func(w http.ResponseWriter, _ *http.Request, err *authstar.Error) {
			change(err)
			w.WriteHeader(err.Status())
		}},
	} {
		for _, token := range []string{"", "bad", "nothing"} {
			ask := func(g security.Guard) string {
				r := request("GET", "/", "Connection", "Upgrade", "Upgrade", "websocket")
				if token != "" {
					r.Header.Set("Authorization", "Bearer "+token)
				}
				w := serve(newChain(t).Handler(g.HandlerFunc(unreachable(t))), r)
				return fmt.Sprint(w.Code, w.Header(), w.Body)
			}
			before := ask(security.Scopes("read"))
			if ask(rules.Scopes("read")); ask(security.Scopes("read")) != before {
				t.Errorf("%s with %q: other guards answer %s, before %s", name, token, ask(security.Scopes("read")), before)
			}
		}
	}
}

// P11: rules around a guard that know no preflights leave them to the guard's own.
func TestPreflightOfTheGuardInside(t *testing.T) {
	answering := func(status int) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) })
	}
	inner := security.Rules{Preflight: answering(204)}.Authenticated().HandlerFunc(unreachable(t))
	observing := security.Rules{Observe: func(context.Context, *authstar.Error) {}}
	for name, row := range map[string]struct {
		around security.Guard
		status int
	}{
		"P11 rules without Preflight":  {observing.Authenticated().Except("/api/"), 204},
		"P11 rules with Preflight":     {security.Rules{Preflight: answering(205)}.Authenticated().Except("/api/"), 205},
		"P11 no rules":                 {security.Authenticated().Except("/api/"), 204},
		"P11 a guard that is in front": {observing.Authenticated(), 401},
	} {
		if w := serve(newChain(t).Handler(row.around.Handler(inner)), preflight("/api/x")); w.Code != row.status {
			t.Errorf("%s: status %d, want %d", name, w.Code, row.status)
		}
	}
}
