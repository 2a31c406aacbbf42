package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"
)

// An appointment is a reload at a time that a file names (reload_time_file).
type appointment struct {
	line  string    // of the file, when it was last looked at
	due   time.Time // zero: none
	dated bool      // the file names a day
}

// glance is how often the file is looked at: it may be anywhere, and come and go.
const glance = time.Second

// nextAppointment returns a channel that tells when to look at the file again;
// nil if there is none to look at.
func (s *servant) nextAppointment() <-chan time.Time {
	if s.cfg.Global.Reload.TimeFile == "" {
		return nil
	}
	wait := glance
	if !s.appointment.due.IsZero() {
		wait = min(wait, max(time.Until(s.appointment.due), 0))
	}
	return time.After(wait)
}

// appointed looks at the file and reports whether it is time to reload. Then the
// file is removed, unless it is to serve every day (reload_repeat).
func (s *servant) appointed(now time.Time) bool {
	r, a := &s.cfg.Global.Reload, &s.appointment
	line, err := firstLine(r.TimeFile)
	if err != nil && !errors.Is(err, os.ErrNotExist) && line != a.line {
		s.log.Error("cannot read the time of the next reload", "error", err)
	}
	if line != a.line {
		if err := a.set(line, now); err != nil {
			s.log.Error("no reload at a time", "file", r.TimeFile, "error", err)
		} else if !a.due.IsZero() {
			s.log.Info("reloading at a time", "at", a.due.Format(time.DateTime))
		}
		return false
	}
	if a.due.IsZero() || now.Before(a.due) {
		return false
	}
	if r.Repeat && !a.dated {
		a.due = a.due.AddDate(0, 0, 1)
		return true
	}
	*a = appointment{}
	if err := os.Remove(r.TimeFile); err != nil {
		a.line = line // it stays, and has been done
		s.log.Error("cannot remove the time of the last reload", "error", err)
	}
	return true
}

// set takes a new line of the file. A day that is over means nothing.
func (a *appointment) set(line string, now time.Time) error {
	*a = appointment{line: line}
	if line == "" {
		return nil
	}
	due, dated, err := parseAppointment(line, now)
	if err != nil {
		return err
	}
	if due.After(now) {
		a.due, a.dated = due, dated
	}
	return nil
}

// parseAppointment reads HH:MM:SS, the next time that it is so late, or such a
// time of a day, YY-MM-DD or YYYY-MM-DD and a space before it. A Z at the end
// means UTC instead of local time.
func parseAppointment(line string, now time.Time) (due time.Time, dated bool, err error) {
	text, utc := strings.CutSuffix(line, "Z")
	zone := time.Local
	if utc {
		zone = time.UTC
	}
	for _, layout := range []string{time.TimeOnly, "06-01-02 15:04:05", time.DateTime} {
		t, err := time.ParseInLocation(layout, text, zone)
		if err != nil || len(text) != len(layout) {
			continue
		}
		if layout != time.TimeOnly {
			return t, true, nil
		}
		year, month, day := now.In(zone).Date()
		t = time.Date(year, month, day, t.Hour(), t.Minute(), t.Second(), 0, zone)
		if !t.After(now) {
			t = t.AddDate(0, 0, 1)
		}
		return t, false, nil
	}
	return time.Time{}, false, fmt.Errorf("bad time %q: want HH:MM:SS, YY-MM-DD HH:MM:SS or YYYY-MM-DD HH:MM:SS, and Z for UTC", line)
}

// firstLine returns the first line of a file, of which the first few bytes matter.
func firstLine(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, 64))
	line, _, _ := strings.Cut(string(b), "\n")
	return line, err
}
