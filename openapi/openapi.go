// Package openapi reads the security of an OpenAPI document off the handlers
// that serve the API, so that the document cannot say anything else than what
// is enforced. It influences no decision: without it, the API answers the same.
//
//	mux := new(openapi.Mux) // an http.ServeMux that remembers its routes
//	mux.Handle("GET /orders", security.Scopes("orders:read").HandlerFunc(listOrders))
//	api := chain.Handler(mux)
//
//	root.Handle("/", api)
//	root.Handle("GET /openapi.json", openapi.Handler(doc, api))
//
// [Annotate] completes a document from any source, which [Handler] serves;
// [Mux.Document] writes one for those who have none, and [Merge] adds the one of
// an API that is mounted; [Verify] finds in a test where documents and handlers
// differ. [Routes] stands for routers that are not of the standard library.
// Package docs has a page to read the document and call the API with.
//
// All functions are safe for concurrent use.
package openapi
