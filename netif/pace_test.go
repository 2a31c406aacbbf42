package netif

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"
)

var epoch = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

// claims returns announcements of 192.0.2.N, or 2001:db8::N for N above 1000.
func claims(link int, numbers ...int) (as []Announcement) {
	for _, n := range numbers {
		a := netip.AddrFrom4([4]byte{192, 0, 2, byte(n)})
		if n > 1000 {
			a = netip.AddrFrom16([16]byte{0x20, 0x01, 0x0d, 0xb8, 15: byte(n)})
		}
		as = append(as, Announcement{Link: link, Addr: a})
	}
	return as
}

// run takes what leaves until nothing waits, as "ms:link/N ...".
func run(p *Pacer, now time.Time) string {
	var log []string
	for {
		for _, a := range p.Take(now, nil) {
			b := a.Addr.AsSlice()
			log = append(log, fmt.Sprintf("%d:%d/%d", now.Sub(epoch).Milliseconds(), a.Link, b[len(b)-1]))
		}
		at, ok := p.Next()
		if !ok {
			return strings.Join(log, " ")
		}
		now = at
	}
}

func TestPacer(t *testing.T) {
	const ms = time.Millisecond
	for _, c := range []struct {
		name string
		do   func(p *Pacer)
		want string
	}{
		{"nothing", func(p *Pacer) { p.Add(1, nil, 5); p.Add(1, claims(1, 1), 0); p.Cancel(1) }, ""},
		{"unspaced, the first of each before the second of any", func(p *Pacer) { p.Add(1, claims(1, 1, 2, 3), 2) },
			"0:1/1 0:1/2 0:1/3 0:1/1 0:1/2 0:1/3"},
		{"spaced", func(p *Pacer) {
			p.SetPace(Pace{Spacing: Spacing{ARP: 10 * ms}})
			p.Add(1, claims(1, 1, 2), 2)
		}, "0:1/1 10:1/2 20:1/1 30:1/2"},
		{"who comes late is not behind the second round of others", func(p *Pacer) {
			p.SetPace(Pace{Spacing: Spacing{ARP: 10 * ms}})
			p.Add(1, claims(1, 1, 2), 3)
			p.Take(epoch, nil)
			p.Take(epoch.Add(10*ms), nil)
			p.Take(epoch.Add(20*ms), nil) // 1 again
			p.Add(2, claims(1, 3), 3)
		}, "30:1/3 40:1/2 50:1/3 60:1/1 70:1/2 80:1/3"},
		{"families and links have a lane each", func(p *Pacer) {
			p.SetPace(Pace{Spacing: Spacing{ARP: 10 * ms, NA: 20 * ms}})
			p.Add(1, claims(1, 1, 2), 1)
			p.Add(1, claims(1, 1031, 1032), 1)
			p.Add(1, claims(2, 5, 6), 1)
		}, "0:1/1 0:1/7 0:2/5 10:1/2 10:2/6 20:1/8"},
		{"links of a group share one", func(p *Pacer) {
			p.SetPace(Pace{Spacing: Spacing{ARP: 500 * ms}, Groups: []PaceGroup{{Spacing{ARP: 10 * ms}, []int{1, 2}}}})
			p.Add(1, claims(1, 1, 2), 1)
			p.Add(2, claims(2, 3), 1)
			p.Add(2, claims(3, 4), 1)
		}, "0:1/1 0:3/4 10:1/2 20:2/3"},
		{"a link that has left its group", func(p *Pacer) {
			p.SetPace(Pace{Groups: []PaceGroup{{Spacing{ARP: 10 * ms}, []int{1, 2}}}})
			p.SetPace(Pace{Groups: []PaceGroup{{Spacing{ARP: 10 * ms}, []int{1}}}})
			p.Add(1, claims(1, 1, 2), 1)
			p.Add(1, claims(2, 3, 4), 1)
		}, "0:1/1 0:2/3 0:2/4 10:1/2"},
		{"a slower pace for what waits", func(p *Pacer) {
			p.Add(1, claims(1, 1, 2), 2)
			p.Take(epoch, nil)
			p.SetPace(Pace{Spacing: Spacing{ARP: 10 * ms}})
		}, "10:1/1 20:1/2"},
		{"a faster pace begins at once", func(p *Pacer) {
			p.SetPace(Pace{Spacing: Spacing{ARP: time.Hour}})
			p.Add(1, claims(1, 1, 2, 3), 1)
			p.Take(epoch, nil)
			p.SetPace(Pace{Spacing: Spacing{ARP: 10 * ms}})
		}, "10:1/2 20:1/3"},
		{"links that are brought together keep their turns", func(p *Pacer) {
			p.SetPace(Pace{Spacing: Spacing{ARP: 10 * ms}})
			p.Add(1, claims(1, 1, 2), 2)
			p.Add(2, claims(2, 3, 4), 2)
			p.Take(epoch, nil)
			p.SetPace(Pace{Groups: []PaceGroup{{Spacing{ARP: 10 * ms}, []int{1, 2}}}})
		}, "10:1/2 20:2/4 30:1/1 40:2/3 50:1/2 60:2/4"},
		{"a group that is no more", func(p *Pacer) {
			p.SetPace(Pace{Groups: []PaceGroup{{Spacing{ARP: time.Hour}, []int{1, 2}}}})
			p.Add(1, claims(1, 1), 1)
			p.Add(2, claims(2, 3), 1)
			p.SetPace(Pace{})
		}, "0:1/1 0:2/3"},
		{"B-3 an owner that is cancelled is silent at once, and may come back", func(p *Pacer) {
			p.SetPace(Pace{Spacing: Spacing{ARP: 10 * ms}})
			p.Add(1, claims(1, 1, 2, 3), 2)
			p.Add(2, claims(1, 9), 2)
			p.Take(epoch, nil)
			p.Cancel(1)
			p.Add(1, claims(1, 2), 1)
		}, "10:1/9 20:1/2 30:1/9"},
		{"an address that waits does not wait twice", func(p *Pacer) {
			p.SetPace(Pace{Spacing: Spacing{ARP: 10 * ms}})
			p.Add(1, claims(1, 1, 2), 2)
			p.Add(1, claims(1, 2, 1), 3)
		}, "0:1/1 10:1/2 20:1/1 30:1/2 40:1/1 50:1/2"},
		{"but begins anew", func(p *Pacer) {
			p.SetPace(Pace{Spacing: Spacing{ARP: 10 * ms}})
			p.Add(1, claims(1, 1, 2), 2)
			p.Take(epoch, nil)
			p.Add(1, claims(1, 1), 2)
		}, "10:1/2 20:1/1 30:1/2 40:1/1"},
		{"the pace outlasts the queue", func(p *Pacer) {
			p.SetPace(Pace{Spacing: Spacing{ARP: 10 * ms}})
			p.Add(1, claims(1, 1), 1)
			p.Take(epoch, nil)
			p.Take(epoch.Add(5*ms), nil)
			p.Add(1, claims(1, 2), 1)
		}, "10:1/2"},
	} {
		var p Pacer
		c.do(&p)
		if got := run(&p, epoch); got != c.want {
			t.Errorf("%s:\n got %s\nwant %s", c.name, got, c.want)
		}
		if len(p.waiting) != 0 {
			t.Errorf("%s: remembers %d addresses", c.name, len(p.waiting))
		}
	}
}

