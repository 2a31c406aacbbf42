package fsm_test

import (
	"net/netip"
	"slices"
	"testing"
	"time"

	"regent/fsm"
)

// FuzzStep lets any events happen at any time to a group of any settings: no
// panic, and its manners hold. Settings may be as wrong as they can be; only
// durations have an end, because a clock has one.
func FuzzStep(f *testing.F) {
	f.Add([]byte("\x00\x01\x64\x01\x00\x00\x00\x00\x00\x00" + "\x00\x01\x05\x02\x03\x96"))
	f.Add([]byte("\x02" + "0123456789" + "abcdefghij" + "zyxwvutsrq" + "0\x001\x002\x00hello, world, this is a long night"))
	f.Add([]byte("\x01\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x00\x00\x01\x00\x10\x04\x01\x21\x03"))
	f.Fuzz(func(t *testing.T, data []byte) {
		d := dice(data)
		configs := make([]fsm.Config, 1+d.next()%3)
		for i := range configs {
			configs[i] = d.config()
		}
		c := newConduct(configs...)
		var now fsm.Time
		var out []fsm.Action
		for len(d) > 0 {
			router := d.next() % len(configs)
			ev := d.event()
			var err error
			switch d.next() % 5 {
			case 0:
				now = now.Add(d.duration())
			case 1: // when it is due
				now = max(now, min(c.routers[router].wake, now.Add(time.Hour)))
				ev = fsm.Expire{}
			case 2:
				if out, err = c.regroup(now, d.sets(len(configs)), out[:0]); err != nil {
					t.Fatalf("%v: regroup: %v\n%+v", time.Duration(now), err, out)
				}
			}
			if out, err = c.step(now, router, ev, out[:0]); err != nil {
				t.Fatalf("%v: router %d, %s: %v\n%+v", time.Duration(now), router, describe(ev), err, out)
			}
		}
	})
}

// dice are bytes that decide; when they have run out they say 0.
type dice []byte

func (d *dice) next() int {
	if len(*d) == 0 {
		return 0
	}
	n := int((*d)[0])
	*d = (*d)[1:]
	return n
}

// sets divides n routers.
func (d *dice) sets(n int) [][]int {
	sets := make([][]int, n)
	for router := range n {
		s := d.next() % n
		sets[s] = append(sets[s], router)
	}
	return slices.DeleteFunc(sets, func(s []int) bool { return len(s) == 0 })
}

func (d *dice) flag() bool { return d.next()%2 == 1 }

// duration is anything from -1 ns to a few hours, most often of the order of
// the timers.
func (d *dice) duration() time.Duration {
	n := time.Duration(d.next())
	switch d.next() % 6 {
	case 0:
		return 0
	case 1:
		return n
	case 2:
		return n * time.Minute
	default:
		return n * 10 * time.Millisecond
	}
}

// interval is one of which 1/256, the shortest skew, is not nothing.
func (d *dice) interval() time.Duration { return 256 * (d.duration() - 1) }

func (d *dice) config() fsm.Config {
	flags := d.next()
	return fsm.Config{
		Version: uint8(d.next() % 4), Priority: uint8(d.next()), Interval: d.interval(),
		DownAdverts: d.next() - 20, PreemptDelay: d.duration() - 1, StartDelay: d.duration() - 1,
		NoPreempt: flags&1 > 0, SilentToLower: flags&2 > 0, ReplyToLower: flags&4 > 0,
		LastWord: flags&8 > 0, VirtualMAC: flags&16 > 0, BothVersions: flags&32 > 0, ResignNoExtend: flags&64 > 0,
		ExpiredBackup: uint8(d.next() * (flags >> 7)), MinLearned: d.interval(),
		Announce: fsm.Announcing{
			Repeat: d.next() - 5, Delay: d.duration() - 1, Refresh: d.duration() - 1,
			RefreshRepeat: d.next() - 5, LowerRepeat: d.next() - 5, LowerDelay: d.duration() - 1,
			Elsewhere: d.duration() - 1,
		},
	}
}

func (d *dice) event() fsm.Event {
	switch d.next() % 12 {
	case 0:
		return fsm.Start{}
	case 1:
		return fsm.Stop{}
	case 2:
		return fsm.Judged{Verdict: fsm.Verdict{Delta: 4 * (d.next() - 128), Fault: d.flag(), Wait: d.flag()}}
	case 3:
		return fsm.Judged{}
	case 4:
		return fsm.Configured{Config: d.config()}
	case 5:
		return fsm.Addressed{Primary: d.addr(), Announce: d.flag()}
	case 6, 7:
		return fsm.Expire{}
	}
	return fsm.Heard{Source: d.addr(), Version: uint8(2 + d.next()%2), Priority: uint8(d.next()), Interval: d.interval()}
}

func (d *dice) addr() netip.Addr {
	switch n := d.next(); n % 4 {
	case 0:
		return netip.Addr{}
	case 1:
		return netip.AddrFrom16([16]byte{0xfe, 0x80, 15: byte(n)}).WithZone("eth0")
	default:
		return netip.AddrFrom4([4]byte{192, 0, 2, byte(n)})
	}
}
