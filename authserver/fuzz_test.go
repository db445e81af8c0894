package authserver_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
)

// FuzzAuthorize: whatever the query, a browser is sent to a registered redirect
// URI or nowhere, with what belongs there, and the order of the parameters makes
// no difference.
func FuzzAuthorize(f *testing.F) {
	for _, request := range errorsOnPage {
		if text := request.Encode(); len(text) < 5000 {
			f.Add(text)
		}
	}
	for _, request := range []url.Values{
		ask(), ask("prompt", "none"), ask("scope", "x"), ask("state", "&=#\r\n\x00é"), ask("request_uri", "http://127.0.0.1:9"),
		ask("client_id", "web", "redirect_uri", "https://web.example/cb?a=1", "response_type", "token"),
		ask("client_id", "cli", "redirect_uri", "http://127.0.0.1:4/cb", "max_age", "x"), with(ask(), "state", "2"), with(ask(), "scope", "2"),
	} {
		f.Add(request.Encode())
	}
	f.Add("client_id=spa&redirect_uri=https://good.example/cb%0d%0aX:&scope=%zz;")
	fx := newFixture(f)
	f.Fuzz(func(t *testing.T, query string) {
		fx.TB, fx.refusals = t, nil
		a := fx.authorizeRaw(query)
		fx.checkAnswer(query, a)
		parts := strings.Split(query, "&")
		slices.Reverse(parts)
		b := fx.authorizeRaw(strings.Join(parts, "&"))
		if a.status != b.status || a.header.Get("Location") != b.header.Get("Location") {
			t.Errorf("%q: %d %s, and backwards %d %s", query, a.status, a.header.Get("Location"), b.status, b.header.Get("Location"))
		}
	})
}

func (f *fixture) authorizeRaw(query string) answer {
	r := httptest.NewRequest(http.MethodGet, issuer+"/authorize", nil)
	r.URL.RawQuery = query
	return f.serve(r)
}

func (f *fixture) checkAnswer(query string, a answer) {
	f.Helper()
	to := a.header.Get("Location")
	if a.status != http.StatusSeeOther {
		if to != "" || a.status != http.StatusOK && a.status != http.StatusBadRequest {
			f.Errorf("%q: %d, sent to %q", query, a.status, to)
		}
		return
	}
	if strings.ContainsAny(to, "\r\n\x00# \"<>\\") || !f.isRegistered(to) {
		f.Errorf("%q: sent to %q", query, to)
	}
	given, _ := url.ParseQuery(query)
	_, values := f.sentBack(a)
	if values.Get("error") == "" || values.Has("code") || len(given["state"]) == 1 && values.Get("state") != given.Get("state") {
		f.Errorf("%q: sent back with %v", query, values)
	}
}

// isRegistered reports whether a URL is a client's redirect URI and parameters.
func (f *fixture) isRegistered(to string) bool {
	for _, c := range f.clients {
		for _, uri := range c.RedirectURIs {
			if strings.HasPrefix(to, uri+"?error=") || strings.HasPrefix(to, uri+"&error=") {
				return true
			}
		}
		if base, _, ok := strings.Cut(to, "?error="); ok && c.Native && mayRedirect(c, base) {
			return true
		}
	}
	return false
}
