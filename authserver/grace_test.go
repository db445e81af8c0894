package authserver_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/authstar/authstar/authserver"
)

const confidential = "web:web-secret"

func withGrace(t testing.TB) *fixture {
	return newFixture(t, func(c *authserver.Config) { c.RefreshGrace = 30 * time.Second })
}

// O21: a client whose answer was lost asks again, and gets the same successor.
func TestGraceRepeatsTheAnswer(t *testing.T) {
	f := withGrace(t)
	first := f.tokens(confidential).get("refresh_token")
	second := f.refresh(confidential, first)
	for _, wait := range []time.Duration{0, 10 * time.Second, 19 * time.Second} {
		f.advance(wait)
		again := f.refresh(confidential, first)
		if again.get("refresh_token") == "" || again.get("refresh_token") != second.get("refresh_token") || again.get("access_token") == second.get("access_token") {
			t.Fatalf("after %v: %s", wait, again.text)
		}
	}
	if a := f.refresh(confidential, second.get("refresh_token")); a.status != http.StatusOK {
		t.Errorf("the successor: %s", a.text)
	}
}

// O21: when a spent token is a reuse in spite of the grace.
func TestGraceEnds(t *testing.T) {
	for name, row := range map[string]struct {
		who  string
		then func(f *fixture, second answer)
	}{
		"after the grace":              {confidential, func(f *fixture, _ answer) { f.advance(31 * time.Second) }},
		"when the successor was used":  {confidential, func(f *fixture, second answer) { f.refresh(confidential, second.get("refresh_token")) }},
		"at once, for a public client": {"spa", func(*fixture, answer) {}},
	} {
		t.Run(name, func(t *testing.T) {
			f := withGrace(t)
			first := f.tokens(row.who).get("refresh_token")
			second := f.refresh(row.who, first)
			row.then(f, second)
			if a := f.refresh(row.who, first); a.get("error") != "invalid_grant" {
				t.Errorf("%s", a.text)
			}
			if a := f.refresh(row.who, second.get("refresh_token")); a.get("error") != "invalid_grant" {
				t.Errorf("the family lives: %s", a.text)
			}
			f.wantDead("O21", second.get("access_token"))
		})
	}
}

// O21: a grace is as long as it is configured, whenever in a second it begins.
func TestGraceOfASecond(t *testing.T) {
	for begin := time.Duration(0); begin < time.Second; begin += 45 * time.Millisecond {
		f := newFixture(t, func(c *authserver.Config) { c.RefreshGrace = time.Second })
		f.advance(begin)
		first := f.tokens(confidential).get("refresh_token")
		second := f.refresh(confidential, first).get("refresh_token")
		for _, wait := range []time.Duration{50 * time.Millisecond, 940 * time.Millisecond} {
			f.advance(wait)
			if a := f.refresh(confidential, first); a.get("refresh_token") != second {
				t.Errorf("O21 begun after %v, repeated %v later: %s", begin, wait, a.text)
			}
		}
		f.advance(20 * time.Millisecond)
		if a := f.refresh(confidential, first); a.get("error") != "invalid_grant" {
			t.Errorf("O21 begun after %v, repeated too late: %s", begin, a.text)
		}
	}
}

// O21: a repetition is held to what the request says, as the first one is.
func TestGraceIsForTheSameClient(t *testing.T) {
	f := withGrace(t)
	first := f.tokens(confidential).get("refresh_token")
	f.refresh(confidential, first)
	if a := f.refresh("other:other-secret", first); a.get("error") != "invalid_grant" {
		t.Errorf("another client: %s", a.text)
	}
	if a := f.refresh(confidential, first, "scope", "admin"); a.get("error") != "invalid_scope" {
		t.Errorf("a wider scope: %s", a.text)
	}
	if a := f.refresh(confidential, first, "scope", "read"); a.get("scope") != "read" {
		t.Errorf("a narrower scope: %s", a.text)
	}
}

// O21: within the grace all of 50 at once get the same successor.
func TestGraceForManyAtOnce(t *testing.T) {
	f := withGrace(t)
	first := f.tokens(confidential).get("refresh_token")
	successors := make(map[string]bool)
	for _, a := range together(50, func() answer { return f.refresh(confidential, first) }) {
		if a.status != http.StatusOK {
			t.Fatalf("%d %s", a.status, a.text)
		}
		successors[a.get("refresh_token")] = true
	}
	if len(successors) != 1 {
		t.Fatalf("%d successors", len(successors))
	}
	for successor := range successors {
		if a := f.refresh(confidential, successor); a.status != http.StatusOK {
			t.Errorf("the successor: %s", a.text)
		}
	}
}

// O21: a request that another one overtakes is a repetition within the grace, and
// a reuse without it.
func TestOvertakenRefresh(t *testing.T) {
	for _, grace := range []time.Duration{0, 30 * time.Second} {
		store := newSpy()
		f := newFixture(t, func(c *authserver.Config) { c.RefreshGrace, c.Store = grace, store })
		token := f.tokens(confidential).get("refresh_token")
		var other answer
		store.before = func(call string) {
			if strings.HasPrefix(call, "swap family:") && other.status == 0 {
				other = f.refresh(confidential, token)
			}
		}
		mine := f.refresh(confidential, token)
		store.before = nil
		if other.status != http.StatusOK {
			t.Fatalf("the first: %s", other.text)
		}
		if grace > 0 && (mine.get("refresh_token") == "" || mine.get("refresh_token") != other.get("refresh_token")) {
			t.Errorf("with a grace: %s and %s", mine.text, other.text)
		}
		if grace == 0 && mine.get("error") != "invalid_grant" {
			t.Errorf("without: %s", mine.text)
		}
		if a := f.refresh(confidential, other.get("refresh_token")); (a.status == http.StatusOK) != (grace > 0) {
			t.Errorf("the successor, with a grace of %v: %s", grace, a.text)
		}
	}
}

// O21: a request that comes after the family has ended gets nothing.
func TestOvertakenByARevocation(t *testing.T) {
	store := newSpy()
	f := newFixture(t, func(c *authserver.Config) { c.RefreshGrace, c.Store = 30*time.Second, store })
	token := f.tokens(confidential).get("refresh_token")
	store.before = func(call string) {
		if strings.HasPrefix(call, "swap family:") {
			f.revoke(confidential, token)
		}
	}
	if a := f.refresh(confidential, token); a.get("error") != "invalid_grant" {
		t.Errorf("%s", a.text)
	}
}

// The grace does not outlive the user or the client's rights.
func TestGraceAsksAgain(t *testing.T) {
	f := withUser(t, func(c *authserver.Config) { c.RefreshGrace = 30 * time.Second })
	first := f.tokens(confidential).get("refresh_token")
	f.refresh(confidential, first)
	f.replace("web", func(c *authserver.Client) { c.Scope = []string{"read"} })
	if a := f.refresh(confidential, first); a.get("scope") != "read offline_access" {
		t.Errorf("O22: %s", a.text)
	}
	delete(f.users, "alice wonderland")
	if a := f.refresh(confidential, first); a.get("error") != "invalid_grant" {
		t.Errorf("O22: %s", a.text)
	}
}
