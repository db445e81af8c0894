package tokenendpoint

import (
	"context"
	"encoding/json"
	"net/http"

	"github.com/authstar/authstar"
)

// ClientHandler is an endpoint beside the token endpoint for the same clients,
// such as revocation (RFC 7009) or introspection (RFC 7662): it takes a POST
// with a form, authenticates the client as the token endpoint does, and answers
// what serve returns as JSON with Cache-Control: no-store, or for nil an empty
// 200. Errors are those of a [Grant]. serve must be safe for concurrent use.
func (e *Endpoint) ClientHandler(serve func(ctx context.Context, client authstar.Client, form Form) (any, error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		e.serve(w, r, func(client authstar.Client, form Form) ([]byte, error) {
			body, err := serve(r.Context(), client, form)
			if err != nil || body == nil {
				return nil, err
			}
			return json.Marshal(body)
		})
	})
}
