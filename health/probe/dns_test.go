package probe

import (
	"net"
	"testing"

	"golang.org/x/net/dns/dnsmessage"
)

// server answers questions as told, and first with something that is no answer.
func server(t *testing.T, answer func(*dnsmessage.Message)) string {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	go func() {
		buffer := make([]byte, 1500)
		for {
			n, from, err := conn.ReadFrom(buffer)
			if err != nil {
				return
			}
			var m dnsmessage.Message
			if m.Unpack(buffer[:n]) != nil {
				continue
			}
			m.Response = true
			forged := m
			forged.ID++
			forged.RCode = dnsmessage.RCodeRefused
			for _, reply := range [][]byte{{1, 2, 3}, pack(&forged)} {
				conn.WriteTo(reply, from)
			}
			answer(&m)
			conn.WriteTo(pack(&m), from)
		}
	}()
	return conn.LocalAddr().String()
}

func pack(m *dnsmessage.Message) []byte {
	b, err := m.Pack()
	if err != nil {
		panic(err)
	}
	return b
}

func TestNameServerKnowsTheRecord(t *testing.T) {
	address := server(t, func(m *dnsmessage.Message) {
		if q := m.Questions[0]; q.Type == dnsmessage.TypeA && q.Name.String() == "www.example.org." {
			m.Answers = []dnsmessage.Resource{{
				Header: dnsmessage.ResourceHeader{Name: q.Name, Class: dnsmessage.ClassINET},
				Body:   &dnsmessage.AResource{A: [4]byte{192, 0, 2, 5}},
			}}
		}
	})
	good(t, Probe{Kind: DNS, Target: address, Name: "www.example.org"})
	good(t, Probe{Kind: DNS, Target: address, Name: "www.example.org.", Type: "A"})
	bad(t, Probe{Kind: DNS, Target: address, Name: "www.example.org", Type: "MX"}, "ask "+address+" for www.example.org: the server knows no such record")
}

func TestNameServerSaysNo(t *testing.T) {
	address := server(t, func(m *dnsmessage.Message) { m.RCode = dnsmessage.RCodeNameError })
	bad(t, Probe{Kind: DNS, Target: address, Name: "no.example.org"}, "ask "+address+" for no.example.org: the server says NXDOMAIN")
	address = server(t, func(m *dnsmessage.Message) { m.RCode = 9 })
	bad(t, Probe{Kind: DNS, Target: address, Name: "no.example.org"}, "ask "+address+" for no.example.org: the server says code 9")
}

// A server may refuse without saying again what it was asked. That is an answer
// if it says no, and else it is none.
func TestNameServerSaysNoInShort(t *testing.T) {
	address := server(t, func(m *dnsmessage.Message) { m.RCode, m.Questions = dnsmessage.RCodeRefused, nil })
	bad(t, Probe{Kind: DNS, Target: address, Name: "no.example.org"}, "ask "+address+" for no.example.org: the server says REFUSED")
}

func TestACutAnswerWillDo(t *testing.T) {
	address := server(t, func(m *dnsmessage.Message) { m.Truncated = true })
	good(t, Probe{Kind: DNS, Target: address, Name: "big.example.org", Type: "TXT"})
}

func TestNobodyServesNames(t *testing.T) {
	address := closed(t)
	bad(t, Probe{Kind: DNS, Target: address, Name: "www.example.org"}, "ask "+address+" for www.example.org: connection refused")
}
