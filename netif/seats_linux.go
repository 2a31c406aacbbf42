package netif

import (
	"errors"
	"fmt"

	"github.com/google/nftables"
	"github.com/google/nftables/binaryutil"
	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"
)

// The sets of Seats.
const (
	seated    = "seated"    // addresses that have seats
	announced = "announced" // each of these twice
	seats     = "seats"     // address and link
	muted     = "muted"     // address and link
)

const requestARP = 1

var (
	hookInputARP  = nftables.ChainHookRef(0) // NF_ARP_IN
	hookOutputARP = nftables.ChainHookRef(1) // NF_ARP_OUT
)

// Seats drop ARP requests for addresses that arrive anywhere but on their seats
// (B-10). Linux answers for an address on whatever link it is asked, with the
// MAC of that link (ARP flux), and each link has it in its own hands whether it
// does (arp_ignore); these rules mind the addresses and leave the links alone.
//
// Announcements pass, which look like requests of an address for itself: they
// are how this host's own neighbour tables learn.
//
// What a mute link asks in the name of an address it asks as one that has no
// address yet (RFC 5227, section 1.1): the answer comes all the same, and nobody
// learns from the question that the address is there (B-8).
type Seats struct {
	*ruleset
	settings FirewallSettings
	taken    map[Seat]bool
}

// OpenSeats makes the table. Errors: "make table regent of family arp:
// operation not supported", which is errors.ErrUnsupported where the kernel has no
// such tables at all.
func (h *Host) OpenSeats(s FirewallSettings) (*Seats, error) {
	t := &Seats{settings: s, taken: map[Seat]bool{}}
	var err error
	if t.ruleset, err = h.openRuleset(nftables.TableFamilyARP, s.Table, t.rules); err != nil {
		if isUnsupported(err) {
			err = unix.EOPNOTSUPP // which is errors.ErrUnsupported, whatever the kernel calls it
		}
		return nil, fmt.Errorf("make table %s of family arp: %w", nameOfTable(s.Table), err)
	}
	return t, nil
}

// Change takes seats more and seats less, as Firewall.Change refuses addresses.
func (t *Seats) Change(take, leave []Seat) error {
	next := with(t.taken, take, leave)
	elements := make(map[element]bool, 3*len(next))
	for s := range next {
		addr, on := octets(s.Addr), string(binaryutil.NativeEndian.PutUint32(uint32(s.Link)))
		if s.Mute {
			elements[element{muted, addr + on}] = true
			continue
		}
		elements[element{seated, addr}] = true
		elements[element{announced, addr + addr}] = true
		elements[element{seats, addr + on}] = true
	}
	if err := t.become(elements); err != nil {
		return fmt.Errorf("seat %d addresses and unseat %d in table %s of family arp: %w", len(take), len(leave), t.table.Name, err)
	}
	t.taken = next
	return nil
}

func (t *Seats) rules(conn *nftables.Conn, table *nftables.Table) ([]*nftables.Set, error) {
	address, link := nftables.TypeIPAddr, nftables.TypeIFIndex
	all := &nftables.Set{Table: table, Name: seated, KeyType: address}
	twice := &nftables.Set{Table: table, Name: announced, Concatenation: true, KeyType: nftables.MustConcatSetType(address, address)}
	places := &nftables.Set{Table: table, Name: seats, Concatenation: true, KeyType: nftables.MustConcatSetType(address, link)}
	mutes := &nftables.Set{Table: table, Name: muted, Concatenation: true, KeyType: places.KeyType}
	err := errors.Join(conn.AddSet(all, nil), conn.AddSet(twice, nil), conn.AddSet(places, nil), conn.AddSet(mutes, nil))

	// RFC 826: the operation is at 6, the sender's address at 14, the target's at 24.
	input := newChain(conn, table, "input", hookInputARP, t.settings)
	pass := verdict(expr.VerdictAccept)
	const first, second = 1, 9 // registers, one behind the other
	input.add(inHeader(first, 6, 2), compare(expr.CmpOpNeq, 0, requestARP), pass)
	input.add(inHeader(first, 14, 4), inHeader(second, 24, 4), within(twice), pass)
	input.add(inHeader(first, 24, 4), arrival(second), within(places), pass)
	input.add(inHeader(first, 24, 4), within(all), t.settings.counter(), verdict(expr.VerdictDrop))

	output := newChain(conn, table, "output", hookOutputARP, t.settings)
	output.add(inHeader(first, 6, 2), compare(expr.CmpOpNeq, 0, requestARP), pass)
	output.add(inHeader(first, 14, 4), departure(second), within(mutes), t.settings.counter(), writeHeader(14, make([]byte, 4)))
	return []*nftables.Set{all, twice, places, mutes}, err
}
