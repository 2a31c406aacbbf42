package notify

import (
	"math"
	"time"
)

// rest is the longest pause before a reader is started anew. One that has run
// for longer is taken for sound.
const rest = time.Minute

// keepReader runs the script that reads the FIFO until the pipe is closed. It is
// started anew when it ends, after a pause that grows: what is written meanwhile
// stays in the pipe. keepalived starts it once.
func (p *pipe) keepReader() {
	if p.settings.reader == nil {
		return
	}
	check := *p.settings.reader
	check.Timeout = math.MaxInt64 // it runs as long as the daemon
	log := p.log.With("script", check.Command[0])
	for pause := p.limits.restart; ; pause = min(2*pause, rest) {
		began := time.Now()
		r := p.runner.Run(p.reading, check)
		if p.isClosing() {
			return
		}
		if time.Since(began) > rest {
			pause = p.limits.restart
		}
		log.Warn(p.settings.keyword+"_script: "+r.String()+", is started anew", "in", pause)
		select {
		case <-time.After(pause):
		case <-p.closing:
			return
		}
	}
}

func (p *pipe) isClosing() bool {
	select {
	case <-p.closing:
		return true
	default:
		return false
	}
}
