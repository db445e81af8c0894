package browser

import (
	"flag"
	"testing"

	"github.com/authstar/authstar/e2e/internal/process"
)

var screenshots = flag.String("screenshots", "", "the folder to put pictures of the pages into")

// What a person does with the login pages and the page that uses them: each
// scenario of testdata with a browser profile of its own. No page may ask another
// host for anything, violate its policy or complain on the console.
func TestPKCE(t *testing.T) {
	chromium := process.Program(t, "chromium")
	visits := process.Node(t, "testdata/main.mjs", chromium, process.Example(t, "pkce"), *screenshots)
	var list struct{ Scenarios []string }
	visits.Ask(t, map[string]string{}, &list)
	if len(list.Scenarios) < 20 {
		t.Fatalf("only %d scenarios", len(list.Scenarios))
	}
	for _, scenario := range list.Scenarios {
		t.Run(scenario, func(t *testing.T) {
			var answer struct{ Error string }
			visits.Ask(t, map[string]string{"scenario": scenario}, &answer)
			if answer.Error != "" {
				t.Error(answer.Error)
			}
		})
	}
}
