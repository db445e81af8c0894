package authenticators_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/authstar/authstar"
	"github.com/authstar/authstar/authenticators"
)

// How long answers are remembered: M04 until they expire, at most CacheTTL, and
// M07 for a moment when the token is not active.
func TestIntrospectionRemembers(t *testing.T) {
	inactive := jwtObject{{"active", "false"}}
	for _, row := range []struct {
		name   string
		answer jwtObject
		config authenticators.IntrospectionConfig
		want   time.Duration
	}{
		{"M04 a minute", introspectionAnswer(), authenticators.IntrospectionConfig{}, time.Minute},
		{"M04 without exp", introspectionAnswer().without("exp"), authenticators.IntrospectionConfig{}, time.Minute},
		{"M04 until it expires", introspectionAnswer().with("exp", jwtSeconds(10)), authenticators.IntrospectionConfig{}, 10 * time.Second},
		{"M04 until it expires, with leeway", introspectionAnswer().with("exp", jwtSeconds(10)), authenticators.IntrospectionConfig{Leeway: 5 * time.Second}, 15 * time.Second},
		{"M04 as long as the application says", introspectionAnswer(), authenticators.IntrospectionConfig{CacheTTL: 5 * time.Minute}, 5 * time.Minute},
		{"M07 a token that is not active", inactive, authenticators.IntrospectionConfig{}, 10 * time.Second},
		{"M07 as long as the application says", inactive, authenticators.IntrospectionConfig{NegativeTTL: time.Second}, time.Second},
	} {
		t.Run(row.name, func(t *testing.T) {
			p := newIDP(t)
			p.serve(introspectsJSON(row.answer.String()))
			i := introspectionOf(p, row.config)
			ask := func() int { _, _ = i.VerifyToken(t.Context(), "opaque"); return p.requests() }
			if first, second := ask(), ask(); first != 1 || second != 1 {
				t.Errorf("%d questions for two requests", second)
			}
			p.pass(row.want - 1)
			if n := ask(); n != 1 {
				t.Errorf("%d questions before %v have passed", n, row.want)
			}
			p.pass(1)
			if n := ask(); n != 2 {
				t.Errorf("%d questions after %v", n, row.want)
			}
			i.Purge()
			if n := ask(); n != 3 {
				t.Errorf("M05 %d questions after a Purge", n)
			}
		})
	}
}

// M07: a token that was provisioned after it was refused works soon.
func TestIntrospectionSeesChanges(t *testing.T) {
	p := newIDP(t)
	p.serve(introspectsJSON(`{"active":false}`))
	api := newIDPAPI(t, introspectionOf(p, authenticators.IntrospectionConfig{}))
	api.wants(t, "M07 not active", "opaque", 401)
	p.serve(introspectsJSON(introspectionAnswer().String()))
	p.pass(10 * time.Second)
	api.wants(t, "M07 active", "opaque", 200)
	p.down()
	api.wants(t, "M07 remembered through an outage", "opaque", 200)
	api.wants(t, "M07 another token", "another", 503)
	p.serve(introspectsJSON(`{"active":false}`))
	p.pass(time.Minute)
	api.wants(t, "M05 revoked", "opaque", 401)
}

// introspectionBySubject knows the tokens "good-…", whose subject is what
// follows.
func introspectionBySubject(w http.ResponseWriter, r *http.Request) {
	subject, ok := strings.CutPrefix(r.FormValue("token"), "good-")
	if strings.HasPrefix(subject, "down-") {
		w.WriteHeader(503)
		return
	}
	answer := introspectionAnswer().with("sub", `"`+subject+`"`)
	if !ok {
		answer = jwtObject{{"active", "false"}}
	}
	introspectsJSON(answer.String())(w, r)
}

// M06: concurrent requests share a question only where the token is the same.
func TestIntrospectionConcurrency(t *testing.T) {
	p := newIDP(t)
	p.serve(introspectionBySubject)
	i := introspectionOf(p, authenticators.IntrospectionConfig{CacheSize: -1})
	for range 20 {
		var all sync.WaitGroup
		for n := range 50 {
			all.Go(func() {
				id := fmt.Sprint(n % 10)
				switch n % 3 {
				case 0:
					if client, err := i.VerifyToken(t.Context(), "good-"+id); err != nil || client.ClientID() != id {
						t.Errorf("M06 a good token: %v, %v", client, err)
					}
				case 1:
					if client, err := i.VerifyToken(t.Context(), "bad-"+id); !errors.Is(err, authstar.InvalidToken) {
						t.Errorf("M06 a bad token: %v, %v", client, err)
					}
				default:
					if client, err := i.VerifyToken(t.Context(), "good-down-"+id); !errors.Is(err, authstar.TemporarilyUnavailable) {
						t.Errorf("M06 an outage: %v, %v", client, err)
					}
				}
			})
		}
		all.Wait()
	}
}

