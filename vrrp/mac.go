package vrrp

import "net"

// VirtualMAC returns the MAC address of a virtual router (RFC 9568 section 7.3).
func VirtualMAC(v6 bool, vrid uint8) net.HardwareAddr {
	mac := net.HardwareAddr{0x00, 0x00, 0x5e, 0x00, 0x01, vrid}
	if v6 {
		mac[4] = 0x02
	}
	return mac
}

// IsVirtualMAC reports whether a MAC address is that of some virtual router,
// and of which.
func IsVirtualMAC(mac net.HardwareAddr) (v6 bool, vrid uint8, ok bool) {
	if len(mac) != 6 || mac[0] != 0 || mac[1] != 0 || mac[2] != 0x5e || mac[3] != 0 || mac[4] < 1 || mac[4] > 2 {
		return false, 0, false
	}
	return mac[4] == 2, mac[5], true
}
