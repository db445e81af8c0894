package authstar_test

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"

	"github.com/authstar/authstar"
)

// certificateScheme is how the client certificates of this application travel.
var certificateScheme = authstar.Scheme{ID: "certificate", Type: authstar.TypeMutualTLS}

// byCertificate is an authenticator of the application's own, with the four
// outcomes of one.
func byCertificate(r *http.Request) (authstar.Client, error) {
	if r.TLS == nil || len(r.TLS.PeerCertificates) == 0 {
		return nil, authstar.ErrNoCredentials
	}
	name := r.TLS.PeerCertificates[0].Subject.CommonName
	if name == "" {
		return nil, &authstar.Error{Code: authstar.InvalidClient, Err: errors.New("certificate without a common name")}
	}
	return &authstar.Identity{ID: name}, nil
}

// An observer logs what the chain found. Results have no secrets in them.
func ExampleChain_WithObserver() {
	log := slog.New(slog.NewTextHandler(os.Stdout, &slog.HandlerOptions{
		ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			if a.Key == slog.TimeKey {
				return slog.Attr{}
			}
			return a
		},
	}))
	chain, err := authstar.New(authstar.AuthenticatorFunc(certificateScheme, byCertificate))
	if err != nil {
		log.Error("no chain", "err", err)
		return
	}
	chain = chain.WithObserver(func(ctx context.Context, res authstar.Result) {
		log.InfoContext(ctx, "authentication", "result", res)
	})
	api := chain.Handler(http.NotFoundHandler())
	api.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil))
	// Output:
	// level=INFO msg=authentication result.explain="certificate: no credentials"
}
