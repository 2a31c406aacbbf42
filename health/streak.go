package health

// A streak is all there is to rise and fall. It counts as keepalived does: up
// from 0 while successes come, down from rise+fall-1 while failures do, and
// good from rise on. A change of standing jumps to the far end, so that it
// takes the full number of results in a row to turn it again.
type streak struct {
	rise, fall int // at least 1
	count      int // 0 to rise+fall-1
	fresh      bool
}

// newStreak returns one that waits for its first result, which decides alone.
// With failed there is nothing to wait for: it is bad, and rise successes make
// it good (init_fail).
func newStreak(rise, fall int, failed bool) streak {
	s := streak{rise: max(rise, 1), fall: max(fall, 1), fresh: !failed}
	if s.fresh {
		s.count = s.rise - 1
	}
	return s
}

func (s *streak) up() bool { return s.count >= s.rise }

// add counts a result and reports whether the standing is another than before.
// The first result of all is always news.
func (s *streak) add(ok bool) (changed bool) {
	was, fresh := s.up(), s.fresh
	s.fresh = false
	switch {
	case ok && s.count >= s.rise-1:
		s.count = s.rise + s.fall - 1
	case ok:
		s.count++
	case s.count > s.rise:
		s.count--
	default:
		s.count = 0
	}
	return fresh || s.up() != was
}

// needs returns how many results in a row, from a full streak of the other
// kind on, make the standing good or bad.
func (s *streak) needs(ok bool) int {
	switch {
	case s.fresh:
		return 1
	case ok:
		return s.rise
	}
	return s.fall
}

// progress returns how far the standing is on the way to turn: n results
// against it, in a row, of the number that it takes.
func (s *streak) progress() (n, of int) {
	switch {
	case s.fresh:
		return 0, 1
	case s.up():
		return s.rise + s.fall - 1 - s.count, s.fall
	}
	return s.count, s.rise
}

// adjust gives it new limits and keeps its standing.
func (s *streak) adjust(rise, fall int) {
	n := newStreak(rise, fall, !s.fresh)
	if s.up() {
		n.count = n.rise + n.fall - 1
	}
	*s = n
}
