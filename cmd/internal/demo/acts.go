package main

import (
	"context"
	"fmt"
	"time"
)

// What the configurations fix (RFC 9568 section 6.1): with adverts every
// 250 ms, right waits three of them and a skew of (256-100)/256 of one.
const (
	interval  = 250 * time.Millisecond
	rightSkew = interval * (256 - 100) / 256
	rightDown = 3*interval + rightSkew
)

// slack is what an act may take beyond the protocol before the demo fails: a
// great deal, since the machine may be busy with other things.
const slack = 10 * time.Second

// An act is something that happens, and who should have the address then.
type act struct {
	title   string
	short   string // for the summary
	do      func(context.Context, *scene) error
	right   bool          // right ends as master, and not left
	alone   bool          // the other one has no power
	silence time.Duration // how long the protocol lets the client wait; 0: not noticeably
	because string        // where that figure comes from
}

var acts = []act{
	{
		title: "both routers start",
		short: "start",
		do: func(_ context.Context, s *scene) error {
			if err := s.right.start(); err != nil {
				return err
			}
			return s.left.start()
		},
		silence: 3*interval + interval*(256-150)/256,
		because: "three adverts' time and the skew: is there nobody else?",
	},
	{
		title:   "left loses its power: SIGKILL, and the cable is out",
		short:   "power failure",
		do:      func(_ context.Context, s *scene) error { return s.left.die() },
		right:   true,
		alone:   true,
		silence: rightDown,
		because: "the same, from the last advert on",
	},
	{
		title:   "left comes back",
		short:   "return",
		do:      func(_ context.Context, s *scene) error { return s.left.start() },
		because: "right serves until left has taken over",
	},
	{
		title:   "left is stopped politely: SIGTERM",
		short:   "polite stop",
		do:      func(ctx context.Context, s *scene) error { return s.left.stop(ctx) },
		right:   true,
		silence: rightSkew,
		because: "left resigns with priority 0: the skew alone",
	},
	{
		title:   "left comes back",
		short:   "return",
		do:      func(_ context.Context, s *scene) error { return s.left.start() },
		because: "right serves until left has taken over",
	},
	{
		title:   "left's service breaks: its health check fails, priority 150 - 60",
		short:   "failed health check",
		do:      func(_ context.Context, s *scene) error { return s.left.fail() },
		right:   true,
		because: "left serves until right has taken over",
	},
	{
		title:   "left's service is mended",
		short:   "mended health check",
		do:      func(_ context.Context, s *scene) error { return s.left.serve() },
		because: "right serves until left has taken over",
	},
}

// play performs an act, waits for its end and judges it.
func (s *scene) play(ctx context.Context, a act) error {
	master, other := s.left, s.right
	if a.right {
		master, other = s.right, s.left
	}
	s.out.act(a.title)
	begun := time.Now()
	if err := a.do(ctx, s); err != nil {
		return err
	}
	err := s.Until(ctx, master.name+" alone has the address", func() bool { return s.settled(master, other, a.alone) })
	if err != nil {
		return err
	}
	// The client's view, with a margin for the eye and for stray effects.
	settled := time.Now()
	err = s.Until(ctx, "the client is answered by "+master.name, func() bool { return s.client.Answers(settled.Add(aftermath)) })
	if err != nil {
		return err
	}
	silence := s.client.Gap(begun, time.Now())
	s.out.judged(a, silence, s.client.Echoes(), begun)
	if silence > a.silence+s.slack {
		return fmt.Errorf("the client saw nothing for %v; the protocol allows %v", silence, a.silence)
	}
	return nil
}
