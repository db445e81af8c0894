package authenticators_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/authstar/authstar"
	"github.com/authstar/authstar/authenticators"
	"github.com/authstar/authstar/security"
)

// X05: what no constructor made is reported at start, not on every request.
func TestZeroVerifiers(t *testing.T) {
	for name, v := range map[string]authenticators.TokenVerifier{"JWT": new(authenticators.JWT), "Introspection": new(authenticators.Introspection)} {
		if _, err := authstar.New(authenticators.NewBearer(v)); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("X05 %s: %v", name, err)
		}
		if client, err := v.VerifyToken(t.Context(), "a.b.c"); client != nil || err == nil {
			t.Errorf("X05 %s: %v, %v", name, client, err)
		}
	}
}

// X13: a token shows no claims.
func TestTokenShowsNoClaims(t *testing.T) {
	var shown strings.Builder
	j := cacheVerifier(t, authenticators.JWTConfig{Client: func(_ context.Context, token *authenticators.Token) (authstar.Client, error) {
		fmt.Fprintf(&shown, "%v %+v %#v ", token, token, token)
		slog.New(slog.NewJSONHandler(&shown, nil)).Info("verified", "token", token)
		return &authstar.Identity{ID: token.Subject}, nil
	}})
	if _, err := j.VerifyToken(t.Context(), cacheToken(1)); err != nil {
		t.Fatal(err)
	}
	if s := shown.String(); strings.Contains(s, "j-1") || strings.Contains(s, "read") || !strings.Contains(s, "alice") {
		t.Errorf("X13 %s", s)
	}
}

// W08: with a leeway, a client, and a stream of it, ends when its token is refused,
// not before.
func TestStreamEndsWithTheLeeway(t *testing.T) {
	exp := jwtNow.Add(10 * time.Minute)
	for _, leeway := range []time.Duration{0, time.Minute} {
		client, err := cacheVerifier(t, authenticators.JWTConfig{Leeway: leeway}).VerifyToken(t.Context(),
			jwtToken(jwtKeyEd, "EdDSA", jwtKeyEd.header("EdDSA"), jwtClaims(jwtIssuerA).with("exp", fmt.Sprint(exp.Unix())).String()))
		if err != nil {
			t.Fatal(err)
		}
		var end time.Time
		r := request("GET", "/events")
		security.UntilExpiry(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			end, _ = r.Context().Deadline()
		})).ServeHTTP(nil, r.WithContext(authstar.WithClient(r.Context(), client)))
		if got := client.(*authstar.Identity).Expires; !got.Equal(exp.Add(leeway)) || !end.Equal(got) {
			t.Errorf("W08 leeway %v: the client ends %v, the stream %v, want %v", leeway, got, end, exp.Add(leeway))
		}
	}
}
