package main_test

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"regent/cmd/internal/lab"
)

// A shot is one frame of a flood and the counters of the master that it moves,
// each by one.
type shot struct {
	frame []byte
	moves []string
}

// A flood is what an attacker sends to a master and its backup.
type flood struct {
	name   string
	w      speaker
	backup string // more lines of the backup's configuration
	rival  bool   // the backup is keepalived
	aim    func(f *field) []shot
}

// A field is where a flood comes down.
type field struct {
	*stage
	w                       speaker
	master, backup, villain *lab.Host
	own, src                netip.Addr // of the master, and of the villain
}

// rate is how many frames a second there are.
const rate = 10_000

// accepted are the counters of an advert that was believed to be one.
func accepted(more ...string) []string {
	return append(more, "VI_1 adv_rcvd", "VI_1 checksum_rx_pseudo")
}

var (
	hostile4 = speaker{version: 3, priority: 100, interval: "0.5", field: 50, addresses: list4}
	hostile6 = speaker{version: 3, priority: 100, interval: "0.5", field: 50, addresses: list6}
	signed4  = speaker{version: 3, priority: 100, interval: "0.5", field: 50, addresses: list4, conf: hmacConf, key: hmacKey}
	peer4    = speaker{version: 3, priority: 100, interval: "0.5", field: 50, addresses: list4,
		conf: "unicast_src_ip 192.0.2.1\n check_unicast_src\n unicast_peer {\n 192.0.2.2 min_ttl 250\n }"}
)

var floods = []flood{
	{name: "every defect", w: hostile4, aim: everyDefect},
	{name: "every defect, IPv6, and the own echo", w: hostile6, aim: everyDefect},
	{name: "noise", w: hostile4, aim: noise},
	{name: "noise beside keepalived", w: hostile4, aim: noise, rival: true},
	{name: "lower priorities", w: hostile4, rival: true, aim: func(f *field) (all []shot) {
		for p := byte(1); p < 50; p++ {
			all = append(all, shot{f.w.forge(f.villain, f.src, p, nil), accepted("VI_1 rx_lower_priority_discarded")})
		}
		return all
	}},
	{name: "resignations", w: hostile4, rival: true, aim: func(f *field) []shot {
		return []shot{{f.w.forge(f.villain, f.src, 0, nil), accepted("VI_1 priority_zero_rcvd")}}
	}},
	{name: "higher priorities without a key", w: signed4, aim: forgedTrailers},
	{name: "strangers to unicast peers", w: peer4, aim: strangersToPeers,
		backup: "unicast_src_ip 192.0.2.2\n check_unicast_src\n unicast_peer {\n 192.0.2.1\n }"},
}

// counterOf are the counters of the rules that a defect breaks.
var counterOf = map[string][]string{
	"R-1": {"eth0 destination_errors"}, "R-3": {"eth0 short_packets"}, "R-4": {"eth0 ip_ttl_errors", "VI_1 ip_ttl_errors"},
	"R-5": {"eth0 version_errors"}, "R-6": {"VI_1 invalid_type_rcvd"}, "R-7": {"VI_1 packet_length_errors"},
	"R-8": {"eth0 checksum_errors"}, "R-9": {"eth0 vrid_errors"}, "R-10": {"VI_1 own_address_drops"},
	"R-11": {"VI_1 address_list_errors"}, "R-12": {"VI_1 interval_errors"},
}

// everyDefect is adverts of a better master with each defect of section 3, and
// adverts of CARP.
func everyDefect(f *field) (all []shot) {
	carp := defect{"R-5", func(x *forgery) {
		x.message = append([]byte{0x21, vrid, 0, 7, 0, 1, 0, 0}, make([]byte, 28)...)
		x.unsummed = true
	}}
	for _, d := range append(append(defectsOfAll(f.master, f.own, f.w), defectsOfV3...), carp) {
		if d.rule == "R-10" && !f.w.v6() {
			continue // the kernel keeps it (O-10)
		}
		all = append(all, shot{f.w.forge(f.villain, f.src, 200, d.spoil), counterOf[d.rule]})
	}
	return all
}

