package dump

import (
	"fmt"
	"io"

	"regent/cmd/internal/daemon"
	"regent/vrrp"
)

// A section is a group of lines of the statistics.
type section struct {
	title string
	lines []line
}

type line struct {
	key string
	n   uint64
}

// writeStats writes the counters: of every router first those that keepalived
// has, in its words, then all of regent's under the names of the metrics. What
// belongs to no router follows by link.
//
// Tools that read keepalived's file pass over sections that they do not know,
// but want a number behind every colon.
func writeStats(w io.Writer, s *daemon.Status) error {
	e := &errWriter{w: w}
	for i := range s.Routers {
		r := &s.Routers[i]
		e.printf("VRRP Instance: %s\n", r.Settings.Name)
		for _, sec := range keepalivedCounters(&r.Counters) {
			sec.write(e)
		}
		own := section{title: "Regent"}
		for name, n := range r.Counters.All {
			own.lines = append(own.lines, line{name, n})
		}
		own.write(e)
	}
	for i := range s.Links {
		if l := &s.Links[i]; l.Routers {
			e.printf("Interface: %s\n", l.Link.Name)
			linkCounters(&l.Counters).write(e)
		}
	}
	total := s.Total()
	e.printf("All interfaces\n")
	all := linkCounters(&total)
	all.lines = append(all.lines, // an overflow can look like the silence of a peer
		line{"receive_buffer_overflows", s.Wire.Overflows}, line{"malformed_datagrams", s.Wire.Malformed})
	all.write(e)
	return e.err
}

// keepalivedCounters are those of a router that keepalived has.
func keepalivedCounters(c *daemon.Counters) []section {
	wire := &c.Wire
	return []section{
		{"Advertisements", []line{{"Received", c.Received}, {"Sent", c.Sent}}},
		{"", []line{{"Became master", c.BecameMaster}, {"Released master", c.ReleasedMaster}}},
		{"Packet Errors", []line{
			{"Length", wire[vrrp.PacketLengthErrors]},
			{"TTL", wire[vrrp.TTLErrors]},
			{"Invalid Type", wire[vrrp.InvalidTypeReceived]},
			{"Advertisement Interval", wire[vrrp.IntervalErrors]},
			{"Address List", wire[vrrp.AddressListErrors]},
		}},
		{"Authentication Errors", []line{
			{"Invalid Type", wire[vrrp.InvalidAuthType]},
			{"Type Mismatch", wire[vrrp.AuthTypeMismatch]},
			{"Failure", wire[vrrp.AuthFailures]},
		}},
		{"Authentication Extension Errors", []line{
			{"Missing", wire[vrrp.AuthExtMissing]},
			{"Malformed", wire[vrrp.AuthExtMalformed]},
			{"Unknown Key", wire[vrrp.AuthExtUnknownKey]},
			{"Invalid HMAC", wire[vrrp.AuthExtInvalidHMAC]},
			{"Stale", wire[vrrp.AuthExtStale]},
			{"Replay", wire[vrrp.AuthExtReplay]},
		}},
		{"Priority Zero", []line{{"Received", c.PriorityZeroReceived}, {"Sent", c.PriorityZeroSent}}},
	}
}

// linkCounters are those of a link, and of packets for routers that it has not.
func linkCounters(c *vrrp.Counters) section {
	s := section{title: "Regent"}
	for i, n := range c {
		counter := vrrp.Counter(i)
		if counter.OfLink() || counter == vrrp.InvalidTypeReceived || counter == vrrp.PacketLengthErrors {
			s.lines = append(s.lines, line{counter.String(), n})
		}
	}
	return s
}

// write writes the lines below their title; without one they stand for themselves.
func (s section) write(e *errWriter) {
	indent := "  "
	if s.title != "" {
		e.printf("  %s:\n", s.title)
		indent = "    "
	}
	for _, l := range s.lines {
		e.printf("%s%s: %d\n", indent, l.key, l.n)
	}
}

// An errWriter writes until something fails, and keeps the error.
type errWriter struct {
	w   io.Writer
	err error
}

// say writes a setting or a state of a router.
func (e *errWriter) say(key, format string, args ...any) {
	e.printf("   "+key+" = "+format+"\n", args...)
}

func (e *errWriter) printf(format string, args ...any) {
	if e.err == nil {
		_, e.err = fmt.Fprintf(e.w, format, args...)
	}
}
