// Package docs serves a page that shows an OpenAPI document and calls the API
// that it describes: Swagger UI, which a binary carries only if it imports this
// package. Nothing on the page comes from elsewhere.
//
//	page, err := docs.New(docs.Config{Title: "Orders", Document: "/openapi.json"})
//	mux.Handle("GET /docs/", page)
//
// Authorize takes API keys, HTTP Basic, bearer tokens, and gets tokens by
// client credentials and by authorization code with PKCE. For the latter,
// register oauth2-redirect.html beside the page as the client's redirect URI,
// such as https://api.example.com/docs/oauth2-redirect.html. The page of the
// authorization server must not set a Cross-Origin-Opener-Policy, which would
// part the two windows. No page can set a cookie: the dialog says so, and the
// browser sends the one that a login to the API has set.
//
// Swagger UI is copyright 2020-2021 SmartBear Software Inc. and licensed under
// the Apache License 2.0. The page serves its license and notices.
package docs

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"html/template"
	"io"
	"net/http"
	"net/url"
	"path"
	"strconv"
	"strings"
	"sync"
)

//go:generate sh update.sh 5.35.0

// Version is that of Swagger UI.
const Version = "5.35.0"

// Config is what the page shows.
type Config struct {
	// Document is the URL of the OpenAPI document, as a browser reaches it:
	// "/openapi.json". Required.
	Document string
	// Title is the page's; "" is "API".
	Title string
	// ClientID and Scopes are what the page suggests where it gets a token. The
	// client must be a public one, or the person has to know its secret: there
	// is no field for that, since the page is sent to everyone.
	ClientID string
	Scopes   []string
	// Connect are origins beside the page's own to which it may send requests,
	// such as "https://id.example.com": those of token endpoints, and of the
	// document's servers. The origin of Document is one of them by itself.
	Connect []string
	// Cookies lets every request have the browser's cookies, for a proxy in front
	// of the API that needs them. Otherwise requests for tokens have none, and
	// calls of operations that take HTTP Basic only while the scheme of a cookie
	// is authorized: a browser answers a challenge of HTTP Basic by a dialog of
	// its own, unless it was told to leave cookies out.
	Cookies bool
}

// New returns the handler of the page. Serve it below a path that ends with a
// slash, with or without http.StripPrefix: it looks at the last segment of the
// path alone. It answers GET and HEAD, and is safe for concurrent use.
//
// The error lists all that is wrong with the config.
func New(config Config) (http.Handler, error) {
	origins, err := config.origins()
	if err != nil {
		return nil, err
	}
	if config.Title == "" {
		config.Title = "API"
	}
	cookies := ""
	if config.Cookies {
		cookies = "all"
	}
	p := &page{files: make(map[string]*file)}
	data := map[string]string{
		"Title": config.Title, "Document": config.Document, "ClientID": config.ClientID,
		"Scopes": strings.Join(config.Scopes, " "), "Cookies": cookies, "Version": Version,
		"StyleFile":     p.static("swagger-ui/swagger-ui.css.gz"),
		"BundleFile":    p.static("swagger-ui/swagger-ui-bundle.js.gz"),
		"PageStyleFile": p.static("page/page.css"),
		"InitFile":      p.static("page/init.js"),
		"RedirectFile":  p.static("page/oauth2-redirect.js"),
	}
	for _, name := range []string{"LICENSE", "NOTICE", "swagger-ui-bundle.js.LICENSE.txt"} {
		p.files[name] = revalidated(mustRead("swagger-ui/"+name), "text/plain; charset=utf-8")
	}
	const own = "default-src 'none'; script-src 'self'; "
	policy := own + "style-src 'self'; img-src 'self' data:; font-src 'self' data:; connect-src 'self'" + origins +
		"; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
	for name, csp := range map[string]string{
		"index.html":           policy,
		"oauth2-redirect.html": own + "img-src data:; form-action 'none'; frame-ancestors 'none'; base-uri 'none'",
	} {
		var b bytes.Buffer
		if err := template.Must(template.ParseFS(files, "page/"+name)).Execute(&b, data); err != nil {
			return nil, fmt.Errorf("docs: %w", err)
		}
		f := revalidated(b.Bytes(), "text/html; charset=utf-8")
		f.policy = csp
		p.files[name] = f
	}
	p.files[""] = p.files["index.html"]
	return p, nil
}

