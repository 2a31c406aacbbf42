package vrrp

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
)

// The vectors are frames with what they mean and what becomes of them.
type vectors struct {
	Receiver struct {
		Interface struct {
			IPv4 netip.Addr `json:"ipv4_primary"`
			IPv6 netip.Addr `json:"ipv6_link_local"`
		}
		Routers []vectorRouter `json:"virtual_routers"`
	}
	Vectors []vector
	HMAC    []struct {
		Name      string
		Key       hexBytes   `json:"key_hex"`
		Source    netip.Addr `json:"ip_src"`
		PDU       hexBytes   `json:"pdu_hex"`
		Trailer   hexBytes   `json:"trailer_hex"`
		HMACInput hexBytes   `json:"hmac_input_hex"`
	} `json:"hmac_known_answers"`
}

type vectorRouter struct {
	VRID, Version, Priority uint8
	Family                  string
	IntervalMS              int `json:"interval_ms"`
	Auth, Password          string
	Addresses               []netip.Addr
	HMAC                    *struct {
		Keys   map[uint8]hexBytes
		Active uint8 `json:"active_key"`
	} `json:"auth_hmac"`
}

type vector struct {
	Frame   int
	Name    string
	Bytes   hexBytes `json:"frame_hex"`
	Decoded struct {
		VRRP *struct {
			Version, Type, VRID, Priority, Count uint8
			Checksum                             hexNumber
			Length                               int
			Reserved                             uint8
			Centiseconds                         int `json:"max_adver_int_cs"`
			Seconds                              int `json:"adver_int_s"`
			Addresses                            []netip.Addr
			AuthType                             uint8    `json:"auth_type"`
			AuthData                             hexBytes `json:"auth_data"`
		}
		Trailer *struct {
			Type     uint8 `json:"ext_type"`
			Key      uint8 `json:"key_id"`
			Reserved uint16
			Seconds  uint32
			Fraction uint16 `json:"subsec"`
			Counter  uint16
			HMAC     hexBytes
		}
		Forms struct {
			MessageOnly hexNumber `json:"message_only"`
			Pseudo      hexNumber `json:"pseudo_header"`
		} `json:"checksum_forms"`
	}
	Expect struct{ Verdict, Rule, Counter, Warning string }
}

type hexBytes []byte

func (h *hexBytes) UnmarshalText(text []byte) (err error) {
	*h, err = hex.DecodeString(string(text))
	return err
}

type hexNumber uint16

func (h *hexNumber) UnmarshalText(text []byte) error {
	var b hexBytes
	if err := b.UnmarshalText(bytes.TrimPrefix(text, []byte("0x"))); err != nil {
		return err
	}
	*h = hexNumber(b[0])<<8 | hexNumber(b[1])
	return nil
}

// readVectors reads the vectors, which stand beside the repository. Where they
// are not, the tests that want them are skipped, but never in CI.
func readVectors(t testing.TB) (v vectors) {
	t.Helper()
	dir := os.Getenv("REGENT_SHARED")
	if dir == "" {
		dir = filepath.Join("..", "..", "shared")
	}
	text, err := os.ReadFile(filepath.Join(dir, "packets", "vrrp-vectors.json"))
	switch {
	case os.IsNotExist(err) && os.Getenv("CI") != "true":
		t.Skipf("no vectors (set REGENT_SHARED): %v", err)
	case err != nil:
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &v); err != nil {
		t.Fatal(err)
	}
	return v
}

// open takes an advert out of its frame, and nothing if there is none inside.
func (v vector) open() (payload []byte, e Envelope, ok bool) {
	packet := gopacket.NewPacket(v.Bytes, layers.LayerTypeEthernet, gopacket.Default)
	switch ip := packet.NetworkLayer().(type) {
	case *layers.IPv4:
		src, _ := netip.AddrFromSlice(ip.SrcIP)
		dst, _ := netip.AddrFromSlice(ip.DstIP)
		return ip.Payload, Envelope{src, dst, ip.TTL}, ip.Protocol == Protocol
	case *layers.IPv6:
		src, _ := netip.AddrFromSlice(ip.SrcIP)
		dst, _ := netip.AddrFromSlice(ip.DstIP)
		return ip.Payload, Envelope{src, dst, ip.HopLimit}, ip.NextHeader == Protocol
	}
	return nil, Envelope{}, false
}

// profile makes the router that a packet names, nil if there is none.
func (v vectors) profile(b []byte, e Envelope) *Profile {
	vrid, _ := VRID(b)
	for _, r := range v.Receiver.Routers {
		if r.VRID == vrid && (r.Family == "ipv6") == e.Src.Is6() {
			return r.profile(v.Receiver.Interface.IPv4, v.Receiver.Interface.IPv6)
		}
	}
	return nil
}

func (r vectorRouter) profile(primary4, primary6 netip.Addr) *Profile {
	p := &Profile{
		Version: r.Version, Owner: r.Priority == Owner,
		Interval:  time.Duration(r.IntervalMS) * time.Millisecond,
		Addresses: r.Addresses,
		Primary:   primary4, Group: Group4,
		Auth: &Auth{Password: Secret(r.Password)},
	}
	if r.Family == "ipv6" {
		p.Primary, p.Group = primary6, Group6
	}
	if r.HMAC != nil {
		p.Auth.Replay = ByMonotonic
		p.Auth.ActiveKey = r.HMAC.Active
		for id, secret := range r.HMAC.Keys {
			p.Auth.Keys = append(p.Auth.Keys, Key{id, Secret(secret)})
		}
		p.Proof = NewProof(p.Auth, p.Interval, nil)
	}
	return p
}

