package authserver

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4/json" // which does not take "Scope" for "scope"

	"github.com/authstar/authstar"
	"github.com/authstar/authstar/internal/claims"
	"github.com/authstar/authstar/tokenendpoint"
)

var errReuse = errors.New("authserver: a spent refresh token was used again; the login is revoked")

// maxTokenLife is how long access tokens may be good, whatever their lifetime was
// when they were made, and a minute for clocks that differ.
const maxTokenLife = 24*time.Hour + time.Minute

// revokeGrant ends everything that comes of a grant: the refresh tokens, and the
// access tokens as far as those who check them ask here. The refresh tokens end
// first, by a change for which a full store has room. Where the rest fails, their
// record stays as revoked, for the next call to go on from.
func (s *Server) revokeGrant(ctx context.Context, id string) error {
	until := s.config.Now().Add(maxTokenLife)
	for range 10 { // of those who refresh at the same time, some may be faster
		text, err := s.store.get(ctx, "family:"+id, new(family))
		if err != nil {
			return err
		}
		if text == nil {
			break
		}
		won, err := s.store.swap(ctx, "family:"+id, text, &family{Revoked: true}, until)
		if err != nil {
			return err
		}
		if won {
			break
		}
	}
	if _, err := s.store.Add(ctx, "revoked:"+markOf(id), []byte{}, until); err != nil {
		return err
	}
	return s.store.store.Delete(ctx, "family:"+id)
}

// accessToken are the claims of an access token that this server asks about.
type accessToken struct {
	Issuer   string   `json:"iss"`
	Subject  string   `json:"sub"`
	Audience audience `json:"aud"`
	Expires  int64    `json:"exp"`
	IssuedAt int64    `json:"iat"`
	ID       string   `json:"jti"`
	ClientID string   `json:"client_id"`
	Scope    string   `json:"scope"`
}

// active returns the claims of an access token that is good and not revoked, nil
// for any other.
func (s *Server) active(ctx context.Context, token string) (*accessToken, []byte, error) {
	payload, err := s.signer.Verify(token)
	if err != nil {
		return nil, nil, nil
	}
	t := new(accessToken)
	if err := json.Unmarshal(payload, t); err != nil {
		return nil, nil, nil
	}
	mark, _, _ := strings.Cut(t.ID, ".")
	revoked, err := s.store.has(ctx, "revoked:"+t.ID, "revoked:"+mark)
	if err != nil || revoked {
		return nil, nil, err
	}
	return t, payload, nil
}

// VerifyToken makes the server a verifier for the API beside it: it accepts the
// server's own access tokens for Config.Audience that were not revoked. Its
// errors are *authstar.Error: InvalidToken, and TemporarilyUnavailable when the
// store does not answer.
func (s *Server) VerifyToken(ctx context.Context, token string) (authstar.Client, error) {
	t, payload, err := s.active(ctx, token)
	if err != nil {
		return nil, &authstar.Error{Code: authstar.TemporarilyUnavailable, Err: err}
	}
	if t == nil || !slices.Contains(t.Audience, s.config.Audience) {
		return nil, &authstar.Error{Code: authstar.InvalidToken, Description: "the token is not valid"}
	}
	id := &authstar.Identity{ID: t.Subject, Scope: strings.Fields(t.Scope), Issuer: t.Issuer, Expires: unix(t.Expires)}
	return id.WithClaims(claims.New(string(payload))), nil
}

// AcceptsIssuer reports whether iss is this server.
func (s *Server) AcceptsIssuer(iss string) bool { return iss == s.config.Issuer }

// revoke is RFC 7009. What is no token of the client's is none of its business,
// and answered as if it had been revoked.
func (s *Server) revoke(ctx context.Context, client authstar.Client, form tokenendpoint.Form) (any, error) {
	token := form.Get("token")
	if token == "" {
		return nil, refuse(authstar.InvalidRequest, "token is missing")
	}
	f, _, err := s.family(ctx, token)
	if err != nil {
		return nil, unavailable(err)
	}
	if f != nil {
		if f.Client == client.ClientID() && (matches(f.Current, token[idLength:]) || matches(f.Spent, token[idLength:])) {
			err = s.revokeGrant(ctx, f.Grant.ID)
		}
		return nil, unavailable(err)
	}
	t, _, err := s.active(ctx, token)
	if err == nil && t != nil && t.ClientID == client.ClientID() {
		_, err = s.store.Add(ctx, "revoked:"+t.ID, []byte{}, unix(t.Expires).Add(time.Minute))
	}
	return nil, unavailable(err)
}

// unavailable is a store that does not answer (RFC 7009 section 2.2.1).
func unavailable(err error) error {
	if err == nil {
		return nil
	}
	return &authstar.Error{Code: authstar.TemporarilyUnavailable, Err: err}
}

// introspection is an answer of RFC 7662 section 2.2.
type introspection struct {
	Active    bool     `json:"active"`
	Scope     string   `json:"scope,omitempty"`
	ClientID  string   `json:"client_id,omitempty"`
	TokenType string   `json:"token_type,omitempty"`
	Expires   int64    `json:"exp,omitempty"`
	IssuedAt  int64    `json:"iat,omitempty"`
	Subject   string   `json:"sub,omitempty"`
	Audience  []string `json:"aud,omitempty"`
	Issuer    string   `json:"iss,omitempty"`
	ID        string   `json:"jti,omitempty"`
}

// introspect is RFC 7662. A public client proves nothing, and learns nothing.
func (s *Server) introspect(ctx context.Context, client authstar.Client, form tokenendpoint.Form) (any, error) {
	c, ok := client.(*Client)
	if !ok || c.public() {
		return nil, refuse(authstar.InvalidClient, "a public client may not introspect")
	}
	token := form.Get("token")
	if token == "" {
		return nil, refuse(authstar.InvalidRequest, "token is missing")
	}
	f, _, err := s.family(ctx, token)
	if err != nil {
		return nil, unavailable(err)
	}
	if f != nil {
		if f.Client != c.ID || !matches(f.Current, token[idLength:]) {
			return introspection{}, nil
		}
		return introspection{
			Active: true, Scope: strings.Join(f.Grant.Scopes, " "), ClientID: f.Client, Expires: s.expires(f).Unix(),
			Subject: f.Grant.Login.Subject, Issuer: s.config.Issuer,
		}, nil
	}
	t, _, err := s.active(ctx, token)
	if err != nil {
		return nil, unavailable(err)
	}
	if t == nil || !c.ResourceServer && t.ClientID != c.ID {
		return introspection{}, nil
	}
	return introspection{
		Active: true, Scope: t.Scope, ClientID: t.ClientID, TokenType: "Bearer", Expires: t.Expires, IssuedAt: t.IssuedAt,
		Subject: t.Subject, Audience: t.Audience, Issuer: t.Issuer, ID: t.ID,
	}, nil
}
