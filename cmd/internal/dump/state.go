package dump

import (
	"fmt"
	"io"
	"time"

	"regent/cfgparse"
	"regent/cmd/internal/daemon"
	"regent/fsm"
	"regent/health"
	"regent/netif"
	"regent/vrrp"
)

// writeState writes the settings and states in the layout of keepalived.data:
// what tools look for in it stands where keepalived has it, and what regent has
// no counterpart of is left out.
func writeState(w io.Writer, cfg *cfgparse.Config, s *daemon.Status) error {
	e := &errWriter{w: w}
	writeGlobals(e, cfg)
	e.printf("------< VRRP Topology >------\n")
	for i := range s.Routers {
		writeRouter(e, cfg, s, &s.Routers[i])
	}
	if len(s.Groups) > 0 {
		e.printf("------< VRRP Sync groups >------\n")
		for i := range s.Groups {
			writeGroup(e, &s.Groups[i])
		}
	}
	for _, part := range []struct {
		kind  health.Kind
		title string
		write func(*errWriter, *daemon.Status, *health.Standing)
	}{
		{health.Script, "VRRP Scripts", writeScript},
		{health.File, "VRRP Track files", writeFile},
		{health.Process, "VRRP Track processes", writeProcess},
		{health.BFD, "VRRP Track BFDs", writeBFD},
	} {
		title := "------< " + part.title + " >------\n"
		for i := range s.Checks {
			if c := &s.Checks[i]; c.Check.Kind == part.kind {
				e.printf("%s", title)
				part.write(e, s, c)
				title = ""
			}
		}
	}
	return e.err
}

func writeGlobals(e *errWriter, cfg *cfgparse.Config) {
	g := &cfg.Global
	a, d := &g.Announce, &g.Defaults
	e.printf("------< Global definitions >------\n")
	if cfg.Process.Instance != "" {
		e.printf(" Instance name = %s\n", cfg.Process.Instance)
	}
	for _, p := range []struct {
		key   string
		value any
	}{
		{"Router ID", g.RouterID},
		{"Dynamic interfaces", g.DynamicInterfaces},
		{"VRRP notify priority changes", d.PriorityChanges},
		{"VRRP IPv4 mcast group", d.Group4},
		{"VRRP IPv6 mcast group", d.Group6},
		{"Gratuitous ARP delay", whole(a.Delay)},
		{"Gratuitous ARP repeat", a.Repeat},
		{"Gratuitous ARP refresh timer", whole(a.Refresh)},
		{"Gratuitous ARP refresh repeat", a.RefreshRepeat},
		{"Gratuitous ARP lower priority delay", whole(a.LowerDelay)},
		{"Gratuitous ARP lower priority repeat", max(a.LowerRepeat, 0)},
		{"Num adverts before down", d.DownAdverts},
		{"Send advert after receive lower priority advert", !d.LowerNoAdvert},
		{"Send advert after receive higher priority advert", d.HigherSendAdvert},
		{"Gratuitous ARP interval", fmt.Sprintf("%f", a.Interval4.Seconds())},
		{"Gratuitous NA interval", fmt.Sprintf("%f", a.Interval6.Seconds())},
		{"VRRP default protocol version", d.Version},
		{"VRRP check unicast_src", d.CheckUnicastSource},
		{"VRRP skip check advert addresses", d.SkipCheckAddr},
		{"VRRP strict mode", d.Strict},
	} {
		e.printf(" %s = %v\n", p.key, p.value)
	}
}

// writeRouter writes one virtual router, in keepalived's order: its state, where
// it is, how it behaves, what it owns and whom it tells.
func writeRouter(e *errWriter, cfg *cfgparse.Config, s *daemon.Status, r *daemon.RouterStatus) {
	writeCondition(e, s, r)
	writePlace(e, r)
	writeBehaviour(e, r)
	writeEstate(e, s, r)
	e.say("Using smtp notification", "%s", yesNo(alerts(cfg, r)))
	for _, script := range scripts(&r.Settings.Notify) {
		if c := script.command; c != nil {
			e.say(script.what+" state transition script", "%s", command(c.Args))
		}
	}
}

