package oauth

import (
	"strings"
	"testing"

	"github.com/authstar/authstar/e2e/internal/process"
)

var libraries = []string{"oauth4webapi", "openid-client"}

// AZ-01, AZ-10, AZ-11, O16: the libraries of npm complete every flow of the
// example, and refuse answers that are not for them.
func TestNPM(t *testing.T) {
	issuer := process.Example(t, "pkce")
	for _, library := range libraries {
		t.Run(library, func(t *testing.T) {
			for _, who := range []credentials{
				{ID: "spa", Method: "none"},
				{ID: "web", Method: "client_secret_basic", Secret: "web-secret"},
				{ID: "web", Method: "client_secret_post", Secret: "web-secret"},
			} {
				t.Run(who.Method, func(t *testing.T) { testUser(t, newClient(t, library, issuer, elsewhere, who), issuer, who) })
			}
			for _, method := range []string{"client_secret_basic", "client_secret_post"} {
				who := credentials{ID: "machine", Method: method, Secret: "machine-secret"}
				t.Run("machine/"+method, func(t *testing.T) {
					c := newClient(t, library, issuer, "", who)
					testMachine(t, c, issuer)
					who.Secret += "x"
					c.configure(t, issuer, who)
					c.refused(t, "machine", params{"scope": "orders:read"}, "invalid_client", 401)
				})
			}
		})
	}
}

// testUser is a client that acts for a user.
func testUser(t *testing.T, c *client, issuer string, who credentials) {
	api := issuer + "/api/orders"
	public := who.Method == "none"
	first := c.tokens(t)
	if first.Scope != offline || first.Refresh == "" {
		t.Fatalf("scope is %q, refresh token %t", first.Scope, first.Refresh != "")
	}
	if a := c.do(t, "call", params{"url": api, "token": first.Access}); a.Status != 200 {
		t.Errorf("the token is worth %d", a.Status)
	}
	if a := c.do(t, "call", params{"url": api, "token": first.Access + "x"}); a.Status != 401 {
		t.Errorf("the spoilt token is worth %d", a.Status)
	}
	second := c.must(t, "refresh", params{"refresh_token": first.Refresh})
	if second.Refresh == first.Refresh || second.Scope != offline || status(t, api, second.Access) != 200 {
		t.Errorf("the refreshed token has scope %q", second.Scope)
	}
	if public {
		c.refused(t, "introspect", params{"token": second.Access}, "invalid_client", 401)
	} else if a := c.must(t, "introspect", params{"token": second.Access}); !a.Active || a.Subject != "alice" || a.Client != who.ID {
		t.Errorf("introspection says %+v", a)
	}
	c.must(t, "revoke", params{"token": second.Refresh})
	if got := status(t, api, second.Access); got != 401 {
		t.Errorf("after the revocation the token is worth %d", got)
	}
	if !public {
		if a := c.must(t, "introspect", params{"token": second.Access}); a.Active {
			t.Error("introspection knows of no revocation")
		}
	}
	c.refused(t, "refresh", params{"refresh_token": second.Refresh}, "invalid_grant", 400)

	t.Run("a spent refresh token ends the login", func(t *testing.T) {
		first := c.tokens(t)
		second := c.must(t, "refresh", params{"refresh_token": first.Refresh})
		c.refused(t, "refresh", params{"refresh_token": first.Refresh}, "invalid_grant", 400)
		c.refused(t, "refresh", params{"refresh_token": second.Refresh}, "invalid_grant", 400)
	})
	t.Run("a replayed code ends the login", func(t *testing.T) {
		callback := c.callback(t).String()
		tokens := c.must(t, "redeem", params{"callback": callback})
		c.refused(t, "redeem", params{"callback": callback}, "invalid_grant", 400)
		if got := status(t, api, tokens.Access); got != 401 {
			t.Errorf("the token is worth %d", got)
		}
	})
	t.Run("another verifier", func(t *testing.T) {
		c.refused(t, "redeem", params{"callback": c.callback(t).String(), "code_verifier": strings.Repeat("x", 43)}, "invalid_grant", 400)
	})
	t.Run("an answer of another issuer, state or nobody", func(t *testing.T) {
		for name, value := range map[string]string{"iss": "https://evil.example", "state": "x"} {
			callback := c.callback(t)
			for _, value := range []string{value, ""} {
				if a := c.do(t, "redeem", params{"callback": with(callback, name, value)}); !strings.HasPrefix(a.Error, "OAUTH_INVALID_RESPONSE") {
					t.Errorf("%s=%s: %q", name, value, a.Error)
				}
			}
			c.must(t, "redeem", params{"callback": callback.String()})
		}
	})
	t.Run("a scope that the client may not have", func(t *testing.T) {
		u := c.must(t, "authorize", params{"redirect_uri": c.redirect, "scope": "everything"}).URL
		c.refused(t, "redeem", params{"callback": logIn(t, u).String()}, "invalid_scope", 0)
	})
	if !public {
		t.Run("a wrong secret, which spends no code", func(t *testing.T) {
			callback := c.callback(t).String()
			good := who
			who.Secret += "x"
			c.configure(t, issuer, who)
			c.refused(t, "redeem", params{"callback": callback}, "invalid_client", 401)
			c.configure(t, issuer, good)
			c.must(t, "redeem", params{"callback": callback})
		})
	}
}

// testMachine is a client that acts for itself.
func testMachine(t *testing.T, c *client, issuer string) {
	t.Helper()
	a := c.must(t, "machine", params{"scope": "orders:read"})
	if a.Scope != "orders:read" || a.Refresh != "" {
		t.Errorf("%q, refresh token %t", a.Scope, a.Refresh != "")
	}
	if got := c.must(t, "introspect", params{"token": a.Access}); !got.Active || got.Client != got.Subject {
		t.Errorf("introspection says %+v", got)
	}
	c.must(t, "revoke", params{"token": a.Access})
	if got := c.must(t, "introspect", params{"token": a.Access}); got.Active {
		t.Error("the token is revoked and active")
	}
	c.refused(t, "machine", params{"scope": "everything"}, "invalid_scope", 400)
}
