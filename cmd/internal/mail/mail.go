// Package mail hands messages to a mail server.
package mail

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"mime"
	"mime/quotedprintable"
	"net"
	"net/mail"
	"strconv"
	"strings"
	"time"

	"github.com/emersion/go-smtp"
)

// A Server takes mail: as keepalived, without encryption or a password, so it
// should be on this host or near it.
type Server struct {
	Host    string        // smtp_server: a name or an address
	Port    uint16        // 1 to 65535
	Helo    string        // smtp_helo_name
	Timeout time.Duration // smtp_connect_timeout: for the connection, and again for each answer
}

// A Message is plain text for some people.
type Message struct {
	From    string // an address, or "Name <address>"
	To      []string
	Subject string
	Date    time.Time
	Text    string // lines that end with "\n"
}

// Send hands a message over. The end of ctx breaks it off. Recipients that the
// server refuses do not keep the others from theirs: it returns an error for
// them, and Accepted reports that.
func (s *Server) Send(ctx context.Context, m *Message) error {
	what := "send mail by " + net.JoinHostPort(s.Host, strconv.Itoa(int(s.Port)))
	text, err := m.bytes()
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	d := net.Dialer{Timeout: s.Timeout}
	conn, err := d.DialContext(ctx, "tcp", net.JoinHostPort(s.Host, strconv.Itoa(int(s.Port))))
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	c := smtp.NewClient(conn)
	c.CommandTimeout, c.SubmissionTimeout = s.Timeout, s.Timeout
	defer c.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	if err := s.hand(c, m, text); err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}

// hand speaks SMTP.
func (s *Server) hand(c *smtp.Client, m *Message, text []byte) error {
	if err := c.Hello(s.Helo); err != nil {
		return fmt.Errorf("greet it: %w", err)
	}
	from, err := address(m.From)
	if err != nil {
		return err
	}
	if err := c.Mail(from, nil); err != nil {
		return fmt.Errorf("from %s: %w", from, err)
	}
	var refused []error
	for _, to := range m.To {
		to, err := address(to)
		if err == nil {
			if err = c.Rcpt(to, nil); err != nil {
				err = fmt.Errorf("to %s: %w", to, err)
			}
		}
		if err != nil {
			refused = append(refused, err)
		}
	}
	if len(refused) == len(m.To) {
		return errors.Join(refused...)
	}
	w, err := c.Data()
	if err != nil {
		return err
	}
	if _, err := w.Write(text); err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return err
	}
	c.Quit()
	if len(refused) > 0 {
		return partly{errors.Join(refused...)}
	}
	return nil
}

// partly is the error of a message that some have got.
type partly struct{ error }

// Accepted reports whether the error of Send is about some recipients alone, and
// the server has taken the message for the others.
func Accepted(err error) bool {
	var p partly
	return err == nil || errors.As(err, &p)
}

// Permanent reports whether the server has refused the message for good, so that
// sending it again is of no use.
func Permanent(err error) bool {
	var answer *smtp.SMTPError
	return errors.As(err, &answer) && !answer.Temporary()
}

// address takes the address out of "Name <address>". It holds no line end, as
// nothing does that comes from a line of a configuration.
func address(text string) (string, error) {
	if strings.Contains(text, "<") {
		a, err := mail.ParseAddress(text)
		if err != nil {
			return "", fmt.Errorf("address %q: %w", text, err)
		}
		return a.Address, nil
	}
	return text, nil
}

// bytes is the message as it goes over the wire (RFC 5322).
func (m *Message) bytes() ([]byte, error) {
	for _, field := range append([]string{m.From, m.Subject}, m.To...) {
		if strings.ContainsAny(field, "\r\n") {
			return nil, fmt.Errorf("a line end in the header field %q", field)
		}
	}
	var b bytes.Buffer
	field := func(name, value string) { fmt.Fprintf(&b, "%s: %s\r\n", name, value) }
	field("From", m.From)
	field("To", strings.Join(m.To, ", "))
	field("Subject", mime.QEncoding.Encode("utf-8", m.Subject))
	field("Date", m.Date.Format(time.RFC1123Z))
	field("Message-ID", m.id())
	field("Auto-Submitted", "auto-generated") // RFC 3834: nobody's holiday answers this
	field("MIME-Version", "1.0")
	field("Content-Type", "text/plain; charset=utf-8")
	field("Content-Transfer-Encoding", "quoted-printable")
	b.WriteString("\r\n")
	w := quotedprintable.NewWriter(&b)
	w.Write([]byte(strings.ReplaceAll(m.Text, "\n", "\r\n")))
	w.Close()
	return b.Bytes(), nil
}

// id is unlike that of any other message.
func (m *Message) id() string {
	_, domain, ok := strings.Cut(m.From, "@")
	if !ok {
		domain = "localhost"
	}
	return fmt.Sprintf("<%s.%s@%s>", m.Date.UTC().Format("20060102150405"), rand.Text(), strings.TrimRight(domain, ">"))
}
