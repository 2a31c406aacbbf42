package netiftest

import (
	"cmp"
	"maps"
	"slices"

	"regent/netif"
)

// PromoteSecondaries counts what netif.Host.PromoteSecondaries is asked for.
func (h *Host) PromoteSecondaries(link int) error { return h.promote(link, 1) }

// RestoreSecondaries takes it back.
func (h *Host) RestoreSecondaries(link int) error { return h.promote(link, -1) }

func (h *Host) promote(link, by int) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.promoted == nil {
		h.promoted = map[int]int{}
	}
	if h.unset != nil {
		return h.unset
	}
	h.promoted[link] += by
	return nil
}

// RefuseSettings makes settings of links fail.
func (h *Host) RefuseSettings(err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.unset = err
}

// Promoted returns how often promote_secondaries is asked for now, on a link.
func (h *Host) Promoted(link int) int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.promoted[link]
}

// Filter keeps which addresses are refused.
func (h *Host) Filter(refuse, accept []netif.Refusal) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.untabled != nil {
		return h.untabled
	}
	if h.filtered == nil {
		h.filtered = map[netif.Refusal]bool{}
	}
	for _, r := range accept {
		delete(h.filtered, r)
	}
	for _, r := range refuse {
		h.filtered[r] = true
	}
	return nil
}

// RefuseTables makes Filter and Seat fail.
func (h *Host) RefuseTables(err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.untabled = err
}

// Seat keeps which links answer for addresses.
func (h *Host) Seat(take, leave []netif.Seat) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if err := cmp.Or(h.unset, h.untabled); err != nil {
		return err
	}
	h.seats = slices.DeleteFunc(h.seats, func(s netif.Seat) bool { return slices.Contains(leave, s) })
	h.seats = append(h.seats, take...)
	return nil
}

// Seats returns which do now, in no order.
func (h *Host) Seats() []netif.Seat {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.seats)
}

// Refused returns the addresses that are refused now.
func (h *Host) Refused() map[netif.Refusal]bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return maps.Clone(h.filtered)
}
