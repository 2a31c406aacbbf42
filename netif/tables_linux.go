package netif

import (
	"errors"

	"golang.org/x/sys/unix"
)

const (
	eventsOfTables = 7 // NFNLGRP_NFTABLES
	deletedTable   = unix.NFNL_SUBSYS_NFTABLES<<8 | unix.NFT_MSG_DELTABLE
	sizeofNfgenmsg = 4 // in front of the attributes; the first byte is the family
)

// watch makes the table again whenever somebody has removed it, until its feed
// of events is closed.
func (r *ruleset) watch() {
	for {
		b, err := r.events.next(true)
		switch {
		case errors.Is(err, unix.ENOBUFS) || err == nil && r.deletedBy(b):
			r.restore()
		case err != nil:
			if !r.over.Load() {
				r.log.Error("a table of the firewall is not watched", "table", r.table.Name, "error", err)
			}
			return
		}
	}
}

// unwatch ends the watch, if there is one, and waits for its end.
func (r *ruleset) unwatch() (err error) {
	r.over.Store(true)
	if r.events != nil {
		err = r.events.close()
	}
	r.watching.Wait()
	return err
}

// deletedBy reports whether events speak of the end of the table. So do some of
// regent's own: a table that is made anew is deleted first.
func (r *ruleset) deletedBy(events []byte) bool {
	for h, data := range messages(events) {
		if h.Type != deletedTable || len(data) < sizeofNfgenmsg || data[0] != byte(r.table.Family) {
			continue
		}
		for kind, name := range attributes(data[sizeofNfgenmsg:]) {
			if kind == unix.NFTA_TABLE_NAME && unix.ByteSliceToString(name) == r.table.Name {
				return true
			}
		}
	}
	return false
}

// restore makes the table again if it is not there.
func (r *ruleset) restore() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, err := r.conn.ListTableOfFamily(r.table.Name, r.table.Family); err == nil {
		return
	}
	if err := r.build(r.held); err != nil {
		r.log.Error("somebody removed a table of the firewall, which cannot be made again", "table", r.table.Name, "error", err)
		return
	}
	r.log.Warn("somebody removed a table of the firewall; it is made again", "table", r.table.Name, "elements", len(r.held))
}
