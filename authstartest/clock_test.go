package authstartest_test

import (
	"testing"
	"time"

	"github.com/authstar/authstar/authstartest"
)

// The clock stands still, also for the allowance of fetches of the API under
// test: after five rotations the next one needs ten seconds.
func TestManyRotations(t *testing.T) {
	iss := authstartest.NewIssuer(t)
	a := newAPI(t, iss)
	wantStatus(t, a, iss.Token(nil), 200)
	for range 5 {
		iss.Rotate()
		wantStatus(t, a, iss.Token(nil), 200)
	}
	iss.Rotate()
	wantStatus(t, a, iss.Token(nil), 401)
	for range 10 {
		iss.Advance(10 * time.Second)
		wantStatus(t, a, iss.Token(nil), 200)
		iss.Rotate()
	}
	wantStatus(t, a, iss.Token(nil), 401)
}

// An API that has seen the outage asks again when its pause is over.
func TestUpAgain(t *testing.T) {
	iss := authstartest.NewIssuer(t)
	a := newAPI(t, iss)
	iss.Down()
	for _, pause := range []time.Duration{time.Second, 2 * time.Second, 4 * time.Second} {
		wantStatus(t, a, iss.Token(nil), 503)
		iss.Advance(pause)
	}
	wantStatus(t, a, iss.Token(nil), 503)
	iss.Up()
	iss.Advance(8*time.Second - 1)
	wantStatus(t, a, iss.Token(nil), 503)
	iss.Advance(1)
	wantStatus(t, a, iss.Token(nil), 200)
}

// An API that has not is good at once.
func TestUpBeforeAnybodyAsked(t *testing.T) {
	iss := authstartest.NewIssuer(t)
	a := newAPI(t, iss)
	iss.Down()
	iss.Up()
	wantStatus(t, a, iss.Token(nil), 200)
}
