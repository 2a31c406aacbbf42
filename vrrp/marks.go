package vrrp

import "net/netip"

// multicastMarks is how many senders of a group are remembered at once (H-29).
const multicastMarks = 4

// A mark is the last sequence that a sender proved.
type mark struct {
	src  netip.Addr
	seq  Sequence
	set  bool
	used uint64
}

// marks are those of one virtual router: one for each peer of a unicast
// router, or those of the senders heard last.
type marks struct {
	list  []mark
	peers bool
	turn  uint64 // grows with each use, to find the least recent
}

// keep makes room for the peers, and remembers what is known of them.
func (m *marks) keep(peers []Peer) {
	was := m.list
	if m.peers != (len(peers) > 0) {
		was = nil
	}
	m.peers = len(peers) > 0
	if !m.peers {
		m.list = make([]mark, multicastMarks)
		copy(m.list, was)
		return
	}
	m.list = make([]mark, len(peers))
	for i, peer := range peers {
		m.list[i].src = peer.Addr
		for _, old := range was {
			if old.src == peer.Addr {
				m.list[i] = old
			}
		}
	}
}

// of returns the mark of a sender whose HMAC was right, replay or not. In a
// group a new sender takes the place of the least recent one; among peers a
// stranger has none.
func (m *marks) of(src netip.Addr) *mark {
	m.turn++
	oldest := &m.list[0]
	for i := range m.list {
		k := &m.list[i]
		if k.src == src {
			k.used = m.turn
			return k
		}
		if k.used < oldest.used {
			oldest = k
		}
	}
	if m.peers {
		return nil
	}
	*oldest = mark{src: src, used: m.turn}
	return oldest
}

// forget drops a mark that lies further from now than the window, on either
// side: whatever it would hold off is stale already, and a sender whose clock
// was once far ahead must be heard again (H-28).
func (k *mark) forget(now Sequence, window int64) {
	if lag := k.seq.lag(now); lag > window || -lag > window {
		k.set = false
	}
}

// advance moves the mark to seq, and reports false for a replay (H-27).
func (k *mark) advance(seq Sequence) bool {
	if k.set && !seq.after(k.seq) {
		return false
	}
	k.seq, k.set = seq, true
	return true
}
