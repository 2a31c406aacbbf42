package mail

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"
)

// serve answers one client by what its lines begin with, and returns the server
// and all that the client has said.
func serve(t *testing.T, answers map[string]string) (Server, func() string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	said := make(chan string, 1)
	go func() {
		var heard strings.Builder
		defer func() { said <- heard.String() }()
		defer l.Close()
		conn, err := l.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		fmt.Fprint(conn, "220 mail.example.org\r\n")
		data := false
		for lines := bufio.NewScanner(conn); lines.Scan(); {
			heard.WriteString(lines.Text() + "\n")
			if data && lines.Text() != "." {
				continue
			}
			answer := "250 yes"
			for start, a := range answers {
				if strings.HasPrefix(lines.Text(), start) {
					answer = a
				}
			}
			data = strings.HasPrefix(answer, "354")
			fmt.Fprint(conn, answer+"\r\n")
		}
	}()
	port := l.Addr().(*net.TCPAddr).AddrPort().Port()
	return Server{Host: "127.0.0.1", Port: port, Helo: "gw1.example.org", Timeout: time.Minute},
		func() string { return <-said }
}

var message = Message{
	From: "regent@example.org", To: []string{"One <one@example.org>", "two@example.org"},
	Subject: "[gw1] VRRP Instance V - Entering MASTER state", Date: time.Unix(1e9, 0),
	Text: "one line\n.\n...\nlast line\n",
}

func TestMessageIsHandedOver(t *testing.T) {
	server, said := serve(t, map[string]string{"DATA": "354 go on"})
	if err := server.Send(t.Context(), &message); err != nil || !Accepted(err) {
		t.Fatal(err)
	}
	got := said()
	for _, want := range []string{
		"EHLO gw1.example.org\n", "MAIL FROM:<regent@example.org>", "RCPT TO:<one@example.org>\n", "RCPT TO:<two@example.org>\n",
		"To: One <one@example.org>, two@example.org\n", "Subject: [gw1] VRRP Instance V - Entering MASTER state\n",
		"one line\n..\n....\nlast line\n.\nQUIT\n", // lines that begin with a dot get another
	} {
		if !strings.Contains(got, want) {
			t.Errorf("without %q:\n%s", want, got)
		}
	}
}

func TestOneRefusedRecipientKeepsNobodyElseFromTheMessage(t *testing.T) {
	server, said := serve(t, map[string]string{"DATA": "354 go on", "RCPT TO:<one@": "550 no such user"})
	err := server.Send(t.Context(), &message)
	if err == nil || !Accepted(err) || !strings.Contains(err.Error(), "to one@example.org") || !strings.Contains(err.Error(), "no such user") {
		t.Error(err)
	}
	if got := said(); !strings.Contains(got, "last line") {
		t.Error(got)
	}
}

func TestRefusalsAreForGoodOrNot(t *testing.T) {
	for answer, permanent := range map[string]bool{"550 never": true, "451 later": false} {
		server, _ := serve(t, map[string]string{"MAIL": answer})
		if err := server.Send(t.Context(), &message); err == nil || Accepted(err) || Permanent(err) != permanent {
			t.Errorf("%s: %v", answer, err)
		}
	}
	server, _ := serve(t, map[string]string{"RCPT": "550 nobody"})
	if err := server.Send(t.Context(), &message); err == nil || Accepted(err) {
		t.Error(err)
	}
}

func TestTheEndBreaksAMessageOff(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0") // says nothing
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	server := Server{Host: "127.0.0.1", Port: l.Addr().(*net.TCPAddr).AddrPort().Port(), Timeout: time.Hour, Helo: "x"}
	if err := server.Send(ctx, &message); err == nil || Permanent(err) {
		t.Error(err)
	}
}

// Nothing that comes from a configuration may add fields to a message.
func TestHeadersTakeNoLineEnds(t *testing.T) {
	m := message
	m.Subject = "x\r\nBcc: all@example.org"
	server := Server{Host: "127.0.0.1", Port: 1, Timeout: time.Second}
	if err := server.Send(t.Context(), &m); err == nil || !strings.Contains(err.Error(), "line end") {
		t.Error(err)
	}
}
