package netif

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// eventBuffer in bytes holds some 10,000 events. More cost a resync.
	eventBuffer = 8 << 20

	// Past this many changed links, one look at all is cheaper than one at each.
	lookEach = 32

	// After a look the watch rests for this many times as long as it took:
	// thousands of addresses that come one by one cost a fifth of a core, and
	// a single event waits for nothing.
	restFactor = 4
)

// Watch reports links until the context ends: first all of them, then those
// that changed, each with its whole state. A report is what the kernel says
// now, not what it said once: a burst of events is one report, and a link that
// is back as it was is none, unless it was down: that has cost it routes and
// IPv6 addresses, of which the kernel may not tell. A removed link is reported once, as Gone, before
// any other that has taken its index or its name.
//
// After an overrun of the kernel's events all links are reported again, with
// those that vanished meanwhile as Gone.
//
// report runs on the calling goroutine. There is one Watch at a time.
func (h *Host) Watch(ctx context.Context, report func([]Link)) error {
	if !h.events.busy.TryLock() {
		return errors.New("watch links: already watched")
	}
	defer h.events.busy.Unlock()
	if err := h.events.subscribe(); err != nil {
		return fmt.Errorf("watch links: %w", err)
	}
	defer h.events.unsubscribe()
	stop := context.AfterFunc(ctx, h.events.interrupt)
	defer stop()

	w := watch{host: h, known: map[int]Link{}, changed: map[int]bool{}, fell: map[int]bool{}, all: true}
	for ctx.Err() == nil {
		start := time.Now()
		links, err := w.look()
		if err != nil {
			return fmt.Errorf("watch links: %w", err)
		}
		if len(links) > 0 {
			report(links)
		}
		if !rest(ctx, restFactor*time.Since(start)) {
			break
		}
		if err := w.listen(); err != nil && ctx.Err() == nil {
			return fmt.Errorf("watch links: %w", err)
		}
	}
	return ctx.Err()
}

func rest(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}

// A watch remembers what was reported, and what may differ from it.
type watch struct {
	host    *Host
	known   map[int]Link
	changed map[int]bool // links with events; true if it was removed, though it may be back
	fell    map[int]bool // those of them that were down
	all     bool         // look at all links and report them all
}

// listen waits for an event, then takes all that are there.
func (w *watch) listen() error {
	for wait := true; ; wait = false {
		b, err := w.host.events.next(wait)
		switch {
		case errors.Is(err, unix.ENOBUFS):
			w.host.resyncs.Add(1)
			w.host.log.Warn("kernel events overran their buffer, looking at all links again")
			w.all = true
		case errors.Is(err, unix.EAGAIN):
			return nil
		case err != nil:
			return err
		default:
			w.note(b)
		}
	}
}

// note marks the links that a datagram of events speaks of.
func (w *watch) note(b []byte) {
	for h, data := range messages(b) {
		m := message{h.Type, data}
		index, removed := 0, false
		if l, ok := parseLink(m); ok {
			index, removed = l.Index, l.Gone
			if !l.Up {
				w.fell[index] = true
			}
		} else if i, _, ok := parseAddress(m); ok {
			index = i
		} else {
			continue
		}
		w.changed[index] = w.changed[index] || removed
	}
}

// look asks the kernel about what may have changed and returns what has.
func (w *watch) look() ([]Link, error) {
	changed, fell, all := w.changed, w.fell, w.all
	w.changed, w.fell, w.all = map[int]bool{}, map[int]bool{}, false
	now, err := w.see(changed, all)
	if err != nil {
		return nil, err
	}
	var gone, links []Link
	for index, removed := range changed {
		old, known := w.known[index]
		if _, here := now[index]; known && (removed || !here) {
			gone = append(gone, vanished(old))
			delete(w.known, index)
		}
	}
	if all {
		for index, old := range w.known {
			if _, here := now[index]; !here {
				gone = append(gone, vanished(old))
				delete(w.known, index)
			}
		}
	}
	for index, l := range now {
		old, known := w.known[index]
		l.Fell = (all || fell[index]) && old.Up && l.Up // all: nobody knows
		if all || !known || !l.equal(old) {
			links = append(links, l)
		}
		l.Fell = false
		w.known[index] = l
	}
	byIndex := func(a, b Link) int { return a.Index - b.Index }
	slices.SortFunc(gone, byIndex)
	slices.SortFunc(links, byIndex)
	return append(gone, links...), nil
}

