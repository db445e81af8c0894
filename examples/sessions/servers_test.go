//go:build unix

package main

import (
	"bufio"
	"io"
	"os"
	"os/exec"
	osuser "os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// program finds a program, or skips the test; with CI=true its absence is a
// failure.
func program(t *testing.T, name string, elsewhere ...string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err == nil {
		return path
	}
	for _, pattern := range elsewhere {
		if found, _ := filepath.Glob(pattern); len(found) > 0 {
			return found[len(found)-1]
		}
	}
	if os.Getenv("CI") == "true" {
		t.Fatal(err)
	}
	t.Skipf("%v: make setup installs it", err)
	return ""
}

// database is a real server that listens on a Unix socket in a folder of its
// own.
type database struct {
	where storage
	start func() (stop func())
}

// serve starts a server, and returns when it has written the line. It is ended
// with the test, or by stop.
func serve(t *testing.T, cmd *exec.Cmd, line string) (stop func()) {
	t.Helper()
	out, in := io.Pipe()
	cmd.Stdout, cmd.Stderr = in, in
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ready, ended := make(chan bool), make(chan bool)
	go func() {
		lines, waiting := bufio.NewScanner(out), true
		for lines.Scan() {
			if waiting && strings.Contains(lines.Text(), line) {
				waiting = false
				close(ready)
			}
		}
	}()
	go func() {
		_ = cmd.Wait()
		in.Close()
		close(ended)
	}()
	stop = func() {
		_ = cmd.Process.Signal(os.Interrupt)
		select {
		case <-ended:
		case <-time.After(20 * time.Second):
			_ = cmd.Process.Kill()
			<-ended
		}
	}
	t.Cleanup(stop)
	select {
	case <-ready:
	case <-ended:
		t.Fatalf("%s ended at once", cmd.Path)
	case <-time.After(30 * time.Second):
		t.Fatalf("%s is not ready after 30 s", cmd.Path)
	}
	return stop
}

func redisServer(t *testing.T) database {
	t.Helper()
	path := program(t, "redis-server")
	dir := folder(t)
	socket := filepath.Join(dir, "redis.sock")
	return database{
		where: storage{redis: socket},
		start: func() func() {
			cmd := exec.Command(path, "--port", "0", "--unixsocket", socket, "--dir", dir, "--appendonly", "yes")
			return serve(t, cmd, "ready to accept connections at")
		},
	}
}

// postgresServer runs as another user where the test is root, whom PostgreSQL
// refuses.
func postgresServer(t *testing.T) database {
	t.Helper()
	const debian = "/usr/lib/postgresql/*/bin/"
	initdb, postgres := program(t, "initdb", debian+"initdb"), program(t, "postgres", debian+"postgres")
	dir := folder(t)
	as := func(path string, args ...string) *exec.Cmd {
		cmd := exec.Command(path, args...)
		cmd.Dir = dir
		return cmd
	}
	if os.Getuid() == 0 {
		account, err := osuser.Lookup("postgres")
		if err != nil {
			account, err = osuser.Lookup("nobody")
		}
		if err != nil {
			t.Fatal(err)
		}
		uid, _ := strconv.Atoi(account.Uid)
		gid, _ := strconv.Atoi(account.Gid)
		if err := os.Chown(dir, uid, gid); err != nil {
			t.Fatal(err)
		}
		plain := as
		as = func(path string, args ...string) *exec.Cmd {
			cmd := plain(path, args...)
			cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}
			return cmd
		}
	}
	data := filepath.Join(dir, "data")
	if out, err := as(initdb, "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync").CombinedOutput(); err != nil {
		t.Fatalf("initdb: %v\n%s", err, out)
	}
	return database{
		where: storage{postgres: "host=" + dir + " user=postgres dbname=postgres"},
		start: func() func() {
			return serve(t, as(postgres, "-D", data, "-k", dir, "-c", "listen_addresses="), "database system is ready to accept connections")
		},
	}
}

// folder is not t.TempDir, into which no other user may look, and whose name may
// be too long for a socket.
func folder(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "sessions")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Log(err) // a process that was killed may still write
		}
	})
	return dir
}
