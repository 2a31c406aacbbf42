package lab

import (
	"fmt"
	"net/netip"
	"os"

	"golang.org/x/sys/unix"
)

// Flood sends n packets of protocol 112 from eth0 as fast as the kernel takes
// them: what make returns for each number. Their TTL is 255.
func (h *Host) Flood(n int, make func(int) (to netip.Addr, payload []byte)) error {
	err := h.Do(func() error {
		fd, err := unix.Socket(unix.AF_INET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, protocolVRRP)
		if err != nil {
			return os.NewSyscallError("socket", err)
		}
		defer unix.Close(fd)
		if err := unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_MULTICAST_TTL, 255); err != nil {
			return fmt.Errorf("set TTL: %w", err)
		}
		if err := unix.SetsockoptString(fd, unix.SOL_SOCKET, unix.SO_BINDTODEVICE, "eth0"); err != nil {
			return fmt.Errorf("bind to eth0: %w", err)
		}
		for i := range n {
			to, payload := make(i)
			err := unix.Sendto(fd, payload, 0, &unix.SockaddrInet4{Addr: to.As4()})
			if err != nil && err != unix.ENOBUFS {
				return fmt.Errorf("send packet %d: %w", i, err)
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("flood from %s: %w", h.Name, err)
	}
	return nil
}
