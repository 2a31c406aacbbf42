package netif

import "net"

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
}

// A DeviceKind is the kind of device that a virtual router lives on.
type DeviceKind uint8

const (
	Parent  DeviceKind = iota // the interface itself
	MACVLAN                   // use_vmac
	IPVLAN                    // use_ipvlan
)
