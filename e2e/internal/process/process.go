// Package process starts the programs that tests talk to. Each ends with its
// test, and with the process of the test, should that end before.
package process

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"
	"time"
)

// Program finds a program, or skips the test, which with CI=true is a failure.
func Program(t testing.TB, name string) string {
	t.Helper()
	file, err := exec.LookPath(name)
	if err != nil {
		Missing(t, name)
	}
	return file
}

// Missing skips a test whose counterpart is not there, or fails it with CI=true.
func Missing(t testing.TB, name string) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatalf("%s is not installed: make setup", name)
	}
	t.Skipf("%s is not installed: make setup", name)
}

// Peer is a program that writes lines.
type Peer struct {
	name   string
	cmd    *exec.Cmd
	in     io.WriteCloser
	out    *bufio.Reader
	stderr bytes.Buffer
}

func start(t testing.TB, name string, cmd *exec.Cmd) *Peer {
	t.Helper()
	p := &Peer{name: name, cmd: cmd}
	cmd.Stderr = &p.stderr
	cmd.WaitDelay = time.Second // for what it started itself
	var err error
	if p.in, err = cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	p.out = bufio.NewReader(out)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.stop)
	return p
}

// stop is the end of the input, and of the patience with it.
func (p *Peer) stop() {
	_ = p.in.Close()
	late := time.AfterFunc(5*time.Second, func() { _ = p.cmd.Process.Kill() })
	defer late.Stop()
	_ = p.cmd.Wait()
}

// line is the next line of output.
func (p *Peer) line(t testing.TB) []byte {
	t.Helper()
	late := time.AfterFunc(time.Minute, func() { _ = p.cmd.Process.Kill() })
	defer late.Stop()
	line, err := p.out.ReadBytes('\n')
	if err != nil {
		p.stop() // what it wrote is whole then
		t.Fatalf("%s: %v: %s", p.name, err, &p.stderr)
	}
	return line
}

// Node starts a script that answers each line of JSON with one, with the
// packages that the lock file of the test's folder lists.
func Node(t testing.TB, script string, args ...string) *Peer {
	t.Helper()
	node := Program(t, "node")
	if _, err := os.Stat(filepath.Join("node_modules", ".package-lock.json")); err != nil {
		Missing(t, "what package-lock.json lists")
	}
	return start(t, script, exec.Command(node, append([]string{script}, args...)...))
}

// Ask sends a question and waits for the answer.
func (p *Peer) Ask(t testing.TB, question, answer any) {
	t.Helper()
	if err := json.NewEncoder(p.in).Encode(question); err != nil {
		t.Fatalf("%s: %v", p.name, err)
	}
	line := p.line(t)
	if err := json.Unmarshal(line, answer); err != nil {
		t.Fatalf("%s: %v: %s", p.name, err, line)
	}
}

var address = regexp.MustCompile(`http://127\.0\.0\.1:\d+`)

// Example builds a program of the folder examples, starts it on a free port and
// returns its URL.
func Example(t testing.TB, name string) string {
	t.Helper()
	dir := filepath.Join("..", "..", "examples", name)
	program := filepath.Join(t.TempDir(), name+".exe")
	if out, err := exec.Command(Program(t, "go"), "build", "-C", dir, "-o", program, ".").CombinedOutput(); err != nil {
		t.Fatalf("%s: %v: %s", dir, err, out)
	}
	// The shell ends it with the input, which it does not read itself.
	script := `"$0" -addr 127.0.0.1:0 & read -r end; kill $! && wait`
	p := start(t, name, exec.Command(Program(t, "sh"), "-c", script, program))
	for {
		if url := address.Find(p.line(t)); url != nil {
			return string(url)
		}
	}
}
