package authenticators_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/authstar/authstar"
	"github.com/authstar/authstar/authenticators"
)

// jwtDenying knows nobody whose token has one of these ids.
func jwtDenying(denied map[string]bool) func(context.Context, *authenticators.Token) (authstar.Client, error) {
	return func(_ context.Context, token *authenticators.Token) (authstar.Client, error) {
		if denied[token.ID] {
			return nil, nil
		}
		return &authstar.Identity{ID: token.Subject}, nil
	}
}

func TestFieldsOfAToken(t *testing.T) {
	var token *authenticators.Token
	j := jwtVerifier(t, authenticators.JWTConfig{Client: func(_ context.Context, seen *authenticators.Token) (authstar.Client, error) {
		token = seen
		return &authstar.Identity{ID: "x"}, nil
	}})
	claims := jwtClaims(jwtIssuerA).with("aud", `["other","api"]`).with("nbf", jwtSeconds(-30)).with("exp", jwtSeconds(600)+".25")
	if _, err := j.VerifyToken(t.Context(), jwtToken(jwtKeyA, "RS256", `{"alg":"RS256","kid":"k1","typ":"Application/AT+jwt"}`, claims.String())); err != nil {
		t.Fatal(err)
	}
	for name, values := range map[string][2]any{
		"Issuer": {token.Issuer, jwtIssuerA}, "Subject": {token.Subject, "alice"}, "Audience": {token.Audience, []string{"other", "api"}},
		"ClientID": {token.ClientID, "app"}, "ID": {token.ID, "j-1"}, "Scopes": {token.Scopes, []string{"read", "write"}},
		"Expires": {token.Expires.UTC(), jwtNow.Add(600*time.Second + 250*time.Millisecond).UTC()}, "NotBefore": {token.NotBefore.UTC(), jwtNow.Add(-30 * time.Second).UTC()},
		"IssuedAt": {token.IssuedAt.UTC(), jwtNow.Add(-60 * time.Second).UTC()},
		"Type":     {token.Type, "at+jwt"}, "Algorithm": {token.Algorithm, "RS256"}, "KeyID": {token.KeyID, "k1"},
	} {
		if !reflect.DeepEqual(values[0], values[1]) {
			t.Errorf("%s: %v, want %v", name, values[0], values[1])
		}
	}
	if shown := fmt.Sprintf("%v %+v %s", token, token, token); strings.Contains(shown, "read") || !strings.Contains(shown, `"alice"`) {
		t.Errorf("X13 a token shows %s", shown)
	}
	var log strings.Builder
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "token", token)
	if strings.Contains(log.String(), "client_id") {
		t.Errorf("X13 a log shows %s", log.String())
	}
}

// customer is an application's client.
type customer struct {
	authstar.Identity
	Tenant string
	Level  int64
}

func jwtCustomer(_ context.Context, token *authenticators.Token) (authstar.Client, error) {
	var claims struct {
		Tenant string `json:"https://a.example/tenant"`
		Level  int64  `json:"level"`
	}
	if err := token.Claims(&claims); err != nil {
		return nil, &authstar.Error{Code: authstar.InvalidToken, Err: err}
	}
	id := authstar.Identity{ID: token.Subject, Scope: token.Scopes, Issuer: token.Issuer, Expires: token.Expires}
	return &customer{Identity: *id.WithClaims(token.ClaimSet()), Tenant: claims.Tenant, Level: claims.Level}, nil
}

func TestClientOfTheApplication(t *testing.T) {
	j := jwtVerifier(t, authenticators.JWTConfig{Client: jwtCustomer})
	res := newChain(t, authenticators.NewBearer(j)).Authenticate(request("GET", "/", "Authorization: Bearer "+
		jwtOfA(jwtClaims(jwtIssuerA).also("https://a.example/tenant", `"t1"`).also("level", "9007199254740993"))))
	client, ok := res.Client.(*customer)
	if !ok || client.ClientID() != "alice" || client.Tenant != "t1" || client.Level != 9007199254740993 || !client.HasScope("write") {
		t.Fatalf("J23: %v", res)
	}
	if level, ok := client.Claim("level"); !ok || level != json.Number("9007199254740993") {
		t.Errorf("J23 level: %v", level)
	}
	jwtCheck(t, j, jwtCase{"J23 a claim that does not fit", jwtOfA(jwtClaims(jwtIssuerA).also("level", "1.5")), false})
}

