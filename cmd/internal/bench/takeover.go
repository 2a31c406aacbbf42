package main

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"syscall"
	"time"

	"regent/cmd/internal/lab"
)

// takeover kills a master many times and measures what the backup adds to the
// protocol: from the end of the down interval to the first announcement of the
// address. It also measures how long a polite end takes.
func takeover(ctx context.Context, r *rig, s settings) ([]figure, error) {
	f := fleet{routers: 1, links: 1, interval: 160 * time.Millisecond}
	if err := r.connect(f.links); err != nil {
		return nil, err
	}
	wires, err := r.captures()
	if err != nil {
		return nil, err
	}
	if _, err := r.start(r.second, f.conf(backupPriority)); err != nil {
		return nil, err
	}
	var adverts, claims, ends []time.Duration
	for i := range s.takeovers {
		master, err := r.succeed(ctx, f)
		if err != nil {
			return nil, err
		}
		wires[0].Clear()
		// Not always at the same point of the master's interval.
		if err := pause(ctx, 2*f.interval+f.interval*time.Duration(i%8)/8); err != nil {
			return nil, err
		}
		d, err := r.powerFailure(ctx, master, wires, f)
		if err != nil {
			return nil, err
		}
		adverts, claims = append(adverts, d[0].advert), append(claims, d[0].claim)
	}
	for range min(s.takeovers, 10) {
		master, err := r.succeed(ctx, f)
		if err != nil {
			return nil, err
		}
		took, err := stop(ctx, master)
		if err != nil {
			return nil, err
		}
		ends = append(ends, took)
		if err := r.owns(ctx, r.second, f); err != nil {
			return nil, err
		}
	}
	return []figure{
		milliseconds("end of down interval to advert, median", median(adverts)),
		milliseconds("end of down interval to announcement, median", median(claims)),
		milliseconds("  90th percentile", quantile(claims, 0.9)),
		milliseconds("  worst", slices.Max(claims)),
		milliseconds("SIGTERM to exit, median", median(ends)),
	}, nil
}

// massTakeover kills the masters of a whole fleet at once.
func massTakeover(ctx context.Context, r *rig, _ settings) ([]figure, error) {
	f := fleet{routers: 500, links: 2, interval: time.Second}
	if err := r.connect(f.links); err != nil {
		return nil, err
	}
	master, err := r.masters(ctx, f)
	if err != nil {
		return nil, err
	}
	backup, err := r.backups(ctx, f)
	if err != nil {
		return nil, err
	}
	if err := pause(ctx, calm); err != nil { // until the masters' announcements are over
		return nil, err
	}
	wires, err := r.captures()
	if err != nil {
		return nil, err
	}
	if err := pause(ctx, 2*f.interval); err != nil {
		return nil, err
	}
	delays, err := r.powerFailure(ctx, master, wires, f)
	if err != nil {
		return nil, err
	}
	var claims []time.Duration
	var at, due []time.Time
	for _, d := range delays {
		claims, at, due = append(claims, d.claim), append(at, d.claimed), append(due, d.due)
	}
	took, err := stop(ctx, backup)
	if err != nil {
		return nil, err
	}
	return []figure{
		milliseconds("end of down interval to announcement, median", median(claims)),
		milliseconds("  worst of 500", slices.Max(claims)),
		milliseconds("first to last address announced", spread(at)),
		milliseconds("  of which the masters' own spread", spread(due)),
		milliseconds("SIGTERM to exit, 500 masters", took),
	}, nil
}

func spread(times []time.Time) time.Duration {
	return slices.MaxFunc(times, time.Time.Compare).Sub(slices.MinFunc(times, time.Time.Compare))
}

// succeed starts the first host's daemon again, cable and all, and waits until
// it has taken over from the second.
func (r *rig) succeed(ctx context.Context, f fleet) (*lab.Proc, error) {
	for i := range r.links {
		if err := r.first.Plug(ifname(i)); err != nil {
			return nil, err
		}
	}
	if err := r.owns(ctx, r.second, f); err != nil {
		return nil, err
	}
	p, err := r.masters(ctx, f)
	if err != nil {
		return nil, err
	}
	all := f.addresses()
	return p, r.Until(ctx, "the backup has given way", func() bool { return r.second.Count(all...) == 0 })
}

// captures listens to every wire.
func (r *rig) captures() ([]*lab.Capture, error) {
	var all []*lab.Capture
	for i := range r.links {
		c, err := r.Capture(segment(i))
		if err != nil {
			return nil, err
		}
		all = append(all, c)
	}
	return all, nil
}

// A delay is what a backup added to the down interval of one router.
type delay struct {
	due     time.Time // last advert of the old master, and the down interval
	claimed time.Time // first announcement by the new one
	advert  time.Duration
	claim   time.Duration
}

// powerFailure kills the master and measures how the backup takes over.
func (r *rig) powerFailure(ctx context.Context, master *lab.Proc, wires []*lab.Capture, f fleet) ([]delay, error) {
	master.Kill()
	for i := range r.links { // or the dead daemon's kernel would go on answering
		if err := r.first.Unplug(ifname(i)); err != nil {
			return nil, err
		}
	}
	// To look is work for the processors that the backup needs: not before it
	// should be over.
	if err := pause(ctx, f.down()+time.Second); err != nil {
		return nil, err
	}
	if err := r.owns(ctx, r.second, f); err != nil {
		return nil, err
	}
	var delays []delay
	err := r.Until(ctx, "the backup has announced every address", func() bool {
		delays = r.delays(wires, f)
		return len(delays) == f.routers
	})
	return delays, err
}

// delays reads the takeovers that the captures show to be complete.
func (r *rig) delays(wires []*lab.Capture, f fleet) []delay {
	type key struct {
		link int
		vrid uint8
	}
	last, first := make(map[key]time.Time), make(map[key]time.Time)
	claims := make(map[netip.Addr]time.Time)
	for link, wire := range wires {
		old, new := r.first.MAC(ifname(link)).String(), r.second.MAC(ifname(link)).String()
		for _, frame := range wire.Frames() {
			from := frame.From().String()
			if a, ok := frame.Advert(); ok {
				k := key{link, a.VRID}
				if from == old {
					last[k] = a.At
					delete(first, k)
				} else if _, known := first[k]; from == new && !known {
					first[k] = a.At
				}
			} else if c, ok := frame.Claim(); ok && from == new {
				if _, known := claims[c.Addr]; !known {
					claims[c.Addr] = c.At
				}
			}
		}
	}
	var all []delay
	for i := range f.routers {
		k := key{f.link(i), f.vrid(i)}
		before, heard := last[k]
		advert, spoke := first[k]
		claimed, announced := claims[f.address(i)]
		if !heard || !spoke || !announced {
			continue
		}
		due := before.Add(f.down())
		all = append(all, delay{due: due, claimed: claimed, advert: advert.Sub(due), claim: claimed.Sub(due)})
	}
	return all
}

// stop ends a daemon politely and measures how long that takes.
func stop(ctx context.Context, p *lab.Proc) (time.Duration, error) {
	begun := time.Now()
	if err := p.Signal(syscall.SIGTERM); err != nil {
		return 0, err
	}
	code, err := p.Wait(ctx)
	if err != nil {
		return 0, err
	}
	if code != 0 {
		return 0, fmt.Errorf("%s ended with exit code %d", p.Name, code)
	}
	return p.Ended().Sub(begun), nil
}
