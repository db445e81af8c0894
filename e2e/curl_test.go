package e2e

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net/http"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/authstar/authstar/security"
)

// The credentials as people give them to curl. H16: the verdicts over HTTP/2
// are those over HTTP/1.1.
func TestCurl(t *testing.T) {
	curl := program(t, "curl")
	server := serve(t, newChain(t).Handler(routes(security.Rules{})))

	// The subprotocol's challenge would be the same again, without the error.
	invalidToken := append([]string{`Bearer realm="orders", error="invalid_token", error_description="the token is not valid"`}, challenges[1:]...)
	badKey := []string{challenges[0], challenges[1], `ApiKey error="invalid_client", error_description="the API key is not known"`, challenges[3]}
	twoHeaders := []string{`Bearer realm="orders", error="invalid_request", error_description="there is more than one Authorization header"`}
	tests := []struct {
		name       string
		path       string
		args       []string
		status     int
		client     string
		challenges []string
	}{
		{"RS-01 no credential", "/me", nil, 401, "", challenges},
		{"RS-13 HEAD", "/me", []string{"--head"}, 401, "", challenges},
		{"B01 B02 Basic with colons and UTF-8", "/me", []string{"-u", bobsName + ":" + bobsWord}, 200, "bob", nil},
		{"B01 Basic by HEAD", "/me", []string{"--head", "-u", bobsName + ":" + bobsWord}, 200, "bob", nil},
		{"B02 curl --anyauth answers the challenge", "/me", []string{"--anyauth", "-u", bobsName + ":" + bobsWord}, 200, "bob", nil},
		{"B02 Basic in Latin-1", "/me", []string{"-u", bobsName + ":pa:ss:w\xf6rd"}, 401, "", challenges},
		{"a wrong password", "/me", []string{"-u", bobsName + ":pa"}, 401, "", challenges},
		{"B04 an empty password", "/me", []string{"-u", bobsName + ":"}, 401, "", challenges},
		{"credentials in the URL", "/me", []string{"--url-user", bobsName + ":pa%3Ass%3Aw%C3%B6rd"}, 200, "bob", nil},
		{"a bearer token", "/write", []string{"--oauth2-bearer", alicesToken}, 200, "alice", nil},
		{"RS-02 a bad bearer token", "/me", []string{"--oauth2-bearer", stranger}, 401, "", invalidToken},
		{"RS-07 the scheme in lower case", "/me", []string{"-H", "authorization: bearer " + alicesToken}, 200, "alice", nil},
		{"H05 two spaces", "/me", []string{"-H", "Authorization: Bearer  " + alicesToken}, 200, "alice", nil},
		{"RS-04 a scope is missing", "/admin", []string{"--oauth2-bearer", alicesToken}, 403, "", []string{`Bearer realm="orders", error="insufficient_scope", error_description="the client was not granted what this resource needs", scope="admin"`}},
		{"H01 two equal headers", "/me", []string{"-H", "Authorization: Bearer " + alicesToken, "-H", "Authorization: Bearer " + alicesToken}, 400, "", twoHeaders},
		{"H01 a bearer token and Basic", "/me", []string{"-H", "Authorization: Bearer " + alicesToken, "-H", "Authorization: Basic Ym9iOmJvYg=="}, 400, "", twoHeaders},
		{"H03 a token in the query", "/me?access_token=" + alicesToken, nil, 401, "", challenges},
		{"C07 Digest beside a session", "/me", []string{"-H", `Authorization: Digest username="bob"`, "-b", "sid=" + carolsID}, 200, "carol", nil},
		{"an API key", "/me", []string{"-H", "X-API-Key: " + robotsKey}, 200, "robot", nil},
		{"a bad API key", "/me", []string{"-H", "X-API-Key: key2"}, 401, "", badKey},
		{"H08 two API keys", "/me", []string{"-H", "X-API-Key: " + robotsKey, "-H", "X-API-Key: " + robotsKey}, 400, "", []string{`ApiKey error="invalid_request", error_description="there is more than one API key"`}},
		{"H10 the underscore twin", "/me", []string{"-H", "X_API_Key: " + robotsKey}, 401, "", challenges},
		{"C08 an empty API key", "/me", []string{"-H", "X-API-Key;"}, 401, "", challenges},
		{"a session", "/admin", []string{"-b", "sid=" + carolsID}, 200, "carol", nil},
		{"H11 two cookies that differ", "/me", []string{"-b", "sid=" + carolsID + "; sid=S2"}, 401, "", nil},
		{"C01 a bad token beside a good session", "/admin", []string{"--oauth2-bearer", stranger, "-b", "sid=" + carolsID}, 401, "", invalidToken},
		{"C06 the first of the chain decides", "/me", []string{"-b", "sid=" + carolsID, "-H", "X-API-Key: " + robotsKey, "--oauth2-bearer", alicesToken}, 200, "alice", nil},
		{"C03 an open route with a bad token", "/open", []string{"--oauth2-bearer", stranger}, 200, "-", nil},
		{"G13 Internal from loopback", "/internal", nil, 200, "-", nil},
		{"G05 Internal with a forged address", "/internal", []string{"-H", "X-Forwarded-For: 10.0.0.1"}, 403, "", nil},
		{"H15 another method in a header", "/me", []string{"-X", "POST", "-H", "X-HTTP-Method-Override: GET", "-b", "sid=" + carolsID, "-H", "Origin: https://evil.test"}, 403, "", []string{`Cookie error="access_denied", error_description="the request comes from another origin"`}},
	}
	for _, protocol := range []string{"--http1.1", "--http2-prior-knowledge"} {
		for _, test := range tests {
			if protocol != "--http1.1" && slices.Contains(test.args, "--anyauth") {
				continue // curl 7.88 breaks its own HTTP/2 connection there, with any server
			}
			t.Run(strings.TrimLeft(protocol, "-")+"/"+test.name, func(t *testing.T) {
				res, body := runCurl(t, curl, server.URL+test.path, append([]string{protocol}, test.args...)...)
				if res.StatusCode != test.status {
					t.Fatalf("status is %d, want %d", res.StatusCode, test.status)
				}
				if got := res.Header.Get("X-Client"); got != test.client {
					t.Errorf("client is %q, want %q", got, test.client)
				}
				if got := res.Header["Www-Authenticate"]; test.challenges != nil && !slices.Equal(got, test.challenges) {
					t.Errorf("challenges are\n%q, want\n%q", got, test.challenges)
				}
				if test.status >= 400 && res.Header.Get("Cache-Control") != "no-store" {
					t.Errorf("M08: Cache-Control of a refusal is %q", res.Header.Get("Cache-Control"))
				}
				if slices.Contains(test.args, "--head") != (body == "") {
					t.Errorf("body is %q", body)
				}
				if strings.Contains(body, "token.of") || strings.Contains(body, "pa:ss") {
					t.Errorf("N04: the body has a credential: %q", body)
				}
			})
		}
	}
}

// runCurl answers with the last response that curl got. An argument --url-user
// takes a user and password to put into the URL.
func runCurl(t *testing.T, curl, url string, args ...string) (*http.Response, string) {
	t.Helper()
	if i := slices.Index(args, "--url-user"); i >= 0 {
		url = strings.Replace(url, "://", "://"+args[i+1]+"@", 1)
		args = slices.Delete(slices.Clone(args), i, i+2)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	// -q: without the user's own curlrc.
	cmd := exec.CommandContext(ctx, curl, append([]string{"-q", "-sS", "-i", "--noproxy", "*", "--max-time", "10", url}, args...)...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("curl: %v: %s", err, &stderr)
	}
	out = out[max(0, bytes.LastIndex(out, []byte("HTTP/"))):]
	// net/http reads no "HTTP/2 200".
	out = bytes.Replace(out, []byte("HTTP/2 "), []byte("HTTP/2.0 "), 1)
	method := "GET"
	if slices.Contains(args, "--head") {
		method = "HEAD"
	}
	res, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(out)), &http.Request{Method: method})
	if err != nil {
		t.Fatalf("%v in %q", err, out)
	}
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res, string(body)
}
