package main

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"time"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
	"github.com/google/gopacket/pcapgo"

	"regent/vrrp"
	"regent/vrrp/vrrplayer"
)

// A capture yields the packets of a pcap or pcapng stream.
type capture struct {
	source gopacket.PacketDataSource
	link   layers.LinkType // of all packets; pcapng says it of each
	mixed  bool
}

// A packet is one of a capture, and the advert inside.
type packet struct {
	time   time.Time
	advert *vrrplayer.Layer // nil: the packet is none
	cut    int              // bytes that the capture left out
	src    net.HardwareAddr // nil: the capture does not say
	vlan   string           // tags from the outside in: "100" or "100.7"
}

// maxSnap is the longest packet that tcpdump captures. A broken file that claims
// more does not get the memory for it.
const maxSnap = 256 << 10

// openCapture finds out what kind of stream it is by its first bytes.
func openCapture(r io.Reader) (*capture, error) {
	in := bufio.NewReader(r)
	if magic, _ := in.Peek(2); bytes.Equal(magic, []byte{0x1f, 0x8b}) {
		unzip, err := gzip.NewReader(in)
		if err != nil {
			return nil, err
		}
		in = bufio.NewReader(unzip)
	}
	magic, err := in.Peek(4)
	if err != nil {
		return nil, errors.New("not a capture: too short")
	}
	if bytes.Equal(magic, []byte{0x0a, 0x0d, 0x0d, 0x0a}) {
		ng, err := pcapgo.NewNgReader(in, pcapgo.NgReaderOptions{WantMixedLinkType: true})
		if err != nil {
			return nil, fmt.Errorf("not a pcapng capture: %w", err)
		}
		return &capture{source: ng, mixed: true}, nil
	}
	old, err := pcapgo.NewReader(in)
	if err != nil {
		return nil, fmt.Errorf("not a capture: %w", err)
	}
	if snap := old.Snaplen(); snap == 0 || snap > maxSnap { // which some writers mean as "all"
		old.SetSnaplen(maxSnap)
	}
	return &capture{source: old, link: old.LinkType()}, nil
}

// next returns the next packet, and io.EOF after the last.
func (c *capture) next() (p packet, err error) {
	// The readers trust the lengths that a broken file claims.
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("broken capture: %v", r)
		}
	}()
	data, info, err := c.source.ReadPacketData()
	if err != nil {
		return packet{}, err
	}
	link := c.link
	if c.mixed {
		link = info.AncillaryData[0].(layers.LinkType)
	}
	p = open(data, link)
	p.time = info.Timestamp
	p.cut = info.Length - info.CaptureLength
	return p, nil
}

// linuxSLL2 is what tcpdump writes for the link "any". Its number is 276, of
// which gopacket keeps eight bits; no kind of link has the number 20 itself.
const linuxSLL2 layers.LinkType = 276 & 0xff

// open takes the advert out of a packet, and what the link says of it.
func open(data []byte, link layers.LinkType) (p packet) {
	var first gopacket.Decoder = link
	switch link {
	case layers.LinkTypeIPv4:
		first = layers.LayerTypeIPv4
	case layers.LinkTypeIPv6:
		first = layers.LayerTypeIPv6
	case linuxSLL2:
		first, p.src, data = openSLL2(data)
	}
	decoded := gopacket.NewPacket(data, first, gopacket.DecodeOptions{Lazy: true, NoCopy: true})
	p.advert = vrrplayer.Find(decoded)
	for _, l := range decoded.Layers() {
		switch l := l.(type) {
		case *layers.Ethernet:
			p.src = l.SrcMAC
		case *layers.LinuxSLL:
			p.src = l.Addr
		case *layers.Dot1Q:
			if p.vlan != "" {
				p.vlan += "."
			}
			p.vlan += strconv.Itoa(int(l.VLANIdentifier))
		}
	}
	return p
}

// openSLL2 takes off the 20 bytes of Linux cooked capture, version 2, which
// gopacket does not know.
func openSLL2(data []byte) (next gopacket.Decoder, src net.HardwareAddr, payload []byte) {
	if len(data) < 20 {
		return gopacket.DecodePayload, nil, data
	}
	if n := data[11]; n <= 8 {
		src = data[12 : 12+n]
	}
	return layers.EthernetType(binary.BigEndian.Uint16(data)), src, data[20:]
}

func (p packet) v6() bool { return p.advert.Envelope.Src.Is6() }

func (p packet) from() string { return p.advert.Envelope.Src.String() }

// to is where the advert goes; the usual group needs no address.
func (p packet) to() string {
	if dst := p.advert.Envelope.Dst; dst != vrrp.Group4 && dst != vrrp.Group6 {
		return dst.String()
	}
	return "group"
}

// mac is the sender's MAC address, or whose virtual router's it is.
func (p packet) mac() string {
	if len(p.src) == 0 {
		return "-"
	}
	v6, vrid, ok := vrrp.IsVirtualMAC(p.src)
	if said, _ := vrrp.VRID(p.advert.LayerContents()); ok && v6 == p.v6() && vrid == said {
		return "virtual"
	}
	return p.src.String()
}
