package main_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// A seed draws five routers, a sync group of two, what they depend on and what
// happens to that: after each event regent and keepalived come to say the same of
// every router. REGENT_SEED draws others.
//
// It draws nothing in which they differ on purpose (see the stories): no weight of
// a link in a group that is void, no check that a group and its member both track,
// and no script with a reversed weight where there are reloads.
func TestParityOfWhatIsDrawn(t *testing.T) {
	t.Parallel()
	for i := range uint64(2) {
		t.Run(strconv.FormatUint(i, 10), func(t *testing.T) {
			t.Parallel()
			seed := 2 + i
			if s := os.Getenv("REGENT_SEED"); s != "" {
				n, err := strconv.ParseUint(s, 10, 64)
				if err != nil {
					t.Fatal(err)
				}
				seed = 2*n + i
			}
			t.Logf("REGENT_SEED=%d", seed/2)
			l := &lottery{pair: setPair(t, 100+int(i)), Rand: rand.New(rand.NewPCG(seed, 0)), reloads: seed%2 == 0}
			l.draw()
			for range 8 {
				l.event()
				l.agree()
			}
		})
	}
}

// A lottery plays a story that nobody has written.
type lottery struct {
	*pair
	*rand.Rand
	reloads bool
	conf    func() string // with priorities drawn anew
}

func (l *lottery) oneOf(of ...string) string { return of[l.IntN(len(of))] }

// reverse draws whether a weight is reversed, where it may be.
func (l *lottery) reverse(may bool) string {
	if !may {
		return ""
	}
	return l.oneOf("", "", " reverse")
}

// tracks draws what is tracked, of these by kind.
func (l *lottery) tracks(script, file, link []string) string {
	var b strings.Builder
	block := func(kind string, names []string, most int, reverse bool) {
		var lines string
		for _, name := range names {
			weight := fmt.Sprintf(" weight %d", l.IntN(2*most+1)-most)
			weight += l.reverse(reverse)
			if l.IntN(5) < 2 {
				lines += name + l.oneOf("", weight, weight) + "\n"
			}
		}
		if lines != "" {
			fmt.Fprintf(&b, "track_%s {\n%s}\n", kind, lines)
		}
	}
	block("script", script, 120, !l.reloads)
	block("file", file, 4, true)
	block("interface", link, 120, true)
	return b.String()
}

// draw starts both with the same configuration.
func (l *lottery) draw() {
	l.Helper()
	var b strings.Builder
	b.WriteString("vrrp_script pace {\nscript \"/bin/sh DIR/pace\"\ninterval 1\n}\n")
	l.toBoth("write", []string{"pace"}, "echo >>$OWN/paces")
	for _, s := range []string{"s1", "s2", "s3"} {
		fmt.Fprintf(&b, "vrrp_script %s {\nscript \"/bin/sh DIR/%s\"\ninterval 1\ntimeout 30\n%s\nweight %d%s\n}\n",
			s, s, l.oneOf("", "fall 2\nrise 2"), l.IntN(81)-40, l.reverse(!l.reloads))
		l.script(s, 0)
	}
	for _, f := range []string{"f1", "f2"} {
		fmt.Fprintf(&b, "track_file %s {\nfile DIR/%s\nweight %d%s\n}\n", f, f, l.IntN(7)-3, l.reverse(true))
		l.toBoth("write", []string{f}, "0")
	}
	fmt.Fprintf(&b, "vrrp_sync_group G {\ngroup {\nb\nd\n}\nsync_group_tracking_weight\n%s}\n",
		l.tracks([]string{"s3"}, []string{"f2"}, []string{"eth2"}))
	routers := make(map[string]string)
	for _, name := range []string{"a", "b", "c", "d", "e"} {
		routers[name] = l.oneOf("", "", "nopreempt\n", "state MASTER\n", "dont_track_primary\n") +
			l.tracks([]string{"s1", "s2"}, []string{"f1"}, []string{"eth1"})
	}
	routers["a"] += "track_script {\npace\n}\n"
	l.conf = func() string {
		text := b.String()
		for _, name := range []string{"a", "b", "c", "d", "e"} {
			text += fmt.Sprintf("vrrp_instance %s {\nROUTER\npriority %s\n%s}\n", name, l.oneOf("1", "50", "100", "200", "254", "255"), routers[name])
		}
		return strings.ReplaceAll(text, "DIR", l.dir)
	}
	l.to("start")
	l.agree()
}

func (l *lottery) to(start string) {
	text := l.conf()
	l.Logf("%s:\n%s", start, text)
	for _, h := range l.halves {
		h.routers = strings.Count(text, "ROUTER")
		h.suffer(start, nil, conf(text))
	}
}

// script makes a script end with a status.
func (l *lottery) script(name string, status int) {
	l.toBoth("write", []string{name}, fmt.Sprintf("exit %d", status))
}

// event lets something happen to both.
func (l *lottery) event() {
	l.Helper()
	kinds := 4
	if l.reloads {
		kinds = 5
	}
	switch n := l.IntN(kinds); n {
	case 0, 1:
		name, status := l.oneOf("s1", "s2", "s3"), l.IntN(2)
		l.Logf("%s ends with %d", name, status)
		l.script(name, status)
	case 2:
		name, number := l.oneOf("f1", "f2"), l.oneOf("0", "1", "5", "-5", "40", "-40", "100")
		l.Logf("%s holds %s", name, number)
		l.toBoth("write", []string{name}, number)
	case 3:
		what, link := l.oneOf("plug", "unplug"), l.oneOf("eth1", "eth2")
		l.Logf("%s %s", what, link)
		for _, h := range l.halves {
			h.suffer(what, []string{link}, "")
		}
	case 4:
		l.to("reload")
	}
}

// agree waits until both have had the time to notice, and scripts to run twice.
// Then they say the same.
func (l *lottery) agree() {
	l.Helper()
	for _, h := range l.halves {
		before := h.paces()
		h.until(h.daemon.Name+" has had its time", func() bool { return h.paces() >= before+4 })
	}
	var said string
	same := false
	l.within(func() bool {
		ours, theirs := l.halves[0].report(), l.halves[1].report()
		said, same = sideBySide([][]stand{ours, theirs}), true
		for i := range ours {
			same = same && ours[i].agrees(theirs[i])
		}
		return same
	})
	if !same {
		l.Fatalf("they come to say\n%s", said)
	}
}

// paces counts the runs of the script that beats the time.
func (h *half) paces() int {
	text, _ := os.ReadFile(filepath.Join(h.dir, "paces"))
	return len(text)
}

// agrees reports whether two say the same that matters: keepalived's priorities
// in FAULT are old ones (keepalived-language 4.2.5), and an owner's never move.
func (s stand) agrees(o stand) bool {
	if s.state == "FAULT" || s.priority == "255" {
		return s.state == o.state
	}
	return s == o
}
