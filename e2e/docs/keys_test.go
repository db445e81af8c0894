package docs

import (
	"bufio"
	"encoding/json"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/authstar/authstar/e2e/internal/process"
)

// issued is an API key as the page shows it to who made it.
type issued struct{ Key, ID string }

// A person makes, rotates and revokes an API key on the docs page, and the key is
// good for what it grants, as long as it is.
func TestAPIKeysAreManagedFromThePage(t *testing.T) {
	t.Parallel()
	browser := newBrowser(t)
	site, administrator := quickstart(t)
	const path = "/admin/api-keys"
	// as calls the operations with a key, whose id is the client's, and ends
	// without one.
	as := func(key string, statuses []int, list ...call) sight {
		t.Helper()
		var seen sight
		browser.Ask(t, visit{Site: site, Scheme: "X-API-Key", Fields: map[string]string{"Value:": key}, Calls: append(calls("GET /me"), list...)}, &seen)
		outcome{strings.Split(key, "_")[1], "", key, "", append(statuses, 401)}.check(t, seen)
		return seen
	}
	seen := as(administrator, []int{200, 201, 200},
		call{Operation: "POST " + path, Body: `{"name":"reports","owner":"bob","scopes":["orders:read"]}`}, call{Operation: "GET " + path})
	first := read(t, seen.Calls[1].Shown)
	if list := seen.Calls[2].Shown; !strings.Contains(list, first.ID) || strings.Contains(list, first.Key) {
		t.Errorf("the list is %s", list)
	}
	as(first.Key, []int{200, 200, 403, 403}, calls("GET /orders", "POST /orders", "GET "+path)...)

	one := map[string]string{"id": first.ID}
	seen = as(administrator, []int{200, 200}, call{Operation: "POST " + path + "/{id}/rotate", Fields: one, Body: `{"overlap_seconds":0}`})
	second := read(t, seen.Calls[1].Shown)
	if second.ID != first.ID || second.Key == first.Key {
		t.Errorf("%s became %s", first.ID, second.ID)
	}
	accepts(t, site, first.Key, 401)
	accepts(t, site, second.Key, 200)

	seen = as(administrator, []int{200, 200, 200}, call{Operation: "POST " + path + "/{id}/revoke", Fields: one}, call{Operation: "GET " + path + "/{id}", Fields: one})
	if record := seen.Calls[2].Shown; !strings.Contains(record, `"revoked"`) || strings.Contains(record, second.Key) {
		t.Errorf("the record is %s", record)
	}
	accepts(t, site, second.Key, 401)
	accepts(t, site, administrator, 200)
}

func read(t *testing.T, shown string) (key issued) {
	t.Helper()
	if err := json.Unmarshal([]byte(shown), &key); err != nil || key.Key == "" || key.ID == "" {
		t.Fatalf("no key in %s: %v", shown, err)
	}
	return key
}

func accepts(t *testing.T, site, key string, want int) {
	t.Helper()
	r := newRequest(t, "GET", site+"/orders")
	r.Header.Set("X-API-Key", key)
	if res, body := do(t, r); res.StatusCode != want {
		t.Errorf("%d %s, want %d", res.StatusCode, body, want)
	}
}

var printed = regexp.MustCompile(`'X-API-Key: (quickstart_\w+)'[^\n]* (http://\S+)/orders`)

// quickstart starts it, and returns its URL and the key that it makes and prints.
func quickstart(t *testing.T) (site, key string) {
	t.Helper()
	dir := filepath.Join("..", "..", "examples", "quickstart")
	program := filepath.Join(t.TempDir(), "quickstart.exe")
	if out, err := exec.Command(process.Program(t, "go"), "build", "-C", dir, "-o", program, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	// The shell ends it with the input, and so with the test's process.
	cmd := exec.Command(process.Program(t, "sh"), "-c", `"$0" -addr 127.0.0.1:0 & read -r end; kill $! && wait`, program)
	cmd.WaitDelay = time.Second
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = in.Close()
		_ = cmd.Wait()
	})
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if m := printed.FindStringSubmatch(lines.Text()); m != nil {
			return m[2], m[1]
		}
	}
	t.Fatal("the quickstart printed no key")
	return "", ""
}
