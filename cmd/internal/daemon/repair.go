package daemon

import (
	"bytes"

	"regent/fsm"
	"regent/netif"
)

// What somebody may do to a device with a virtual MAC.
const (
	removedIt   = "somebody removed the device of a virtual MAC; making it again"
	renamedIt   = "somebody renamed the device of a virtual MAC; making it again"
	readdressed = "somebody changed the virtual MAC of a device; making it again"
	loweredIt   = "somebody brought down the device of a virtual MAC; bringing it up"
	raisedIt    = "somebody brought up the device of a virtual MAC, of a router that is not master; bringing it down"
)

// repair puts right what somebody has done to the devices of routers: a master
// whose device is down or has another MAC is one that nobody reaches, and a
// backup whose device is up may speak with the virtual MAC (B-6). The links are
// news; before tells how they were.
func (d *Daemon) repair(links []netif.Link, before map[int]netif.Link) {
	var owners map[int]*router // made for the first that may be one
	for _, l := range links {
		was, known := before[l.Index]
		if !known || was.Kind != "macvlan" && was.Kind != "ipvlan" {
			continue
		}
		if owners == nil {
			owners = d.deviceOwners()
		}
		if r := owners[l.Index]; r != nil {
			d.repairFor(r, was, l)
		}
	}
}

// deviceOwners are the routers that have devices, by the indexes of these.
func (d *Daemon) deviceOwners() map[int]*router {
	owners := make(map[int]*router)
	for _, r := range d.routers {
		if r.device.Index != 0 {
			owners[r.device.Index] = r
		}
		for _, x := range r.annexes {
			if x.device.Index != 0 {
				owners[x.device.Index] = r
			}
		}
	}
	return owners
}

// repairFor does so for what a router has of a link.
func (d *Daemon) repairFor(r *router, was, now netif.Link) {
	if r.device.Index == now.Index {
		if what := spoiled(r.device, now); what != "" {
			d.about(r).Warn(what, "interface", was.Name)
			d.leave(r)
			r.joined = false
			d.hear(r)
		} else if r.VMAC.Kind == netif.MACVLAN {
			d.repower(r, was, now)
		}
	}
	for _, x := range r.annexes {
		if x.device.Index != now.Index {
			continue
		}
		if what := spoiled(x.device, now); what != "" {
			d.about(r).Warn(what, "interface", was.Name)
			parent := x.parent
			d.close(r, x)
			d.found(r, x, parent)
		} else {
			d.repower(r, was, now)
		}
	}
}

// spoiled tells why a device has to be made again; empty: it has not.
func spoiled(made, now netif.Link) string {
	switch {
	case now.Gone:
		return removedIt
	case now.Name != made.Name:
		return renamedIt
	case made.Kind == "macvlan" && !bytes.Equal(now.MAC, made.MAC): // an ipvlan has its parent's
		return readdressed
	}
	return ""
}

// repower brings a device up or down again, if it was somebody else who has
// changed that: the steward has no work on it. One that goes down has lost
// routes and IPv6 addresses.
func (d *Daemon) repower(r *router, was, now netif.Link) {
	master := r.state == fsm.Master
	if was.Up == now.Up || now.Up == master || d.steward.busy(r) {
		return
	}
	if master {
		d.about(r).Warn(loweredIt, "interface", now.Name)
		d.acquire(r.toAcquire())
		d.step(r, fsm.Addressed{Announce: true})
		return
	}
	d.about(r).Warn(raisedIt, "interface", now.Name)
	d.steward.give(r.toRelease())
}
