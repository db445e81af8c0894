package main

import (
	"context"
	"errors"
	"net/http"
	"time"

	"k8s.io/apiserver/pkg/authentication/authenticator"
	"k8s.io/apiserver/pkg/authentication/request/bearertoken"
	"k8s.io/apiserver/pkg/authentication/token/cache"
	"k8s.io/apiserver/pkg/authentication/user"
	"k8s.io/apiserver/pkg/endpoints/filters"
)

// kubernetes is the cache of k8s.io/apiserver around a verifier. Its entries
// outlive the run, instead of the 10 s that kube-apiserver has.
func kubernetes(verify verifier) authenticator.Token {
	inner := authenticator.TokenFunc(func(_ context.Context, token string) (*authenticator.Response, bool, error) {
		w, err := verify(token)
		if err != nil {
			return nil, false, err
		}
		return &authenticator.Response{User: &user.DefaultInfo{Name: w.subject, Extra: map[string][]string{"scope": w.scopes}}}, true, nil
	})
	return cache.New(inner, false, time.Hour, 0)
}

// kubernetesCached is that cache around go-oidc, as in kube-apiserver.
var kubernetesCached = contender{"k8s.io/apiserver token cache", func(i *issuer, keysURL, alg string) (verifier, error) {
	inner, err := goOIDC.open(i, keysURL, alg)
	if err != nil {
		return nil, err
	}
	return kubernetesVerifier(kubernetes(inner)), nil
}}

func kubernetesVerifier(cached authenticator.Token) verifier {
	return func(token string) (who, error) {
		res, ok, err := cached.AuthenticateToken(context.Background(), token)
		if err != nil || !ok {
			return who{}, errors.Join(err, errors.New("refused"))
		}
		return who{res.User.GetName(), res.User.GetExtra()["scope"]}, nil
	}
}

// kubernetesHandler is k8s.io/apiserver's own filter in front of next: the bearer
// token, the cache, the audience, and the user in the context.
func kubernetesHandler(cached authenticator.Token, next http.HandlerFunc) http.Handler {
	return filters.WithAuthentication(next, bearertoken.New(cached), refuse, authenticator.Audiences{audience}, nil)
}

var refuse = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusUnauthorized) })

type userKey struct{}

// kubernetesShort is as little around that cache as can be written by hand.
func kubernetesShort(cached authenticator.Token, next http.HandlerFunc) http.Handler {
	bearer := bearertoken.New(cached)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		res, ok, err := bearer.AuthenticateRequest(r)
		if err != nil || !ok {
			refuse(w, r)
			return
		}
		next(w, r.WithContext(context.WithValue(r.Context(), userKey{}, res.User)))
	})
}
