package cfgparse

import (
	"net/netip"
	"slices"
	"strconv"
	"time"

	"regent/cfgparse/syntax"
)

// A bfdDraft is a bfd_instance that is being read.
type bfdDraft struct{ BFD }

func bfdVocabulary() *Vocabulary {
	addr := func(field func(*bfdDraft) *netip.Addr) value[bfdDraft] {
		return custom("ADDR", func(l *loader, d *bfdDraft, s *syntax.Statement) {
			if !l.need(s, 1, "ADDR") {
				return
			}
			if a, ok := l.plainAddress(s.Words[1], "the line is ignored"); ok {
				*field(d) = a
			}
		}, func(d *bfdDraft) string { return showAddr(*field(d)) })
	}
	return vocabulary("bfd_instance",
		key("neighbor_ip", C, addr(func(d *bfdDraft) *netip.Addr { return &d.Neighbor }), "required", "the other side", alias("neighbour_ip")),
		key("source_ip", C, addr(func(d *bfdDraft) *netip.Addr { return &d.Source }), "any", "the own address"),
		key("min_rx", C, milliseconds(time.Millisecond, forever, func(d *bfdDraft) *time.Duration { return &d.MinRx }), "10 ms", "interval of what is heard"),
		key("min_tx", C, milliseconds(time.Millisecond, forever, func(d *bfdDraft) *time.Duration { return &d.MinTx }), "10 ms", "interval of what is sent"),
		key("idle_tx", C, milliseconds(time.Second, forever, func(d *bfdDraft) *time.Duration { return &d.IdleTx }), "1000 ms", "interval while the session is down"),
		key("multiplier", C, number(1, 255, func(d *bfdDraft) *uint8 { return &d.Multiplier }), "5", "packets to miss"),
		key("passive", C, flag(func(d *bfdDraft) *bool { return &d.Passive }), "", "wait for the other side"),
		key("ttl", C, number(1, 255, func(d *bfdDraft) *uint8 { return &d.TTL }), "255; IPv6: 64", "TTL", alias("hoplimit")),
		key("max_hops", C, number(-1, 255, func(d *bfdDraft) *int { return &d.MaxHops }), "0", "TTL that packets may lose"),
		key("multihop", C, boolean(func(d *bfdDraft) *bool { return &d.Multihop }), "no", "port 4784"),
		key("weight", C, custom("-253-253 [reverse]", func(l *loader, d *bfdDraft, s *syntax.Statement) {
			d.Weight, d.Reverse = l.weight(s, 253, d.Weight)
		}, func(d *bfdDraft) string { return strconv.Itoa(d.Weight) }), "0", "as in vrrp_script"),
		key("vrrp", C, flag(func(d *bfdDraft) *bool { return &d.ForVRRP }), "both", "who hears of it"),
		key("checker", C, flag(func(d *bfdDraft) *bool { return &d.ForLVS }), "both", "who hears of it"),
	)
}

func openBFD(l *loader, _ *Config, s *syntax.Statement) *bfdDraft {
	if !l.need(s, 1, "NAME") {
		return nil
	}
	d := &bfdDraft{}
	d.At, d.Name = s.Pos(), s.Arg(1)
	d.MinRx, d.MinTx, d.IdleTx, d.Multiplier = 10*time.Millisecond, 10*time.Millisecond, time.Second, 5
	if l.bfds.find(d.Name) != nil {
		l.complain(s.Pos(), syntax.General, "each name once", "the block is ignored", "bfd_instance %s is defined twice", quote(d.Name))
		return nil
	}
	if len(d.Name) > 31 {
		l.complain(s.Words[1].Pos, syntax.General, "at most 31 bytes", "the block is ignored", "the name of the bfd_instance is too long")
		return nil
	}
	return d
}

// closeBFD files a session. One that cannot be kept stays without a neighbour,
// and so is down for who tracks it, as in keepalived.
func closeBFD(l *loader, c *Config, d *bfdDraft, _ *syntax.Statement) {
	const off = "the session stays down"
	other := slices.IndexFunc(l.bfds.all, func(o *bfdDraft) bool { return o.Neighbor == d.Neighbor && d.Neighbor.IsValid() })
	switch {
	case !d.Neighbor.IsValid():
		l.complain(d.At, syntax.General, "neighbor_ip ADDR", off, "bfd_instance %s has no neighbor_ip", quote(d.Name))
	case d.Source.IsValid() && d.Source.Is4() != d.Neighbor.Is4():
		l.complain(d.line("source_ip"), syntax.General, "an address of the neighbour's family", off, "source_ip %s is not of the family of %s", d.Source, d.Neighbor)
		d.Neighbor = netip.Addr{}
	case other >= 0:
		l.complain(d.line("neighbor_ip"), syntax.General, "one session with each neighbour", off, "bfd_instance %s has the neighbour %s, too", quote(l.bfds.all[other].Name), d.Neighbor)
		d.Neighbor = netip.Addr{}
	}
	if d.TTL == 0 {
		d.TTL = 255
		if d.Neighbor.Is6() {
			d.TTL = 64
		}
	}
	if !d.ForVRRP && !d.ForLVS {
		d.ForVRRP, d.ForLVS = true, true
	}
	l.bfds.add(d.Name, d)
}

// trackableBFDs are the names of the sessions that a router can track.
func (l *loader) trackableBFDs() (names []string) {
	for _, d := range l.bfds.all {
		if d.ForVRRP {
			names = append(names, d.Name)
		}
	}
	return names
}
