package apikey

import (
	_ "embed"
	"encoding/json"
	"strings"
)

// openAPI describes the API at the path "/api-keys".
//
//go:embed openapi.json
var openAPI string

// Document describes the API in OpenAPI 3.1, with paths as they are served. Its
// security is missing, because the guard is the application's: openapi.Annotate
// and openapi.Handler add what the server enforces. The paths and
// components.schemas may be copied into a document of the application's; every
// name in there begins with "APIKey".
func (a *Admin) Document() []byte {
	path, _ := json.Marshal(a.config.Path)
	return []byte(strings.ReplaceAll(openAPI, `"/api-keys`, strings.TrimSuffix(string(path), `"`)))
}
