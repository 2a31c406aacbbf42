package netif

import (
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"

	"github.com/google/nftables"
	"github.com/google/nftables/binaryutil"
	"github.com/google/nftables/expr"
	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

const (
	defaultTable = "regent"

	// elementsEach is how many elements of a set one message carries: the list
	// is an attribute, which ends at 64 KiB.
	elementsEach = 1000

	firewallBuffer = 8 << 20 // bytes: a transaction is one datagram
)

// A Firewall is an nftables table of regent's own. It drops what is addressed
// to refused addresses, without a word to the sender (B-23), but never
// neighbour solicitations and advertisements (B-24). Forwarding, ARP and
// adverts do not pass its one chain (B-25).
//
// The rules stand once; refusing an address is an element of a set more.
type Firewall struct {
	conn     *nftables.Conn
	settings FirewallSettings
	refused  map[Refusal]bool

	table      *nftables.Table
	four, six  *nftables.Set
	linkScoped *nftables.Set // IPv6 address and link
}

// OpenFirewall makes the table. One that a killed predecessor left under the
// name is replaced, in one transaction; nothing else in the host's rules is
// touched.
func (h *Host) OpenFirewall(s FirewallSettings) (*Firewall, error) {
	if s.Table == "" {
		s.Table = defaultTable
	}
	f := &Firewall{settings: s, refused: map[Refusal]bool{}}
	err := h.home.run(func() (err error) {
		f.conn, err = nftables.New(nftables.AsLasting(), nftables.WithSockOptions(enlarge))
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("open the firewall: %w", err)
	}
	if err := f.build(); err != nil {
		return nil, errors.Join(privilege("changing the firewall", "CAP_NET_ADMIN", err), f.conn.CloseLasting())
	}
	return f, nil
}

// Change refuses addresses more and addresses less, in one transaction: all of
// it happens or nothing. Refusing twice is refusing once. If somebody has
// removed the table, as a flush of all rules does, it is made again.
func (f *Firewall) Change(refuse, accept []Refusal) error {
	var add, remove []Refusal
	next := maps.Clone(f.refused)
	for _, r := range accept {
		if next[r] {
			remove = append(remove, r)
			delete(next, r)
		}
	}
	for _, r := range refuse {
		if !next[r] {
			add = append(add, r)
			next[r] = true
		}
	}
	if len(add)+len(remove) == 0 {
		return nil
	}
	err := f.elements(remove, f.conn.SetDeleteElements)
	if err == nil {
		err = f.elements(add, f.conn.SetAddElements)
	}
	if flushed := f.conn.Flush(); err == nil {
		err = flushed
	}
	before := f.refused
	if err == nil || errors.Is(err, unix.ENOENT) {
		f.refused = next
	}
	if errors.Is(err, unix.ENOENT) {
		if err = f.build(); err != nil {
			f.refused = before
		}
	}
	if err != nil {
		return fmt.Errorf("refuse %d and accept %d addresses in table %s: %w", len(add), len(remove), f.settings.Table, err)
	}
	return nil
}

// Close removes the table.
func (f *Firewall) Close() error {
	return errors.Join(remove(f.conn, f.settings.Table), f.conn.CloseLasting())
}

// RemoveFirewall removes the table that a killed predecessor left under a
// name, if there is one; empty: the default name.
func (h *Host) RemoveFirewall(table string) error {
	if table == "" {
		table = defaultTable
	}
	return h.home.run(func() error {
		conn, err := nftables.New(nftables.AsLasting())
		if err != nil {
			return fmt.Errorf("open the firewall: %w", err)
		}
		return errors.Join(remove(conn, table), conn.CloseLasting())
	})
}

func remove(conn *nftables.Conn, table string) error {
	conn.DelTable(&nftables.Table{Name: table, Family: nftables.TableFamilyINet})
	if err := conn.Flush(); err != nil && !errors.Is(err, unix.ENOENT) {
		return fmt.Errorf("remove table %s: %w", table, err)
	}
	return nil
}

// build makes the table with all that is refused now.
func (f *Firewall) build() error {
	f.table = &nftables.Table{Name: f.settings.Table, Family: nftables.TableFamilyINet}
	f.conn.AddTable(f.table) // so that there is one to delete
	f.conn.DelTable(f.table)
	f.conn.AddTable(f.table)
	f.four = &nftables.Set{Table: f.table, Name: "refused4", KeyType: nftables.TypeIPAddr}
	f.six = &nftables.Set{Table: f.table, Name: "refused6", KeyType: nftables.TypeIP6Addr}
	f.linkScoped = &nftables.Set{Table: f.table, Name: "refused6_link", Concatenation: true,
		KeyType: nftables.MustConcatSetType(nftables.TypeIP6Addr, nftables.TypeIFIndex)}
	err := errors.Join(f.conn.AddSet(f.four, nil), f.conn.AddSet(f.six, nil), f.conn.AddSet(f.linkScoped, nil))
	f.addRules()
	if err == nil {
		err = f.elements(slices.Collect(maps.Keys(f.refused)), f.conn.SetAddElements)
	}
	if flushed := f.conn.Flush(); err == nil {
		err = flushed
	}
	return err
}

func (f *Firewall) addRules() {
	priority := nftables.ChainPriority(f.settings.Priority)
	chain := f.conn.AddChain(&nftables.Chain{
		Name: "input", Table: f.table, Type: nftables.ChainTypeFilter,
		Hooknum: nftables.ChainHookInput, Priority: &priority,
	})
	rule := func(parts ...[]expr.Any) {
		f.conn.AddRule(&nftables.Rule{Table: f.table, Chain: chain, Exprs: slices.Concat(parts...)})
	}
	for _, kind := range []byte{135, 136} {
		rule(ofFamily(unix.NFPROTO_IPV6), isNeighbor(kind), verdict(expr.VerdictAccept))
	}
	counter := []expr.Any{}
	if f.settings.Counters {
		counter = []expr.Any{&expr.Counter{}}
	}
	drop := verdict(expr.VerdictDrop)
	rule(ofFamily(unix.NFPROTO_IPV4), destination(16, 4), within(f.four), counter, drop)
	rule(ofFamily(unix.NFPROTO_IPV6), destination(24, 16), within(f.six), counter, drop)
	rule(ofFamily(unix.NFPROTO_IPV6), destination(24, 16), arrival(), within(f.linkScoped), counter, drop)
}

func ofFamily(family byte) []expr.Any {
	return []expr.Any{
		&expr.Meta{Key: expr.MetaKeyNFPROTO, Register: 1},
		&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: []byte{family}},
	}
}

func isNeighbor(kind byte) []expr.Any {
	return []expr.Any{
		&expr.Meta{Key: expr.MetaKeyL4PROTO, Register: 1},
		&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: []byte{unix.IPPROTO_ICMPV6}},
		&expr.Payload{DestRegister: 1, Base: expr.PayloadBaseTransportHeader, Offset: 0, Len: 1},
		&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: []byte{kind}},
	}
}

