package fsm_test

import (
	"fmt"
	"net/netip"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"

	"regent/fsm"
)

// TestConversations plays the conversations under testdata/fsm: a command, a
// rule of dashes, and the actions that answer it. Commands:
//
//	group                    a new group at time 0; one line of settings for each router
//	start, stop              [router=N]; router 0 if not said, here and below
//	heard                    from=ADDRESS priority=N [interval=1s] [version=3]
//	judged                   [delta=N] [fault] [wait]
//	configured               settings, all of them
//	addressed                [primary=ADDRESS] [announce]
//	wait DURATION            time passes and deadlines come
//	stall DURATION           time passes and nobody notices
//	expire                   an Expire now, due or not
//	regroup                  one group a line, of the routers with these numbers
//	hold, settle             [router=N] of its group; regroup does both itself
//	status                   some of what Status says
//
// With -rewrite the answers are recorded instead of compared.
func TestConversations(t *testing.T) {
	files, err := filepath.Glob("../testdata/fsm/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no conversations: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			var c conversation
			datadriven.RunTest(t, file, c.play)
		})
	}
}

type conversation struct {
	*conduct
	now fsm.Time
}

func (c *conversation) play(t *testing.T, d *datadriven.TestData) string {
	var words []string
	for _, a := range d.CmdArgs {
		words = append(words, a.String())
	}
	args := arguments(t, d.Pos, words)
	router := args.number("router", 0)
	switch d.Cmd {
	case "group":
		var configs []fsm.Config
		for line := range strings.Lines(d.Input) {
			configs = append(configs, arguments(t, d.Pos, strings.Fields(line)).config())
		}
		c.conduct, c.now = newConduct(configs...), 0
		return ""
	case "wait":
		return c.wait(t, d, c.now.Add(duration(t, d)))
	case "stall":
		c.now = c.now.Add(duration(t, d))
		return ""
	case "regroup":
		did, err := c.regroup(c.now, sets(d.Input), nil)
		return c.answer(t, d, did, err)
	case "hold":
		c.hold(router)
		return ""
	case "settle":
		did, err := c.settle(c.now, router, nil)
		return c.answer(t, d, did, err)
	case "status":
		return status(c.status(router))
	case "start":
		return c.say(t, d, router, fsm.Start{})
	case "stop":
		return c.say(t, d, router, fsm.Stop{})
	case "expire":
		return c.say(t, d, router, fsm.Expire{})
	case "heard":
		return c.say(t, d, router, fsm.Heard{
			Source:   args.addr("from"),
			Version:  uint8(args.number("version", 3)),
			Priority: uint8(args.number("priority", -1)),
			Interval: args.duration("interval", time.Second),
		})
	case "judged":
		return c.say(t, d, router, fsm.Judged{Verdict: fsm.Verdict{
			Delta: args.number("delta", 0), Fault: args.flag("fault"), Wait: args.flag("wait"),
		}})
	case "configured":
		return c.say(t, d, router, fsm.Configured{Config: args.config()})
	case "addressed":
		return c.say(t, d, router, fsm.Addressed{Primary: args.addr("primary"), Announce: args.flag("announce")})
	}
	d.Fatalf(t, "unknown command %q", d.Cmd)
	return ""
}

// say lets an event happen and tells what came of it.
func (c *conversation) say(t *testing.T, d *datadriven.TestData, router int, ev fsm.Event) string {
	did, err := c.step(c.now, router, ev, nil)
	return c.answer(t, d, did, err)
}

// answer tells what was done.
func (c *conversation) answer(t *testing.T, d *datadriven.TestData, did []fsm.Action, err error) string {
	var b strings.Builder
	for _, a := range did {
		fmt.Fprintf(&b, "%v %d: %s\n", time.Duration(c.now), a.Router, tell(a))
	}
	if err != nil {
		d.Fatalf(t, "%v\n%s", err, &b)
	}
	if b.Len() == 0 {
		return "nothing\n"
	}
	return b.String()
}

// sets reads the numbers on each line.
func sets(text string) (all [][]int) {
	for line := range strings.Lines(text) {
		var set []int
		for _, word := range strings.Fields(line) {
			n, err := strconv.Atoi(word)
			if err != nil {
				panic(err)
			}
			set = append(set, n)
		}
		all = append(all, set)
	}
	return all
}

// wait lets every deadline come until then.
func (c *conversation) wait(t *testing.T, d *datadriven.TestData, until fsm.Time) string {
	var b strings.Builder
	for {
		first := -1
		for i, r := range c.routers {
			if r.wake <= until && (first < 0 || r.wake < c.routers[first].wake) {
				first = i
			}
		}
		if first < 0 {
			break
		}
		c.now = c.routers[first].wake
		b.WriteString(c.say(t, d, first, fsm.Expire{}))
	}
	c.now = until
	if b.Len() == 0 {
		return "nothing\n"
	}
	return b.String()
}

