package netiftest

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"regent/netif"
	"regent/vrrp"
)

func mac(last byte) net.HardwareAddr { return net.HardwareAddr{2, 0, 0, 0, 0, last} }

// lan is two hosts on a segment, both in the group.
func lan(t *testing.T) (s *Segment, a, b *Host) {
	s = NewSegment()
	a = s.NewHost("a", mac(1), netip.MustParsePrefix("192.0.2.1/24"))
	b = s.NewHost("b", mac(2), netip.MustParsePrefix("192.0.2.2/24"))
	for _, h := range []*Host{a, b} {
		if err := h.Wire().Join(1, vrrp.Group4); err != nil {
			t.Fatal(err)
		}
	}
	return s, a, b
}

func packet(from, to, text string) netif.Packet {
	return netif.Packet{Link: 1, Payload: []byte(text), Envelope: vrrp.Envelope{
		Src: netip.MustParseAddr(from), Dst: netip.MustParseAddr(to),
	}}
}

func say(h *Host, text string) (sent, dropped int) {
	h.Wire().Queue(packet("192.0.2.1", "224.0.0.18", text))
	return h.Wire().Flush()
}

func heard(t *testing.T, h *Host) (texts []string) {
	t.Helper()
	for {
		ps, err := h.Wire().Receive()
		if err != nil {
			t.Fatal(err)
		}
		if ps == nil {
			return texts
		}
		for _, p := range ps {
			if p.Link != 1 || p.Envelope.TTL != vrrp.HopLimit {
				t.Errorf("heard %+v", p)
			}
			texts = append(texts, string(p.Payload))
		}
	}
}

func TestSegmentCarriesToItsMembers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, a, b := lan(t)
		c := s.NewHost("c", mac(3)) // in no group
		if sent, dropped := say(a, "hello"); sent != 1 || dropped != 0 {
			t.Errorf("sent %d, dropped %d", sent, dropped)
		}
		if got := heard(t, b); !slices.Equal(got, []string{"hello"}) {
			t.Errorf("b heard %v", got)
		}
		if got := append(heard(t, a), heard(t, c)...); got != nil {
			t.Errorf("the sender, or a stranger to the group, heard %v", got)
		}
		a.Wire().Queue(packet("192.0.2.1", "192.0.2.2", "unicast"))
		a.Wire().Flush()
		if got := heard(t, b); !slices.Equal(got, []string{"unicast"}) {
			t.Errorf("b heard %v", got)
		}
		if err := b.Wire().Leave(1, vrrp.Group4); err != nil {
			t.Error(err)
		}
		say(a, "again")
		if got := heard(t, b); got != nil {
			t.Errorf("b heard %v after leaving", got)
		}
		if log := s.Adverts(); len(log) != 3 || log[0].From != a || string(log[2].Payload) != "again" {
			t.Errorf("log %v", log)
		}
	})
}

func TestFaults(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, a, b := lan(t)
		s.Partition([]*Host{a}, []*Host{b})
		say(a, "cut")
		s.Heal()
		s.Lose(func(from, to *Host, p netif.Packet) bool { return from == a && to == b && string(p.Payload) == "lost" })
		say(a, "lost")
		say(a, "one")
		b.SetUp("eth0", false)
		say(a, "deaf")
		if sent, dropped := say(b, "dumb"); sent != 0 || dropped != 1 {
			t.Errorf("a link that is down sent %d, dropped %d", sent, dropped)
		}
		if drops := b.Wire().Drops(); len(drops) != 1 || drops[0].Packet != 0 || drops[0].Link != 1 || drops[0].Err == nil {
			t.Errorf("drops %+v", drops)
		}
		b.SetUp("eth0", true)
		say(a, "two")
		stranger := packet("192.0.2.66", "224.0.0.18", "stranger")
		stranger.Envelope.TTL = vrrp.HopLimit // taken as it is
		s.Inject(stranger)
		if got := heard(t, b); !slices.Equal(got, []string{"one", "two", "stranger"}) {
			t.Errorf("b heard %v", got)
		}
	})
}

