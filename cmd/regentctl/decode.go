package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"regent/vrrp"
)

// decode is the command that prints the adverts of a capture.
type decode struct {
	File string `arg:"" help:"Capture to read (pcap or pcapng, also gzipped); - is standard input, as from tcpdump -w -."`
	All  bool   `short:"a" help:"Print all addresses of an advert, not only the first few."`
}

// Help is what regentctl decode --help adds.
func (decode) Help() string {
	return `Each line is one advert; what follows a "!" is a problem, what stands in
parentheses is worth knowing. An HMAC trailer is noted but, without its key,
not verified. The exit code is 1 when some advert has a problem.`
}

// Run prints the capture.
func (d *decode) Run(s streams) error {
	in := s.in
	if d.File != "-" {
		f, err := os.Open(d.File)
		if err != nil {
			return usageError{err} // says open, the file and the cause
		}
		defer f.Close()
		in = f
	}
	c, err := openCapture(in)
	if err != nil {
		return usageError{fmt.Errorf("read %s: %w", d.File, err)}
	}
	l := listing{all: d.All, table: newTable(s.out), routers: map[routerKey]bool{}}
	for {
		p, err := c.next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			l.finish(s.out)
			return fmt.Errorf("read %s: after %d packets: %w", d.File, l.packets, err)
		}
		if err := l.add(p); err != nil {
			return err
		}
	}
	if err := l.finish(s.out); err != nil {
		return err
	}
	if l.faulty > 0 {
		return errFound
	}
	return nil
}

// A listing turns packets into lines, and counts.
type listing struct {
	all   bool
	table *table

	first, last              time.Time
	packets, adverts, faulty int
	routers                  map[routerKey]bool
}

// A routerKey is what makes two adverts speak of the same virtual router (W-1).
type routerKey struct {
	vlan string
	v6   bool
	vrid uint8
}

// add takes in one packet, and prints it if it is an advert.
func (l *listing) add(p packet) error {
	if l.packets == 0 {
		l.first = p.time
	}
	l.packets++
	l.last = p.time
	if p.advert == nil {
		return nil
	}
	l.adverts++
	if p.advert.Fault == vrrp.Accepted {
		l.routers[routerKey{p.vlan, p.v6(), p.advert.VRID}] = true
	}
	r := remarksOn(p)
	if len(r.problems) > 0 {
		l.faulty++
	}
	return l.table.row(append(l.columns(p), r.String())...)
}

// columns are the fields of one advert, dashes where it is too short or too
// strange to have them.
func (l *listing) columns(p packet) []string {
	a := p.advert
	at := strconv.FormatFloat(p.time.Sub(l.first).Seconds(), 'f', 6, 64)
	bytes := strconv.Itoa(len(a.LayerContents()))
	ttl := strconv.Itoa(int(a.Envelope.TTL))
	h, ok := vrrp.ParseHeader(a.LayerContents())
	switch {
	case !ok || a.Fault == vrrp.BadHeader:
		return []string{at, "-", "-", p.from(), p.mac(), p.to(), ttl, "-", "-", "-", bytes, ""}
	case vrrp.LooksLikeCARP(a.LayerContents()):
		// Its VHID stands where the VRID does, and is in the same MAC address.
		return []string{at, strconv.Itoa(int(h.VRID)), "-", p.from(), p.mac(), p.to(), ttl, "-", "-", "-", bytes, ""}
	}
	return []string{
		at,
		strconv.Itoa(int(h.VRID)),
		"v" + strconv.Itoa(int(h.Version)),
		p.from(), p.mac(), p.to(), ttl,
		priority(h.Priority),
		h.Interval.String(),
		checksum(p),
		bytes,
		l.addresses(a.Advert),
	}
}

func priority(n uint8) string {
	switch n {
	case vrrp.Resign:
		return "0 resigns"
	case vrrp.Owner:
		return "255 owner"
	}
	return strconv.Itoa(int(n))
}

// checksum names the form that fitted, where there are two.
func checksum(p packet) string {
	a := p.advert
	switch {
	case a.Fault == vrrp.BadChecksum:
		return "wrong"
	case a.Fault != vrrp.Accepted:
		return "-"
	case a.Version == vrrp.V2 || p.v6():
		return "ok"
	case a.FitsBoth:
		return "either"
	}
	return a.Checksum.String()
}

// fewAddresses are as many as a line shows unasked.
const fewAddresses = 4

func (l *listing) addresses(a vrrp.Advert) string {
	list := a.Addresses
	if !l.all && len(list) > fewAddresses {
		list = list[:fewAddresses-1]
	}
	var b strings.Builder
	for i, addr := range list {
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(addr.String())
	}
	if more := len(a.Addresses) - len(list); more > 0 {
		fmt.Fprintf(&b, " and %d more", more)
	}
	return b.String()
}

// finish prints what there was in all.
func (l *listing) finish(w io.Writer) error {
	if l.adverts == 0 {
		_, err := fmt.Fprintf(w, "no adverts in %s\n", count(l.packets, "packet"))
		return err
	}
	others := ""
	if n := l.packets - l.adverts; n > 0 {
		others = "; " + count(n, "other packet")
	}
	_, err := fmt.Fprintf(w, "\n%s of %s in %v, from %s; %d with problems%s\n",
		count(l.adverts, "advert"), count(len(l.routers), "virtual router"),
		l.last.Sub(l.first), l.first.UTC().Format("2006-01-02 15:04:05 MST"), l.faulty, others)
	return err
}

// count puts a number before a thing, in the plural where that is due.
func count(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return strconv.Itoa(n) + " " + thing + "s"
}
