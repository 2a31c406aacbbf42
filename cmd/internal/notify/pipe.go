package notify

import (
	"context"
	"log/slog"
	"reflect"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"regent/cfgparse"
	"regent/health"
)

const (
	// unwritten is how many lines may wait to be written. They are written at
	// once, but a reader whose memory is swapped out holds the pipe meanwhile.
	unwritten = 4096

	// quiet is how long a complaint about lost lines stays unrepeated.
	quiet = 10 * time.Second
)

// settings are those of one FIFO.
type settings struct {
	keyword     string
	path        string // empty: there is none
	user, group string
	reader      *health.Check
}

// pipeSettings are those of notify_fifo and vrrp_notify_fifo, which belong to
// script_user like the scripts if they name no user.
func pipeSettings(g *cfgparse.Global) [2]settings {
	of := func(keyword string, f *cfgparse.FIFO) settings {
		s := settings{keyword: keyword, path: f.Path, user: f.User, group: f.Group}
		if s.user == "" {
			s.user, s.group = g.ScriptUser, g.ScriptGroup
		}
		if f.Script != nil {
			check := f.Script.Check(g)
			check.Command = append(check.Command[:len(check.Command):len(check.Command)], f.Path)
			s.reader = &check
		}
		return s
	}
	both := [2]settings{of("notify_fifo", &g.Notify.FIFO), of("vrrp_notify_fifo", &g.Notify.VRRP)}
	if both[1].path == both[0].path {
		both[1].path = ""
	}
	return both
}

func (s *settings) same(o *settings) bool { return reflect.DeepEqual(s, o) }

// A pipe writes lines to a FIFO, and keeps the script that reads it running.
type pipe struct {
	settings settings
	runner   *health.Runner
	log      *slog.Logger
	limits   limits

	open    chan struct{}   // closed when the FIFO is, or cannot be, used
	closing chan struct{}   // closed when there will be no more lines
	done    chan struct{}   // closed when nothing is left
	reading context.Context // ends with the reader
	cut     context.CancelFunc

	mu    sync.Mutex
	lines []string
	lost  int           // not told in the log yet
	ready chan struct{} // holds a token while there may be lines

	// Of run:
	fifo   *fifo         // nil: it cannot be used
	reader chan struct{} // closed when its script has ended; nil: none was started
	failed time.Time     // when the log last heard that it cannot be used
	told   time.Time     // when the log last heard of lost lines
}

func newPipe(s settings, runner *health.Runner, log *slog.Logger, lim limits) *pipe {
	p := &pipe{settings: s, runner: runner, limits: lim, log: log.With("fifo", s.path)}
	p.open, p.closing, p.done = make(chan struct{}), make(chan struct{}), make(chan struct{})
	p.ready = make(chan struct{}, 1)
	p.reading, p.cut = context.WithCancel(context.Background())
	return p
}

// add adds a line to what is to be written.
func (p *pipe) add(line string) {
	p.mu.Lock()
	if len(p.lines) < unwritten {
		p.lines = append(p.lines, line)
	} else {
		p.lost++
	}
	p.mu.Unlock()
	select {
	case p.ready <- struct{}{}:
	default:
	}
}

// close says that there will be no more lines.
func (p *pipe) close() { close(p.closing) }

// run opens the FIFO when those before it are closed, writes until it is closed
// itself and sees to it that its reader ends.
func (p *pipe) run(before []<-chan struct{}) {
	defer close(p.done)
	defer p.cut()
	for _, old := range before {
		<-old
	}
	p.renew()
	close(p.open)
	p.write()
	if p.fifo == nil {
		return
	}
	defer p.fifo.close()
	p.fifo.hangUp()
	defer time.AfterFunc(p.limits.grace, p.cut).Stop()
	<-p.reader
}

// renew opens the FIFO if it could not be opened before, or is no longer the one
// at its path: a reader may make it anew, or somebody tidy up its directory. The
// old one ends for its readers, and ours is started again.
func (p *pipe) renew() {
	if p.fifo != nil && !p.fifo.stray() {
		return
	}
	f, err := openFIFO(p.settings.path, p.settings.user, p.settings.group)
	if err != nil {
		if time.Since(p.failed) >= quiet {
			p.log.Error(p.settings.keyword+" is not written: "+err.Error(), "error", err)
			p.failed = time.Now()
		}
		return
	}
	if p.fifo != nil {
		p.log.Warn(p.settings.keyword + " was removed or replaced, and is opened anew")
		p.fifo.hangUp()
	}
	p.fifo = f
	if p.reader == nil {
		p.reader = make(chan struct{})
		go func() {
			defer close(p.reader)
			p.keepReader()
		}()
	}
}

// write writes lines until the pipe is closed, and then the rest of them.
func (p *pipe) write() {
	for open := true; open; {
		select {
		case <-p.ready:
		case <-p.closing:
			open = false
		}
		p.renew()
		for _, line := range p.take() {
			if p.fifo == nil {
				continue
			}
			if err := p.fifo.write(line); err != nil {
				p.lose(err)
			}
		}
		if !open || time.Since(p.told) >= quiet {
			p.complain()
		}
	}
}

func (p *pipe) take() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	lines := p.lines
	p.lines = nil
	return lines
}

// lose counts a line that could not be written.
func (p *pipe) lose(err error) {
	p.mu.Lock()
	p.lost++
	p.mu.Unlock()
	if err != unix.EAGAIN {
		p.log.Error(p.settings.keyword+": write: "+err.Error(), "error", err)
	}
}

// complain tells of the lines lost since it did last.
func (p *pipe) complain() {
	p.mu.Lock()
	lost := p.lost
	p.lost = 0
	p.mu.Unlock()
	if lost > 0 {
		p.log.Warn(p.settings.keyword+" is full: nobody reads it, or not fast enough", "lost", lost)
		p.told = time.Now()
	}
}
