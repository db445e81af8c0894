package jwks_test

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/authstar/authstar/authenticators/jwks"
)

type remoteTripper func(*http.Request) (*http.Response, error)

func (f remoteTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func remoteResponse(body string) *http.Response {
	return &http.Response{StatusCode: 200, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body))}
}

// M12: a transport of the application that panics is an outage, for everybody
// who waits, and the next fetch is tried.
func TestRemoteTransportPanics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newRemoteProvider(t, nil)
		panics := true
		r, log := p.remote(t, jwks.RemoteConfig{Client: &http.Client{Transport: remoteTripper(func(*http.Request) (*http.Response, error) {
			if panics {
				panic("secret")
			}
			return remoteResponse(remoteSet("k1")), nil
		})}})
		p.fails(t, r, "k1", 0)
		if strings.Contains(log.String(), "secret") || log.lines() != 1 {
			t.Errorf("M12 log: %s", log)
		}
		panics = false
		time.Sleep(time.Second)
		p.wants(t, r, "k1", true, 0)
	})
}

// An application may have wrapped the default transport.
func TestRemoteDefaultTransportOfAnotherType(t *testing.T) {
	standard := http.DefaultTransport
	defer func() { http.DefaultTransport = standard }()
	http.DefaultTransport = remoteTripper(func(*http.Request) (*http.Response, error) {
		t.Error("the wrapped transport is used")
		return remoteResponse(""), nil
	})
	if _, err := jwks.NewRemote(jwks.RemoteConfig{URL: remoteURL}); err != nil {
		t.Error(err)
	}
}
