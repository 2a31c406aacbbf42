package bfd

import (
	"bytes"
	"encoding/hex"
	"errors"
	"testing"
	"time"
)

// up is a packet as a router sends it: version 1, state Up, Poll, multiplier 3,
// 50 ms both ways.
const up = "20e00318000000070000002a0000c3500000c35000000000"

func octets(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestPacket(t *testing.T) {
	want := Packet{State: Up, Poll: true, Multiplier: 3, Mine: 7, Yours: 42, MinTx: 50 * time.Millisecond, MinRx: 50 * time.Millisecond}
	got, err := Parse(octets(t, up))
	if err != nil || got != want {
		t.Errorf("got %+v, %v", got, err)
	}
	if b := want.Append(nil); !bytes.Equal(b, octets(t, up)) {
		t.Errorf("appended %x", b)
	}
}

// RFC 5880 §6.8.6 lists what is to be discarded.
func TestParseRefuses(t *testing.T) {
	change := func(i int, to byte) []byte {
		b := octets(t, up)
		b[i] = to
		return b
	}
	for _, c := range []struct {
		name   string
		packet []byte
		want   error
	}{
		{"nothing", nil, ErrShort},
		{"a byte missing", octets(t, up)[:23], ErrShort},
		{"version 0", change(0, 0x00), ErrVersion},
		{"version 2", change(0, 0x40), ErrVersion},
		{"a short length", change(3, 23), ErrLength},
		{"a length beyond the end", change(3, 25), ErrLength},
		{"multiplier 0", change(2, 0), ErrMultiplier},
		{"multipoint", change(1, 0xe1), ErrMultipoint},
		{"authenticated", change(1, 0xe4), ErrAuth},
		{"no discriminator", change(7, 0), ErrDiscriminator},
		{"Up, but it does not know us", change(11, 0), ErrDiscriminator},
	} {
		if _, err := Parse(c.packet); !errors.Is(err, c.want) {
			t.Errorf("%s: got %v, want %v", c.name, err, c.want)
		}
	}
	if _, err := Parse(append(octets(t, up), 0)); err != nil {
		t.Errorf("what follows the packet does not matter: %v", err)
	}
}

// Whatever comes in, what Parse takes can be said again.
func FuzzParse(f *testing.F) {
	b, _ := hex.DecodeString(up)
	f.Add(b)
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := Parse(b)
		if err != nil {
			return
		}
		if again, err := Parse(p.Append(nil)); err != nil || again != p {
			t.Errorf("%x: %+v became %+v, %v", b, p, again, err)
		}
	})
}
