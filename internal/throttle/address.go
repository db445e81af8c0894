package throttle

import (
	"net/netip"
	"strings"
)

// Address returns the key of a peer, such as that of http.Request.RemoteAddr,
// with or without a port: an IPv4 address as it is, also where it is written as
// an IPv6 one, and of an IPv6 address the first 64 bits, since a network of that
// size is what one subscriber has (RFC 6177) and can change addresses in.
// Everything that is no address shares one key, so that nonsense is throttled
// with other nonsense.
func Address(remoteAddr string) string {
	addr, ok := parse(remoteAddr)
	switch {
	case !ok:
		return "no address"
	case addr.Is4():
		if host, _, _ := strings.Cut(remoteAddr, ":"); strings.Contains(host, ".") {
			return host // as String would write it
		}
		return addr.String()
	}
	return netip.PrefixFrom(addr, 64).Masked().String()
}

func parse(remoteAddr string) (netip.Addr, bool) {
	var addr netip.Addr
	var err error
	if colon := strings.IndexByte(remoteAddr, ':'); colon == strings.LastIndexByte(remoteAddr, ':') && colon >= 0 || strings.HasPrefix(remoteAddr, "[") {
		var withPort netip.AddrPort
		withPort, err = netip.ParseAddrPort(remoteAddr)
		addr = withPort.Addr()
	} else {
		addr, err = netip.ParseAddr(remoteAddr)
	}
	return addr.Unmap().WithZone(""), err == nil
}
