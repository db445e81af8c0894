package e2e

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// peer is a program that ends with the test. Those of this module answer each
// line of JSON with one, and end with their input, should this process end
// before.
type peer struct {
	name   string
	cmd    *exec.Cmd
	in     io.WriteCloser
	out    *bufio.Reader
	stderr bytes.Buffer
}

// node starts a script of testdata, to the end of the test.
func node(t *testing.T, name string) *peer {
	t.Helper()
	bin := program(t, "node")
	if _, err := os.Stat(filepath.Join("node_modules", ".package-lock.json")); err != nil {
		missing(t, "what package-lock.json lists")
	}
	return start(t, name, bin, filepath.Join("testdata", name))
}

// build builds a program in Go.
func build(t *testing.T, dir, pkg string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "program.exe")
	if out, err := exec.Command(program(t, "go"), "build", "-C", dir, "-o", file, pkg).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v: %s", pkg, err, out)
	}
	return file
}

// start starts a program, to the end of the test.
func start(t *testing.T, name, bin string, args ...string) *peer {
	t.Helper()
	p := &peer{name: name, cmd: exec.Command(bin, args...)}
	p.cmd.Stderr = &p.stderr
	var err error
	if p.in, err = p.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	p.out = bufio.NewReader(out)
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.kill)
	return p
}

// kill ends the program without a farewell.
func (p *peer) kill() {
	_ = p.cmd.Process.Kill()
	_ = p.cmd.Wait()
}

// ask sends a question and waits for the answer.
func (p *peer) ask(t *testing.T, question, answer any) {
	t.Helper()
	late := time.AfterFunc(20*time.Second, func() { _ = p.cmd.Process.Kill() })
	defer late.Stop()
	line, err := json.Marshal(question)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.in.Write(append(line, '\n')); err != nil {
		p.fail(t, err)
	}
	if line, err = p.out.ReadBytes('\n'); err != nil {
		p.fail(t, err)
	}
	if err := json.Unmarshal(line, answer); err != nil {
		p.fail(t, err)
	}
}

func (p *peer) fail(t *testing.T, err error) {
	t.Helper()
	p.kill() // what it wrote is whole then
	t.Fatalf("%s: %v: %s", p.name, err, &p.stderr)
}
