// Package logging writes the daemon's log beside the daemon: who logs never
// waits, and what cannot be kept is counted.
package logging

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"log/syslog"
	"strings"
	"sync/atomic"
	"time"
)

// backlog is how many lines may wait to be written.
const backlog = 4096

// A Sink takes finished lines, one at a time.
type Sink interface {
	Write(at time.Time, level slog.Level, line string)
}

// A Log is a slog.Handler that formats and writes in a goroutine of its own.
// An "instance" attribute becomes the prefix "(NAME) ", as keepalived's users
// know it; the other attributes follow the message as key=value.
type Log struct {
	*shared
	level slog.Level
	attrs []slog.Attr
}

// shared is what a handler and those made of it by With have in common.
type shared struct {
	sinks   []Sink
	queue   chan *entry // full entries would take a megabyte before there is one
	done    chan struct{}
	dropped atomic.Uint64
}

type entry struct {
	record slog.Record
	attrs  []slog.Attr
}

// New returns a log that writes records of at least level to every sink.
func New(level slog.Level, sinks ...Sink) *Log {
	l := &Log{level: level, shared: &shared{
		sinks: sinks,
		queue: make(chan *entry, backlog),
		done:  make(chan struct{}),
	}}
	go l.run()
	return l
}

// Close writes what is waiting and ends the log. Nobody may log after it.
func (l *Log) Close() {
	close(l.queue)
	<-l.done
}

// Dropped returns how many lines were lost because the sinks were slow.
func (l *Log) Dropped() uint64 { return l.dropped.Load() }

// Enabled implements slog.Handler.
func (l *Log) Enabled(_ context.Context, level slog.Level) bool { return level >= l.level }

// Handle implements slog.Handler. It never blocks: when too many lines wait,
// this one is dropped and counted.
func (l *Log) Handle(_ context.Context, r slog.Record) error {
	select {
	case l.queue <- &entry{r, l.attrs}:
	default:
		l.dropped.Add(1)
	}
	return nil
}

// WithAttrs implements slog.Handler.
func (l *Log) WithAttrs(attrs []slog.Attr) slog.Handler {
	with := *l
	with.attrs = append(l.attrs[:len(l.attrs):len(l.attrs)], attrs...)
	return &with
}

// WithGroup implements slog.Handler; lines for people have no groups.
func (l *Log) WithGroup(string) slog.Handler { return l }

func (l *Log) run() {
	defer close(l.done)
	var told uint64
	for e := range l.queue {
		l.write(e.record.Time, e.record.Level, render(e.record, e.attrs))
		if lost := l.dropped.Load(); lost > told && len(l.queue) == 0 {
			l.write(time.Now(), slog.LevelWarn, fmt.Sprintf("%d log lines were dropped: the log is slower than the daemon", lost-told))
			told = lost
		}
	}
}

func (l *Log) write(at time.Time, level slog.Level, line string) {
	for _, s := range l.sinks {
		s.Write(at, level, line)
	}
}

// render writes a record without its time and level.
func render(r slog.Record, attrs []slog.Attr) string {
	var b strings.Builder
	var rest strings.Builder
	add := func(a slog.Attr) bool {
		value := a.Value.Resolve().String()
		if a.Key == "instance" {
			fmt.Fprintf(&b, "(%s) ", value)
			return true
		}
		if value == "" || strings.ContainsAny(value, " \"=") {
			value = fmt.Sprintf("%q", value)
		}
		fmt.Fprintf(&rest, " %s=%s", a.Key, value)
		return true
	}
	for _, a := range attrs {
		add(a)
	}
	r.Attrs(add)
	return b.String() + r.Message + rest.String()
}

// Console writes lines with their time and level, for -l.
func Console(w io.Writer) Sink { return console{w} }

type console struct{ w io.Writer }

func (c console) Write(at time.Time, level slog.Level, line string) {
	fmt.Fprintf(c.w, "%s %-5s %s\n", at.Format("2006-01-02T15:04:05.000000"), level, line)
}

// Syslog returns a sink that writes to the host's syslog.
func Syslog(facility syslog.Priority, tag string) (Sink, error) {
	w, err := syslog.New(facility|syslog.LOG_INFO, tag)
	if err != nil {
		return nil, fmt.Errorf("open syslog: %w", err)
	}
	return system{w}, nil
}

type system struct{ w *syslog.Writer }

// A line that syslog does not take has nowhere else to go.
func (s system) Write(_ time.Time, level slog.Level, line string) {
	switch {
	case level >= slog.LevelError:
		_ = s.w.Err(line)
	case level >= slog.LevelWarn:
		_ = s.w.Warning(line)
	case level >= slog.LevelInfo:
		_ = s.w.Info(line)
	default:
		_ = s.w.Debug(line)
	}
}
