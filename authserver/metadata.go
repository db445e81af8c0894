package authserver

import (
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"time"

	"github.com/authstar/authstar"
)

// metadata is RFC 8414 section 2.
type metadata struct {
	Issuer                   string   `json:"issuer"`
	Authorization            string   `json:"authorization_endpoint"`
	Token                    string   `json:"token_endpoint"`
	Revocation               string   `json:"revocation_endpoint"`
	Introspection            string   `json:"introspection_endpoint"`
	JWKS                     string   `json:"jwks_uri"`
	Scopes                   []string `json:"scopes_supported,omitempty"`
	ResponseTypes            []string `json:"response_types_supported"`
	ResponseModes            []string `json:"response_modes_supported"`
	Grants                   []string `json:"grant_types_supported"`
	Challenges               []string `json:"code_challenge_methods_supported"`
	TokenMethods             []string `json:"token_endpoint_auth_methods_supported"`
	TokenAlgorithms          []string `json:"token_endpoint_auth_signing_alg_values_supported"`
	RevocationMethods        []string `json:"revocation_endpoint_auth_methods_supported"`
	RevocationAlgorithms     []string `json:"revocation_endpoint_auth_signing_alg_values_supported"`
	IntrospectionMethods     []string `json:"introspection_endpoint_auth_methods_supported"`
	IntrospectionAlgorithms  []string `json:"introspection_endpoint_auth_signing_alg_values_supported"`
	AuthorizationResponseIss bool     `json:"authorization_response_iss_parameter_supported"`
	Prompts                  []string `json:"prompt_values_supported"`
}

func (s *Server) describe() ([]byte, error) {
	confidential := []string{"client_secret_basic", "client_secret_post", "private_key_jwt"}
	all := append(slices.Clone(confidential), "none")
	var algorithms []string
	for _, alg := range assertionAlgorithms {
		algorithms = append(algorithms, string(alg))
	}
	paths := s.config.Paths
	return json.Marshal(metadata{
		Issuer:                   s.config.Issuer,
		Authorization:            s.url(paths.Authorize),
		Token:                    s.url(paths.Token),
		Revocation:               s.url(paths.Revoke),
		Introspection:            s.url(paths.Introspect),
		JWKS:                     s.url(paths.JWKS),
		Scopes:                   slices.Sorted(maps.Keys(s.config.Scopes)),
		ResponseTypes:            []string{"code"},
		ResponseModes:            []string{"query"},
		Grants:                   []string{AuthorizationCode, RefreshToken, ClientCredentials},
		Challenges:               []string{"S256"},
		TokenMethods:             all,
		TokenAlgorithms:          algorithms,
		RevocationMethods:        all,
		RevocationAlgorithms:     algorithms,
		IntrospectionMethods:     confidential,
		IntrospectionAlgorithms:  algorithms,
		AuthorizationResponseIss: true,
		Prompts:                  prompts,
	})
}

// serveMetadata serves the document, which pages of any origin may read: it has
// nothing that is not public.
func (s *Server) serveMetadata(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		h.Set("Allow", "GET, HEAD")
		w.WriteHeader(http.StatusMethodNotAllowed)
		return
	}
	h.Set("Content-Type", "application/json")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "public, max-age=300")
	h.Set("Access-Control-Allow-Origin", "*")
	_, _ = w.Write(s.metadata)
}

// Flows describes the server's flows for OpenAPI.
func (s *Server) Flows() []authstar.Flow {
	return append(s.endpoint.Flows(), authstar.Flow{
		Type: "authorizationCode", AuthorizationURL: s.url(s.config.Paths.Authorize), TokenURL: s.url(s.config.Paths.Token),
		RefreshURL: s.url(s.config.Paths.Token), Scopes: maps.Clone(s.config.Scopes),
	})
}

func unix(seconds int64) time.Time { return time.Unix(seconds, 0) }
