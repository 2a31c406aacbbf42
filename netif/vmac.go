package netif

import (
	"net"
	"net/netip"
)

// A VMAC is the device with an address of its own that a virtual router lives
// on (use_vmac, use_ipvlan).
type VMAC struct {
	Kind     DeviceKind
	Name     string           // empty: vrrp.VRID
	MAC      net.HardwareAddr // nil: the virtual MAC of the VRID
	Group    uint32           // link group; 0: the parent's
	XmitBase bool             // adverts leave by the parent (vmac_xmit_base)
	Each     bool             // also for addresses on other links (use_vmac_addr)
	Mode     string           // ipvlan: bridge, private or vepa; empty: bridge
	Address  netip.Prefix     // ipvlan: its own, which adverts come from; invalid: none
}

// A DeviceKind is the kind of device that a virtual router lives on.
type DeviceKind uint8

const (
	Parent  DeviceKind = iota // the interface itself
	MACVLAN                   // use_vmac
	IPVLAN                    // use_ipvlan
)

// A Device is the virtual link that a VMAC asks for, on its parent.
type Device struct {
	VMAC
	Parent int // index of the link below
	Family Family
	VRID   uint8
	Prefix string // of a name that is not configured (vmac_prefix); empty: vrrp
}

// A Made is what became of a Device.
type Made struct {
	Link    Link
	Adopted bool // a predecessor had made it

	// Unset names the settings of the kernel that the device or its parent
	// should have and could not be given, like "set net.ipv4.conf.eth0.arp_ignore
	// to 1: operation not permitted". The device works, but other links may
	// answer for its addresses, or its own packets be filtered.
	Unset error
}
