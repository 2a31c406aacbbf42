package netif

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// A watcher collects what Watch reports.
type watcher struct {
	s       *space
	h       *Host
	reports chan []Link
	stop    context.CancelFunc
	ended   chan error
}

// watch starts Watch; the first report, of all links, comes back with it.
func (s *space) watch(h *Host) (*watcher, []Link) {
	s.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	w := &watcher{s: s, h: h, reports: make(chan []Link, 10000), stop: cancel, ended: make(chan error, 1)}
	go func() { w.ended <- h.Watch(ctx, func(ls []Link) { w.reports <- slices.Clone(ls) }) }()
	s.t.Cleanup(func() { // before the host is closed
		cancel()
		<-w.ended
	})
	return w, w.next()
}

func (w *watcher) next() []Link {
	w.s.t.Helper()
	select {
	case r := <-w.reports:
		return r
	case <-time.After(patience):
		w.s.t.Fatal("no report")
		return nil
	}
}

// until reads reports until one has a link that fits, and returns that report
// and all links before it.
func (w *watcher) until(what string, fits func(Link) bool) (before []Link, report []Link) {
	w.s.t.Helper()
	for end := time.After(patience); ; {
		select {
		case r := <-w.reports:
			if slices.ContainsFunc(r, fits) {
				return before, r
			}
			before = append(before, r...)
		case <-end:
			w.s.t.Fatalf("no report of %s, only %v", what, before)
		}
	}
}

func named(ls []Link, name string) Link {
	i := slices.IndexFunc(ls, func(l Link) bool { return l.Name == name })
	if i < 0 {
		return Link{}
	}
	return ls[i]
}

func TestWatchReportsLinksAsTheyChange(t *testing.T) {
	a, b := newSpace(t), newSpace(t)
	veth(a, "eth0", b, "eth0")
	a.linkLocal("eth0")
	h := a.host()
	w, first := a.watch(h)
	if lo, eth := named(first, "lo"), named(first, "eth0"); len(first) != 2 || !lo.Loopback || !eth.Running || len(eth.Addresses) == 0 {
		t.Fatalf("first report %+v", first)
	}
	index := a.index("eth0")
	is := func(f func(Link) bool) func(Link) bool {
		return func(l Link) bool { return l.Index == index && f(l) }
	}
	has := func(p string) func(Link) bool {
		return is(func(l Link) bool {
			return slices.ContainsFunc(l.Addresses, func(x LinkAddress) bool { return x.Prefix == prefix(p) })
		})
	}
	hasNot := func(p string) func(Link) bool { return is(func(l Link) bool { return !has(p)(l) }) }

	a.add("eth0", "192.0.2.1/24")
	w.until("an address", has("192.0.2.1/24"))
	a.add("eth0", "2001:db8::1/64")
	w.until("an IPv6 address", has("2001:db8::1/64"))
	a.must(a.netlink.AddrDel(a.link("eth0"), addr(t, "192.0.2.1/24")))
	w.until("an address less", hasNot("192.0.2.1/24"))

	b.must(b.netlink.LinkSetDown(b.link("eth0")))
	w.until("no carrier", is(func(l Link) bool { return l.Up && !l.Running }))
	b.up(b.link("eth0"))
	w.until("carrier", is(func(l Link) bool { return l.Up && l.Running }))
	a.must(a.netlink.LinkSetDown(a.link("eth0")))
	w.until("down", is(func(l Link) bool { return !l.Up }))

	a.must(a.netlink.LinkSetName(a.link("eth0"), "wan0"))
	w.until("a new name", is(func(l Link) bool { return l.Name == "wan0" && !l.Gone }))
	a.up(a.link("wan0"))
	w.until("up", is(func(l Link) bool { return l.Up }))

	a.must(a.netlink.LinkDel(a.link("wan0")))
	_, r := w.until("its end", is(func(l Link) bool { return l.Gone }))
	if l := r[0]; l.Name != "wan0" || l.Up || l.Addresses != nil {
		t.Errorf("the last word on it: %+v", l)
	}
	if h.Resyncs() != 0 {
		t.Errorf("%d resyncs", h.Resyncs())
	}
}