// see returns the present state of the changed links, or of all.
func (w *watch) see(changed map[int]bool, all bool) (map[int]Link, error) {
	now := make(map[int]Link, len(changed))
	if all || len(changed) > lookEach {
		links, err := w.host.Links()
		for _, l := range links {
			now[l.Index] = l
		}
		return now, err
	}
	for index := range changed {
		l, err := w.host.link(index)
		if errors.Is(err, unix.ENODEV) {
			continue
		}
		if err != nil {
			return nil, err
		}
		now[index] = l
	}
	return now, nil
}

func vanished(l Link) Link { return Link{Index: l.Index, Name: l.Name, Gone: true} }

func (l Link) equal(m Link) bool {
	return l.Index == m.Index && l.Name == m.Name && l.Gone == m.Gone && l.Up == m.Up && l.Fell == m.Fell &&
		l.Running == m.Running && l.NoARP == m.NoARP && l.Loopback == m.Loopback &&
		l.Multicast == m.Multicast && l.MTU == m.MTU && bytes.Equal(l.MAC, m.MAC) &&
		l.Kind == m.Kind && l.Parent == m.Parent && l.Master == m.Master && l.Group == m.Group &&
		slices.Equal(l.Addresses, m.Addresses)
}

// A feed is the netlink socket of events.
type feed struct {
	busy   sync.Mutex // held by the one watch
	groups []int      // RTNLGRP_*, NFNLGRP_*
	file   *os.File
	raw    syscall.RawConn
	room   []byte
}

func openFeed(protocol int, groups ...int) (*feed, error) {
	fd, err := openSocket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_NONBLOCK, protocol)
	if err != nil {
		return nil, fmt.Errorf("open netlink socket: %w", err)
	}
	setReceiveBuffer(fd, eventBuffer)
	if err := unix.Bind(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return nil, errors.Join(fmt.Errorf("bind netlink socket: %w", err), unix.Close(fd))
	}
	f := &feed{groups: groups, file: os.NewFile(uintptr(fd), "netlink"), room: make([]byte, dumpRoom)}
	f.raw, err = f.file.SyscallConn()
	return f, err
}

// subscribe begins before the first look, so that no event falls between.
func (f *feed) subscribe() error {
	if err := f.file.SetReadDeadline(time.Time{}); err != nil {
		return err
	}
	return f.membership(unix.NETLINK_ADD_MEMBERSHIP)
}

func (f *feed) unsubscribe() { _ = f.membership(unix.NETLINK_DROP_MEMBERSHIP) }

func (f *feed) membership(name int) (err error) {
	if e := f.raw.Control(func(fd uintptr) {
		for _, g := range f.groups {
			err = errors.Join(err, os.NewSyscallError("setsockopt",
				unix.SetsockoptInt(int(fd), unix.SOL_NETLINK, name, g)))
		}
	}); e != nil {
		return e
	}
	return err
}

// interrupt ends a wait in next.
func (f *feed) interrupt() { _ = f.file.SetReadDeadline(time.Unix(1, 0)) }

// next returns the next datagram, valid until the following call. Without
// wait it returns unix.EAGAIN if there is none.
func (f *feed) next(wait bool) ([]byte, error) {
	var n int
	var err error
	e := f.raw.Read(func(fd uintptr) (done bool) {
		n, _, err = unix.Recvfrom(int(fd), f.room, 0)
		return err != unix.EINTR && (err != unix.EAGAIN || !wait)
	})
	if e != nil {
		return nil, e
	}
	return f.room[:max(n, 0)], err
}

func (f *feed) close() error { return f.file.Close() }
