package main

import (
	"context"
	"fmt"
	"time"

	"regent/cmd/internal/lab"
)

// calm is how long a new master's repeated announcements last (garp_master_delay).
const calm = 7 * time.Second

// cost measures what it takes to run a fleet: processor time and memory of the
// masters, and of the backups that hear them.
func cost(f fleet) func(context.Context, *rig, settings) ([]figure, error) {
	return func(ctx context.Context, r *rig, s settings) ([]figure, error) {
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
		if err := pause(ctx, calm); err != nil {
			return nil, err
		}
		// Interface counters instead of a capture: nothing else runs meanwhile.
		sending, err := begin(master, f, r.first.Sent)
		if err != nil {
			return nil, err
		}
		hearing, err := begin(backup, f, r.second.Received)
		if err != nil {
			return nil, err
		}
		if err := pause(ctx, s.window); err != nil {
			return nil, err
		}
		sent, err := sending.end()
		if err != nil {
			return nil, err
		}
		heard, err := hearing.end()
		if err != nil {
			return nil, err
		}
		return []figure{
			{"master: CPU seconds a minute", sent.perMinute(), "s"},
			{"backup: CPU seconds a minute", heard.perMinute(), "s"},
			microseconds("CPU for an advert sent", sent.perPacket()),
			microseconds("CPU for an advert heard", heard.perPacket()),
			mebibytes("master: memory (PSS)", sent.memory),
			mebibytes("backup: memory (PSS)", heard.memory),
		}, nil
	}
}

// A meter reads a daemon's use and its packets, twice.
type meter struct {
	proc    *lab.Proc
	packets func() (uint64, error)
	at      time.Time
	usage   lab.Usage
	count   uint64
}

// A reading is the difference of the two.
type reading struct {
	cpu     time.Duration
	elapsed time.Duration
	packets uint64
	memory  int64 // at the end
}

func begin(p *lab.Proc, f fleet, counter func(string) (uint64, error)) (*meter, error) {
	m := &meter{proc: p, packets: func() (uint64, error) {
		var sum uint64
		for i := range f.links {
			n, err := counter(ifname(i))
			if err != nil {
				return 0, err
			}
			sum += n
		}
		return sum, nil
	}}
	var err error
	m.at, m.usage, m.count, err = m.read()
	return m, err
}

func (m *meter) read() (time.Time, lab.Usage, uint64, error) {
	n, err := m.packets()
	if err != nil {
		return time.Time{}, lab.Usage{}, 0, err
	}
	u, err := m.proc.Usage()
	return time.Now(), u, n, err
}

func (m *meter) end() (reading, error) {
	at, usage, count, err := m.read()
	if err != nil {
		return reading{}, err
	}
	d := reading{cpu: usage.CPU - m.usage.CPU, elapsed: at.Sub(m.at), packets: count - m.count, memory: usage.Memory}
	if d.packets == 0 {
		return d, fmt.Errorf("%s: no packets in %v", m.proc.Name, d.elapsed)
	}
	return d, nil
}

func (d reading) perMinute() float64 { return d.cpu.Seconds() / d.elapsed.Minutes() }

func (d reading) perPacket() time.Duration { return d.cpu / time.Duration(d.packets) }
