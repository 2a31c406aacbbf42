package main_test

import (
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"regent/cmd/internal/lab"
)

// TestConfigurationsRunAsTheyAre gives regent and keepalived the two halves of
// the same configuration, and then exchanges them.
func TestConfigurationsRunAsTheyAre(t *testing.T) {
	files, err := filepath.Glob("../../testdata/conf/*.conf")
	if err != nil || len(files) == 0 {
		t.Fatalf("found %v, %v", files, err)
	}
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		master := string(b)
		backup := strings.NewReplacer("state MASTER", "state BACKUP", "priority 150", "priority 100").Replace(master)
		name := strings.TrimSuffix(filepath.Base(file), ".conf")
		for _, role := range []struct {
			name          string
			regent, rival string
		}{{"as-master", master, backup}, {"as-backup", backup, master}} {
			t.Run(name+"/"+role.name, func(t *testing.T) {
				t.Parallel()
				runHalves(setStage(t), role.regent, role.rival, virtual(t, master))
			})
		}
	}
}

// runHalves runs both halves until the better one has all addresses, ends it,
// and waits until the other one has them.
func runHalves(s *stage, ours, theirs string, vips []netip.Addr) {
	s.Helper()
	regentHost, rivalHost := s.twoPorts("regent", 1), s.twoPorts("rival", 2)
	regent := s.start(regentd, regentHost, ours)
	rival := s.start(lab.Keepalived(), rivalHost, theirs)
	better, worse := regentHost, rivalHost
	first := regent
	if strings.Contains(theirs, "priority 150") {
		better, worse, first = rivalHost, regentHost, rival
	}
	s.until("the better half has every address, and the other none", func() bool {
		return better.Has(vips...) && worse.Count(vips...) == 0
	})
	s.probeAnswers(vips...)
	first.Kill()
	s.must(better.Unplug("eth0"))
	s.must(better.Unplug("eth1"))
	s.until("the other half has every address", func() bool { return worse.Has(vips...) })
	s.probeAnswers(vips...)

	p := &party{stage: s, routers: []contender{
		&confRouter{daemon: regentd, box: box{host: regentHost, runs: []*lab.Proc{regent}}},
		&confRouter{daemon: lab.Keepalived(), box: box{host: rivalHost, runs: []*lab.Proc{rival}}},
	}}
	p.checkLogs()
	s.checkFrames([]string{regentHost.MAC("eth0").String()})
}

// twoPorts adds a host with eth0 on the lan and eth1 on another wire, n being
// the end of its addresses.
func (s *stage) twoPorts(name string, n int) *lab.Host {
	s.Helper()
	end := string(rune('0' + n))
	h, err := s.Host(name,
		lab.Port{Name: "eth0", Segment: "lan", Addrs: []string{"192.0.2." + end + "/24", "2001:db8::" + end + "/64"}},
		lab.Port{Name: "eth1", Segment: "other", Addrs: []string{"198.51.100." + end + "/24"}})
	s.must(err)
	return h
}

// probeAnswers waits until the client is answered by the addresses that its
// wire can reach.
func (s *stage) probeAnswers(vips ...netip.Addr) {
	s.Helper()
	for _, vip := range vips {
		if !netip.MustParsePrefix("192.0.2.0/24").Contains(vip) && !netip.MustParsePrefix("2001:db8::/64").Contains(vip) {
			continue
		}
		p := s.probe(vip)
		s.until(vip.String()+" answers", func() bool { return p.Answers(s.begun) })
		p.Close()
	}
}

var virtualAddress = regexp.MustCompile(`(?m)^        ([0-9a-f.:]+)(/\d+)?( dev| label|$)`)

// virtual finds the addresses of a configuration of ours.
func virtual(t *testing.T, conf string) []netip.Addr {
	t.Helper()
	var all []netip.Addr
	for _, m := range virtualAddress.FindAllStringSubmatch(conf, -1) {
		if a, err := netip.ParseAddr(m[1]); err == nil {
			all = append(all, a)
		}
	}
	if len(all) == 0 {
		t.Fatal("the configuration has no addresses")
	}
	return all
}