// noise is messages of any length that mean nothing. That one is an advert by
// chance does not happen: its version, type, length and checksum had to fit.
func noise(f *field) (all []shot) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 1009 {
		message := make([]byte, random.IntN(1400))
		for i := range message {
			message[i] = byte(random.Uint32())
		}
		// Half of them claim to be for the router, and some to be of its kind.
		if len(message) > 2 && random.IntN(2) == 0 {
			message[1] = vrid
			if random.IntN(2) == 0 {
				message[0] = 0x31
			}
		}
		all = append(all, shot{f.w.forge(f.villain, f.src, 200, func(x *forgery) { x.message, x.unsummed = message, true }), []string{verdict(message)}})
	}
	return all
}

// verdict is the counter that a message of noise moves: and
// R-8, in this order. A checksum fits by chance in one of 32,768.
func verdict(m []byte) string {
	who := "eth0 "
	if len(m) > 1 && m[1] == vrid {
		who = "VI_1 "
	}
	switch {
	case len(m) < 8:
		return "eth0 short_packets"
	case m[0]>>4 != 3 && (who == "VI_1 " || m[0]>>4 != 2):
		return "eth0 version_errors"
	case m[0]&15 != 1:
		return who + "invalid_type_rcvd"
	case m[0]>>4 == 3 && len(m) != 8+4*int(m[3]) && (who == "VI_1 " || len(m) != 8+4*int(m[3])+28),
		m[0]>>4 == 2 && len(m) != 16+4*int(m[3]) && len(m) != 16+4*int(m[3])+28:
		return who + "packet_length_errors"
	}
	return "eth0 checksum_errors"
}

// forgedTrailers are adverts of better masters that cannot prove it: without a
// trailer, with a spoiled one, of an unknown key, and with nothing right in it.
func forgedTrailers(f *field) []shot {
	plain := f.w
	plain.key = nil
	forge := func(spoil func(trailer []byte)) []byte {
		return plain.forge(f.villain, f.src, 255, func(x *forgery) {
			x.unsummed = true // the checksum does not cover a trailer
			// A little ahead, so that it is still fresh when the storm is over.
			sequence := binary.BigEndian.AppendUint64(nil, uint64(time.Now().Unix()+2)<<32)
			t := f.w.trailer(x.message, f.src, sequence)
			spoil(t)
			x.message = append(x.message, t...)
		})
	}
	return []shot{
		{plain.forge(f.villain, f.src, 255, nil), []string{"VI_1 auth_ext_missing"}},
		{forge(func(t []byte) { t[27] ^= 1 }), []string{"VI_1 auth_ext_invalid_hmac"}},
		{forge(func(t []byte) { t[1] = 99 }), []string{"VI_1 auth_ext_unknown_key"}},
		{forge(func(t []byte) { t[0] = 2 }), []string{"VI_1 auth_ext_malformed"}},
		{forge(func(t []byte) { t[4] ^= 1 }), []string{"VI_1 auth_ext_stale"}},
	}
}

// strangersToPeers is what a unicast router does not listen to: others than its
// peers (U-2), and a peer from afar (U-3).
func strangersToPeers(f *field) []shot {
	direct := to(f.master, "192.0.2.1")
	return []shot{
		{f.w.forge(f.villain, f.src, 200, direct), []string{"eth0 destination_errors"}},
		{f.w.forge(f.villain, netip.MustParseAddr("192.0.2.2"), 200, func(x *forgery) { direct(x); x.ip[8] = 249 }),
			[]string{"eth0 ip_ttl_errors", "VI_1 ip_ttl_errors"}},
	}
}