// destination loads an address that lies in the IP header, arrival the link
// behind it.
func destination(offset, size uint32) []expr.Any {
	return []expr.Any{&expr.Payload{DestRegister: 1, Base: expr.PayloadBaseNetworkHeader, Offset: offset, Len: size}}
}

func arrival() []expr.Any { return []expr.Any{&expr.Meta{Key: expr.MetaKeyIIF, Register: 2}} }

func within(s *nftables.Set) []expr.Any {
	return []expr.Any{&expr.Lookup{SourceRegister: 1, SetName: s.Name, SetID: s.ID}}
}

func verdict(v expr.VerdictKind) []expr.Any { return []expr.Any{&expr.Verdict{Kind: v}} }

// elements hands each set its part of the refusals.
func (f *Firewall) elements(rs []Refusal, do func(*nftables.Set, []nftables.SetElement) error) error {
	of := map[*nftables.Set][]nftables.SetElement{}
	for _, r := range rs {
		set, key := f.elementOf(r)
		of[set] = append(of[set], nftables.SetElement{Key: key})
	}
	for set, all := range of {
		for part := range slices.Chunk(all, elementsEach) {
			if err := do(set, part); err != nil {
				return err
			}
		}
	}
	return nil
}

func (f *Firewall) elementOf(r Refusal) (*nftables.Set, []byte) {
	switch {
	case r.Addr.Is4():
		return f.four, r.Addr.AsSlice()
	case r.Addr.IsLinkLocalUnicast() && r.Link != 0:
		return f.linkScoped, append(withoutZone(r.Addr), binaryutil.NativeEndian.PutUint32(uint32(r.Link))...)
	default:
		return f.six, withoutZone(r.Addr)
	}
}

func withoutZone(a netip.Addr) []byte { return a.WithZone("").AsSlice() }

// enlarge makes room for a whole transaction.
func enlarge(c *netlink.Conn) error { return c.SetWriteBuffer(firewallBuffer) }
