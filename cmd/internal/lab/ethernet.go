package lab

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// Inject sends frames as they are from an interface of the host.
func (h *Host) Inject(ifname string, frames ...[]byte) error {
	return h.withLink(ifname, "send a frame from", func(link netlink.Link) error {
		fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			return os.NewSyscallError("socket", err)
		}
		defer unix.Close(fd)
		for _, f := range frames {
			if err := unix.Sendto(fd, f, 0, &unix.SockaddrLinklayer{Ifindex: link.Attrs().Index}); err != nil {
				return os.NewSyscallError("sendto", err)
			}
		}
		return nil
	})
}

// Learned returns the host behind the port where the switch of a segment last
// saw a MAC address as the source of a frame, nil if it knows none.
func (l *Lab) Learned(segment string, mac net.HardwareAddr) (*Host, error) {
	port := ""
	err := l.fabric.Do(func() error {
		known, err := netlink.NeighList(0, unix.AF_BRIDGE)
		if whole(err) != nil {
			return fmt.Errorf("list what %s has learned: %w", segment, err)
		}
		for _, n := range known {
			if !bytes.Equal(n.HardwareAddr, mac) || n.State&netlink.NUD_PERMANENT != 0 {
				continue
			}
			on, err := netlink.LinkByIndex(n.LinkIndex)
			if err != nil {
				return fmt.Errorf("find the port where %v is: %w", mac, err)
			}
			bridge, err := netlink.LinkByIndex(on.Attrs().MasterIndex)
			if err == nil && bridge.Attrs().Name == segment {
				port = on.Attrs().Name
			}
		}
		return nil
	})
	if err != nil || port == "" {
		return nil, err
	}
	l.mu.Lock()
	hosts := slices.Clone(l.hosts)
	l.mu.Unlock()
	for _, h := range hosts {
		if h.plugged(port) {
			return h, nil
		}
	}
	return nil, fmt.Errorf("%s of %s leads to no host", port, segment)
}

func (h *Host) plugged(port string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, c := range h.cables {
		if c.far == port {
			return true
		}
	}
	return false
}

// LinkLocal returns the IPv6 address that the kernel gives an interface with a
// MAC address.
func LinkLocal(mac net.HardwareAddr) netip.Addr {
	return netip.AddrFrom16([16]byte{0xfe, 0x80, 8: mac[0] ^ 2, mac[1], mac[2], 0xff, 0xfe, mac[3], mac[4], mac[5]})
}

// Hub makes the switch of a segment forget at once what it learns, so that
// every frame goes to every port.
func (l *Lab) Hub(ctx context.Context, segment string) error {
	_, err := l.fabric.Run(ctx, "ip", "link", "set", segment, "type", "bridge", "ageing_time", "0")
	return err
}
