package authenticators_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/authstar/authstar"
	"github.com/authstar/authstar/authenticators"
	"github.com/authstar/authstar/security"
)

// cacheToken is a token of A that differs from the others by its number.
func cacheToken(n int) string {
	return jwtToken(jwtKeyEd, "EdDSA", jwtKeyEd.header("EdDSA"), jwtClaims(jwtIssuerA).with("jti", fmt.Sprintf(`"j-%d"`, n)).String())
}

func cacheVerifier(t testing.TB, config authenticators.JWTConfig) *authenticators.JWT {
	config.Keys = jwtKeys(t, jwtKeyEd)
	return jwtVerifier(t, config)
}

// cacheCounter is a JWTConfig.Client that counts its calls.
func cacheCounter(calls *atomic.Int32) func(context.Context, *authenticators.Token) (authstar.Client, error) {
	return func(_ context.Context, t *authenticators.Token) (authstar.Client, error) {
		calls.Add(1)
		return &authstar.Identity{ID: t.Subject, Scope: t.Scopes}, nil
	}
}

// M02: two verifiers with another audience, or another client, give each other
// no verdict.
func TestCacheOfTwoVerifiers(t *testing.T) {
	token := cacheToken(1)
	api := cacheVerifier(t, authenticators.JWTConfig{})
	other := cacheVerifier(t, authenticators.JWTConfig{Audiences: []string{"other"}})
	strict := cacheVerifier(t, authenticators.JWTConfig{MaxLifetime: time.Minute})
	for range 3 {
		if _, err := api.VerifyToken(t.Context(), token); err != nil {
			t.Errorf("M02 the API that the token is for: %v", err)
		}
		for name, j := range map[string]*authenticators.JWT{"audience": other, "lifetime": strict} {
			if client, err := j.VerifyToken(t.Context(), token); !errors.Is(err, authstar.InvalidToken) {
				t.Errorf("M02 the API with another %s: %v, %v", name, client, err)
			}
		}
	}
}

// M02: the same text as an API key is no token.
func TestCacheOfTwoKindsOfCredential(t *testing.T) {
	token := cacheToken(1)
	keys := authenticators.NewAPIKey("X-API-Key", func(context.Context, string) (authstar.Client, error) { return nil, nil })
	h := newAPI(t, authenticators.NewBearer(cacheVerifier(t, authenticators.JWTConfig{})), keys)
	for range 2 {
		row{status: 200, answer: "alice"}.check(t, serve(h, request("GET", "/me", "Authorization: Bearer "+token)), new(calls))
		if res := serve(h, request("GET", "/me", "X-API-Key: "+token)); res.StatusCode != 401 {
			t.Errorf("M02 a token as an API key: %d", res.StatusCode)
		}
	}
}

// M03: guards run on every request.
func TestCacheDoesNotSkipGuards(t *testing.T) {
	chain := newChain(t, authenticators.NewBearer(cacheVerifier(t, authenticators.JWTConfig{})))
	for round := range 3 {
		for scope, status := range map[string]int{"read": 200, "admin": 403} {
			h := chain.Handler(security.Scopes(scope).HandlerFunc(whoAmI))
			if res := serve(h, request("GET", "/me", "Authorization: Bearer "+cacheToken(1))); res.StatusCode != status {
				t.Errorf("M03 round %d, scope %s: %d, want %d", round, scope, res.StatusCode, status)
			}
		}
	}
}

// M04: a remembered token ends when it expires.
func TestCacheEndsWithTheToken(t *testing.T) {
	for _, leeway := range []time.Duration{0, 30 * time.Second} {
		now := jwtNow
		j := jwtVerifier(t, authenticators.JWTConfig{Leeway: leeway, Now: func() time.Time { return now }})
		token := jwtOfA(jwtClaims(jwtIssuerA).with("exp", jwtSeconds(2)).also("nbf", jwtSeconds(0)))
		for _, step := range []struct {
			after time.Duration
			good  bool
		}{
			{0, true}, {0, true}, {2*time.Second + leeway - 1, true}, {2*time.Second + leeway, false}, {time.Hour, false},
			{0, true}, {-leeway - 1, false}, {-leeway, true}, // the clock goes back
		} {
			now = jwtNow.Add(step.after)
			client, err := j.VerifyToken(t.Context(), token)
			if (err == nil) != step.good || err != nil && !errors.Is(err, authstar.InvalidToken) {
				t.Errorf("M04 leeway %v, after %v: %v, %v", leeway, step.after, client, err)
			}
		}
	}
}

