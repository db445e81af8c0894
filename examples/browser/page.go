package main

import (
	"embed"
	"html/template"
	"io/fs"
	"net/http"
	"strings"
)

//go:embed page
var pageFiles embed.FS

// newPage serves the page, which may load nothing from elsewhere, and connect to
// the two origins alone.
func newPage(s settings) (http.Handler, error) {
	index, err := template.ParseFS(pageFiles, "page/index.html")
	if err != nil {
		return nil, err
	}
	files, err := fs.Sub(pageFiles, "page")
	if err != nil {
		return nil, err
	}
	policy := strings.Join([]string{
		"default-src 'none'", "script-src 'self'", "style-src 'self'", "img-src data:",
		"connect-src 'self' ws" + strings.TrimPrefix(s.origin, "http") + " " + s.second,
		"form-action 'none'", "frame-ancestors 'none'", "base-uri 'none'",
	}, "; ")
	serve := http.FileServerFS(files)
	data := struct{ Second, Subprotocol string }{s.second, subprotocol}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("Referrer-Policy", "no-referrer") // the code is in the URL for a moment
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Cache-Control", "no-store")
		switch {
		case r.URL.Path == "/" && "http://"+r.Host != s.origin: // the login knows one name of this machine
			http.Redirect(w, r, s.origin, http.StatusFound)
		case r.URL.Path == "/", r.URL.Path == "/callback":
			h.Set("Content-Type", "text/html; charset=utf-8")
			_ = index.Execute(w, data)
		default:
			serve.ServeHTTP(w, r)
		}
	}), nil
}
