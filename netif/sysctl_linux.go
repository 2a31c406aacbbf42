package netif

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// A knob is a setting that the kernel keeps for each link, or once for the
// whole host, known by its place below /proc/sys/net.
//
// Those of IPv4 are read and set by netlink, which works where /proc/sys is
// mounted read-only, as in most containers. Those of IPv6 have their files
// alone.
type knob struct {
	family Family
	name   string
	number uint16 // IPv4: IPV4_DEVCONF_*; 0 if the kernel has it once
}

var (
	forwarding4        = &knob{IPv4, "forwarding", 1}
	sendRedirects      = &knob{IPv4, "send_redirects", 6}
	reversePathFilter  = &knob{IPv4, "rp_filter", 8}
	arpFilter          = &knob{IPv4, "arp_filter", 13}
	arpAnnounce        = &knob{IPv4, "arp_announce", 18}
	arpIgnore          = &knob{IPv4, "arp_ignore", 19}
	promoteSecondaries = &knob{IPv4, "promote_secondaries", 20}

	disableIPv6          = &knob{IPv6, "disable_ipv6", 0}
	forwarding6          = &knob{IPv6, "forwarding", 0}
	acceptAdvertisements = &knob{IPv6, "accept_ra", 0}
	routerSolicitations  = &knob{IPv6, "router_solicitations", 0}
)

// groupReports is whether memberships of 224.0.0.0/24 are reported by IGMP.
var groupReports = &knob{IPv4, "igmp_link_local_mcast_reports", 0}

const ifaceConf4 = 1 // IFLA_INET_CONF, in IFLA_AF_SPEC

// A setting is how a knob is to stand.
type setting struct {
	knob  *knob
	value int
}

// path is the knob's file, for a link's name or "all".
func (k *knob) path(link string) string {
	if k == groupReports {
		return "/proc/sys/net/ipv4/" + k.name
	}
	return fmt.Sprintf("/proc/sys/net/ipv%d/conf/%s/%s", k.family, link, k.name)
}

// of is the knob's name as sysctl shows it.
func (k *knob) of(link string) string {
	if k == groupReports {
		return "net.ipv4." + k.name
	}
	return fmt.Sprintf("net.ipv%d.conf.%s.%s", k.family, link, k.name)
}

// knobs remembers how the knobs of other people's links stood, to restore them.
type knobs struct {
	mu    sync.Mutex
	kept  map[knobPlace]*keptKnob
	quiet map[int]quieted // by device

	ledger ledger
}

type knobPlace struct {
	link int
	knob *knob
}

type keptKnob struct {
	was, now int
	users    int
	name     string // of its link then, or "all"
}

// PromoteSecondaries makes a link keep its other IPv4 addresses when the
// primary one of their network is removed (promote_secondaries), until
// RestoreSecondaries is called as often.
func (h *Host) PromoteSecondaries(link int) error {
	return h.turn(link, setting{promoteSecondaries, 1})
}

// RestoreSecondaries ends what PromoteSecondaries began.
func (h *Host) RestoreSecondaries(link int) error { return h.turnBack(link, promoteSecondaries) }

