package health

import (
	"errors"
	"fmt"
	"regent/health/probe"
	"slices"
	"testing"
	"time"
)

var (
	good   = Result{Outcome: Good}
	failed = Result{Outcome: Exited, Code: 1}
	down   = Result{Outcome: Down}
)

func post(b *Board, k Kind, name string, rs ...Result) (routers []int) {
	for _, r := range rs {
		routers = b.Post(Report{Kind: k, Name: name, Result: r})
	}
	return routers
}

// keepalived-language 4.2.2, 4.2.3 and 4.2.11: what one check contributes, by
// its weight: up, down, and before anything is known.
func TestContribution(t *testing.T) {
	fault, wait := Verdict{Fault: true}, Verdict{Wait: true}
	delta := func(n int) Verdict { return Verdict{Delta: n} }
	for _, c := range []struct {
		weight            int
		reverse           bool
		up, down, unknown Verdict
	}{
		{4, false, delta(4), delta(0), delta(0)},
		{-4, false, delta(0), delta(-4), delta(0)},
		{10, true, delta(-10), delta(0), delta(0)},
		{-10, true, delta(0), delta(10), delta(0)},
		{0, false, delta(0), fault, wait},
		{0, true, fault, delta(0), wait},
		{-254, false, delta(0), delta(-254), delta(0)},
	} {
		for _, k := range []struct {
			kind Kind
			bad  Result
		}{{Script, failed}, {Interface, down}, {Source, Result{Outcome: NoAddress}}} {
			track := Track{Kind: k.kind, Name: "x", Weight: c.weight, Reverse: c.reverse}
			b := NewBoard(nil, [][]Track{{track}})
			for _, s := range []struct {
				name string
				post []Result
				want Verdict
			}{{"unknown", nil, c.unknown}, {"up", []Result{good}, c.up}, {"down", []Result{k.bad}, c.down}} {
				post(b, k.kind, "x", s.post...)
				v := b.Verdict(0)
				if v.Delta != s.want.Delta || v.Fault != s.want.Fault || v.Wait != s.want.Wait {
					t.Errorf("%+v %s: %+v, want %+v", track, s.name, v, s.want)
				}
			}
		}
	}
}

// keepalived-language 4.2.1: the sum is not clamped, so of two checks that
// overshoot both must recover.
func TestSumIsNotClamped(t *testing.T) {
	b := NewBoard(nil, [][]Track{{
		{Kind: Script, Name: "a", Weight: -250},
		{Kind: Script, Name: "b", Weight: -250},
		{Kind: Interface, Name: "eth0", Weight: 3},
	}})
	post(b, Interface, "eth0", good)
	for _, s := range []struct {
		name   string
		result Result
		want   int
	}{{"a", failed, -247}, {"b", failed, -497}, {"a", good, -247}, {"b", good, 3}} {
		post(b, Script, s.name, s.result)
		if v := b.Verdict(0); v.Delta != s.want {
			t.Errorf("after %s %v: %d, want %d", s.name, s.result, v.Delta, s.want)
		}
	}
}

// keepalived-language 4.2.13 and 4.2.14: every cause counts. The first to
// return does not clear the fault of the others.
func TestFaultIsASetOfReasons(t *testing.T) {
	b := NewBoard([]Check{{Name: "chk", Fall: 2}}, [][]Track{{
		{Kind: Interface, Name: "eth0"},
		{Kind: Interface, Name: "eth1"},
		{Kind: Source, Name: "IPv4 address on eth0"},
		{Kind: Script, Name: "chk"},
	}})
	if v := b.Verdict(0); v.Fault || !v.Wait || len(v.Reasons) != 4 {
		t.Errorf("at start: %+v", v)
	}
	post(b, Source, "IPv4 address on eth0", Result{Outcome: NoAddress})
	post(b, Interface, "eth0", Result{Outcome: NoCarrier})
	post(b, Interface, "eth1", Result{Outcome: Absent})
	post(b, Script, "chk", good, failed, failed)
	for _, s := range []struct {
		kind   Kind
		name   string
		result Result
		want   []string // faults after it
	}{
		{Interface, "eth0", Result{Outcome: Down}, []string{"interface eth0 is down", "interface eth1 does not exist", "no IPv4 address on eth0", "chk failed 2 of 2: exit status 1"}},
		{Interface, "eth0", good, []string{"interface eth1 does not exist", "no IPv4 address on eth0", "chk failed 2 of 2: exit status 1"}},
		{Script, "chk", good, []string{"interface eth1 does not exist", "no IPv4 address on eth0"}},
		{Interface, "eth1", good, []string{"no IPv4 address on eth0"}},
		{Source, "IPv4 address on eth0", good, nil},
	} {
		post(b, s.kind, s.name, s.result)
		v := b.Verdict(0)
		var got []string
		for _, r := range v.Faults() {
			got = append(got, r.String())
		}
		if !slices.Equal(got, s.want) || v.Fault != (s.want != nil) || v.Wait {
			t.Errorf("after %s %v: faults %q, want %q; %+v", s.name, s.result, got, s.want, v)
		}
	}
}

