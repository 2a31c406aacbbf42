package health

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"time"
)

// lookAgain is how often a file is read for which there is no notification:
// one whose directory does not exist.
const lookAgain = time.Second

// A file is a check that follows the number in a file.
type file struct {
	path   string
	follow func(path string) (news <-chan struct{}, stop func(), err error)
	report func(Result)
	last   Result
}

// watch reports the number at once and then each new one, until ctx ends.
func (f *file) watch(ctx context.Context) {
	for ctx.Err() == nil {
		if err := f.listen(ctx); err != nil {
			f.look(err)
			select {
			case <-ctx.Done():
			case <-time.After(lookAgain):
			}
		}
	}
}

// listen looks at the file whenever there is news of it, until it has moved.
// News of a link says nothing of the file behind it, so it listens to both.
func (f *file) listen(ctx context.Context) error {
	news, stop, err := f.follow(f.path)
	if err != nil {
		return err
	}
	defer stop()
	var more <-chan struct{} // never any news if it is no link
	target := targetOf(f.path)
	if target != f.path {
		if more, stop, err = f.follow(target); err != nil {
			return err
		}
		defer stop()
	}
	for open := true; open && targetOf(f.path) == target; {
		f.look(nil) // after it began to listen, so that nothing is missed
		select {
		case <-ctx.Done():
			return nil
		case _, open = <-news:
		case _, open = <-more:
		}
	}
	return nil
}

// targetOf returns where a path leads by symbolic links: to itself, mostly, and
// if it leads nowhere.
func targetOf(path string) string {
	if target, err := filepath.EvalSymlinks(path); err == nil {
		return target
	}
	return path
}

// look reads the file and reports if that is news. A file that cannot be read
// counts as 0, and a number that is out of range changes nothing
// (keepalived-language 4.2.4). Neither is silent: the result says why.
func (f *file) look(blind error) {
	r := Result{Outcome: Holds}
	text, err := readStart(f.path)
	if err == nil {
		var ok bool
		if r.Number, ok = parseNumber(text); !ok {
			r.Number = f.last.Number
			r.Err = fmt.Errorf("read %s: %w", f.path, strconv.ErrRange)
		}
	} else if r.Err = err; blind != nil {
		r.Err = blind
	}
	if r.Outcome != f.last.Outcome || r.Number != f.last.Number || (r.Err == nil) != (f.last.Err == nil) {
		f.last = r
		f.report(r)
	}
}

// readStart returns the first bytes of a file, and does not wait for the
// writer of a pipe.
func readStart(path string) (string, error) {
	fd, err := syscall.Open(path, syscall.O_RDONLY|syscall.O_NONBLOCK|syscall.O_CLOEXEC|syscall.O_NOCTTY, 0)
	if err != nil {
		return "", fmt.Errorf("open %s: %w", path, err)
	}
	defer syscall.Close(fd)
	var buf [numberBytes]byte
	n, err := syscall.Read(fd, buf[:])
	if err != nil {
		return "", fmt.Errorf("read %s: %w", path, err)
	}
	return string(buf[:n]), nil
}

// Prepare writes the initial number of the file (init_file): if there is no
// file yet, or in any case with Overwrite. It is for the start of the daemon
// alone; a reload finds the file as it is.
func (f FileCheck) Prepare() error {
	if f.Init == nil {
		return nil
	}
	// Neither way follows a link that somebody has laid.
	flags := os.O_WRONLY | os.O_CREATE | os.O_EXCL
	if f.Overwrite {
		flags = os.O_WRONLY | os.O_CREATE | os.O_TRUNC | syscall.O_NOFOLLOW
	}
	out, err := os.OpenFile(f.Path, flags, 0o644)
	if errors.Is(err, os.ErrExist) && !f.Overwrite {
		return nil
	}
	if err == nil {
		_, err = io.WriteString(out, strconv.Itoa(*f.Init)+"\n")
		err = errors.Join(err, out.Close())
	}
	if err != nil {
		return fmt.Errorf("write initial number of track_file %s: %w", f.Name, err)
	}
	return nil
}
