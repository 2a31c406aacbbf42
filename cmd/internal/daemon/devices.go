package daemon

import (
	"errors"
	"maps"
	"net/netip"
	"slices"

	"regent/netif"
)

// make makes the device of a virtual MAC, if one is asked for.
func (s *steward) make(device *netif.Device) (netif.Made, error) {
	if device == nil {
		return netif.Made{}, nil
	}
	made, errs := s.host.MakeDevices([]netif.Device{*device})
	if len(errs) > 0 {
		return netif.Made{}, errs[0]
	}
	s.devices[made[0].Link.Index] = true
	if device.Kind == netif.IPVLAN {
		return made[0], s.address(made[0].Link.Index, device.Address)
	}
	return made[0], nil
}

// unmake removes devices.
func (s *steward) unmake(links ...int) error {
	for _, l := range links {
		delete(s.devices, l)
	}
	return errors.Join(s.host.RemoveDevices(links)...)
}

// dismiss removes the devices that nobody has asked to be removed: the loop had
// ended before it heard of them.
func (s *steward) dismiss() {
	s.retryAll()
	if len(s.devices) > 0 {
		s.attempt(s.unmake(slices.Collect(maps.Keys(s.devices))...))
	}
}

// address brings an ipvlan up and gives it its own address: it has no MAC address
// that a Backup must hide, and adverts come from there.
func (s *steward) address(link int, own netip.Prefix) error {
	errs := s.host.RaiseDevices([]int{link})
	if own.IsValid() {
		errs = append(errs, s.host.Change([]netif.Change{{Link: link, Address: netif.Address{Prefix: own}}})...)
	}
	return errors.Join(errs...)
}
