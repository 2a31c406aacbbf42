package main_test

import (
	"slices"
	"syscall"
	"testing"
	"time"

	"regent/cmd/internal/lab"
)

// between puts regent between keepalived, which speaks version 2 alone, and
// FRR, which speaks version 3 alone: without regent they do not hear each
// other and are masters together.
type between struct {
	*stage
	older, newer router
	regent       *lab.Host
}

func setBetween(t *testing.T) *between {
	t.Helper()
	s := setStage(t)
	return &between{
		stage:  s,
		regent: s.host("regent", "192.0.2.1/24"),
		older:  newKeepalived(s, v2IPv4, 3, 0),
		newer:  newFRR(s, v3IPv4.every(time.Second), 2, 0),
	}
}

// start runs regent, in both versions.
func (b *between) start(priority int, more ...string) *lab.Proc {
	b.Helper()
	return b.stage.start(regentd, b.regent, instance("eth0", priority, "0.5", append(more, "interop_v2v3")...))
}

// rules waits until a router advertises from now on.
func (b *between) rules(who router) {
	b.Helper()
	now := time.Now()
	b.until(who.name()+" advertises", func() bool {
		return slices.ContainsFunc(b.wire.Adverts(), func(a lab.Advert) bool {
			return a.Src == who.src() && a.At.After(now) && a.Priority > 0
		})
	})
}

// masters waits until these routers have the address, and no others.
func (b *between) masters(what string, regent, older, newer bool) {
	b.Helper()
	b.until(what, func() bool {
		return b.regent.Has(vip) == regent && b.older.owns(older) && b.newer.owns(newer)
	})
}

// V-31: the bytes that regent sends are one advert in version 3 and the same in
// version 2, one right after the other; keepalived obeys the one, FRR the other,
// and both take over at once when it resigns in both.
func TestBothVersionsOnTheWire(t *testing.T) {
	t.Parallel()
	b := setBetween(t)
	b.older.start(100)
	b.newer.start(90)
	b.rules(b.older)
	b.rules(b.newer)
	b.masters("each version has a master", false, true, true)

	p := b.start(200)
	b.masters("regent is the only master", true, false, false)
	b.until("regent has sent some adverts", func() bool { return len(b.sent()) >= 10 })
	for _, quiet := range []router{b.older, b.newer} {
		b.until(quiet.name()+" is still no master", func() bool { return quiet.owns(false) })
	}
	b.must(p.Signal(syscall.SIGTERM))
	b.ended(p)
	b.masters("each version has a master again", false, true, true)

	// VRID 51, priority 200, one address, 0.5 s or 1 s, checksum, 192.0.2.100,
	// and behind version 2 the authentication data.
	const newer, older = "3133c8010032a1a3c0000264", "2133c80100015465c00002640000000000000000"
	const newerEnd, olderEnd = "31330001003269a4c0000264", "2133000100011c66c00002640000000000000000"
	sent := b.sent()
	if len(sent)%2 != 0 {
		t.Fatalf("regent has sent %d adverts, which are no pairs", len(sent))
	}
	for i := 0; i < len(sent); i += 2 {
		want := [2]string{newer, older}
		if i == len(sent)-2 {
			want = [2]string{newerEnd, olderEnd}
		}
		if got := [2]string(sent[i : i+2]); got != want {
			t.Errorf("pair %d of %d: %v, want %v", i/2+1, len(sent)/2, got, want)
		}
	}
	b.checkFrames([]string{b.regent.MAC("eth0").String()})
}

// sent returns what regent has sent so far.
func (b *between) sent() []string { return b.sentBy(b.regent) }

// V-32: as backup it obeys either of them, and takes over from each when that
// is silent: T-2 with the interval that was learned.
func TestBothVersionsAreUnderstood(t *testing.T) {
	t.Parallel()
	for _, version := range []string{"2", "3"} {
		t.Run("version "+version, func(t *testing.T) {
			t.Parallel()
			b := setBetween(t)
			better := b.older
			if version == "3" {
				better = b.newer
			}
			better.start(150)
			b.rules(better)

			p := b.start(100, "down_timer_adverts 8")
			b.until("regent has begun", func() bool { return p.Said("Entering BACKUP STATE") })
			heard := len(b.wire.Adverts())
			b.until("some adverts were sent", func() bool { return len(b.wire.Adverts()) >= heard+6 })
			if p.Said("Entering MASTER STATE") || len(b.sent()) > 0 {
				t.Errorf("regent is no backup:\n%s", p.Log())
			}
			better.crash()
			b.until("regent has taken over", func() bool { return b.regent.Has(vip) })
			b.until("regent says from whom", func() bool { return p.Said("(priority 150) for ") })
			better.start(150)
			b.rules(better)
			b.until("regent has given the address up", func() bool { return !b.regent.Has(vip) })
		})
	}
}