// tell puts an action into words.
func tell(a fsm.Action) string {
	switch a.Do {
	case fsm.Advertise:
		return fmt.Sprintf("advertise priority=%d", a.Priority)
	case fsm.Announce:
		if a.Elsewhere {
			return fmt.Sprintf("announce times=%d elsewhere", a.Times)
		}
		return fmt.Sprintf("announce times=%d", a.Times)
	case fsm.Enter:
		return fmt.Sprintf("enter %s from %v: %v", a.Word(), a.From, a.Cause)
	case fsm.Wake:
		if a.At == fsm.Never {
			return "wake never"
		}
		return fmt.Sprintf("wake at %v", time.Duration(a.At))
	case fsm.OneVersion:
		return fmt.Sprintf("one version: %v", a.Cause.Peer)
	case fsm.Contest:
		return fmt.Sprintf("contest: %v", a.Cause)
	}
	return a.Do.String()
}

func status(s fsm.Status) string {
	heard := "nobody"
	if s.Heard.Addr.IsValid() {
		heard = fmt.Sprintf("%v priority %d", s.Heard.Addr, s.Heard.Priority)
	}
	repeated := ""
	if s.Repeated > 0 {
		repeated = fmt.Sprintf(", repeated in version 2: %d", s.Repeated)
	}
	return fmt.Sprintf("%s since %v, wants %v, priority %d, event %s, new master reason %v\n"+
		"interval %v, active %v, skew %v, down %v\n"+
		"heard %s, discarded %d lesser, ignored %d%s\n",
		s.Word(), time.Duration(s.Since), s.Wanted, s.Priority, s.Cause.Event(), s.NewMaster,
		s.Interval, s.Active, s.Skew, s.Down,
		heard, s.Lesser, s.Ignored, repeated)
}

func duration(t *testing.T, d *datadriven.TestData) time.Duration {
	if len(d.CmdArgs) != 1 {
		d.Fatalf(t, "%s wants a duration", d.Cmd)
	}
	v, err := time.ParseDuration(d.CmdArgs[0].Key)
	if err != nil {
		d.Fatalf(t, "%v", err)
	}
	return v
}

// words are the arguments of a command or the settings of a router.
type words struct {
	t   *testing.T
	at  string
	of  map[string]string
	all map[string]bool
}

func arguments(t *testing.T, at string, fields []string) words {
	w := words{t: t, at: at, of: map[string]string{}, all: map[string]bool{}}
	for _, f := range fields {
		key, value, _ := strings.Cut(f, "=")
		w.of[key] = value
		w.all[key] = true
	}
	return w
}

func (w words) flag(key string) bool { return w.all[key] }

func (w words) number(key string, otherwise int) int {
	if !w.all[key] {
		return otherwise
	}
	n, err := strconv.Atoi(w.of[key])
	if err != nil {
		w.t.Fatalf("%s: %s: %v", w.at, key, err)
	}
	return n
}

func (w words) duration(key string, otherwise time.Duration) time.Duration {
	if !w.all[key] {
		return otherwise
	}
	d, err := time.ParseDuration(w.of[key])
	if err != nil {
		w.t.Fatalf("%s: %s: %v", w.at, key, err)
	}
	return d
}

func (w words) addr(key string) netip.Addr {
	if !w.all[key] {
		return netip.Addr{}
	}
	a, err := netip.ParseAddr(w.of[key])
	if err != nil {
		w.t.Fatalf("%s: %s: %v", w.at, key, err)
	}
	return a
}

var settings = map[string]bool{
	"router": true, "version": true, "priority": true, "interval": true, "nopreempt": true,
	"preempt-delay": true, "down-adverts": true, "silent-to-lower": true, "reply-to-lower": true,
	"last-word": true, "start-delay": true, "virtual-mac": true, "shared-mac": true, "repeat": true, "delay": true,
	"refresh": true, "refresh-repeat": true, "elsewhere": true, "lower-repeat": true, "lower-delay": true,
	"resign-no-extend": true, "min-learned": true, "both-versions": true, "expired-backup": true,
}

func (w words) config() fsm.Config {
	for key := range w.all {
		if !settings[key] {
			w.t.Fatalf("%s: unknown setting %q", w.at, key)
		}
	}
	return fsm.Config{
		Version:       uint8(w.number("version", 3)),
		Priority:      uint8(w.number("priority", 100)),
		Interval:      w.duration("interval", time.Second),
		NoPreempt:     w.flag("nopreempt"),
		PreemptDelay:  w.duration("preempt-delay", 0),
		DownAdverts:   w.number("down-adverts", 0),
		SilentToLower: w.flag("silent-to-lower"),
		ReplyToLower:  w.flag("reply-to-lower"),
		LastWord:      w.flag("last-word"),
		StartDelay:    w.duration("start-delay", 0),
		VirtualMAC:    w.flag("virtual-mac"),
		SharedMAC:     w.flag("shared-mac"),

		ResignNoExtend: w.flag("resign-no-extend"),
		MinLearned:     w.duration("min-learned", 0),
		BothVersions:   w.flag("both-versions"),
		ExpiredBackup:  uint8(w.number("expired-backup", 0)),

		Announce: fsm.Announcing{
			Repeat:        w.number("repeat", 0),
			Delay:         w.duration("delay", 0),
			Refresh:       w.duration("refresh", 0),
			RefreshRepeat: w.number("refresh-repeat", 0),
			Elsewhere:     w.duration("elsewhere", 0),
			LowerRepeat:   w.number("lower-repeat", 0),
			LowerDelay:    w.duration("lower-delay", 0),
		},
	}
}
