package fsm_test

import (
	"net/netip"
	"testing"
	"time"

	"regent/fsm"
)

// M-63, M-64: every reason has a sentence, an identity of RFC 8347 and, if it
// makes masters, a new-master-reason.
func TestCause(t *testing.T) {
	c := fsm.Cause{
		Peer: netip.MustParseAddr("192.0.2.2"), PeerPriority: 150, Priority: 100,
		Silence: 3_609_375_000 * time.Nanosecond,
	}
	for _, e := range []struct {
		reason          fsm.Reason
		sentence, event string
		newMaster       fsm.NewMasterReason
	}{
		{fsm.NoReason, "no reason yet", "none", fsm.NotMaster},
		{fsm.Startup, "started", "startup", fsm.NotMaster},
		{fsm.OwnerStartup, "started as the owner of the addresses", "owner-preempt", fsm.ByPriority},
		{fsm.MasterTimeout, "no advert from 192.0.2.2 (priority 150) for 3.609s", "master-timeout", fsm.NoResponse},
		{fsm.MasterResigned, "192.0.2.2 resigned", "master-timeout", fsm.ByPriority},
		{fsm.LesserMaster, "192.0.2.2 has the lower priority 150 (ours is 100)", "lower-priority-master", fsm.Preempted},
		{fsm.HoldEnded, "192.0.2.2 has the lower priority 150 (ours is 100) and the preempt delay is over", "preempt-hold-timeout", fsm.Preempted},
		{fsm.HigherPriority, "192.0.2.2 has the higher priority 150 (ours is 100)", "higher-priority-backup", fsm.NotMaster},
		{fsm.HigherAddress, "192.0.2.2 has the same priority 150 and a higher address", "higher-priority-backup", fsm.NotMaster},
		{fsm.Faulted, "not fit to take part", "shutdown", fsm.NotMaster},
		{fsm.Recovered, "fit to take part again", "startup", fsm.NotMaster},
		{fsm.Shutdown, "stopped", "shutdown", fsm.NotMaster},
	} {
		c.Reason = e.reason
		if c.String() != e.sentence || c.Event() != e.event || c.NewMaster() != e.newMaster {
			t.Errorf("reason %d: %q, %s, %v; want %q, %s, %v",
				e.reason, c, c.Event(), c.NewMaster(), e.sentence, e.event, e.newMaster)
		}
		follower := c
		follower.Reason, follower.Because, follower.Member = fsm.GroupFollowed, e.reason, 1
		if want := "the sync group follows one of its members: " + e.sentence; follower.String() != want || follower.Event() != e.event {
			t.Errorf("followed: %q, %s; want %q, %s", follower, follower.Event(), want, e.event)
		}
	}
	c = fsm.Cause{Reason: fsm.LesserMaster, Peer: c.Peer, PeerPriority: 100, Priority: 100}
	if want := "192.0.2.2 has the same priority 100 and a lower address"; c.String() != want {
		t.Errorf("%q, want %q", c, want)
	}
	c = fsm.Cause{Reason: fsm.MasterTimeout, Silence: 36 * time.Millisecond}
	if want := "no advert from anybody for 36ms"; c.String() != want {
		t.Errorf("%q, want %q", c, want)
	}
	for want, r := range map[string]fsm.NewMasterReason{
		"not-master": fsm.NotMaster, "priority": fsm.ByPriority, "preempted": fsm.Preempted, "no-response": fsm.NoResponse,
	} {
		if r.String() != want {
			t.Errorf("new-master-reason %d is %q, want %q", r, r, want)
		}
	}
}