// writeCondition writes the state of a router, and why it is in it.
func writeCondition(e *errWriter, s *daemon.Status, r *daemon.RouterStatus) {
	in, m := &r.Settings, &r.Machine
	e.printf(" VRRP Instance = %s\n", in.Name)
	e.say("VRRP Version", "%d", in.Router.Version)
	if in.Port.Family == netif.IPv6 {
		e.printf("   Using Native IPv6\n")
	}
	if r.Group != "" {
		e.say("Sync group", "%s", r.Group)
	}
	e.say("State", "%v", r.Condition)
	if why := r.Why.String(); why != "" {
		e.say("Reason", "%s", why)
	}
	if !in.Port.Group.IsValid() {
		e.printf("   Flags:\n     Using unicast\n")
	} else {
		e.printf("   Flags: none\n")
	}
	e.say("Wantstate", "%v", wanted(r))
	faults, waits := 0, 0
	for _, reason := range r.Verdict.Reasons {
		switch {
		case reason.Fault:
			faults++
		case reason.Wait:
			waits++
		}
	}
	e.say("Number of interface and track script faults", "%d", faults)
	e.say("Number of track scripts init", "%d", waits)
	e.say("Last transition", "%s", timestamp(s.Time(m.Since)))
	if m.Deadline == fsm.Never {
		e.say("Read timeout", "DISABLED")
	} else {
		e.say("Read timeout", "%s", timestamp(s.Time(m.Deadline)))
	}
	e.say("Master down timer", "%d usecs", m.Down.Microseconds())
	if m.Heard.Addr.IsValid() {
		e.say("Master router", "%v", m.Heard.Addr)
		e.say("Master priority", "%d", m.Heard.Priority)
	}
}

// writeBehaviour writes a router's timers, priorities and switches.
func writeBehaviour(e *errWriter, r *daemon.RouterStatus) {
	in := &r.Settings
	a := &in.Router.Announce
	e.say("Gratuitous ARP delay", "%d", whole(a.Delay))
	e.say("Gratuitous ARP repeat", "%d", a.Repeat)
	e.say("Gratuitous ARP refresh", "%d", whole(a.Refresh))
	e.say("Gratuitous ARP refresh repeat", "%d", a.RefreshRepeat)
	e.say("Gratuitous ARP lower priority delay", "%d", whole(a.LowerDelay))
	e.say("Gratuitous ARP lower priority repeat", "%d", max(a.LowerRepeat, 0))
	e.say("Down timer adverts", "%d", in.Router.DownAdverts)
	e.say("Send advert after receive lower priority advert", "%t", !silent(r))
	e.say("Send advert after receive higher priority advert", "%t", in.Router.LastWord)
	e.say("Virtual Router ID", "%d", in.VRID)
	e.say("Priority", "%d", in.Router.Priority)
	e.say("Effective priority", "%d", r.Machine.Priority)
	e.say("Total priority", "%d", int(in.Router.Priority)+r.Verdict.Delta)
	if in.Router.Version == vrrp.V2 {
		e.say("Advert interval", "%d sec", whole(in.Router.Interval))
	} else {
		e.say("Advert interval", "%d milli-sec", in.Router.Interval.Milliseconds())
	}
	e.say("Accept", "%s", enabled(in.Accept))
	e.say("Preempt", "%s", enabled(!in.Router.NoPreempt))
	if in.Router.PreemptDelay > 0 {
		e.say("Preempt delay", "%g secs", in.Router.PreemptDelay.Seconds())
	}
	e.say("Promote_secondaries", "%s", enabled(in.PromoteSecondaries))
	if len(in.Auth.Password) > 0 {
		e.say("Authentication type", "SIMPLE_PASSWORD")
		e.say("Password", "********")
	}
}

// writePlace writes where a router meets the network.
func writePlace(e *errWriter, r *daemon.RouterStatus) {
	in := &r.Settings
	if in.VMAC.Each {
		e.printf("   Use VMAC for VIPs on other interfaces\n")
	}
	if r.Device.Index != 0 {
		e.printf("   Use VMAC, i/f name %s, is_up = %t, xmit_base = %t\n", r.Device.Name, r.Holds, in.VMAC.XmitBase)
		e.printf("   Interface = %s, vmac on %s\n", r.Device.Name, in.Port.Interface)
	} else {
		e.printf("   Interface = %s\n", in.Port.Interface)
	}
	if !in.TrackPrimary {
		e.printf("   VRRP interface tracking disabled\n")
	}
	switch {
	case !r.Source.IsValid():
		e.printf("   Using src_ip = (none)\n")
	case in.Port.Source.IsValid():
		e.printf("   Using src_ip = %v (from configuration)\n", r.Source)
	default:
		e.printf("   Using src_ip = %v\n", r.Source)
	}
	if in.Port.Group.IsValid() {
		e.printf("   Multicast address %v\n", in.Port.Group)
	}
}

