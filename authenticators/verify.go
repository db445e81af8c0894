package authenticators

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/authstar/authstar"
)

const (
	// maxHeader is the length of the longest token header that is looked at, in
	// base64url: the parser of keys and certificates in headers is slow.
	maxHeader = 4 << 10
	// maxKeyID is the length of the longest "kid", in bytes.
	maxKeyID = 256
	// maxCandidates is how many keys are tried for one token.
	maxCandidates = 4
)

// VerifyToken verifies a token of RFC 7519 in compact serialization and returns
// its client. Its refusals are *authstar.Error:
//
//   - InvalidToken for a token that is not of this issuer, not for this API, not
//     signed by one of the keys, outside its time, or malformed. Only a token
//     whose signature is good is told that it has expired.
//   - TemporarilyUnavailable when the keys could not be had.
//   - What JWTConfig.Client returns.
//
// What is done before the signature is checked has bounds. Beyond them a token is
// malformed: 16 KiB for the token, 4 KiB for its header, both in base64url; 32
// members and elements in the header, at all depths together; 256 elements in an
// array in "aud", "scope" or "scp".
//
// A token bound to a key of its sender ("cnf", RFC 7800) is refused, since
// nothing here checks the proof.
func (j *JWT) VerifyToken(ctx context.Context, token string) (authstar.Client, error) {
	if len(token) > maxToken {
		return nil, errTooLong
	}
	var sum digest
	if j.cache != nil && len(token) <= maxCached {
		sum = digestOf(token)
		if client, err, ok := j.remembered(ctx, sum); ok {
			return client, err
		}
	}
	u, err := parseToken(token)
	if err != nil {
		return nil, invalid(err)
	}
	return j.verify(ctx, u, sum)
}

// verify is VerifyToken for a token that was taken apart already, and is not
// remembered.
func (j *JWT) verify(ctx context.Context, u *unverified, sum digest) (authstar.Client, error) {
	remember := j.cache != nil && len(u.token) <= maxCached
	var clears uint64
	if remember {
		clears = j.cache.clears.Load()
	}
	t, key, err := j.token(ctx, u)
	if err != nil {
		return nil, err
	}
	client, err := j.client(ctx, t)
	if remember {
		j.remember(sum, t, key, client, err, clears)
	}
	return client, err
}

// client maps a token to who it is. An identity and its scopes, if they are few,
// are one allocation.
func (j *JWT) client(ctx context.Context, t *Token) (authstar.Client, error) {
	if j.config.Client == nil {
		c := new(struct {
			authstar.Identity
			few [4]string
		})
		id := authstar.Identity{ID: t.Subject, Issuer: t.Issuer, Expires: j.endOf(t.Expires)}
		c.Identity = *id.WithClaims(t.claims)
		if t.Scopes != nil {
			c.Scope = append(c.few[:0], t.Scopes...)
		}
		return &c.Identity, nil
	}
	// What the application does to its Token must not be remembered.
	client, err := j.config.Client(ctx, t.clone())
	return settle(client, err, errBadToken)
}

// token verifies everything about the token. What costs least comes first, and
// nothing is fetched for an issuer that is not ours.
// It also returns the key that verified the signature.
func (j *JWT) token(ctx context.Context, u *unverified) (*Token, any, error) {
	if u.claims.Issuer == "" || !j.AcceptsIssuer(u.claims.Issuer) {
		return nil, nil, errNoVerifier
	}
	jws, err := jose.ParseSignedCompact(u.token, j.algorithms)
	if err != nil {
		return nil, nil, invalid(errors.New("the token is not a JWS with an accepted algorithm"))
	}
	header := &jws.Signatures[0].Protected
	typ, err := checkHeader(header, u.header)
	if err == nil && !slices.Contains(j.types, typ) {
		err = fmt.Errorf("the token type %.32q is not accepted", typ)
	}
	if err != nil {
		return nil, nil, invalid(err)
	}
	key, err := j.checkSignature(ctx, jws, header, u.claims.Issuer)
	if err != nil {
		return nil, nil, err
	}
	t, err := j.checkClaims(u, header, typ)
	return t, key, err
}

// checkHeader returns the type of the token.
func checkHeader(h *jose.Header, raw []byte) (typ string, err error) {
	if len(h.KeyID) > maxKeyID {
		return "", fmt.Errorf("the key id is longer than %d bytes", maxKeyID)
	}
	// RFC 7515 section 4.1.11: what is critical must be understood, and nothing
	// is. RFC 7797 section 7: no JWT has an unencoded payload. A null value is
	// not among the parsed header, so its name is looked for.
	for _, name := range []string{"crit", "b64"} {
		_, ok := h.ExtraHeaders[jose.HeaderKey(name)]
		if ok || (bytes.Contains(raw, []byte(name)) || bytes.IndexByte(raw, '\\') >= 0) && hasMember(raw, name) {
			return "", fmt.Errorf("the header %q is not understood", name)
		}
	}
	switch v := h.ExtraHeaders["typ"].(type) {
	case nil:
	case string:
		typ = shortType(v)
	default:
		return "", errors.New("the token type is not a string")
	}
	return typ, nil
}

var errSignature = errors.New("no key of the issuer verifies the signature")