func TestOutcomesOfClient(t *testing.T) {
	var typedNil *customer
	down := errors.New("users-db-7 is down")
	for _, test := range []struct {
		name   string
		client authstar.Client
		err    error
		status int
		code   string
	}{
		{"a client", &customer{Identity: authstar.Identity{ID: "alice"}}, nil, 200, "alice"},
		{"nobody", nil, nil, 401, "invalid_token"},
		{"a typed nil", typedNil, nil, 401, "invalid_token"},
		{"an empty id", &customer{}, nil, 401, "invalid_token"},
		{"ErrNoCredentials", nil, authstar.ErrNoCredentials, 401, "invalid_token"},
		{"ErrNoCredentials, wrapped", nil, fmt.Errorf("x: %w", authstar.ErrNoCredentials), 401, "invalid_token"},
		{"a plain error", nil, down, 503, "temporarily_unavailable"},
		{"a plain error beside a client", &customer{Identity: authstar.Identity{ID: "alice"}}, down, 503, "temporarily_unavailable"},
		{"a refusal", nil, &authstar.Error{Code: authstar.InvalidToken, Err: down}, 401, "invalid_token"},
		{"a refusal of access", nil, &authstar.Error{Code: authstar.AccessDenied}, 403, "access_denied"},
		{"an outage", nil, &authstar.Error{Code: authstar.TemporarilyUnavailable}, 503, "temporarily_unavailable"},
	} {
		t.Run("C09 C10 C17 X04 "+test.name, func(t *testing.T) {
			j := jwtVerifier(t, authenticators.JWTConfig{Client: func(context.Context, *authenticators.Token) (authstar.Client, error) {
				return test.client, test.err
			}})
			res := serve(newJWTAPI(t, j), request("GET", "/me", "Authorization: Bearer "+jwtOfA(jwtClaims(jwtIssuerA))))
			if status, answer := read(t, res); status != test.status || answer != test.code {
				t.Errorf("%d %q, want %d %q", status, answer, test.status, test.code)
			}
			client, err := j.VerifyToken(t.Context(), jwtOfA(jwtClaims(jwtIssuerA)))
			if (err == nil) != (test.status == 200) || (client == nil) != (err != nil) {
				t.Errorf("VerifyToken: %v, %v", client, err)
			}
		})
	}
}

// The callback is asked about verified tokens only.
func TestClientIsNotAskedAboutBadTokens(t *testing.T) {
	j := jwtVerifier(t, authenticators.JWTConfig{Client: func(_ context.Context, token *authenticators.Token) (authstar.Client, error) {
		t.Errorf("C03 asked about %v", token)
		return nil, nil
	}})
	claims := jwtClaims(jwtIssuerA)
	for _, token := range []string{
		jwtToken(jwtEvilRSA, "RS256", jwtEvilRSA.header("RS256"), claims.String()),
		jwtOfA(claims.with("exp", "1")), jwtOfA(claims.with("aud", `"x"`)), jwtOfA(claims.without("sub")), jwtOfB(claims),
		jwtWithHeader(jwtKeyA.header("RS256", `"crit":[]`)), jwtOfA(claims.with("cnf", `{}`)),
	} {
		if client, err := j.VerifyToken(t.Context(), token); client != nil || err == nil {
			t.Errorf("C03 %v", client)
		}
	}
}

// M11: a client belongs to its request.
func TestClientsOfOneTokenAreApart(t *testing.T) {
	for name, j := range map[string]*authenticators.JWT{
		"identity": jwtVerifier(t, authenticators.JWTConfig{}), "customer": jwtVerifier(t, authenticators.JWTConfig{Client: jwtCustomer}),
	} {
		token := jwtOfA(jwtClaims(jwtIssuerA).also("list", `["a",{"b":1}]`))
		spoil := func() authstar.Client {
			client, err := j.VerifyToken(t.Context(), token)
			if err != nil {
				t.Fatal(err)
			}
			list, _ := client.(interface{ Claim(string) (any, bool) }).Claim("list")
			list.([]any)[0] = "spoilt"
			list.([]any)[1].(map[string]any)["b"] = "spoilt"
			client.Scopes()[0] = "admin"
			switch c := client.(type) {
			case *authstar.Identity:
				c.Scope[0], c.ID = "admin", "spoilt"
			case *customer:
				c.Scope[0], c.ID = "admin", "spoilt"
			}
			return client
		}
		spoil()
		client, err := j.VerifyToken(t.Context(), token)
		if err != nil || client.ClientID() != "alice" || strings.Join(client.Scopes(), " ") != "read write" {
			t.Errorf("M11 %s: %v %v", name, client, client.Scopes())
		}
		list, _ := client.(interface{ Claim(string) (any, bool) }).Claim("list")
		if fmt.Sprint(list) != "[a map[b:1]]" {
			t.Errorf("M11 %s: %v", name, list)
		}
	}
}
