package main_test

import (
	"bytes"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"regent/cmd/internal/lab"
)

// S-33: a master that hears a better one says nothing more, or exactly one
// advert with higher_prio_send_advert, in both versions and as keepalived does.
func TestTheLastWord(t *testing.T) {
	t.Parallel()
	for _, d := range []lab.Daemon{regentd, lab.Keepalived()} {
		for _, w := range []speaker{
			// So long that it has nothing else to say meanwhile.
			{version: 3, priority: 150, interval: "5", field: 500, addresses: list4},
			{version: 2, priority: 150, interval: "5", field: 5, addresses: list4},
		} {
			for line, words := range map[string][]byte{"": nil, "higher_prio_send_advert": {150}} {
				t.Run(fmt.Sprintf("%s/v%d/%s", d.Name, w.version, line), func(t *testing.T) {
					t.Parallel()
					s := setStage(t)
					h, rival := s.host("router", "192.0.2.1/24"), s.host("rival", "192.0.2.9/24")
					w := w
					w.conf = line
					p := s.start(d, h, w.configuration())
					s.until("the router is master", func() bool { return h.Has(vip) })
					s.until("its first advert was seen", func() bool { return len(s.sentBy(h)) > 0 })
					better := w.forge(rival, netip.MustParseAddr("192.0.2.9"), 200, nil)
					s.must(rival.Inject("eth0", better))
					s.until("the router has yielded", func() bool { // it has been a backup before
						return strings.Count(p.Log(), "Entering BACKUP STATE") == 2
					})
					var said []byte // the priorities of what came after
					s.until("the better advert and what followed are seen", func() bool {
						all := s.wire.Adverts()
						i := slices.IndexFunc(all, func(a lab.Advert) bool { return bytes.Equal(a.MAC, rival.MAC("eth0")) })
						if i < 0 {
							return false
						}
						said = nil
						for _, a := range all[i+1:] {
							said = append(said, a.Priority)
						}
						return len(said) >= len(words)
					})
					if !bytes.Equal(said, words) {
						t.Errorf("after the better advert it said %v, want %v", said, words)
					}
				})
			}
		}
	}
}
