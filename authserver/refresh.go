package authserver

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"slices"
	"strings"
	"time"

	"github.com/authstar/authstar"
	"github.com/authstar/authstar/tokenendpoint"
)

// family is what all refresh tokens of one grant have in common, kept under the
// grant's id. A refresh token is the id and a secret; each secret makes its
// successor with the family's key, so that the same one can be given again.
type family struct {
	Client  string
	Grant   grant
	Key     string
	Current string // hash of the secret that is good
	Spent   string // hash of the one before it
	Rotated int64  // when Current was made, in milliseconds
	Ends    int64  // of the family, in milliseconds
	Revoked bool   // and there is nothing else in the record
}

// expires is when the refresh token that is good ends.
func (s *Server) expires(f *family) time.Time {
	idle, ends := time.UnixMilli(f.Rotated).Add(s.config.RefreshIdle), time.UnixMilli(f.Ends)
	if idle.Before(ends) {
		return idle
	}
	return ends
}

const (
	idLength      = 22
	refreshLength = idLength + 43
)

func (f *family) successor(secret string) string {
	mac := hmac.New(sha256.New, []byte(f.Key))
	mac.Write([]byte(secret))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

func matches(hash, secret string) bool {
	return subtle.ConstantTimeCompare([]byte(hash), []byte(hashKey(secret))) == 1
}

// newFamily begins the refresh tokens of a grant.
func (s *Server) newFamily(ctx context.Context, clientID string, gr *grant) (string, error) {
	secret := newSecret()
	now := s.config.Now()
	f := &family{
		Client: clientID, Grant: *gr, Key: newSecret(), Current: hashKey(secret),
		Rotated: now.UnixMilli(), Ends: now.Add(s.config.RefreshLifetime).UnixMilli(),
	}
	if err := s.store.add(ctx, "family:"+gr.ID, f, s.expires(f)); err != nil {
		return "", err
	}
	return gr.ID + secret, nil
}

var errBadRefresh = refuse(tokenendpoint.InvalidGrant, "the refresh token is not good, or not for this client")

// refreshGrant is the grant type refresh_token (RFC 6749 section 6), with
// rotation (RFC 9700 section 4.14.2).
type refreshGrant struct{ *Server }

func (refreshGrant) Type() string { return RefreshToken }

func (g refreshGrant) Token(ctx context.Context, req *tokenendpoint.Request) (*tokenendpoint.Response, error) {
	token := req.Parameter("refresh_token")
	if token == "" {
		return nil, refuse(authstar.InvalidRequest, "refresh_token is missing")
	}
	f, text, err := g.family(ctx, token)
	if err != nil {
		return nil, err
	}
	if f == nil || f.Client != req.Client.ClientID() {
		return nil, errBadRefresh // and a stranger does no harm to its owner
	}
	secret := token[idLength:]
	repeated := g.mayRepeat(req.Client, f, secret)
	if !repeated && !matches(f.Current, secret) {
		return nil, g.reused(ctx, f)
	}
	scopes, refusal := narrow(req.Parameter("scope"), f.Grant.Scopes)
	if refusal != nil {
		return nil, refusal
	}
	if req.Resource != "" && req.Resource != f.Grant.audience(g.Server) {
		return nil, errOtherResource
	}
	next := *f
	if err := g.renew(ctx, req.Client, &next); err != nil {
		return nil, err
	}
	scopes = slices.DeleteFunc(scopes, func(s string) bool { return !slices.Contains(next.Grant.Scopes, s) })
	if len(scopes) == 0 && req.Parameter("scope") != "" { // before the token is spent
		return nil, refuse(tokenendpoint.InvalidScope, "the user may not grant any of that any more")
	}
	if !repeated {
		next.Spent, next.Current, next.Rotated = f.Current, hashKey(f.successor(secret)), g.config.Now().UnixMilli()
		won, err := g.store.swap(ctx, "family:"+f.Grant.ID, text, &next, g.expires(&next))
		if err != nil {
			return nil, err
		}
		if !won { // somebody else has just used it
			return g.lost(ctx, req, token)
		}
	}
	res, err := g.mint(f.Client, &next.Grant, scopes)
	if err != nil {
		return nil, err
	}
	res.RefreshToken = f.Grant.ID + f.successor(secret)
	return res, nil
}

// family finds the family of a refresh token, nil when there is none or it was
// revoked.
func (s *Server) family(ctx context.Context, token string) (*family, []byte, error) {
	if len(token) != refreshLength || !isBase64URL(token) {
		return nil, nil, nil
	}
	id := token[:idLength]
	f := new(family)
	text, err := s.store.get(ctx, "family:"+id, f)
	if err != nil || text == nil {
		return nil, nil, err
	}
	if f.Revoked { // by a call that could not go on
		return nil, nil, s.revokeGrant(ctx, id)
	}
	if !s.config.Now().Before(s.expires(f)) {
		return nil, nil, nil
	}
	return f, text, nil
}

// mayRepeat reports whether the token is the last one spent, by a confidential
// client, a moment ago, and its successor was not used.
func (s *Server) mayRepeat(client authstar.Client, f *family, secret string) bool {
	c, ok := client.(*Client)
	return ok && !c.public() && s.config.RefreshGrace > 0 && f.Spent != "" && matches(f.Spent, secret) &&
		s.config.Now().Sub(time.UnixMilli(f.Rotated)) <= s.config.RefreshGrace
}

// lost is the end of a request that another one overtook with the same token:
// a repetition within the grace, or else a reuse.
func (g refreshGrant) lost(ctx context.Context, req *tokenendpoint.Request, token string) (*tokenendpoint.Response, error) {
	f, _, err := g.family(ctx, token)
	if err != nil {
		return nil, err
	}
	if f == nil {
		return nil, errBadRefresh
	}
	if !g.mayRepeat(req.Client, f, token[idLength:]) {
		return nil, g.reused(ctx, f)
	}
	return g.Token(ctx, req)
}

// reused ends the family: whoever has the spent token, one of two is a thief.
func (s *Server) reused(ctx context.Context, f *family) error {
	if err := s.revokeGrant(ctx, f.Grant.ID); err != nil {
		return err
	}
	return &authstar.Error{Code: tokenendpoint.InvalidGrant, Description: errBadRefresh.Description, Err: errReuse}
}

// renew asks the application what the user and the client may have today.
func (s *Server) renew(ctx context.Context, client authstar.Client, f *family) error {
	alive, err := s.refreshUser(ctx, &f.Grant.Login)
	if err != nil {
		return outage(err)
	}
	if !alive {
		if err := s.revokeGrant(ctx, f.Grant.ID); err != nil {
			return err
		}
		return errBadRefresh
	}
	may := append(client.Scopes(), OfflineAccess)
	f.Grant.Scopes = slices.DeleteFunc(slices.Clone(f.Grant.Scopes), func(scope string) bool {
		return !slices.Contains(may, scope) || scope != OfflineAccess && !slices.Contains(f.Grant.Login.Scopes, scope)
	})
	return nil
}

// narrow is the scope of one refresh: what was granted, or less.
func narrow(asked string, granted []string) ([]string, *authstar.Error) {
	var scopes []string
	for part := range strings.SplitSeq(asked, " ") {
		switch {
		case part == "" || slices.Contains(scopes, part):
		case !slices.Contains(granted, part):
			return nil, refuse(tokenendpoint.InvalidScope, "the scope is more than was granted")
		default:
			scopes = append(scopes, part)
		}
	}
	if len(scopes) == 0 {
		return slices.Clone(granted), nil
	}
	return scopes, nil
}
