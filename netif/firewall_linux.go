package netif

import (
	"errors"
	"fmt"
	"net/netip"

	"github.com/google/nftables"
	"github.com/google/nftables/binaryutil"
	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"
)

// The sets of a Firewall.
const (
	refused4    = "refused4"
	refused6    = "refused6"
	refusedLink = "refused6_link" // IPv6 address and link
	unasked     = "unasked6"      // IPv6 address and link
)

const (
	neighborSolicitation  = 135
	neighborAdvertisement = 136
)

// A Firewall drops what is addressed to refused addresses, without a word to
// the sender (B-23), but no neighbour solicitations and advertisements (B-24)
// unless these very questions are refused. Forwarding, ARP and adverts do not
// pass its one chain (B-25).
type Firewall struct {
	*ruleset
	settings FirewallSettings
	refused  map[Refusal]bool
}

// OpenFirewall makes the table.
func (h *Host) OpenFirewall(s FirewallSettings) (*Firewall, error) {
	f := &Firewall{settings: s, refused: map[Refusal]bool{}}
	var err error
	if f.ruleset, err = h.openRuleset(nftables.TableFamilyINet, s.Table, f.rules); err != nil {
		return nil, err
	}
	return f, nil
}

// Change refuses addresses more and addresses less, in one transaction: all of
// it happens or nothing. Refusing twice is refusing once. If somebody has
// removed the table, as a flush of all rules does, it is made again.
func (f *Firewall) Change(refuse, accept []Refusal) error {
	next := with(f.refused, refuse, accept)
	elements := make(map[element]bool, len(next))
	for r := range next {
		elements[r.element()] = true
	}
	if err := f.become(elements); err != nil {
		return fmt.Errorf("refuse %d and accept %d addresses in table %s: %w", len(refuse), len(accept), f.table.Name, err)
	}
	f.refused = next
	return nil
}

func (f *Firewall) rules(conn *nftables.Conn, t *nftables.Table) ([]*nftables.Set, error) {
	set := func(name string, key nftables.SetDatatype) *nftables.Set {
		return &nftables.Set{Table: t, Name: name, KeyType: key}
	}
	scoped := nftables.MustConcatSetType(nftables.TypeIP6Addr, nftables.TypeIFIndex)
	four, six := set(refused4, nftables.TypeIPAddr), set(refused6, nftables.TypeIP6Addr)
	local, silent := set(refusedLink, scoped), set(unasked, scoped)
	local.Concatenation, silent.Concatenation = true, true
	err := errors.Join(conn.AddSet(four, nil), conn.AddSet(six, nil), conn.AddSet(local, nil), conn.AddSet(silent, nil))

	input := newChain(conn, t, "input", nftables.ChainHookInput, f.settings)
	count, drop := f.settings.counter(), verdict(expr.VerdictDrop)
	v4, v6 := ofFamily(unix.NFPROTO_IPV4), ofFamily(unix.NFPROTO_IPV6)
	input.add(v6, isNeighbor(neighborSolicitation), inMessage(1, 8, 16), arrival(2), within(silent), count, drop)
	for _, kind := range []byte{neighborSolicitation, neighborAdvertisement} {
		input.add(v6, isNeighbor(kind), verdict(expr.VerdictAccept))
	}
	input.add(v4, inHeader(1, 16, 4), within(four), count, drop)
	input.add(v6, inHeader(1, 24, 16), within(six), count, drop)
	input.add(v6, inHeader(1, 24, 16), arrival(2), within(local), count, drop)
	return []*nftables.Set{four, six, local, silent}, err
}

func ofFamily(family byte) []expr.Any {
	return append([]expr.Any{&expr.Meta{Key: expr.MetaKeyNFPROTO, Register: 1}}, compare(expr.CmpOpEq, family)...)
}

// isNeighbor goes on with one type of the messages of ICMPv6.
func isNeighbor(kind byte) []expr.Any {
	parts := []expr.Any{&expr.Meta{Key: expr.MetaKeyL4PROTO, Register: 1}}
	parts = append(parts, compare(expr.CmpOpEq, unix.IPPROTO_ICMPV6)...)
	parts = append(parts, inMessage(1, 0, 1)...)
	return append(parts, compare(expr.CmpOpEq, kind)...)
}

func (r Refusal) element() element {
	on := string(binaryutil.NativeEndian.PutUint32(uint32(r.Link)))
	addr := octets(r.Addr)
	switch {
	case r.Questions:
		return element{unasked, addr + on}
	case r.Addr.Is4():
		return element{refused4, addr}
	case r.Addr.IsLinkLocalUnicast() && r.Link != 0:
		return element{refusedLink, addr + on}
	default:
		return element{refused6, addr}
	}
}

func octets(a netip.Addr) string { return string(a.WithZone("").AsSlice()) }
