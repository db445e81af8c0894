package throttle

import "net/netip"

// Address returns the key of a peer, such as that of http.Request.RemoteAddr,
// with or without a port: an IPv4 address as it is, also where it is written as
// an IPv6 one, and of an IPv6 address the first 64 bits, since a network of that
// size is what one subscriber has (RFC 6177) and can change addresses in.
// Everything that is no address shares one key, so that nonsense is throttled
// with other nonsense.
func Address(remoteAddr string) string {
	addr, err := netip.ParseAddr(remoteAddr)
	if err != nil {
		addrPort, err := netip.ParseAddrPort(remoteAddr)
		if err != nil {
			return "no address"
		}
		addr = addrPort.Addr()
	}
	addr = addr.Unmap().WithZone("")
	if addr.Is4() {
		return addr.String()
	}
	return netip.PrefixFrom(addr, 64).Masked().String()
}