// Somebody who always wakes late keeps the rate of short intervals, and never
// makes a burst after a long sleep.
func TestPacerOfSomebodyLate(t *testing.T) {
	var p Pacer
	p.SetPace(Pace{Spacing: Spacing{ARP: 100 * time.Microsecond}})
	var numbers []int
	for n := range 200 {
		numbers = append(numbers, n)
	}
	p.Add(1, claims(1, numbers...), 1)
	now, sent := epoch, 0
	for range 10 {
		n := len(p.Take(now, nil))
		if n > 11 {
			t.Fatalf("a burst of %d", n)
		}
		sent += n
		now = now.Add(500 * time.Microsecond) // late, by five intervals
	}
	if sent < 45 || sent > 50 {
		t.Errorf("%d in 4.5 ms", sent)
	}
	if n := len(p.Take(now.Add(time.Hour), nil)); n != 1 {
		t.Errorf("%d after an hour", n)
	}
}

// Whatever is asked for and cancelled: no two of a lane leave closer than the
// spacing, no address has its second announcement while another waits for its
// first, the cancelled are silent, and all others get what they asked for.
func TestPacerIsFair(t *testing.T) {
	for seed := range uint64(300) {
		r := rand.New(rand.NewPCG(seed, 1))
		var p Pacer
		spacing := time.Duration(r.IntN(3)) * 10 * time.Millisecond
		p.SetPace(Pace{Spacing: Spacing{ARP: spacing}})
		now := epoch
		type state struct{ owed, made int }
		want := map[netip.Addr]*state{} // of one link; owners are told by the address
		var last time.Time
		owner := func(a netip.Addr) int { return int(a.As4()[3]) % 3 }
		for range 400 {
			switch r.IntN(4) {
			case 0:
				a := claims(1, r.IntN(20))
				times := 1 + r.IntN(4)
				p.Add(owner(a[0].Addr), a, times)
				s := want[a[0].Addr]
				if s == nil {
					s = &state{}
				}
				want[a[0].Addr] = &state{owed: max(times, s.owed)}
			case 1:
				who := r.IntN(3)
				p.Cancel(who)
				for a := range want {
					if owner(a) == who {
						delete(want, a)
					}
				}
			default:
				now = now.Add(time.Duration(r.IntN(15)) * time.Millisecond)
			}
			for _, x := range p.Take(now, nil) {
				s := want[x.Addr]
				if s == nil || x.Owner != owner(x.Addr) || now.Before(last.Add(spacing-catchUp)) {
					t.Fatalf("seed %d: %v at %v after %v", seed, x.Addr, now, last)
				}
				for a, other := range want {
					if other.made < s.made {
						t.Fatalf("seed %d: number %d of %v while %v has had %d", seed, s.made+1, x.Addr, a, other.made)
					}
				}
				last = now
				s.made++
				if s.owed--; s.owed == 0 {
					delete(want, x.Addr)
				}
			}
		}
		for at, ok := p.Next(); ok; at, ok = p.Next() {
			for _, x := range p.Take(at, nil) {
				if s := want[x.Addr]; s == nil {
					t.Fatalf("seed %d: %v was not asked for", seed, x.Addr)
				} else if s.owed--; s.owed == 0 {
					delete(want, x.Addr)
				}
			}
		}
		if len(want) > 0 {
			t.Errorf("seed %d: still owed: %v", seed, slices.Collect(maps.Keys(want)))
		}
	}
}

func BenchmarkPacer(b *testing.B) {
	var p Pacer
	var as []Announcement
	for i := range 5000 {
		as = append(as, Announcement{Link: 1, Addr: netip.AddrFrom4([4]byte{198, 18, byte(i >> 8), byte(i)})})
	}
	var out []Departure
	for b.Loop() {
		p.Add(1, as, 5)
		for range 5 {
			out = p.Take(epoch, out[:0])
		}
	}
	b.ReportMetric(float64(b.N*5*len(as))/b.Elapsed().Seconds(), "announcements/s")
}
