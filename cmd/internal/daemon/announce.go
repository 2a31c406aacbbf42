package daemon

import (
	"slices"

	"regent/netif"
)

// A round is what is left of an announcement that is made more than once. All
// addresses get their first announcement before any gets its second.
type round struct {
	router   *router
	announce []netif.Announcement
	left     int
}

// again returns one more announcement of everything that is left.
func (s *steward) again() []netif.Announcement {
	var as []netif.Announcement
	left := s.rounds[:0]
	for _, r := range s.rounds {
		as = append(as, r.announce...)
		if r.left--; r.left > 0 {
			left = append(left, r)
		}
	}
	clear(s.rounds[len(left):])
	s.rounds = left
	return as
}

// announce makes announcements, but none of an address that is not there (B-7).
func (s *steward) announce(as []netif.Announcement) {
	if len(s.refused) > 0 {
		as = slices.DeleteFunc(slices.Clone(as), func(a netif.Announcement) bool { return s.refused[place{a.Link, a.Addr}] })
	}
	if len(as) == 0 {
		return
	}
	_, err := s.host.Announce(as)
	var refusals []refusal
	for _, err := range each(err) {
		refusals = append(refusals, refusal{nil, err})
	}
	s.complain(refusals)
}

// each takes apart what errors.Join has joined.
func each(err error) []error {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		return joined.Unwrap()
	}
	if err == nil {
		return nil
	}
	return []error{err}
}