// What CacheClient and CacheSize do to the number of calls of Client.
func TestCacheClient(t *testing.T) {
	for _, row := range []struct {
		name   string
		config authenticators.JWTConfig
		token  string
		calls  int32 // for three requests, a Purge and one more
	}{
		{"by default Client is called for every request", authenticators.JWTConfig{}, cacheToken(1), 4},
		{"M05 what Client returned is remembered until a Purge", authenticators.JWTConfig{CacheClient: true}, cacheToken(1), 2},
		{"a negative size remembers nothing", authenticators.JWTConfig{CacheClient: true, CacheSize: -1}, cacheToken(1), 4},
		{"a token of more than 4 KiB is not remembered", authenticators.JWTConfig{CacheClient: true}, cacheLongToken(), 4},
	} {
		t.Run(row.name, func(t *testing.T) {
			var calls atomic.Int32
			row.config.Client = cacheCounter(&calls)
			j := cacheVerifier(t, row.config)
			for i := range 4 {
				if i == 3 {
					j.Purge()
				}
				if client, err := j.VerifyToken(t.Context(), row.token); err != nil || client.ClientID() != "alice" {
					t.Fatalf("%v, %v", client, err)
				}
			}
			if calls.Load() != row.calls {
				t.Errorf("%d calls of Client, want %d", calls.Load(), row.calls)
			}
		})
	}
}

// M05: what is being verified during a Purge is the answer to its own request, and
// is not remembered; the next one is.
func TestPurgeDuringAVerification(t *testing.T) {
	var j *authenticators.JWT
	calls := 0
	j = cacheVerifier(t, authenticators.JWTConfig{CacheClient: true, Client: func(_ context.Context, token *authenticators.Token) (authstar.Client, error) {
		if calls++; calls == 1 {
			j.Purge()
		}
		return &authstar.Identity{ID: token.Subject}, nil
	}})
	for n, want := range []int{1, 2, 2} {
		if client, err := j.VerifyToken(t.Context(), cacheToken(1)); err != nil || client.ClientID() != "alice" {
			t.Fatalf("%v, %v", client, err)
		}
		if calls != want {
			t.Errorf("M05 %d calls of Client after request %d, want %d", calls, n+1, want)
		}
	}
}

// M05: whoever else is being verified, after a Purge nobody gets an answer from
// before it.
func TestPurgeBesideVerifications(t *testing.T) {
	var version atomic.Int64
	j := jwtVerifier(t, authenticators.JWTConfig{Issuer: jwtIssuerD, Keys: jwtKeys(t, jwtKeyD), Algorithms: []string{"HS256"}, CacheClient: true,
		Client: func(context.Context, *authenticators.Token) (authstar.Client, error) {
			return &authstar.Identity{ID: strconv.FormatInt(version.Load(), 10)}, nil
		}})
	purgeBeside(t, &version, j, j.Purge, cacheSecretToken(jwtClaims(jwtIssuerD)))
}

// purgeBeside moves the version that the verifier's clients are named after on, and
// purges, while others verify the same token.
func purgeBeside(t *testing.T, version *atomic.Int64, v authenticators.TokenVerifier, purge func(), token string) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	var others sync.WaitGroup
	for range 4 {
		others.Go(func() {
			for ctx.Err() == nil {
				_, _ = v.VerifyToken(t.Context(), token)
			}
		})
	}
	for range 300 {
		now := version.Add(1)
		purge()
		for range 10 {
			client, err := v.VerifyToken(t.Context(), token)
			if err != nil {
				t.Fatal(err)
			}
			if got, _ := strconv.ParseInt(client.ClientID(), 10, 64); got < now {
				t.Errorf("M05 version %d after the Purge of %d", got, now)
			}
		}
	}
	stop()
	others.Wait()
}

func cacheLongToken() string {
	claims := jwtClaims(jwtIssuerA).also("note", `"`+strings.Repeat("n", 4000)+`"`)
	return jwtToken(jwtKeyEd, "EdDSA", jwtKeyEd.header("EdDSA"), claims.String())
}