// keepalived-language 4.2.4: a file contributes its number times the weight.
func TestFileContribution(t *testing.T) {
	for _, c := range []struct {
		number, weight int
		reverse        bool
		delta          int
		fault          bool
	}{
		{0, 5, false, 0, false},
		{3, 5, false, 15, false},
		{-3, 5, false, -15, false},
		{3, -5, false, -15, false},
		{3, 5, true, -15, false},
		{1, 254, false, 253, false}, // above 253 it counts as 253
		{1 << 31, 254, false, 253, false},
		{253, -1, false, -253, false},
		{254, -1, false, 0, true}, // -254 and below it is FAULT
		{-1 << 31, 254, false, 0, true},
		{254, 1, true, 0, true},
		{0, 0, false, 0, false}, // weight 0: FAULT unless it is 0
		{7, 0, false, 0, true},
		{-7, 0, false, 0, true},
		{0, 0, true, 0, true},
		{7, 0, true, 0, false},
	} {
		b := NewBoard(nil, [][]Track{{{Kind: File, Name: "f", Weight: c.weight, Reverse: c.reverse}}})
		post(b, File, "f", Result{Outcome: Holds, Number: 99}, Result{Outcome: Holds, Number: c.number})
		if v := b.Verdict(0); v.Delta != c.delta || v.Fault != c.fault || v.Wait {
			t.Errorf("%+v: %+v", c, v)
		}
	}
}

// A file that goes from one number to another says news, whatever its sign, and
// one that cannot be read any more; a process does when its quorum turns.
func TestNumbersAreNews(t *testing.T) {
	b := NewBoard(nil, [][]Track{{{Kind: File, Name: "f", Weight: 1}, {Kind: Process, Name: "p", Weight: -9}}})
	for i, s := range []struct {
		kind   Kind
		name   string
		result Result
		news   bool
		delta  int
	}{
		{File, "f", Result{Outcome: Holds, Number: 3}, true, 3},
		{File, "f", Result{Outcome: Holds, Number: 4}, true, 4},
		{File, "f", Result{Outcome: Holds, Number: 4, Err: errors.New("x")}, true, 4},
		{Process, "p", Result{Outcome: Good, Number: 2}, true, 4},
		{Process, "p", Result{Outcome: TooFew, Limit: 1}, true, -5},
	} {
		if got := post(b, s.kind, s.name, s.result) != nil; got != s.news || b.Verdict(0).Delta != s.delta {
			t.Errorf("report %d: news %v, %+v", i, got, b.Verdict(0))
		}
	}
}

// Post names the routers that must be judged anew, and no other.
func TestPostNamesFollowers(t *testing.T) {
	b := NewBoard([]Check{{Name: "chk", Fall: 2}, {Name: "lonely"}}, [][]Track{
		{{Kind: Script, Name: "chk", Weight: -4}},
		{{Kind: Interface, Name: "eth0"}},
		{{Kind: Script, Name: "chk"}, {Kind: Interface, Name: "eth0"}, {Kind: Script, Name: "chk", Weight: 2}},
	})
	for i, s := range []struct {
		kind   Kind
		name   string
		result Result
		want   []int
	}{
		{Script, "chk", good, []int{0, 2}}, // the first result is news
		{Script, "chk", good, nil},
		{Script, "chk", failed, nil}, // one of two
		{Script, "chk", failed, []int{0, 2}},
		{Script, "chk", Result{Outcome: TimedOut}, nil}, // still down
		{Interface, "eth0", good, []int{1, 2}},
		{Interface, "eth0", good, nil},
		{Interface, "eth0", Result{Outcome: NoCarrier}, []int{1, 2}},
		{Interface, "eth0", Result{Outcome: Absent}, []int{1, 2}}, // another reason
		{Script, "lonely", failed, nil},
		{Script, "unknown", failed, nil},
		{Script, "eth0", failed, nil}, // another kind
	} {
		if got := post(b, s.kind, s.name, s.result); !slices.Equal(got, s.want) {
			t.Errorf("report %d, %s %v: %v, want %v", i, s.name, s.result, got, s.want)
		}
	}
}

