package main

import (
	"testing"
	"time"
)

func TestAppointment(t *testing.T) {
	now := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		line string
		want time.Time
		bad  bool
	}{
		{"12:00:01Z", now.Add(time.Second), false},
		{"12:00:00Z", now.AddDate(0, 0, 1), false},
		{"00:30:00Z", time.Date(2026, 11, 22, 0, 30, 0, 0, time.UTC), false},
		{"26-11-21 12:30:00Z", now.Add(30 * time.Minute), false},
		{"2026-11-21 12:30:00Z", now.Add(30 * time.Minute), false},
		{"2026-11-21 11:59:59Z", time.Time{}, false},
		{"2027-01-01 00:00:00", time.Date(2027, 1, 1, 0, 0, 0, 0, time.Local), false},
		{"", time.Time{}, false},
		{"9:00:00Z", time.Time{}, true},
		{" 09:00:00Z", time.Time{}, true},
		{"09:00:00 Z", time.Time{}, true},
		{"2026-11-21  12:30:00Z", time.Time{}, true},
		{"2026-13-21 12:30:00Z", time.Time{}, true},
		{"24:00:00Z", time.Time{}, true},
		{"soon", time.Time{}, true},
	} {
		var a appointment
		err := a.set(c.line, now)
		if !a.due.Equal(c.want) || (err != nil) != c.bad {
			t.Errorf("%q: %v, %v; want %v", c.line, a.due, err, c.want)
		}
	}
}
