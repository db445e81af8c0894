package authstar_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// Every Go block of the README stands, line by line, in a file that tests run.
func TestReadmeCodeIsTested(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	var tested strings.Builder
	err = filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() && d.Name() == "node_modules" {
			return filepath.SkipDir
		}
		if strings.HasSuffix(path, "_test.go") || strings.HasPrefix(path, "examples") && strings.HasSuffix(path, ".go") {
			b, err := os.ReadFile(path)
			tested.WriteString(flatten(string(b)))
			return err
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	blocks := regexp.MustCompile("(?s)```go\n(.*?)```").FindAllStringSubmatch(string(readme), -1)
	if len(blocks) < 3 {
		t.Fatalf("only %d blocks of Go", len(blocks))
	}
	for _, block := range blocks {
		if !strings.Contains(tested.String(), flatten(block[1])) {
			t.Errorf("no test has this code of the README:\n%s", block[1])
		}
	}
}

var space = regexp.MustCompile(`\s+`)

func flatten(s string) string { return " " + strings.TrimSpace(space.ReplaceAllString(s, " ")) }
