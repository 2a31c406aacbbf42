package health

import (
	"context"
	"syscall"
)

// A search finds out what to start for a script, and touches it. On a file
// system whose server is gone either takes until it is back, so they are done
// beside who waits for them. For the starts of scripts come one after another,
// and one that met such a file would hold up all others: what can be touched can
// be started.
type search struct {
	done    chan struct{}
	command *command
	err     error
}

// search begins a search; a command that is known has only to be touched.
func (c Check) search(known *command) *search {
	s := &search{done: make(chan struct{}), command: known}
	go func() {
		defer close(s.done)
		if s.command == nil {
			s.command, s.err = c.command()
		}
		if s.err == nil {
			touch(s.command.path)
		}
	}()
	return s
}

// wait waits for the end of the search, but not beyond that of ctx, and reports
// whether it has come.
func (s *search) wait(ctx context.Context) bool {
	select {
	case <-s.done:
		return true
	case <-ctx.Done():
		return false
	}
}

// touch opens a file and reads its first bytes, as the kernel does that is to
// execute it. What is wrong with it is for the kernel to say.
func touch(path string) {
	var st syscall.Stat_t
	if syscall.Stat(path, &st) != nil || st.Mode&syscall.S_IFMT != syscall.S_IFREG {
		return // a pipe would have us wait for its writer
	}
	fd, err := syscall.Open(path, syscall.O_RDONLY|syscall.O_CLOEXEC, 0)
	if err != nil {
		return
	}
	defer syscall.Close(fd)
	var begin [256]byte
	syscall.Read(fd, begin[:])
}
