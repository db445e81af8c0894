package security_test

import (
	"net"
	"net/netip"
	"strconv"
	"strings"
	"testing"

	"github.com/authstar/authstar/security"
)

// X16: whoever controls the left part of a forwarding header, and whatever stands
// there, Internal passes only if the rightmost address that is not a trusted
// proxy's is internal, found by a slow and independent reading of the header.
func FuzzForwarded(f *testing.F) {
	for _, s := range []string{
		"127.0.0.1", "203.0.113.9", "203.0.113.9, 127.0.0.1", "127.0.0.1, 203.0.113.9", "203.0.113.9,10.0.0.3", "::1", "::ffff:10.0.0.1", "fe80::1%eth0", "1.2.3.4,", "010.0.0.1",
		"for=127.0.0.1", `for="[::1]:80"`, `for=203.0.113.9, for=10.0.0.3`, `for=203.0.113.9;host="evil,for=127.0.0.1;x="`, `for=203.0.113.9;host="evil,for=127.0.0.1;x=\""`, `host="a;for=127.0.0.1;b="`, `for="x, for=127.0.0.1`,
		`for=;for=127.0.0.1`, `for="203.0.113.9\",for=127.0.0.1"`, `by=_x;for="fd00::1"`,
	} {
		f.Add(s, false)
		f.Add(s, true)
	}
	xff := security.Rules{TrustedProxies: proxied.TrustedProxies}.Internal()
	rfc7239 := security.Rules{TrustedProxies: proxied.TrustedProxies, ForwardedHeader: "Forwarded"}.Internal()
	f.Fuzz(func(t *testing.T, value string, forwarded bool) {
		g, header, readings := xff, "X-Forwarded-For", [][]string{strings.Split(value, ",")}
		if forwarded {
			g, header = rfc7239, "Forwarded"
			readings = readForwarded(value)
		}
		if g.Check(from("10.0.0.2:1", header, value)) != nil {
			return
		}
		for _, nodes := range readings {
			if a, ok := decisive(nodes, forwarded); !ok || !internalByList(a) {
				t.Errorf("%s: %q passes, but %q decides", header, value, nodes)
			}
		}
	})
}

// decisive walks from the right past the trusted addresses.
func decisive(nodes []string, forwarded bool) (addr netip.Addr, ok bool) {
	for i := len(nodes) - 1; i >= 0; i-- {
		node := strings.Trim(nodes[i], " \t")
		if forwarded {
			node = withoutPort(node)
		}
		zoneless, _, _ := strings.Cut(node, "%")
		ip := net.ParseIP(zoneless)
		if ip == nil {
			return netip.Addr{}, false
		}
		if v4 := ip.To4(); v4 != nil {
			ip = v4
		}
		addr, _ = netip.AddrFromSlice(ip)
		trusted := false
		for _, p := range proxied.TrustedProxies {
			trusted = trusted || p.Contains(addr)
		}
		if !trusted {
			break
		}
	}
	return addr, len(nodes) > 0
}

func withoutPort(node string) string {
	if rest, ok := strings.CutPrefix(node, "["); ok {
		host, _, _ := strings.Cut(rest, "]")
		return host
	}
	if host, port, ok := strings.Cut(node, ":"); ok {
		if _, err := strconv.ParseUint(port, 10, 16); err == nil {
			return host
		}
	}
	return node
}

func internalByList(a netip.Addr) bool {
	if a == netip.MustParseAddr("169.254.169.254") {
		return false
	}
	for _, p := range []string{"127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16", "::1/128", "fc00::/7", "fe80::/10"} {
		if netip.MustParsePrefix(p).Contains(a) {
			return true
		}
	}
	return false
}

// readForwarded lists the for parameters of the elements, read from the left by
// the grammar of RFC 7239 section 4 as far as the header has that grammar, and
// with nothing said about quotes that do not match, since a client may send the
// first half of a quoted-string before a proxy adds an element.
func readForwarded(value string) (readings [][]string) {
	byComma := strings.Split(value, ",")
	var naive []string
	for _, element := range byComma {
		naive = append(naive, forOf(strings.Split(element, ";")))
	}
	readings = append(readings, naive)
	if elements, ok := splitOutsideQuotes(value); ok {
		var strict []string
		for _, pairs := range elements {
			strict = append(strict, forOf(pairs))
		}
		readings = append(readings, strict)
	}
	return readings
}

func forOf(pairs []string) string {
	for _, pair := range pairs {
		if name, value, ok := strings.Cut(strings.Trim(pair, " \t"), "="); ok && strings.EqualFold(name, "for") {
			return strings.ReplaceAll(strings.Trim(value, `"`), `\`, "")
		}
	}
	return ""
}

// splitOutsideQuotes splits at commas and semicolons. It is false where a
// quoted-string does not end, or begins or ends within a value.
func splitOutsideQuotes(value string) (elements [][]string, ok bool) {
	var pairs []string
	start, quoted := 0, false
	for i := 0; i <= len(value); i++ {
		switch {
		case i == len(value) && quoted:
			return nil, false
		case i < len(value) && quoted && value[i] == '\\':
			i++
		case i < len(value) && value[i] == '"':
			if !quoted && (i == 0 || value[i-1] != '=') || quoted && i+1 < len(value) && !strings.ContainsRune(";, \t", rune(value[i+1])) {
				return nil, false
			}
			quoted = !quoted
		case i == len(value) || !quoted && (value[i] == ',' || value[i] == ';'):
			pairs = append(pairs, value[start:i])
			start = i + 1
			if i == len(value) || value[i] == ',' {
				elements, pairs = append(elements, pairs), nil
			}
		}
	}
	return elements, !quoted
}
