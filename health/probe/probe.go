// Package probe asks a service once whether it is well, from within the
// process: nothing is started for the question, so that it may be asked many
// times a second.
package probe

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"syscall"
)

// A Kind is a way to ask.
type Kind uint8

const (
	None Kind = iota // nothing is asked
	TCP              // does the port accept a connection?
	HTTP             // does the URL answer with an accepted status?
	ICMP             // does the host answer an echo request?
	DNS              // does the server know the name?
	Unit             // does systemd call the unit active?
)

// A Probe is a question, and what a good answer is.
type Probe struct {
	Kind   Kind
	Target string // TCP, DNS: HOST:PORT. HTTP: the URL. ICMP: the host. Unit: its name

	Name string // DNS: what is asked for, with or without the last dot
	Type string // DNS: one of RecordTypes; empty: A

	Status   []Span // HTTP: what is accepted; none: 200 to 399. Redirects are not followed
	Insecure bool   // HTTP: any certificate will do
}

// Same reports whether p and q ask the same, and take the same answers for good.
func (p Probe) Same(q Probe) bool {
	return p.Kind == q.Kind && p.Target == q.Target && p.Name == q.Name && p.Type == q.Type &&
		slices.Equal(p.Status, q.Status) && p.Insecure == q.Insecure
}

// A Span is a range of HTTP status codes, both ends included.
type Span struct{ From, To int }

// A Prober asks one question again and again. It serves one goroutine.
type Prober interface {
	// Look asks once. It returns nil for a good answer; else what was wrong,
	// in words that stay the same as long as it does. The end of ctx ends it
	// at once.
	Look(ctx context.Context) error
	// Close gives up what was kept from one look to the next.
	Close()
}

// New returns what asks a question.
func New(p Probe) Prober {
	switch p.Kind {
	case TCP:
		return &knock{p.Target}
	case HTTP:
		return newFetch(p)
	case ICMP:
		return &ping{host: p.Target}
	case DNS:
		return &query{p}
	case Unit:
		return &unit{name: p.Target}
	}
	return nobody{}
}

// nobody is asked where there is no question.
type nobody struct{}

func (nobody) Look(context.Context) error { return errors.New("nothing to ask") }
func (nobody) Close()                     {}

// knock asks a port for a connection.
type knock struct{ address string }

func (k *knock) Look(ctx context.Context) error {
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", k.address)
	if err != nil {
		return fmt.Errorf("connect to %s: %w", k.address, cause(err))
	}
	conn.Close()
	return nil
}

func (k *knock) Close() {}

// cause takes from an error of package net what differs from one look to the
// next, such as the port that a connection came from.
func cause(err error) error {
	var number syscall.Errno
	var name *net.DNSError
	var op *net.OpError
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return context.DeadlineExceeded
	case errors.As(err, &number):
		return number
	case errors.As(err, &name):
		return fmt.Errorf("look up %s: %s", name.Name, name.Err)
	case errors.As(err, &op):
		return op.Err
	}
	return err
}
