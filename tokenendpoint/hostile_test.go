package tokenendpoint_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/authstar/authstar"
	"github.com/authstar/authstar/tokenendpoint"
)

const maxBody = 64 << 10

// endless is a body without an end, and how much of it was read.
type endless struct{ read int }

func (e *endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'a'
	}
	e.read += len(p)
	return len(p), nil
}

// D08: what is too long is refused as soon as that is known.
func TestLongBodyIsNotRead(t *testing.T) {
	for _, length := range []int64{-1, 100 << 20} {
		body := new(endless)
		r := httptest.NewRequest("POST", "/", io.LimitReader(body, 100<<20))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.ContentLength = length
		if a := serve(t, newEndpoint(t, tokenendpoint.Config{}), r); a.status != 413 || a.outcome() != badForm {
			t.Errorf("D08: %d %s", a.status, a.text)
		}
		if body.read > maxBody+1 {
			t.Errorf("D08: %d bytes were read", body.read)
		}
	}
	for more, status := range map[int]int{0: 200, 1: 413} {
		body := asForm + "&pad="
		body += strings.Repeat("a", maxBody-len(body)+more)
		if a := post(t, newEndpoint(t, tokenendpoint.Config{}), body); a.status != status {
			t.Errorf("D08: %d bytes: %d %s", len(body), a.status, a.text)
		}
	}
}

// D08: over a socket, whose other end waits for the answer before it sends the
// rest, if ever.
func TestBodiesOverASocket(t *testing.T) {
	endpoint := newEndpoint(t, tokenendpoint.Config{})
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("X-Slow") != "" {
			if err := http.NewResponseController(w).SetReadDeadline(time.Now().Add(10 * time.Millisecond)); err != nil {
				t.Error(err)
			}
		}
		endpoint.ServeHTTP(w, r)
	}))
	defer srv.Close()
	long := strings.Repeat("a", maxBody+1)
	for _, row := range []struct {
		name, head, body string
		status           int
	}{
		{"D08 a form", fmt.Sprintf("Content-Length: %d", len(asForm)), asForm, 200},
		{"D08 a form in chunks", "Transfer-Encoding: chunked", fmt.Sprintf("3\r\n%s\r\n%x\r\n%s\r\n0\r\n\r\n", asForm[:3], len(asForm)-3, asForm[3:]), 200},
		{"D08 100 MB", "Content-Length: 104857600", long, 413},
		{"D08 100 MB in chunks", "Transfer-Encoding: chunked", "6400000\r\n" + long, 413},
		{"D08 a malformed chunk", "Transfer-Encoding: chunked", "zz\r\n", 400},
		{"D08 a slow form, ended by the server's deadline", "X-Slow: 1\r\nContent-Length: 1000", asForm, 400},
	} {
		t.Run(row.name, func(t *testing.T) {
			conn, err := net.Dial("tcp", srv.Listener.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			if err := conn.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
				t.Fatal(err)
			}
			if _, err := io.WriteString(conn, "POST /oauth2/token HTTP/1.1\r\nHost: api.test\r\nContent-Type: application/x-www-form-urlencoded\r\n"+row.head+"\r\n\r\n"+row.body); err != nil {
				t.Fatal(err)
			}
			res, err := http.ReadResponse(bufio.NewReader(conn), nil)
			if err != nil {
				t.Fatal(err)
			}
			if a := read(t, res); a.status != row.status || row.status != 200 && a.outcome() != badForm {
				t.Errorf("%d %s", a.status, a.text)
			}
		})
	}
}

// hostileForms are refused before any decoder sees their keys.
var hostileForms = map[string]string{
	"D09 10^6 keys":                  manyKeys(1000000),
	"D09 101 keys":                   manyKeys(101),
	"D10 a[=1":                       "a[=1",
	"D10 a]=1":                       "a]=1",
	"D10 a bracket 500,000 times":    strings.Repeat("[", 500000) + "=1",
	"D10 a bracket 60,000 times":     strings.Repeat("[", 60000) + "=1",
	"D10 a[999999999]=x":             "a[999999999]=x",
	"D10 a[-1]=x":                    "a[-1]=x",
	"D10 [0] 40,000 times":           "a" + strings.Repeat("[0]", 40000) + "=x",
	"D10 [0] 20,000 times":           "a" + strings.Repeat("[0]", 20000) + "=x",
	"D10 9,000 keys with 4 brackets": strings.Repeat("a[0][0][0][0]=x&", 9000),
	"D10 99 keys with 4 brackets":    strings.Repeat("a[0][0][0][0]=x&", 99),
	"D10 a dot":                      "a.b=1",
	"D10 an escaped bracket":         "a%5B=1",
	"D10 a bracket without a value":  "a[",
	"D10 an empty key in brackets":   "[]=1",
}

func manyKeys(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "k%d=v&", i)
	}
	return strings.TrimSuffix(b.String(), "&")
}

