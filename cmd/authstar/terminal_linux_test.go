package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"github.com/authstar/authstar/authenticators/password"
	"github.com/authstar/authstar/authstartest"
)

// pty opens a pseudo terminal (pty(7)).
func pty(t *testing.T) (master, slave *os.File) {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { master.Close() })
	control := func(request uintptr, value *int32) {
		if _, _, errno := syscall.Syscall(syscall.SYS_IOCTL, master.Fd(), request, uintptr(unsafe.Pointer(value))); errno != 0 {
			t.Fatal(errno)
		}
	}
	var number, unlocked int32
	control(syscall.TIOCGPTN, &number)
	control(syscall.TIOCSPTLCK, &unlocked)
	slave, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { slave.Close() })
	return master, slave
}

// session is the program in a terminal of its own, and its standard output beside.
type session struct {
	t      *testing.T
	cmd    *exec.Cmd
	master *os.File
	slave  *os.File
	out    bytes.Buffer
	shown  []byte // what the terminal has shown
}

func inTerminal(t *testing.T, args ...string) *session {
	t.Helper()
	s := &session{t: t}
	s.master, s.slave = pty(t)
	s.cmd = exec.Command(os.Args[0], args...)
	s.cmd.Env = append(os.Environ(), "AUTHSTAR_TEST_MAIN=1")
	s.cmd.Stdin, s.cmd.Stdout, s.cmd.Stderr = s.slave, &s.out, s.slave
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.cmd.Process.Kill() })
	return s
}

// expect waits until the terminal shows the text.
func (s *session) expect(text string) {
	s.t.Helper()
	deadline := time.AfterFunc(20*time.Second, func() { s.master.Close() })
	defer deadline.Stop()
	b := make([]byte, 4096)
	for from := len(s.shown); !strings.Contains(string(s.shown[from:]), text); {
		n, err := s.master.Read(b)
		s.shown = append(s.shown, b[:n]...)
		if err != nil {
			s.t.Fatalf("waiting for %q: %v; shown %q", text, err, s.shown)
		}
	}
}

func (s *session) enter(text string) {
	s.t.Helper()
	if _, err := s.master.WriteString(text); err != nil {
		s.t.Fatal(err)
	}
}

// wait returns the status, and fails when the terminal was left without its echo.
func (s *session) wait() int {
	s.t.Helper()
	_ = s.cmd.Wait()
	var state syscall.Termios
	if _, _, errno := syscall.Syscall(syscall.SYS_IOCTL, s.slave.Fd(), syscall.TCGETS, uintptr(unsafe.Pointer(&state))); errno != 0 {
		s.t.Fatal(errno)
	}
	if state.Lflag&syscall.ECHO == 0 || state.Lflag&syscall.ICANON == 0 {
		s.t.Error("the terminal was left in raw mode")
	}
	return s.cmd.ProcessState.ExitCode()
}

func TestPasswordInATerminal(t *testing.T) {
	s := inTerminal(t, "hash-password")
	s.expect("Password: ")
	s.enter("forgotten\x15wonderlanö\x7fd\r") // a line that is given up, a letter that is corrected
	s.expect("Again: ")
	s.enter("wonderland\r")
	s.expect("\n")
	if status := s.wait(); status != 0 {
		t.Fatalf("status %d: %s", status, s.shown)
	}
	if good, err := password.Verify(strings.TrimSuffix(s.out.String(), "\n"), "wonderland"); !good || err != nil {
		t.Errorf("%v %v: %q", good, err, s.out.String())
	}
	if got := string(s.shown); got != "Password: \r\nAgain: \r\n" {
		t.Errorf("X13 the terminal shows %q", got)
	}
}

func TestPasswordsThatDiffer(t *testing.T) {
	s := inTerminal(t, "hash-password")
	s.expect("Password: ")
	s.enter("wonderland\r")
	s.expect("Again: ")
	s.enter("wunderland\r")
	s.expect("not the same")
	if status := s.wait(); status != statusNo || s.out.Len() > 0 {
		t.Errorf("status %d: %q", status, s.out.String())
	}
}

func TestInterrupted(t *testing.T) {
	for name, key := range map[string]string{"Ctrl-C": "wonder\x03", "Ctrl-D": "\x04"} {
		t.Run(name, func(t *testing.T) {
			s := inTerminal(t, "hash-password")
			s.expect("Password: ")
			s.enter(key)
			s.expect("interrupted")
			if status := s.wait(); status != statusInterrupted || s.out.Len() > 0 {
				t.Errorf("status %d: %q", status, s.out.String())
			}
		})
	}
	t.Run("a signal", func(t *testing.T) {
		s := inTerminal(t, "hash-password")
		s.expect("Password: ")
		_ = s.cmd.Process.Signal(syscall.SIGTERM)
		s.expect("\n")
		if status := s.wait(); status != statusInterrupted {
			t.Errorf("status %d", status)
		}
	})
}

// A terminal that collects lines would cut such a token.
func TestLongTokenInATerminal(t *testing.T) {
	token := authstartest.NewIssuer(t).Token(map[string]any{"groups": strings.Repeat("group ", 1000), "last": "of all"})
	s := inTerminal(t, "token", "inspect")
	s.expect("Token: ")
	s.enter(token + "\r")
	s.expect("\n")
	if status := s.wait(); status != 0 || !strings.Contains(s.out.String(), `"last": "of all"`) {
		t.Errorf("status %d: %s", status, s.shown)
	}
	if got := string(s.shown); got != "Token: \r\n" {
		t.Errorf("X13 the terminal shows %q", got)
	}
}
