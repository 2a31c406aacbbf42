package main_test

import (
	"encoding/hex"
	"slices"
	"testing"

	"regent/cmd/internal/lab"
)

// What regent sends with one address, 192.0.2.100, VRID 51, every 0.2 s, by
// priority: with a pseudo-header from 192.0.2.1 in the checksum, and without.
const (
	sum200       = "3133c80100144452c0000264"
	sum200Pseudo = "3133c8010014a1c1c0000264"
)

// W-45, W-46, W-47: the form of the checksum is that of the configuration, or
// by default that of the neighbour; and a form that is not taken for right is
// not heard, so that there are two masters.
func TestChecksumForms(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, ours, theirs string
		want               string // all of our adverts, who have priority 200
		two                bool   // masters
	}{
		{"pseudo", "checksum_tx pseudo", "checksum_tx message-only", sum200Pseudo, false},
		{"message-only", "checksum_tx message-only", "checksum_tx pseudo", sum200, false},
		{"auto, to a neighbour with pseudo-header", "checksum_tx auto", "checksum_tx pseudo", sum200Pseudo, false},
		{"auto, to a neighbour without", "", "checksum_tx message-only", sum200, false},
		{"auto, to one that is not heard", "checksum_rx pseudo", "checksum_tx message-only", sum200Pseudo, false},
		{"pseudo, to one that wants none", "checksum_tx pseudo", "profile strict-9568", sum200Pseudo, true},
		{"message-only, to one that wants it", "checksum_tx message-only", "profile strict-9568", sum200, false},
		{"strict-9568, to one that wants the other", "profile strict-9568", "checksum_rx pseudo", sum200, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := setStage(t)
			ours, theirs := s.host("ours", "192.0.2.1/24"), s.host("theirs", "192.0.2.2/24")
			s.start(regentd, theirs, instance("eth0", 100, "0.2", c.theirs))
			s.until("the neighbour is master", func() bool { return len(s.sentBy(theirs)) >= 2 })
			// For five seconds, in which it hears the neighbour however busy that is.
			s.start(regentd, ours, instance("eth0", 200, "0.2", c.ours, "down_timer_adverts 25"))
			s.until("we are master", func() bool { return len(s.sentBy(ours)) >= 5 })
			if c.two {
				n := len(s.sentBy(theirs))
				s.until("the neighbour is master, too", func() bool { return len(s.sentBy(theirs)) >= n+5 && theirs.Has(vip) })
			} else {
				s.until("the neighbour is backup", func() bool { return !theirs.Has(vip) })
			}
			for i, sent := range s.sentBy(ours) {
				if sent != c.want {
					t.Fatalf("advert %d: %s, want %s", i+1, sent, c.want)
				}
			}
		})
	}
}

// sentBy returns the adverts of a host behind their IP headers, in hex.
func (s *stage) sentBy(h *lab.Host) (all []string) {
	const headers = 14 + 20
	for _, a := range s.wire.Adverts() {
		if slices.Equal(a.MAC, h.MAC("eth0")) {
			all = append(all, hex.EncodeToString(a.Frame.Data[headers:]))
		}
	}
	return all
}
