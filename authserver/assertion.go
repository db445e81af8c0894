package authserver

import (
	"cmp"
	"net/http"
	"slices"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/json"

	"github.com/authstar/authstar"
	"github.com/authstar/authstar/tokenendpoint"
)

// none is the method of public clients: the id alone, which proves nothing. PKCE
// and the rotation of refresh tokens stand in for a secret.
type none struct{ *Server }

func (none) Name() string { return "none" }

func (none) Presented(r *http.Request, form tokenendpoint.Form) bool {
	return form.Get("client_id") != "" && form.Get("client_secret") == "" && form.Get("client_assertion") == "" &&
		form.Get("client_assertion_type") == "" && len(r.Header["Authorization"]) == 0
}

func (m none) Authenticate(r *http.Request, form tokenendpoint.Form) (authstar.Client, error) {
	c, err := m.find(r.Context(), form.Get("client_id"))
	if err != nil || c == nil || !c.public() {
		return nil, err
	}
	return c, nil
}

// assertion is private_key_jwt (RFC 7523 section 2.2).
type assertion struct{ *Server }

const (
	assertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
	maxAssertion  = 8 << 10
	// maxAssertionLife is how far ahead an assertion may end, since its id is
	// remembered until then.
	maxAssertionLife = 10 * time.Minute
	clockSkew        = 30 * time.Second
)

var assertionAlgorithms = []jose.SignatureAlgorithm{jose.ES256, jose.ES384, jose.ES512, jose.RS256, jose.RS384, jose.RS512, jose.PS256, jose.PS384, jose.PS512, jose.EdDSA}

func (assertion) Name() string { return "private_key_jwt" }

func (assertion) Presented(_ *http.Request, form tokenendpoint.Form) bool {
	return form.Get("client_assertion") != "" || form.Get("client_assertion_type") != ""
}

// Authenticate answers nobody for whatever is wrong with an assertion.
func (m assertion) Authenticate(r *http.Request, form tokenendpoint.Form) (authstar.Client, error) {
	text := form.Get("client_assertion")
	if form.Get("client_assertion_type") != assertionType || len(text) > maxAssertion {
		return nil, nil
	}
	jws, err := jose.ParseSignedCompact(text, assertionAlgorithms)
	if err != nil {
		return nil, nil
	}
	header := jws.Signatures[0].Protected
	if header.ExtraHeaders["crit"] != nil || header.ExtraHeaders["b64"] != nil {
		return nil, nil
	}
	var claims assertionClaims
	if json.Unmarshal(jws.UnsafePayloadWithoutVerification(), &claims) != nil || claims.Issuer == "" ||
		claims.Issuer != claims.Subject || form.Get("client_id") != "" && form.Get("client_id") != claims.Issuer {
		return nil, nil
	}
	c, err := m.find(r.Context(), claims.Issuer)
	if err != nil || c == nil || !signedBy(jws, header, c.Keys) || !m.acceptable(&claims) {
		return nil, err
	}
	// Only what the client signed may fill the store.
	until := numericDate(claims.Expires).Add(clockSkew)
	fresh, err := m.store.Add(r.Context(), "assertion:"+hashKey(c.ID+"\x00"+claims.ID), []byte{}, until)
	if err != nil || !fresh {
		return nil, err
	}
	return c, nil
}

type assertionClaims struct {
	Issuer    string   `json:"iss"`
	Subject   string   `json:"sub"`
	Audience  audience `json:"aud"`
	Expires   float64  `json:"exp"`
	NotBefore float64  `json:"nbf"`
	ID        string   `json:"jti"`
}

// numericDate is a time that may be a fraction (RFC 7519 section 2).
func numericDate(seconds float64) time.Time {
	const far = 1 << 40
	return time.Unix(int64(max(-far, min(seconds, far))), 0)
}

// audience is a string or an array of strings.
type audience []string

func (a *audience) UnmarshalJSON(b []byte) error {
	var one string
	if json.Unmarshal(b, &one) == nil {
		*a = audience{one}
		return nil
	}
	return json.Unmarshal(b, (*[]string)(a))
}

// acceptable checks whom the assertion is for, and when. An audience beside
// ours could use the assertion here.
func (m assertion) acceptable(c *assertionClaims) bool {
	ours := []string{m.config.Issuer, m.url(m.config.Paths.Token)}
	now := m.config.Now()
	expires := numericDate(c.Expires)
	return len(c.Audience) > 0 && !slices.ContainsFunc(c.Audience, func(a string) bool { return !slices.Contains(ours, a) }) &&
		c.ID != "" && c.Expires > 0 && now.Before(expires.Add(clockSkew)) && !expires.After(now.Add(maxAssertionLife)) &&
		!numericDate(c.NotBefore).After(now.Add(clockSkew))
}

func signedBy(jws *jose.JSONWebSignature, header jose.Header, keys []jose.JSONWebKey) bool {
	for _, key := range keys {
		if header.KeyID != "" && key.KeyID != "" && header.KeyID != key.KeyID ||
			key.Use != "" && key.Use != "sig" || cmp.Or(key.Algorithm, header.Algorithm) != header.Algorithm {
			continue
		}
		if _, err := jws.Verify(key.Key); err == nil {
			return true
		}
	}
	return false
}
