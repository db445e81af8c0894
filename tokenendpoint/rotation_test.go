package tokenendpoint_test

import (
	"context"
	"errors"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/authstar/authstar"
	"github.com/authstar/authstar/tokenendpoint"
)

// clock stands still until it is told to go on.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// at sets the clock to a time after the epoch.
func (c *clock) at(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = epoch.Add(d)
}

func rotating(t *testing.T, alg string) (*tokenendpoint.Signer, *clock) {
	t.Helper()
	c := &clock{now: epoch}
	config := signerConfigFor(alg)
	config.Lifetime, config.PublishAhead, config.Now = 10*time.Minute, 15*time.Minute, c.Now
	return newSigner(t, config), c
}

func published(t *testing.T, signer *tokenendpoint.Signer) (ids []string) {
	t.Helper()
	keys, err := signer.Keys(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range keys {
		ids = append(ids, k.KeyID)
	}
	return ids
}

func signedBy(t *testing.T, signer *tokenendpoint.Signer) string {
	t.Helper()
	header, _ := mint(t, signer)
	kid, _ := header["kid"].(string)
	return kid
}

func rotate(t *testing.T, signer *tokenendpoint.Signer, key []byte) {
	t.Helper()
	if err := signer.Rotate(key); err != nil {
		t.Fatal(err)
	}
}

// K10's other side: a verifier that reads the keys now and then never meets a
// token whose key it could not have.
func TestRotation(t *testing.T) {
	signer, c := rotating(t, "ES256")
	old := signedBy(t, signer)
	rotate(t, signer, pkcs8(newECKey()))
	both := published(t, signer)
	if len(both) != 2 || both[1] != old || both[0] == old {
		t.Fatalf("published: %q", both)
	}
	next := both[0]
	for _, step := range []struct {
		name  string
		at    time.Duration
		signs string
		keys  []string
	}{
		{"a new key is published before it is used", 0, old, both},
		{"it is not used until others have it", 15*time.Minute - 1, old, both},
		{"then it is used", 15 * time.Minute, next, both},
		{"the old one stays as long as its tokens live", 25 * time.Minute, next, both},
		{"and as clocks may differ", 30 * time.Minute, next, both},
		{"then it goes", 30*time.Minute + 1, next, both[:1]},
		{"the new one stays", 1000 * time.Hour, next, both[:1]},
	} {
		t.Run(step.name, func(t *testing.T) {
			c.at(step.at)
			if keys := published(t, signer); !slices.Equal(keys, step.keys) {
				t.Errorf("published: %q, want %q", keys, step.keys)
			}
			if kid := signedBy(t, signer); kid != step.signs {
				t.Errorf("signed by %q, want %q", kid, step.signs)
			}
		})
	}
}

// Tokens of before, during and after a rotation are good until their end.
func TestTokensVerifyAcrossRotation(t *testing.T) {
	for _, alg := range []string{"ES256", "EdDSA", "RS256"} {
		signer, c := rotating(t, alg)
		type minted struct {
			token string
			at    time.Duration
		}
		var tokens []minted
		for at := time.Duration(0); at < 2*time.Hour; at += 5 * time.Minute {
			c.at(at)
			if alg != "RS256" && (at == 10*time.Minute || at == 40*time.Minute || at == 90*time.Minute) {
				rotate(t, signer, nil)
			} else if alg == "RS256" && at == 10*time.Minute {
				rotate(t, signer, pkcs1(newRSAKey()))
			}
			tokens = append(tokens, minted{mintToken(t, signer), at})
			for _, m := range tokens {
				_, err := verifyAt(t, signer, m.token, epoch.Add(at))
				if alive := at < m.at+10*time.Minute; alive && err != nil || !alive && !errors.Is(err, authstar.InvalidToken) {
					t.Errorf("%s: a token of %v at %v: %v", alg, m.at, at, err)
				}
			}
		}
		if n := len(published(t, signer)); n != 1 && n != 2 {
			t.Errorf("%s: %d keys are published", alg, n)
		}
	}
}

func TestRefusedRotations(t *testing.T) {
	signer, c := rotating(t, "ES256")
	second, third := newECKey(), newECKey()
	refused := func(name string, key []byte) {
		t.Helper()
		before := published(t, signer)
		err := signer.Rotate(key)
		if err == nil || !strings.HasPrefix(err.Error(), "tokenendpoint: ") {
			t.Errorf("%s: %v", name, err)
		}
		if after := published(t, signer); !slices.Equal(before, after) {
			t.Errorf("%s: published %q, and before %q", name, after, before)
		}
	}
	refused("the key that signs", sec1(ecKey()))
	rotate(t, signer, sec1(second))
	refused("a second rotation during the first", sec1(third))
	c.at(15*time.Minute - 1)
	refused("a second rotation just before the end of the first", sec1(third))
	c.at(15 * time.Minute)
	refused("the key of before, which is still published", sec1(ecKey()))
	refused("the key of now", pkcs8(second))
	rotate(t, signer, sec1(third))
	if n := len(published(t, signer)); n != 3 {
		t.Errorf("%d keys are published", n)
	}
	c.at(30*time.Minute + 1)
	if n := len(published(t, signer)); n != 2 {
		t.Errorf("%d keys are published: another rotation does not keep a key for longer", n)
	}

	config := signerConfig()
	config.Algorithm, config.Keys, config.Secret = "HS256", nil, []byte(hmacSecret)
	hs256 := newSigner(t, config)
	for _, key := range [][]byte{nil, []byte(hmacSecret + "2"), sec1(third)} {
		if err := hs256.Rotate(key); err == nil || !strings.Contains(err.Error(), "HS256 has no key rotation") {
			t.Errorf("HS256: %v", err)
		}
	}
	verify(t, hs256, mintToken(t, hs256), "HS256")
}

// Keys that were only published end with the first rotation, as the one that
// signed does.
func TestRotationOfSeveralKeys(t *testing.T) {
	c := &clock{now: epoch}
	config := signerConfig()
	config.Keys, config.Now = append(config.Keys, sec1(newECKey())), c.Now
	signer := newSigner(t, config)
	c.at(1000 * time.Hour)
	if n := len(published(t, signer)); n != 2 {
		t.Errorf("%d keys are published before", n)
	}
	rotate(t, signer, nil)
	if n := len(published(t, signer)); n != 3 {
		t.Errorf("%d keys are published during", n)
	}
	c.at(1001 * time.Hour)
	if n := len(published(t, signer)); n != 1 {
		t.Errorf("%d keys are published after", n)
	}
}

func TestConcurrentRotation(t *testing.T) {
	c := &clock{now: epoch}
	config := signerConfig()
	config.Lifetime, config.PublishAhead, config.Now = time.Hour, time.Second, c.Now
	signer := newSigner(t, config)
	endpoint, jwks := withBuilder(t, signer.Build), signer.JWKS()
	stop := make(chan struct{})
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				a := post(t, endpoint, asForm)
				if _, err := verifyAt(t, signer, a.get("access_token"), c.Now()); err != nil {
					t.Error(err)
				}
				if w := record(jwks, httptest.NewRequest("GET", "/", nil)); w.Code != 200 {
					t.Errorf("JWKS: %d", w.Code)
				}
				if res, err := signer.Build(context.Background(), &svcRequest); err != nil || res.AccessToken == "" {
					t.Error(err)
				}
			}
		})
	}
	for i := range 50 {
		c.at(time.Duration(i) * 2 * time.Second)
		if err := signer.Rotate(nil); err != nil {
			t.Error(err)
		}
	}
	close(stop)
	wg.Wait()
	if n := len(published(t, signer)); n != 51 {
		t.Errorf("%d keys are published", n)
	}
}