// checkSignature returns the key that verifies the signature.
func (j *JWT) checkSignature(ctx context.Context, jws *jose.JSONWebSignature, h *jose.Header, iss string) (any, error) {
	keys, incomplete := j.keys(ctx, h.KeyID, iss)
	alg := jose.SignatureAlgorithm(h.Algorithm)
	tried := 0
	for i := range keys {
		if tried == maxCandidates {
			break
		}
		if !keyFits(&keys[i], alg) {
			continue
		}
		tried++
		if _, err := jws.Verify(keys[i].Key); err == nil {
			if keys[i].KeyID == h.KeyID {
				h.KeyID = keys[i].KeyID // one string for all tokens that are remembered
			}
			return keys[i].Key, nil
		}
	}
	switch {
	case incomplete != nil:
		return nil, unavailable(incomplete)
	case tried == 0:
		return nil, invalid(fmt.Errorf("the issuer has no key %.64q for %s", h.KeyID, alg))
	}
	return nil, invalid(errSignature)
}

// unavailable keeps what a key set says about when to come back.
func unavailable(err error) *authstar.Error {
	e := &authstar.Error{Code: authstar.TemporarilyUnavailable, Err: err}
	var later interface{ RetryAfter() time.Duration }
	if errors.As(err, &later) {
		e.RetryAfter = later.RetryAfter()
	}
	return e
}

// keyFits reports whether a key may verify signatures of this algorithm:
// type, curve and size fit (RFC 7518 section 3), and so do the key's own "alg"
// and "use". It never lets a public key be a secret.
func keyFits(k *jose.JSONWebKey, alg jose.SignatureAlgorithm) bool {
	if k.Use != "" && k.Use != "sig" {
		return false
	}
	if k.Algorithm != "" && k.Algorithm != string(alg) && !(k.Algorithm == "Ed25519" && alg == jose.EdDSA) {
		return false
	}
	switch key := k.Key.(type) {
	case *rsa.PublicKey:
		return key.N.BitLen() >= 2048 && (strings.HasPrefix(string(alg), "RS") || strings.HasPrefix(string(alg), "PS"))
	case *ecdsa.PublicKey:
		switch alg {
		case jose.ES256:
			return key.Curve.Params().BitSize == 256
		case jose.ES384:
			return key.Curve.Params().BitSize == 384
		case jose.ES512:
			return key.Curve.Params().BitSize == 521
		}
	case ed25519.PublicKey:
		return alg == jose.EdDSA
	case []byte:
		switch alg {
		case jose.HS256:
			return len(key) >= 32
		case jose.HS384:
			return len(key) >= 48
		case jose.HS512:
			return len(key) >= 64
		}
	}
	return false
}

// unverified is a token taken apart, of which nothing may be believed yet.
type unverified struct {
	token   string
	header  []byte
	payload string
	claims  registered
}

// parseToken takes a compact JWS apart. It accepts one spelling of each token
// only: unpadded canonical base64url in three parts. For a token whose header has
// too many members or whose claims are malformed it returns both an error and what
// could be read.
func parseToken(token string) (*unverified, error) {
	if len(token) > maxToken {
		return nil, errors.New("the token is too long")
	}
	header, rest, _ := strings.Cut(token, ".")
	payload, signature, ok := strings.Cut(rest, ".")
	if !ok || !isBase64URL(header) || !isBase64URL(payload) || !isBase64URL(signature) {
		return nil, errors.New("the token is not three parts of base64url")
	}
	if len(header) > maxHeader {
		return nil, errors.New("the header of the token is too long")
	}
	u := &unverified{token: token}
	buf := make([]byte, base64.RawURLEncoding.DecodedLen(len(header))+base64.RawURLEncoding.DecodedLen(len(payload)))
	n, err := base64.RawURLEncoding.Decode(buf, []byte(header))
	if err != nil {
		return nil, err
	}
	m, err := base64.RawURLEncoding.Decode(buf[n:], []byte(payload))
	if err != nil {
		return nil, err
	}
	u.header, u.payload = buf[:n:n], string(buf[n:n+m])
	err = u.claims.parse(u.payload)
	if err == nil && !isSmall(u.header) {
		err = errors.New("the header of the token has too many members")
	}
	return u, err
}

var urlAlphabet = strings.NewReplacer("+", "-", "/", "_")

// claimedIssuer is whose token it says to be, however it is spelled: one that its
// issuer's verifier refuses for that must not come to another, which may be less
// strict. u is what parseToken made of it.
func claimedIssuer(token string, u *unverified) string {
	if u != nil {
		return u.claims.Issuer
	}
	_, rest, _ := strings.Cut(token, ".")
	payload, signature, ok := strings.Cut(rest, ".")
	if !ok || len(token) > maxToken || strings.Contains(signature, ".") {
		return ""
	}
	text := make([]byte, base64.RawURLEncoding.DecodedLen(len(payload)))
	// What comes before an error was decoded.
	n, _ := base64.RawURLEncoding.Decode(text, []byte(urlAlphabet.Replace(payload)))
	var c registered
	_ = c.parse(string(text[:n]))
	return c.Issuer
}

// isBase64URL reports whether s is what encoding some bytes gives: no padding,
// and no bits set that decoding would drop.
func isBase64URL(s string) bool {
	for i := range len(s) {
		if c := base64URL[s[i]]; c == 0 {
			return false
		}
	}
	switch len(s) % 4 {
	case 1:
		return false
	case 2:
		return (base64URL[s[len(s)-1]]-1)&15 == 0
	case 3:
		return (base64URL[s[len(s)-1]]-1)&3 == 0
	}
	return s != ""
}

// base64URL has the value of each character, plus one.
var base64URL = func() (values [256]byte) {
	for i, c := range []byte("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") {
		values[c] = byte(i + 1)
	}
	return values
}()

func invalid(err error) *authstar.Error {
	return &authstar.Error{Code: authstar.InvalidToken, Description: errBadToken.Description, Err: err}
}