func addr(t *testing.T, s string) *netlink.Addr {
	t.Helper()
	a, err := netlink.ParseAddr(s)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// A link that is made again under its name, or even its index, is another one.
func TestWatchKnowsALinkFromItsSuccessor(t *testing.T) {
	a, b := newSpace(t), newSpace(t)
	h := a.host()
	bridge := func(index int) {
		a.must(a.netlink.LinkAdd(&netlink.Bridge{LinkAttrs: netlink.LinkAttrs{Name: "br0", Index: index}}))
	}
	bridge(100)
	w, _ := a.watch(h)
	a.must(a.netlink.LinkDel(a.link("br0")))
	bridge(200)
	before, r := w.until("the successor", func(l Link) bool { return l.Index == 200 })
	all := append(before, r...)
	gone := slices.IndexFunc(all, func(l Link) bool { return l.Index == 100 && l.Gone })
	next := slices.IndexFunc(all, func(l Link) bool { return l.Index == 200 })
	if gone < 0 || gone > next {
		t.Errorf("same name: %+v", all)
	}

	a.must(a.netlink.LinkDel(a.link("br0")))
	bridge(200)
	_, r = w.until("the end of 200", func(l Link) bool { return l.Index == 200 && l.Gone })
	if !slices.ContainsFunc(r, func(l Link) bool { return l.Index == 200 && !l.Gone }) {
		w.until("the second 200", func(l Link) bool { return l.Index == 200 && !l.Gone })
	}

	// A port that leaves its bridge is not gone: the events differ only in
	// their family. Its down is the next thing to be heard of it.
	veth(a, "eth0", b, "eth0")
	port := a.index("eth0")
	a.must(a.netlink.LinkSetMaster(a.link("eth0"), a.link("br0")))
	a.must(a.netlink.LinkSetNoMaster(a.link("eth0")))
	a.must(a.netlink.LinkSetDown(a.link("eth0")))
	a.must(a.netlink.LinkSetMTU(a.link("eth0"), 1300))
	before, r = w.until("its MTU", func(l Link) bool { return l.Index == port && l.MTU == 1300 })
	for _, l := range append(before, r...) {
		if l.Index == port && l.Gone {
			t.Errorf("a port that left its bridge was reported as gone")
		}
	}
}

// A link that moves to another namespace is gone from this one.
func TestWatchSeesALinkMoveAway(t *testing.T) {
	a, b, c := newSpace(t), newSpace(t), newSpace(t)
	veth(a, "eth0", b, "eth0")
	w, _ := a.watch(a.host())
	index := a.index("eth0")
	a.must(a.netlink.LinkSetNsFd(a.link("eth0"), int(c.ns)))
	w.until("its end", func(l Link) bool { return l.Index == index && l.Gone })
}

// A burst of changes of one link is a few reports, the last of which has all
// of them; own requests of the host do not disturb it.
func TestWatchGathersBursts(t *testing.T) {
	a, b := newSpace(t), newSpace(t)
	veth(a, "eth0", b, "eth0")
	a.linkLocal("eth0")
	h := a.host()
	w, _ := a.watch(h)
	const n = 2000
	if errs := h.Change(many(a.index("eth0"), n)); errs != nil {
		t.Fatal(errs)
	}
	before, r := w.until("all addresses", func(l Link) bool { return len(l.Addresses) >= n })
	if len(before)+len(r) > n/10 {
		t.Errorf("%d addresses took %d reports", n, len(before)+len(r))
	}
	for _, x := range r[0].Addresses[:n] {
		if !x.Ours {
			t.Errorf("%v is not ours", x)
		}
	}
	if h.Resyncs() != 0 {
		t.Errorf("%d resyncs", h.Resyncs())
	}
}

// A link that was down for so short a time that one report tells of it all is
// reported although it is as it was: the kernel has taken its routes.
func TestWatchSeesALinkFall(t *testing.T) {
	a, b := newSpace(t), newSpace(t)
	veth(a, "eth0", b, "eth0")
	w, _ := a.watch(a.host())
	a.must(a.netlink.LinkSetDown(a.link("eth0")))
	a.up(a.link("eth0"))
	w.until("its fall, in one report or in two", func() func(Link) bool {
		fell := false
		return func(l Link) bool {
			fell = fell || l.Name == "eth0" && (l.Fell || !l.Up)
			return fell && l.Name == "eth0" && l.Up && l.Running
		}
	}())

	known := map[int]Link{a.index("eth0"): {Index: a.index("eth0"), Name: "eth0", Up: true}}
	still := &watch{host: w.h, known: known, changed: map[int]bool{a.index("eth0"): false}, fell: map[int]bool{a.index("eth0"): true}}
	links, err := still.look()
	if err != nil || len(links) != 1 || !links[0].Fell || still.known[a.index("eth0")].Fell {
		t.Errorf("a link that fell is reported as %+v (%v), and kept as %+v", links, err, still.known)
	}
	if links, err = still.look(); err != nil || len(links) != 0 {
		t.Errorf("and again as %+v (%v)", links, err)
	}
}

// Many links that change at once are one look at all.
func TestWatchOfManyLinks(t *testing.T) {
	a := newSpace(t)
	w, _ := a.watch(a.host())
	const n = 3 * lookEach
	for i := range n {
		a.must(a.netlink.LinkAdd(&netlink.Bridge{LinkAttrs: netlink.LinkAttrs{Name: fmt.Sprintf("br%d", i)}}))
	}
	seen := map[string]bool{}
	for len(seen) < n {
		for _, l := range w.next() {
			if !l.Gone && strings.HasPrefix(l.Name, "br") {
				seen[l.Name] = true
			}
		}
	}
	for i := range n {
		a.must(a.netlink.LinkDel(a.link(fmt.Sprintf("br%d", i))))
	}
	for len(seen) > 0 {
		for _, l := range w.next() {
			if l.Gone {
				if !seen[l.Name] {
					t.Errorf("%s is gone twice", l.Name)
				}
				delete(seen, l.Name)
			}
		}
	}
}

// After an overrun everything is looked at again: what vanished unheard is
// gone, what came unheard is there, and the rest is reported too.
func TestWatchRecoversFromAnOverrun(t *testing.T) {
	a, b := newSpace(t), newSpace(t)
	veth(a, "eth0", b, "eth0")
	h := a.host()
	a.must(a.netlink.LinkAdd(&netlink.Bridge{LinkAttrs: netlink.LinkAttrs{Name: "old"}}))
	for i := range 500 {
		a.add("eth0", fmt.Sprintf("198.18.%d.%d/32", i/250, i%250))
	}
	a.must(h.events.raw.Control(func(fd uintptr) {
		a.must(unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUF, 0)) // the least there is
	}))

	// Hold the watch inside its first report while the storm rages.
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	held, release := make(chan struct{}), make(chan struct{})
	reports := make(chan []Link, 1000)
	ended := make(chan error, 1)
	go func() {
		first := true
		ended <- h.Watch(ctx, func(ls []Link) {
			if first {
				first = false
				close(held)
				<-release
				return
			}
			reports <- slices.Clone(ls)
		})
	}()
	<-held
	for range 20 {
		a.must(a.netlink.LinkSetDown(a.link("eth0")))
		a.up(a.link("eth0"))
	}
	a.must(a.netlink.LinkDel(a.link("old")))
	a.must(a.netlink.LinkAdd(&netlink.Bridge{LinkAttrs: netlink.LinkAttrs{Name: "new"}}))
	close(release)

	seen := map[string]Link{}
	for end := time.After(patience); !seen["old"].Gone || seen["new"].Index == 0 || seen["lo"].Index == 0 || len(seen["eth0"].Addresses) < 500; {
		select {
		case r := <-reports:
			for _, l := range r {
				seen[l.Name] = l
			}
		case <-end:
			t.Fatalf("seen only %+v", seen)
		}
	}
	if h.Resyncs() == 0 {
		t.Error("no resync was counted")
	}
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("ended with %v", err)
	}
}

