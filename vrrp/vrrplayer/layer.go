// Package vrrplayer makes adverts a layer of gopacket: for frames, for captures,
// and to be checked against the work of others.
//
// It is apart from package vrrp because gopacket's layers fill eight megabytes
// of tables as soon as they are linked, which a daemon has no use for.
package vrrplayer

import (
	"net/netip"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"

	"regent/vrrp"
)

// Type is the type of Layer. gopacket's own layers.LayerTypeVRRP, which is
// version 2 alone, stays as it is.
var Type = gopacket.RegisterLayerType(1112, gopacket.LayerTypeMetadata{Name: "VRRP"})

// Where gopacket's IP layers want to go on with its own type, Layer stands in.
var canDecode = gopacket.NewLayerClass([]gopacket.LayerType{Type, layers.LayerTypeVRRP})

// A Layer is one packet of VRRP.
//
// Within a gopacket.DecodingLayerParser it decodes what follows the IP layers
// that New was given. Out of a whole gopacket.Packet, Find takes it.
type Layer struct {
	vrrp.Advert
	Envelope vrrp.Envelope
	Fault    vrrp.Fault // what Decode found; the advert then holds what could be read

	contents []byte
	ip4      *layers.IPv4
	ip6      *layers.IPv6
}

// New makes a layer for a parser that has these layers too; a checksum
// covers parts of them. One may be nil.
func New(ip4 *layers.IPv4, ip6 *layers.IPv6) *Layer { return &Layer{ip4: ip4, ip6: ip6} }

// Find takes the advert out of a packet whose IP layers were decoded, and
// is nil if there is none. A fragment is a layer with the fault BadHeader.
func Find(p gopacket.Packet) *Layer {
	switch ip := p.NetworkLayer().(type) {
	case *layers.IPv4:
		if ip.Protocol != vrrp.Protocol {
			return nil
		}
		l := &Layer{ip4: ip}
		if ip.Flags&layers.IPv4MoreFragments != 0 || ip.FragOffset != 0 { // W-12
			l.Envelope, l.Fault, l.contents = l.envelope(ip.Payload), vrrp.BadHeader, ip.Payload
			return l
		}
		_ = l.DecodeFromBytes(ip.Payload, gopacket.NilDecodeFeedback) // Fault says it
		return l
	case *layers.IPv6:
		if ip.NextHeader != vrrp.Protocol {
			return nil
		}
		l := &Layer{ip6: ip}
		_ = l.DecodeFromBytes(ip.Payload, gopacket.NilDecodeFeedback)
		return l
	}
	return nil
}

// DecodeFromBytes implements gopacket.DecodingLayer. The error is the Fault.
func (l *Layer) DecodeFromBytes(data []byte, _ gopacket.DecodeFeedback) error {
	l.contents = data
	l.Envelope = l.envelope(data)
	l.Fault = l.Advert.Decode(data, l.Envelope)
	return l.Fault.Err()
}

// envelope reads the IP layer that has data as its payload: of two that a
// parser decodes into, the other holds an earlier packet.
func (l *Layer) envelope(data []byte) (e vrrp.Envelope) {
	switch {
	case l.ip4 != nil && same(l.ip4.Payload, data):
		e.Src, _ = netip.AddrFromSlice(l.ip4.SrcIP)
		e.Dst, _ = netip.AddrFromSlice(l.ip4.DstIP)
		e.TTL = l.ip4.TTL
	case l.ip6 != nil && same(l.ip6.Payload, data):
		e.Src, _ = netip.AddrFromSlice(l.ip6.SrcIP)
		e.Dst, _ = netip.AddrFromSlice(l.ip6.DstIP)
		e.TTL = l.ip6.HopLimit
	}
	return e
}

func same(a, b []byte) bool {
	return len(a) == len(b) && (len(a) == 0 || &a[0] == &b[0])
}

// SerializeTo implements gopacket.SerializableLayer: it writes the advert for
// its Envelope.
func (l *Layer) SerializeTo(b gopacket.SerializeBuffer, _ gopacket.SerializeOptions) error {
	n := vrrp.Size(l.Version, l.Envelope.Src.Is6(), min(len(l.Addresses), vrrp.MaxAddresses))
	room, err := b.PrependBytes(n)
	if err != nil {
		return err
	}
	l.Append(room[:0], l.Envelope)
	return nil
}

// LayerType implements gopacket.Layer.
func (*Layer) LayerType() gopacket.LayerType { return Type }

// LayerContents returns the whole advert, its trailer included.
func (l *Layer) LayerContents() []byte { return l.contents }

// LayerPayload returns nothing: nothing follows.
func (*Layer) LayerPayload() []byte { return nil }

// CanDecode implements gopacket.DecodingLayer.
func (*Layer) CanDecode() gopacket.LayerClass { return canDecode }

// NextLayerType implements gopacket.DecodingLayer.
func (*Layer) NextLayerType() gopacket.LayerType { return gopacket.LayerTypeZero }
