package tokenendpoint

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/go-jose/go-jose/v4"
)

// SignerConfig says what a [Signer] puts into its tokens. Issuer and Audiences
// are required.
type SignerConfig struct {
	// Issuer is "iss".
	Issuer string
	// Audiences are the resource servers that accept the tokens. A client that
	// asks for one of them by "resource" (RFC 8707) gets a token for that one
	// alone, one that asks for none gets a token for all; any other resource is
	// invalid_target.
	Audiences []string

	// Algorithm is "ES256" (which "" means), "RS256", "EdDSA" or "HS256".
	Algorithm string
	// Keys are private keys for Algorithm, each as a JWK or as PEM (PKCS #8, PKCS
	// #1 or SEC 1). The first one signs, the others are published, so that
	// tokens they signed stay good. With none, one is generated, and Logger is
	// told: tokens then end with the process, and no other process verifies
	// them.
	Keys [][]byte
	// Secret is the key for HS256, random and at least 32 bytes long. It is
	// copied, and never published.
	Secret []byte

	// Lifetime is that of the tokens, 1 second to 24 hours; 0 is 10 minutes.
	Lifetime time.Duration
	// PublishAhead is how long [Signer.Rotate] publishes a key before the signer
	// uses it, 0 to 24 hours, and how long others may keep what JWKS answers. 0
	// is 15 minutes.
	PublishAhead time.Duration

	// Claims adds claims to a token, except those that are the signer's own matter:
	// iss, sub, aud, exp, nbf, iat, jti, client_id, scope, scp and cnf.
	// Its errors are those of a Builder.
	Claims func(ctx context.Context, req *Request) (map[string]any, error)

	// Logger is told about a generated key. nil is slog.Default().
	Logger *slog.Logger
	// Now is the clock. nil is time.Now.
	Now func() time.Time
}

// String shows no key and no secret.
func (c SignerConfig) String() string {
	return fmt.Sprintf("signer %s of %q", cmp.Or(c.Algorithm, string(jose.ES256)), c.Issuer)
}

// GoString is String, so that %#v shows no more.
func (c SignerConfig) GoString() string { return c.String() }

// Signer mints access tokens of RFC 9068. Its method Build is a [Builder], and
// with its method Keys it is the key set that verifies its own tokens, live
// across rotation. It is safe for concurrent use.
type Signer struct {
	config SignerConfig
	alg    jose.SignatureAlgorithm

	mu   sync.Mutex
	keys []signingKey // newest first
}

// String shows no key and no secret.
func (s *Signer) String() string { return s.config.String() }

// GoString is String, so that %#v shows no more.
func (s *Signer) GoString() string { return s.String() }