func TestWatchEnds(t *testing.T) {
	a := newSpace(t)
	h := a.host()
	w, _ := a.watch(h)
	if err := h.Watch(context.Background(), nil); err == nil {
		t.Error("two at a time")
	}
	w.stop()
	if err := <-w.ended; !errors.Is(err, context.Canceled) {
		t.Errorf("ended with %v", err)
	}
	w.ended <- nil // for the cleanup
	// And begins again.
	w, first := a.watch(h)
	if len(first) != 1 {
		t.Errorf("first report %v", first)
	}
	a.must(a.netlink.LinkAdd(&netlink.Bridge{LinkAttrs: netlink.LinkAttrs{Name: "br0"}}))
	w.until("br0", func(l Link) bool { return l.Name == "br0" })
}

// How long it takes from a change of the kernel to its report.
func BenchmarkWatch(b *testing.B) {
	x, y := newSpace(b), newSpace(b)
	veth(x, "eth0", y, "eth0")
	h := x.host()
	w, _ := x.watch(h)
	c := many(x.index("eth0"), 1)
	c[0].Remove = true
	for b.Loop() {
		c[0].Remove = !c[0].Remove
		if errs := h.Change(c); errs != nil {
			b.Fatal(errs)
		}
		w.until("the change", func(l Link) bool {
			return c[0].Remove != slices.ContainsFunc(l.Addresses, func(a LinkAddress) bool { return a.Ours })
		})
	}
}
