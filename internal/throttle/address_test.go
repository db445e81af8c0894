package throttle_test

import (
	"net/netip"
	"testing"

	"github.com/authstar/authstar/internal/throttle"
)

func TestAddress(t *testing.T) {
	const none = "no address"
	tests := []struct {
		name, remoteAddr, want string
	}{
		{"an IPv4 address is its own key", "192.0.2.7:1234", "192.0.2.7"},
		{"the port is no part of the key", "192.0.2.7:4321", "192.0.2.7"},
		{"an address without a port is the same key", "192.0.2.7", "192.0.2.7"},
		{"an IPv4 address written as IPv6 is the same key", "[::ffff:192.0.2.7]:1234", "192.0.2.7"},
		{"an IPv4 address in hexadecimal is the same key", "::ffff:c000:207", "192.0.2.7"},
		{"an IPv4 address at the end of an IPv6 one is the same key", "0:0:0:0:0:ffff:192.0.2.7", "192.0.2.7"},
		{"the neighbour of an IPv4 address has another key", "192.0.2.8:1234", "192.0.2.8"},
		{"an IPv6 address is its network of 64 bits", "[2001:db8:1:2:3:4:5:6]:1234", "2001:db8:1:2::/64"},
		{"another address of that network is the same key", "2001:db8:1:2:ffff::1", "2001:db8:1:2::/64"},
		{"the spelling of an IPv6 address does not matter", "[2001:0DB8:0001:0002::1]:1234", "2001:db8:1:2::/64"},
		{"another network has another key", "[2001:db8:1:3::1]:1234", "2001:db8:1:3::/64"},
		{"a zone is no part of the key", "[fe80::1%eth0]:1234", "fe80::/64"},
		{"another zone is the same key", "fe80::2%eth1", "fe80::/64"},
		{"nothing is no address", "", none},
		{"a Unix socket is no address", "@", none},
		{"a host name is no address", "localhost:80", none},
		{"a list is no address", "192.0.2.7, 192.0.2.8", none},
		{"an address with leading zeros is no address", "192.0.2.007:1234", none},
		{"a port that is none", "192.0.2.7:x", none},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := throttle.Address(test.remoteAddr); got != test.want {
				t.Errorf("Address(%q) = %q, want %q", test.remoteAddr, got, test.want)
			}
		})
	}
}

// Whatever a peer's address is, its key is one of three kinds, and an address
// that is in a network has the network's key.
func FuzzAddress(f *testing.F) {
	for _, s := range []string{"192.0.2.7:1", "[2001:db8::1]:1", "[fe80::1%eth0]:1", "0:0:0:0:0:ffff:192.0.2.7", "[::ffff:192.0.2.7]:1", "@", ""} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		key := throttle.Address(s)
		if addr, err := netip.ParseAddr(key); err == nil && addr.Is4() || key == "no address" {
			return
		}
		network, err := netip.ParsePrefix(key)
		if err != nil || network.Bits() != 64 || !network.Addr().Is6() || network.Masked() != network {
			t.Fatalf("Address(%q) is %q", s, key)
		}
		if again := throttle.Address(network.Addr().String()); again != key {
			t.Errorf("Address(%q) is %q, but that of its network is %q", s, key, again)
		}
	})
}
