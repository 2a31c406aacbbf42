package netiftest

import (
	"bytes"
	"fmt"
	"net"
	"syscall"

	"regent/netif"
	"regent/vrrp"
)

// MakeDevices gives the host a link for each device, which is down. One that a
// predecessor has left behind is adopted.
func (h *Host) MakeDevices(devices []netif.Device) ([]netif.Made, []error) {
	made, errs := make([]netif.Made, len(devices)), make([]error, len(devices))
	failed := false
	for i, d := range devices {
		made[i], errs[i] = h.makeDevice(d)
		failed = failed || errs[i] != nil
	}
	if !failed {
		return made, nil
	}
	return made, errs
}

func macOf(d netif.Device) net.HardwareAddr {
	if d.MAC == nil {
		return vrrp.VirtualMAC(d.Family == netif.IPv6, d.VRID)
	}
	return d.MAC
}

// is reports whether a link is what a device asks for.
func (l *link) is(d netif.Device) bool {
	return l.parent == d.Parent && bytes.Equal(l.state.MAC, macOf(d))
}

func (h *Host) makeDevice(d netif.Device) (netif.Made, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	mac := macOf(d)
	below := h.index(d.Parent)
	left := h.find(func(l *link) bool { return l.is(d) })
	switch {
	case below == nil:
		return netif.Made{}, fmt.Errorf("make a device on link %d: %w", d.Parent, syscall.ENODEV)
	case left != nil:
		left.state.Up, left.state.Running = false, false
		h.changed()
		return netif.Made{Link: left.state, Adopted: true}, nil
	case d.Name != "" && h.named(d.Name) != nil:
		return netif.Made{}, fmt.Errorf("make %s on link %d: %w", d.Name, d.Parent, syscall.EEXIST)
	}
	l := h.attach(below.segment, h.freeName(d), mac)
	l.parent, l.state.Up, l.state.Running = d.Parent, false, false
	l.state.Parent, l.state.Kind = d.Parent, map[netif.DeviceKind]string{netif.MACVLAN: "macvlan", netif.IPVLAN: "ipvlan"}[d.Kind]
	return netif.Made{Link: l.state}, nil
}

// freeName names a device as netif.Host does.
func (h *Host) freeName(d netif.Device) string {
	if d.Name != "" {
		return d.Name
	}
	name := fmt.Sprintf("%s.%d", d.Prefix, d.VRID)
	for n := 1; h.named(name) != nil; n++ {
		name = fmt.Sprintf("%s%d.%d", d.Prefix, n, d.VRID)
	}
	return name
}

// RaiseDevices brings links up.
func (h *Host) RaiseDevices(links []int) []error { return h.power(links, true) }

// LowerDevices brings links down.
func (h *Host) LowerDevices(links []int) []error { return h.power(links, false) }

func (h *Host) power(links []int, up bool) []error {
	for _, name := range h.names(links) {
		h.SetUp(name, up)
	}
	return nil
}

// RemoveDevices removes links.
func (h *Host) RemoveDevices(links []int) []error {
	for _, name := range h.names(links) {
		h.Remove(name)
	}
	return nil
}

func (h *Host) names(links []int) (names []string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, i := range links {
		if l := h.index(i); l != nil {
			names = append(names, l.state.Name)
		}
	}
	return names
}
