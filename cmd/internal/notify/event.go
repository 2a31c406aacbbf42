package notify

import (
	"fmt"
	"slices"
	"strconv"

	"regent/cfgparse"
	"regent/health"
)

// A Kind is what something happened to.
type Kind string

const (
	Instance Kind = "INSTANCE"
	Group    Kind = "GROUP"
)

// A State is what a router or group has become, or what else has happened to it.
type State string

const (
	Master  State = "MASTER"
	Backup  State = "BACKUP"
	Fault   State = "FAULT"
	Stop    State = "STOP"    // the daemon ends
	Deleted State = "DELETED" // it is not in the new configuration

	// These are no transitions: notify does not run.
	MasterRxLowerPri State = "MASTER_RX_LOWER_PRI" // a master has heard a lesser one
	MasterPriority   State = "MASTER_PRIORITY"     // a master's priority has changed
	BackupPriority   State = "BACKUP_PRIORITY"     // that of any other
)

// An Event is something that happened to a router or a group. Priority changes
// are events only where notify_priority_changes asks for them.
type Event struct {
	Kind     Kind
	Name     string
	State    State
	Priority int // the effective one; 0 for a group

	// Notify is who is told beside the FIFOs; nil: nobody. It must not change.
	Notify *cfgparse.Notify

	Reason string // why, for people; empty: nobody knows
	Known  bool   // told before: for the readers of FIFOs that begin anew (fifo_write_vrrp_states_on_reload)
}

// line is what a FIFO is told. Names stand as they are: keepalived does not
// escape quotes in them either.
func (e *Event) line() string {
	return fmt.Sprintf("%s \"%s\" %s %d\n", e.Kind, e.Name, e.State, e.Priority)
}

// arguments are what notify gets after its own.
func (e *Event) arguments() []string {
	return []string{string(e.Kind), e.Name, string(e.State), strconv.Itoa(e.Priority)}
}

// A script is a command to run for an event.
type script struct {
	keyword string
	check   health.Check
}

// scripts are what an event runs, in order.
func (e *Event) scripts(g *cfgparse.Global) (all []script) {
	if e.Notify == nil {
		return nil
	}
	add := func(keyword string, c *cfgparse.Command, more ...string) {
		if c != nil {
			check := c.Check(g)
			check.Command = slices.Concat(check.Command, more)
			all = append(all, script{keyword, check})
		}
	}
	switch n := e.Notify; e.State {
	case Master:
		add("notify_master", n.Master)
	case Backup:
		add("notify_backup", n.Backup)
	case Fault:
		add("notify_fault", n.Fault)
	case Stop:
		add("notify_stop", n.Stop)
	case Deleted:
		add("notify_deleted", n.Deleted)
	case MasterRxLowerPri:
		add("notify_master_rx_lower_pri", n.LowerPriority)
		return all
	default:
		return nil
	}
	add("notify", e.Notify.Any, e.arguments()...)
	return all
}
