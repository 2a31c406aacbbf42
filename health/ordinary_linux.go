package health

import "golang.org/x/sys/unix"

// born is how the kernel scheduled the program when it started; nil if the
// kernel does not say.
var born, _ = unix.SchedGetAttr(0, 0)

// ordinary makes this thread, and what it starts, run as the program did when it
// started: a daemon that has been given real-time priority since keeps that to
// itself, or a script that spins would stop the machine.
func ordinary() {
	is, err := unix.SchedGetAttr(0, 0)
	if err != nil || born == nil || is.Policy == born.Policy && is.Priority == born.Priority && is.Nice == born.Nice {
		return
	}
	as := *born
	_ = unix.SchedSetAttr(0, &as, 0) // going back needs no right
}
