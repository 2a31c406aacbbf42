package netif

import "fmt"

// allLinks stands for the index of a link where a knob holds for all of them.
const allLinks = 0

// HideGroups keeps the host from reporting by IGMP that it is a member of groups
// of 224.0.0.0/24 (disable_local_igmp): switches forward these to all ports
// anyway (RFC 4541, section 2.1.2). Until ShowGroups is called as often.
func (h *Host) HideGroups() error { return h.turnAll(setting{groupReports, 0}) }

// ShowGroups ends what HideGroups began.
func (h *Host) ShowGroups() error { return h.turnAllBack(groupReports) }

// turnAll sets a knob that holds for all links, until turnAllBack is called as
// often. Error: "set net.ipv4.conf.all.send_redirects to 0: read-only file system".
func (h *Host) turnAll(s setting) error {
	h.knobs.mu.Lock()
	defer h.knobs.mu.Unlock()
	place := knobPlace{allLinks, s.knob}
	if k := h.knobs.kept[place]; k != nil {
		k.users++
		return nil
	}
	return h.home.run(func() error {
		was, err := readKnob(s.knob.path("all"))
		if err != nil {
			return fmt.Errorf("read %s: %w", s.knob.of("all"), err)
		}
		h.knobs.kept[place] = &keptKnob{was: was, now: s.value, users: 1, name: "all"}
		h.note()
		if err := writeKnob(s.knob.path("all"), s.value); err != nil {
			return fmt.Errorf("set %s to %d: %w", s.knob.of("all"), s.value, err)
		}
		return nil
	})
}

// turnAllBack restores a knob as it stood before turnAll, unless somebody else
// has turned it since.
func (h *Host) turnAllBack(n *knob) error {
	h.knobs.mu.Lock()
	defer h.knobs.mu.Unlock()
	place := knobPlace{allLinks, n}
	k := h.knobs.kept[place]
	if k == nil {
		return nil
	}
	if k.users--; k.users > 0 {
		return nil
	}
	delete(h.knobs.kept, place)
	defer h.note()
	return h.putAll(n, k.now, k.was)
}

// putAll sets a knob that holds for all links from one value to another, unless
// somebody else has turned it.
func (h *Host) putAll(k *knob, from, to int) error {
	return h.home.run(func() error {
		if now, err := readKnob(k.path("all")); err != nil || now != from {
			return err
		}
		if err := writeKnob(k.path("all"), to); err != nil {
			return fmt.Errorf("set %s back to %d: %w", k.of("all"), to, err)
		}
		return nil
	})
}
