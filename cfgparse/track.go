package cfgparse

import (
	"fmt"
	"strconv"
	"strings"

	"regent/cfgparse/syntax"
	"regent/health"
)

// A trackLine is one line of a track_* block.
type trackLine struct {
	health.Track
	at       syntax.Pos
	weighted bool // a weight was given
}

// A trackKey is a thing tracked by one instance or group.
type trackKey struct {
	by   *[]trackLine
	kind health.Kind
	name string
}

// trackRows are the track_* blocks of instances and groups.
func trackRows[T any](field func(*T) *[]trackLine, name func(*T) string) []*Keyword {
	row := func(word string, tier Tier, kind health.Kind, low int64, help string) *Keyword {
		arguments := "NAME [weight " + span(low, -low) + " [reverse|noreverse]]"
		if kind == health.Interface {
			arguments = "IF [weight -253-253 [reverse]]"
		}
		return key(word, tier, list(arguments, func(l *loader, t *T, s *syntax.Statement) {
			l.track(kind, name(t), field(t), s)
		}, func(t *T) string { return showTracks(*field(t), kind) }), "", help)
	}
	return []*Keyword{
		row("track_interface", A, health.Interface, -253, "links that must be up"),
		row("track_script", A, health.Script, -253, "scripts that must succeed"),
		row("track_file", A, health.File, -254, "files whose number moves the priority"),
		row("track_process", A, health.Process, -254, "processes that must run"),
		row("track_bfd", B, health.BFD, -253, "BFD sessions that must be up"),
	}
}

func instanceTracking() []*Keyword {
	rows := trackRows(func(d *draft) *[]trackLine { return &d.tracks }, func(d *draft) string { return d.Name })
	return append(rows,
		key("dont_track_primary", A, custom("", func(_ *loader, d *draft, _ *syntax.Statement) { d.TrackPrimary = false },
			func(d *draft) string { return yesNo(!d.TrackPrimary) }), "", "the own interface may be down without FAULT"),
		key("track_src_ip", B, flag(func(d *draft) *bool { return &d.TrackSource }), "", "FAULT when the configured source address is gone"),
	)
}

// track reads NAME [weight N [reverse|noreverse]].
func (l *loader) track(kind health.Kind, owner string, tracks *[]trackLine, s *syntax.Statement) {
	t := trackLine{Track: health.Track{Kind: kind, Name: s.Keyword()}, at: s.Pos()}
	limit := int64(253)
	switch kind {
	case health.Interface:
		if !l.interfaceName(s.Words[0]) {
			return
		}
	case health.Script:
		d := l.scripts.find(t.Name)
		if d == nil {
			l.notFound(s, "vrrp_script", l.scripts.names)
			return
		}
		t.Weight, t.Reverse, d.tracked = d.weight, d.reverse, true
		if !d.usable {
			return
		}
	case health.File:
		limit = 254
		d := l.files.find(t.Name)
		if d == nil {
			l.notFound(s, "track_file", l.files.names)
			return
		}
		t.Weight, t.Reverse, d.tracked = d.Weight, d.Reverse, true
	case health.Process:
		limit = 254
		d := l.processes.find(t.Name)
		if d == nil {
			l.notFound(s, "vrrp_track_process", l.processes.names)
			return
		}
		t.Weight, t.Reverse, d.tracked = d.Weight, d.Reverse, true
	case health.BFD:
		d := l.bfds.find(t.Name)
		switch {
		case d == nil:
			l.notFound(s, "bfd_instance", l.trackableBFDs())
			return
		case !d.ForVRRP:
			l.complain(s.Pos(), syntax.General, "vrrp in the bfd_instance", "it is not tracked", "bfd_instance %s is for checkers alone", quote(t.Name))
			return
		}
		t.Weight, t.Reverse = d.Weight, d.Reverse
	}
	if !l.trackOptions(&t, limit, s) {
		return
	}
	key := trackKey{tracks, t.Kind, t.Name}
	if l.tracked[key] {
		l.complain(s.Pos(), syntax.General, "each once", "the second is ignored", "%s is tracked twice by %s", quote(t.Name), owner)
		return
	}
	l.tracked[key] = true
	*tracks = append(*tracks, t)
}

// trackOptions reads what follows the name. An unknown option drops the entry.
func (l *loader) trackOptions(t *trackLine, limit int64, s *syntax.Statement) bool {
	unknown := func(i int) bool {
		l.Add(syntax.Diagnostic{Pos: s.Words[i].Pos, Severity: syntax.Warning, Class: syntax.General,
			Message: "unknown option " + quote(s.Arg(i)), Expected: "NAME [weight N [reverse|noreverse]], each on a line of its own",
			Suggest: nearestOf(s.Arg(i), []string{"weight", "reverse", "noreverse"}), Effect: quote(t.Name) + " is not tracked"})
		return false
	}
	if len(s.Words) == 1 {
		return true
	}
	if s.Arg(1) != "weight" {
		return unknown(1)
	}
	if !l.need(s, 2, "") {
		return false
	}
	n, ok := l.beginning(s.Words[2], "weight", -254, 254)
	switch {
	case !ok && leadingNumber(s.Arg(2)) != "": // keepalived goes by the block that is named
		n = int64(t.Weight)
		l.complain(s.Words[2].Pos, syntax.Number, span(-limit, limit), fmt.Sprintf("weight %d is used", n), "weight %s is out of range", s.Arg(2))
	case !ok:
		l.complain(s.Words[2].Pos, syntax.Number, "a whole number, "+span(-limit, limit), "weight 0 is used", "bad weight %s", quote(s.Arg(2)))
		n = 0
	case n < -limit || n > limit:
		l.complain(s.Words[2].Pos, syntax.Number, span(-limit, limit), "the nearest possible weight is used", "weight %d is out of range", n)
		n = max(-limit, min(n, limit))
	}
	t.Weight, t.weighted = int(n), true
	if len(s.Words) == 3 { // reversed as the block is that it names
		return true
	}
	switch {
	case s.Arg(3) == "reverse":
		t.Reverse = true
	case s.Arg(3) == "noreverse" && t.Kind != health.Interface:
		t.Reverse = false
	default:
		return unknown(3)
	}
	return true
}

// notFound reports a tracked name that is not defined above.
func (l *loader) notFound(s *syntax.Statement, block string, names []string) {
	meant := ""
	if l.searches++; l.searches <= maxSearches {
		meant = nearestOf(s.Keyword(), names)
	}
	l.Add(syntax.Diagnostic{Pos: s.Pos(), Severity: syntax.Warning, Class: syntax.General,
		Message:  block + " " + quote(s.Keyword()) + " is not defined before this line",
		Expected: "a " + block + " block that stands above", Suggest: meant, Effect: "it is not tracked"})
}

func showTracks(tracks []trackLine, kind health.Kind) string {
	var out []string
	for _, t := range tracks {
		if t.Kind == kind {
			out = append(out, showTrack(t.Track))
		}
	}
	return strings.Join(out, ", ")
}

func showTrack(t health.Track) string {
	s := t.Name + " weight " + strconv.Itoa(t.Weight)
	if t.Reverse {
		s += " reverse"
	}
	return s
}
