package netiftest

import (
	"fmt"
	"net"
	"syscall"

	"regent/netif"
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

func (h *Host) makeDevice(d netif.Device) (netif.Made, error) {
	name := d.Name
	if name == "" {
		name = fmt.Sprintf("%s.%d", d.Prefix, d.VRID)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	below, there := h.index(d.Parent), h.named(name)
	switch {
	case below == nil:
		return netif.Made{}, fmt.Errorf("make %s on link %d: %w", name, d.Parent, syscall.ENODEV)
	case there != nil && there.parent == d.Parent:
		there.state.Up, there.state.Running = false, false
		h.changed()
		return netif.Made{Link: there.state, Adopted: true}, nil
	case there != nil:
		return netif.Made{}, fmt.Errorf("make %s on link %d: %w", name, d.Parent, syscall.EEXIST)
	}
	mac := net.HardwareAddr{0, 0, 0x5e, 0, 1, d.VRID}
	if d.Family == netif.IPv6 {
		mac[4] = 2
	}
	l := h.attach(below.segment, name, mac)
	l.parent, l.state.Up, l.state.Running = d.Parent, false, false
	l.state.Parent, l.state.Kind = d.Parent, map[netif.DeviceKind]string{netif.MACVLAN: "macvlan", netif.IPVLAN: "ipvlan"}[d.Kind]
	return netif.Made{Link: l.state}, nil
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
