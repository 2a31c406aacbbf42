package netif

import (
	"fmt"
	"runtime"

	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

// A namespace is a network namespace that sockets are to be opened in later,
// when another thread may ask for them.
type namespace struct{ handle netns.NsHandle }

// currentNamespace returns the one of the calling thread.
func currentNamespace() (*namespace, error) {
	h, err := netns.Get()
	if err != nil {
		return nil, fmt.Errorf("open the network namespace: %w", err)
	}
	return &namespace{h}, nil
}

// run calls f on a thread that is in the namespace.
func (n *namespace) run(f func() error) error {
	runtime.LockOSThread()
	here, err := netns.Get()
	if err != nil {
		runtime.UnlockOSThread()
		return fmt.Errorf("open the network namespace: %w", err)
	}
	defer here.Close()
	if here.Equal(n.handle) {
		defer runtime.UnlockOSThread()
		return f()
	}
	if err := netns.Set(n.handle); err != nil {
		runtime.UnlockOSThread()
		return fmt.Errorf("enter the network namespace: %w", err)
	}
	defer func() {
		// A thread that cannot go back stays locked, and dies with its
		// goroutine rather than surprise another one.
		if netns.Set(here) == nil {
			runtime.UnlockOSThread()
		}
	}()
	return f()
}

// inode is the number by which a namespace is told from others while it lasts.
func (n *namespace) inode() (uint64, error) {
	var st unix.Stat_t
	if err := unix.Fstat(int(n.handle), &st); err != nil {
		return 0, fmt.Errorf("look at the network namespace: %w", err)
	}
	return st.Ino, nil
}

func (n *namespace) close() error { return n.handle.Close() }

// closeSocket closes a descriptor once; -1 means that there is none.
func closeSocket(fd *int) error {
	if *fd < 0 {
		return nil
	}
	err := unix.Close(*fd)
	*fd = -1
	return err
}
