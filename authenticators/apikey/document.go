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
// and openapi.Handler add what the server enforces. openapi.Merge adds it to the
// document of the application, where the name of every schema begins with
// "APIKey".
func (a *Admin) Document() []byte {
	path, _ := json.Marshal(a.config.Path)
	return []byte(strings.ReplaceAll(openAPI, `"/api-keys`, strings.TrimSuffix(string(path), `"`)))
}
