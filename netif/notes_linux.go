package netif

// notes tell a journal of requests: before they are made what may come of them,
// and afterwards what has.
type notes struct {
	journal *journal
	deeds   []note // none if no journal is kept
	fresh   map[string]bool
}

// A note is one request's: what it does, or undoes; empty: nothing that would be
// undone after a kill.
type note struct {
	deed    string
	undoes  bool
	refusal error
}

// expect notes what n requests are about to do.
func (j *journal) expect(n int, of func(i int) (deed string, undoes bool)) *notes {
	if !j.kept() {
		return &notes{}
	}
	ns := &notes{journal: j, deeds: make([]note, n)}
	var coming []string
	for i := range ns.deeds {
		deed, undoes := of(i)
		ns.deeds[i] = note{deed: deed, undoes: undoes}
		if deed != "" && !undoes {
			coming = append(coming, deed)
		}
	}
	ns.fresh = j.begin(coming)
	return ns
}

// refused notes that the kernel has refused a request.
func (ns *notes) refused(i int, err error) {
	if i < len(ns.deeds) {
		ns.deeds[i].refusal = err
	}
}

// settle notes what has become of all requests, which the kernel has worked on in
// their order. Of what was there before, others are the makers.
func (ns *notes) settle() {
	gone := map[string]bool{}
	for _, n := range ns.deeds {
		switch {
		case n.deed == "":
		case n.undoes && (n.refusal == nil || isGone(n.refusal)):
			gone[n.deed] = true
		case n.undoes:
		case n.refusal == nil:
			delete(gone, n.deed)
		case ns.fresh[n.deed]:
			gone[n.deed] = true
		}
	}
	if len(gone) > 0 {
		ended := make([]string, 0, len(gone))
		for d := range gone {
			ended = append(ended, d)
		}
		ns.journal.end(ended...)
	}
}
