package health

import (
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"golang.org/x/sys/unix"
)

// An inotify tells when files may have changed. One serves all checks, because
// the kernel grants a user no more than 128.
//
// It watches directories: a file that is replaced or created has no watch of
// its own to speak up.
type inotify struct {
	fd     int
	events *os.File // the same

	mu      sync.Mutex
	folders map[int32]map[*listener]bool // by watch descriptor
}

// A listener waits for news of one file.
type listener struct {
	name string        // in its directory
	news chan struct{} // holds one; closed when the directory is lost
}

// What makes a difference to who reads a file (keepalived-language 4.2.4), and
// what ends the watch itself.
const (
	fileEvents   = unix.IN_CLOSE_WRITE | unix.IN_DELETE | unix.IN_MOVED_FROM | unix.IN_MOVED_TO
	folderEvents = unix.IN_DELETE_SELF | unix.IN_MOVE_SELF
)

func newInotify() (*inotify, error) {
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		return nil, fmt.Errorf("open inotify: %w", err)
	}
	n := &inotify{fd: fd, events: os.NewFile(uintptr(fd), "inotify"), folders: map[int32]map[*listener]bool{}}
	go n.listen()
	return n, nil
}

func (n *inotify) close() { n.events.Close() }

// follow returns a channel with an element whenever the file at path may have
// changed. The channel is closed when the directory is gone.
func (n *inotify) follow(path string) (news <-chan struct{}, stop func(), err error) {
	dir, name := filepath.Split(path)
	l := &listener{name: name, news: make(chan struct{}, 1)}
	n.mu.Lock()
	defer n.mu.Unlock()
	// Without IN_MASK_ADD the kernel takes a watch that is there already for one
	// to be replaced: its mask is empty for a moment, and what happens then to
	// the files of other listeners is told to nobody.
	wd, err := unix.InotifyAddWatch(n.fd, dir, fileEvents|folderEvents|unix.IN_ONLYDIR|unix.IN_MASK_ADD)
	if err != nil {
		return nil, nil, fmt.Errorf("watch directory %s: %w", dir, err)
	}
	id := int32(wd) // the same for all who name this directory, in whatever way
	if n.folders[id] == nil {
		n.folders[id] = map[*listener]bool{}
	}
	n.folders[id][l] = true
	return l.news, func() { n.forget(id, l) }, nil
}

func (n *inotify) forget(id int32, l *listener) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if !n.folders[id][l] {
		return
	}
	delete(n.folders[id], l)
	if len(n.folders[id]) == 0 {
		delete(n.folders, id)
		unix.InotifyRmWatch(n.fd, uint32(id))
	}
}

// listen hands out events until the descriptor is closed.
func (n *inotify) listen() {
	buf := make([]byte, 16<<10)
	for {
		size, err := n.events.Read(buf)
		if err != nil {
			return
		}
		for b := buf[:size]; len(b) >= unix.SizeofInotifyEvent; {
			id := int32(binary.NativeEndian.Uint32(b))
			mask := binary.NativeEndian.Uint32(b[4:])
			end := unix.SizeofInotifyEvent + int(binary.NativeEndian.Uint32(b[12:]))
			name := strings.TrimRight(string(b[unix.SizeofInotifyEvent:end]), "\x00")
			n.heard(id, mask, name)
			b = b[end:]
		}
	}
}

// heard passes one event on.
func (n *inotify) heard(id int32, mask uint32, name string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	switch {
	case mask&unix.IN_Q_OVERFLOW != 0: // anything may have happened
		for _, all := range n.folders {
			for l := range all {
				l.tell()
			}
		}
	case mask&(folderEvents|unix.IN_IGNORED|unix.IN_UNMOUNT) != 0:
		// The watch stays with a directory that was renamed, but it is no
		// longer the one of this path.
		for l := range n.folders[id] {
			close(l.news)
		}
		delete(n.folders, id)
		if mask&unix.IN_MOVE_SELF != 0 {
			unix.InotifyRmWatch(n.fd, uint32(id))
		}
	default:
		for l := range n.folders[id] {
			if l.name == name {
				l.tell()
			}
		}
	}
}

func (l *listener) tell() {
	select {
	case l.news <- struct{}{}:
	default: // it has yet to look, and will see this too
	}
}
