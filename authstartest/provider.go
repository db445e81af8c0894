package authstartest

import (
	"encoding/json"
	"net/http"
	"net/url"
	"time"
)

const (
	openIDPath        = "/.well-known/openid-configuration"
	oauthPath         = "/.well-known/oauth-authorization-server"
	jwksPath          = "/.well-known/jwks.json"
	introspectionPath = "/introspect"
	tokenPath         = "/token"
)

func (i *Issuer) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+openIDPath, i.serveDiscovery)
	mux.HandleFunc("GET "+oauthPath, i.serveDiscovery)
	mux.HandleFunc("GET "+jwksPath, i.serveKeys)
	mux.HandleFunc("POST "+introspectionPath, i.serveIntrospection)
	mux.HandleFunc("POST "+tokenPath, i.serveToken)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		i.count(r)
		if !i.wait(r) {
			hangUp()
		}
		i.mu.Lock()
		instead := i.instead
		i.mu.Unlock()
		if instead != nil {
			instead(w, r)
			return
		}
		mux.ServeHTTP(w, r)
	})
}

func hangUp() { panic(http.ErrAbortHandler) }

func (i *Issuer) count(r *http.Request) {
	i.mu.Lock()
	defer i.mu.Unlock()
	switch r.URL.Path {
	case openIDPath, oauthPath:
		i.discoveries++
	case jwksPath:
		i.fetches++
		i.fetchHeader = r.Header.Clone()
	case introspectionPath:
		i.introspections++
	}
}

// wait lasts as long as the delay does; false when nobody waits for the answer
// any more.
func (i *Issuer) wait(r *http.Request) bool {
	for start := time.Now(); ; {
		i.mu.Lock()
		left, changed := i.delay-time.Since(start), i.changed
		i.mu.Unlock()
		if left <= 0 {
			return true
		}
		timer := time.NewTimer(left)
		select {
		case <-timer.C:
		case <-changed:
		case <-r.Context().Done():
			return false
		case <-i.stopped:
			return false
		}
		timer.Stop()
	}
}

func (i *Issuer) serveDiscovery(w http.ResponseWriter, _ *http.Request) {
	i.mu.Lock()
	algorithm := i.signer.algorithm
	i.mu.Unlock()
	methods := []string{"client_secret_basic", "client_secret_post"}
	i.publish(w, "application/json", map[string]any{
		"issuer":                 i.URL(),
		"jwks_uri":               i.JWKSURL(),
		"token_endpoint":         i.TokenURL(),
		"introspection_endpoint": i.IntrospectionURL(),

		"grant_types_supported":                         []string{"client_credentials"},
		"response_types_supported":                      []string{},
		"subject_types_supported":                       []string{"public"},
		"id_token_signing_alg_values_supported":         []string{algorithm},
		"token_endpoint_auth_methods_supported":         methods,
		"introspection_endpoint_auth_methods_supported": methods,
	})
}

func (i *Issuer) serveKeys(w http.ResponseWriter, _ *http.Request) {
	keys := []json.RawMessage{}
	i.mu.Lock()
	for _, k := range i.keys {
		keys = append(keys, k.public)
	}
	i.mu.Unlock()
	i.publish(w, "application/jwk-set+json", map[string]any{"keys": keys})
}

func (i *Issuer) publish(w http.ResponseWriter, contentType string, v any) {
	i.mu.Lock()
	cacheControl := i.cacheControl
	i.mu.Unlock()
	if cacheControl != "" {
		w.Header().Set("Cache-Control", cacheControl)
	}
	w.Header().Set("Content-Type", contentType)
	_ = json.NewEncoder(w).Encode(v)
}

func (i *Issuer) serveIntrospection(w http.ResponseWriter, r *http.Request) {
	if authenticateClient(w, r) {
		writeJSON(w, http.StatusOK, i.introspection(r.PostFormValue("token")))
	}
}

func (i *Issuer) serveToken(w http.ResponseWriter, r *http.Request) {
	if !authenticateClient(w, r) {
		return
	}
	if r.PostFormValue("grant_type") != "client_credentials" {
		writeJSON(w, http.StatusBadRequest, map[string]any{"error": "unsupported_grant_type"})
		return
	}
	claims := map[string]any{"sub": ClientID, "client_id": ClientID}
	answer := map[string]any{"token_type": "Bearer", "expires_in": int(lifetime / time.Second)}
	if scope := r.PostFormValue("scope"); scope != "" {
		claims["scope"], answer["scope"] = scope, scope
	}
	if resource := r.PostFormValue("resource"); resource != "" {
		claims["aud"] = resource
	}
	answer["access_token"] = i.Token(claims)
	writeJSON(w, http.StatusOK, answer)
}

// authenticateClient answers requests that are not the client's. The name and
// secret in HTTP Basic are form-encoded (RFC 6749 section 2.3.1).
func authenticateClient(w http.ResponseWriter, r *http.Request) bool {
	r.Body = http.MaxBytesReader(w, r.Body, 1<<20)
	if err := r.ParseForm(); err != nil {
		writeJSON(w, http.StatusBadRequest, map[string]any{"error": "invalid_request"})
		return false
	}
	id, secret, basic := r.BasicAuth()
	if basic {
		id, _ = url.QueryUnescape(id)
		secret, _ = url.QueryUnescape(secret)
	} else {
		id, secret = r.PostForm.Get("client_id"), r.PostForm.Get("client_secret")
	}
	if id != ClientID || secret != ClientSecret {
		w.Header().Set("WWW-Authenticate", `Basic realm="authstartest"`)
		writeJSON(w, http.StatusUnauthorized, map[string]any{"error": "invalid_client"})
		return false
	}
	return true
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v)
}