// D09, D10: cheap, without a panic, and without a word about the key.
func TestHostileKeys(t *testing.T) {
	var logs bytes.Buffer
	log.SetOutput(&logs)
	defer log.SetOutput(io.Discard)
	var client struct {
		ID string `form:"client_id"`
	}
	endpoint := newEndpoint(t, tokenendpoint.Config{
		Observe: func(_ context.Context, err *authstar.Error) {
			slog.New(slog.NewTextHandler(&logs, nil)).Warn("refused", "err", err, "text", fmt.Sprintf("%+v", err))
		},
		Grants: []tokenendpoint.Grant{tokenendpoint.ClientCredentials(func(ctx context.Context, req *tokenendpoint.Request) (*tokenendpoint.Response, error) {
			if err := req.Decode(&client); err != nil {
				return nil, err
			}
			return build(ctx, req)
		})},
	})
	if a := post(t, endpoint, asForm+"&"+manyKeys(97)); a.status != 200 || client.ID != "svc" {
		t.Errorf("D09: 100 parameters: %d %s", a.status, a.text)
	}
	if a := post(t, endpoint, asForm+"&"+manyKeys(98)); a.status != 400 || a.outcome() != badForm {
		t.Errorf("D09: 101 parameters: %d %s", a.status, a.text)
	}
	for name, form := range hostileForms {
		t.Run(name, func(t *testing.T) {
			logs.Reset()
			if a := post(t, endpoint, asForm+"&"+form); a.status != 400 && a.status != 413 || a.outcome() != badForm {
				t.Errorf("%d %s", a.status, a.text)
			}
			if text := logs.String(); text == "" || strings.ContainsAny(text, "[]") || strings.Contains(text, "k0") || strings.Contains(text, "a.b") {
				t.Errorf("the log: %q", text)
			}
			took := fastest(func() { post(t, endpoint, asForm+"&"+form) })
			if took > 100*time.Millisecond {
				t.Errorf("took %v", took)
			}
		})
	}
}

// D08: what fits into 64 KiB is cheap, also for a client that is known.
func TestLongValuesAreCheap(t *testing.T) {
	endpoint := newEndpoint(t, tokenendpoint.Config{})
	for name, more := range map[string]string{
		"D08 one scope 12,000 times":       "&scope=" + strings.Repeat("read+", 12000),
		"D08 16,000 scopes that differ":    "&scope=" + distinctScopes(16000),
		"D08 a parameter of 64,000 bytes":  "&x=" + strings.Repeat("a", 64000),
		"D08 an escape 21,000 times":       "&x=" + strings.Repeat("%61", 21000),
		"D08 a grant type of 64,000 bytes": "&grant_type=" + strings.Repeat("a", 64000),
	} {
		t.Run(name, func(t *testing.T) {
			body := asForm + more
			if strings.Contains(more, "grant_type") {
				body = strings.TrimPrefix(body, ask+"&")
			}
			if a := post(t, endpoint, body); a.status == 413 || a.status >= 500 {
				t.Errorf("%d %s", a.status, a.text)
			}
			if took := fastest(func() { post(t, endpoint, body) }); took > 150*time.Millisecond {
				t.Errorf("took %v", took)
			}
		})
	}
}

// fastest is the shortest of a few times, since others use the processor too. What
// is quadratic takes seconds.
func fastest(f func()) time.Duration {
	least := time.Hour
	for range 10 {
		start := time.Now()
		f()
		least = min(least, time.Since(start))
	}
	return least
}

// D11: who adds a slice gets an error, and no panic.
func TestDecode(t *testing.T) {
	type named string
	type scalars struct {
		ClientID string  `form:"client_id"`
		Count    int8    `form:"count"`
		Size     uint64  `form:"size"`
		Ratio    float32 `form:"ratio"`
		Force    bool    `form:"force"`
		Absent   string  `form:"absent"`
		Named    named   `form:"named"`
		private  string
	}
	decode := func(form string, v any) (a answer, err error) {
		a = post(t, withBuilder(t, func(ctx context.Context, req *tokenendpoint.Request) (*tokenendpoint.Response, error) {
			if err = req.Decode(v); err != nil {
				return nil, err
			}
			return build(ctx, req)
		}), asForm+"&"+form)
		return a, err
	}
	var got scalars
	want := scalars{ClientID: "svc", Count: -7, Size: 1<<64 - 1, Ratio: 0.5, Force: true, Named: "n"}
	if a, err := decode("count=-7&size=18446744073709551615&ratio=0.5&force=true&absent=&named=n&private=p", &got); err != nil || a.status != 200 || got != want || got.private != "" {
		t.Errorf("D11: %+v %v: %s", got, err, a.text)
	}
	for _, form := range []string{"count=128", "count=x", "size=-1", "ratio=x", "force=perhaps"} {
		a, err := decode(form, new(scalars))
		if a.status != 400 || a.outcome() != badForm || strings.Contains(err.Error()+a.text, form[6:]) {
			t.Errorf("D11: %s: %v: %d %s", form, err, a.status, a.text)
		}
	}
	for _, v := range []any{
		&struct{ A []string }{}, &struct{ A map[string]string }{}, &struct{ A struct{ B string } }{}, &struct{ A *string }{}, &struct{ A any }{},
		&struct{ A [1]string }{}, &struct{ scalars }{}, &struct{ A time.Time }{}, &struct{ A chan int }{}, &struct{ A complex64 }{},
		nil, scalars{}, new(string), new(map[string]string), &[]string{}, (*scalars)(nil), new(*scalars),
	} {
		a, err := decode("a[=1", v)
		if a.status != 400 || err != nil {
			t.Errorf("D11: %T and a bracket: %d %v", v, a.status, err)
		}
		if a, err := decode("A=1", v); a.status != 500 || err == nil {
			t.Errorf("D11: %T: %d %v", v, a.status, err)
		}
	}
}