// keepalived-language 4.2.7 and 4.2.11: init_fail stands in for a result.
func TestInitFail(t *testing.T) {
	b := NewBoard([]Check{{Name: "chk", Rise: 2, InitFail: true}}, [][]Track{{{Name: "chk"}}, {{Name: "chk", Weight: -7}}})
	if v := b.Verdict(0); !v.Fault || v.Wait || v.Reasons[0].String() != "chk has not succeeded yet (init_fail)" {
		t.Errorf("unweighted: %+v", v)
	}
	if v := b.Verdict(1); v.Delta != -7 {
		t.Errorf("weighted: %+v", v)
	}
	if routers := post(b, Script, "chk", failed); len(routers) != 2 {
		t.Errorf("a first failure gives the true reason to %v", routers)
	}
	if r, _ := b.Reason(0, Script, "chk"); r.String() != "chk failed: exit status 1" {
		t.Errorf("reason is %q", r)
	}
	post(b, Script, "chk", good, good)
	if v := b.Verdict(0); v.Fault {
		t.Errorf("after rise successes: %+v", v)
	}
}

// keepalived-language 4.2.12: a reload keeps the result of a script whose
// command and user are the same, whatever else changes.
func TestReplaceKeepsStandings(t *testing.T) {
	before := Check{Name: "chk", Command: []string{"/bin/false", "a"}, User: "nobody", Fall: 1,
		Probe: probe.Probe{Kind: probe.HTTP, Target: "127.0.0.1:80", Status: []probe.Span{{From: 200, To: 299}}}}
	for name, c := range map[string]struct {
		change func(*Check)
		kept   bool
	}{
		"nothing":   {func(c *Check) {}, true},
		"interval":  {func(c *Check) { c.Interval = time.Hour }, true},
		"rise":      {func(c *Check) { c.Rise = 7 }, true},
		"init_fail": {func(c *Check) { c.InitFail = true }, true},
		"command":   {func(c *Check) { c.Command = []string{"/bin/false", "b"} }, false},
		"user":      {func(c *Check) { c.User = "daemon" }, false},
		"name":      {func(c *Check) { c.Name = "other" }, false},
		"probe":     {func(c *Check) { c.Probe.Target = "127.0.0.1:81" }, false},
		"status":    {func(c *Check) { c.Probe.Status = []probe.Span{{From: 200, To: 201}} }, false},
		"accepted":  {func(c *Check) { c.Probe.Status = []probe.Span{{From: 200, To: 299}} }, true},
	} {
		t.Run(name, func(t *testing.T) {
			b := NewBoard([]Check{before}, [][]Track{{{Name: "chk"}, {Kind: Interface, Name: "eth0", Weight: 5}}})
			post(b, Script, "chk", failed)
			post(b, Interface, "eth0", good)
			after := before
			c.change(&after)
			b.Replace([]Check{after}, [][]Track{{}, {{Name: after.Name}, {Kind: Interface, Name: "eth0", Weight: 9}}})
			if v := b.Verdict(0); v.Fault || v.Wait || v.Delta != 0 {
				t.Errorf("router without tracks: %+v", v)
			}
			if v := b.Verdict(1); v.Fault != c.kept || v.Wait == c.kept || v.Delta != 9 {
				t.Errorf("verdict %+v, want the old result kept: %v", v, c.kept)
			}
			if s, _ := b.Standing(Script, after.Name); s.Known != c.kept {
				t.Errorf("standing %+v", s)
			}
			// The last word of the old command counts only if it still is one.
			b.Post(Report{Name: after.Name, Result: good, from: &before})
			if s, _ := b.Standing(Script, after.Name); s.Last == good != c.kept {
				t.Errorf("after a late report: %+v", s)
			}
		})
	}
}

func TestStanding(t *testing.T) {
	b := NewBoard([]Check{{Name: "chk", Rise: 2, Fall: 3}}, [][]Track{nil, {{Name: "chk"}}})
	if _, ok := b.Standing(Script, "none"); ok {
		t.Error("a check that does not exist has a standing")
	}
	want := func(known, up bool, last Result, count, of int) {
		t.Helper()
		s, ok := b.Standing(Script, "chk")
		if !ok || s.Known != known || s.Up != up || s.Last != last || s.Count != count || s.Of != of || !slices.Equal(s.Followed, []int{1}) {
			t.Errorf("standing is %+v", s)
		}
	}
	want(false, false, Result{}, 0, 1)
	post(b, Script, "chk", good)
	want(true, true, good, 0, 3)
	post(b, Script, "chk", failed, failed)
	want(true, true, failed, 2, 3)
	post(b, Script, "chk", failed, good)
	want(true, false, good, 1, 2)
}

