package apikey

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"

	"github.com/authstar/authstar"
	"github.com/authstar/authstar/internal/response"
)

// maxBody is more than a key with all its scopes takes.
const maxBody = 64 << 10

// endpoint is one route of the admin API.
type endpoint struct {
	admin *Admin
	serve action
}

const errMediaType = constError("the body must be application/json")

var errNoClient = &authstar.Error{Code: authstar.ServerError, Err: errors.New("apikey: a request to the admin API has no client: put a guard and authstar.Chain.Handler around it")}

var errCrossSite = &authstar.Error{Code: authstar.AccessDenied, Description: "the request comes from another origin"}

func (e *endpoint) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Type", "application/json")
	h.Set("X-Content-Type-Options", "nosniff")
	if e.admin.config.CrossOrigin.Check(r) != nil {
		e.refuse(w, r, errCrossSite)
		return
	}
	admin, ok := authstar.ClientFrom(r.Context())
	if !ok && !e.admin.config.InsecureAnonymous {
		e.refuse(w, r, errNoClient)
		return
	}
	status, body, err := e.serve(w, r, admin)
	if err != nil {
		e.refuse(w, r, err)
		return
	}
	write(w, status, body)
}

// refuse answers an error.
func (e *endpoint) refuse(w http.ResponseWriter, r *http.Request, err error) {
	var body struct {
		Error       string `json:"error"`
		Description string `json:"error_description,omitempty"`
		Scope       string `json:"scope,omitempty"`
	}
	var stated *authstar.Error
	status := http.StatusServiceUnavailable
	switch {
	case errors.As(err, &stated):
		status, body.Error = stated.Status(), string(stated.Code)
		body.Description, body.Scope = stated.Description, strings.Join(stated.Scope, " ")
	case errors.As(err, new(*http.MaxBytesError)):
		status, body.Error, body.Description = http.StatusRequestEntityTooLarge, "invalid_request", "the body is longer than 64 KiB"
	case errors.Is(err, errMediaType):
		status, body.Error, body.Description = http.StatusUnsupportedMediaType, "invalid_request", err.Error()
	case errors.Is(err, ErrInvalid):
		status, body.Error, body.Description = http.StatusBadRequest, "invalid_request", after(err, ErrInvalid)
	case errors.Is(err, ErrNotFound):
		status, body.Error, body.Description = http.StatusNotFound, "not_found", after(err, "apikey")
	case errors.Is(err, ErrConflict):
		status, body.Error, body.Description = http.StatusConflict, "conflict", after(err, ErrConflict)
	default:
		body.Error = string(authstar.TemporarilyUnavailable)
	}
	if status >= http.StatusInternalServerError {
		body.Description, body.Scope = "", ""
		if r.Context().Err() != nil { // the client is gone
			response.Abandon(r)
			return
		}
		if observe := e.admin.keys.observe; observe != nil {
			observe(r.Context(), err)
		}
	}
	if status == http.StatusUnauthorized { // RFC 9110 section 15.5.2: it has a challenge
		result, _ := authstar.ResultFrom(r.Context())
		if result.Scheme.ID == "" {
			result.Scheme.AuthScheme = "Bearer"
		}
		w.Header().Set("WWW-Authenticate", result.Scheme.Challenge(stated))
	}
	if status == http.StatusServiceUnavailable {
		retry := "1"
		if stated != nil {
			retry = response.RetryAfter(stated.RetryAfter)
		}
		w.Header().Set("Retry-After", retry)
	}
	write(w, status, body)
}

// after is the text of an error behind that of the one it wraps.
func after(err error, wrapped constError) string {
	return strings.TrimPrefix(err.Error(), string(wrapped)+": ")
}

func write(w http.ResponseWriter, status int, body any) {
	b, err := json.Marshal(body)
	if err != nil {
		status, b = http.StatusInternalServerError, []byte(`{"error":"server_error"}`)
	}
	w.WriteHeader(status)
	_, _ = w.Write(append(b, '\n'))
}

// readBody decodes one JSON object of known members. Without a body, required says
// whether that is an error.
func readBody(w http.ResponseWriter, r *http.Request, v any, required bool) error {
	text, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		if errors.As(err, new(*http.MaxBytesError)) {
			return err
		}
		return invalid("the body cannot be read")
	}
	if len(text) == 0 && !required {
		return nil
	}
	// A form of another site can be text/plain at most.
	if media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || media != "application/json" {
		return errMediaType
	}
	if !bytes.HasPrefix(bytes.TrimLeft(text, " \t\r\n"), []byte("{")) {
		return invalid("the body must be a JSON object")
	}
	if err := unmarshal(text, v); err != nil {
		return fmt.Errorf("%w: the body: %s", ErrInvalid, strings.TrimPrefix(err.Error(), "json: "))
	}
	return nil
}