// Wait ends with a packet, a Wake, or the time, whichever is first.
func TestWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, a, b := lan(t)
		start := time.Now()
		b.Wire().Wait(time.Hour)
		if took := time.Since(start); took != time.Hour {
			t.Errorf("nothing happened, and Wait took %v", took)
		}
		time.AfterFunc(time.Second, func() { say(a, "hello") })
		start = time.Now()
		b.Wire().Wait(-1)
		if took := time.Since(start); took != time.Second {
			t.Errorf("a packet after a second, and Wait took %v", took)
		}
		b.Wire().Wait(-1) // it is still there
		heard(t, b)
		time.AfterFunc(time.Second, b.Wire().Wake)
		b.Wire().Wait(-1)
		if took := time.Since(start); took != 2*time.Second {
			t.Errorf("a Wake after a second, and Wait took %v", took)
		}
		b.Wire().Wake()
		b.Wire().Wait(-1)
		b.Wire().Wait(time.Minute) // one Wake ends one Wait
		if took := time.Since(start); took != time.Minute+2*time.Second {
			t.Errorf("an old Wake ended a Wait after %v", took)
		}
	})
}

func TestWatchAndChange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, a, _ := lan(t)
		var reports [][]netif.Link
		ctx, cancel := context.WithCancel(t.Context())
		var ended error
		go func() {
			ended = a.Watch(ctx, func(ls []netif.Link) { reports = append(reports, ls) })
		}()
		last := func() []netif.Link {
			synctest.Wait()
			if len(reports) == 0 {
				t.Fatal("no report")
			}
			r := reports[len(reports)-1]
			reports = nil
			return r
		}
		if r := last(); len(r) != 1 || r[0].Name != "eth0" || !r[0].Running {
			t.Errorf("first report %+v", r)
		}

		vip := netif.Address{Prefix: netip.MustParsePrefix("192.0.2.20/32")}
		if errs := a.Change([]netif.Change{{Link: 1, Address: vip}}); errs != nil {
			t.Error(errs)
		}
		if r := last(); !a.Has(vip.Prefix.Addr()) || len(r[0].Addresses) != 2 || !r[0].Addresses[1].Ours {
			t.Errorf("after an addition %+v", r)
		}
		refusal := errors.New("refused")
		a.Refuse(func(c netif.Change) error {
			if c.Remove {
				return refusal
			}
			return nil
		})
		a.Slow(time.Second)
		start := time.Now()
		errs := a.Change([]netif.Change{{Link: 1, Address: vip}, {Link: 1, Address: vip, Remove: true}})
		if len(errs) != 2 || errs[0] != nil || errs[1] != refusal || time.Since(start) != 2*time.Second {
			t.Errorf("refused %v after %v", errs, time.Since(start))
		}
		if cs := a.Changes(); len(cs) != 3 || cs[2].Err != refusal || !cs[2].At.Equal(time.Now()) {
			t.Errorf("record %+v", cs)
		}

		if errs := a.Announce([]netif.Announcement{{Link: 1, Addr: vip.Prefix.Addr()}, {Link: 7}}); len(errs) != 2 || errs[0] != nil || errs[1] == nil {
			t.Errorf("announced %v", errs)
		}
		if as := a.Announcements(); len(as) != 1 || as[0].Addr != vip.Prefix.Addr() {
			t.Errorf("record %+v", as)
		}

		a.Remove("eth0")
		if r := last(); len(r) != 1 || !r[0].Gone || r[0].Index != 1 {
			t.Errorf("after a removal %+v", r)
		}
		if n := a.Attach(s, "eth0", mac(1)); n != 2 {
			t.Errorf("the new link has index %d", n)
		}
		if r := last(); len(r) != 1 || r[0].Index != 2 {
			t.Errorf("after an attachment %+v", r)
		}
		cancel()
		synctest.Wait()
		if ended != context.Canceled {
			t.Errorf("ended with %v", ended)
		}
	})
}
