package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"regent/cmd/internal/lab"
)

// aftermath is how long the client is watched after an act has settled.
const aftermath = 300 * time.Millisecond

// A timeline prints what happens, as it happens.
type timeline struct {
	start  time.Time
	colour bool

	mu     sync.Mutex
	w      io.Writer
	scored []score
}

// A score is the client's view of one act.
type score struct {
	act
	silence time.Duration
}

// A paint is a colour of a terminal.
type paint string

const (
	bold   paint = "1"
	faint  paint = "2"
	red    paint = "31"
	green  paint = "32"
	yellow paint = "33"
	cyan   paint = "36"
)

func newTimeline(f *os.File) *timeline {
	_, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
	return &timeline{start: time.Now(), w: f, colour: err == nil && os.Getenv("NO_COLOR") == ""}
}

func (t *timeline) paint(p paint, text string) string {
	if !t.colour {
		return text
	}
	return "\x1b[" + string(p) + "m" + text + "\x1b[0m"
}

// stamp is the left margin of a line.
func (t *timeline) stamp(at time.Time) string {
	return t.paint(faint, fmt.Sprintf("%7.3f s", at.Sub(t.start).Seconds()))
}

const margin = "         "

// opening shows who is on stage.
func (t *timeline) opening(s *scene) {
	t.mu.Lock()
	defer t.mu.Unlock()
	fmt.Fprintf(t.w, `
  Two routers share the address %s. A client asks for it every %v.

      %s  %s  priority 150 ──┐
                                       ├── lan ── client
      %s  %s  priority 100 ──┘

  They speak VRRP version 3, an advert every %v (testdata/demo/*.conf).
  A block of the client's line is %v: █ answered, ▄ in part, · silence.
`, t.paint(bold, vip.String()), every,
		t.paint(cyan, " left"), s.left.addr, t.paint(yellow, "right"), s.right.addr, interval, cell)
	t.start = time.Now()
}

// act announces what is about to happen.
func (t *timeline) act(title string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	fmt.Fprintf(t.w, "\n%s  %s\n", t.stamp(time.Now()), t.paint(bold, title))
}

// heard tells of what a daemon says. It is called as the log is read.
func (t *timeline) heard(who string, line lab.Line) {
	e, ok := parse(line.Text)
	if !ok {
		return
	}
	state := fmt.Sprintf("%-6s", e.state)
	switch e.state {
	case "MASTER":
		state = t.paint(green, state)
	case "FAULT":
		state = t.paint(red, state)
	}
	name := t.paint(cyan, " left")
	if who == "right" {
		name = t.paint(yellow, "right")
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	fmt.Fprintf(t.w, "%s    %s  %s  %s\n", t.stamp(line.At), name, state, e.detail)
}

// judged shows the client's view of an act that is over.
func (t *timeline) judged(a act, silence time.Duration, echoes []lab.Echo, begun time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.scored = append(t.scored, score{a, silence})
	fmt.Fprintf(t.w, "%s  client  %s  %s\n", margin, t.strip(echoes, begun.Add(-before)), t.verdict(silence))
}

// before is how much of the time before an act its strip shows.
const before = 250 * time.Millisecond

// cell is how much time one block of the strip stands for.
const cell = 50 * time.Millisecond

// cells is the most that a strip shows.
const cells = 60

// strip draws what the client saw since a time, a block for each cell: full
// if every question was answered soon, half if some were, a dot if none.
func (t *timeline) strip(echoes []lab.Echo, since time.Time) string {
	var asked, answered []int
	for _, e := range echoes {
		if e.At.Before(since) {
			continue
		}
		i := int(e.At.Sub(since) / cell)
		for len(asked) <= i {
			asked, answered = append(asked, 0), append(answered, 0)
		}
		asked[i]++
		if !e.Answered.IsZero() && e.Answered.Sub(e.At) < cell {
			answered[i]++
		}
	}
	if cut := len(asked) - cells; cut > 0 { // the end is where things happen
		asked, answered = asked[cut:], answered[cut:]
	}
	var b strings.Builder
	for i := range asked {
		switch {
		case answered[i] == 0:
			b.WriteString(t.paint(red, "·"))
		case answered[i] < asked[i]:
			b.WriteString(t.paint(yellow, "▄"))
		default:
			b.WriteString(t.paint(green, "█"))
		}
	}
	return b.String()
}

func (t *timeline) verdict(silence time.Duration) string {
	if silence < 2*every {
		return t.paint(green, "no interruption")
	}
	return fmt.Sprintf("silent for %d ms", silence.Milliseconds())
}

// closing sums up.
func (t *timeline) closing() {
	t.mu.Lock()
	defer t.mu.Unlock()
	fmt.Fprintf(t.w, "\n  %s\n\n", t.paint(bold, "The client's longest wait for an answer"))
	fmt.Fprintf(t.w, "  %-22s %8s  %8s\n", "", "measured", "allowed")
	for _, s := range t.scored {
		allowed := "none"
		if s.act.silence > 0 {
			allowed = fmt.Sprintf("%d ms", s.act.silence.Milliseconds())
		}
		fmt.Fprintf(t.w, "  %-22s %5d ms  %8s  %s\n", s.short, s.silence.Milliseconds(), allowed, t.paint(faint, s.because))
	}
	fmt.Fprintf(t.w, "\n  It took %.0f seconds.\n\n", time.Since(t.start).Seconds())
}
