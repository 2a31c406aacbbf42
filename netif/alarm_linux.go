package netif

import (
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

// An alarm is a timer of the kernel that a poll can wait for, exact to
// microseconds however far away it is.
type alarm struct {
	fd    int
	rings time.Time // when; zero: not set
}

// near is how far two alarms may lie apart to be the same: less than it takes
// to set one.
const near = time.Microsecond

func (a *alarm) open() error {
	fd, err := unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_CLOEXEC|unix.TFD_NONBLOCK)
	if err != nil {
		return fmt.Errorf("open timer: %w", err)
	}
	a.fd = fd
	return nil
}

// set makes the alarm ring after a time of more than zero. Packets end most
// waits, with the deadline still the same: then it is set already.
func (a *alarm) set(after time.Duration) {
	rings := time.Now().Add(after)
	if d := rings.Sub(a.rings); d > -near && d < near {
		return
	}
	a.rings = rings
	spec := unix.ItimerSpec{Value: unix.NsecToTimespec(int64(after))}
	_ = unix.TimerfdSettime(a.fd, 0, &spec, nil) // cannot fail with these arguments
}

// clear turns off an alarm that rings.
func (a *alarm) clear() {
	var count [8]byte
	_, _ = unix.Read(a.fd, count[:])
	a.rings = time.Time{}
}

func (a *alarm) close() error { return closeSocket(&a.fd) }
