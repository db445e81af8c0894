package authstar_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"testing"

	"github.com/authstar/authstar"
)

func TestCodeStatus(t *testing.T) {
	for code, want := range map[authstar.Code]int{
		authstar.InvalidRequest: 400, authstar.InvalidToken: 401, authstar.InvalidClient: 401,
		authstar.InsufficientUserAuthentication: 401, authstar.InsufficientScope: 403, authstar.AccessDenied: 403,
		authstar.TemporarilyUnavailable: 503, authstar.ServerError: 500, "": 500, "teapot": 500,
	} {
		if got := code.Status(); got != want {
			t.Errorf("%q has status %d, want %d", code, got, want)
		}
	}
}

func TestErrorStatus(t *testing.T) {
	for _, row := range []struct {
		name string
		err  authstar.Error
		want int
	}{
		{"the code decides", authstar.Error{Code: authstar.AccessDenied}, 403},
		{"the status code outranks the code", authstar.Error{Code: authstar.AccessDenied, StatusCode: 404}, 404},
		{"no credentials", authstar.Error{Err: authstar.ErrNoCredentials}, 401},
		{"no credentials in another form", authstar.Error{Err: authstar.ErrNoCredentials, StatusCode: 403}, 403},
		{"the zero error is a fault", authstar.Error{}, 500},
		{"no code and another cause is a fault", authstar.Error{Err: io.EOF}, 500},
	} {
		t.Run(row.name, func(t *testing.T) {
			if got := row.err.Status(); got != row.want {
				t.Errorf("status %d, want %d", got, row.want)
			}
		})
	}
}

// X12
func TestErrorIsAndAs(t *testing.T) {
	err := fmt.Errorf("while listing: %w", &authstar.Error{Code: authstar.InvalidToken, Err: io.EOF})
	if !errors.Is(err, authstar.InvalidToken) || errors.Is(err, authstar.InvalidClient) {
		t.Error("errors.Is does not tell the codes apart")
	}
	if !errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		t.Error("errors.Is does not reach the cause")
	}
	var e *authstar.Error
	if !errors.As(err, &e) || e.Code != authstar.InvalidToken {
		t.Error("errors.As does not find the Error")
	}
	if errors.Is(&authstar.Error{}, authstar.ServerError) || errors.Is(err, authstar.Code("")) {
		t.Error("an empty code is taken for another")
	}
	if !errors.Is(fmt.Errorf("no header: %w", authstar.ErrNoCredentials), authstar.ErrNoCredentials) {
		t.Error("a wrapped ErrNoCredentials is not recognised")
	}
	if errors.Is(errors.New(authstar.ErrNoCredentials.Error()), authstar.ErrNoCredentials) {
		t.Error("the text of ErrNoCredentials is taken for it")
	}
	none := (*authstar.Error)(nil)
	if none.Unwrap() != nil || none.Is(authstar.InvalidToken) || none.Error() != "authstar: no error" {
		t.Error("a nil Error has something to say")
	}
}

func TestErrorText(t *testing.T) {
	for _, row := range []struct {
		name string
		err  authstar.Error
		want string
	}{
		{"all parts", authstar.Error{Code: authstar.InvalidToken, Description: "the token is not valid", Err: errors.New("expired")}, "authstar: invalid_token: the token is not valid: expired"},
		{"the prefix occurs once", authstar.Error{Err: authstar.ErrNoCredentials}, "authstar: no credentials"},
		{"N04 a cause cannot forge a line", authstar.Error{Code: authstar.ServerError, Err: errors.New("x\r\nlevel=INFO")}, `authstar: server_error: x\r\nlevel=INFO`},
		{"N04 a description cannot forge a line", authstar.Error{Code: authstar.InvalidToken, Description: "x\nlevel=INFO"}, `authstar: invalid_token: x\nlevel=INFO`},
	} {
		t.Run(row.name, func(t *testing.T) {
			if got := row.err.Error(); got != row.want {
				t.Errorf("got  %q\nwant %q", got, row.want)
			}
		})
	}
}

func TestErrorInLogs(t *testing.T) {
	var b bytes.Buffer
	log := slog.New(slog.NewTextHandler(&b, nil))
	log.Info("refused", "err", &authstar.Error{Code: authstar.InsufficientScope, Description: "too little", Scope: []string{"a", "b"}, Err: errors.New("x\ny")})
	for _, want := range []string{"err.status=403", "err.code=insufficient_scope", `err.description="too little"`, `err.scope="a b"`, `err.cause=x\ny`} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no %s in %s", want, &b)
		}
	}
	if strings.Count(b.String(), "\n") != 1 {
		t.Errorf("more than one line: %s", &b)
	}
	log.Info("nothing", "err", (*authstar.Error)(nil))
	if strings.Contains(b.String(), "PANIC") {
		t.Errorf("a nil Error cannot be logged: %s", &b)
	}
}