// R-24, T-9, R-0: floods of 10,000 packets a second change nothing. The master
// stays master, its adverts come in time for its backup, which stays backup; every
// packet is counted once, under its rule, or was dropped by the kernel, which says
// so; the log holds one line of a kind (L-1), and memory does not grow.
//
// S-34, S-38: to lower priorities the master answers, ten times a second at most.
// S-32: to every resignation it says that it is there. H-22, H-23, H-24, H-25,
// H-26: who has no key cannot pre-empt it. U-2, U-3: nor can who is no peer.
func TestFloods(t *testing.T) {
	for _, fl := range floods {
		t.Run(fl.name, func(t *testing.T) { // by itself: the rate needs what processors there are
			s := setStage(t)
			f := &field{stage: s, w: fl.w,
				master:  s.host("master", "192.0.2.1/24", "2001:db8::1/64"),
				backup:  s.host("backup", "192.0.2.2/24", "2001:db8::2/64"),
				villain: s.host("villain", "192.0.2.9/24", "2001:db8::9/64")}
			f.own, f.src = f.w.source(s, f.master), netip.MustParseAddr("192.0.2.9")
			if f.w.v6() {
				f.src = f.w.source(s, f.villain)
			}
			stats := filepath.Join(t.TempDir(), "stats")
			master := s.start(regentd, f.master, "global_defs {\n stats_dump_file "+stats+"\n}\n"+f.w.configuration())
			s.until("the first is master", func() bool { return master.Said("Entering MASTER STATE") })
			lesser := f.w
			lesser.priority = 90
			if fl.backup != "" {
				lesser.conf = fl.backup
			}
			other := regentd
			if fl.rival { // which may be too slow to find the master's adverts in all that
				other = lab.Keepalived()
				lesser.conf += "\n" + patience
			}
			backup := s.start(other, f.backup, lesser.configuration())
			s.until("the other is backup", func() bool { return backup.Said("Entering BACKUP STATE") })
			f.adverts(3)
			quiet := f.longest(f.adverts(4))

			shots := fl.aim(f)
			vigil := s.Vigil()
			defer vigil.End()
			asked := time.Now()
			before, memory, lines := f.count(master, stats), f.memory(master), len(master.Lines())
			storm, err := f.villain.Storm(t.Context(), "eth0", rate, func(n int) []byte { return shots[n%len(shots)].frame })
			s.must(err)
			begun := time.Now()
			gap := f.longest(f.adverts(6))
			sent, err := storm.Stop()
			s.must(err)
			took, lost := time.Since(begun), vigil.Lost()
			if backup.Said("Entering MASTER STATE") {
				if drops := f.dropped(f.backup); gap+lost < fl.silence() && drops == 0 {
					t.Errorf("the backup did not stay backup: the master was silent for %v at most", gap)
				}
				t.Logf("the machine is so slow that the backup took over: the master was silent for %v, the machine has taken %v", gap, lost)
				return // who has sent what cannot be told any more
			}

			want, total := f.expected(shots, sent)
			var after map[string]int
			var drops, n int
			s.until("every packet is counted, or was dropped by the kernel", func() bool {
				after, drops = f.count(master, stats), f.dropped(f.master)+f.lost()
				n = moved(before, after, want)
				return n+drops >= total
			})
			if n+drops != total {
				t.Errorf("%d counted and %d dropped by the kernel, of %d", n, drops, total)
			}
			for name, n := range want {
				if got := after[name] - before[name]; got > n || got < n-drops {
					t.Errorf("%s moved by %d, want %d", name, got, n)
				}
			}
			t.Logf("%d frames in %v (%.0f a second): adverts at most %v apart, %v without; %v lost; %d bytes more memory; %d lines",
				sent, took.Round(time.Millisecond), float64(sent)/took.Seconds(), gap, quiet, lost, f.memory(master)-memory, len(master.Lines())-lines)
			if bound := 3 * 500 * time.Millisecond; gap > bound+lost { // T-2, without the skew
				t.Errorf("adverts were %v apart; the machine has taken %v", gap, lost)
			}
			if master.Said("was=MASTER") {
				t.Error("the master did not stay master")
			}
			if n := len(master.Lines()) - lines; n > 60 {
				t.Errorf("%d lines were logged", n)
			}
			if grown := f.memory(master) - memory; grown > 16<<20 {
				t.Errorf("%d bytes were added to memory", grown)
			}
			f.answers(fl.name, after["VI_1 adv_sent"]-before["VI_1 adv_sent"], total-drops, time.Since(asked))
		})
	}
}

// silence is how long a backup must not hear its master before it takes over.
func (f *flood) silence() time.Duration {
	if f.name == "resignations" {
		return (256 - 90) * 500 * time.Millisecond / 256 // T-1
	}
	return 3 * 500 * time.Millisecond
}

