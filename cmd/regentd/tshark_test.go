package main_test

import (
	"path/filepath"
	"slices"
	"strings"

	"regent/cmd/internal/lab"
)

// checkFrames lets tshark judge every VRRP, ARP and neighbour discovery frame
// that came from one of some MAC addresses: none may be malformed or wrongly
// summed. Its reading of a version 3 checksum over IPv4 is the one with the
// pseudo-header, unless one of its preferences says otherwise.
func (s *stage) checkFrames(macs []string, preferences ...string) {
	s.Helper()
	path := filepath.Join(s.TempDir(), "regent.pcap")
	n := 0
	s.must(s.wire.Save(path, func(f lab.Frame) bool {
		_, advert := f.Advert()
		_, claim := f.Claim()
		keep := (advert || claim) && slices.Contains(macs, f.From().String())
		if keep {
			n++
		}
		return keep
	}))
	if n == 0 {
		s.Errorf("no frame of %v was captured", macs)
	}
	args := []string{"-n", "-r", path}
	for _, p := range append([]string{"ip.check_checksum:TRUE", "vrrp.v3_checksum_as_in_v2:FALSE"}, preferences...) {
		args = append(args, "-o", p)
	}
	out, err := s.client.Run(s.Context(), "tshark", append(args,
		"-Y", "_ws.malformed || vrrp.checksum.status == 0 || ip.checksum.status == 0 || icmpv6.checksum.status == 0 || "+
			"_ws.expert.severity >= 6291456", // warnings and errors
		"-V")...)
	s.must(err)
	if out = withoutRootWarning(out); out != "" {
		s.Errorf("tshark objects to frames of %v:\n%s", macs, out)
	}
}

// withoutRootWarning removes what tshark always says to root.
func withoutRootWarning(out string) string {
	var kept []string
	for line := range strings.Lines(out) {
		if !strings.HasPrefix(line, "Running as user") {
			kept = append(kept, line)
		}
	}
	return strings.TrimSpace(strings.Join(kept, ""))
}