// introspectionGate lets questions in and out.
type introspectionGate struct {
	asked   chan struct{}
	release chan struct{}
}

func newIntrospectionGate(p *idp, answer http.HandlerFunc) introspectionGate {
	g := introspectionGate{make(chan struct{}, 100), make(chan struct{})}
	p.serve(func(w http.ResponseWriter, r *http.Request) {
		_ = r.ParseForm()
		g.asked <- struct{}{}
		<-g.release
		answer(w, r)
	})
	return g
}

// K09: the question goes on when the request that asked it is cancelled, and
// the others share its answer.
func TestIntrospectionIsDetached(t *testing.T) {
	p := newIDP(t)
	g := newIntrospectionGate(p, introspectionBySubject)
	i := introspectionOf(p, authenticators.IntrospectionConfig{})
	ctx, cancel := context.WithCancel(t.Context())
	first := make(chan error, 1)
	go func() {
		_, err := i.VerifyToken(ctx, "good-alice")
		first <- err
	}()
	<-g.asked
	cancel()
	if err := <-first; !errors.Is(err, context.Canceled) || !errors.Is(err, authstar.TemporarilyUnavailable) {
		t.Errorf("K09 the cancelled request: %v", err)
	}
	second := make(chan error, 1)
	go func() {
		_, err := i.VerifyToken(t.Context(), "good-alice")
		second <- err
	}()
	close(g.release)
	if err := <-second; err != nil || p.requests() != 1 {
		t.Errorf("K09 the other request: %v, %d questions", err, p.requests())
	}
}

// M05: an answer to a question from before a Purge is not remembered, nor
// shared with a request after it.
func TestIntrospectionPurgeDuringAQuestion(t *testing.T) {
	p := newIDP(t)
	g := newIntrospectionGate(p, introspectionBySubject)
	i := introspectionOf(p, authenticators.IntrospectionConfig{})
	first := make(chan error, 1)
	go func() {
		_, err := i.VerifyToken(t.Context(), "good-alice")
		first <- err
	}()
	<-g.asked
	p.serve(introspectsJSON(`{"active":false}`)) // revoked
	i.Purge()
	if client, err := i.VerifyToken(t.Context(), "good-alice"); !errors.Is(err, authstar.InvalidToken) {
		t.Errorf("M05 a request after the Purge: %v, %v", client, err)
	}
	close(g.release)
	if err := <-first; err != nil {
		t.Errorf("the request before the Purge: %v", err)
	}
	if client, err := i.VerifyToken(t.Context(), "good-alice"); !errors.Is(err, authstar.InvalidToken) {
		t.Errorf("M05 the old answer is remembered: %v, %v", client, err)
	}
}

// introspectionTransport answers without a network.
type introspectionTransport func() string

func (f introspectionTransport) RoundTrip(*http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: 200, Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader(f()))}, nil
}

// M05: whoever else asks, after a Purge nobody gets an answer from before it.
func TestIntrospectionPurgeBesideQuestions(t *testing.T) {
	var version atomic.Int64
	i := authenticators.NewIntrospection(authenticators.IntrospectionConfig{
		URL: "https://a.example/introspect", ClientID: "api", ClientSecret: "secret", Issuer: jwtIssuerA, Audiences: []string{"api"},
		HTTPClient: &http.Client{Transport: introspectionTransport(func() string {
			return fmt.Sprintf(`{"active":true,"sub":"%d","aud":"api"}`, version.Load())
		})},
	})
	purgeBeside(t, &version, i, i.Purge, "opaque")
}

// K08: an endpoint that hangs is an outage after the timeout.
func TestIntrospectionTimeout(t *testing.T) {
	p := newIDP(t)
	p.serve(func(_ http.ResponseWriter, r *http.Request) {
		_ = r.ParseForm()
		<-r.Context().Done()
	})
	i := introspectionOf(p, authenticators.IntrospectionConfig{Timeout: 100 * time.Millisecond})
	start := time.Now()
	if _, err := i.VerifyToken(t.Context(), "opaque"); !errors.Is(err, authstar.TemporarilyUnavailable) || time.Since(start) > 3*time.Second {
		t.Errorf("K08 %v after %v", err, time.Since(start))
	}
}

// M09: the number of answers is bounded, refusals included.
func TestIntrospectionIsBounded(t *testing.T) {
	p := newIDP(t)
	p.serve(introspectionBySubject)
	i := introspectionOf(p, authenticators.IntrospectionConfig{CacheSize: 16})
	for range 2 {
		for n := range 200 {
			_, _ = i.VerifyToken(t.Context(), fmt.Sprint("bad-", n))
		}
	}
	if hits := 400 - p.requests(); hits > 16 {
		t.Errorf("M09 %d answers were remembered, want at most 16", hits)
	}
}

