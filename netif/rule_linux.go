package netif

import (
	"encoding/binary"
	"fmt"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// Attributes and flags of rules (linux/fib_rules.h).
const (
	ruleInvert = 0x2 // FIB_RULE_INVERT

	ruleDestination  = 1
	ruleSource       = 2
	ruleIIF          = 3
	ruleGoto         = 4
	rulePriority     = 6
	ruleMark         = 10
	ruleFlow         = 11
	ruleTunnel       = 12
	ruleSuppressIf   = 13
	ruleSuppressBits = 14
	ruleTable        = 15
	ruleMask         = 16
	ruleOIF          = 17
	ruleL3MDev       = 19
	ruleUIDs         = 20
	ruleProtocol     = 21
	ruleIPProto      = 22
	ruleSourcePort   = 23
	ruleDestPort     = 24
)

// ruleActions are the FR_ACT_* numbers.
var ruleActions = map[RuleAction]uint8{
	ToTable: 1, L3MDev: 1, GotoRule: 2, NoOperation: 3, Blackhole: 6, Unreachable: 7, Prohibit: 8,
}

func (r *Rule) protocol() uint8 {
	if r.Protocol == 0 {
		return routeProto
	}
	return r.Protocol
}

// request returns the parts of RTM_NEWRULE or RTM_DELRULE, which are the same.
// struct fib_rule_hdr has the layout of struct rtmsg: its action lies where a
// route's type does.
func (r *Rule) request() []nl.NetlinkRequestData {
	m := &nl.RtMsg{RtMsg: unix.RtMsg{Family: uint8(r.Family.number()), Tos: r.TOS, Type: ruleActions[r.Action]}}
	parts := []nl.NetlinkRequestData{m}
	add := func(kind int, data []byte) { parts = append(parts, nl.NewRtAttr(kind, data)) }
	number := func(kind int, n uint32) { add(kind, nl.Uint32Attr(n)) }
	if r.Invert {
		m.Flags = ruleInvert
	}
	if r.To.IsValid() && r.To.Bits() > 0 {
		m.Dst_len = uint8(r.To.Bits())
		add(ruleDestination, r.To.Masked().Addr().AsSlice())
	}
	if r.From.IsValid() && r.From.Bits() > 0 {
		m.Src_len = uint8(r.From.Bits())
		add(ruleSource, r.From.Masked().Addr().AsSlice())
	}
	number(rulePriority, r.Priority)
	add(ruleProtocol, []byte{r.protocol()})
	switch r.Action {
	case ToTable:
		number(ruleTable, r.Table)
	case GotoRule:
		number(ruleGoto, r.Goto)
	case L3MDev:
		add(ruleL3MDev, []byte{1})
	}
	if r.IIF != "" {
		add(ruleIIF, nl.ZeroTerminated(r.IIF))
	}
	if r.OIF != "" {
		add(ruleOIF, nl.ZeroTerminated(r.OIF))
	}
	if r.HasMark {
		number(ruleMark, r.Mark)
		number(ruleMask, r.Mask)
	}
	if r.Realms != 0 {
		number(ruleFlow, r.Realms)
	}
	if r.TunnelID != 0 {
		add(ruleTunnel, binary.BigEndian.AppendUint64(nil, r.TunnelID))
	}
	if r.SuppressPrefixLength >= 0 {
		number(ruleSuppressBits, uint32(r.SuppressPrefixLength))
	}
	if r.HasSuppressGroup {
		number(ruleSuppressIf, r.SuppressGroup)
	}
	if u := r.UIDs; u != nil {
		add(ruleUIDs, binary.NativeEndian.AppendUint32(nl.Uint32Attr(u.Low), u.High))
	}
	if r.IPProto != 0 {
		add(ruleIPProto, []byte{r.IPProto})
	}
	for kind, p := range map[int]*Range{ruleSourcePort: r.SourcePort, ruleDestPort: r.DestPort} {
		if p != nil {
			add(kind, binary.NativeEndian.AppendUint16(nl.Uint16Attr(uint16(p.Low)), uint16(p.High)))
		}
	}
	return parts
}

// String is how a rule's errors name it: "IPv4 rule 100".
func (r *Rule) String() string { return fmt.Sprintf("IPv%d rule %d", r.Family, r.Priority) }