// origins are what connect-src lists beside the page's own.
func (c Config) origins() (string, error) {
	var errs []error
	var list string
	document, err := url.Parse(c.Document)
	switch {
	case c.Document == "":
		errs = append(errs, errors.New("docs: Document is required"))
	case err != nil || document.Scheme != "" && !isHTTP(document) || document.User != nil:
		errs = append(errs, errors.New("docs: Document is not a URL of http or https, or a path"))
	case document.Host != "":
		scheme := document.Scheme
		if scheme == "" {
			scheme = "https"
		}
		c.Connect = append([]string{scheme + "://" + document.Host}, c.Connect...)
	}
	for _, origin := range c.Connect {
		u, err := url.Parse(origin)
		if err != nil || !isHTTP(u) || u.Host == "" || origin != u.Scheme+"://"+u.Host || strings.ContainsAny(origin, "; ,'\"*") {
			errs = append(errs, fmt.Errorf("docs: Connect: %q is not an origin such as https://id.example.com", origin))
		}
		list += " " + origin
	}
	return list, errors.Join(errs...)
}

func isHTTP(u *url.URL) bool { return u.Scheme == "http" || u.Scheme == "https" }

//go:embed page swagger-ui
var files embed.FS

func mustRead(name string) []byte {
	b, err := files.ReadFile(name)
	if err != nil {
		panic(err) // it is embedded
	}
	return b
}

type page struct{ files map[string]*file }

// file is one answer: plain, or compressed.
type file struct {
	kind, caching, etag, policy string
	body                        []byte
	compressed                  []byte
	plain                       func() ([]byte, error) // of compressed
}

// static adds a file under a name that has its hash, so that it never changes.
func (p *page) static(name string) string {
	body := mustRead(name)
	hash := sha256.Sum256(body)
	f := &file{body: body, caching: "public, max-age=31536000, immutable"}
	base := path.Base(name)
	if plain, ok := strings.CutSuffix(base, ".gz"); ok {
		base = plain
		f.body, f.compressed, f.plain = nil, body, sync.OnceValues(func() ([]byte, error) { return decompress(body) })
	}
	f.kind = "text/css; charset=utf-8"
	if strings.HasSuffix(base, ".js") {
		f.kind = "text/javascript; charset=utf-8"
	}
	ext := path.Ext(base)
	hashed := strings.TrimSuffix(base, ext) + "." + hex.EncodeToString(hash[:8]) + ext
	p.files[hashed] = f
	return hashed
}

// revalidated is a file whose name stays when its content changes.
func revalidated(body []byte, kind string) *file {
	hash := sha256.Sum256(body)
	return &file{kind: kind, caching: "no-cache", etag: `"` + hex.EncodeToString(hash[:16]) + `"`, body: body}
}

func decompress(compressed []byte) ([]byte, error) {
	r, err := gzip.NewReader(bytes.NewReader(compressed))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(r)
}

func (p *page) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f := p.files[r.URL.Path[strings.LastIndexByte(r.URL.Path, '/')+1:]]
	switch {
	case f == nil:
		http.NotFound(w, r)
		return
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, http.StatusText(http.StatusMethodNotAllowed), http.StatusMethodNotAllowed)
		return
	}
	f.serve(w, r)
}

func (f *file) serve(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Cache-Control", f.caching)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	if f.policy != "" {
		h.Set("Content-Security-Policy", f.policy)
	}
	if f.etag != "" {
		h.Set("Etag", f.etag)
		if strings.Contains(r.Header.Get("If-None-Match"), f.etag) {
			w.WriteHeader(http.StatusNotModified)
			return
		}
	}
	body := f.body
	if f.compressed != nil {
		h.Set("Vary", "Accept-Encoding")
		if acceptsGzip(r.Header["Accept-Encoding"]) {
			h.Set("Content-Encoding", "gzip")
			body = f.compressed
		} else {
			var err error
			if body, err = f.plain(); err != nil {
				http.Error(w, http.StatusText(http.StatusInternalServerError), http.StatusInternalServerError)
				return
			}
		}
	}
	h.Set("Content-Type", f.kind)
	h.Set("Content-Length", strconv.Itoa(len(body)))
	if r.Method == http.MethodGet {
		_, _ = w.Write(body)
	}
}

// acceptsGzip reads Accept-Encoding (RFC 9110 section 12.5.3).
func acceptsGzip(lines []string) bool {
	accepted := false
	for _, line := range lines {
		for item := range strings.SplitSeq(line, ",") {
			coding, parameter, _ := strings.Cut(item, ";")
			name, value, _ := strings.Cut(parameter, "=")
			q, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
			refused := strings.EqualFold(strings.TrimSpace(name), "q") && (err != nil || q == 0)
			switch coding = strings.TrimSpace(coding); {
			case strings.EqualFold(coding, "gzip"):
				return !refused
			case coding == "*":
				accepted = !refused
			}
		}
	}
	return accepted
}