// W-60: the decoder yields the fields of every frame.
func TestVectorsDecode(t *testing.T) {
	for _, v := range readVectors(t).Vectors {
		t.Run(v.Name, func(t *testing.T) {
			b, e, ok := v.open()
			want := v.Decoded.VRRP
			if !ok {
				if want != nil {
					t.Fatal("no advert found in the frame")
				}
				return
			}
			var a Advert
			f := a.Decode(b, e)
			if want == nil {
				if f != TooShort {
					t.Fatalf("got fault %v, want %v", f, TooShort)
				}
				return
			}
			h, _ := ParseHeader(b)
			interval := time.Duration(want.Centiseconds) * 10 * time.Millisecond
			if want.Version == V2 {
				interval = time.Duration(want.Seconds) * time.Second
			}
			if got := (Header{want.Version, want.Type, want.VRID, want.Priority, want.Count,
				want.AuthType, want.Reserved, interval, uint16(want.Checksum)}); h != got {
				t.Errorf("header: got %+v, want %+v", h, got)
			}
			if a.Version != want.Version || a.VRID != want.VRID || a.Priority != want.Priority ||
				a.Interval != interval || a.AuthType != want.AuthType || len(b) != want.Length {
				t.Errorf("got %+v in %d bytes, want %+v", a, len(b), want)
			}
			if len(a.Addresses) != len(want.Addresses) {
				t.Fatalf("got addresses %v, want %v", a.Addresses, want.Addresses)
			}
			for i, addr := range want.Addresses {
				if a.Addresses[i] != addr {
					t.Errorf("address %d: got %v, want %v", i, a.Addresses[i], addr)
				}
			}
			if want.AuthData != nil && !bytes.Equal(a.AuthData[:], want.AuthData) {
				t.Errorf("auth data: got %x, want %x", a.AuthData, want.AuthData)
			}
			if tr := v.Decoded.Trailer; tr != nil {
				seq := Sequence(tr.Seconds)<<32 | Sequence(tr.Fraction)<<16 | Sequence(tr.Counter)
				got, ok := ParseTrailer(b)
				if want := (Trailer{tr.Type, tr.Key, tr.Reserved, seq, [16]byte(tr.HMAC)}); !ok || got != want {
					t.Errorf("trailer: got %+v, want %+v", got, want)
				}
			}
		})
	}
}

// W-60: the receiver gives each frame its verdict, by the rule and the counter
// that are expected, and moves that counter by exactly one (M-60). P-11 and P-12
// are among them.
func TestVectorsCheck(t *testing.T) {
	all := readVectors(t)
	for _, v := range all.Vectors {
		b, e, ok := v.open()
		if !ok {
			continue // a frame to send, which is not VRRP
		}
		t.Run(v.Name, func(t *testing.T) {
			var a Advert
			var c Counters
			w, f := all.profile(b, e).Check(b, e, time.Unix(1761607680, 0), &a)
			if f != Accepted {
				c.Drop(f)
			} else {
				c.Accept(&a, e, w)
				c[ChecksumRxPseudo], c[ChecksumRxMessageOnly] = 0, 0
			}
			switch v.Expect.Verdict {
			case "accept":
				if f != Accepted {
					t.Fatalf("dropped by %s: %v", f.Rule(), f)
				}
				if warned := v.Expect.Warning != ""; warned != (w != 0) {
					t.Errorf("warnings %q, want %q", w, v.Expect.Warning)
				}
			case "drop":
				if f.Rule() != v.Expect.Rule {
					t.Errorf("dropped by %q (%v), want %s", f.Rule(), f, v.Expect.Rule)
				}
			default:
				t.Fatalf("verdict %q", v.Expect.Verdict)
			}
			for i, n := range c {
				want := uint64(0)
				if name := Counter(i).String(); name != "" && name == v.Expect.Counter {
					want = 1
				}
				if n != want {
					t.Errorf("counter %v moved by %d, want %d", Counter(i), n, want)
				}
			}
		})
	}
}

// W-61: the encoder reproduces P-1 to P-10 byte for byte, behind the IP header
// that the kernel writes.
func TestVectorsEncode(t *testing.T) {
	all := readVectors(t)
	for _, frame := range []int{1, 2, 3, 4, 5, 7, 8, 9, 19, 20} {
		v := all.Vectors[frame-1]
		t.Run(v.Name, func(t *testing.T) {
			if v.Frame != frame {
				t.Fatalf("frame %d stands where %d should", v.Frame, frame)
			}
			want, e, _ := v.open()
			var a Advert
			if f := a.Decode(want, e); f != Accepted {
				t.Fatal(f)
			}
			b := a.Append(nil, e)
			if v.Decoded.Trailer != nil {
				p := all.profile(want, e).Proof
				// The sequence of the frames bears a counter of 7: the clock
				// stands since the advert before.
				p.last, p.sent = 0x6900000040000006, true
				b = p.Seal(b, e, time.Unix(0x69000000, 0))
			}
			if !bytes.Equal(b, want) {
				t.Errorf("got  %x\nwant %x", b, want)
			}
		})
	}
}
