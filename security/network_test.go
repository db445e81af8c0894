package security_test

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"github.com/authstar/authstar/security"
)

func from(remote string, headers ...string) *http.Request {
	r := request("GET", "/int", headers...)
	r.RemoteAddr = remote
	return r
}

func checkInternal(t *testing.T, g security.Guard, r *http.Request, passes bool) {
	t.Helper()
	want := "access_denied"
	if passes {
		want = ""
	}
	if err := g.Check(r); codeOf(err) != want {
		t.Errorf("%q with %v: %v, want %q", r.RemoteAddr, r.Header, err, want)
	}
}

// G11
func TestInternalPeer(t *testing.T) {
	for _, row := range []struct {
		peer   string
		passes bool
	}{
		{"127.0.0.1:1", true}, {"127.255.255.254:1", true}, {"[::1]:1", true},
		{"10.0.0.1:1", true}, {"10.255.255.255:1", true}, {"172.16.0.1:1", true}, {"172.31.255.255:1", true}, {"192.168.0.1:1", true},
		{"[::ffff:10.0.0.1]:1", true}, {"[::ffff:127.0.0.1]:1", true},
		{"[fc00::1]:1", true}, {"[fd00::1]:1", true}, {"[fd00::1%eth0]:1", true},
		{"169.254.0.1:1", true}, {"[fe80::1]:1", true}, {"[fe80::1%eth0]:1", true},

		{"169.254.169.254:1", false}, {"[::ffff:169.254.169.254]:1", false},
		{"100.64.0.1:1", false}, {"100.127.255.254:1", false},
		{"0.0.0.0:1", false}, {"[::]:1", false}, {"[::ffff:0.0.0.0]:1", false},
		{"8.8.8.8:1", false}, {"[::ffff:8.8.8.8]:1", false}, {"[2001:db8::1]:1", false},
		{"172.15.255.255:1", false}, {"172.32.0.0:1", false}, {"11.0.0.0:1", false}, {"192.167.255.255:1", false},
		{"224.0.0.1:1", false}, {"[ff02::1]:1", false}, {"255.255.255.255:1", false},
		{"", false}, {"@", false}, {":80", false}, {"pipe", false}, {"10.0.0.1", false}, {"::1", false}, {"[::1]", false},
		{"localhost:80", false}, {"010.0.0.1:80", false}, {"0x0a000001:80", false}, {"10.0.0.1:", false}, {"10.1:80", false}, {" 10.0.0.1:80", false},
	} {
		name := "G11 " + row.peer + " is refused"
		if row.passes {
			name = "G11 " + row.peer + " passes"
		}
		t.Run(name, func(t *testing.T) { checkInternal(t, security.Internal(), from(row.peer), row.passes) })
	}
}

func TestInternalWithoutTrustedProxies(t *testing.T) {
	for _, row := range []struct {
		name   string
		r      *http.Request
		passes bool
	}{
		{"G05 X-Forwarded-For does not make an outsider internal", from("203.0.113.9:1", "X-Forwarded-For", "10.0.0.1"), false},
		{"G05 an insider without X-Forwarded-For passes", from("10.0.0.1:1"), true},
		{"G08 an insider with X-Forwarded-For is a proxy's outsider", from("10.0.0.1:1", "X-Forwarded-For", "10.0.0.2"), false},
		{"G08 an empty X-Forwarded-For is one", from("10.0.0.1:1", "X-Forwarded-For", ""), false},
		{"G08 an insider with Forwarded is a proxy's outsider", from("10.0.0.1:1", "Forwarded", "for=10.0.0.2"), false},
		{"G09 Forwarded does not make an outsider internal", from("203.0.113.9:1", "Forwarded", "for=10.0.0.1"), false},
		{"G09 X-Real-IP does not make an outsider internal", from("203.0.113.9:1", "X-Real-IP", "10.0.0.1"), false},
		{"G09 True-Client-IP does not make an outsider internal", from("203.0.113.9:1", "True-Client-IP", "10.0.0.1"), false},
		{"G09 CF-Connecting-IP does not make an outsider internal", from("203.0.113.9:1", "CF-Connecting-IP", "10.0.0.1"), false},
		{"G09 the underscore twin does not make an outsider internal", from("203.0.113.9:1", "X_Forwarded_For", "10.0.0.1"), false},
		{"G09 X-Real-IP does not make an insider external", from("10.0.0.1:1", "X-Real-IP", "203.0.113.9"), true},
		{"G09 True-Client-IP does not make an insider external", from("10.0.0.1:1", "True-Client-IP", "203.0.113.9"), true},
		{"G09 the underscore twin does not make an insider external", from("10.0.0.1:1", "X_Forwarded_For", "203.0.113.9"), true},
		{"G14 the Host is not looked at", func() *http.Request { r := from("127.0.0.1:1"); r.Host = "evil.test"; return r }(), true},
	} {
		t.Run(row.name, func(t *testing.T) { checkInternal(t, security.Internal(), row.r, row.passes) })
	}
}