// NewSigner makes a Signer. It reports everything that is missing or wrong at
// once, and does no I/O but for the log line about a generated key.
func NewSigner(config SignerConfig) (*Signer, error) {
	s := &Signer{config: config, alg: jose.ES256}
	c := &s.config
	c.Audiences = slices.Clone(c.Audiences)
	var errs []error
	fail := func(format string, args ...any) {
		errs = append(errs, fmt.Errorf("tokenendpoint: SignerConfig."+format, args...))
	}
	if c.Issuer == "" || !utf8.ValidString(c.Issuer) {
		fail("Issuer: required, in UTF-8")
	}
	if len(c.Audiences) == 0 || !areNames(c.Audiences) {
		fail("Audiences: at least one, none of them empty, in UTF-8")
	}
	if c.Lifetime == 0 {
		c.Lifetime = 10 * time.Minute
	}
	if c.Lifetime < time.Second || c.Lifetime > 24*time.Hour {
		fail("Lifetime %v: must be 1s to 24h", c.Lifetime)
	}
	if c.PublishAhead == 0 {
		c.PublishAhead = 15 * time.Minute
	}
	if c.PublishAhead < 0 || c.PublishAhead > 24*time.Hour {
		fail("PublishAhead %v: must be 0 to 24h", c.PublishAhead)
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Algorithm != "" {
		s.alg = jose.SignatureAlgorithm(c.Algorithm)
	}
	errs = append(errs, s.loadKeys()...)
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	c.Keys, c.Secret = nil, nil
	return s, nil
}

// loadKeys makes the keys of the configuration.
func (s *Signer) loadKeys() (errs []error) {
	c := &s.config
	switch s.alg {
	case jose.HS256:
		if len(c.Keys) > 0 {
			return []error{errors.New("tokenendpoint: SignerConfig.Keys: HS256 has a Secret instead")}
		}
		key, err := secretKey(c.Secret)
		if err != nil {
			return []error{fmt.Errorf("tokenendpoint: SignerConfig.Secret: %w", err)}
		}
		s.keys = []signingKey{key}
		return nil
	case jose.ES256, jose.RS256, jose.EdDSA:
	default:
		return []error{fmt.Errorf("tokenendpoint: SignerConfig.Algorithm %q: must be ES256, RS256, EdDSA or HS256", c.Algorithm)}
	}
	if len(c.Secret) > 0 {
		errs = append(errs, errors.New("tokenendpoint: SignerConfig.Secret: is for HS256 only"))
	}
	for i, data := range c.Keys {
		key, err := parseSigningKey(data, s.alg)
		if err != nil {
			errs = append(errs, fmt.Errorf("tokenendpoint: SignerConfig.Keys: key %d %w", i+1, err))
			continue
		}
		if slices.ContainsFunc(s.keys, key.same) {
			errs = append(errs, fmt.Errorf("tokenendpoint: SignerConfig.Keys: key %d is there twice, or its id is", i+1))
			continue
		}
		s.keys = append(s.keys, key)
	}
	if len(c.Keys) == 0 && len(errs) == 0 {
		key, err := generateSigningKey(s.alg)
		if err != nil {
			return []error{fmt.Errorf("tokenendpoint: %w", err)}
		}
		s.keys = []signingKey{key}
		c.Logger.Warn("authstar: no signing key is configured; one was generated, and its tokens end with this process",
			"algorithm", s.alg, "kid", key.public.KeyID)
	}
	return errs
}

func (s *Signer) sign(payload []byte) (string, error) {
	jws, err := s.current().signer.Sign(payload)
	if err != nil {
		return "", fmt.Errorf("tokenendpoint: %w", err)
	}
	return jws.CompactSerialize()
}

// current is the newest key that may sign already.
func (s *Signer) current() signingKey {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.prune()
	now := s.config.Now()
	for _, k := range s.keys {
		if !now.Before(k.from) {
			return k
		}
	}
	return s.keys[len(s.keys)-1]
}

// prune forgets keys whose last token has ended; the lock is held.
func (s *Signer) prune() {
	now := s.config.Now()
	s.keys = slices.DeleteFunc(s.keys, func(k signingKey) bool { return !k.until.IsZero() && now.After(k.until) })
}

// Rotate publishes a new private key, given as in SignerConfig.Keys, or
// generated for nil. After PublishAhead the signer signs with it; the keys before
// it stay published until their last tokens have expired. It is an error when
// the key does not fit the algorithm, is known already, or when an earlier
// rotation is not yet over. There is no rotation for HS256.
func (s *Signer) Rotate(key []byte) error {
	if s.alg == jose.HS256 {
		return errors.New("tokenendpoint: HS256 has no key rotation")
	}
	var next signingKey
	var err error
	if key == nil {
		next, err = generateSigningKey(s.alg)
	} else {
		next, err = parseSigningKey(key, s.alg)
	}
	if err != nil {
		return fmt.Errorf("tokenendpoint: the key %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.prune()
	now := s.config.Now()
	if s.keys[0].from.After(now) {
		return errors.New("tokenendpoint: the last rotation is not over yet")
	}
	next.from = now.Add(s.config.PublishAhead)
	keys := []signingKey{next}
	for _, k := range s.keys {
		if next.same(k) {
			return errors.New("tokenendpoint: the key is in use already")
		}
		if k.until.IsZero() {
			k.until = next.from.Add(s.config.Lifetime + clockSkew)
		}
		keys = append(keys, k)
	}
	s.keys = keys
	return nil
}

// clockSkew is how much longer than its last token a key is published.
const clockSkew = 5 * time.Minute

// Keys returns the keys that verify the signer's tokens, those with the key id or
// all for "". It never fails, and makes *Signer a jwks.KeySet.
func (s *Signer) Keys(_ context.Context, kid string) ([]jose.JSONWebKey, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.prune()
	var list []jose.JSONWebKey
	for _, k := range s.keys {
		if kid == "" || k.public.KeyID == kid {
			list = append(list, k.public)
		}
	}
	return list, nil
}

// JWKS serves the public keys as a JWK set (RFC 7517 section 5) that others may
// keep for PublishAhead. Secrets are not among them.
func (s *Signer) JWKS() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			h.Set("Allow", "GET, HEAD")
			w.WriteHeader(http.StatusMethodNotAllowed)
			return
		}
		set := jose.JSONWebKeySet{Keys: []jose.JSONWebKey{}}
		if s.alg != jose.HS256 {
			set.Keys, _ = s.Keys(r.Context(), "")
		}
		b, err := json.Marshal(set)
		if err != nil {
			w.WriteHeader(http.StatusInternalServerError)
			return
		}
		h.Set("Content-Type", "application/jwk-set+json")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Cache-Control", "public, max-age="+strconv.FormatInt(int64(s.config.PublishAhead/time.Second), 10))
		_, _ = w.Write(append(b, '\n'))
	})
}

var _ Builder = (*Signer)(nil).Build
