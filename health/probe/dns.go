package probe

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"net"
	"strings"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

// RecordTypes are what a name server may be asked for.
var RecordTypes = map[string]dnsmessage.Type{
	"A": dnsmessage.TypeA, "AAAA": dnsmessage.TypeAAAA, "CNAME": dnsmessage.TypeCNAME, "MX": dnsmessage.TypeMX,
	"NS": dnsmessage.TypeNS, "PTR": dnsmessage.TypePTR, "SOA": dnsmessage.TypeSOA, "SRV": dnsmessage.TypeSRV,
	"TXT": dnsmessage.TypeTXT,
}

// rcodes are the answers of a name server that say no, by their usual names.
var rcodes = map[dnsmessage.RCode]string{
	dnsmessage.RCodeFormatError: "FORMERR", dnsmessage.RCodeServerFailure: "SERVFAIL",
	dnsmessage.RCodeNameError: "NXDOMAIN", dnsmessage.RCodeNotImplemented: "NOTIMP", dnsmessage.RCodeRefused: "REFUSED",
}

// query asks a name server for a record, over UDP. An answer that was cut
// short will do: the server is there and knows the name.
type query struct{ Probe }

func (q *query) Look(ctx context.Context) error {
	what := fmt.Sprintf("ask %s for %s", q.Target, q.Name)
	question, err := q.question()
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	if err := q.ask(ctx, question); err != nil {
		return fmt.Errorf("%s: %w", what, cause(err))
	}
	return nil
}

func (q *query) Close() {}

// RecordName says what is wrong with a name that a server is to be asked for.
func RecordName(name string) error {
	full := strings.TrimSuffix(name, ".") + "."
	for _, label := range strings.Split(strings.TrimSuffix(full, "."), ".") {
		if len(full) > 254 || len(label) == 0 && full != "." || len(label) > 63 {
			return fmt.Errorf("%q is no name of a record", name)
		}
	}
	return nil
}

func (q *query) question() (dnsmessage.Question, error) {
	name, err := dnsmessage.NewName(strings.TrimSuffix(q.Name, ".") + ".")
	kind := dnsmessage.TypeA
	if q.Type != "" {
		kind = RecordTypes[q.Type]
	}
	return dnsmessage.Question{Name: name, Type: kind, Class: dnsmessage.ClassINET}, err
}

func (q *query) ask(ctx context.Context, question dnsmessage.Question) error {
	var d net.Dialer
	conn, err := d.DialContext(ctx, "udp", q.Target)
	if err != nil {
		return err
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.SetDeadline(time.Unix(1, 0)) })()

	var id [2]byte
	rand.Read(id[:])
	message := dnsmessage.Message{
		Header:    dnsmessage.Header{ID: binary.BigEndian.Uint16(id[:]), RecursionDesired: true},
		Questions: []dnsmessage.Question{question},
	}
	packet, err := message.Pack()
	if err != nil {
		return err
	}
	if _, err := conn.Write(packet); err != nil {
		return err
	}
	buffer := make([]byte, 1500)
	for {
		n, err := conn.Read(buffer)
		if err != nil {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			return err
		}
		if h, ok := answers(buffer[:n], message.ID, question); ok {
			return judge(h, buffer[:n])
		}
	}
}

// answers reports whether a packet is the answer to a question: whoever guesses
// the port may send one.
func answers(packet []byte, id uint16, question dnsmessage.Question) (dnsmessage.Header, bool) {
	var p dnsmessage.Parser
	h, err := p.Start(packet)
	if err != nil || h.ID != id || !h.Response {
		return h, false
	}
	asked, err := p.Question()
	if err == dnsmessage.ErrSectionDone { // some refuse without repeating what
		return h, h.RCode != dnsmessage.RCodeSuccess
	}
	return h, err == nil && asked.Type == question.Type && strings.EqualFold(asked.Name.String(), question.Name.String())
}

// judge says what is wrong with an answer.
func judge(h dnsmessage.Header, packet []byte) error {
	if h.RCode != dnsmessage.RCodeSuccess {
		if name := rcodes[h.RCode]; name != "" {
			return fmt.Errorf("the server says %s", name)
		}
		return fmt.Errorf("the server says code %d", h.RCode)
	}
	if h.Truncated {
		return nil
	}
	var p dnsmessage.Parser
	p.Start(packet)
	p.SkipAllQuestions()
	if _, err := p.AnswerHeader(); err != nil {
		return fmt.Errorf("the server knows no such record")
	}
	return nil
}