var proxied = security.Rules{TrustedProxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd01::/16")}}

func TestInternalBehindXForwardedFor(t *testing.T) {
	const proxy = "10.0.0.2:1"
	for _, row := range []struct {
		name   string
		r      *http.Request
		passes bool
	}{
		{"G06 (a) the rightmost address that is not trusted decides: outside", from(proxy, "X-Forwarded-For", "127.0.0.1, 203.0.113.9"), false},
		{"G06 (b) the rightmost address that is not trusted decides: inside", from(proxy, "X-Forwarded-For", "203.0.113.9, 127.0.0.1"), true},
		{"G06 (c) of trusted addresses alone the leftmost decides", from(proxy, "X-Forwarded-For", "10.9.9.9"), true},
		{"G06 (d) a proxy without a header is the client", from(proxy), true},
		{"G06 trusted hops are skipped: outside", from(proxy, "X-Forwarded-For", "127.0.0.1, 203.0.113.9, 10.0.0.3,10.0.0.4"), false},
		{"G06 trusted hops are skipped: inside", from(proxy, "X-Forwarded-For", "192.168.0.1 ,\t10.0.0.3,10.0.0.4"), true},
		{"G06 a proxy by IPv6", from("[fd01::2%eth0]:1", "X-Forwarded-For", "203.0.113.9"), false},
		{"G06 a proxy by mapped IPv4", from("[::ffff:10.0.0.2]:1", "X-Forwarded-For", "203.0.113.9"), false},
		{"G06 a mapped trusted hop is skipped", from(proxy, "X-Forwarded-For", "203.0.113.9, ::ffff:10.0.0.3"), false},
		{"G06 a client by IPv6", from(proxy, "X-Forwarded-For", "fd02::1"), true},
		{"G06 an internal peer that is no trusted proxy", from("192.168.0.1:1", "X-Forwarded-For", "10.0.0.1"), false},
		{"G06 an internal peer that is no trusted proxy, without a header", from("192.168.0.1:1"), true},
		{"G07 two lines are one list: outside", from(proxy, "X-Forwarded-For", "127.0.0.1", "X-Forwarded-For", "203.0.113.9"), false},
		{"G07 two lines are one list: inside", from(proxy, "X-Forwarded-For", "203.0.113.9", "X-Forwarded-For", "127.0.0.1"), true},
		{"G09 Forwarded is ignored where X-Forwarded-For is configured: inside", from(proxy, "X-Forwarded-For", "127.0.0.1", "Forwarded", "for=203.0.113.9"), true},
		{"G09 Forwarded is ignored where X-Forwarded-For is configured: outside", from(proxy, "X-Forwarded-For", "203.0.113.9", "Forwarded", "for=127.0.0.1"), false},
		{"G10 64 hops are walked", from(proxy, "X-Forwarded-For", "127.0.0.1"+strings.Repeat(",10.0.0.3", 63)), true},
		{"G10 65 hops are too many", from(proxy, "X-Forwarded-For", "127.0.0.1"+strings.Repeat(",10.0.0.3", 64)), false},
		{"G10 a hundred thousand hops are too many", from(proxy, "X-Forwarded-For", strings.Repeat("10.0.0.3,", 1e5)+"10.0.0.3"), false},
		{"G10 a hundred thousand hops of the client's own do not matter", from(proxy, "X-Forwarded-For", strings.Repeat("203.0.113.9,", 1e5)+"127.0.0.1"), true},
	} {
		t.Run(row.name, func(t *testing.T) { checkInternal(t, proxied.Internal(), row.r, row.passes) })
	}
	for _, element := range []string{"10.0.0.1:80", "[::1]:1", "[::1]", "unknown", "_hidden", "", " ", "127.0.0.1,", "127.0.0.1, ,", "010.0.0.1", "0x0a000001", "167772161", "10.1", "１０.0.0.1", `"127.0.0.1"`, "127.0.0.1;", "127.0.0.1/8", "localhost", "127.0.0.1\x00"} {
		t.Run("G10 the element "+element+" is refused", func(t *testing.T) {
			checkInternal(t, proxied.Internal(), from(proxy, "X-Forwarded-For", element), false)
			checkInternal(t, proxied.Internal(), from(proxy, "X-Forwarded-For", "127.0.0.1, "+element), false)
		})
	}
}

func TestInternalBehindForwarded(t *testing.T) {
	const proxy = "10.0.0.2:1"
	s := proxied
	s.ForwardedHeader = "forwarded"
	for _, row := range []struct {
		name, value string
		passes      bool
	}{
		{"an IPv4 address inside", "for=127.0.0.1", true},
		{"an IPv4 address outside", "for=203.0.113.9", false},
		{"a name in capitals", "For=127.0.0.1", true},
		{"with other parameters", "proto=https;for=127.0.0.1;by=10.0.0.2;host=api.example", true},
		{"with spaces around", " for=203.0.113.9 , for=127.0.0.1 ", true},
		{"the rightmost decides", "for=127.0.0.1, for=203.0.113.9", false},
		{"trusted hops are skipped", "for=203.0.113.9, for=10.0.0.3", false},
		{"a quoted address and port", `for="127.0.0.1:4711"`, true},
		{"a quoted IPv6 address", `for="[::1]"`, true},
		{"a quoted IPv6 address and port", `for="[::1]:4711"`, true},
		{"a quoted IPv6 address outside", `for="[2001:db8::1]:4711"`, false},
		{"a quoted IPv6 address that is a trusted hop", `for="[2001:db8::1]", for="[fd01::3]"`, false},
		{"an IPv6 address without brackets", `for="::1"`, false},
		{"an IPv4 address in brackets", `for="[127.0.0.1]"`, false},
		{"unknown", "for=unknown", false},
		{"hidden", `for="_hidden"`, false},
		{"a hidden port", `for="127.0.0.1:_x"`, false},
		{"no for", "by=127.0.0.1", false},
		{"two for", "for=127.0.0.1;for=127.0.0.1", false},
		{"an empty for before another", "for=;for=127.0.0.1", false},
		{"an empty element", "for=127.0.0.1,", false},
		{"no parameter", "127.0.0.1", false},
		{"a quote that does not end", `for="127.0.0.1`, false},
		{"a quote that does not begin", `for=127.0.0.1"`, false},
		{"a comma in quotes", `for="203.0.113.9,for=127.0.0.1"`, false},
		{"an element in quotes", `for=203.0.113.9;host="evil,for=127.0.0.1"`, false},
		{"an element in quotes with a parameter of its own", `for=203.0.113.9;host="evil,for=127.0.0.1;x="`, false},
		{"a for in quotes", `host="evil;for=127.0.0.1;x="`, false},
		{"a quote of the client's own does not matter", `for="x, for=127.0.0.1`, true},
	} {
		t.Run("G09 "+row.name, func(t *testing.T) { checkInternal(t, s.Internal(), from(proxy, "Forwarded", row.value), row.passes) })
	}
	t.Run("G09 X-Forwarded-For is ignored where Forwarded is configured", func(t *testing.T) {
		checkInternal(t, s.Internal(), from(proxy, "Forwarded", "for=127.0.0.1", "X-Forwarded-For", "203.0.113.9"), true)
		checkInternal(t, s.Internal(), from(proxy, "Forwarded", "for=203.0.113.9", "X-Forwarded-For", "127.0.0.1"), false)
	})
	s.ForwardedHeader = "X-Real-IP"
	t.Run("G09 another header where it is configured", func(t *testing.T) {
		checkInternal(t, s.Internal(), from(proxy, "X-Real-IP", "192.168.0.1"), true)
		checkInternal(t, s.Internal(), from(proxy, "X-Real-IP", "203.0.113.9"), false)
		checkInternal(t, s.Internal(), from("192.168.0.1:1", "X-Real-IP", "192.168.0.1"), false)
		checkInternal(t, s.Internal(), from("192.168.0.1:1"), true)
	})
}

// G12
func TestTrustedProxiesThatCannotBeRight(t *testing.T) {
	invalid, _ := netip.ParsePrefix("10.0.0.0/33")
	for name, p := range map[string]netip.Prefix{
		"10.0.0.0/33": invalid, "::/0": netip.MustParsePrefix("::/0"), "0.0.0.0/0": netip.MustParsePrefix("0.0.0.0/0"),
		"::ffff:0.0.0.0/96": netip.MustParsePrefix("::ffff:0.0.0.0/96"), "the zero prefix": {},
	} {
		mustPanic(t, "G12 the trusted proxy "+name, func() { security.Rules{TrustedProxies: []netip.Prefix{p}}.Internal() })
	}
	for _, name := range []string{"X_Real_IP", "X Real IP", "X-Real-IP:", "Ünï"} {
		mustPanic(t, "G12 the header "+name, func() { security.Rules{ForwardedHeader: name}.Internal() })
	}
	t.Run("G12 a mapped prefix is the IPv4 one", func(t *testing.T) {
		g := security.Rules{TrustedProxies: []netip.Prefix{netip.MustParsePrefix("::ffff:10.0.0.0/104")}}.Internal()
		checkInternal(t, g, from("10.0.0.2:1", "X-Forwarded-For", "127.0.0.1"), true)
		checkInternal(t, g, from("10.0.0.2:1", "X-Forwarded-For", "203.0.113.9"), false)
	})
	t.Run("G12 the caller's slice is copied", func(t *testing.T) {
		list := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}
		g := security.Rules{TrustedProxies: list}.Internal()
		list[0] = netip.MustParsePrefix("203.0.113.0/24")
		checkInternal(t, g, from("10.0.0.2:1", "X-Forwarded-For", "127.0.0.1"), true)
		checkInternal(t, g, from("203.0.113.9:1", "X-Forwarded-For", "127.0.0.1"), false)
	})
}