// turn sets knobs of a link that is not ours, until turnBack is called as
// often. All are tried; the errors are joined, like
// "set net.ipv4.conf.eth0.arp_ignore to 1: operation not permitted".
func (h *Host) turn(link int, settings ...setting) error {
	h.knobs.mu.Lock()
	defer h.knobs.mu.Unlock()
	var missing []setting
	for _, s := range settings {
		if k := h.knobs.kept[knobPlace{link, s.knob}]; k != nil && k.now == s.value {
			k.users++
		} else {
			missing = append(missing, s)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	name := h.nameOf(link)
	was, err := h.readKnobs(link, name, missing)
	if err != nil {
		return err
	}
	for i, s := range missing {
		place := knobPlace{link, s.knob}
		if k := h.knobs.kept[place]; k != nil { // somebody else wants another value
			k.users++
			k.now = s.value
			continue
		}
		h.knobs.kept[place] = &keptKnob{was: was[i], now: s.value, users: 1, name: name}
	}
	h.note()
	return h.put(link, missing...)
}

// turnBack restores knobs as they stood before turn. One that somebody else
// has turned since is left as it is.
func (h *Host) turnBack(link int, knobs ...*knob) error {
	h.knobs.mu.Lock()
	defer h.knobs.mu.Unlock()
	var back []setting
	for _, n := range knobs {
		k := h.knobs.kept[knobPlace{link, n}]
		if k == nil {
			continue
		}
		if k.users--; k.users > 0 {
			continue
		}
		delete(h.knobs.kept, knobPlace{link, n})
		if k.was != k.now {
			back = append(back, setting{n, k.now}, setting{n, k.was})
		}
	}
	if len(back) == 0 {
		return nil
	}
	defer h.note()
	now, err := h.readKnobs(link, h.nameOf(link), back)
	if errors.Is(err, unix.ENODEV) {
		return nil // the link took its knobs with it
	}
	if err != nil {
		return err
	}
	var ours []setting
	for i := 0; i < len(back); i += 2 {
		if now[i] == back[i].value {
			ours = append(ours, back[i+1])
		}
	}
	return h.put(link, ours...)
}

// put sets knobs of a link and looks whether they stand so now. All are tried;
// the errors are joined.
func (h *Host) put(link int, settings ...setting) error {
	if len(settings) == 0 {
		return nil
	}
	name := h.nameOf(link)
	refused := h.write4(link, settings)
	var errs []error
	err := h.home.run(func() error {
		for _, s := range settings {
			cause := refused
			if s.knob.family == IPv6 {
				cause = writeKnob(s.knob.path(name), s.value)
			}
			if cause != nil {
				errs = append(errs, fmt.Errorf("set %s to %d: %w", s.knob.of(name), s.value, cause))
			}
		}
		return nil
	})
	if err != nil || len(errs) > 0 {
		return errors.Join(append(errs, err)...)
	}
	stand, err := h.readKnobs(link, name, settings)
	if err != nil {
		return err
	}
	for i, s := range settings {
		if stand[i] != s.value {
			errs = append(errs, fmt.Errorf("set %s to %d: it stays %d", s.knob.of(name), s.value, stand[i]))
		}
	}
	return errors.Join(errs...)
}

// write4 sets the IPv4 knobs among the settings by one message.
func (h *Host) write4(link int, settings []setting) error {
	conf := nl.NewRtAttr(ifaceConf4, nil)
	for _, s := range settings {
		if s.knob.family == IPv4 {
			conf.AddRtAttr(int(s.knob.number), nl.Uint32Attr(uint32(s.value)))
		}
	}
	if conf.Len() == unix.SizeofRtAttr {
		return nil
	}
	spec := nl.NewRtAttr(unix.IFLA_AF_SPEC, nil)
	spec.AddRtAttr(unix.AF_INET, nil).AddChild(conf)
	ask := nl.NewIfInfomsg(unix.AF_UNSPEC)
	ask.Index = int32(link)
	return h.changes.do(unix.RTM_SETLINK, ask, spec)
}

// readKnobs tells how the knobs of the settings stand now.
func (h *Host) readKnobs(link int, name string, settings []setting) ([]int, error) {
	conf, err := h.conf4(link)
	if err != nil {
		return nil, fmt.Errorf("read the settings of %s: %w", name, err)
	}
	stand := make([]int, len(settings))
	return stand, h.home.run(func() (err error) {
		for i, s := range settings {
			at := 4 * (int(s.knob.number) - 1)
			switch {
			case s.knob.family == IPv6:
				if stand[i], err = readKnob(s.knob.path(name)); err != nil {
					return fmt.Errorf("read %s: %w", s.knob.of(name), err)
				}
			case at+4 > len(conf):
				return fmt.Errorf("read %s: the kernel does not tell", s.knob.of(name))
			default:
				stand[i] = int(binary.NativeEndian.Uint32(conf[at:]))
			}
		}
		return nil
	})
}

// conf4 returns a link's IPv4 knobs as the kernel lists them: 32 bits for each
// number, from 1.
func (h *Host) conf4(link int) (conf []byte, err error) {
	ask := nl.NewIfInfomsg(unix.AF_UNSPEC)
	ask.Index = int32(link)
	m, err := h.asks.get(unix.RTM_GETLINK, ask, linkFilter())
	if err != nil {
		return nil, err
	}
	if len(m.data) < unix.SizeofIfInfomsg {
		return nil, errors.New("no link in the answer")
	}
	for kind, data := range attributes(m.data[unix.SizeofIfInfomsg:]) {
		if kind != unix.IFLA_AF_SPEC {
			continue
		}
		for family, data := range attributes(data) {
			if family != unix.AF_INET {
				continue
			}
			for kind, data := range attributes(data) {
				if kind == ifaceConf4 {
					conf = data
				}
			}
		}
	}
	return conf, nil
}

// ofAll reads a knob that holds for all links. It is 0 if it cannot be read.
func (h *Host) ofAll(k *knob) (value int) {
	_ = h.home.run(func() (err error) {
		value, err = readKnob(k.path("all"))
		return err
	})
	return value
}

func readKnob(path string) (int, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return 0, causeOf(err)
	}
	return strconv.Atoi(strings.TrimSpace(string(b)))
}

func writeKnob(path string, value int) error {
	if now, err := readKnob(path); err == nil && now == value {
		return nil // it may be as it must where it cannot be changed
	}
	return causeOf(os.WriteFile(path, strconv.AppendInt(nil, int64(value), 10), 0))
}

// causeOf takes the path off an error whose text names the object already.
func causeOf(err error) error {
	if path := (*os.PathError)(nil); errors.As(err, &path) {
		return path.Err
	}
	return err
}