// A refusal or an outage of the application is never remembered.
func TestCacheClientErrors(t *testing.T) {
	for name, verdict := range map[string]error{"an unknown client": nil, "an outage": errors.New("down"), "a refusal": &authstar.Error{Code: authstar.AccessDenied}} {
		t.Run("M07 "+name, func(t *testing.T) {
			known := false
			j := cacheVerifier(t, authenticators.JWTConfig{CacheClient: true, Client: func(context.Context, *authenticators.Token) (authstar.Client, error) {
				if known {
					return &authstar.Identity{ID: "alice"}, nil
				}
				return nil, verdict
			}})
			for range 2 {
				if client, err := j.VerifyToken(t.Context(), cacheToken(1)); err == nil {
					t.Errorf("%v", client)
				}
			}
			known = true
			if _, err := j.VerifyToken(t.Context(), cacheToken(1)); err != nil {
				t.Error(err)
			}
		})
	}
}

// M11: a handler that changes its client changes nobody else's.
func TestCacheClientsAreNotShared(t *testing.T) {
	token := jwtOfA(jwtClaims(jwtIssuerA).also("realm_access", `{"roles":["user"]}`))
	for name, size := range map[string]int{"remembered": 0, "not remembered": -1} {
		t.Run("M11 "+name, func(t *testing.T) {
			j := jwtVerifier(t, authenticators.JWTConfig{CacheSize: size})
			for range 3 {
				client, err := j.VerifyToken(t.Context(), token)
				if err != nil {
					t.Fatal(err)
				}
				id := client.(*authstar.Identity)
				access, _ := id.Claim("realm_access")
				roles := access.(map[string]any)["roles"].([]any)
				var claims map[string]any
				if err := id.Claims(&claims); err != nil {
					t.Fatal(err)
				}
				if id.ID != "alice" || !slices.Equal(id.Scope, []string{"read", "write"}) || roles[0] != "user" || claims["sub"] != "alice" {
					t.Fatalf("%+v, %v, %v", id, access, claims)
				}
				id.ID, id.Scope[0], id.Expires = "mallory", "admin", time.Time{}
				id.Scope = append(id.Scope[:1], "root")
				roles[0], claims["sub"] = "admin", "mallory"
			}
		})
	}
}

// M11: what Client does to its Token stays with that request.
func TestCacheTokensAreNotShared(t *testing.T) {
	for name, config := range map[string]authenticators.JWTConfig{"remembered": {}, "not remembered": {CacheSize: -1}} {
		t.Run("M11 "+name, func(t *testing.T) {
			config.Client = func(_ context.Context, tok *authenticators.Token) (authstar.Client, error) {
				if !slices.Equal(tok.Audience, []string{"api"}) {
					t.Errorf("its audience is %q", tok.Audience)
				}
				id := &authstar.Identity{ID: tok.Subject, Scope: slices.Clone(tok.Scopes)}
				tok.Subject, tok.Issuer = "auth0|"+tok.Subject, "evil"
				tok.Scopes[0], tok.Audience[0] = "admin", "evil"
				tok.Scopes = append(tok.Scopes, "root")
				tok.Expires = tok.Expires.Add(time.Hour)
				return id, nil
			}
			j := cacheVerifier(t, config)
			for range 3 {
				client, err := j.VerifyToken(t.Context(), cacheToken(1))
				if err != nil || client.ClientID() != "alice" || !slices.Equal(client.Scopes(), []string{"read", "write"}) {
					t.Fatalf("%v, %v", client, err)
				}
			}
		})
	}
}

// M06: every request gets its own verdict, whatever the others do.
func TestCacheConcurrency(t *testing.T) {
	j := cacheVerifier(t, authenticators.JWTConfig{CacheSize: 32})
	var tokens []string
	for n := range 50 {
		tokens = append(tokens, jwtToken(jwtKeyEd, "EdDSA", jwtKeyEd.header("EdDSA"), jwtClaims(jwtIssuerA).with("sub", fmt.Sprintf(`"user-%d"`, n)).String()))
	}
	var all sync.WaitGroup
	for w := range 8 {
		all.Go(func() {
			for i := range 250 {
				n := (i*7 + w) % len(tokens)
				client, err := j.VerifyToken(t.Context(), tokens[n])
				if err != nil || client.ClientID() != fmt.Sprintf("user-%d", n) {
					t.Errorf("M06 token %d: %v, %v", n, client, err)
				}
				bad := tokens[n][:len(tokens[n])-8] + "AAAAAAAA"
				if _, err := j.VerifyToken(t.Context(), bad); !errors.Is(err, authstar.InvalidToken) {
					t.Errorf("M06 a bad token: %v", err)
				}
				if i%100 == 99 {
					j.Purge()
				}
			}
		})
	}
	all.Wait()
}