// writeEstate writes what a router owns, its peers and what it depends on.
func writeEstate(e *errWriter, s *daemon.Status, r *daemon.RouterStatus) {
	list := func(title string, lines []string) {
		if len(lines) == 0 {
			return
		}
		e.printf("   %s:\n", title)
		for _, l := range lines {
			e.printf("     %s\n", l)
		}
	}
	vips := addresses(s, r, true)
	list(fmt.Sprintf("Virtual IP (%d)", len(vips)), vips)
	list("Virtual IP Excluded ", addresses(s, r, false))
	var peers []string
	for _, p := range r.Settings.Profile.Peers {
		most := p.MaxTTL
		if most == 0 {
			most = vrrp.HopLimit
		}
		peers = append(peers, fmt.Sprintf("%v min_ttl %d max_ttl %d", p.Addr, p.MinTTL, most))
	}
	list("Unicast Peer ", peers)
	list("Virtual Routes ", routes(r))
	list("Virtual Rules ", rules(r))
	for _, kind := range []struct {
		kind      health.Kind
		title, by string
	}{
		{health.Interface, "Tracked interfaces ", " "},
		{health.Script, "Tracked scripts ", " "},
		{health.File, "Tracked files ", ", "},
		{health.Process, "Tracked processes ", ", "},
		{health.BFD, "Tracked BFDs ", ": "},
	} {
		var lines []string
		for _, t := range tracked(r, kind.kind) {
			lines = append(lines, t.Name+kind.by+weight(t))
		}
		list(kind.title, lines)
	}
}

func writeGroup(e *errWriter, g *daemon.GroupStatus) {
	e.printf(" VRRP Sync Group = %s, %v\n", g.Settings.Name, g.Condition)
	e.printf("   Num member fault %d, num member init %d\n", g.Faults, g.Waits)
	e.printf("   VRRP member instances :\n")
	for _, name := range g.Settings.Members {
		e.printf("     %s\n", name)
	}
}

func writeScript(e *errWriter, s *daemon.Status, c *health.Standing) {
	check := &c.Check
	e.printf(" VRRP Script = %s\n", check.Name)
	e.printf("   Command = %s\n", command(check.Command))
	e.printf("   Interval = %g sec\n", check.Interval.Seconds())
	e.printf("   Timeout = %g sec\n", check.Timeout.Seconds())
	e.printf("   Rise = %d\n   Fall = %d\n", max(check.Rise, 1), max(check.Fall, 1))
	status := "BAD"
	if c.Up {
		status = "GOOD"
	}
	e.printf("   Status = %s\n", status)
	e.printf("   Result = %v\n", c.Last)
	e.printf("   Script user = %s\n", check.User)
	writeFollowers(e, s, c)
	e.printf("   State = idle\n") // whether it runs this very moment, nobody but its goroutine knows
}

func writeFile(e *errWriter, s *daemon.Status, c *health.Standing) {
	f := &c.Check.File
	e.printf(" Track file = %s\n   File = %s\n   Status = %d\n   Weight = %d\n", f.Name, f.Path, c.Last.Number, f.Weight)
	writeFollowers(e, s, c)
}

func writeProcess(e *errWriter, s *daemon.Status, c *health.Standing) {
	p := &c.Check.Process
	e.printf(" VRRP Track process = %s\n   Process = %s\n", p.Name, p.Command)
	if len(p.Params) > 0 {
		e.printf("   Parameters = %s\n", command(p.Params))
	}
	e.printf("   Min processes = %d\n", p.Quorum)
	if p.QuorumMax != health.Unlimited {
		e.printf("   Max processes = %d\n", p.QuorumMax)
	}
	e.printf("   Current processes = %d\n   Have quorum = %t\n   Weight = %d\n", c.Last.Number, c.Up, p.Weight)
	e.printf("   Terminate delay = %fs\n   Fork delay = %fs\n", p.Lost.Seconds(), p.Gained.Seconds())
	e.printf("   Full command = %t\n", p.FullCommand)
	writeFollowers(e, s, c)
}

func writeBFD(e *errWriter, s *daemon.Status, c *health.Standing) {
	e.printf(" VRRP Track BFD = %s\n   Neighbor IP = %v\n", c.Check.Name, c.Check.BFD.Neighbor)
	if c.Up {
		e.printf("   Bfd is up\n")
	} else {
		e.printf("   Bfd is down\n   Result = %v\n", c.Last)
	}
	writeFollowers(e, s, c)
}

// writeFollowers writes who depends on a check.
func writeFollowers(e *errWriter, s *daemon.Status, c *health.Standing) {
	e.printf("   Tracking instances :\n")
	for _, i := range c.Followed {
		r := &s.Routers[i]
		for _, t := range tracked(r, c.Check.Kind) {
			if t.Name == c.Check.Name {
				e.printf("     %s, %s\n", r.Settings.Name, weight(t))
			}
		}
	}
}

// whole returns full seconds.
func whole(d time.Duration) int { return int(d.Seconds()) }

// timestamp writes a time in seconds of Unix, and for people.
func timestamp(t time.Time) string {
	return fmt.Sprintf("%d.%06d (%s)", t.Unix(), t.Nanosecond()/1000, t.Format("Mon Jan _2 15:04:05.000000 2006"))
}

func enabled(on bool) string {
	if on {
		return "enabled"
	}
	return "disabled"
}

func yesNo(on bool) string {
	if on {
		return "yes"
	}
	return "no"
}
