package authenticators

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/go-jose/go-jose/v4"

	"github.com/authstar/authstar/authenticators/jwks"
)

// placeholder is how Entra writes the tenant in the issuer of its discovery
// documents.
const placeholder = "{tenantid}"

// takeTenants splits an issuer with a placeholder.
func (j *JWT) takeTenants() error {
	c := &j.config
	c.Tenants = slices.Clone(c.Tenants)
	prefix, suffix, ok := strings.Cut(c.Issuer, placeholder)
	if !ok {
		if len(c.Tenants) > 0 || c.InsecureAnyTenant {
			return errors.New("authenticators: JWTConfig.Tenants and InsecureAnyTenant need an Issuer with " + placeholder)
		}
		return nil
	}
	j.prefix, j.suffix = prefix, suffix
	switch {
	case !strings.HasSuffix(prefix, "/") || strings.Count(prefix, "/") < 3 || suffix != "" && suffix[0] != '/' || strings.Contains(suffix, placeholder):
		return errors.New("authenticators: JWTConfig.Issuer: " + placeholder + " must be one segment of the path")
	case len(c.Tenants) == 0 && !c.InsecureAnyTenant:
		return errors.New("authenticators: JWTConfig.Tenants: required for an Issuer with " + placeholder)
	case len(c.Tenants) > 0 && c.InsecureAnyTenant:
		return errors.New("authenticators: JWTConfig has Tenants and InsecureAnyTenant")
	case slices.ContainsFunc(c.Tenants, func(t string) bool { return t == "" || strings.ContainsAny(t, "/{}") }):
		return errors.New("authenticators: JWTConfig.Tenants: a tenant is empty or no segment of a path")
	}
	return nil
}

// discovered is the key set of an issuer that has discovery.
func (j *JWT) discovered() (*jwks.Remote, error) {
	config := jwks.RemoteConfig{Issuer: j.config.Issuer, Now: j.config.Now}
	if j.prefix != "" {
		// OpenID Connect Discovery 1.0 section 4 removes a slash at the end.
		config.DiscoveryURL = j.prefix + "common" + strings.TrimSuffix(j.suffix, "/") + "/.well-known/openid-configuration"
	}
	return jwks.NewRemote(config)
}

// tenant is the tenant in an issuer, if it is one of those accepted.
func (j *JWT) tenant(iss string) (string, bool) {
	rest, ok1 := strings.CutPrefix(iss, j.prefix)
	tenant, ok2 := strings.CutSuffix(rest, j.suffix)
	if !ok1 || !ok2 || tenant == "" || strings.Contains(tenant, "/") {
		return "", false
	}
	return tenant, j.config.InsecureAnyTenant || slices.Contains(j.config.Tenants, tenant)
}

// keys are those that may have signed a token of this issuer. Of the keys for all
// tenants, some are for one tenant alone.
func (j *JWT) keys(ctx context.Context, kid, iss string) ([]jose.JSONWebKey, error) {
	if j.prefix != "" {
		if set, ok := j.config.Keys.(interface {
			KeysOf(ctx context.Context, kid string, issuers ...string) ([]jose.JSONWebKey, error)
		}); ok {
			return set.KeysOf(ctx, kid, iss)
		}
	}
	return j.config.Keys.Keys(ctx, kid)
}

// shared is an issuer of two that have a placeholder, "" if there is none. Where the
// placeholders are not at one place, each stands for what the other has there.
func (j *JWT) shared(other *JWT) string {
	segments := strings.Split(other.config.Issuer, "/")
	at := strings.Count(j.prefix, "/")
	if j.prefix == "" || other.prefix == "" || at >= len(segments) {
		return ""
	}
	iss := j.prefix + segments[at] + j.suffix
	if !j.AcceptsIssuer(iss) || !other.AcceptsIssuer(iss) {
		return ""
	}
	return iss
}

// AcceptsIssuer reports whether the tokens of this issuer are for this
// verifier.
func (j *JWT) AcceptsIssuer(iss string) bool {
	if j.prefix == "" {
		return iss == j.config.Issuer
	}
	_, ok := j.tenant(iss)
	return ok
}
