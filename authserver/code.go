package authserver

import (
	"cmp"
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/authstar/authstar"
	"github.com/authstar/authstar/tokenendpoint"
)

// codeRecord is an authorization code, kept under its hash. It stays as used, with
// nothing else, until the access token that it got has ended, so that a replay is
// known for one. From then on the refresh tokens, kept under the grant's ID that
// the code makes, are what is left to tell a replay by, and to end.
type codeRecord struct {
	Client      string
	RedirectURI string
	Given       bool // the redirect URI was in the authorization request
	Challenge   string
	Grant       grant
	Expires     int64 // in milliseconds
	Used        bool
}

// grant is what a user granted a client. Its ID is made of the code, so that
// whoever has the code again finds what came of it. Its refresh tokens begin with
// the ID, which is nobody else's business: with it, anybody could make a token
// that looks spent. Access tokens show its mark, the first part of their "jti".
type grant struct {
	ID       string
	Login    login
	Scopes   []string
	Resource string
}

func grantOf(code string) string { return hashKey("grant:" + code)[:idLength] }

func markOf(grantID string) string { return hashKey(grantID)[:idLength] }

// newCode stores a code of 256 random bits.
func (s *Server) newCode(ctx context.Context, req *request, who *login, scopes []string) (string, error) {
	code := newSecret()
	expires := s.config.Now().Add(s.config.CodeLifetime)
	err := s.store.add(ctx, "code:"+hashKey(code), &codeRecord{
		Client: req.client.ID, RedirectURI: req.redirectURI, Given: req.given, Challenge: req.challenge, Expires: expires.UnixMilli(),
		Grant: grant{ID: grantOf(code), Login: *who, Scopes: scopes, Resource: req.resource},
	}, expires)
	return code, err
}

var (
	errBadCode       = refuse(tokenendpoint.InvalidGrant, "the code is not good, or not for this request")
	errOtherResource = refuse(tokenendpoint.InvalidTarget, "the token was granted for another resource")
)

// codeGrant is the grant type authorization_code (RFC 6749 section 4.1.3).
type codeGrant struct{ *Server }

func (codeGrant) Type() string { return AuthorizationCode }

// Token redeems a code. The code is used up before it is looked at more closely:
// of many attempts one goes on, and a wrong one spoils the code.
func (g codeGrant) Token(ctx context.Context, req *tokenendpoint.Request) (*tokenendpoint.Response, error) {
	code := req.Parameter("code")
	if code == "" {
		return nil, refuse(authstar.InvalidRequest, "code is missing")
	}
	if len(code) != 43 {
		return nil, errBadCode
	}
	key := "code:" + hashKey(code)
	var rec codeRecord
	text, err := g.store.get(ctx, key, &rec)
	if err != nil {
		return nil, err
	}
	if text == nil {
		return nil, g.forgotten(ctx, grantOf(code))
	}
	won := false
	if !rec.Used {
		if won, err = g.store.swap(ctx, key, text, &codeRecord{Used: true}, g.lastsUntil()); err != nil {
			return nil, err
		}
	}
	if !won { // a replay, or an attempt at the same time
		return nil, g.replayed(ctx, grantOf(code))
	}
	if !g.config.Now().Before(time.UnixMilli(rec.Expires)) || rec.Client != req.Client.ClientID() ||
		!sameRedirect(&rec, req.Parameter("redirect_uri")) || !answersChallenge(req.Parameter("code_verifier"), rec.Challenge) {
		return nil, errBadCode
	}
	if req.Resource != "" && req.Resource != rec.Grant.audience(g.Server) {
		return nil, errOtherResource
	}
	res, err := g.mint(req.Client.ClientID(), &rec.Grant, rec.Grant.Scopes)
	if err != nil {
		return nil, err
	}
	if slices.Contains(rec.Grant.Scopes, OfflineAccess) {
		if res.RefreshToken, err = g.newFamily(ctx, req.Client.ClientID(), &rec.Grant); err != nil {
			return nil, err
		}
		// A replay that came meanwhile found no family to end.
		if revoked, err := g.store.has(ctx, "revoked:"+markOf(rec.Grant.ID)); err != nil || revoked {
			return res, errors.Join(err, g.store.store.Delete(ctx, "family:"+rec.Grant.ID))
		}
	}
	return res, nil
}

// replayed ends what a code got that was used before (RFC 6749 section 4.1.2).
func (s *Server) replayed(ctx context.Context, grantID string) error {
	return cmp.Or(s.revokeGrant(ctx, grantID), error(errBadCode))
}

// forgotten is what comes of a code without a record: if it was good once, its
// refresh tokens may live.
func (s *Server) forgotten(ctx context.Context, grantID string) error {
	lives, err := s.store.has(ctx, "family:"+grantID)
	if err != nil {
		return err
	}
	if lives {
		return s.replayed(ctx, grantID)
	}
	return errBadCode
}

// lastsUntil is when the access token that is minted now has ended everywhere.
func (s *Server) lastsUntil() time.Time {
	return s.config.Now().Add(s.signer.Lifetime() + time.Minute)
}

// sameRedirect is RFC 6749 section 4.1.3: what was in the authorization request
// is in this one, too.
func sameRedirect(rec *codeRecord, given string) bool {
	return given == rec.RedirectURI || given == "" && !rec.Given
}

// answersChallenge is RFC 7636 section 4.6.
func answersChallenge(verifier, challenge string) bool {
	if len(verifier) < 43 || len(verifier) > 128 || !consistsOf(verifier, base64URL+".~") {
		return false
	}
	sum := sha256.Sum256([]byte(verifier))
	return subtle.ConstantTimeCompare([]byte(base64.RawURLEncoding.EncodeToString(sum[:])), []byte(challenge)) == 1
}

func (gr *grant) audience(s *Server) string {
	if gr.Resource != "" {
		return gr.Resource
	}
	return s.config.Audience
}

// mint makes the access token of a grant.
func (s *Server) mint(clientID string, gr *grant, scopes []string) (*tokenendpoint.Response, error) {
	claims, err := gr.Login.claims()
	if err != nil {
		return nil, err
	}
	claims["auth_time"] = gr.Login.Time
	if gr.Login.ACR != "" {
		claims["acr"] = gr.Login.ACR
	}
	res, err := s.signer.Mint(tokenendpoint.AccessToken{
		Subject: gr.Login.Subject, ClientID: clientID, Audience: []string{gr.audience(s)}, Scopes: scopes,
		ID: markOf(gr.ID) + "." + newID(), Claims: claims,
	})
	if err != nil {
		return nil, fmt.Errorf("authserver: %w", err)
	}
	return res, nil
}
