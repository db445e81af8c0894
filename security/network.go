package security

import (
	"fmt"
	"net/http"
	"net/netip"
	"net/textproto"
	"slices"
	"strings"

	"github.com/authstar/authstar"
)

// maxHops bounds how many addresses of a forwarding header are looked at.
const maxHops = 64

// network is the policy of Internal.
type network struct {
	proxies []netip.Prefix
	header  string // canonical
}

func newNetwork(s Rules) *network {
	n := &network{header: "X-Forwarded-For"}
	if s.ForwardedHeader != "" {
		n.header = textproto.CanonicalMIMEHeaderKey(s.ForwardedHeader)
		if strings.ContainsFunc(n.header, func(r rune) bool {
			return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-')
		}) {
			panic(fmt.Sprintf("security: Rules.ForwardedHeader %q: must be letters, digits and '-'", s.ForwardedHeader))
		}
	}
	for _, p := range s.TrustedProxies {
		if !p.IsValid() || p.Bits() == 0 {
			panic(fmt.Sprintf("security: trusted proxy prefix %q: must be valid and not hold all addresses", p))
		}
		if p.Addr().Is4In6() && p.Bits() >= 96 {
			p = netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-96)
			if p.Bits() == 0 {
				panic("security: a trusted proxy prefix must not hold all IPv4 addresses")
			}
		}
		n.proxies = append(n.proxies, p)
	}
	return n
}

func (n *network) requirement(*http.Request) Requirement {
	return Requirement{Any: []All{{Anonymous: true, Checks: []string{"internal"}}}}
}

func (n *network) check(r *http.Request) *authstar.Error {
	if isPreflight(r) {
		return errNoCredentials
	}
	if why := n.refusal(r); why != "" {
		return &authstar.Error{Code: authstar.AccessDenied, Description: "this resource is for the internal network", Err: fmt.Errorf("internal: %s", why)}
	}
	return nil
}

func (n *network) refusal(r *http.Request) string {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return "the peer's address is not an IP address and port"
	}
	client := plain(peer.Addr())
	if !n.trusts(client) {
		for _, name := range []string{"X-Forwarded-For", "Forwarded", n.header} {
			if len(r.Header[name]) > 0 {
				return "the request came through a proxy that is not in TrustedProxies"
			}
		}
	} else if lines := r.Header[n.header]; len(lines) > 0 {
		var ok bool
		if client, ok = n.client(strings.Join(lines, ",")); !ok {
			return "the forwarding header is malformed"
		}
	}
	if !isInternal(client) {
		return "the client is not on an internal network"
	}
	return ""
}

// client is the rightmost address that is not a trusted proxy's, or the
// leftmost of all.
func (n *network) client(list string) (addr netip.Addr, ok bool) {
	for range maxHops {
		element := list
		i := lastComma(list)
		if i >= 0 {
			element, list = list[i+1:], list[:i]
		}
		element = strings.Trim(element, " \t")
		if n.header == "Forwarded" {
			addr, ok = forwardedFor(element)
		} else {
			var err error
			addr, err = netip.ParseAddr(element)
			ok = err == nil
		}
		if !ok {
			return netip.Addr{}, false
		}
		addr = plain(addr)
		if i < 0 || !n.trusts(addr) {
			return addr, true
		}
	}
	return netip.Addr{}, false
}

// lastComma finds the comma before the last element. The addresses inside
// quotes hold none, so a quoted comma ends as an element that is malformed.
func lastComma(list string) int { return strings.LastIndexByte(list, ',') }

// forwardedFor reads the for parameter of one RFC 7239 element. Every value has
// to be a whole token or quoted-string without escapes: one with half a pair of
// quotes is the end of somebody's quoted comma, as in host="x,for=127.0.0.1;y=".
func forwardedFor(element string) (netip.Addr, bool) {
	var node string
	var found bool
	for pair := range strings.SplitSeq(element, ";") {
		name, value, ok := strings.Cut(strings.Trim(pair, " \t"), "=")
		if len(value) > 1 && value[0] == '"' && value[len(value)-1] == '"' {
			value = value[1 : len(value)-1]
		}
		if !ok || strings.ContainsAny(value, `"\`) {
			return netip.Addr{}, false
		}
		if strings.EqualFold(name, "for") {
			if found {
				return netip.Addr{}, false
			}
			node, found = value, true
		}
	}
	if inner, ok := strings.CutPrefix(node, "["); ok {
		if host, rest, ok := strings.Cut(inner, "]"); ok && rest == "" {
			addr, err := netip.ParseAddr(host)
			return addr, err == nil && addr.Is6()
		}
	} else if addr, err := netip.ParseAddr(node); err == nil {
		return addr, addr.Is4()
	}
	ap, err := netip.ParseAddrPort(node)
	return ap.Addr(), err == nil
}

// plain is the address as prefixes compare it: 10.0.0.1 for ::ffff:10.0.0.1,
// and without a zone.
func plain(a netip.Addr) netip.Addr { return a.Unmap().WithZone("") }

func (n *network) trusts(a netip.Addr) bool {
	return slices.ContainsFunc(n.proxies, func(p netip.Prefix) bool { return p.Contains(a) })
}

var cloudMetadata = netip.AddrFrom4([4]byte{169, 254, 169, 254})

func isInternal(a netip.Addr) bool {
	return a != cloudMetadata && (a.IsLoopback() || a.IsPrivate() || a.IsLinkLocalUnicast())
}
