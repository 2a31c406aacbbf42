package netif

import (
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

// A Host is a network namespace as a router's host: its links, their
// addresses, and the neighbours that must hear about them. Each purpose has a
// socket of its own, so none disturbs another. Its methods may be called from
// any goroutine.
type Host struct {
	log     *slog.Logger
	asks    *conn // Links, and what Watch looks up
	changes *conn
	events  *feed // of links and addresses
	frames  *frames
	home    *namespace
	knobs   knobs
	routing *feed // of routes and rules
	held    holdings
	journal journal
	resyncs atomic.Uint64
}

// Open opens the host's sockets in the network namespace of the calling
// thread. A nil log is silent.
func Open(log *slog.Logger) (*Host, error) {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	h := &Host{log: log, knobs: knobs{kept: map[knobPlace]*keptKnob{}, quiet: map[int]quieted{}},
		held:    holdings{ids: map[holding]int{}, links: places{}},
		journal: journal{log: log, devices: map[int]string{}}}
	if err := h.open(); err != nil {
		return nil, errors.Join(err, h.Close())
	}
	return h, nil
}

func (h *Host) open() (err error) {
	if h.home, err = currentNamespace(); err != nil {
		return err
	}
	if h.frames, err = openFrames(); err != nil {
		return privilege("opening packet sockets", "CAP_NET_RAW", err)
	}
	if h.asks, err = openConn(); err != nil {
		return err
	}
	if h.changes, err = openConn(); err != nil {
		return err
	}
	if h.events, err = openFeed(unix.NETLINK_ROUTE, unix.RTNLGRP_LINK, unix.RTNLGRP_IPV4_IFADDR, unix.RTNLGRP_IPV6_IFADDR); err != nil {
		return err
	}
	if h.routing, err = openFeed(unix.NETLINK_ROUTE, unix.RTNLGRP_IPV4_ROUTE, unix.RTNLGRP_IPV6_ROUTE,
		unix.RTNLGRP_IPV4_RULE, unix.RTNLGRP_IPV6_RULE); err != nil {
		return err
	}
	if err := h.tryChange(); err != nil {
		return privilege("changing addresses", "CAP_NET_ADMIN", err)
	}
	return nil
}

// Close closes the host's sockets and so ends Watch and WatchLosses.
func (h *Host) Close() error {
	errs := []error{h.journal.close()}
	if h.frames != nil {
		errs = append(errs, h.frames.close())
	}
	for _, c := range []*conn{h.asks, h.changes} {
		if c != nil {
			errs = append(errs, c.close())
		}
	}
	for _, f := range []*feed{h.events, h.routing} {
		if f != nil {
			errs = append(errs, f.close())
		}
	}
	if h.home != nil {
		errs = append(errs, h.home.close())
	}
	return errors.Join(errs...)
}

// Resyncs counts how often Watch had to look at everything again because the
// kernel's events overran its buffer.
func (h *Host) Resyncs() uint64 { return h.resyncs.Load() }

// nameOf returns a link's name, for errors.
func (h *Host) nameOf(index int) string {
	if l, err := h.link(index); err == nil {
		return l.Name
	}
	return fmt.Sprintf("link %d", index)
}