func TestReasons(t *testing.T) {
	for _, c := range []struct {
		reason Reason
		want   string
	}{
		{Reason{Track: Track{Name: "chk_haproxy", Weight: -4}, Result: failed, Of: 2}, "chk_haproxy failed 2 of 2: exit status 1, weight -4"},
		{Reason{Track: Track{Name: "chk"}, Result: failed, Of: 1}, "chk failed: exit status 1"},
		{Reason{Track: Track{Name: "chk", Weight: 10, Reverse: true}, Result: good, Up: true, Of: 3}, "chk succeeded 3 of 3, weight 10 reverse"},
		{Reason{Track: Track{Name: "chk", Reverse: true}, Result: good, Up: true, Of: 1}, "chk succeeded, reverse"},
		{Reason{Track: Track{Name: "chk"}, Result: Result{Outcome: Signaled, Code: 9}}, "chk failed: ended by SIGKILL"},
		{Reason{Track: Track{Name: "chk"}, Result: Result{Outcome: Signaled, Code: 250}}, "chk failed: ended by signal 250"},
		{Reason{Track: Track{Name: "chk"}, Result: Result{Outcome: TimedOut, Took: 1003456 * time.Microsecond}}, "chk failed: timed out after 1.003s"},
		{Reason{Track: Track{Name: "chk"}, Result: Result{Outcome: Unrunnable, Err: errors.New("run /x: permission denied")}}, "chk failed: run /x: permission denied"},
		{Reason{Track: Track{Name: "chk"}, Wait: true}, "chk has no result yet"},
		{Reason{Track: Track{Kind: Interface, Name: "eth0"}, Wait: true}, "interface eth0 has no result yet"},
		{Reason{Track: Track{Kind: Interface, Name: "eth0", Weight: -2}, Result: Result{Outcome: NoCarrier}}, "interface eth0 has no carrier, weight -2"},
		{Reason{Track: Track{Kind: Interface, Name: "eth0"}, Result: Result{Outcome: Down}}, "interface eth0 is down"},
		{Reason{Track: Track{Kind: Interface, Name: "eth0"}, Result: Result{Outcome: Absent}}, "interface eth0 does not exist"},
		{Reason{Track: Track{Kind: Interface, Name: "eth0"}, Result: good, Up: true}, "interface eth0 is up"},
		{Reason{Track: Track{Kind: File, Name: "load", Weight: -2}, Result: Result{Outcome: Holds, Number: 5}}, "file load holds 5, weight -2"},
		{Reason{Track: Track{Kind: File, Name: "load", Weight: 1}, Result: Result{Outcome: Holds, Err: errors.New("open /x: permission denied")}, Up: true}, "file load counts as 0 (open /x: permission denied), weight 1"},
		{Reason{Track: Track{Kind: Process, Name: "sshd"}, Result: Result{Outcome: TooFew, Limit: 1}}, "process sshd: 0 run, at least 1 must"},
		{Reason{Track: Track{Kind: Process, Name: "sshd"}, Result: Result{Outcome: TooMany, Number: 3, Limit: 2}}, "process sshd: 3 run, at most 2 may"},
		{Reason{Track: Track{Kind: Process, Name: "sshd", Weight: 5}, Result: Result{Outcome: Good, Number: 3}, Up: true}, "process sshd: 3 run, weight 5"},
		{Reason{Track: Track{Kind: Process, Name: "sshd"}, Wait: true}, "process sshd has no result yet"},
		{Reason{Track: Track{Kind: Source, Name: "IPv4 address on eth0"}, Result: Result{Outcome: NoAddress}}, "no IPv4 address on eth0"},
		{Reason{Track: Track{Kind: Source, Name: "IPv4 address on eth0"}, Result: good, Up: true}, "IPv4 address on eth0 found"},
	} {
		if got := c.reason.String(); got != c.want {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
}

// The cause of a change of priority, as the daemon tells it.
func ExampleBoard_Cause() {
	b := NewBoard([]Check{{Name: "chk_haproxy", Fall: 2}}, [][]Track{{
		{Kind: Script, Name: "chk_haproxy", Weight: -4},
	}})
	for _, outcome := range []Outcome{Good, Exited, Exited} {
		report := Report{Name: "chk_haproxy", Result: Result{Outcome: outcome, Code: 1}}
		before := b.Verdict(0)
		for _, router := range b.Post(report) {
			after := b.Verdict(router)
			if cause, ok := b.Cause(router, before); ok {
				fmt.Printf("%v: %d -> %d\n", cause, 101+before.Delta, 101+after.Delta)
			}
		}
	}
	// Output: chk_haproxy failed 2 of 2: exit status 1, weight -4: 101 -> 97
}
