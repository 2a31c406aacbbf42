package netif

import (
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/google/nftables"
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

// A ruleset is an nftables table of regent's own. Its rules stand once; what
// they are about are the elements of its sets, which come and go.
//
// A flush of all rules, as a reload of the host's own firewall does, takes the
// table along. It is made again at once: until then addresses are accepted that
// are to be refused.
type ruleset struct {
	log     *slog.Logger
	journal *journal // that names it
	events  *feed    // of all tables
	table   nftables.Table
	// lay queues the sets and the rules of the table, and returns the sets.
	lay func(*nftables.Conn, *nftables.Table) ([]*nftables.Set, error)

	over     atomic.Bool
	watching sync.WaitGroup

	mu   sync.Mutex // guards what follows
	conn *nftables.Conn
	sets map[string]*nftables.Set
	held map[element]bool
}

// An element is one of a set's.
type element struct {
	set string // by name
	key string // its octets
}

// openRuleset makes a table without elements. One that a killed predecessor
// left under the name is replaced, in one transaction; nothing else in the
// host's rules is touched.
func (h *Host) openRuleset(family nftables.TableFamily, name string,
	lay func(*nftables.Conn, *nftables.Table) ([]*nftables.Set, error)) (*ruleset, error) {
	r := &ruleset{log: h.log, table: nftables.Table{Name: nameOfTable(name), Family: family}, lay: lay}
	err := h.home.run(func() (err error) {
		if r.conn, err = nftables.New(nftables.AsLasting(), nftables.WithSockOptions(enlarge)); err != nil {
			return err
		}
		if r.events, err = openFeed(unix.NETLINK_NETFILTER, eventsOfTables); err != nil {
			return err
		}
		return r.events.subscribe()
	})
	if err != nil {
		return nil, errors.Join(privilege("changing the firewall", "CAP_NET_ADMIN", err), r.abandon())
	}
	h.journal.begin([]string{r.deed()})
	r.journal = &h.journal
	if err := r.build(nil); err != nil {
		h.journal.end(r.deed())
		return nil, errors.Join(privilege("changing the firewall", "CAP_NET_ADMIN", err), r.abandon())
	}
	r.watching.Go(r.watch)
	return r, nil
}

// become gives the sets these elements and no others, in one transaction: all
// of it happens or nothing. If somebody has removed the table, as a flush of
// all rules does, it is made again.
func (r *ruleset) become(next map[element]bool) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	missing := func(from, in map[element]bool) (es []element) {
		for e := range from {
			if !in[e] {
				es = append(es, e)
			}
		}
		return es
	}
	add, remove := missing(next, r.held), missing(r.held, next)
	if len(add)+len(remove) == 0 {
		return nil
	}
	err := r.elements(remove, r.conn.SetDeleteElements)
	if err == nil {
		err = r.elements(add, r.conn.SetAddElements)
	}
	if flushed := r.conn.Flush(); err == nil {
		err = flushed
	}
	if errors.Is(err, unix.ENOENT) {
		return r.build(next)
	}
	if err == nil {
		r.held = next
	}
	return err
}

// with returns a set that has more elements than this one, and less.
func with[E comparable](set map[E]bool, more, less []E) map[E]bool {
	next := maps.Clone(set)
	for _, e := range less {
		delete(next, e)
	}
	for _, e := range more {
		next[e] = true
	}
	return next
}

// build makes the table anew, with these elements.
func (r *ruleset) build(elements map[element]bool) error {
	r.conn.AddTable(&r.table) // so that there is one to delete
	r.conn.DelTable(&r.table)
	r.conn.AddTable(&r.table)
	sets, err := r.lay(r.conn, &r.table)
	r.sets = make(map[string]*nftables.Set, len(sets))
	for _, s := range sets {
		r.sets[s.Name] = s
	}
	if err == nil {
		err = r.elements(slices.Collect(maps.Keys(elements)), r.conn.SetAddElements)
	}
	if flushed := r.conn.Flush(); err == nil {
		err = flushed
	}
	if err == nil {
		r.held = elements
	}
	return err
}

// elements hands each set its part of the elements.
func (r *ruleset) elements(es []element, do func(*nftables.Set, []nftables.SetElement) error) error {
	of := map[string][]nftables.SetElement{}
	for _, e := range es {
		of[e.set] = append(of[e.set], nftables.SetElement{Key: []byte(e.key)})
	}
	for set, all := range of {
		for part := range slices.Chunk(all, elementsEach) {
			if err := do(r.sets[set], part); err != nil {
				return err
			}
		}
	}
	return nil
}

// Close removes the table.
func (r *ruleset) Close() error {
	err := r.unwatch()
	if removed := removeTable(r.conn, r.table.Family, r.table.Name); removed == nil {
		r.journal.end(r.deed())
	} else {
		err = errors.Join(removed, err)
	}
	return errors.Join(err, r.conn.CloseLasting())
}

