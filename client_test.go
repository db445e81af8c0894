package authstar_test

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/authstar/authstar"
)

// claimSet is a ClaimSet over a JSON object.
type claimSet string

func (c claimSet) Decode(v any) error { return json.Unmarshal([]byte(c), v) }

func (c claimSet) Lookup(name string) (any, bool) {
	var m map[string]any
	if c.Decode(&m) != nil {
		return nil, false
	}
	v, ok := m[name]
	return v, ok
}

// user is an application's own client.
type user struct {
	authstar.Identity
	Tenant string `json:"tenant"`
}

func TestIdentitySurvivesJSON(t *testing.T) {
	u := &user{Tenant: "acme"}
	u.Identity = *(&authstar.Identity{
		ID: "alice", Scope: []string{"read"}, Issuer: "https://a.example", Expires: time.Unix(2e9, 0).UTC(),
	}).WithClaims(claimSet(`{"ssn":"078-05-1120"}`))
	b, err := json.Marshal(u)
	if err != nil {
		t.Fatal(err)
	}
	if want := `{"client_id":"alice","scopes":["read"],"issuer":"https://a.example","expires":"2033-05-18T03:33:20Z","tenant":"acme"}`; string(b) != want {
		t.Errorf("got  %s\nwant %s", b, want)
	}
	back := new(user)
	if err := json.Unmarshal(b, back); err != nil {
		t.Fatal(err)
	}
	if back.ID != u.ID || back.Tenant != u.Tenant || !back.HasScope("read") || back.Issuer != u.Issuer || !back.Expires.Equal(u.Expires) {
		t.Errorf("%+v came back as %+v", u, back)
	}
	if _, ok := back.Claim("ssn"); ok {
		t.Error("claims came back from JSON")
	}
	if b, _ := json.Marshal(&authstar.Identity{ID: "bob"}); string(b) != `{"client_id":"bob"}` {
		t.Errorf("an identity with nothing but an id is %s", b)
	}
}

func TestIdentityAnswers(t *testing.T) {
	i := &authstar.Identity{ID: "alice", Scope: []string{"read", "write"}, Issuer: "https://a.example", Expires: time.Unix(2e9, 0)}
	if i.ClientID() != "alice" || i.ClientIssuer() != "https://a.example" || !i.ExpiresAt().Equal(time.Unix(2e9, 0)) {
		t.Errorf("%v answers %q, %q, %v", i, i.ClientID(), i.ClientIssuer(), i.ExpiresAt())
	}
	for scope, want := range map[string]bool{"read": true, "write": true, "READ": false, "rea": false, "read write": false, "": false} {
		if i.HasScope(scope) != want {
			t.Errorf("HasScope(%q) is %v", scope, !want)
		}
	}
}

// M11, X09
func TestIdentityHandsOutCopies(t *testing.T) {
	scope := []string{"read", "x"}[:1]
	i := &authstar.Identity{ID: "alice", Scope: scope}
	i.Scopes()[0] = "admin"
	_ = append(i.Scopes(), "admin")
	with := i.WithClaims(claimSet(`{}`))
	with.Scope[0] = "admin"
	with.ID = "mallory"
	if i.ID != "alice" || !slices.Equal(i.Scope, []string{"read"}) || scope[:2][1] != "x" {
		t.Errorf("the identity changed to %q with the scopes %q", i.ID, scope[:2])
	}
}

func TestClaims(t *testing.T) {
	i := &authstar.Identity{ID: "alice"}
	var claims struct{ Tenant string }
	if _, ok := i.Claim("tenant"); ok || i.Claims(&claims) == nil {
		t.Error("an identity without claims has claims")
	}
	with := i.WithClaims(claimSet(`{"tenant":"acme"}`))
	if v, ok := with.Claim("tenant"); !ok || v != "acme" {
		t.Errorf("claim %v, %v", v, ok)
	}
	if err := with.Claims(&claims); err != nil || claims.Tenant != "acme" {
		t.Errorf("claims %+v, error %v", claims, err)
	}
	if _, ok := with.Claim("Tenant"); ok {
		t.Error("a claim is found in another case")
	}
	if _, ok := with.WithClaims(nil).Claim("tenant"); ok {
		t.Error("WithClaims(nil) keeps claims")
	}
	if _, ok := i.Claim("tenant"); ok {
		t.Error("WithClaims changed its receiver")
	}
}

func TestClientAs(t *testing.T) {
	ctx := authstar.WithClient(context.Background(), &user{Identity: authstar.Identity{ID: "alice"}, Tenant: "acme"})
	if u, ok := authstar.ClientAs[*user](ctx); !ok || u.Tenant != "acme" {
		t.Errorf("ClientAs[*user] is %v, %v", u, ok)
	}
	if i, ok := authstar.ClientAs[*authstar.Identity](ctx); ok || i != nil {
		t.Errorf("ClientAs of another type is %v", i)
	}
	if u, ok := authstar.ClientAs[*user](context.Background()); ok || u != nil {
		t.Errorf("ClientAs without a client is %v", u)
	}
	if c, ok := authstar.ClientAs[authstar.Client](ctx); !ok || c.ClientID() != "alice" {
		t.Errorf("ClientAs[Client] is %v", c)
	}
}

func TestWithClient(t *testing.T) {
	for name, client := range map[string]authstar.Client{"nil": nil, "typed nil": (*authstar.Identity)(nil)} {
		ctx := authstar.WithClient(context.Background(), client)
		if c, ok := authstar.ClientFrom(ctx); ok {
			t.Errorf("WithClient(%s) gives the client %v", name, c)
		}
		if res, ok := authstar.ResultFrom(ctx); !ok || res.Client != nil || res.Err != nil {
			t.Errorf("WithClient(%s) gives the result %v", name, res)
		}
	}
	outer := authstar.WithClient(context.Background(), &authstar.Identity{ID: "alice"})
	inner := authstar.WithClient(outer, nil)
	if _, ok := authstar.ClientFrom(inner); ok {
		t.Error("the inner WithClient(nil) does not hide the outer client")
	}
	if c, ok := authstar.ClientFrom(outer); !ok || c.ClientID() != "alice" {
		t.Error("the outer context changed")
	}
}

// bag is a client that cannot be compared, nor be the key of a map.
type bag struct {
	ID    string
	Extra map[string]string
}

func (b bag) ClientID() string { return b.ID }
func (b bag) Scopes() []string { return slices.Collect(maps.Keys(b.Extra)) }
