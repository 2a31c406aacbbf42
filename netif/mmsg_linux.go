package netif

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// sendmmsg sends messages in order until one fails. It returns how many left;
// an error belongs to the first message and is returned only if none left.
func sendmmsg(fd int, messages []unix.Mmsghdr, flags int) (int, error) {
	return mmsg(unix.SYS_SENDMMSG, fd, messages, flags)
}

// recvmmsg receives as many messages as there are and fit.
func recvmmsg(fd int, messages []unix.Mmsghdr, flags int) (int, error) {
	return mmsg(unix.SYS_RECVMMSG, fd, messages, flags)
}

func mmsg(trap uintptr, fd int, messages []unix.Mmsghdr, flags int) (int, error) {
	for {
		n, _, errno := unix.Syscall6(trap, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(messages))),
			uintptr(len(messages)), uintptr(flags), 0, 0)
		switch errno {
		case 0:
			return int(n), nil
		case unix.EINTR:
		default:
			return 0, errno
		}
	}
}