// answers checks how many adverts the master has sent while it heard so many.
func (f *field) answers(flood string, sent, heard int, took time.Duration) {
	f.Helper()
	least, most := 0, int(took/(500*time.Millisecond))+20 // in time, and some
	switch flood {
	case "lower priorities":
		least, most = 10, int(took/(100*time.Millisecond))+20
	case "resignations":
		least, most = heard, heard+most
	}
	if sent < least || sent > most {
		f.Errorf("%d adverts were sent in %v, want %d to %d", sent, took, least, most)
	}
}

// adverts waits for n more adverts of the master and returns when they came.
func (f *field) adverts(n int) (at []time.Time) {
	f.Helper()
	mac, begun := f.master.MAC("eth0").String(), time.Now()
	f.until(fmt.Sprintf("%d more adverts of the master", n), func() bool {
		at = at[:0]
		for _, a := range f.wire.Adverts() {
			if a.At.After(begun) && a.MAC.String() == mac {
				at = append(at, a.At)
			}
		}
		// By their interval: a master that answers sends many more.
		return len(at) >= n && time.Since(begun) > time.Duration(n)*500*time.Millisecond
	})
	return append([]time.Time{begun}, at...)
}

// longest returns the longest time between two that follow each other.
func (f *field) longest(at []time.Time) (gap time.Duration) {
	for i := 1; i < len(at); i++ {
		gap = max(gap, at[i].Sub(at[i-1]))
	}
	return gap
}

// expected returns what shots move in all, and how much that is together.
func (f *field) expected(shots []shot, sent int) (want map[string]int, total int) {
	want = make(map[string]int)
	for n := range sent {
		for i, name := range shots[n%len(shots)].moves {
			want[name]++
			if i == 0 {
				total++
			}
		}
	}
	return want, total
}

// moved sums up by how much the counters that were to move have moved, those that
// only accompany others left out.
func moved(before, after, want map[string]int) (sum int) {
	for name := range want {
		switch {
		case name == "VI_1 adv_rcvd", name == "VI_1 checksum_rx_pseudo", name == "VI_1 ip_ttl_errors":
		default:
			sum += after[name] - before[name]
		}
	}
	return sum
}

// count asks the daemon for its statistics and reads the counters of regent's own:
// "VI_1 adv_rcvd", "eth0 vrid_errors".
func (f *field) count(p *lab.Proc, path string) map[string]int {
	f.Helper()
	_ = os.Remove(path)
	f.must(p.Signal(syscall.SIGUSR2))
	var text []byte
	f.until("it dumps its statistics", func() (ok bool) {
		var err error
		text, err = os.ReadFile(path)
		return err == nil
	})
	counters := make(map[string]int)
	who, own := "", false
	for line := range strings.Lines(string(text)) {
		line = strings.TrimRight(line, "\n")
		key, value, _ := strings.Cut(strings.TrimSpace(line), ":")
		switch {
		case !strings.HasPrefix(line, "  "):
			who, own = strings.TrimSpace(value), false
		case !strings.HasPrefix(line, "    "):
			own = key == "Regent"
		case own:
			n, err := strconv.Atoi(strings.TrimSpace(value))
			f.must(err)
			counters[who+" "+key] = n
		}
	}
	return counters
}

// lost returns how many packets were lost between the villain and the master, where
// the kernel was not in time to take them.
func (f *field) lost() int {
	f.Helper()
	sent, _, err := f.villain.Lost("eth0")
	f.must(err)
	_, received, err := f.master.Lost("eth0")
	f.must(err)
	return int(sent + received)
}

// dropped returns how many packets the kernel had no room for in the sockets of a
// host.
func (f *field) dropped(h *lab.Host) (drops int) {
	f.Helper()
	out, err := h.Run(f.Context(), "cat", "/proc/net/raw", "/proc/net/raw6")
	f.must(err)
	for line := range strings.Lines(out) {
		if words := strings.Fields(line); len(words) > 0 && strings.HasSuffix(words[0], ":") {
			n, err := strconv.Atoi(words[len(words)-1])
			f.must(err)
			drops += n
		}
	}
	return drops
}

func (f *field) memory(p *lab.Proc) int64 {
	f.Helper()
	u, err := p.Usage()
	f.must(err)
	return u.Memory
}
