package main

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"regent/cmd/internal/lab"
)

const (
	// every is how often the client asks.
	every = 5 * time.Millisecond

	// service is what each router's health check looks at.
	service = "127.0.0.1:8080"
)

// vip is the address that moves.
var vip = netip.MustParseAddr("192.0.2.100")

// A scene is two routers and a client on one wire.
type scene struct {
	*lab.Lab
	left, right *router
	client      *lab.Probe
	out         *timeline
	slack       time.Duration // what an act may take beyond the protocol
}

// A router is one of the two.
type router struct {
	name   string
	addr   string
	host   *lab.Host
	daemon lab.Daemon
	conf   string
	proc   *lab.Proc
	served net.Listener // what the health check looks at; nil: broken
	out    *timeline
}

func build(ctx context.Context, d lab.Daemon, configs string, out *timeline, slack time.Duration) (s *scene, err error) {
	l, err := lab.New(ctx)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			l.Close()
		}
	}()
	s = &scene{Lab: l, out: out, slack: slack}
	s.left = &router{name: "left", addr: "192.0.2.1", daemon: d, out: out}
	s.right = &router{name: "right", addr: "192.0.2.2", daemon: d, out: out}
	for _, r := range []*router{s.left, s.right} {
		conf, err := os.ReadFile(filepath.Join(configs, r.name+".conf"))
		if err != nil {
			return nil, fmt.Errorf("read the configuration of %s: %w", r.name, err)
		}
		r.conf = string(conf)
		if r.host, err = l.Host(r.name, lab.Port{Name: "eth0", Segment: "lan", Addrs: []string{r.addr + "/24"}}); err != nil {
			return nil, err
		}
		if err := r.serve(); err != nil {
			return nil, err
		}
	}
	client, err := l.Host("client", lab.Port{Name: "eth0", Segment: "lan", Addrs: []string{"192.0.2.9/24"}})
	if err != nil {
		return nil, err
	}
	if s.client, err = client.Probe(ctx, vip, every); err != nil {
		return nil, err
	}
	return s, nil
}

// start runs the router's daemon, with its cable in.
func (r *router) start() (err error) {
	if err := r.host.Plug("eth0"); err != nil {
		return err
	}
	r.proc, err = r.host.StartDaemon(r.daemon, r.conf, func(l lab.Line) { r.out.heard(r.name, l) }, "-D")
	return err
}

// die is a power failure: nobody says goodbye, and nothing answers any more.
func (r *router) die() error {
	r.proc.Kill()
	if err := r.host.Unplug("eth0"); err != nil {
		return err
	}
	<-r.proc.Done()
	return nil
}

// stop ends the daemon politely.
func (r *router) stop(ctx context.Context) error {
	if err := r.proc.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	code, err := r.proc.Wait(ctx)
	if err == nil && code != 0 {
		err = fmt.Errorf("%s left with exit code %d", r.name, code)
	}
	return err
}

// serve opens the service that the health check looks at.
func (r *router) serve() error {
	return r.host.Do(func() (err error) {
		r.served, err = net.Listen("tcp", service)
		return err
	})
}

// fail closes it.
func (r *router) fail() error { return r.served.Close() }

// settled reports whether one router has the address and the other one, if it
// has a cable, has not.
func (s *scene) settled(master, other *router, alone bool) bool {
	return master.host.Has(vip) && (alone || !other.host.Has(vip))
}
