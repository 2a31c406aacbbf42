package notify

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"

	"golang.org/x/sys/unix"

	"regent/health"
)

// A fifo is a named pipe that is open for writing. It is open for reading, too:
// nobody else needs to be there, and who comes later finds what was written.
type fifo struct {
	path string
	fd   int
	made bool // by us, to be removed by us
	stat unix.Stat_t
}

// openFIFO makes a FIFO with mode 0600, as far as the umask allows, for a user
// and group, or opens the one that is there. That must belong to us or to that
// user: anything else at the path, a symbolic link included, may be somebody's
// trap for who runs as root.
func openFIFO(path, user, group string) (f *fifo, err error) {
	uid, gid, err := health.Account(user, group)
	if err != nil {
		return nil, err
	}
	err = unix.Mkfifo(path, 0o600)
	if err != nil && err != unix.EEXIST {
		return nil, fmt.Errorf("make FIFO %s: %w", path, err)
	}
	f = &fifo{path: path, fd: -1, made: err == nil}
	if err := f.open(uid, gid); err != nil {
		f.close()
		return nil, fmt.Errorf("open FIFO %s: %w", path, err)
	}
	return f, nil
}

// open looks first and opens then: to open a device, say, may do something.
func (f *fifo) open(uid, gid uint32) error {
	at, err := unix.Open(f.path, unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(at)
	if err := unix.Fstat(at, &f.stat); err != nil {
		return err
	}
	me := uint32(os.Geteuid())
	switch owner := f.stat.Uid; {
	case f.stat.Mode&unix.S_IFMT != unix.S_IFIFO:
		return errors.New("it is there, and is not a FIFO")
	case owner != me && owner != uid:
		return fmt.Errorf("it is there, and belongs to user %d: %w", owner, fs.ErrPermission)
	}
	f.fd, err = unix.Open("/proc/self/fd/"+strconv.Itoa(at), unix.O_RDWR|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	// One that is there may have a group and a mode on purpose; but if its
	// owner cannot be, we have left it behind.
	if f.made || f.stat.Uid != uid {
		if err := unix.Fchown(f.fd, int(uid), int(gid)); err != nil {
			return fmt.Errorf("give it to user %d, group %d: %w", uid, gid, err)
		}
	}
	return nil
}

// write writes a line, all of it or, if there is no room, nothing (EAGAIN).
func (f *fifo) write(line string) error {
	for {
		if _, err := unix.Write(f.fd, []byte(line)); err != unix.EINTR {
			return err
		}
	}
}

// hangUp lets readers see the end of their input.
func (f *fifo) hangUp() {
	if f.fd >= 0 {
		unix.Close(f.fd)
		f.fd = -1
	}
}

// stray reports whether another file, or none, is at the path by now.
func (f *fifo) stray() bool {
	var now unix.Stat_t
	return unix.Lstat(f.path, &now) != nil || now.Dev != f.stat.Dev || now.Ino != f.stat.Ino
}

// close removes the FIFO if we have made it and it is still the same.
func (f *fifo) close() {
	f.hangUp()
	if f.made && !f.stray() {
		unix.Unlink(f.path)
	}
}
