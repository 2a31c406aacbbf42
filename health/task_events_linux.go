package health

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// taskEvents is the kernel's process event connector (linux/cn_proc.h): a
// netlink multicast group that every fork, exec and exit of the host is told
// to. It exists in the initial network, process and user namespaces alone.
type taskEvents struct {
	socket *os.File
	buf    []byte
	events []taskEvent
}

// A taskEvent is something that happened to a whole process.
type taskEvent struct {
	what   uint32
	pid    int
	parent int // taskForked
}

// Values of what. taskAnswer is the answer to our request, with an errno.
const (
	taskAnswer   = 0
	taskForked   = 0x1
	taskExecuted = 0x2
	taskRenamed  = 0x200
	taskExited   = 0x80000000
)

const (
	cnIndex, cnValue = 1, 1 // CN_IDX_PROC, CN_VAL_PROC
	cnListen         = 1    // PROC_CN_MCAST_LISTEN
	cnHeader         = 20   // struct cn_msg
	eventHeader      = 16   // struct proc_event before its union
)

// openTaskEvents subscribes to the events. Outside the initial process
// namespace the kernel takes the request and says nothing at all, so without an
// answer there are no events.
func openTaskEvents() (*taskEvents, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, unix.NETLINK_CONNECTOR)
	if err != nil {
		return nil, fmt.Errorf("open process connector: %w", err)
	}
	e := &taskEvents{socket: os.NewFile(uintptr(fd), "process connector"), buf: make([]byte, 64<<10)}
	// What the kernel cannot deliver costs a search of the whole table.
	unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, 4<<20)
	err = unix.Bind(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK, Groups: cnIndex})
	if err == nil {
		err = e.subscribe()
	}
	if err != nil {
		e.close()
		return nil, fmt.Errorf("subscribe to process events: %w", err)
	}
	return e, nil
}

func (e *taskEvents) close() { e.socket.Close() }

// subscribe asks for events and waits for the answer.
func (e *taskEvents) subscribe() error {
	const size = unix.SizeofNlMsghdr + cnHeader + 4
	b := make([]byte, 0, size)
	b = binary.NativeEndian.AppendUint32(b, size)
	b = binary.NativeEndian.AppendUint16(b, unix.NLMSG_DONE)
	b = append(b, make([]byte, 10)...) // flags, sequence, port
	b = binary.NativeEndian.AppendUint32(b, cnIndex)
	b = binary.NativeEndian.AppendUint32(b, cnValue)
	b = append(b, make([]byte, 8)...)          // sequence, acknowledgement
	b = binary.NativeEndian.AppendUint16(b, 4) // length of what follows
	b = append(b, 0, 0)                        // flags
	b = binary.NativeEndian.AppendUint32(b, cnListen)
	if _, err := e.socket.Write(b); err != nil {
		return err
	}
	e.socket.SetReadDeadline(time.Now().Add(2 * time.Second))
	defer e.socket.SetReadDeadline(time.Time{})
	for {
		events, err := e.read()
		if err != nil {
			return err
		}
		for _, v := range events {
			if v.what == taskAnswer && v.pid != 0 {
				return unix.Errno(v.pid)
			}
		}
		if len(events) > 0 { // the answer, or what only a subscriber hears
			return nil
		}
	}
}

// read waits for events. The slice is valid until the next read.
func (e *taskEvents) read() ([]taskEvent, error) {
	n, err := e.socket.Read(e.buf)
	if err != nil {
		return nil, err
	}
	e.events = e.events[:0]
	for b := e.buf[:n]; len(b) >= unix.SizeofNlMsghdr; {
		size := int(binary.NativeEndian.Uint32(b))
		if size < unix.SizeofNlMsghdr || size > len(b) {
			return e.events, errors.New("read process events: truncated message")
		}
		if v, ok := parseTaskEvent(b[unix.SizeofNlMsghdr:size]); ok {
			e.events = append(e.events, v)
		}
		b = b[min(len(b), (size+3)&^3):]
	}
	return e.events, nil
}

// parseTaskEvent reads a connector message. It is false for what happens to a
// single thread of a process, and for what nobody here wants to know.
func parseTaskEvent(b []byte) (v taskEvent, ok bool) {
	if len(b) < cnHeader+eventHeader+16 ||
		binary.NativeEndian.Uint32(b) != cnIndex || binary.NativeEndian.Uint32(b[4:]) != cnValue {
		return v, false
	}
	b = b[cnHeader:]
	word := func(i int) int { return int(int32(binary.NativeEndian.Uint32(b[eventHeader+4*i:]))) }
	switch v.what = binary.NativeEndian.Uint32(b); v.what {
	case taskAnswer:
		v.pid = word(0) // an errno
		return v, true
	case taskForked: // parent's thread and process, child's thread and process
		v.parent, v.pid = word(1), word(3)
		return v, word(2) == word(3)
	case taskExecuted, taskRenamed, taskExited: // thread and process
		v.pid = word(1)
		return v, word(0) == word(1)
	}
	return v, false
}
