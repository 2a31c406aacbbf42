package netif

import (
	"errors"
	"fmt"
	"math"
	"net/netip"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

const forever = math.MaxUint32 // a lifetime in seconds

// Change adds and removes addresses, in the given order and in few system
// calls. Added addresses carry the mark of regent. An address that is there
// already, or gone already, is a success. One of IPv6 can be reached when Change
// returns, unless its link is down.
//
// It returns nil if all went well, else an error or nil for each change, like
// "add 192.0.2.1/24 to eth0: operation not permitted".
func (h *Host) Change(changes []Change) []error {
	var errs []error
	notes := h.journal.expect(len(changes), func(i int) (string, bool) { return changes[i].deed(), changes[i].Remove })
	build := func(i, flags int) []byte { return h.changes.changeRequest(&changes[i], flags) }
	h.changes.batch(len(changes), build, func(i int, err error) {
		notes.refused(i, err)
		if changes[i].harmless(err) {
			return
		}
		if errs == nil {
			errs = make([]error, len(changes))
		}
		errs[i] = err
	})
	notes.settle()
	names := map[int]string{} // thousands may fail on the same link
	for i, err := range errs {
		if err == nil {
			continue
		}
		link := changes[i].Link
		if names[link] == "" {
			names[link] = h.nameOf(link)
		}
		errs[i] = changes[i].describe(names[link], err)
	}
	h.awaitReachable(changes, errs)
	return errs
}

// harmless tells whether an error means that the world is as it was asked to be.
func (c *Change) harmless(err error) bool {
	if c.Remove {
		return errors.Is(err, unix.EADDRNOTAVAIL) || errors.Is(err, unix.ENODEV)
	}
	return errors.Is(err, unix.EEXIST)
}

func (c *Change) describe(link string, err error) error {
	if c.Remove {
		return fmt.Errorf("remove %v from %s: %w", c.Address.Prefix, link, err)
	}
	return fmt.Errorf("add %v to %s: %w", c.Address.Prefix, link, err)
}

// tryChange finds out whether changes are allowed, by one that would do
// nothing: there is no link 0.
func (h *Host) tryChange() (refusal error) {
	nothing := Change{Address: Address{Prefix: netip.PrefixFrom(netip.AddrFrom4([4]byte{192, 0, 2, 1}), 32)}, Remove: true}
	h.changes.batch(1, func(_, flags int) []byte { return h.changes.changeRequest(&nothing, flags) },
		func(_ int, err error) { refusal = err })
	if nothing.harmless(refusal) {
		return nil
	}
	return refusal
}

// bits is the length of the prefix as the kernel has it: the peer's, if there is one.
func (a *Address) bits() int {
	if a.Peer.IsValid() {
		return a.Peer.Bits()
	}
	return a.Prefix.Bits()
}

// removal returns the parts of RTM_DELADDR: what the kernel tells addresses apart
// by, and nothing else.
func (c *Change) removal() (*nl.IfAddrmsg, []nl.NetlinkRequestData) {
	local, peer := c.Address.Prefix.Addr(), c.Address.Prefix.Addr()
	if c.Address.Peer.IsValid() {
		peer = c.Address.Peer.Addr()
	}
	m := nl.NewIfAddrmsg(FamilyOf(local).number())
	m.Prefixlen = uint8(c.Address.bits())
	m.Index = uint32(c.Link)
	return m, []nl.NetlinkRequestData{
		m,
		nl.NewRtAttr(unix.IFA_LOCAL, local.AsSlice()),
		nl.NewRtAttr(unix.IFA_ADDRESS, peer.AsSlice()),
	}
}

// changeRequest builds RTM_NEWADDR or RTM_DELADDR.
func (c *conn) changeRequest(ch *Change, flags int) []byte {
	m, parts := ch.removal()
	if ch.Remove {
		return c.request(unix.RTM_DELADDR, flags, parts...)
	}
	a, local := &ch.Address, ch.Address.Prefix.Addr()
	parts = append(parts, nl.NewRtAttr(ifaProto, []byte{addressProto}))
	if local.Is4() {
		m.Scope = a.Scope
		if a.Broadcast.IsValid() {
			parts = append(parts, nl.NewRtAttr(unix.IFA_BROADCAST, a.Broadcast.AsSlice()))
		}
		if a.Label != "" {
			parts = append(parts, nl.NewRtAttr(unix.IFA_LABEL, nl.ZeroTerminated(a.Label)))
		}
	}
	if f := a.kernelFlags(); f != 0 {
		m.Flags = uint8(f)
		parts = append(parts, nl.NewRtAttr(unix.IFA_FLAGS, nl.Uint32Attr(f)))
	}
	if p := a.preferred(); p != forever {
		life := &nl.IfaCacheInfo{IfaCacheinfo: unix.IfaCacheinfo{Prefered: p, Valid: forever}}
		parts = append(parts, nl.NewRtAttr(unix.IFA_CACHEINFO, life.Serialize()))
	}
	return c.request(unix.RTM_NEWADDR, flags|unix.NLM_F_CREATE|unix.NLM_F_EXCL, parts...)
}

// kernelFlags returns the IFA_F_ flags of an address. Duplicate detection
// would cost an IPv6 address its first second (B-5), so it is off by default.
func (a *Address) kernelFlags() (flags uint32) {
	set := func(on bool, flag uint32) {
		if on {
			flags |= flag
		}
	}
	set(a.NoPrefixRoute, unix.IFA_F_NOPREFIXROUTE)
	set(a.AutoJoin, unix.IFA_F_MCAUTOJOIN)
	if a.Prefix.Addr().Is6() {
		set(!a.DetectDuplicates, unix.IFA_F_NODAD)
		set(a.Home, unix.IFA_F_HOMEADDRESS)
		set(a.ManageTemp, unix.IFA_F_MANAGETEMPADDR)
	}
	return flags
}

// preferred returns how long an address is preferred, in seconds. A single
// IPv6 address is deprecated from the start, so that the host does not choose
// it as the source of its own connections.
func (a *Address) preferred() uint32 {
	switch {
	case a.HasPreferred:
		return a.Preferred
	case a.Prefix.Addr().Is6() && a.Prefix.IsSingleIP():
		return 0
	default:
		return forever
	}
}

// fill returns n times the same error.
func fill(n int, err error) []error {
	errs := make([]error, n)
	for i := range errs {
		errs[i] = err
	}
	return errs
}

// anyOf returns nil if there is no error among the errors.
func anyOf(errs []error) []error {
	for _, err := range errs {
		if err != nil {
			return errs
		}
	}
	return nil
}
