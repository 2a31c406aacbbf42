package bfd

import (
	"net/netip"
	"testing"
)

// RFC 5880 §6.8.6 and RFC 5881 §5: a packet reaches the session that it names,
// or the one with its sender, and only if it comes from near enough.
func TestPacketsReachTheirSession(t *testing.T) {
	addr := netip.MustParseAddr
	const near, far = 1, 2
	sp := Speaker{talks: map[uint32]*talk{}}
	enter := func(id uint32, set Settings) {
		sp.talks[id] = &talk{set: set, door: doorOf(set), heard: make(chan Packet, 1)}
	}
	enter(near, Settings{Neighbor: addr("192.0.2.2"), Source: addr("192.0.2.1"), TTL: 255})
	enter(far, Settings{Neighbor: addr("198.51.100.2"), TTL: 255, MaxHops: 3, Multihop: true})
	single, multi := door{port: 3784}, door{port: 4784}
	for _, c := range []struct {
		name     string
		at       door
		from, to string
		ttl      int
		yours    uint32
		want     uint32
	}{
		{"the first packet", single, "192.0.2.2", "192.0.2.1", 255, 0, near},
		{"a later one", single, "192.0.2.2", "192.0.2.1", 255, near, near},
		{"a stranger's", single, "192.0.2.3", "192.0.2.1", 255, 0, 0},
		{"a stranger's that knows the number", single, "192.0.2.3", "192.0.2.1", 255, near, 0},
		{"a number that is not there", single, "192.0.2.2", "192.0.2.1", 255, 9, 0},
		{"to another address", single, "192.0.2.2", "192.0.2.9", 255, 0, 0},
		{"from behind a router", single, "192.0.2.2", "192.0.2.1", 254, near, 0},
		{"by the wrong port", multi, "192.0.2.2", "192.0.2.1", 255, near, 0},
		{"over three hops", multi, "198.51.100.2", "192.0.2.1", 252, 0, far},
		{"over four hops", multi, "198.51.100.2", "192.0.2.1", 251, far, 0},
	} {
		sp.deliver(c.at, letter{from: addr(c.from), to: addr(c.to), ttl: c.ttl, Packet: Packet{Yours: c.yours, Mine: 5, State: Down}})
		for id, talk := range sp.talks {
			if heard := len(talk.heard) == 1; heard != (id == c.want) {
				t.Errorf("%s: session %d heard it: %t", c.name, id, heard)
			}
			select {
			case <-talk.heard:
			default:
			}
		}
	}
	far4, anyone := sp.talks[far], letter{from: addr("198.51.100.2"), ttl: 1}
	far4.set.MaxHops = AnyHops
	if !far4.isFor(multi, anyone) {
		t.Error("any number of hops is not any")
	}
	for range 2 { // nobody reads: the second one is lost, and nobody waits
		sp.deliver(single, letter{from: addr("192.0.2.2"), to: addr("192.0.2.1"), ttl: 255, Packet: Packet{Mine: 5}})
	}
}