// JSON Web Tokens and opaque ones on one API.
func TestIntrospectionBesideJWT(t *testing.T) {
	p := newIDP(t)
	p.serve(introspectionBySubject)
	api := newIDPAPI(t, jwtVerifier(t, authenticators.JWTConfig{}), introspectionOf(p, authenticators.IntrospectionConfig{Issuer: jwtIssuerB}))
	good := jwtOfA(jwtClaims(jwtIssuerA))
	for name, row := range map[string]struct {
		token     string
		status    int
		questions int
	}{
		"C12 a JSON Web Token":                      {good, 200, 0},
		"C12 a JSON Web Token with a bad signature": {good[:len(good)-8] + "AAAAAAAA", 401, 0},
		"C12 an opaque token":                       {"good-alice", 200, 1},
		"C12 an opaque token that is not active":    {"bad", 401, 1},
		"C12 a JSON Web Token of another issuer":    {jwtOfB(jwtClaims(jwtIssuerB)), 401, 1},
		"C11 an opaque token during an outage":      {"good-down-x", 503, 1},
	} {
		before := p.requests()
		api.wants(t, name, row.token, row.status)
		if n := p.requests() - before; n != row.questions {
			t.Errorf("%s: %d questions, want %d", name, n, row.questions)
		}
	}
}

// M09: junk pushes no good token out of the memory.
func TestIntrospectionKeepsGoodTokens(t *testing.T) {
	const good, junk = 40, 1000
	p := newIDP(t)
	p.serve(introspectionBySubject)
	i := introspectionOf(p, authenticators.IntrospectionConfig{CacheSize: 160})
	for n := range good {
		_, _ = i.VerifyToken(t.Context(), fmt.Sprintf("good-%d", n))
	}
	for n := range junk {
		_, _ = i.VerifyToken(t.Context(), fmt.Sprintf("junk-%d", n))
	}
	before := p.requests()
	for n := range good {
		if client, err := i.VerifyToken(t.Context(), fmt.Sprintf("good-%d", n)); err != nil {
			t.Errorf("%v, %v", client, err)
		}
	}
	if again := p.requests() - before; again > good/4 {
		t.Errorf("M09 %d of %d good tokens are asked about again", again, good)
	}
}

// K09: requests that are cancelled leave a bounded number of questions behind.
func TestIntrospectionBoundsQuestions(t *testing.T) {
	const most, waiting = 100, 1000
	p := newIDP(t)
	g := introspectionGate{make(chan struct{}, 2*(most+waiting)), make(chan struct{})}
	p.serve(func(w http.ResponseWriter, r *http.Request) {
		g.asked <- struct{}{}
		<-g.release
		introspectionBySubject(w, r)
	})
	i := introspectionOf(p, authenticators.IntrospectionConfig{Timeout: time.Minute})
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	for n := range most + waiting {
		_, _ = i.VerifyToken(cancelled, fmt.Sprintf("good-%d", n))
	}
	for range most {
		<-g.asked
	}
	refused := false
	for n := range 100 { // those that are not refused wait, too
		ctx, done := context.WithTimeout(t.Context(), 100*time.Millisecond)
		_, err := i.VerifyToken(ctx, fmt.Sprintf("good-late-%d", n))
		done()
		var stated *authstar.Error
		if refused = errors.As(err, &stated) && stated.Code == authstar.TemporarilyUnavailable && stated.RetryAfter == time.Second; refused {
			break
		}
	}
	if !refused {
		t.Error("K09 there is no end to those that wait")
	}
	if n := p.requests(); n != most {
		t.Errorf("K09 %d questions at once", n)
	}
	close(g.release)
	if _, err := i.VerifyToken(t.Context(), "good-0"); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}

// K08: a question that waits for its turn longer than the timeout is an outage, and
// is never asked.
func TestIntrospectionWaitsForItsTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const most = 100
		hung := new(introspectionHung)
		i := authenticators.NewIntrospection(authenticators.IntrospectionConfig{
			URL: "https://a.example/introspect", ClientID: "api", ClientSecret: "secret", Issuer: jwtIssuerA, Audiences: []string{"api"},
			Timeout: time.Second, HTTPClient: &http.Client{Transport: hung},
		})
		var wg sync.WaitGroup
		for n := range most {
			wg.Go(func() { _, _ = i.VerifyToken(t.Context(), fmt.Sprint("hung-", n)) })
		}
		synctest.Wait()
		start := time.Now()
		client, err := i.VerifyToken(t.Context(), "late")
		if !errors.Is(err, authstar.TemporarilyUnavailable) || time.Since(start) != time.Second {
			t.Errorf("K08 %v, %v after %v", client, err, time.Since(start))
		}
		wg.Wait()
		if n := hung.asked.Load(); n != most {
			t.Errorf("K08 %d questions", n)
		}
	})
}

// introspectionHung is a transport that heeds no context.
type introspectionHung struct{ asked atomic.Int32 }

func (h *introspectionHung) RoundTrip(*http.Request) (*http.Response, error) {
	h.asked.Add(1)
	time.Sleep(time.Minute)
	return nil, errors.New("the connection is gone")
}