// abandon closes the sockets and leaves the table as it is.
func (r *ruleset) abandon() error {
	err := r.unwatch()
	if r.conn != nil {
		err = errors.Join(err, r.conn.CloseLasting())
	}
	return err
}

// RemoveFirewall removes the tables that a killed predecessor left under a
// name, if there are any; empty: the default name.
func (h *Host) RemoveFirewall(table string) error {
	return h.home.run(func() error {
		conn, err := nftables.New(nftables.AsLasting())
		if err != nil {
			return fmt.Errorf("open the firewall: %w", err)
		}
		return errors.Join(
			removeTable(conn, nftables.TableFamilyINet, nameOfTable(table)),
			removeTable(conn, nftables.TableFamilyARP, nameOfTable(table)),
			conn.CloseLasting())
	})
}

// removeTable removes a table. One that is not there is removed.
func removeTable(conn *nftables.Conn, family nftables.TableFamily, name string) error {
	conn.DelTable(&nftables.Table{Name: name, Family: family})
	err := conn.Flush()
	if err == nil || errors.Is(err, unix.ENOENT) || isUnsupported(err) {
		return nil
	}
	return fmt.Errorf("remove table %s: %w", name, err)
}

// isUnsupported reports whether the kernel lacks what it was asked for, here a
// family of tables.
func isUnsupported(err error) bool {
	return errors.Is(err, unix.EOPNOTSUPP) || errors.Is(err, unix.EAFNOSUPPORT)
}

func nameOfTable(name string) string {
	if name == "" {
		return defaultTable
	}
	return name
}

// enlarge makes room for a whole transaction.
func enlarge(c *netlink.Conn) error { return c.SetWriteBuffer(firewallBuffer) }

// A rules adds rules to a chain.
type rules struct {
	conn  *nftables.Conn
	chain *nftables.Chain
}

func newChain(conn *nftables.Conn, t *nftables.Table, name string, hook *nftables.ChainHook, s FirewallSettings) rules {
	priority := nftables.ChainPriority(s.Priority)
	return rules{conn, conn.AddChain(&nftables.Chain{
		Name: name, Table: t, Type: nftables.ChainTypeFilter, Hooknum: hook, Priority: &priority,
	})}
}

// add adds a rule that consists of these parts.
func (r rules) add(parts ...[]expr.Any) {
	r.conn.AddRule(&nftables.Rule{Table: r.chain.Table, Chain: r.chain, Exprs: slices.Concat(parts...)})
}

// counter counts the packets that come so far in a rule, if that is wanted
// (nftables_counters).
func (s FirewallSettings) counter() []expr.Any {
	if s.Counters {
		return []expr.Any{&expr.Counter{}}
	}
	return nil
}

// The parts of rules. Registers are those of 128 bits, from 1, and those of 32
// bits in the same place, from 8.

// inHeader loads what lies in the header of the network layer.
func inHeader(register, offset, size uint32) []expr.Any {
	return []expr.Any{&expr.Payload{DestRegister: register, Base: expr.PayloadBaseNetworkHeader, Offset: offset, Len: size}}
}

// inMessage loads what lies behind that header.
func inMessage(register, offset, size uint32) []expr.Any {
	return []expr.Any{&expr.Payload{DestRegister: register, Base: expr.PayloadBaseTransportHeader, Offset: offset, Len: size}}
}

// arrival loads the link that a packet came by.
func arrival(register uint32) []expr.Any {
	return []expr.Any{&expr.Meta{Key: expr.MetaKeyIIF, Register: register}}
}

// departure loads the link that a packet leaves by.
func departure(register uint32) []expr.Any {
	return []expr.Any{&expr.Meta{Key: expr.MetaKeyOIF, Register: register}}
}

// writeHeader changes the header of the network layer.
func writeHeader(offset uint32, octets []byte) []expr.Any {
	return []expr.Any{
		&expr.Immediate{Register: 1, Data: octets},
		&expr.Payload{OperationType: expr.PayloadWrite, SourceRegister: 1, Base: expr.PayloadBaseNetworkHeader,
			Offset: offset, Len: uint32(len(octets))},
	}
}

// within goes on if what is loaded from register 1 on is in a set.
func within(s *nftables.Set) []expr.Any {
	return []expr.Any{&expr.Lookup{SourceRegister: 1, SetName: s.Name, SetID: s.ID}}
}

// compare goes on if register 1 is equal to octets, or not.
func compare(op expr.CmpOp, octets ...byte) []expr.Any {
	return []expr.Any{&expr.Cmp{Op: op, Register: 1, Data: octets}}
}

func verdict(v expr.VerdictKind) []expr.Any { return []expr.Any{&expr.Verdict{Kind: v}} }
