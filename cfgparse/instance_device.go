package cfgparse

import (
	"net"
	"net/netip"
	"strconv"
	"strings"

	"regent/cfgparse/syntax"
	"regent/netif"
)

func instanceDevice() []*Keyword {
	return []*Keyword{
		key("use_vmac", A, custom("[[name] IF] [MAC] [netlink_notify_msg] [group N]", setVMAC, func(d *draft) string {
			return yesNo(d.VMAC.Kind == netif.MACVLAN)
		}), "", "a device with the virtual MAC"),
		key("use_vmac_addr", C, flag(func(d *draft) *bool { return &d.VMAC.Each }), "", "such devices also for addresses on other links"),
		key("vmac_xmit_base", A, flag(func(d *draft) *bool { return &d.VMAC.XmitBase }), "", "adverts leave by the parent"),
		key("use_ipvlan", C, custom("[[name] IF] [ADDR] [bridge|private|vepa] [group N]", setIPVLAN, nil), "", "an ipvlan device"),
		key("vrf", C, text(func(d *draft) *string { return &d.Port.VRF }), "none", "routing domain of a unicast router without interface"),
		key("promote_secondaries", B, flag(func(d *draft) *bool { return &d.PromoteSecondaries }), "", "the kernel keeps secondary addresses when the primary one goes"),
		key("linkbeat_use_polling", C, custom("", func(l *loader, d *draft, s *syntax.Statement) {
			d.PollLink = true
			l.complain(s.Pos(), syntax.Deprecated, "linkbeat_interfaces", "netlink tells the state of the link", "linkbeat_use_polling in an instance is deprecated")
		}, nil), "", "poll the state of the link"),
		key("lvs_sync_daemon_interface", C, custom("IF", func(l *loader, d *draft, s *syntax.Statement) {
			if l.need(s, 1, "IF") {
				l.complain(s.Pos(), syntax.Deprecated, "lvs_sync_daemon in global_defs", "it is ignored", "lvs_sync_daemon_interface is deprecated")
			}
		}, nil), "", "connection sync of IPVS"),
	}
}

// setVMAC reads the words of use_vmac, which come in any order.
func setVMAC(l *loader, d *draft, s *syntax.Statement) {
	if d.VMAC.Kind == netif.IPVLAN {
		l.complain(s.Pos(), syntax.General, "one of use_vmac and use_ipvlan", "it is ignored", "use_vmac after use_ipvlan")
		return
	}
	d.VMAC.Kind = netif.MACVLAN
	for i := 1; i < len(s.Words); i++ {
		w := s.Words[i]
		switch w.Text {
		case "netlink_notify_msg":
			continue
		case "name", "group":
			i++
			if !l.need(s, i, "") {
				return
			}
			if w.Text == "name" {
				l.deviceName(d, s.Words[i])
			} else if n, err := strconv.ParseUint(s.Arg(i), 0, 32); err == nil {
				d.VMAC.Group = uint32(n)
			}
			continue
		}
		if mac, ok := virtualMAC(w.Text); ok {
			switch {
			case mac[0]&1 != 0:
				l.complain(w.Pos, syntax.General, "a unicast MAC address", "the usual virtual MAC is used", "%s is a multicast address", mac)
			case strings.HasPrefix(mac.String(), "00:00:5e:00:01") || strings.HasPrefix(mac.String(), "00:00:5e:00:02"):
				l.complain(w.Pos, syntax.General, "", "the usual virtual MAC is used", "%s belongs to another virtual router", mac)
			default:
				d.VMAC.MAC = mac
			}
			continue
		}
		l.deviceName(d, w)
	}
}

// virtualMAC reads a MAC address of six octets, or of five before the VRID.
func virtualMAC(s string) (net.HardwareAddr, bool) {
	if strings.Count(s, ":") == 4 {
		mac, err := net.ParseMAC(s + ":00")
		if err != nil {
			return nil, false
		}
		return mac[:5], true
	}
	mac, err := net.ParseMAC(s)
	return mac, err == nil && len(mac) == 6
}

func (l *loader) deviceName(d *draft, w syntax.Word) {
	if d.VMAC.Name != "" {
		l.complain(w.Pos, syntax.General, "one name", "it is ignored", "second device name %s", quote(w.Text))
		return
	}
	if l.interfaceNameOnly(w) {
		d.VMAC.Name = w.Text
	}
}

func setIPVLAN(l *loader, d *draft, s *syntax.Statement) {
	if d.VMAC.Kind != netif.Parent {
		l.complain(s.Pos(), syntax.General, "one of use_vmac and use_ipvlan, once", "it is ignored", "use_ipvlan after %s", map[bool]string{true: "use_vmac", false: "use_ipvlan"}[d.VMAC.Kind == netif.MACVLAN])
		return
	}
	d.VMAC.Kind = netif.IPVLAN
	for i := 1; i < len(s.Words); i++ {
		w := s.Words[i]
		switch w.Text {
		case "bridge", "private", "vepa":
			d.VMAC.Mode = w.Text
			continue
		case "name", "group":
			i++
			if i < len(s.Words) && w.Text == "name" {
				l.deviceName(d, s.Words[i])
			}
			continue
		}
		text, _, _ := strings.Cut(w.Text, "/")
		if a, err := netip.ParseAddr(text); err == nil {
			if p, ok := l.prefix(w, "it is ignored"); ok && l.claim(d, a, s, w.Pos) {
				d.Port.Source, d.VMAC.Address = a, p
			}
			continue
		}
		l.deviceName(d, w)
	}
}

func (l *loader) finishDevice(d *draft) {
	v := &d.VMAC
	if v.Kind == netif.Parent {
		if v.XmitBase {
			l.complain(d.line("vmac_xmit_base"), syntax.General, "use_vmac", "it is ignored", "vmac_xmit_base without use_vmac")
			v.XmitBase = false
		}
		return
	}
	if d.Port.Interface == "" && !d.refused {
		l.refuse(d.At, syntax.General, "interface IF", "use_vmac needs an interface")
	}
	if d.PromoteSecondaries {
		l.complain(d.line("promote_secondaries"), syntax.General, "", "it is left out", "promote_secondaries comes with a virtual MAC by itself")
		d.PromoteSecondaries = false
	}
	if v.Kind == netif.MACVLAN && len(v.MAC) == 5 {
		v.MAC = append(v.MAC, d.VRID)
	}
	if d.Strict && (v.XmitBase || v.MAC != nil) {
		l.complain(d.line("use_vmac"), syntax.General, "", "they are ignored", "vmac_xmit_base and a MAC address of one's own in strict_mode")
		v.XmitBase, v.MAC = false, nil
	}
	if v.Kind == netif.MACVLAN && d.unicast.IsValid() && !v.XmitBase {
		l.complain(d.line("use_vmac"), syntax.General, "vmac_xmit_base", "vmac_xmit_base is set", "unicast with use_vmac needs vmac_xmit_base")
		v.XmitBase = true
	}
	d.Router.VirtualMAC = v.Kind == netif.MACVLAN && !v.XmitBase
	d.Router.SharedMAC = v.Kind == netif.MACVLAN && d.Port.Family == netif.IPv4 // nobody answers a neighbour advertisement
}