// G13, G04
func TestInternalGrantsNothingElse(t *testing.T) {
	mux := http.NewServeMux()
	mux.Handle("/int", security.Internal().HandlerFunc(whoami))
	mux.Handle("/both", security.Internal().And(security.Scopes("read")).HandlerFunc(whoami))
	for _, row := range []struct {
		name, path, peer, token string
		status                  int
		body                    string
	}{
		{"G13 an insider is nobody", "/int", "10.0.0.5:1", "", 200, "-"},
		{"G13 an insider with a token is its client", "/int", "10.0.0.5:1", "reader", 200, "reader"},
		{"G13 an insider with a bad token is nobody", "/int", "10.0.0.5:1", "bad", 200, "-"},
		{"G13 an insider has no scope", "/both", "10.0.0.5:1", "", 401, ""},
		{"G13 an insider with the scope passes", "/both", "10.0.0.5:1", "reader", 200, "reader"},
		{"G13 an outsider with the scope is refused", "/both", "203.0.113.9:1", "reader", 403, ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			r := httptest.NewRequest("GET", row.path, nil)
			r.RemoteAddr = row.peer
			if row.token != "" {
				r.Header.Set("Authorization", "Bearer "+row.token)
			}
			w := serve(newChain(t).Handler(mux), r)
			if w.Code != row.status || row.body != "" && w.Body.String() != row.body {
				t.Errorf("status %d, body %q; want %d, %q", w.Code, w.Body, row.status, row.body)
			}
		})
	}
	if w := serve(mux, from("10.0.0.5:1")); w.Code != 200 {
		t.Errorf("Internal without a chain answers %d", w.Code)
	}
}
