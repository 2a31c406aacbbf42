package netif

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// privilege turns a refusal into the sentence that tells an operator what to
// grant; other errors pass with the deed before them.
func privilege(deed, capability string, err error) error {
	if errors.Is(err, unix.EPERM) || errors.Is(err, unix.EACCES) {
		return fmt.Errorf("%s needs the capability %s: %w", deed, capability, err)
	}
	return fmt.Errorf("%s: %w", deed, err)
}

// An option is one setsockopt of an integer.
type option struct {
	level, name, value int
	optional           bool // an older kernel, or a user namespace, may refuse it
}

// openSocket opens a socket that no child inherits and sets its options.
func openSocket(domain, kind, protocol int, options ...option) (int, error) {
	fd, err := unix.Socket(domain, kind|unix.SOCK_CLOEXEC, protocol)
	if err != nil {
		return -1, os.NewSyscallError("socket", err)
	}
	for _, o := range options {
		if err := unix.SetsockoptInt(fd, o.level, o.name, o.value); err != nil && !o.optional {
			unix.Close(fd)
			return -1, os.NewSyscallError("setsockopt", err)
		}
	}
	return fd, nil
}

// setBuffer sets a socket's buffer to n bytes. The form that ignores the
// system's limit is refused inside a user namespace; the other form is then
// as good as it gets.
func setBuffer(fd, force, plain, n int) {
	if unix.SetsockoptInt(fd, unix.SOL_SOCKET, force, n) != nil {
		_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, plain, n)
	}
}

func setReceiveBuffer(fd, n int) { setBuffer(fd, unix.SO_RCVBUFFORCE, unix.SO_RCVBUF, n) }
func setSendBuffer(fd, n int)    { setBuffer(fd, unix.SO_SNDBUFFORCE, unix.SO_SNDBUF, n) }

// deafen keeps a raw socket that only sends from collecting packets: a filter
// of one instruction accepts zero bytes of each.
func deafen(fd int) error {
	program := []unix.SockFilter{{Code: unix.BPF_RET | unix.BPF_K}}
	return os.NewSyscallError("setsockopt", unix.SetsockoptSockFprog(fd, unix.SOL_SOCKET,
		unix.SO_ATTACH_FILTER, &unix.SockFprog{Len: uint16(len(program)), Filter: &program[0]}))
}
